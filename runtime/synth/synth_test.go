package synth

import (
	"bytes"
	"fmt"
	"testing"

	"orchrt/tokenizer"
)

// smallShape has enough layers for every rule of the mixes, and little else.
func smallShape() Shape {
	return Shape{Name: "small", Title: "Small", Size: "4M", Layers: 16, Hidden: 256, FFN: 512,
		Heads: 4, KVHeads: 1, HeadDim: 128, Vocab: 320, Context: 4096}
}

// smallVocab is a vocabulary of n tokens that need not make sense.
func smallVocab(n int) tokenizer.Vocab {
	v := tokenizer.Vocab{Pre: "qwen2", BOS: -1, EOS: 2, PAD: 1}
	for i := range n {
		v.Tokens = append(v.Tokens, fmt.Sprintf("t%d", i))
		v.Types = append(v.Types, 1)
	}
	v.Merges = []string{"t 1", "t 2"}
	return v
}

// writeSmall writes a file into memory with a number of workers.
func writeSmall(t *testing.T, s Shape, typ string, seed uint64, workers int) []byte {
	t.Helper()
	var b bytes.Buffer
	o := Options{Shape: s, Type: typ, Seed: seed, Vocab: smallVocab(300), Workers: workers}
	if err := Write(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSameSeedSameBytes(t *testing.T) {
	s := smallShape()
	s.Vocab = 20000 // several chunks
	for _, typ := range []string{"Q4_K_M", "F16"} {
		one := writeSmall(t, s, typ, 7, 1)
		if !bytes.Equal(one, writeSmall(t, s, typ, 7, 5)) {
			t.Errorf("%s: the bytes depend on the number of workers", typ)
		}
		if bytes.Equal(one, writeSmall(t, s, typ, 8, 5)) {
			t.Errorf("%s: the bytes do not depend on the seed", typ)
		}
	}
}

func TestVocabMustFit(t *testing.T) {
	s := smallShape()
	s.Vocab = 299
	o := Options{Shape: s, Type: "Q8_0", Vocab: smallVocab(300)}
	if err := Write(&bytes.Buffer{}, o); err == nil {
		t.Error("no error for a vocabulary larger than the embedding")
	}
}

// failingWriter fails after some bytes.
type failingWriter struct{ left int }

func (f *failingWriter) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, fmt.Errorf("disk full")
	}
	return len(p), nil
}

func TestWriteErrorEndsTheWorkers(t *testing.T) {
	s := smallShape()
	s.Vocab = 20000
	o := Options{Shape: s, Type: "F32", Vocab: smallVocab(300), Workers: 3}
	for _, left := range []int{0, 100, 1 << 16, 3 << 20, 21 << 20} {
		if err := Write(&failingWriter{left}, o); err == nil {
			t.Errorf("no error from a writer that fails after %d bytes", left)
		}
	}
}
