package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"orchrt/kernels"
	"orchrt/runtime/checkpoint"
)

// logitsFlags are the flags of logits.
type logitsFlags struct {
	deviceFlags
	model   string
	tokens  string
	out     string
	compare string
	kv      string
	step    int
	exact   bool
}

// runLogits writes the logits of given token ids.
func runLogits(ctx context.Context, args []string) int {
	var f logitsFlags
	fs := newFlags("logits", "--model F --tokens IDS.txt --out OUT.npy",
		"Runs sequences of token ids, one a line, through the model and writes\nthe logits at every position, sequence after sequence: float32 [rows, vocab] in NumPy's format.")
	fs.StringVarP(&f.model, "model", "m", "", "the model's file")
	fs.StringVar(&f.tokens, "tokens", "", "file of token ids, separated by spaces or commas; - is standard input")
	fs.StringVarP(&f.out, "out", "o", "", "the file to write; - is standard output")
	fs.StringVar(&f.compare, "compare", "", "a .npy of the same shape: print the relative error and the top-1 agreement")
	fs.StringVar(&f.kv, "kv", "f32", "type of the KV cache: f16, q8, f32; fp8 on CUDA devices")
	fs.IntVar(&f.step, "step", 512, "tokens in a step; 1 runs as decoding does")
	fs.BoolVar(&f.exact, "exact", false, "float32 activations and products for every weight")
	f.deviceFlags.add(fs)
	if code, done := parseFlags(fs, args, 0, 0); done {
		return code
	}
	for _, flag := range []string{"model", "tokens", "out"} {
		if fs.Lookup(flag).Value.String() == "" {
			return usageError(fs, "--%s names no file", flag)
		}
	}
	if f.step < 1 || f.step > 1<<16 {
		return usageError(fs, "--step is %d, want 1 to %d tokens", f.step, 1<<16)
	}
	cache, err := f.cacheNamed(f.kv)
	if err := errors.Join(err, f.check()); err != nil {
		return usageError(fs, "%v", err)
	}
	sequences, err := readSequences(ctx, f.tokens)
	if err == nil {
		err = writeFile(f.out, true, func(w io.Writer) error { return logits(ctx, &f, cache, sequences, w) })
	}
	if err != nil {
		return failed("logits", err)
	}
	return exitOK
}

// readSequences reads one sequence of token ids from each line that is not empty.
func readSequences(ctx context.Context, name string) ([][]int32, error) {
	text, err := readArgument(ctx, name)
	if err != nil {
		return nil, err
	}
	var all [][]int32
	for n, line := range strings.Split(string(text), "\n") {
		var ids []int32
		for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" \t\r,[]", r) }) {
			id, err := strconv.ParseInt(word, 10, 32)
			if err != nil {
				return nil, fmt.Errorf("%s: line %d: %q is not a token id", name, n+1, word)
			}
			ids = append(ids, int32(id))
		}
		if len(ids) > 0 {
			all = append(all, ids)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s holds no token ids", name)
	}
	return all, nil
}

// logits writes the logits of all sequences to w.
func logits(ctx context.Context, f *logitsFlags, cache kernels.CacheType, sequences [][]int32, w io.Writer) error {
	ck, err := checkpoint.Open(f.model)
	if err != nil {
		return err
	}
	defer ck.Close()
	dev, err := f.open(f.exact)
	if err != nil {
		return err
	}
	defer dev.Close()
	rows, longest := 0, 0
	for _, ids := range sequences {
		rows, longest = rows+len(ids), max(longest, len(ids))
	}
	m, err := loadModel(ctx, ck, dev, min(longest, ck.Config.Context))
	if err != nil {
		return err
	}
	defer m.Close()
	ref, err := openReference(f.compare, rows, ck.Config.Vocab)
	if err != nil {
		return err
	}
	defer ref.close()
	out, done := newNPY(w, rows, ck.Config.Vocab), int64(0)
	bar := newProgress("computing", "rows")
	defer bar.Done()
	for _, ids := range sequences {
		err := m.LogitsBy(ids, f.step, cache, func(_ int, row []float32) error {
			out.Row(row)
			done++
			bar.Update(done, int64(rows))
			return errors.Join(context.Cause(ctx), ref.row(row))
		})
		if err != nil {
			return err
		}
	}
	bar.Done()
	ref.print(os.Stderr)
	return out.Close()
}
