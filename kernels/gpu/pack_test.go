package gpu_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"orchrt/kernels"
	"orchrt/kernels/gpu"
	"orchrt/kernels/gpu/emu"
	"orchrt/kernels/kerneltest"
)

// TestPack: what the device packed, read back by the layout's reference, is what
// the file says, to the last bit; shapes with partial tiles both ways. Random bytes have scales
// that are too large for f16, which costs the smallest ones bits, and infinite ones.
func TestPack(t *testing.T) {
	dev, err := gpu.New(emulated(t, emu.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	random := rand.New(rand.NewPCG(1, 2))
	for _, typ := range kerneltest.AllTypes() {
		shapes := [][2]int{{1, 256}, {16, 512}, {41, 768}}
		if f, _ := typ.Format(); f.Values < 256 {
			shapes = append(shapes, [2]int{1, f.Values * 32 / min(f.Values, 32)}, [2]int{33, 320})
		}
		for _, shape := range shapes {
			out, in := shape[0], shape[1]
			raw := make([]byte, typ.RowBytes(in)*int64(out))
			for i := range raw {
				raw[i] = byte(random.Uint32())
			}
			if err := checkPacked(dev, typ, out, in, raw, 1./(1<<20)); err != nil {
				t.Errorf("[%d, %d] in %v: %v", out, in, typ, err)
			}
			if err := checkPacked(dev, typ, out, in, matrix(random, typ, out, in), 0); err != nil {
				t.Errorf("[%d, %d] in %v, modest scales: %v", out, in, typ, err)
			}
		}
	}
}

// checkPacked packs raw and compares the values that come back; they may be off by tol of the largest finite one.
func checkPacked(dev *gpu.Device, typ kernels.Type, out, in int, raw []byte, tol float64) error {
	w, err := dev.Pack(typ, out, in, bytes.NewReader(raw))
	if err != nil {
		return err
	}
	defer dev.Free(w.Buf)
	return compare(dev, w, raw, tol)
}

// compare reads w back, which was packed from raw.
func compare(dev *gpu.Device, w kernels.Weight, raw []byte, tol float64) error {
	typ, out, in := w.Type, w.Out, w.In
	packed := make([]byte, w.Buf.Size)
	if err := dev.Read(packed, w.Buf); err != nil {
		return err
	}
	want := make([]float32, out*in)
	if err := kernels.Dequantize(want, typ, raw); err != nil {
		return err
	}
	most := 0.0
	for _, v := range want {
		if size := math.Abs(float64(v)); size < math.Inf(1) {
			most = max(most, size)
		}
	}
	for i, v := range gpu.Unpack(typ, packed, out, in) {
		v *= w.Scale
		same := math.Float32bits(v) == math.Float32bits(want[i]) || v == 0 && want[i] == 0 || math.Abs(float64(v)-float64(want[i])) < tol*most
		if !same && (v == v || want[i] == want[i]) {
			return fmt.Errorf("row %d, column %d is %v, want %v", i/in, i%in, v, want[i])
		}
	}
	return nil
}

// broken reads from b up to a place, and is damaged there.
type broken struct {
	b  []byte
	at int64
}

var errBroken = errors.New("the disk is broken")

func (r broken) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > r.at {
		return 0, errBroken
	}
	return copy(p, r.b[off:]), nil
}

// TestPackAll: matrices of several types, in one span and in more than the ring holds, are packed as each alone would be;
// what fails names its matrix and leaves nothing behind.
func TestPackAll(t *testing.T) {
	drv := emulated(t, emu.Options{Memory: 1 << 20})
	dev, err := gpu.New(drv)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	random := rand.New(rand.NewPCG(7, 8))
	var ms []kernels.Matrix
	var raws [][]byte
	total := int64(0)
	for _, m := range []kernels.Matrix{{Type: kernels.Q4_K, Out: 300, In: 256}, {Type: kernels.F32, Out: 17, In: 96}, {Type: kernels.IQ3S, Out: 33, In: 512},
		{Type: kernels.IQ3S, Out: 1, In: 256}, {Type: kernels.Q8_0, Out: 64, In: 320}, {Type: kernels.BF16, Out: 16, In: 512}} {
		raw := matrix(random, m.Type, m.Out, m.In)
		if m.Type == kernels.F32 {
			binary.LittleEndian.PutUint32(raw[40:], math.Float32bits(3e7)) // too large for f16
		}
		m.Src = bytes.NewReader(raw)
		ms, raws, total = append(ms, m), append(raws, raw), total+int64(len(raw))
	}
	free := int64(0)
	for _, size := range []int64{1, 5000, 1 << 20} {
		sent := int64(0)
		weights, err := gpu.PackInSpans(dev, ms, func(n int64) error {
			sent += n
			return nil
		}, size)
		if err != nil || sent != total {
			t.Fatalf("spans of %d bytes: %d of %d bytes, %v", size, sent, total, err)
		}
		for i, w := range weights {
			if err := compare(dev, w, raws[i], 0); err != nil {
				t.Errorf("spans of %d bytes, matrix %d: %v", size, i, err)
			}
			if (w.Scale != 1) != (ms[i].Type == kernels.F32) {
				t.Errorf("spans of %d bytes, matrix %d: a scale of %v", size, i, w.Scale)
			}
			dev.Free(w.Buf)
		}
		free, _ = dev.Memory() // codebooks stay
	}
	stopped := errors.New("stopped")
	calls := 0
	for _, c := range []struct {
		name     string
		index    int
		want     error
		progress func(int64) error
		change   func(ms []kernels.Matrix) []kernels.Matrix
	}{
		{"a reader", 4, errBroken, nil, func(ms []kernels.Matrix) []kernels.Matrix {
			ms[4].Src = broken{raws[4], 9000}
			return ms
		}},
		{"the end of a file", 2, io.ErrUnexpectedEOF, nil, func(ms []kernels.Matrix) []kernels.Matrix {
			ms[2].Src = bytes.NewReader(raws[2][:len(raws[2])-1])
			return ms
		}},
		{"progress", 0, stopped, func(int64) error {
			if calls++; calls == 3 {
				return stopped
			}
			return nil
		}, func(ms []kernels.Matrix) []kernels.Matrix { return ms }},
		{"memory", 6, nil, nil, func(ms []kernels.Matrix) []kernels.Matrix {
			return append(ms, kernels.Matrix{Type: kernels.F32, Out: 1 << 10, In: 512, Src: bytes.NewReader(make([]byte, 2<<20))})
		}},
		{"a type", 1, nil, nil, func(ms []kernels.Matrix) []kernels.Matrix {
			ms[1].Type = kernels.Type(99)
			return ms
		}},
	} {
		_, err := gpu.PackInSpans(dev, c.change(slices.Clone(ms)), c.progress, 5000)
		var e *kernels.PackError
		if !errors.As(err, &e) || e.Index != c.index || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if now, _ := dev.Memory(); now != free {
			t.Errorf("%s: %d bytes are free, %d were before", c.name, now, free)
		}
	}
	if w, err := dev.PackAll(nil, nil); len(w) != 0 || err != nil {
		t.Errorf("nothing: %v, %v", w, err)
	}
	if err := checkPacked(dev, ms[0].Type, ms[0].Out, ms[0].In, raws[0], 0); err != nil {
		t.Error("after that:", err)
	}
}
