package kerneltest

import (
	"math"
	"sort"
)

// fromE4M3 is the value of an 8-bit float: sign, exponent of 4 bits with bias
// 7 (0: subnormal), 3 bits of mantissa. The code of all ones is the only NaN.
func fromE4M3(b uint8) float64 {
	e, m := int(b>>3&15), float64(b&7)
	v := math.Ldexp(1+m/8, e-7)
	switch {
	case b&127 == 127:
		return math.NaN()
	case e == 0:
		v = math.Ldexp(m/8, -6)
	}
	return math.Copysign(v, 1-2*float64(b>>7))
}

// toE4M3 is the nearest E4M3 to x, of two as near the one with an even code;
// ±448 beyond that.
func toE4M3(x float64) uint8 {
	if math.IsNaN(x) {
		return 127
	}
	size := math.Abs(x)
	b := uint8(sort.Search(126, func(i int) bool { return fromE4M3(uint8(i+1)) > size })) // the last that is not above
	if below, above := size-fromE4M3(b), fromE4M3(min(b+1, 126))-size; above < below || above == below && b%2 == 1 {
		b++
	}
	b = min(b, 126)
	if math.Signbit(x) {
		b |= 128
	}
	return b
}
