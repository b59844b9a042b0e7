package main

import (
	"context"
	"errors"
	"fmt"

	"orchrt/kernels/gpu"
	"orchrt/runtime"
	"orchrt/runtime/bench"
)

// prefillKernels are the values of --prefill-kernels.
var prefillKernels = map[string]gpu.LargeKernels{"auto": gpu.LargeWarpGroups, "mma": gpu.LargeWarps, "clusters": gpu.LargeClusters}

// checkPrefill reports an unknown value of --prefill-kernels.
func (f *benchFlags) checkPrefill() error {
	if _, ok := prefillKernels[f.prefill]; !ok {
		return fmt.Errorf("--prefill-kernels is %q, want auto, mma or clusters", f.prefill)
	}
	return nil
}

// measureGPU runs the tests between measurements of the GPU's bandwidth, and
// then the profile.
func (f *benchFlags) measureGPU(ctx context.Context, dev *gpu.Device, model *runtime.Model, tests bench.Options, report *bench.Report) (err error) {
	info := dev.Info()
	if f.prefill == "clusters" && (info.Major != 9 || info.Minor != 0) {
		return fmt.Errorf("--prefill-kernels clusters needs compute capability 9.0, %s has %d.%d", info.Name, info.Major, info.Minor)
	}
	dev.UseLarge(prefillKernels[f.prefill])
	g := &bench.GPU{Name: info.Name, Capability: fmt.Sprintf("%d.%d", info.Major, info.Minor), Driver: info.DriverVersion, SMs: info.SMs,
		MaxSMMHz: info.ClockMHz, SpecBandwidth: info.Bandwidth(), Before: bench.Clocks(dev.Clocks())}
	report.Machine.GPU = g
	before := dev.MeasureBandwidth()
	if report.Result, err = f.run(ctx, model, tests); err != nil {
		return err
	}
	g.After = bench.Clocks(dev.Clocks())
	g.SetCopies(before, dev.MeasureBandwidth())
	if !f.profile {
		return nil
	}
	report.Profile, err = f.profileGPU(ctx, dev, model, tests)
	return err
}

// profileGPU times every kernel in prefill and in decoding.
func (f *benchFlags) profileGPU(ctx context.Context, dev *gpu.Device, model *runtime.Model, tests bench.Options) (phases []bench.Phase, err error) {
	if err := dev.Profile(true); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dev.Profile(false)) }()
	tests.Concurrency, tests.Repeat = nil, 1
	for _, p := range []struct {
		name             string
		prompt, generate int
	}{{"prefill", tests.Prompt, 0}, {"decoding", 0, tests.Generate}} {
		if p.prompt+p.generate == 0 {
			continue
		}
		tests.Prompt, tests.Generate = p.prompt, p.generate
		if _, err := f.run(ctx, model, tests); err != nil {
			return nil, err
		}
		times, err := dev.Times()
		if err != nil {
			return nil, err
		}
		phase := bench.Phase{Name: p.name, Tokens: 2 * (p.prompt + p.generate)} // a warm-up is run too
		for _, t := range times {
			phase.Kernels = append(phase.Kernels, bench.Kernel(t))
		}
		phases = append(phases, phase)
	}
	return phases, nil
}
