// Package tiny writes Qwen3 models of a few kilobytes with random weights, for
// the tests of package runtime and of those below it.
package tiny

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"

	"orchrt/gguf"
)

// Model is what a file holds. Start from Small and change what a test is about.
type Model struct {
	Layers, Hidden, FFN, Heads, KVHeads, HeadDim, Vocab, Context int
	Unused                                                       int // the last rows of the vocabulary, without a token
	Tied                                                         bool
	Seed                                                         uint64

	Meta    map[string]any     // laid over the metadata; a nil value removes a key
	Shapes  map[string][]int64 // dims, fastest first, other than they should be
	Kinds   map[string]gguf.Type
	Missing []string // tensors left out
	Extra   []string // tensors [hidden] f32 added
	// Fill, if set, gives a tensor's values instead of random ones.
	Fill func(name string, i int) float32
	// Half stores the matrices as F16 instead of F32.
	Half bool
}

// Small returns a model of two layers that loads and runs in microseconds.
func Small() Model {
	return Model{
		Layers: 2, Hidden: 32, FFN: 64, Heads: 4, KVHeads: 2, HeadDim: 16, Vocab: 288, Context: 512,
		Unused: 8, Seed: 1,
	}
}

// WriteFile writes the model to a file.
func (m Model) WriteFile(path string) error {
	var buf bytes.Buffer
	if err := m.Write(&buf); err != nil {
		return err
	}
	return os.WriteFile(path, buf.Bytes(), 0o600)
}

// Write writes the model as GGUF.
func (m Model) Write(out io.Writer) error {
	w := gguf.NewWriter(out)
	for _, kv := range m.metadata() {
		if v, ok := m.Meta[kv.key]; ok {
			kv.value = v
		}
		if kv.value != nil {
			w.Set(kv.key, kv.value)
		}
		delete(m.Meta, kv.key)
	}
	for key, v := range m.Meta {
		if v != nil {
			w.Set(key, v)
		}
	}
	list := m.tensors()
	for _, t := range list {
		w.Add(t.name, t.dims, t.kind)
	}
	w.WriteHeader()
	random := rand.New(rand.NewPCG(m.Seed, 7))
	for _, t := range list {
		w.WriteTensor(bytes.NewReader(m.values(t, random)))
	}
	return w.Close()
}

type pair struct {
	key   string
	value any
}

// metadata is a valid file's.
func (m Model) metadata() []pair {
	tokens, types := m.vocabulary()
	n := uint32(m.Vocab - m.Unused)
	return []pair{
		{"general.architecture", "qwen3"},
		{"general.name", "tiny"},
		{"qwen3.block_count", uint32(m.Layers)},
		{"qwen3.context_length", uint32(m.Context)},
		{"qwen3.embedding_length", uint32(m.Hidden)},
		{"qwen3.feed_forward_length", uint32(m.FFN)},
		{"qwen3.attention.head_count", uint32(m.Heads)},
		{"qwen3.attention.head_count_kv", uint32(m.KVHeads)},
		{"qwen3.attention.key_length", uint32(m.HeadDim)},
		{"qwen3.attention.value_length", uint32(m.HeadDim)},
		{"qwen3.rope.freq_base", float32(1e6)},
		{"qwen3.attention.layer_norm_rms_epsilon", float32(1e-6)},
		{"tokenizer.ggml.model", "gpt2"},
		{"tokenizer.ggml.pre", "qwen2"},
		{"tokenizer.ggml.tokens", tokens},
		{"tokenizer.ggml.token_type", types},
		{"tokenizer.ggml.merges", []string{"a b", "ab c"}},
		{"tokenizer.ggml.eos_token_id", n - 1},
		{"tokenizer.ggml.padding_token_id", n - 3},
		{"tokenizer.ggml.add_bos_token", false},
		{"tokenizer.chat_template", "{{ messages }}"},
	}
}

