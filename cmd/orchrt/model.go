package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"orchrt/kernels"
	"orchrt/kernels/cpu"
	"orchrt/runtime"
	"orchrt/runtime/checkpoint"
)

// deviceFlags are the flags that choose a device.
type deviceFlags struct {
	device  string
	threads int
	isa     string
}

// add declares the flags.
func (f *deviceFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.device, "device", "auto", "auto, cpu, cuda or cuda:N")
	fs.IntVarP(&f.threads, "threads", "t", 0, "threads of the CPU device; 0 is one for each core")
	fs.StringVar(&f.isa, "isa", "", "instruction set of the CPU device, here "+strings.Join(cpu.ISAs(), ", ")+"; the default is the first")
}

// check reports a device that this build or this machine does not have.
func (f *deviceFlags) check() error {
	switch {
	case f.threads < 0 || f.threads > 1024:
		return fmt.Errorf("--threads is %d, want 0 to 1024", f.threads)
	case f.isa != "" && !slices.Contains(cpu.ISAs(), f.isa):
		return fmt.Errorf("--isa is %q, this machine has %s", f.isa, strings.Join(cpu.ISAs(), ", "))
	case f.device == "auto", f.device == "cpu":
		return nil
	case f.device == "cuda", strings.HasPrefix(f.device, "cuda:"):
		return fmt.Errorf("--device %s: this build has no CUDA; use --device cpu", f.device)
	}
	return fmt.Errorf("--device is %q, want auto, cpu, cuda or cuda:N", f.device)
}

// open opens the device; exact keeps activations and products in float32.
func (f *deviceFlags) open(exact bool) (*cpu.Device, error) {
	return cpu.New(cpu.Options{Threads: f.threads, ISA: f.isa, Exact: exact})
}

// modelFlags are the flags of the commands that run a model.
type modelFlags struct {
	deviceFlags
	model    string
	kv       string
	ctx      int
	parallel int
	cache    int
}

// mixedRows of a prompt are computed in a step in which others generate: on a
// processor that is some seconds of a large model, and no slower for the prompt.
const mixedRows = 64

// add declares the flags; parallel is the default of --parallel.
func (f *modelFlags) add(fs *pflag.FlagSet, parallel int) {
	fs.StringVarP(&f.model, "model", "m", "", "the model's file")
	f.deviceFlags.add(fs)
	fs.StringVar(&f.kv, "kv", "f16", "type of the KV cache: f16, q8, f32; fp8 on CUDA devices")
	fs.IntVarP(&f.ctx, "ctx", "c", 0, "context in tokens, prompt and answer together; 0 is the model's own")
	fs.IntVar(&f.parallel, "parallel", parallel, "sequences at work at the same time")
	fs.IntVar(&f.cache, "kv-tokens", 0, "tokens in the KV cache that all sequences share; 0 is --ctx and a little more")
}

// maxParallel bounds --parallel; memory bounds it sooner.
const maxParallel = 1 << 16

// check reports wrong usage.
func (f *modelFlags) check() error {
	if f.model == "" {
		return fmt.Errorf("--model names no file")
	}
	if f.ctx < 0 || f.ctx == 1 {
		return fmt.Errorf("--ctx is %d, want 2 tokens or more, or 0", f.ctx)
	}
	if f.parallel < 1 || f.parallel > maxParallel {
		return fmt.Errorf("--parallel is %d, want 1 to %d", f.parallel, maxParallel)
	}
	if f.cache < 0 {
		return fmt.Errorf("--kv-tokens is %d, want a number of tokens", f.cache)
	}
	if _, err := f.cacheType(); err != nil {
		return err
	}
	return f.deviceFlags.check()
}

// cacheType is the type that --kv names.
func (f *modelFlags) cacheType() (kernels.CacheType, error) {
	switch f.kv {
	case "f16":
		return kernels.CacheF16, nil
	case "f32":
		return kernels.CacheF32, nil
	case "q8":
		return kernels.CacheQ8, nil
	case "fp8":
		return 0, fmt.Errorf("--kv fp8 needs a CUDA device; on the CPU q8 takes the same memory")
	}
	return 0, fmt.Errorf("--kv is %q, want f16, q8, f32 or fp8", f.kv)
}

// loaded is a model on a device with its engine.
type loaded struct {
	ck     *checkpoint.Checkpoint
	dev    *cpu.Device
	model  *runtime.Model
	engine *runtime.Engine

	context int // tokens of prompt and answer together
}

// load opens the model, puts it on the device with a progress bar, and starts
// an engine whose queue holds as many waiting sequences as given. It gives up
// when ctx ends.
func load(ctx context.Context, f *modelFlags, queue int) (*loaded, error) {
	m := &loaded{}
	if err := m.open(ctx, f, queue); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (m *loaded) open(ctx context.Context, f *modelFlags, queue int) (err error) {
	cache, err := f.cacheType()
	if err != nil {
		return err
	}
	if m.ck, err = checkpoint.Open(f.model); err != nil {
		return err
	}
	if m.dev, err = f.open(false); err != nil {
		return err
	}
	if m.model, err = loadModel(ctx, m.ck, m.dev, f.ctx); err != nil {
		return err
	}
	m.context = f.ctx
	if m.context == 0 {
		m.context = m.ck.Config.Context
	}
	m.engine, err = runtime.NewEngine(m.model, runtime.EngineOptions{Parallel: f.parallel, Context: m.context, Mixed: mixedRows,
		Cache: cache, CachePages: (f.cache + kernels.PageTokens - 1) / kernels.PageTokens, Queue: queue})
	return err
}

// loadModel puts the weights on the device, with a progress bar; 0 is the
// model's own context. It gives up when ctx ends.
func loadModel(ctx context.Context, ck *checkpoint.Checkpoint, dev *cpu.Device, tokens int) (*runtime.Model, error) {
	bar := newProgress("loading", "B")
	defer bar.Done()
	return runtime.LoadModel(ck, dev, runtime.LoadOptions{Context: tokens, Progress: bar.Update,
		Stop: func() error { return context.Cause(ctx) }})
}

// close frees what open made.
func (m *loaded) close() {
	if m.engine != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		m.engine.Close(ctx)
	}
	if m.model != nil {
		m.model.Close()
	}
	if m.dev != nil {
		m.dev.Close()
	}
	if m.ck != nil {
		m.ck.Close()
	}
}
