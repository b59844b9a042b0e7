package cpu

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"orchrt/kernels"
)

func floats(d *Device, t *testing.T, b kernels.Buf, n int) []float32 {
	raw := make([]byte, 4*n)
	if err := d.Read(raw, b); err != nil {
		t.Fatal(err)
	}
	v := make([]float32, n)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return v
}

func upload(d *Device, t *testing.T, v []float32) kernels.Buf {
	raw := make([]byte, 0, 4*len(v))
	for _, f := range v {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
	}
	b, err := d.Alloc(int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	d.Write(b, raw)
	return b
}

// TestRowsAlone: a product's rows are the same bits in a batch of any size,
// through the path for few rows and the one for many, and close to float64.
func TestRowsAlone(t *testing.T) {
	const out, in, n = 40, 768, 19
	for _, isa := range ISAs() {
		for _, exact := range []bool{false, true} {
			d, err := New(Options{Threads: 2, ISA: isa, Exact: exact})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			for _, typ := range types {
				r := rand.New(rand.NewPCG(7, uint64(typ)))
				raw := randomRows(r, typ, out, in)
				w, err := d.Pack(typ, out, in, bytes.NewReader(raw))
				if err != nil {
					t.Fatal(err)
				}
				y := make([]float32, n*in)
				for i := range y {
					y[i] = float32(r.NormFloat64())
				}
				product := func(first, rows int) []float32 {
					by, bx := upload(d, t, y[first*in:(first+rows)*in]), upload(d, t, make([]float32, rows*out))
					defer d.Free(by)
					defer d.Free(bx)
					d.MulAdd(kernels.Mat{Buf: bx, Rows: rows, Cols: out}, kernels.Mat{Buf: by, Rows: rows, Cols: in}, w)
					return floats(d, t, bx, rows*out)
				}
				all := product(0, n)
				for _, size := range []int{1, 2, 3, 4, 5, 8, 9} {
					for first := 0; first+size <= n; first += size {
						part := product(first, size)
						for i, v := range part {
							if want := all[first*out+i]; math.Float32bits(v) != math.Float32bits(want) {
								t.Fatalf("%s %v exact=%v: row %d alone among %d rows: %v, in the batch %v", isa, typ, exact, first+i/out, size, v, want)
							}
						}
					}
				}
				limit := 0.012
				if f, _ := typ.Format(); exact || f.Values == 1 {
					limit = 2e-6
				}
				if e := relativeError(t, typ, raw, y, all, out, in, n); !(e < limit) {
					t.Errorf("%s %v exact=%v: relative error %.2g, want below %.2g", isa, typ, exact, e, limit)
				}
			}
		}
	}
}

// relativeError is ‖got − y·wᵀ‖/‖y·wᵀ‖ with the product in float64.
func relativeError(t *testing.T, typ kernels.Type, raw []byte, y, got []float32, out, in, n int) float64 {
	w := make([]float32, out*in)
	if err := kernels.Dequantize(w, typ, raw); err != nil {
		t.Fatal(err)
	}
	var diff, norm float64
	for r := range n {
		for o := range out {
			var s float64
			for k := range in {
				s += float64(y[r*in+k]) * float64(w[o*in+k])
			}
			e := float64(got[r*out+o]) - s
			diff += e * e
			norm += s * s
		}
	}
	return math.Sqrt(diff / norm)
}
