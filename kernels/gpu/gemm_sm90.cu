// gemm_sm90_<type>_<height>: floats and the types of blocks of 32. See gemm_sm90.cuh.
//
// budget gemm_sm90_*: 168 registers
#include "gemm_sm90.cuh"

#ifdef ORT_WGMMA
GEMM_TYPES_32(GEMM_SM90)
#endif
