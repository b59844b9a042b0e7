//go:build verify

package synth

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"orchrt/kernels"
)

// described is what testdata/describe.py says of a file.
type described struct {
	Tensors []struct {
		Name   string
		Type   string
		Dims   []int64
		Bytes  int64
		Finite bool
		Mean   float64
		Std    float64
	}
	Keys map[string]any
}

// TestVerifySynth reads a file of each type with the gguf Python package.
func TestVerifySynth(t *testing.T) {
	python := cmp.Or(os.Getenv("ORCHRT_VERIFY_PYTHON"), "../../.verify/venv/bin/python")
	shape := smallShape()
	dir := t.TempDir()
	args := []string{"testdata/describe.py"}
	for _, typ := range Types() {
		file := filepath.Join(dir, typ+".gguf")
		if err := os.WriteFile(file, writeSmall(t, shape, typ, 1, 2), 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	cmd := exec.Command(python, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("describe.py: %v; make verify installs what it needs", err)
	}
	lines := json.NewDecoder(bytes.NewReader(out))
	for _, typ := range Types() {
		t.Run(typ, func(t *testing.T) {
			var got described
			if err := lines.Decode(&got); err != nil {
				t.Fatal(err)
			}
			checkDescribed(t, got, shape, typ)
		})
	}
}

// checkDescribed compares what Python saw with the plan.
func checkDescribed(t *testing.T, got described, s Shape, typ string) {
	m, err := mixOf(typ)
	if err != nil {
		t.Fatal(err)
	}
	want := tensors(s, m)
	if len(got.Tensors) != len(want) {
		t.Fatalf("%d tensors, want %d", len(got.Tensors), len(want))
	}
	blocks, err := newGenerator(kernels.NVFP4, 0, weightStd)
	if err != nil {
		t.Fatal(err)
	}
	scale := blocks.scale
	for i, w := range want {
		g := got.Tensors[i]
		if g.Name != w.name || g.Type != w.typ.String() || !slices.Equal(g.Dims, w.dims()) || g.Bytes != w.bytes() || !g.Finite {
			t.Errorf("%+v, want %s %v %v, %d bytes, finite", g, w.name, w.typ, w.dims(), w.bytes())
		}
		mean, std := 0.0, weightStd
		switch {
		case w.role == roleNorm:
			mean, std = 1, normStd
		case w.typ == kernels.NVFP4:
			std /= scale
		case w.role == roleScale:
			if math.Abs(g.Mean/scale-1) > 1e-6 {
				t.Errorf("%s is %v, want %v", g.Name, g.Mean, scale)
			}
			continue
		}
		// Twelve standard errors of the mean; the scales of blocks make values of a block alike.
		slack := 12 / math.Sqrt(float64(w.in*w.out))
		if math.Abs(g.Mean-mean) > std*(slack+0.01) || math.Abs(g.Std/std-1) > slack+0.03 {
			t.Errorf("%s %v: mean %.5f, std %.5f; want %v, %v", g.Name, w.typ, g.Mean, g.Std, mean, std)
		}
	}
	for key, want := range map[string]any{
		"general.architecture": "qwen3", "general.file_type": m.fileType, "qwen3.block_count": s.Layers,
		"qwen3.embedding_length": s.Hidden, "qwen3.attention.head_count_kv": s.KVHeads,
		"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "qwen2", "tokenizer.chat_template": chatTemplate,
		"tokenizer.ggml.tokens": map[string]any{"length": s.Vocab}, "tokenizer.ggml.token_type": map[string]any{"length": s.Vocab},
	} {
		if g := got.Keys[key]; fmt.Sprint(g) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", key, g, want)
		}
	}
}
