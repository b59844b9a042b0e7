package gguf

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goldenDir holds files that llama.cpp wrote.
const goldenDir = "../../shared/golden"

// golden are the paths of the golden models; imatrix.gguf is none.
func golden(t testing.TB) (models []string) {
	t.Helper()
	all, _ := filepath.Glob(filepath.Join(goldenDir, "*.gguf"))
	if len(all) == 0 {
		t.Skip("the golden files are not there: ", goldenDir)
	}
	for _, path := range all {
		if filepath.Base(path) != "imatrix.gguf" {
			models = append(models, path)
		}
	}
	return models
}

// TestGolden compares what is read with what the files are known to hold.
func TestGolden(t *testing.T) {
	shapes := map[string][]int64{
		"token_embd.weight": {256, 538}, "output.weight": {256, 538}, "output_norm.weight": {256},
		"blk.1.attn_q.weight": {256, 512}, "blk.1.attn_k.weight": {256, 128}, "blk.0.attn_q_norm.weight": {128},
		"blk.0.ffn_down.weight": {512, 256}, "blk.1.ffn_gate.weight": {256, 512},
	}
	for _, path := range golden(t) {
		f := mustOpen(t, path)
		name := strings.TrimSuffix(filepath.Base(path), ".gguf")
		if err := f.CheckModel(); err != nil {
			t.Error(err)
		}
		if err := readAll(f, f.Size()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for key, want := range map[string]int64{"qwen3.block_count": 2, "qwen3.embedding_length": 256, "qwen3.attention.head_count": 4,
			"qwen3.attention.head_count_kv": 1, "qwen3.attention.key_length": 128, "qwen3.feed_forward_length": 512} {
			if got, err := f.Int(key); got != want {
				t.Errorf("%s: %s is %d, %v", name, key, got, err)
			}
		}
		if arch, err := f.String("general.architecture"); arch != "qwen3" {
			t.Errorf("%s: architecture %q, %v", name, arch, err)
		}
		if words, err := f.Strings("tokenizer.ggml.tokens"); len(words) != 538 || words[0] != "!" || words[514] != "<|im_end|>" {
			t.Errorf("%s: %d tokens, %v", name, len(words), err)
		}
		if n := len(f.Tensors()); n != 2*11+3 {
			t.Errorf("%s: %d tensors", name, n)
		}
		for tensor, dims := range shapes {
			x, ok := f.Tensor(tensor)
			if !ok || len(x.Dims) != len(dims) || x.Dims[0] != dims[0] || x.Values() != dims[0]*x.Rows() || (len(dims) == 2 && x.Rows() != dims[1]) {
				t.Errorf("%s: %s is %+v", name, tensor, x)
			}
		}
		base, _, _ := strings.Cut(name, "_M")
		if x, _ := f.Tensor("blk.1.attn_q.weight"); x.Type.String() != base && !strings.HasPrefix(name, "IQ") {
			t.Errorf("%s: blk.1.attn_q.weight is %v", name, x.Type)
		}
	}
}

func TestGoldenImatrix(t *testing.T) {
	golden(t)
	f := mustOpen(t, filepath.Join(goldenDir, "imatrix.gguf"))
	if content, err := f.Content(); content != ContentImatrix || err != nil {
		t.Errorf("%q, %v", content, err)
	}
	if err := f.CheckModel(); !errors.Is(err, ErrNotModel) || !strings.Contains(err.Error(), "calibration data") {
		t.Error(err)
	}
}

// TestGoldenPrefixes cuts a real file at every byte before its data, and at the
// end.
func TestGoldenPrefixes(t *testing.T) {
	file, err := os.ReadFile(golden(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	f := mustRead(t, file)
	for n := range int(f.shards[0].data) {
		if _, err := read(memory(file[:n:n]), int64(n), "m.gguf"); err == nil {
			t.Fatalf("%d bytes are taken for a file", n)
		}
	}
	for n := len(file) - 1; n > len(file)-1000; n-- {
		if _, err := read(memory(file[:n:n]), int64(n), "m.gguf"); !errors.Is(err, ErrTruncated) {
			t.Fatalf("%d of %d bytes: %v", n, len(file), err)
		}
	}
}

// TestGoldenCopy writes a golden file anew, byte for byte.
func TestGoldenCopy(t *testing.T) {
	for _, path := range golden(t)[:3] {
		f := mustOpen(t, path)
		var out strings.Builder
		w := NewWriter(&out)
		for _, key := range f.Keys() {
			v, _ := f.Value(key)
			w.Set(key, goValue(t, v))
		}
		for _, x := range f.Tensors() {
			w.Add(x.Name, x.Dims, x.Type)
		}
		w.WriteHeader()
		for _, x := range f.Tensors() {
			w.WriteTensor(io.NewSectionReader(x.Reader(), 0, x.Size))
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if file, _ := os.ReadFile(path); string(file) != out.String() {
			t.Errorf("%s: the copy differs", path)
		}
	}
}
