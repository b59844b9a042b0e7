// Package cuda is the gpu.Driver of NVIDIA GPUs, with the kernels embedded that
// nvcc compiled ahead of time.
//
// It is built with the tag cuda, by make, which finds a CUDA toolkit of version
// 12 or 13 or installs one (toolkit.sh). Without the tag the package is there but
// holds no driver: Built is false and Devices returns none.
//
// gorgonia.org/cu binds devices, contexts, memory, streams, events and modules;
// shim.c what it lacks, and the calls of every step. include/cuda.h lets cu
// compile with CUDA 13. In the place of libcuda.so the program is linked with libcuda/, which loads
// the driver when it is first used, so that the program starts and runs on the
// CPU where there is no driver.
package cuda

import "errors"

// ErrNotBuilt is what Open returns in a program that was built without CUDA.
var ErrNotBuilt = errors.New("this program was built without CUDA: make cuda builds it with")
