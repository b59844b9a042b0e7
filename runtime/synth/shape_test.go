package synth

import (
	"math"
	"slices"
	"testing"

	"orchrt/kernels"
)

// plan returns the tensors of a preset in a file type.
func planOf(t *testing.T, preset, typ string) []tensor {
	t.Helper()
	s, err := Preset(preset)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mixOf(typ)
	if err != nil {
		t.Fatal(err)
	}
	return tensors(s, m)
}

// TestQwen38BBytes holds Q4_K_M of the 8B against the sums of llama.cpp's own
// file: 5,027,784,512 bytes, of which 5.96 MB are metadata.
func TestQwen38BBytes(t *testing.T) {
	var all, perToken, weights int64
	for _, x := range planOf(t, "qwen3-8b", "Q4_K_M") {
		all += x.bytes()
		weights += int64(x.in) * int64(x.out)
		if x.role != roleEmbed {
			perToken += x.bytes()
		}
	}
	if all != 5_021_827_072 || perToken != 4_671_766_528 || weights != 8_190_735_360 {
		t.Errorf("%d bytes, %d a token, %d weights; want 5021827072, 4671766528, 8190735360", all, perToken, weights)
	}
}

func TestQ4KMLayers(t *testing.T) {
	want := []int{0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 31, 32, 33, 34, 35}
	more := map[role][]int{}
	for _, x := range planOf(t, "qwen3-8b", "q4_k_m") {
		if x.typ == kernels.Q6_K && x.role != roleHead {
			more[x.role] = append(more[x.role], x.layer)
		}
	}
	if len(more) != 2 || !slices.Equal(more[roleV], want) || !slices.Equal(more[roleDown], want) {
		t.Errorf("Q6_K in %v, want attn_v and ffn_down of layers %v", more, want)
	}
}

// TestSizes holds the presets against the weights without embedding that the
// models' cards state, in billions.
func TestSizes(t *testing.T) {
	for preset, want := range map[string]float64{
		"qwen3-0.6b": 0.44, "qwen3-1.7b": 1.4, "qwen3-4b": 3.6, "qwen3-8b": 6.95, "qwen3-14b": 13.2, "qwen3-32b": 31.2,
	} {
		var n float64
		head := false
		for _, x := range planOf(t, preset, "F16") {
			switch x.role {
			case roleHead:
				head = true
			case roleEmbed:
			default:
				n += float64(x.in) * float64(x.out) / 1e9
			}
		}
		if math.Abs(n/want-1) > 0.015 {
			t.Errorf("%s: %.3f billion weights, want %v", preset, n, want)
		}
		if untied := slices.Contains([]string{"qwen3-8b", "qwen3-14b", "qwen3-32b"}, preset); head != untied {
			t.Errorf("%s: head of its own: %v", preset, head)
		}
	}
}

func TestUnknownNames(t *testing.T) {
	if _, err := Preset("qwen3-9b"); err == nil {
		t.Error("no error for an unknown preset")
	}
	if _, err := mixOf("Q4_K_X"); err == nil {
		t.Error("no error for an unknown type")
	}
}

// TestRowsAreWholeBlocks: every preset can be written in every type.
func TestRowsAreWholeBlocks(t *testing.T) {
	for _, p := range Presets() {
		for _, typ := range Types() {
			for _, x := range planOf(t, p, typ) {
				f, ok := x.typ.Format()
				if !ok || x.in%f.Values != 0 {
					t.Errorf("%s %s: %s has rows of %d in %v", p, typ, x.name, x.in, x.typ)
				}
			}
		}
	}
}
