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

// openCUDA opens the first GPU; without one it skips the test, or fails it where
// ORCHRT_NEED_GPU is set.
func openCUDA(t *testing.T) gpu.Driver {
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
	return drv
}

// TestConformanceCUDA runs the shared suite on the GPU.
func TestConformanceCUDA(t *testing.T) {
	drv := openCUDA(t)
	t.Log(drv.Info())
	opt := conformance()
	if info := drv.Info(); info.Major*10+info.Minor < 89 {
		opt.Caches = slices.DeleteFunc(opt.Caches, func(c kernels.CacheType) bool { return c == kernels.CacheFP8 })
	}
	kerneltest.Run(t, func(t *testing.T) kernels.Device {
		d, err := gpu.New(&lent{drv, map[uint64]bool{}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		return d
	}, opt)
}
