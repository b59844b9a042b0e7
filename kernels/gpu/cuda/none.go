//go:build !cuda

package cuda

import "orchrt/kernels/gpu"

// Built says whether this program was built with CUDA.
const Built = false

// Devices describes the GPUs of this machine; the error says why there are none.
func Devices() ([]gpu.Info, error) { return nil, ErrNotBuilt }

// Open returns a driver of the GPU of the number given.
func Open(int) (gpu.Driver, error) { return nil, ErrNotBuilt }

// Usable says why the kernels do not run on a GPU.
func Usable(gpu.Info) error { return ErrNotBuilt }
