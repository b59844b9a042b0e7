// gemm_<type>: types with a table of levels. See gemm_mma.cuh.
//
// budget gemm_*: 255 registers
#include "gemm_mma.cuh"

GEMM_TYPES_IQ(GEMM)
