// gemm_sm90_<type>_<height>: K-quants. See gemm_sm90.cuh.
//
// budget gemm_sm90_*: 168 registers
#include "gemm_sm90.cuh"

#ifdef ORT_WGMMA
GEMM_TYPES_K(GEMM_SM90)
#endif
