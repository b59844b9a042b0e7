// gemm_small.cuh for the types of groups. Zero points are taken off codes before the scale: exact, as in Q4_0.
#include "gemm_small.cuh"

// budget gemm_small_*_[124]: 128 registers
// budget gemm_small_*_8: 255 registers

GEMM_SMALL(40, nvfp4)
GEMM_SMALL(200, int4)
GEMM_SMALL_FEW(201, int8)
