package sampler

import (
	"math"
	"math/bits"
)

// blockSize is the number of logits tested at once, one word of a mask.
const blockSize = 64

// view is the logits of one position and which of them may be drawn.
type view struct {
	logits []float32 // [vocab]
	mask   []uint64  // [ceil(vocab/64)] bit set, bits beyond vocab clear; nil allows all
}

// block returns the logits that word b of a mask stands for.
func (v view) block(b int) []float32 {
	i := b * blockSize
	return v.logits[i:min(i+blockSize, len(v.logits))]
}

// next returns the first allowed id from i on whose logit is above floor or
// NaN, and len(v.logits) if there is none. It is the inner loop of every
// search: once floor is high nearly all blocks are passed over by quietBlocks,
// at half a cycle per logit.
func (v view) next(i int, floor float32) int {
	if v.mask != nil {
		return v.nextMasked(i, floor)
	}
	n := len(v.logits)
	for i < n {
		end := min(i|(blockSize-1)+1, n)
		for j, x := range v.logits[i:end] {
			if !(x <= floor) {
				return i + j
			}
		}
		i = end + quietBlocks(v.logits[end:], floor)*blockSize
	}
	return n
}

// nextMasked is next under a mask. Empty words are passed over, words with few
// bits are taken bit by bit, and others only if their block is not quiet.
func (v view) nextMasked(i int, floor float32) int {
	const few, ahead = 6, 8 * blockSize
	n := len(v.logits)
	for i < n {
		base := i &^ (blockSize - 1)
		word := v.mask[base/blockSize] >> (i - base) << (i - base)
		if word != 0 && i == base && bits.OnesCount64(word) > few {
			if quiet := quietBlocks(v.logits[i:min(i+ahead, n)], floor); quiet > 0 {
				i += quiet * blockSize
				continue
			}
		}
		for ; word != 0; word &= word - 1 {
			id := base + bits.TrailingZeros64(word)
			if !(v.logits[id] <= floor) {
				return id
			}
		}
		i = base + blockSize
	}
	return n
}

// best returns the allowed token with the highest logit, the lowest id among
// equals. It fails on NaN and +Inf and if no allowed logit is above -Inf.
func (v view) best() (int32, error) {
	id, high := -1, float32(math.Inf(-1))
	for i := v.next(0, high); i < len(v.logits); i = v.next(i+1, high) {
		x := v.logits[i]
		if !finite(x) {
			return 0, &LogitError{int32(i), x}
		}
		id, high = i, x
	}
	if id < 0 {
		return 0, v.none()
	}
	return int32(id), nil
}

// none is the error for a position where no token can be drawn.
func (v view) none() error {
	if v.mask == nil {
		return ErrNoCandidate
	}
	for _, word := range v.mask {
		if word != 0 {
			return ErrNoCandidate
		}
	}
	return ErrEmptyMask
}

// top collects into c the k allowed tokens with the highest logits, the lowest
// ids among equals, in order of id. k must be positive.
func (v view) top(c *candidates, k int) error {
	c.reset()
	limit := k + max(k, 32)
	floor := float32(math.Inf(-1))
	for i := v.next(0, floor); i < len(v.logits); i = v.next(i+1, floor) {
		x := v.logits[i]
		if !finite(x) {
			return &LogitError{int32(i), x}
		}
		c.add(int32(i), x)
		if len(c.list) == limit {
			floor = c.keepTop(k)
		}
	}
	if len(c.list) == 0 {
		return v.none()
	}
	c.keepTop(k)
	return nil
}

// above collects into c the allowed tokens with a logit above floor, in order
// of id. The logits have been searched for NaN before.
func (v view) above(c *candidates, floor float32) {
	c.reset()
	for i := v.next(0, floor); i < len(v.logits); i = v.next(i+1, floor) {
		c.add(int32(i), v.logits[i])
	}
}

// finite reports that x is neither NaN nor infinite.
func finite(x float32) bool { return x-x == 0 }
