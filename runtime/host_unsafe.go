package runtime

import "unsafe"

// bytesOf is the memory of f: what Device.Read writes float32 values into.
func bytesOf(f []float32) []byte {
	if len(f) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&f[0])), 4*len(f))
}
