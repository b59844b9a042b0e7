// gemm_<type>: floats and the types of blocks of 32. See gemm_mma.cuh.
//
// budget gemm_*: 255 registers
#include "gemm_mma.cuh"

GEMM_TYPES_32(GEMM)
