package sampler

import (
	"math"
	"math/bits"
)

// negligible is the exponent below which weights count as 0: 2^18 tokens of
// weight exp(-50) change a sum of at least 1 by less than 2^-53 of it.
const negligible = -50

// sums adds exp((logit - high) * scale) over the allowed tokens, one sum per
// block of 64, and returns the total. high is the highest allowed logit, so
// the total is at least 1. The relative error is below 1e-11.
func (v view) sums(dst []float64, high float32, scale float64) float64 {
	total := 0.0
	for b := range dst {
		i := b * blockSize
		block := v.logits[i:min(i+blockSize, len(v.logits))]
		if v.mask == nil || v.mask[b] == math.MaxUint64 {
			dst[b] = sumExp(block, high, scale)
		} else {
			dst[b] = sumExpMasked(block, v.mask[b], high, scale)
		}
		total += dst[b]
	}
	return total
}

func sumExp(x []float32, high float32, scale float64) float64 {
	sum := 0.0
	for _, l := range x {
		if y := float64(l-high) * scale; y > negligible {
			sum += fastExp(y)
		}
	}
	return sum
}

func sumExpMasked(x []float32, word uint64, high float32, scale float64) float64 {
	sum := 0.0
	for ; word != 0; word &= word - 1 {
		l := x[bits.TrailingZeros64(word)]
		if y := float64(l-high) * scale; y > negligible {
			sum += fastExp(y)
		}
	}
	return sum
}

// drawSums returns the token at u in [0, 1) of the distribution that sums
// added up, laid out in order of id.
func (v view) drawSums(sums []float64, u, total float64, high float32, scale float64) int32 {
	left := u * total
	b, last := 0, 0
	for i, s := range sums {
		if s == 0 {
			continue
		}
		b, last = i, i
		if left < s {
			break
		}
		left -= s
	}
	_ = last
	i := b * blockSize
	id := -1
	for j, l := range v.logits[i:min(i+blockSize, len(v.logits))] {
		y := float64(l-high) * scale
		if v.mask != nil && v.mask[b]>>j&1 == 0 || !(y > negligible) {
			continue
		}
		id = i + j
		if left -= fastExp(y); left < 0 {
			break
		}
	}
	return int32(id)
}

// fastExp returns exp(y) for -700 < y ≤ 0.
func fastExp(y float64) float64 { return math.Exp(y) }
