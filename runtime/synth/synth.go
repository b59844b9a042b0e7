// Package synth writes models of random weights: GGUF files with the shapes,
// the metadata and the mix of types of a real Qwen3, for benchmarks and tests
// where no trained weights are at hand.
//
// Weights are close to normal with a standard deviation of 0.02, norms with 0.05
// around 1. They are generated as blocks of their format, never quantised, so
// that writing is as fast as the disk. The same options give the same bytes.
package synth

import (
	"fmt"
	"io"
	"runtime"

	"orchrt/gguf"
	"orchrt/tokenizer"
)

// Options say what to write.
type Options struct {
	Shape    Shape                   // from Preset, or one's own
	Type     string                  // one of Types, in any case
	Seed     uint64                  // of the weights
	Vocab    tokenizer.Vocab         // at most Shape.Vocab tokens; rows beyond become unused tokens
	Workers  int                     // threads that generate; 0 is one for each core; the bytes do not depend on it
	Progress func(done, total int64) // bytes of weights; nil: none
}

// Validate reports the first option that makes no sense.
func (o Options) Validate() error {
	if _, err := mixOf(o.Type); err != nil {
		return err
	}
	if _, err := padVocab(o.Vocab, o.Shape.Vocab); err != nil {
		return err
	}
	s := o.Shape
	for _, d := range []struct {
		name  string
		value int
		multi int // the value is a multiple of it
	}{
		{"layers", s.Layers, 1}, {"hidden", s.Hidden, 256}, {"feed-forward", s.FFN, 256},
		{"KV heads", s.KVHeads, 1}, {"heads", s.Heads, max(1, s.KVHeads)},
		{"values of all heads", s.Heads * s.HeadDim, 256}, {"head size", s.HeadDim, 2}, {"context", s.Context, 1},
	} {
		if d.value <= 0 || d.value%d.multi != 0 {
			return fmt.Errorf("synth: shape %q: %s is %d, want a positive multiple of %d", s.Name, d.name, d.value, d.multi)
		}
	}
	return nil
}

// Write writes a model to w.
func Write(w io.Writer, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	m, err := mixOf(o.Type)
	if err != nil {
		return err
	}
	vocab, err := padVocab(o.Vocab, o.Shape.Vocab)
	if err != nil {
		return err
	}
	ts := tensors(o.Shape, m)
	gens, err := newGenerators(ts)
	if err != nil {
		return err
	}
	out, total := gguf.NewWriter(w), int64(0)
	for _, p := range metadata(o.Shape, m, vocab) {
		out.Set(p.key, p.value) // failures stick to out
	}
	for _, t := range ts {
		out.Add(t.name, t.dims(), gguf.Type(t.typ))
		total += t.bytes()
	}
	if err := out.WriteHeader(); err != nil {
		return err
	}
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	data := newStream(ts, gens, o.Seed, workers)
	defer data.close()
	done := int64(0)
	for _, t := range ts {
		if err := out.WriteTensor(data); err != nil {
			return err
		}
		done += t.bytes()
		if o.Progress != nil {
			o.Progress(done, total)
		}
	}
	return out.Close()
}
