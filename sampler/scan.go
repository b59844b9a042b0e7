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

// next returns the first allowed id from i on whose logit is above floor or
// NaN, and len(v.logits) if there is none. It is the inner loop of every
// search: once floor is high nearly all blocks are passed over by quietBlocks,
// at a fraction of a cycle per logit.
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
		i = end
		if floor >= 0 {
			i += quietBlocks(v.logits[i:], floor) * blockSize
		}
	}
	return n
}

// nextMasked is next under a mask: empty words are passed over, and so are
// blocks without a high logit unless testing their few set bits is less work.
func (v view) nextMasked(i int, floor float32) int {
	const few = 6
	n := len(v.logits)
	for ; i < n; i = i&^(blockSize-1) + blockSize {
		word := v.mask[i/blockSize] >> (i % blockSize) << (i % blockSize)
		if word == 0 {
			continue
		}
		base := i &^ (blockSize - 1)
		full := floor >= 0 && base+blockSize <= n
		if full && bits.OnesCount64(word) > few && quietBlocks(v.logits[base:base+blockSize], floor) == 1 {
			continue
		}
		for ; word != 0; word &= word - 1 {
			id := base + bits.TrailingZeros64(word)
			if !(v.logits[id] <= floor) {
				return id
			}
		}
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
