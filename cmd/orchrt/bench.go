package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"time"

	"orchrt/kernels"
	"orchrt/kernels/cpu"
	"orchrt/runtime"
	"orchrt/runtime/bench"
	"orchrt/runtime/checkpoint"
)

// benchFlags are the flags of bench.
type benchFlags struct {
	model modelFlags
	tests bench.Options
	json  bool
}

// runBench measures a model on this machine.
func runBench(ctx context.Context, args []string) int {
	var f benchFlags
	fs := newFlags("bench", "--model F",
		"Measures prefill and decoding in tokens/s, mean and standard deviation after a warm-up, with the\nengine and its greedy sampling step but without text and HTTP, and compares them with the read\nbandwidth of this machine, measured in the same run. --ctx 0 and --kv-tokens 0 are\nas much as the tests need.")
	fs.IntVarP(&f.tests.Prompt, "prompt", "p", 512, "tokens of the prefill test; 0 leaves it out")
	fs.IntVarP(&f.tests.Generate, "generate", "n", 128, "tokens of the decoding test; 0 leaves it out")
	fs.IntVarP(&f.tests.Depth, "depth", "d", 0, "tokens in the cache before either test, a multiple of 64")
	fs.IntVarP(&f.tests.Repeat, "repeat", "r", 5, "measured repetitions")
	fs.IntSliceVar(&f.tests.Concurrency, "concurrency", nil, "also this many equal requests at once, such as 1,4,16")
	fs.Uint64Var(&f.tests.Seed, "seed", 0, "seed of the random prompts")
	fs.BoolVar(&f.json, "json", false, "one JSON object instead of tables")
	f.model.add(fs, 1)
	if code, done := parseFlags(fs, args, 0, 0); done {
		return code
	}
	if err := errors.Join(f.model.check(), f.tests.Validate()); err != nil {
		return usageError(fs, "%v", err)
	}
	report, err := measure(ctx, &f)
	if err != nil {
		return failed("bench", err)
	}
	if f.json {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(report)
	} else {
		err = report.Table(os.Stdout)
	}
	if err != nil {
		return failed("bench", err)
	}
	return exitOK
}

// measure loads the model, runs the tests and puts the report together.
func measure(ctx context.Context, f *benchFlags) (*bench.Report, error) {
	ck, err := checkpoint.Open(f.model.model)
	if err != nil {
		return nil, err
	}
	defer ck.Close()
	dev, err := f.model.open(false)
	if err != nil {
		return nil, err
	}
	defer dev.Close()
	report := &bench.Report{
		Model:   bench.DescribeModel(ck),
		Machine: bench.Machine{CPU: bench.CPUName(), Device: dev.Name(), Threads: dev.Threads(), LoadAverage: bench.LoadAverage()},
	}
	engine, err := f.start(ctx, ck, dev, report)
	if err != nil {
		return nil, err
	}
	tests := f.tests
	tests.Vocab = len(ck.Vocab.Tokens) - len(ck.Suppress) // the unused ones stand last
	bar := newProgress("measuring", "runs")
	tests.Bandwidth = dev.MeasureBandwidth
	tests.Progress = func(done, total int) { bar.Update(int64(done), int64(total)) }
	report.Result, err = bench.Run(ctx, engine, tests)
	bar.Done()
	report.Memory = bench.ReadMemory()
	report.SetLimits()
	return report, errors.Join(err, engine.Close(context.Background()))
}

// start loads the model, notes how long that took, and starts an engine with
// room for the longest test on every sequence.
func (f *benchFlags) start(ctx context.Context, ck *checkpoint.Checkpoint, dev *cpu.Device, report *bench.Report) (*runtime.Engine, error) {
	cache, err := f.model.cacheType()
	if err != nil {
		return nil, err
	}
	longest := f.tests.Longest()
	room := f.model.ctx
	if room == 0 {
		room = longest
	}
	begin := time.Now()
	model, err := loadModel(ctx, ck, dev, room)
	if err != nil {
		return nil, err
	}
	report.SetLoad(time.Since(begin))
	report.Model.Cache, report.Model.Context = f.model.kv, room
	parallel := max(f.model.parallel, slices.Max(append([]int{1}, f.tests.Concurrency...)))
	pages := func(tokens int) int { return (tokens + kernels.PageTokens - 1) / kernels.PageTokens }
	opt := runtime.EngineOptions{Parallel: parallel, Context: room, Cache: cache, CachePages: pages(f.model.cache)}
	if opt.CachePages == 0 {
		opt.CachePages = max(pages(room), parallel*pages(longest))
	}
	return runtime.NewEngine(model, opt)
}
