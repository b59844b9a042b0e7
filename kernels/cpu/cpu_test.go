package cpu

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"orchrt/kernels"
)

var types = []kernels.Type{kernels.F32, kernels.F16, kernels.BF16, kernels.Q4_0, kernels.Q4_1, kernels.Q5_0, kernels.Q5_1, kernels.Q8_0,
	kernels.Q2_K, kernels.Q3_K, kernels.Q4_K, kernels.Q5_K, kernels.Q6_K, kernels.IQ2XXS, kernels.IQ2XS, kernels.IQ2S, kernels.IQ3XXS,
	kernels.IQ3S, kernels.IQ1S, kernels.IQ1M, kernels.IQ4NL, kernels.IQ4XS, kernels.NVFP4, kernels.Int4, kernels.Int8}

// randomRows makes rows of random blocks whose scales are small and finite.
func randomRows(r *rand.Rand, t kernels.Type, out, in int) []byte {
	b := make([]byte, t.RowBytes(in)*int64(out))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	f, _ := t.Format()
	half := func(at int) { b[at], b[at+1] = byte(r.Uint32()), 0x20|byte(r.Uint32())&0x83 }
	for at := 0; at < len(b); at += f.Bytes {
		switch t {
		case kernels.F32:
			binary.LittleEndian.PutUint32(b[at:], math.Float32bits(float32(r.NormFloat64())))
		case kernels.F16:
			half(at)
		case kernels.BF16:
			binary.LittleEndian.PutUint16(b[at:], uint16(math.Float32bits(float32(r.NormFloat64()))>>16))
		case kernels.Q4_1, kernels.Q5_1, kernels.Q4_K, kernels.Q5_K:
			half(at)
			half(at + 2)
		case kernels.Q2_K:
			half(at + 80)
			half(at + 82)
		case kernels.Q3_K, kernels.Q6_K:
			half(at + f.Bytes - 2)
		case kernels.NVFP4:
			for i := range 4 {
				b[at+i] = b[at+i]&15 | 0x10
			}
		case kernels.IQ1M:
			b[at+55] = b[at+55]&0x0f | 0x20
		default:
			half(at)
		}
	}
	return b
}

// TestEmbedIsDequantize: packing and unpacking give back the reference's
// values exactly, for every format, instruction set and an odd number of rows.
func TestEmbedIsDequantize(t *testing.T) {
	for _, isa := range ISAs() {
		d, err := New(Options{Threads: 2, ISA: isa})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		for _, typ := range types {
			const out, in = 37, 512
			raw := randomRows(rand.New(rand.NewPCG(1, uint64(typ))), typ, out, in)
			want := make([]float32, out*in)
			if err := kernels.Dequantize(want, typ, raw); err != nil {
				t.Fatal(err)
			}
			w, err := d.Pack(typ, out, in, bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			ids := make([]byte, 4*out)
			for i := range out {
				binary.LittleEndian.PutUint32(ids[4*i:], uint32(i))
			}
			bi, _ := d.Alloc(int64(len(ids)))
			by, _ := d.Alloc(out * in * 4)
			d.Write(bi, ids)
			d.Embed(kernels.Mat{Buf: by, Rows: out, Cols: in}, w, bi)
			got := make([]byte, out*in*4)
			if err := d.Read(got, by); err != nil {
				t.Fatal(err)
			}
			for i := range want {
				g := math.Float32frombits(binary.LittleEndian.Uint32(got[4*i:]))
				if ulps(g, want[i]) > 1 {
					t.Errorf("%s %v: value [%d, %d] is %v, want %v", isa, typ, i/in, i%in, g, want[i])
					break
				}
			}
		}
	}
}

// ulps is the distance of a and b in units of the last place.
func ulps(a, b float32) int64 {
	order := func(f float32) int64 {
		if i := int64(int32(math.Float32bits(f))); i >= 0 {
			return i
		}
		return -int64(math.Float32bits(f) & 0x7fffffff)
	}
	return max(order(a)-order(b), order(b)-order(a))
}
