package sampler

import (
	"math"
	"math/bits"
)

// negligible is the exponent below which weights count as 0: 2^18 tokens of
// weight exp(-50) change a sum of at least 1 by less than 2^-53 of it.
const negligible = -50

// weigher computes exp((logit - high) / temperature), where high is the
// highest logit. exp(y) is 2^(v/128) for v = y·128/ln 2; the whole part of v
// picks a step and an exponent, the rest goes through a polynomial. The
// relative error is below 5e-12. No operation may be fused, so that every
// platform gets the same bits; hence the float64 conversions.
type weigher struct {
	scale  float64 // 128 / (ln 2 · temperature)
	offset float64 // high · scale
}

// newWeigher takes temperatures above 0; those below 1e-30, which tell apart
// no two logits that 1e-30 does not, act as 1e-30 so that nothing overflows.
func newWeigher(high float32, temperature float64) weigher {
	scale := 128 / math.Ln2 / max(temperature, 1e-30)
	return weigher{scale, float64(high) * scale}
}

// weight returns the weight of a logit that is not above high and not NaN.
func (w weigher) weight(logit float32) float64 {
	one := [1]float32{logit}
	return w.sum(one[:])
}

// sum adds the weights of x.
func (w weigher) sum(x []float32) float64 {
	const (
		step  = math.Ln2 / 128
		low   = negligible / step
		whole = 0x1.8p52 // adding it rounds to whole numbers, in the low bits
	)
	sum := 0.0
	for _, l := range x {
		v := float64(float64(l)*w.scale) - w.offset
		if !(v > low) {
			continue
		}
		t := v + whole
		r := v - (t - whole)
		k := math.Float64bits(t)
		power := math.Float64frombits(math.Float64bits(exp2Steps[k%128]) + k>>7<<52)
		rest := float64(r * (step + float64(r*(step*step/2+float64(r*(step*step*step/6))))))
		sum += power + float64(power*rest)
	}
	return sum
}

// sumMasked adds the weights of the values whose bit is set in word.
func (w weigher) sumMasked(x []float32, word uint64) float64 {
	sum := 0.0
	for ; word != 0; word &= word - 1 {
		sum += w.weight(x[bits.TrailingZeros64(word)])
	}
	return sum
}

// sums adds the weights of the allowed tokens, one sum per block of 64, and
// returns the total, which is at least 1.
func (v view) sums(dst []float64, w weigher) float64 {
	total := 0.0
	for b := range dst {
		block := v.block(b)
		if v.mask == nil || v.mask[b] == math.MaxUint64 {
			dst[b] = w.sum(block)
		} else {
			dst[b] = w.sumMasked(block, v.mask[b])
		}
		total += dst[b]
	}
	return total
}

// drawSums returns the token at u in [0, 1) of the distribution that sums
// added up, laid out in order of id.
func (v view) drawSums(sums []float64, u, total float64, w weigher) int32 {
	left, at := u*total, 0
	for b, s := range sums {
		if s == 0 {
			continue
		}
		at = b
		if left < s {
			break
		}
		left -= s
	}
	id := 0
	for i, l := range v.block(at) {
		if v.mask != nil && v.mask[at]>>i&1 == 0 {
			continue
		}
		weight := w.weight(l)
		if weight == 0 {
			continue
		}
		id = at*blockSize + i
		if left -= weight; left < 0 {
			break
		}
	}
	return int32(id)
}
