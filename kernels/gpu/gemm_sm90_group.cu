// gemm_sm90_<type>_<height>: types of groups. See gemm_sm90.cuh.
//
// budget gemm_sm90_*: 168 registers
#include "gemm_sm90.cuh"

#ifdef ORT_WGMMA
GEMM_TYPES_GROUP(GEMM_SM90)
#endif
