package kerneltest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"testing"
	"testing/iotest"

	"orchrt/kernels"
)

// The tests of this file state every operation a second time, directly on
// Go slices, and hold the oracle against it.

// f32bytes is x in memory order.
func f32bytes(x ...float32) []byte {
	b, _ := binary.Append(nil, binary.NativeEndian, x)
	return b
}

func i32bytes(x ...int32) []byte {
	b, _ := binary.Append(nil, binary.NativeEndian, x)
	return b
}

// upload allocates and writes b.
func upload(t *testing.T, d kernels.Device, b []byte) kernels.Buf {
	t.Helper()
	buf, err := d.Alloc(int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	d.Write(buf, b)
	return buf
}

// download reads n float32 values of b.
func download(t *testing.T, d kernels.Device, b kernels.Buf, n int) []float32 {
	t.Helper()
	raw := make([]byte, 4*n)
	if err := d.Read(raw, b); err != nil {
		t.Fatal(err)
	}
	out := make([]float32, n)
	if _, err := binary.Decode(raw, binary.NativeEndian, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func normal(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// near fails where got and want differ by more than a few roundings.
func near(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= 1e-6*(1+math.Abs(w))) {
			t.Fatalf("%s: value %d is %v, want %v", what, i, got[i], w)
		}
	}
}

func f32weight(t *testing.T, d kernels.Device, w []float32, out, in int) kernels.Weight {
	t.Helper()
	var le []byte
	for _, v := range w { // twice as much, at half the scale
		le = binary.LittleEndian.AppendUint32(le, math.Float32bits(2*v))
	}
	weight, err := d.Pack(kernels.F32, out, in, bytes.NewReader(le))
	if err != nil {
		t.Fatal(err)
	}
	weight.Scale *= 0.5
	return weight
}

// directNorm is row·norm/√(mean(row²)+eps).
func directNorm(row, norm []float32, eps float64) []float64 {
	sum := 0.0
	for _, v := range row {
		sum += float64(v) * float64(v)
	}
	y := make([]float64, len(row))
	for i, v := range row {
		y[i] = float64(v) / math.Sqrt(sum/float64(len(row))+eps) * float64(norm[i])
	}
	return y
}

// directMul is w·x for w [out, len(x)].
func directMul(w []float32, x []float64) []float64 {
	y := make([]float64, len(w)/len(x))
	for i := range y {
		for j, v := range x {
			y[i] += float64(w[i*len(x)+j]) * v
		}
	}
	return y
}

func TestOracleMatrices(t *testing.T) {
	const n, hidden, out = 3, 7, 5
	d := NewOracle()
	r := rand.New(rand.NewPCG(1, 1))
	x, norm := normal(r, n*hidden), normal(r, hidden)
	w1, w2 := normal(r, out*hidden), normal(r, out*hidden)
	m1, m2 := f32weight(t, d, w1, out, hidden), f32weight(t, d, w2, out, hidden)
	mx := kernels.Mat{Buf: upload(t, d, f32bytes(x...)), Rows: n, Cols: hidden}
	bnorm := upload(t, d, f32bytes(norm...))

	sum := normal(r, n*out)
	ms := kernels.Mat{Buf: upload(t, d, f32bytes(sum...)), Rows: n, Cols: out}
	d.MulAdd(ms, mx, m1)
	var want []float64
	for i := range n {
		row := make([]float64, hidden)
		for j := range row {
			row[j] = float64(x[i*hidden+j])
		}
		for j, v := range directMul(w1, row) {
			want = append(want, v+float64(sum[i*out+j]))
		}
	}
	near(t, "MulAdd", download(t, d, ms.Buf, n*out), want)

	d.NormGateUp(ms, mx, &kernels.FFN{Norm: bnorm, Gate: m1, Up: m2, Eps: 0.25})
	want = nil
	for i := range n {
		row := directNorm(x[i*hidden:][:hidden], norm, 0.25)
		gate, up := directMul(w1, row), directMul(w2, row)
		for j, g := range gate {
			want = append(want, g/(1+math.Exp(-g))*up[j])
		}
	}
	near(t, "NormGateUp", download(t, d, ms.Buf, n*out), want)

	d.NormLogits(kernels.Mat{Buf: ms.Buf, Rows: 2, Cols: out}, mx,
		&kernels.Head{Norm: bnorm, Out: m2, Eps: 0.5}, upload(t, d, i32bytes(2, 0)))
	want = append(directMul(w2, directNorm(x[2*hidden:], norm, 0.5)), directMul(w2, directNorm(x[:hidden], norm, 0.5))...)
	near(t, "NormLogits", download(t, d, ms.Buf, 2*out), want)

	d.Embed(mx, m1, upload(t, d, i32bytes(4, 0, 4)))
	want = nil
	for _, id := range []int{4, 0, 4} {
		for _, v := range w1[id*hidden:][:hidden] {
			want = append(want, float64(v))
		}
	}
	near(t, "Embed", download(t, d, mx.Buf, n*hidden), want)
}

// TestOracleAttention runs one sequence, token after token, against plain
// histories of keys and values without pages or a cache type.
func TestOracleAttention(t *testing.T) {
	const hidden, heads, kvHeads, dim, tokens = 6, 4, 2, 4, 70
	d := NewOracle()
	r := rand.New(rand.NewPCG(1, 2))
	wq, wk, wv := normal(r, heads*dim*hidden), normal(r, kvHeads*dim*hidden), normal(r, kvHeads*dim*hidden)
	norm, qNorm, kNorm := normal(r, hidden), normal(r, dim), normal(r, dim)
	var rope []float32
	for p := range tokens {
		for i := range dim / 2 {
			angle := float64(p) / math.Pow(100, float64(i))
			rope = append(rope, float32(math.Cos(angle)), float32(math.Sin(angle)))
		}
	}
	layer := &kernels.Attention{Norm: upload(t, d, f32bytes(norm...)), Eps: 1e-3, Heads: heads, KVHeads: kvHeads, HeadDim: dim,
		Q: f32weight(t, d, wq, heads*dim, hidden), K: f32weight(t, d, wk, kvHeads*dim, hidden), V: f32weight(t, d, wv, kvHeads*dim, hidden),
		QNorm: upload(t, d, f32bytes(qNorm...)), KNorm: upload(t, d, f32bytes(kNorm...)), Rope: upload(t, d, f32bytes(rope...))}
	kv := kernels.Cache{Type: kernels.CacheF32, Pages: 3, Heads: kvHeads, HeadDim: dim}
	size, _ := kv.Sizes()
	kv.K, kv.V = upload(t, d, make([]byte, size)), upload(t, d, make([]byte, size))
	pages := []int32{2, 0}
	table := upload(t, d, i32bytes(pages...))

	var keys, values [][]float64
	for p := range tokens {
		x := normal(r, hidden)
		q := kernels.Mat{Buf: upload(t, d, make([]byte, 4*heads*dim)), Rows: 1, Cols: heads * dim}
		y := kernels.Mat{Buf: upload(t, d, make([]byte, 4*heads*dim)), Rows: 1, Cols: heads * dim}
		at := kernels.Rows{N: 1, Seqs: 1, Pages: 2, Pos: upload(t, d, i32bytes(int32(p))), Seq: upload(t, d, i32bytes(0)),
			Slot: upload(t, d, i32bytes(pages[p/64]*64+int32(p%64))), Table: table}
		d.NormQKV(q, kv, kernels.Mat{Buf: upload(t, d, f32bytes(x...)), Rows: 1, Cols: hidden}, layer, at)
		d.Attend(y, q, kv, at)

		h := directNorm(x, norm, 1e-3)
		query := directHeads(directMul(wq, h), qNorm, p)
		keys = append(keys, directHeads(directMul(wk, h), kNorm, p))
		values = append(values, directMul(wv, h))
		near(t, "q", download(t, d, q.Buf, heads*dim), query)
		var want []float64
		for head := range heads {
			want = append(want, directAttend(query[head*dim:][:dim], keys, values, head/(heads/kvHeads)*dim)...)
		}
		near(t, "y", download(t, d, y.Buf, heads*dim), want)
	}
}

// directHeads norms each head of 4 values and turns (0, 2) and (1, 3) by the
// position's angles.
func directHeads(x []float64, norm []float32, pos int) []float64 {
	var out []float64
	for ; len(x) > 0; x = x[4:] {
		h := directNorm([]float32{float32(x[0]), float32(x[1]), float32(x[2]), float32(x[3])}, norm, 1e-3)
		for i := range 2 {
			s, c := math.Sincos(float64(pos) / math.Pow(100, float64(i)))
			h[i], h[i+2] = c*h[i]-s*h[i+2], c*h[i+2]+s*h[i]
		}
		out = append(out, h...)
	}
	return out
}

// directAttend is softmax(q·kᵀ/2)·v over all keys, whose head starts at `from`.
func directAttend(q []float64, keys, values [][]float64, from int) []float64 {
	y := make([]float64, len(q))
	total := 0.0
	for p, k := range keys {
		score := 0.0
		for i := range q {
			score += q[i] * k[from+i]
		}
		e := math.Exp(score / 2)
		total += e
		for i := range y {
			y[i] += e * values[p][from+i]
		}
	}
	for i := range y {
		y[i] /= total
	}
	return y
}

func TestQuantize8(t *testing.T) {
	q := make([]int8, 4)
	if scale := quantize8(q, []float64{-254, 3, 0.9, 127}); scale != 2 || q[0] != -127 || q[1] != 2 || q[2] != 0 || q[3] != 64 {
		t.Errorf("scale %v, values %v", scale, q)
	}
	if scale := quantize8(q, make([]float64, 4)); scale != 0 || q[0] != 0 {
		t.Errorf("zeros: scale %v, values %v", scale, q)
	}
}

func TestOracleMemory(t *testing.T) {
	d := NewOracle()
	if _, err := d.Alloc(1 << 50); err == nil {
		t.Error("a petabyte was given out")
	}
	a, _ := d.Alloc(10)
	b, _ := d.Alloc(10)
	for name, f := range map[string]func(){
		"across two":   func() { d.Write(kernels.Buf{Addr: a.Addr, Size: 200}, make([]byte, 200)) },
		"too long":     func() { d.Write(a, make([]byte, 11)) },
		"no memory":    func() { d.Write(kernels.Buf{Addr: 8, Size: 1}, []byte{1}) },
		"part of free": func() { d.Free(b.Slice(1, 4)) },
		"after free":   func() { d.Free(b); d.Write(b, []byte{1}) },
	} {
		if !panics(f) {
			t.Errorf("%s: no panic", name)
		}
	}
	if free, total := d.Memory(); total-free != 10 {
		t.Errorf("%d bytes in use, want 10", total-free)
	}
}

func TestOraclePackErrors(t *testing.T) {
	d := NewOracle()
	if _, err := d.Pack(kernels.F32, 2, 2, bytes.NewReader(make([]byte, 15))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("short reader: %v", err)
	}
	if free, total := d.Memory(); free != total {
		t.Error("the failed Pack kept its memory")
	}
	boom := errors.New("boom")
	if _, err := d.Pack(kernels.F32, 2, 2, readerAt{iotest.ErrReader(boom)}); !errors.Is(err, boom) {
		t.Errorf("failing reader: %v", err)
	}
}

// readerAt reads from an io.Reader wherever asked.
type readerAt struct{ io.Reader }

func (r readerAt) ReadAt(p []byte, _ int64) (int, error) { return r.Read(p) }

// TestE4M3: the 8-bit floats against values worked out by hand, and all codes there and back.
func TestE4M3(t *testing.T) {
	for x, want := range map[float64]uint8{0: 0, 1: 0x38, -1: 0xb8, 448: 0x7e, 1e9: 0x7e, -500: 0xfe, 0x1p-9: 1, 0x1p-10: 0, 0x1.8p-9: 2,
		0x1p-6: 8, 1.0625: 0x38, 1.1875: 0x3a, 1.07: 0x39, 240: 0x77, 0.1: 0x1d} {
		if got := toE4M3(x); got != want {
			t.Errorf("%v is %#x, want %#x", x, got, want)
		}
	}
	for b := range 256 {
		if v := fromE4M3(uint8(b)); b&127 != 127 && toE4M3(v) != uint8(b) {
			t.Errorf("%#x is %v, which is %#x", b, v, toE4M3(v))
		}
	}
}