// vocabulary is the 256 bytes, two merged tokens, fillers, Qwen3's three
// control tokens (endoftext, im_start, im_end), and rows without a token.
func (m Model) vocabulary() (tokens []string, types []int32) {
	add := func(text string, kind int32) {
		tokens, types = append(tokens, text), append(types, kind)
	}
	for b := range 256 {
		add(string(byteRune(b)), 1)
	}
	add("ab", 1)
	add("abc", 1)
	for i := len(tokens); i < m.Vocab-m.Unused-3; i++ {
		add(fmt.Sprintf("<filler_%d>", i), 4)
	}
	for _, text := range []string{"<|endoftext|>", "<|im_start|>", "<|im_end|>"} {
		add(text, 3)
	}
	for i := range m.Unused {
		add(fmt.Sprintf("[PAD%d]", i), 5)
	}
	return tokens, types
}

// byteRune is GPT-2's printable stand-in for a byte.
func byteRune(b int) rune {
	printable := func(b int) bool { return b > ' ' && b < 0x7f || b > 0xa0 && b != 0xad }
	if printable(b) {
		return rune(b)
	}
	n := 0
	for c := range b {
		if !printable(c) {
			n++
		}
	}
	return rune(256 + n)
}

type tensor struct {
	name string
	dims []int64 // fastest first
	kind gguf.Type
}

func (m Model) tensors() []tensor {
	var list []tensor
	add := func(name string, kind gguf.Type, dims ...int64) {
		for _, missing := range m.Missing {
			if name == missing {
				return
			}
		}
		if shape, ok := m.Shapes[name]; ok {
			dims = shape
		}
		if k, ok := m.Kinds[name]; ok {
			kind = k
		}
		list = append(list, tensor{name, dims, kind})
	}
	matrix := gguf.F32
	if m.Half {
		matrix = gguf.F16
	}
	hidden, ffn, vocab := int64(m.Hidden), int64(m.FFN), int64(m.Vocab)
	head, q, kv := int64(m.HeadDim), int64(m.Heads*m.HeadDim), int64(m.KVHeads*m.HeadDim)
	if !m.Tied {
		add("output.weight", matrix, hidden, vocab)
	}
	add("output_norm.weight", gguf.F32, hidden)
	add("token_embd.weight", matrix, hidden, vocab)
	for i := range m.Layers {
		part := func(name string, kind gguf.Type, dims ...int64) {
			add(fmt.Sprintf("blk.%d.%s.weight", i, name), kind, dims...)
		}
		part("attn_norm", gguf.F32, hidden)
		part("attn_q", matrix, hidden, q)
		part("attn_k", matrix, hidden, kv)
		part("attn_v", matrix, hidden, kv)
		part("attn_q_norm", gguf.F32, head)
		part("attn_k_norm", gguf.F32, head)
		part("attn_output", matrix, q, hidden)
		part("ffn_norm", gguf.F32, hidden)
		part("ffn_gate", matrix, hidden, ffn)
		part("ffn_up", matrix, hidden, ffn)
		part("ffn_down", matrix, ffn, hidden)
	}
	for _, name := range m.Extra {
		add(name, gguf.F32, hidden)
	}
	return list
}

// values are normally distributed: norms around 1, matrices so that a product
// keeps the size of its input, the embedding wider so that tokens differ.
func (m Model) values(t tensor, random *rand.Rand) []byte {
	n := int64(1)
	for _, d := range t.dims {
		n *= d
	}
	if t.kind != gguf.F32 && t.kind != gguf.F16 {
		size, _ := gguf.SizeOf(t.kind, t.dims)
		return make([]byte, size)
	}
	var out []byte
	for i := range int(n) {
		v := float32(random.NormFloat64())
		switch {
		case m.Fill != nil:
			v = m.Fill(t.name, i)
		case len(t.dims) == 1:
			v = 1 + v/8
		case t.name != "token_embd.weight":
			v *= float32(2 / math.Sqrt(float64(t.dims[0])))
		}
		if t.kind == gguf.F16 {
			out = binary.LittleEndian.AppendUint16(out, half(v))
		} else {
			out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
		}
	}
	return out
}

// half truncates to a float16; values are of ordinary size.
func half(v float32) uint16 {
	bits := math.Float32bits(v)
	exp := int(bits>>23&0xff) - 127 + 15
	if exp <= 0 {
		return 0
	}
	return uint16(bits>>16&0x8000) | uint16(exp<<10) | uint16(bits>>13&0x3ff)
}
