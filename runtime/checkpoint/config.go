package checkpoint

import (
	"fmt"
	"math"
)

// Bounds of a configuration. They leave room around every published size and
// keep all products of two of them inside an int64.
const (
	maxLayers  = 1024
	maxWidth   = 1 << 20 // hidden, heads*headDim
	maxFFN     = 1 << 22
	maxHeads   = 4096
	maxHeadDim = 256
	maxVocab   = 1 << 24
	maxContext = 1 << 24

	widthStep = 32 // devices lay rows of weights out in blocks of this many
	headStep  = 16 // and heads
)

// Config is the geometry of a dense Qwen3 decoder.
type Config struct {
	Layers  int
	Hidden  int
	FFN     int // width of the feed-forward part
	Heads   int // query heads
	KVHeads int // divides Heads
	HeadDim int // a multiple of 16; Heads*HeadDim need not be Hidden
	Vocab   int // rows of the embedding
	Context int // positions that the model was made for

	Eps         float32 // of every RMS norm
	RopeBase    float32
	RopeScaling RopeScaling

	Tied bool // the embedding is the output matrix too
}

// fault is a value out of range: the key's last part and the reason.
type fault struct{ field, reason string }

// check returns the first value out of range.
func (c *Config) check() *fault {
	for _, v := range []struct {
		field  string
		value  int
		lo, hi int
	}{
		{"block_count", c.Layers, 1, maxLayers},
		{"embedding_length", c.Hidden, 1, maxWidth},
		{"feed_forward_length", c.FFN, 1, maxFFN},
		{"attention.head_count", c.Heads, 1, maxHeads},
		{"attention.head_count_kv", c.KVHeads, 1, maxHeads},
		{"attention.key_length", c.HeadDim, 2, maxHeadDim},
		{"attention.head_count", c.Heads * c.HeadDim, 1, maxWidth},
		{"context_length", c.Context, 1, maxContext},
	} {
		if v.value < v.lo || v.value > v.hi {
			return &fault{v.field, fmt.Sprintf("%d is out of range: from %d to %d is possible", v.value, v.lo, v.hi)}
		}
	}
	for _, v := range []struct {
		field string
		width int
	}{
		{"embedding_length", c.Hidden},
		{"feed_forward_length", c.FFN},
		{"attention.key_length", c.Heads * c.HeadDim},
	} {
		if v.width%widthStep != 0 {
			return &fault{v.field, fmt.Sprintf("rows of %d weights cannot be laid out: want a multiple of %d", v.width, widthStep)}
		}
	}
	if c.Heads%c.KVHeads != 0 {
		return &fault{"attention.head_count_kv", fmt.Sprintf("%d does not divide the %d query heads", c.KVHeads, c.Heads)}
	}
	if c.HeadDim%headStep != 0 {
		return &fault{"attention.key_length", fmt.Sprintf("a head of %d values is not supported: want a multiple of %d", c.HeadDim, headStep)}
	}
	if !(c.Eps >= 0 && c.Eps <= 1) {
		return &fault{"attention.layer_norm_rms_epsilon", fmt.Sprintf("%v is out of range: from 0 to 1 is possible", c.Eps)}
	}
	if b := float64(c.RopeBase); !(b > 1) || math.IsInf(b, 0) {
		return &fault{"rope.freq_base", fmt.Sprintf("%v is out of range: want a finite number above 1", c.RopeBase)}
	}
	return c.RopeScaling.check()
}

// Parameters is the number of weights, a tied output matrix counted once.
func (c *Config) Parameters() int64 {
	var n int64
	for _, t := range c.tensors() {
		n += t.values()
	}
	return n
}
