package sampler

import (
	"math"
	"unsafe"
)

// quietBlocks returns how many whole blocks at the start of x hold no value
// above floor, which must not be negative.
//
// Two float32 are tested in one 64-bit word: a value's magnitude bits, taken
// as an integer, grow with the magnitude, so adding 0x7fffffff - bits(floor)
// carries into the sign bit exactly if the magnitude is above floor's. NaN has
// the greatest magnitudes of all. A block with a large negative value is not
// called quiet although it is; the caller then looks at each value.
//
// Preconditions: floor ≥ 0.
// Postconditions: reads only x[:n*blockSize] for n = len(x)/blockSize.
func quietBlocks(x []float32, floor float32) int {
	const (
		magnitudes = 0x7fffffff7fffffff
		signs      = 0x8000000080000000
	)
	lane := uint64(0x7fffffff - math.Float32bits(floor)&0x7fffffff)
	add := lane<<32 | lane
	n := len(x) / blockSize
	if n == 0 {
		return 0
	}
	blocks := unsafe.Slice((*[blockSize / 2]uint64)(unsafe.Pointer(unsafe.SliceData(x))), n)
	for i := range blocks {
		b := &blocks[i]
		var loud uint64
		for j := 0; j < len(b); j += 8 {
			loud |= b[j]&magnitudes + add
			loud |= b[j+1]&magnitudes + add
			loud |= b[j+2]&magnitudes + add
			loud |= b[j+3]&magnitudes + add
			loud |= b[j+4]&magnitudes + add
			loud |= b[j+5]&magnitudes + add
			loud |= b[j+6]&magnitudes + add
			loud |= b[j+7]&magnitudes + add
		}
		if loud&signs != 0 {
			return i
		}
	}
	return n
}
