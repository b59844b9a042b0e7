// gemv (gemv.cu) for the types of groups: bits of a weight, packed; slots for 1024 weights at 1, 2 and 3 rows, as there; and the slots
// that 4.3 TB/s leave:
//
//   Int4 4.625   65  93 122   of 123
//   Int8 8.75    58  85 114   of 233
//   NVFP4 4.5   115 145 173   of 120
//
// so that NVFP4 is bound by the issue of its table's look-ups from two rows on, at 1.2 and 1.4 times the bytes' time. The layers of
// Qwen3-8B in Int4 are 4.0 GB: 0.93 ms a token at 4.3 TB/s. Not measured.
//
// budget gemv_*: 128 registers
#include "gemv.cuh"

ORT_GEMV(nvfp4, 40)
ORT_GEMV(int4, 200)
ORT_GEMV(int8, 201)
