package gpu_test

import (
	"testing"

	"orchrt/kernels/gpu/emu"
)

// emulated makes an emulator of the package's kernels.
func emulated(t testing.TB, opt emu.Options) *emu.Driver {
	t.Helper()
	drv, err := emu.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return drv
}

// TestSourcesCompile: every .cu compiles as C++ too.
func TestSourcesCompile(t *testing.T) {
	drv := emulated(t, emu.Options{})
	for _, k := range drv.Kernels() {
		if k.Args%4 != 0 || k.Args > 4096 {
			t.Errorf("kernel %s takes %d bytes of arguments", k.Name, k.Args)
		}
	}
	if err := drv.Close(); err != nil {
		t.Error(err)
	}
}
