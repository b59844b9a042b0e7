package gpu_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"orchrt/kernels"
	"orchrt/kernels/gpu"
	"orchrt/kernels/gpu/emu"
	"orchrt/kernels/kerneltest"
)

// matrix is random weights as a file holds them, with modest scales.
func matrix(random *rand.Rand, t kernels.Type, out, in int) []byte {
	f, _ := t.Format()
	raw := make([]byte, t.RowBytes(in)*int64(out))
	for i := range raw {
		raw[i] = byte(random.Uint32())
	}
	half := func(b []byte) { binary.LittleEndian.PutUint16(b, 0x1c00|uint16(random.Uint32())&0x83ff) } // ±2⁻⁸ to 2⁻⁷
	for at := 0; at < len(raw); at += f.Bytes {
		b := raw[at:]
		switch t {
		case kernels.F32:
			binary.LittleEndian.PutUint32(b, math.Float32bits(float32(random.NormFloat64()/16)))
		case kernels.BF16:
			binary.LittleEndian.PutUint16(b, uint16(math.Float32bits(float32(random.NormFloat64()/16))>>16))
		case kernels.Q6_K:
			half(b[208:])
		case kernels.Q3_K:
			half(b[108:])
		case kernels.Q2_K:
			half(b[80:])
			half(b[82:])
		case kernels.Q4_1, kernels.Q5_1, kernels.Q4_K, kernels.Q5_K:
			half(b)
			half(b[2:])
		case kernels.NVFP4:
			for i := range 4 {
				b[i] &= 0x1f
			}
		case kernels.IQ1M: // the top nibble of the scale
			b[55] = b[55]&0x8f | 0x10
		default:
			half(b)
		}
	}
	return raw
}

// bench is a device with what tests put on it.
type bench struct {
	kernels.Device
	t *testing.T
}

func (b bench) floats(v []float32) kernels.Buf {
	raw := make([]byte, 4*len(v))
	for i, x := range v {
		binary.NativeEndian.PutUint32(raw[4*i:], math.Float32bits(x))
	}
	return b.bytes(raw)
}

func (b bench) ints(v ...int32) kernels.Buf {
	raw := make([]byte, 0, 4*len(v))
	for _, x := range v {
		raw = binary.NativeEndian.AppendUint32(raw, uint32(x))
	}
	return b.bytes(raw)
}

func (b bench) bytes(raw []byte) kernels.Buf {
	buf, err := b.Alloc(int64(len(raw)))
	if err != nil {
		b.t.Fatal(err)
	}
	b.Write(buf, raw)
	return buf
}

func (b bench) read(buf kernels.Buf) []float32 {
	raw := make([]byte, buf.Size)
	if err := b.Read(raw, buf); err != nil {
		b.t.Fatal(err)
	}
	v := make([]float32, len(raw)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.NativeEndian.Uint32(raw[4*i:]))
	}
	return v
}

func (b bench) pack(t kernels.Type, out, in int, raw []byte) kernels.Weight {
	w, err := b.Pack(t, out, in, bytes.NewReader(raw))
	if err != nil {
		b.t.Fatal(err)
	}
	return w
}

func normal(random *rand.Rand, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(random.NormFloat64())
	}
	return v
}

// gpus are emulated GPUs: with bulk copies and without, of few and of many multiprocessors.
func gpus(t *testing.T, run func(t *testing.T, b bench)) {
	for _, opt := range []emu.Options{{Major: 9}, {Major: 9, SMs: 13}, {Major: 8, Minor: 6, SMs: 3}} {
		t.Run(fmt.Sprintf("sm%d%d-%d", opt.Major, opt.Minor, opt.SMs), func(t *testing.T) {
			dev, err := gpu.New(emulated(t, opt))
			if err != nil {
				t.Fatal(err)
			}
			defer dev.Close()
			run(t, bench{dev, t})
		})
	}
}

