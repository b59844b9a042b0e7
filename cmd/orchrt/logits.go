package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"orchrt/kernels/cpu"
	"orchrt/runtime"
	"orchrt/runtime/checkpoint"
)

// logitsFlags are the flags of logits.
type logitsFlags struct {
	model   string
	device  string
	tokens  string
	out     string
	compare string
	isa     string
	threads int
	exact   bool
}

// runLogits writes the logits of given token ids.
func runLogits(ctx context.Context, args []string) int {
	var f logitsFlags
	fs := newFlags("logits", "--model F --tokens IDS.txt --out OUT.npy",
		"Runs sequences of token ids, one a line, through the model with a float32 KV cache and writes\nthe logits at every position, sequence after sequence: float32 [rows, vocab] in NumPy's format.")
	fs.StringVarP(&f.model, "model", "m", "", "the model's file")
	fs.StringVar(&f.device, "device", "auto", "auto, cpu, cuda or cuda:N")
	fs.StringVar(&f.tokens, "tokens", "", "file of token ids, separated by spaces or commas; - is standard input")
	fs.StringVarP(&f.out, "out", "o", "", "the file to write; - is standard output")
	fs.StringVar(&f.compare, "compare", "", "a .npy of the same shape: print the relative error and the top-1 agreement")
	fs.BoolVar(&f.exact, "exact", false, "float32 activations and products for every weight")
	fs.IntVarP(&f.threads, "threads", "t", 0, "threads of the CPU device; 0 is one for each core")
	fs.StringVar(&f.isa, "isa", "", "instruction set of the CPU device; the default is the best here")
	if code, done := parseFlags(fs, args, 0, 0); done {
		return code
	}
	for _, flag := range []string{"model", "tokens", "out"} {
		if fs.Lookup(flag).Value.String() == "" {
			return usageError(fs, "--%s names no file", flag)
		}
	}
	if err := checkDevice(f.device); err != nil {
		return usageError(fs, "%v", err)
	}
	sequences, err := readSequences(f.tokens)
	if err == nil {
		err = writeLogits(ctx, &f, sequences)
	}
	if err != nil {
		return failed("logits", err)
	}
	return exitOK
}

// readSequences reads one sequence of token ids from each line that is not empty.
func readSequences(name string) ([][]int32, error) {
	text, err := readArgument(name)
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

// writeLogits writes the logits to the file that --out names.
func writeLogits(ctx context.Context, f *logitsFlags, sequences [][]int32) error {
	if f.out == "-" {
		return logits(ctx, f, sequences, os.Stdout)
	}
	file, err := os.Create(f.out)
	if err != nil {
		return err
	}
	return errors.Join(logits(ctx, f, sequences, file), file.Close())
}

// logits writes the logits of all sequences to w.
func logits(ctx context.Context, f *logitsFlags, sequences [][]int32, w io.Writer) error {
	ck, err := checkpoint.Open(f.model)
	if err != nil {
		return err
	}
	defer ck.Close()
	dev, err := cpu.New(cpu.Options{Threads: f.threads, ISA: f.isa, Exact: f.exact})
	if err != nil {
		return err
	}
	defer dev.Close()
	rows, longest := 0, 0
	for _, ids := range sequences {
		rows, longest = rows+len(ids), max(longest, len(ids))
	}
	bar := newProgress("loading", "B")
	m, err := runtime.LoadModel(ck, dev, runtime.LoadOptions{Context: min(longest, ck.Config.Context), Progress: bar.Update})
	bar.Done()
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
	bar = newProgress("computing", "rows")
	defer bar.Done()
	for _, ids := range sequences {
		err := m.Logits(ids, func(_ int, row []float32) error {
			out.Row(row)
			done++
			bar.Update(done, int64(rows))
			return errors.Join(ctx.Err(), ref.row(row))
		})
		if err != nil {
			return err
		}
	}
	bar.Done()
	ref.print(os.Stderr)
	return out.Close()
}
