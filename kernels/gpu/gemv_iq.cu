// gemv (gemv.cu) for types with a table. IQ2_S is packed as IQ2_XS is.
//
// budget gemv_*: 128 registers
#include "gemv.cuh"

ORT_GEMV(iq2_xxs, 16)
ORT_GEMV(iq2_xs, 17)
ORT_GEMV(iq3_xxs, 18)
ORT_GEMV(iq3_s, 21)
ORT_GEMV(iq1_s, 19)
ORT_GEMV(iq1_m, 29)
ORT_GEMV(iq4_nl, 20)
ORT_GEMV(iq4_xs, 23)
