package gpu_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"

	"orchrt/kernels/gpu"
	"orchrt/kernels/gpu/emu"
)

// emulated makes an emulator of the package's kernels.
func emulated(t testing.TB, opt emu.Options) *emu.Driver {
	t.Helper()
	if _, err := built(); err != nil {
		t.Fatal(err)
	}
	drv, err := emu.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	return drv
}

// built compiles the kernels, once.
var built = sync.OnceValues(func() (string, error) { return emu.Build(gpu.Sources) })

// TestNamesOfPTX: the emulator has all that ptx.cuh defines.
func TestNamesOfPTX(t *testing.T) {
	defined := regexp.MustCompile(`(?m)^(?:template <[^>]*> )?ORT_DEV [\w ]+[ *](\w+)\(|^#define (ORT_\w+)`)
	have := map[string]bool{}
	for _, file := range []string{"emu/emu.h", "ptx.cuh"} {
		text, err := gpu.Sources.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range defined.FindAllStringSubmatch(string(text), -1) {
			name := m[1] + m[2]
			if file == "ptx.cuh" && !have[name] && strings.Count(string(text), "#define "+name+" ") < 2 { // twice: one for each
				t.Errorf("emu/emu.h lacks %s", name)
			}
			have[name] = true
		}
	}
	if len(have) < 50 {
		t.Errorf("found %d names only", len(have))
	}
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
