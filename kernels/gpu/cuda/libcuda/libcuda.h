// See libcuda.c.
#pragma once

// Loads the driver, if that has not been done, and returns why there is none
// that works, or the empty string.
const char *ort_cuda_status(void);
