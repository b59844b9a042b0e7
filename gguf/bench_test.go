package gguf

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// vocabulary is a model's file with keys of the size of Qwen3's: 151,936 tokens
// and 151,387 merges.
func vocabulary(t testing.TB) string {
	tokens, kinds, merges := make([]string, 151936), make([]int32, 151936), make([]string, 151387)
	for i := range tokens {
		tokens[i], kinds[i] = fmt.Sprintf("Ġ%x", i), 1
	}
	for i := range merges {
		merges[i] = fmt.Sprintf("Ġ%x %x", i%4096, i)
	}
	keys := append(sample(), entry{"tokenizer.ggml.tokens", tokens},
		entry{"tokenizer.ggml.token_type", kinds}, entry{"tokenizer.ggml.merges", merges})
	var tensors []*Tensor
	for i := range 399 {
		tensors = append(tensors, &Tensor{Name: fmt.Sprintf("blk.%d.weight", i), Dims: []int64{256, 4}, Type: Q4_K})
	}
	return save(t, t.TempDir(), "m.gguf", write(t, keys, tensors))
}

// TestOpenAllocations checks that a vocabulary is not decoded at opening.
func TestOpenAllocations(t *testing.T) {
	path := vocabulary(t)
	before := allocated()
	f := mustOpen(t, path)
	if n := allocated() - before; n > 1<<20 {
		t.Errorf("%d bytes allocated for opening a file of %d", n, f.Size())
	}
	before = allocated()
	words, err := f.Strings("tokenizer.ggml.tokens")
	if err != nil || len(words) != 151936 || words[151935] != "Ġ2517f" {
		t.Fatalf("%d tokens, %v", len(words), err)
	}
	if n := allocated() - before; n > 8<<20 {
		t.Errorf("%d bytes allocated for %d tokens", n, len(words))
	}
}

// BenchmarkOpen opens a file with a vocabulary of Qwen3's size.
func BenchmarkOpen(b *testing.B) {
	path := vocabulary(b)
	st, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(st.Size())
	b.ReportAllocs()
	for b.Loop() {
		f, err := Open(path)
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}

// BenchmarkStrings decodes the 151,936 tokens.
func BenchmarkStrings(b *testing.B) {
	f := mustOpen(b, vocabulary(b))
	v, _ := f.Value("tokenizer.ggml.tokens")
	b.SetBytes(v.Size())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Strings(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadAt reads a tensor of 64 MiB, pieces of 1 MiB at a time, beside the
// same copied out of the mapping.
func BenchmarkReadAt(b *testing.B) {
	const size, piece = 64 << 20, 1 << 20
	path := filepath.Join(b.TempDir(), "m.gguf")
	out, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	w := NewWriter(out)
	w.Add("w", []int64{size / 4}, F32)
	w.WriteHeader()
	w.WriteTensor(zeros{})
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	tensor := mustOpen(b, path).Tensors()[0]
	src, buf := tensor.sh.src, make([]byte, piece)
	run := func(name string, read func(off int64) error) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				for off := int64(0); off < size; off += piece {
					if err := read(off); err != nil {
						b.Fatal(err)
					}
				}
				tensor.Release()
			}
		})
	}
	r := tensor.Reader()
	run("reader", func(off int64) error { return second(r.ReadAt(buf, off)) })
	run("mapping", func(off int64) error {
		return src.hold(func() error { copy(buf, src.bytes()[tensor.Offset+off:]); return nil })
	})
}
