package gpu_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
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
