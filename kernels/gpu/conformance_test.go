package gpu_test

import (
	"testing"

	"orchrt/kernels"
	"orchrt/kernels/gpu"
	"orchrt/kernels/gpu/emu"
	"orchrt/kernels/kerneltest"
)

// tolerances are the bounds of kerneltest by weight type. Steps of 1 to 3 rows multiply by activations of 16 bits in
// groups of 32, exact but for their rounding (about 1e-4 relative). Larger steps round activations to f16 (2⁻¹¹, about
// 2e-4 over many of them) and dequantised weights to f16 (as much again, and where a value is the difference of
// scale·code and a minimum, that of the larger one, up to thrice the weight's). BF16 weights meet bf16 activations (2⁻⁹).
func tolerances() map[kernels.Type]float64 {
	tol := map[kernels.Type]float64{}
	for _, t := range kerneltest.AllTypes() {
		tol[t] = 1e-3
	}
	for _, t := range []kernels.Type{kernels.Q4_1, kernels.Q5_1, kernels.Q2_K, kernels.Q4_K, kernels.Q5_K} {
		tol[t] = 3e-3
	}
	tol[kernels.BF16] = 4e-3
	return tol
}

// TestConformance runs the shared suite on the emulator.
func TestConformance(t *testing.T) {
	kerneltest.Run(t, func(t *testing.T) kernels.Device {
		d, err := gpu.New(emulated(t, emu.Options{}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	}, conformance())
}

// conformance is what the suite expects of the device, emulated or not.
func conformance() kerneltest.Options {
	return kerneltest.Options{Tol: tolerances(), Attend: 1e-3, Regimes: []int{3, 64},
		Caches: []kernels.CacheType{kernels.CacheF16, kernels.CacheF32, kernels.CacheQ8, kernels.CacheFP8}}
}
