// gemm_small.cuh for the floats and the simple block types.
#include "gemm_small.cuh"

// budget gemm_small_*_[124]: 128 registers
// budget gemm_small_*_8: 255 registers

GEMM_SMALL_FEW(0, f32)
GEMM_SMALL(1, f16)
GEMM_SMALL(30, bf16)
GEMM_SMALL(2, q4_0)
GEMM_SMALL_FEW(3, q4_1)
GEMM_SMALL(6, q5_0)
GEMM_SMALL_FEW(7, q5_1)
GEMM_SMALL(8, q8_0)
