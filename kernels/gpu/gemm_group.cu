// gemm_<type>: types of groups. See gemm_mma.cuh.
//
// budget gemm_*: 255 registers
#include "gemm_mma.cuh"

GEMM_TYPES_GROUP(GEMM)
