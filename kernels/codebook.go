package kernels

import "math/bits"

// The levels that the points of the codebooks index.
var (
	iq2Levels    = [4]int8{8, 25, 43} // code 3 does not occur
	iq1Levels    = [4]int8{-1, 0, 1}  // code 3 does not occur
	iq3xxsLevels = [8]int8{4, 12, 20, 28, 36, 44, 52, 62}
	iq3sLevels   = [8]int8{1, 3, 5, 7, 9, 11, 13, 15}
	iq4Levels    = [16]int8{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113}
	e2m1Levels   = [16]int8{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12} // twice E2M1's values
)

// Codebook returns a new copy of the codebook of t, one of the IQ formats:
// points [len(points)/dim, dim], point after point, whose first value is that
// of the lowest column. A device hands these bytes to its own code; read as
// little-endian integers, a point is one uint64 (dim 8) or uint32 (dim 4).
//
//	IQ2_XXS  256 points of 8    IQ3_XXS  256 points of 4
//	IQ2_XS   512 points of 8    IQ3_S    512 points of 4
//	IQ2_S   1024 points of 8    IQ1_S, IQ1_M  2048 points of 8 (-1, 0, 1)
//	IQ4_NL, IQ4_XS  16 points of 1
//
// The values of IQ2 and IQ3 are positive: magnitudes, to which the block adds
// signs (see Signs). Formats without a codebook return nil, 0.
func Codebook(t Type) (points []int8, dim int) {
	switch t {
	case IQ2XXS:
		return expand(iq2xxsPoints[:], iq2Levels[:], 8, 2), 8
	case IQ2XS:
		return expand(iq2xsPoints[:], iq2Levels[:], 8, 2), 8
	case IQ2S:
		return expand(iq2sPoints[:], iq2Levels[:], 8, 2), 8
	case IQ3XXS:
		return expand(iq3xxsPoints[:], iq3xxsLevels[:], 4, 3), 4
	case IQ3S:
		return expand(iq3sPoints[:], iq3sLevels[:], 4, 3), 4
	case IQ1S, IQ1M:
		return expand(iq1sPoints[:], iq1Levels[:], 8, 2), 8
	case IQ4NL, IQ4XS:
		return append([]int8(nil), iq4Levels[:]...), 1
	}
	return nil, 0
}

// expand writes out points of dim values, each value a level index of width bits.
func expand(points []uint16, levels []int8, dim, width int) []int8 {
	out := make([]int8, 0, len(points)*dim)
	for _, p := range points {
		for range dim {
			out = append(out, levels[p&(1<<width-1)])
			p >>= width
		}
	}
	return out
}

// Signs returns the sign masks that the 7-bit indices of IQ2_XXS, IQ2_XS and
// IQ3_XXS stand for: bit j set where value j is negative. The number of
// negative values is always even, which fixes bit 7.
func Signs() [128]uint8 {
	var s [128]uint8
	for i := range s {
		s[i] = signMask(uint32(i))
	}
	return s
}

// signMask is entry i of Signs.
func signMask(i uint32) uint8 {
	return uint8(i&127 | uint32(bits.OnesCount32(i&127))&1<<7)
}
