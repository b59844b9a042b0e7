package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"orchrt/runtime/synth"
	"orchrt/testdata"
	"orchrt/tokenizer"
)

// runSynth writes a model of random weights.
func runSynth(ctx context.Context, args []string) int {
	fs := newFlags("synth", "--preset P --type T -o F",
		"Writes a GGUF file with the shapes, metadata and mix of types of a Qwen3 and random weights,\nfor benchmarks where no trained weights are at hand. The same seed gives the same bytes.")
	preset := fs.String("preset", "tiny", strings.Join(synth.Presets(), ", "))
	typ := fs.String("type", "Q4_K_M", strings.Join(synth.Types(), ", "))
	out := fs.StringP("output", "o", "", "the file to write; - is standard output")
	seed := fs.Uint64("seed", 0, "seed of the weights")
	vocab := fs.String("vocab", "", "a tokenizer.json; the default is Qwen3's own")
	force := fs.Bool("force", false, "replace the file if it is there")
	if code, done := parseFlags(fs, args, 0, 0); done {
		return code
	}
	if *out == "" {
		return usageError(fs, "-o names no file")
	}
	shape, err := synth.Preset(*preset)
	if err != nil {
		return usageError(fs, "--preset: %v", err)
	}
	v, err := readVocab(*vocab)
	if err != nil {
		return failed("synth", err)
	}
	bar := newProgress("writing", "B")
	opt := synth.Options{Shape: shape, Type: *typ, Seed: *seed, Vocab: v, Progress: bar.Update}
	if err := opt.Validate(); err != nil {
		return usageError(fs, "%v", err)
	}
	write := func(w io.Writer) error { return synth.Write(untilDone{ctx, w}, opt) }
	err = writeFile(*out, *force, write)
	bar.Done()
	if err != nil {
		return failed("synth", err)
	}
	return exitOK
}

// readVocab reads a tokenizer.json, or the embedded Qwen3 vocabulary where file
// is "".
func readVocab(file string) (tokenizer.Vocab, error) {
	open, name := testdata.Qwen3Tokenizer, "the embedded tokenizer"
	if file != "" {
		open, name = func() (io.ReadCloser, error) { return os.Open(file) }, file
	}
	r, err := open()
	if err != nil {
		return tokenizer.Vocab{}, err
	}
	defer r.Close()
	v, err := tokenizer.ParseJSON(bufio.NewReaderSize(r, 1<<20))
	if err != nil {
		return v, fmt.Errorf("%s: %w", name, err)
	}
	return v, nil
}
