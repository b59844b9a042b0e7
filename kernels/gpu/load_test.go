package gpu_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"orchrt/kernels"
	"orchrt/kernels/gpu"
)

// sink is a GPU that takes everything at once and does nothing with it: what is left of loading is the host's part.
type sink struct {
	gpu.Driver
	host []byte
	size int64
}

func (s *sink) Info() gpu.Info                                               { return gpu.Info{Major: 9, SMs: 132} }
func (s *sink) Alloc(n int64) (uint64, error)                                { return 1 << 20, nil }
func (s *sink) Free(uint64) error                                            { return nil }
func (s *sink) Zero(uint64, int64) error                                     { return nil }
func (s *sink) Read(dst []byte, src uint64) error                            { return nil }
func (s *sink) Function(string) (gpu.Function, error)                        { return 0, nil }
func (s *sink) Launch(gpu.Function, gpu.Grid, unsafe.Pointer, uintptr) error { return nil }
func (s *sink) Slot(i int) ([]byte, uint64)                                  { return s.host[int64(i)*s.size : int64(i+1)*s.size], 0 }
func (s *sink) Wait(int) error                                               { return nil }
func (s *sink) Send(int, int64) error                                        { return nil }
func (s *sink) Done(int) error                                               { return nil }
func (s *sink) Close() error                                                 { return nil }

func (s *sink) Ring(slots int, size int64) (gpu.Ring, error) {
	s.size = size
	if need := int64(slots) * size; int64(len(s.host)) < need {
		s.host = make([]byte, need)
	}
	return s, nil
}

// BenchmarkLoad reads matrices out of the page cache as PackAll does, with as many threads as GOMAXPROCS lets run.
func BenchmarkLoad(b *testing.B) {
	const matrices, out, in = 8, 8192, 4096
	t := kernels.Q4_K
	size := int64(out) * t.RowBytes(in)
	f, err := os.Create(filepath.Join(b.TempDir(), "weights"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, matrices*size)); err != nil {
		b.Fatal(err)
	}
	var ms []kernels.Matrix
	for i := range matrices {
		ms = append(ms, kernels.Matrix{Type: t, Out: out, In: in, Src: io.NewSectionReader(f, int64(i)*size, size)})
	}
	d, err := gpu.New(&sink{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(matrices * size)
	for b.Loop() {
		if _, err := d.PackAll(ms, nil); err != nil {
			b.Fatal(err)
		}
	}
}
