package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	model   modelFlags
	tests   bench.Options
	json    bool
	profile bool
	prefill string
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
	fs.BoolVar(&f.profile, "profile", false, "then also the time of every kernel, on a GPU")
	fs.StringVar(&f.prefill, "prefill-kernels", "auto", "for comparison, the kernels of steps of more than 64 rows, products and attention, on a GPU: auto, which is wgmma\non compute capability 9.0 and mma.sync elsewhere; mma, mma.sync everywhere; clusters, wgmma whose blocks share activations")
	fs.BoolVar(&f.json, "json", false, "one JSON object instead of tables")
	f.model.add(fs, 1)
	if code, done := parseFlags(fs, args, 0, 0); done {
		return code
	}
	if err := errors.Join(f.model.check(), f.tests.Validate(), f.checkPrefill()); err != nil {
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
		Machine: bench.Machine{CPU: bench.CPUName(), Device: dev.Name(), LoadAverage: bench.LoadAverage()},
	}
	tests := f.tests
	tests.Vocab = len(ck.Vocab.Tokens) - len(ck.Suppress) // the unused ones stand last
	if c, ok := dev.(*cpu.Device); ok {
		report.Machine.Threads, tests.Bandwidth = c.Threads(), c.MeasureBandwidth
	}
	model, err := f.load(ctx, ck, dev, report)
	if err != nil {
		return nil, err
	}
	defer model.Close()
	if g, ok := onGPU(dev); ok {
		err = f.measureGPU(ctx, g, model, tests, report)
	} else if f.profile {
		err = errors.New("--profile needs a GPU")
	} else if f.prefill != "auto" {
		err = fmt.Errorf("--prefill-kernels %s needs a GPU", f.prefill)
	} else {
		report.Result, err = f.run(ctx, model, tests)
	}
	report.Memory = bench.ReadMemory()
	report.SetLimits()
	return report, err
}

// run runs the tests on an engine of their own.
func (f *benchFlags) run(ctx context.Context, model *runtime.Model, tests bench.Options) (bench.Result, error) {
	engine, err := f.start(model)
	if err != nil {
		return bench.Result{}, err
	}
	bar := newProgress("measuring", "runs")
	tests.Progress = func(done, total int) { bar.Update(int64(done), int64(total)) }
	result, err := bench.Run(ctx, engine, tests)
	bar.Done()
	return result, errors.Join(err, engine.Close(context.Background()))
}

// room is the number of positions that the model gets.
func (f *benchFlags) room() int {
	if f.model.ctx > 0 {
		return f.model.ctx
	}
	return f.tests.Longest()
}

// load loads the model and notes how long that took.
func (f *benchFlags) load(ctx context.Context, ck *checkpoint.Checkpoint, dev kernels.Device, report *bench.Report) (*runtime.Model, error) {
	cache, err := f.model.cacheType()
	if err != nil {
		return nil, err
	}
	begin := time.Now()
	model, err := loadModel(ctx, ck, dev, f.room())
	if err != nil {
		return nil, err
	}
	report.SetLoad(time.Since(begin))
	report.Model.Cache, report.Model.Context = f.model.kv, f.room()
	c := ck.Config
	values, scales := kernels.Cache{Type: cache, Pages: 1, Heads: c.KVHeads, HeadDim: c.HeadDim}.Sizes()
	report.Model.CacheBytes = 2 * int64(c.Layers) * (values + scales) / kernels.PageTokens
	return model, nil
}

// start starts an engine with room for the longest test on every sequence.
func (f *benchFlags) start(model *runtime.Model) (*runtime.Engine, error) {
	cache, err := f.model.cacheType()
	if err != nil {
		return nil, err
	}
	longest := f.tests.Longest()
	parallel := max(f.model.parallel, slices.Max(append([]int{1}, f.tests.Concurrency...)))
	pages := func(tokens int) int { return (tokens + kernels.PageTokens - 1) / kernels.PageTokens }
	opt := f.model.tune(model.Device(), runtime.EngineOptions{Parallel: parallel, Context: f.room(), Cache: cache, CachePages: pages(f.model.cache)})
	if opt.CachePages == 0 {
		opt.CachePages = max(pages(f.room()), parallel*pages(longest))
	}
	return runtime.NewEngine(model, opt)
}
