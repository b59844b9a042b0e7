//go:build cuda

package gpu_test

import (
	"errors"
	"os"
	"slices"
	"testing"

	"orchrt/kernels"
	"orchrt/kernels/gpu"
	"orchrt/kernels/gpu/cuda"
	"orchrt/kernels/kerneltest"
)

// lent is a driver that several devices use one after the other: making a
// context takes longer than most cases. Close frees what a device left.
type lent struct {
	gpu.Driver
	live map[uint64]bool
}

func (l *lent) Alloc(n int64) (uint64, error) {
	addr, err := l.Driver.Alloc(n)
	if err == nil {
		l.live[addr] = true
	}
	return addr, err
}

func (l *lent) Free(addr uint64) error {
	delete(l.live, addr)
	return l.Driver.Free(addr)
}

func (l *lent) Close() error {
	err := l.Read(nil, 0) // what is queued may fail still
	for addr := range l.live {
		err = errors.Join(err, l.Free(addr))
	}
	return err
}

// devices opens the first GPU and returns what makes devices on it, one after the other. A device that broke the context
// leaves the next one a new context. Without a GPU it skips the test, or fails it where ORCHRT_NEED_GPU is set.
func devices(t *testing.T) (gpu.Info, func(t *testing.T) kernels.Device) {
	t.Helper()
	if _, err := cuda.Devices(); err != nil {
		if os.Getenv("ORCHRT_NEED_GPU") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	drv, err := cuda.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := drv.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Log(drv.Info())
	return drv.Info(), func(t *testing.T) kernels.Device {
		if drv.Read(nil, 0) != nil { // as the case before has said
			drv.Close()
			fresh, err := cuda.Open(0)
			if err != nil {
				t.Fatal(err)
			}
			drv = fresh
		}
		d, err := gpu.New(&lent{drv, map[uint64]bool{}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	}
}

// TestConformanceCUDA runs the shared suite on the GPU.
func TestConformanceCUDA(t *testing.T) {
	info, open := devices(t)
	opt := conformance()
	if info.Major*10+info.Minor < 89 {
		opt.Caches = slices.DeleteFunc(opt.Caches, func(c kernels.CacheType) bool { return c == kernels.CacheFP8 })
	}
	kerneltest.Run(t, open, opt)
}

// TestLargeCUDA runs the suite's cases of large steps on the kernels for them that TestConformanceCUDA does not reach on a GPU
// that has wgmma.
func TestLargeCUDA(t *testing.T) {
	_, open := devices(t)
	tol := tolerances()
	delete(tol, kernels.F32)
	for name, large := range map[string]gpu.LargeKernels{"warps": gpu.LargeWarps, "clusters": gpu.LargeClusters} {
		t.Run(name, func(t *testing.T) {
			dev := func(t *testing.T) kernels.Device {
				d := open(t)
				d.(*gpu.Device).UseLarge(large)
				return d
			}
			kerneltest.RunMany(t, dev, kerneltest.Options{Tol: tol, Many: []int{65, 128, 130, 200}})
			kerneltest.RunAttend(t, dev, kerneltest.Options{Attend: conformance().Attend, Caches: []kernels.CacheType{kernels.CacheF16}})
		})
	}
}
