package cpu

import (
	"testing"

	"orchrt/kernels"
	"orchrt/kernels/kerneltest"
)

// TestConformance runs the shared suite under every instruction set of the
// machine, with activations quantised and exact.
func TestConformance(t *testing.T) {
	for _, isa := range ISAs() {
		for _, exact := range []bool{false, true} {
			name := isa
			if exact {
				name += "/exact"
			}
			t.Run(name, func(t *testing.T) {
				kerneltest.Run(t, func(t *testing.T) kernels.Device {
					d, err := New(Options{Threads: 2, ISA: isa, Exact: exact})
					if err != nil {
						t.Fatal(err)
					}
					return d
				}, kerneltest.Options{Exact: exact, HeadDims: []int{64, 80, 128}})
			})
		}
	}
}
