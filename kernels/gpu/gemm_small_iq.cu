// gemm_small.cuh for the IQ types.
#include "gemm_small.cuh"

// budget gemm_small_*_[124]: 128 registers
// budget gemm_small_*_8: 255 registers

GEMM_SMALL_FEW(16, iq2_xxs)
GEMM_SMALL_FEW(17, iq2_xs)
GEMM_SMALL_FEW(18, iq3_xxs)
GEMM_SMALL_FEW(19, iq1_s)
GEMM_SMALL(20, iq4_nl)
GEMM_SMALL_FEW(21, iq3_s)
GEMM_SMALL(23, iq4_xs)
GEMM_SMALL_FEW(29, iq1_m)
