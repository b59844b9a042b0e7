package sampler

import (
	"math"
	"unsafe"
)

// Two float32 are tested in one 64-bit word, on their bits. A value's magnitude
// (its bits without the sign) grows with its absolute value, and NaN has the
// greatest of all; a sum of two magnitudes carries into the sign bit and no
// further, so that one addition compares both halves of a word.
const (
	magnitudes = 0x7fffffff_7fffffff
	signs      = 0x80000000_80000000
	infinity   = 0x7f800000 // the bits of +Inf; a greater magnitude is NaN
)

// pairs is a block of logits, two to a word.
type pairs [blockSize / 2]uint64

// both repeats a half in both halves of a word.
func both(half uint32) uint64 { return uint64(half)<<32 | uint64(half) }

// quietBlocks returns how many whole blocks at the start of x are quiet: they
// hold no NaN and no value above floor. It may call a block loud that is not.
//
// Postcondition: reads x[:n*blockSize] for n = len(x)/blockSize, nothing else.
func quietBlocks(x []float32, floor float32) int {
	n := len(x) / blockSize
	if n == 0 || floor != floor {
		return 0
	}
	blocks := unsafe.Slice((*pairs)(unsafe.Pointer(unsafe.SliceData(x))), n)
	high := math.Float32bits(floor) &^ (1 << 31)
	if floor >= 0 {
		return quietFrom0(blocks, both(0x7fffffff-high))
	}
	return quietBelow0(blocks, both(0x80000000-high))
}

// quietFrom0 is quietBlocks for a floor of 0 or more: a magnitude above the
// floor's, to which add is the complement, is loud whatever its sign.
func quietFrom0(blocks []pairs, add uint64) int {
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
	return len(blocks)
}

// quietBelow0 is quietBlocks for a negative floor: a value is quiet if it is
// negative, its magnitude plus add carries, being the floor's or more, and it
// is not NaN.
func quietBelow0(blocks []pairs, add uint64) int {
	const nan = 0x7fffffff - infinity
	for i := range blocks {
		b := &blocks[i]
		quiet, loud := uint64(signs), uint64(0)
		for j := 0; j < len(b); j += 4 {
			m0, m1, m2, m3 := b[j]&magnitudes, b[j+1]&magnitudes, b[j+2]&magnitudes, b[j+3]&magnitudes
			quiet &= (m0 + add) & b[j] & (m1 + add) & b[j+1] & (m2 + add) & b[j+2] & (m3 + add) & b[j+3]
			loud |= (m0 + both(nan)) | (m1 + both(nan)) | (m2 + both(nan)) | (m3 + both(nan))
		}
		if quiet != signs || loud&signs != 0 {
			return i
		}
	}
	return len(blocks)
}
