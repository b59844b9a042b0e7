package gpu_test

import (
	"testing"

	"orchrt/kernels"
	"orchrt/kernels/gpu"
	"orchrt/kernels/gpu/emu"
	"orchrt/kernels/kerneltest"
)

// TestManyRows runs the suite's cases of large steps on both kinds of kernels.
func TestManyRows(t *testing.T) {
	for name, opt := range map[string]emu.Options{"wgmma": {}, "mma": {Major: 8}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tol := tolerances()
			delete(tol, kernels.F32)
			kerneltest.RunMany(t, func(t *testing.T) kernels.Device {
				d, err := gpu.New(emulated(t, opt))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { d.Close() })
				return d
			}, kerneltest.Options{Tol: tol, Many: []int{65, 128, 130, 200}})
		})
	}
}

// TestFewRowsWithoutBulkCopies runs the suite's cases on the kernels for 4 to 64 rows as GPUs below 9.0 run them, whose weights and
// activations come by cp.async.
func TestFewRowsWithoutBulkCopies(t *testing.T) {
	t.Parallel()
	kerneltest.RunMany(t, func(t *testing.T) kernels.Device {
		d, err := gpu.New(emulated(t, emu.Options{Major: 8}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	}, kerneltest.Options{Tol: tolerances(), Many: []int{5, 14, 28, 61}})
}
