// gemm_small.cuh for the K types.
#include "gemm_small.cuh"

// budget gemm_small_*_[124]: 128 registers
// budget gemm_small_*_8: 255 registers

GEMM_SMALL_FEW(10, q2_k)
GEMM_SMALL(11, q3_k)
GEMM_SMALL(12, q4_k)
GEMM_SMALL(13, q5_k)
GEMM_SMALL(14, q6_k)
