// gemv (gemv.cu) for the types of groups. Issue slots for 1024 weights as counted for the other types, by analogy: Int4 those of
// Q4_0 and 3 more a row for the zero points; Int8 those of Q8_0 and 3; NVFP4 those of the tables and 2 for its scales.
// Bits of a weight, packed: Int4 4.625, Int8 8.75, NVFP4 4.5. Qwen3-8B in Int4 is 4.3 GB a token without embeddings and head:
// 1.01 ms at 4.3 TB/s. Not measured.
//
// budget gemv_*: 128 registers
#include "gemv.cuh"

ORT_GEMV(nvfp4, 40)
ORT_GEMV(int4, 200)
ORT_GEMV(int8, 201)
