package synth

import (
	"fmt"
	"slices"
	"strings"

	"orchrt/kernels"
)

// Shape is the geometry of a dense Qwen3.
type Shape struct {
	Name    string // preset, such as "qwen3-8b"
	Title   string // general.name, such as "Qwen3 8B"
	Size    string // general.size_label, such as "8B"
	Layers  int
	Hidden  int
	FFN     int
	Heads   int
	KVHeads int
	HeadDim int
	Vocab   int // rows of the embedding, at least the tokens of the vocabulary
	Context int // positions
	Tied    bool
}

// presets are the published sizes of the family and one small body under the
// full vocabulary. The sizes are those of the models' config.json.
func presets() []Shape {
	return []Shape{
		shape("tiny", "Tiny synthetic Qwen3", "40M", 4, 256, 768, 4, 2, true),
		shape("qwen3-0.6b", "Qwen3 0.6B", "0.6B", 28, 1024, 3072, 16, 8, true),
		shape("qwen3-1.7b", "Qwen3 1.7B", "1.7B", 28, 2048, 6144, 16, 8, true),
		shape("qwen3-4b", "Qwen3 4B", "4B", 36, 2560, 9728, 32, 8, true),
		shape("qwen3-8b", "Qwen3 8B", "8B", 36, 4096, 12288, 32, 8, false),
		shape("qwen3-14b", "Qwen3 14B", "14B", 40, 5120, 17408, 40, 8, false),
		shape("qwen3-32b", "Qwen3 32B", "32B", 64, 5120, 25600, 64, 8, false),
	}
}

func shape(name, title, size string, layers, hidden, ffn, heads, kvHeads int, tied bool) Shape {
	return Shape{
		Name: name, Title: title, Size: size,
		Layers: layers, Hidden: hidden, FFN: ffn, Heads: heads, KVHeads: kvHeads,
		HeadDim: 128, Vocab: 151936, Context: 40960, Tied: tied,
	}
}

// Presets returns the names that Preset takes.
func Presets() []string {
	var names []string
	for _, s := range presets() {
		names = append(names, s.Name)
	}
	return names
}

// Preset returns the shape of that name.
func Preset(name string) (Shape, error) {
	all := presets()
	i := slices.IndexFunc(all, func(s Shape) bool { return s.Name == name })
	if i < 0 {
		return Shape{}, fmt.Errorf("preset %q is unknown; there are %s", name, strings.Join(Presets(), ", "))
	}
	return all[i], nil
}

// role is what a tensor does in the model; the mix of types depends on it.
type role int

const (
	roleNorm  role = iota
	roleScale      // of a whole matrix in NVFP4
	roleEmbed
	roleHead
	roleQ
	roleK
	roleV
	roleO
	roleGateUp
	roleDown
)

// tensor is one tensor of the file.
type tensor struct {
	name  string
	role  role
	layer int // of those with a layer
	in    int // values of a row
	out   int // rows; 1 for a vector
	typ   kernels.Type
}

// dims are the dimensions as GGUF lists them, fastest first.
func (t tensor) dims() []int64 {
	if t.role == roleNorm || t.role == roleScale {
		return []int64{int64(t.in)}
	}
	return []int64{int64(t.in), int64(t.out)}
}

// bytes is the size of the tensor's data.
func (t tensor) bytes() int64 { return int64(t.out) * t.typ.RowBytes(t.in) }

// tensors lists the tensors of a shape in the order of the file, typed by m.
func tensors(s Shape, m mix) []tensor {
	ts := []tensor{{name: "token_embd.weight", role: roleEmbed, in: s.Hidden, out: s.Vocab}}
	q, kv := s.Heads*s.HeadDim, s.KVHeads*s.HeadDim
	for l := range s.Layers {
		add := func(name string, r role, in, out int) {
			ts = append(ts, tensor{name: fmt.Sprintf("blk.%d.%s.weight", l, name), role: r, layer: l, in: in, out: out})
		}
		add("attn_norm", roleNorm, s.Hidden, 1)
		add("attn_q", roleQ, s.Hidden, q)
		add("attn_q_norm", roleNorm, s.HeadDim, 1)
		add("attn_k", roleK, s.Hidden, kv)
		add("attn_k_norm", roleNorm, s.HeadDim, 1)
		add("attn_v", roleV, s.Hidden, kv)
		add("attn_output", roleO, q, s.Hidden)
		add("ffn_norm", roleNorm, s.Hidden, 1)
		add("ffn_gate", roleGateUp, s.Hidden, s.FFN)
		add("ffn_up", roleGateUp, s.Hidden, s.FFN)
		add("ffn_down", roleDown, s.FFN, s.Hidden)
	}
	ts = append(ts, tensor{name: "output_norm.weight", role: roleNorm, in: s.Hidden, out: 1})
	if !s.Tied {
		ts = append(ts, tensor{name: "output.weight", role: roleHead, in: s.Hidden, out: s.Vocab})
	}
	var all []tensor
	for _, t := range ts {
		t.typ = m.typeOf(t.role, place{layer: t.layer, layers: s.Layers, queries: s.Heads / s.KVHeads, tied: s.Tied})
		all = append(all, t)
		if t.typ == kernels.NVFP4 {
			all = append(all, tensor{name: strings.TrimSuffix(t.name, "weight") + "scale", role: roleScale, layer: t.layer, in: 1, out: 1, typ: kernels.F32})
		}
	}
	return all
}
