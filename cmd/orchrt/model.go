package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"orchrt/kernels"
	"orchrt/runtime"
	"orchrt/runtime/checkpoint"
)

// modelFlags are the flags of the commands that run a model.
type modelFlags struct {
	deviceFlags
	model    string
	kv       string
	ctx      int
	parallel int
	cache    int
	memory   float64
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
	fs.IntVar(&f.cache, "kv-tokens", 0, "tokens in the KV cache that all sequences share; 0 is --ctx and a little more on the CPU, what --gpu-memory leaves on a GPU")
	fs.Float64Var(&f.memory, "gpu-memory", 0.9, "part of a GPU's memory to take, 0 to 1: weights, working memory and, with the rest, the KV cache")
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
	if !(f.memory > 0 && f.memory <= 1) {
		return fmt.Errorf("--gpu-memory is %v, want a part of the memory: above 0, at most 1", f.memory)
	}
	if _, err := f.cacheType(); err != nil {
		return err
	}
	return f.deviceFlags.check()
}

// cacheType is the type that --kv names.
func (f *modelFlags) cacheType() (kernels.CacheType, error) { return f.cacheNamed(f.kv) }

// loaded is a model on a device with its engine.
type loaded struct {
	ck     *checkpoint.Checkpoint
	dev    kernels.Device
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
	if dev, ok := kernels.Device(m.dev).(kernels.CacheChecker); ok {
		if err := dev.CheckCache(cache); err != nil {
			return fmt.Errorf("--kv %s: %w", f.kv, err)
		}
	}
	if m.model, err = loadModel(ctx, m.ck, m.dev, f.ctx); err != nil {
		return err
	}
	m.context = f.ctx
	if m.context == 0 {
		m.context = m.ck.Config.Context
	}
	opt := f.tune(m.dev, runtime.EngineOptions{Parallel: f.parallel, Context: m.context, Mixed: mixedRows,
		Cache: cache, CachePages: (f.cache + kernels.PageTokens - 1) / kernels.PageTokens, Queue: queue})
	m.engine, err = runtime.NewEngine(m.model, opt)
	return err
}

// gpuChunk rows of a prompt make the tensor cores' work outweigh reading the
// weights many times over, and take a few hundredths of a second.
const gpuChunk = 2048

// tune fits options that are meant for the CPU to the device.
func (f *modelFlags) tune(dev kernels.Device, opt runtime.EngineOptions) runtime.EngineOptions {
	if _, ok := onGPU(dev); ok {
		opt.Chunk, opt.Mixed = gpuChunk, 0
		opt.MemoryShare = f.memory
	}
	return opt
}

// loadModel puts the weights on the device, with a progress bar; 0 is the
// model's own context. It gives up when ctx ends.
func loadModel(ctx context.Context, ck *checkpoint.Checkpoint, dev kernels.Device, tokens int) (*runtime.Model, error) {
	if _, ok := onGPU(dev); ok {
		free, total := dev.Memory()
		if err := weightsFit(ck.Summary().WeightBytes, free, total); err != nil {
			return nil, err
		}
	}
	bar := newProgress("loading", "B")
	defer bar.Done()
	return runtime.LoadModel(ck, dev, runtime.LoadOptions{Context: tokens, Progress: bar.Update,
		Stop: func() error { return context.Cause(ctx) }})
}

// weightsFit reports weights that a GPU's free memory does not hold.
func weightsFit(weights, free, total int64) error {
	if weights <= free {
		return nil
	}
	return fmt.Errorf("the weights take %s, but %s of the GPU's %s are free: %s too few; a file of fewer bits per weight takes less, "+
		"nvidia-smi shows what else holds memory, --device cuda:N is another GPU and --device cpu works without", size(weights), size(free), size(total), size(weights-free))
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
