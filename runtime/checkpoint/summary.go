package checkpoint

import (
	"cmp"
	"slices"

	"orchrt/kernels"
	"orchrt/sampler"
)

// Summary is what a file holds, for people and as JSON.
type Summary struct {
	Path         string   `json:"path"`
	Files        []string `json:"files"` // the shards, or the one file
	Bytes        int64    `json:"bytes"` // of all files
	Format       string   `json:"format"`
	Version      int      `json:"version"`
	Architecture string   `json:"architecture"`
	Name         string   `json:"name,omitempty"`

	Layers     int    `json:"layers"`
	Hidden     int    `json:"hidden"`
	FFN        int    `json:"ffn"`
	Heads      int    `json:"heads"`
	KVHeads    int    `json:"kv_heads"`
	HeadDim    int    `json:"head_dim"`
	Context    int    `json:"context"`
	Parameters int64  `json:"parameters"`
	Tied       bool   `json:"tied_head"`
	KVBytes    int64  `json:"kv_bytes_per_token"` // at 16 bits
	RopeBase   string `json:"rope_base"`
	Rope       string `json:"rope_scaling"`

	WeightBytes   int64       `json:"weight_bytes"`
	BitsPerWeight float64     `json:"bits_per_weight"`
	Types         []TypeCount `json:"types"` // the largest first

	Tokenizer    TokenizerSummary `json:"tokenizer"`
	ChatTemplate int              `json:"chat_template_bytes"`
	Sampling     sampler.Settings `json:"sampling"` // the file's own defaults
}

// TypeCount is how much of a model is stored in one format.
type TypeCount struct {
	Type       string `json:"type"`
	Tensors    int    `json:"tensors"`
	Parameters int64  `json:"parameters"`
	Bytes      int64  `json:"bytes"`
}

// TokenizerSummary describes the vocabulary.
type TokenizerSummary struct {
	Pre    string  `json:"pre"`
	Tokens int     `json:"tokens"`
	Unused int     `json:"unused"` // rows of the embedding without a token
	Merges int     `json:"merges"`
	EOS    []int32 `json:"eos"`
	BOS    int32   `json:"bos"` // -1: none
	AddBOS bool    `json:"add_bos"`
}

// TensorInfo is one tensor, for listings.
type TensorInfo struct {
	Name  string `json:"name"`
	Type  string `json:"type"`
	Shape []int  `json:"shape"` // slowest first
	Bytes int64  `json:"bytes"`
}

// Tensors lists the tensors in file order.
func (ck *Checkpoint) Tensors() []TensorInfo {
	list := make([]TensorInfo, 0, len(ck.order))
	for _, name := range ck.order {
		t := ck.tensors[name]
		list = append(list, TensorInfo{Name: name, Type: t.kind.String(), Shape: slices.Clone(t.shape), Bytes: t.bytes})
	}
	return list
}

// Summary describes the checkpoint.
func (ck *Checkpoint) Summary() Summary {
	c := &ck.Config
	s := Summary{
		Path: ck.path, Files: ck.file.Shards(), Bytes: ck.file.Size(),
		Format: "GGUF", Version: int(ck.file.Version()), Architecture: architecture, Name: ck.Name,
		Layers: c.Layers, Hidden: c.Hidden, FFN: c.FFN,
		Heads: c.Heads, KVHeads: c.KVHeads, HeadDim: c.HeadDim,
		Context: c.Context, Parameters: c.Parameters(), Tied: c.Tied,
		KVBytes:  2 * 2 * int64(c.Layers) * int64(c.KVHeads) * int64(c.HeadDim),
		RopeBase: trim(float64(c.RopeBase)), Rope: c.RopeScaling.String(),
		WeightBytes: ck.WeightBytes(), Types: ck.types(),
		Tokenizer: TokenizerSummary{
			Pre: ck.Vocab.Pre, Tokens: len(ck.Vocab.Tokens) - len(ck.Suppress), Unused: len(ck.Suppress),
			Merges: len(ck.Vocab.Merges), EOS: ck.EOS, BOS: ck.Vocab.BOS, AddBOS: ck.Vocab.AddBOS,
		},
		ChatTemplate: len(ck.ChatTemplate), Sampling: ck.Sampling,
	}
	s.BitsPerWeight = 8 * float64(s.WeightBytes) / float64(s.Parameters)
	return s
}

// types adds the tensors up by format, the largest first.
func (ck *Checkpoint) types() []TypeCount {
	sums := make(map[kernels.Type]*TypeCount)
	for _, t := range ck.tensors {
		s := sums[t.kind]
		if s == nil {
			s = &TypeCount{Type: t.kind.String()}
			sums[t.kind] = s
		}
		s.Tensors++
		s.Parameters += expected{shape: t.shape}.values()
		s.Bytes += t.bytes
	}
	list := make([]TypeCount, 0, len(sums))
	for _, s := range sums {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b TypeCount) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Type, b.Type))
	})
	return list
}
