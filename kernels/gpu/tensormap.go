package gpu

import (
	"fmt"
	"math"
)

// TensorMap describes a matrix to kernels of compute capability 9.0 that copy boxes out of it (tensor_load in ptx.cuh). Only the
// Driver that made it knows what its 128 bytes mean. It lies in a kernel's arguments at a multiple of 64 bytes. From
// there no fence is needed before its use, which one in global memory wants (PTX ISA, fence.proxy.tensormap), and a recorded
// launch holds its own copy.
type TensorMap [16]uint64

// TensorCols are the columns of a box: 128 bytes of 16-bit values, within which the copy swizzles.
const TensorCols = 64

// TensorMatrix is a row-major matrix of 16-bit values in a device's memory, without gaps, of which a copy brings boxes of
// [BoxRows][TensorCols].
type TensorMatrix struct {
	Addr       uint64
	Rows, Cols int64
	BoxRows    int
}

// Check says what of a matrix a tensor map cannot describe (driver API, cuTensorMapEncodeTiled; a box's place is in int32).
func (m TensorMatrix) Check() error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("gpu: no tensor map of [%d, %d] at %#x in boxes of %d rows: %s", m.Rows, m.Cols, m.Addr, m.BoxRows, fmt.Sprintf(format, args...))
	}
	switch {
	case m.Addr == 0 || m.Addr%16 != 0:
		return wrong("the address must be a multiple of 16")
	case m.Rows < 1 || m.Rows > math.MaxInt32:
		return wrong("rows must be 1 to %d", math.MaxInt32)
	case m.Cols < 1 || m.Cols > math.MaxInt32 || m.Cols%TensorCols != 0:
		return wrong("columns must be a multiple of %d", TensorCols)
	case m.BoxRows < 1 || m.BoxRows > 256:
		return wrong("a box must have 1 to 256 rows")
	}
	return nil
}
