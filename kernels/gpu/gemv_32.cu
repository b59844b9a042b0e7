// gemv (gemv.cu) for blocks of 32 values and for floats.
//
// budget gemv_*: 128 registers
#include "gemv.cuh"

ORT_GEMV(f32, 0)
ORT_GEMV(f16, 1)
ORT_GEMV(bf16, 30)
ORT_GEMV(q4_0, 2)
ORT_GEMV(q4_1, 3)
ORT_GEMV(q5_0, 6)
ORT_GEMV(q5_1, 7)
ORT_GEMV(q8_0, 8)
