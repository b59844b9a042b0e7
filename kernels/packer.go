package kernels

import (
	"fmt"
	"io"
)

// Packer is a Device that packs many matrices in less time than one after the other: what is read, what is on
// its way to the device and what is packed there are then different ones.
type Packer interface {
	Device
	// PackAll is Pack of each of ms. Several ReadAt of a Src may run at a time, and of several Srcs, until it returns. progress is
	// called with the bytes of blocks that were sent since the last call; an error of it ends PackAll. A
	// failure is a *PackError, and leaves nothing allocated.
	PackAll(ms []Matrix, progress func(bytes int64) error) ([]Weight, error)
}

// Matrix is [Out, In] of the block format Type, its rows one after the other in Src.
type Matrix struct {
	Type    Type
	Out, In int
	Src     io.ReaderAt
}

// PackError says which matrix of PackAll failed, or was next.
type PackError struct {
	Index int
	Err   error
}

// Error names the matrix by its number.
func (e *PackError) Error() string {
	return fmt.Sprintf("kernels: packing matrix %d: %v", e.Index, e.Err)
}

// Unwrap is the failure itself.
func (e *PackError) Unwrap() error { return e.Err }
