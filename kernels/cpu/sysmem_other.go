//go:build !linux

package cpu

// systemMemory returns 0, 0: the size of the memory is not known here.
func systemMemory() (free, total int64) { return 0, 0 }