// TestGemvSame: the same bits from every GPU and for every number of rows, with blocks that have several row tiles
// and warps that have several tiles of a row, more and fewer than stages.
func TestGemvSame(t *testing.T) {
	const out, in = 75, 4608
	var want map[kernels.Type][]float32
	gpus(t, func(t *testing.T, b bench) {
		got := map[kernels.Type][]float32{}
		for _, typ := range []kernels.Type{kernels.Q4_K, kernels.Q6_K, kernels.Q8_0, kernels.Q5_1, kernels.IQ2XXS, kernels.F32, kernels.BF16} {
			random := rand.New(rand.NewPCG(7, uint64(typ)))
			w := b.pack(typ, out, in, matrix(random, typ, out, in))
			y := b.floats(normal(random, 3*in))
			start := normal(random, 3*out)
			var rows [3][]float32
			for n := range 3 {
				x := b.floats(start)
				b.MulAdd(kernels.Mat{Buf: x.Slice(0, int64(4*(n+1)*out)), Rows: n + 1, Cols: out}, kernels.Mat{Buf: y.Slice(0, int64(4*(n+1)*in)), Rows: n + 1, Cols: in}, w)
				rows[n] = b.read(x)
			}
			for n := range 2 {
				if !equal(rows[n][:(n+1)*out], rows[2][:(n+1)*out]) || !equal(rows[n][(n+1)*out:], start[(n+1)*out:]) {
					t.Errorf("%v: %d of 3 rows differ from 3", typ, n+1)
				}
			}
			got[typ] = rows[2]
			if want != nil && !equal(want[typ], rows[2]) {
				t.Errorf("%v: not what the first GPU gives", typ)
			}
		}
		if want == nil {
			want = got
		}
	})
}

// equal compares bits.
func equal(a, b []float32) bool {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}

// TestMixedTypes: layers whose matrices are of several types, against the oracle: V of another type than Q and K in
// one launch and in two, all three different, and gate and up of different types.
func TestMixedTypes(t *testing.T) {
	gpus(t, func(t *testing.T, b bench) {
		for _, types := range [][3]kernels.Type{
			{kernels.Q4_K, kernels.Q4_K, kernels.Q6_K}, {kernels.Q4_K, kernels.Q4_K, kernels.Q5_K}, {kernels.Q5_K, kernels.Q5_K, kernels.Q6_K},
			{kernels.Q6_K, kernels.Q6_K, kernels.Q4_K}, {kernels.Q8_0, kernels.BF16, kernels.Q8_0}, {kernels.F32, kernels.Q2_K, kernels.IQ4XS},
		} {
			for _, rows := range []int{1, 3} {
				for i, got := range mixed(b, types, rows) {
					want := mixed(bench{kerneltest.NewOracle(), t}, types, rows)[i]
					if e := distance(got, want); !(e < 3e-4) {
						t.Errorf("%v, %d rows: output %d is off by %.2g", types, rows, i, e)
					}
				}
			}
		}
	})
}

// mixed runs NormQKV and NormGateUp with weights of the types and returns q, K, V and h.
func mixed(b bench, types [3]kernels.Type, rows int) [4][]float32 {
	const heads, kvHeads, dim, hidden, ffn = 4, 2, 64, 768, 90
	random := rand.New(rand.NewPCG(3, 4))
	pack := func(t kernels.Type, out int) kernels.Weight {
		return b.pack(t, out, hidden, matrix(random, t, out, hidden))
	}
	w := kernels.Attention{Norm: b.floats(normal(random, hidden)), Q: pack(types[0], heads*dim), K: pack(types[1], kvHeads*dim), V: pack(types[2], kvHeads*dim),
		QNorm: b.floats(normal(random, dim)), KNorm: b.floats(normal(random, dim)), Rope: b.floats(normal(random, 8*dim)), Eps: 1e-6,
		Heads: heads, KVHeads: kvHeads, HeadDim: dim}
	f := kernels.FFN{Norm: w.Norm, Gate: pack(types[0], ffn), Up: pack(types[2], ffn), Eps: 1e-6}
	kv := kernels.Cache{Type: kernels.CacheF32, Pages: 1, Heads: kvHeads, HeadDim: dim}
	size, _ := kv.Sizes()
	kv.K, kv.V = b.bytes(make([]byte, size)), b.bytes(make([]byte, size))
	at := kernels.Rows{N: rows, Seqs: 1, Pages: 1, Pos: b.ints(1, 2, 3), Slot: b.ints(1, 2, 3), Seq: b.ints(0, 0, 0), Table: b.ints(0)}
	x := kernels.Mat{Buf: b.floats(normal(random, rows*hidden)), Rows: rows, Cols: hidden}
	q := kernels.Mat{Buf: b.bytes(make([]byte, 4*rows*heads*dim)), Rows: rows, Cols: heads * dim}
	h := kernels.Mat{Buf: b.bytes(make([]byte, 4*rows*ffn)), Rows: rows, Cols: ffn}
	b.NormQKV(q, kv, x, &w, at)
	b.NormQKV(q, kv, x, &w, at) // counters are as before
	b.NormGateUp(h, x, &f)
	return [4][]float32{b.read(q.Buf), b.read(kv.K), b.read(kv.V), b.read(h.Buf)}
}

// distance is √(Σ(a-b)²/Σb²).
func distance(a, b []float32) float64 {
	var d, n float64
	for i := range a {
		d += math.Pow(float64(a[i])-float64(b[i]), 2)
		n += float64(b[i]) * float64(b[i])
	}
	return math.Sqrt(d / n)
}
