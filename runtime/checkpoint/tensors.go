package checkpoint

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"orchrt/gguf"
	"orchrt/kernels"
)

// tensor is one weight as it lies in a file.
type tensor struct {
	kind    kernels.Type
	shape   []int // slowest first
	bytes   int64
	scale   float32 // of all values, beside those that the blocks have
	data    io.ReaderAt
	release func()
}

// expected is a tensor that the architecture has.
type expected struct {
	name  string
	shape []int // [out, in] or [n]
}

func (e expected) values() int64 {
	n := int64(1)
	for _, d := range e.shape {
		n *= int64(d)
	}
	return n
}

// Names of the tensors outside the layers.
const (
	Embedding  = "token_embd.weight"
	OutputNorm = "output_norm.weight"
	Output     = "output.weight" // absent where Config.Tied
)

// Layer is the name of a tensor of layer i: Layer(3, "attn_q") is
// "blk.3.attn_q.weight".
func Layer(i int, part string) string { return fmt.Sprintf("blk.%d.%s.weight", i, part) }

// tensors lists what a model of this configuration consists of.
func (c *Config) tensors() []expected {
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	list := []expected{
		{Embedding, []int{c.Vocab, c.Hidden}},
		{OutputNorm, []int{c.Hidden}},
	}
	if !c.Tied {
		list = append(list, expected{Output, []int{c.Vocab, c.Hidden}})
	}
	for i := range c.Layers {
		list = append(list,
			expected{Layer(i, "attn_norm"), []int{c.Hidden}},
			expected{Layer(i, "attn_q"), []int{q, c.Hidden}},
			expected{Layer(i, "attn_k"), []int{kv, c.Hidden}},
			expected{Layer(i, "attn_v"), []int{kv, c.Hidden}},
			expected{Layer(i, "attn_q_norm"), []int{c.HeadDim}},
			expected{Layer(i, "attn_k_norm"), []int{c.HeadDim}},
			expected{Layer(i, "attn_output"), []int{c.Hidden, q}},
			expected{Layer(i, "ffn_norm"), []int{c.Hidden}},
			expected{Layer(i, "ffn_gate"), []int{c.FFN, c.Hidden}},
			expected{Layer(i, "ffn_up"), []int{c.FFN, c.Hidden}},
			expected{Layer(i, "ffn_down"), []int{c.Hidden, c.FFN}},
		)
	}
	return list
}

// checkTensors compares the tensors that are there with those of the
// architecture.
func (ck *Checkpoint) checkTensors() error {
	want := ck.Config.tensors()
	known := make(map[string]bool, len(want))
	for _, e := range want {
		known[e.name] = true
		t, ok := ck.tensors[e.name]
		if !ok {
			return badTensor(ck.path, e.name, "is missing: a qwen3 of %d layers has it; the file is incomplete", ck.Config.Layers)
		}
		if err := ck.checkTensor(e, t); err != nil {
			return err
		}
	}
	for _, name := range ck.order {
		if scaled, ok := ck.scaledBy(name); ok {
			if err := ck.readScale(name, scaled); err != nil {
				return err
			}
		} else if !known[name] {
			return badTensor(ck.path, name, "is no part of a dense qwen3 of %d layers: %s", ck.Config.Layers, stranger(name))
		}
	}
	return nil
}

// Suffixes of what llama.cpp keeps beside a matrix in NVFP4, "blk.0.attn_q" for one: the scale of all of it, and that of
// activations in 4 bits, which weights alone do not need.
const (
	weightScale = ".scale"
	inputScale  = ".input_scale"
)

// scaledBy is the matrix in NVFP4 that the tensor of that name is a scale of.
func (ck *Checkpoint) scaledBy(name string) (matrix string, ok bool) {
	base, ok := strings.CutSuffix(name, inputScale)
	if !ok {
		base, ok = strings.CutSuffix(name, weightScale)
	}
	matrix = base + ".weight"
	return matrix, ok && ck.tensors[matrix].kind == kernels.NVFP4
}

// readScale checks a tensor of one scale and, where it is the weights', notes it.
func (ck *Checkpoint) readScale(name, matrix string) error {
	t := ck.tensors[name]
	if t.kind != kernels.F32 || t.bytes != 4 {
		return badTensor(ck.path, name, "has the shape %v in %v: the scale of a matrix in NVFP4 is one F32", t.shape, gguf.Type(t.kind))
	}
	b := make([]byte, 4)
	if _, err := t.data.ReadAt(b, 0); err != nil && err != io.EOF {
		return &Error{File: ck.path, Tensor: name, Reason: "cannot be read: " + err.Error(), Err: err}
	}
	v := math.Float32frombits(binary.LittleEndian.Uint32(b))
	if !(v > 0) || math.IsInf(float64(v), 0) {
		return badTensor(ck.path, name, "is %v: a scale is a positive number; the file is damaged", v)
	}
	if strings.HasSuffix(name, weightScale) {
		scaled := ck.tensors[matrix]
		scaled.scale = v
		ck.tensors[matrix] = scaled
	}
	return nil
}

func (ck *Checkpoint) checkTensor(e expected, t tensor) error {
	if !slices.Equal(t.shape, e.shape) {
		return badTensor(ck.path, e.name, "has the shape %v (slowest first), want %v", t.shape, e.shape)
	}
	f, ok := t.kind.Format()
	if !ok {
		return badTensor(ck.path, e.name, "is stored as %v, which is not supported", gguf.Type(t.kind))
	}
	plain := t.kind == kernels.F32 || t.kind == kernels.F16 || t.kind == kernels.BF16
	if len(e.shape) == 1 && !plain {
		return badTensor(ck.path, e.name, "is stored as %v: a norm must be F32, F16 or BF16", t.kind)
	}
	if n := e.shape[len(e.shape)-1]; n%f.Values != 0 {
		return badTensor(ck.path, e.name, "has rows of %d values, which is not a multiple of %v's block of %d", n, t.kind, f.Values)
	}
	if want := e.values() / int64(f.Values) * int64(f.Bytes); t.bytes != want {
		return badTensor(ck.path, e.name, "has %d bytes, want %d for %v in %v", t.bytes, want, e.shape, t.kind)
	}
	return nil
}

// stranger says what an unexpected tensor hints at.
func stranger(name string) string {
	switch {
	case strings.HasSuffix(name, ".bias"):
		return "models with biases are not supported"
	case strings.Contains(name, "_exps"), strings.Contains(name, "ffn_gate_inp"):
		return "mixtures of experts are not supported"
	case strings.HasPrefix(name, "rope_freqs"):
		return "RoPE factors as a tensor are not supported"
	case strings.HasSuffix(name, weightScale), strings.HasSuffix(name, inputScale):
		return "separate scales are supported beside matrices in NVFP4 only"
	case strings.HasSuffix(name, ".lora_a"), strings.HasSuffix(name, ".lora_b"):
		return "adapters are not supported"
	}
	return "the file was made for another architecture, or block_count is wrong"
}
