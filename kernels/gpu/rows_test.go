package gpu_test

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/x448/float16"

	"orchrt/kernels"
	"orchrt/kernels/gpu"
	"orchrt/kernels/gpu/emu"
)

// upload puts numbers on a device.
func upload(t testing.TB, d kernels.Device, data any) kernels.Buf {
	t.Helper()
	b, err := binary.Append(nil, binary.NativeEndian, data)
	if err != nil {
		t.Fatal(err)
	}
	buf, err := d.Alloc(int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	d.Write(buf, b)
	return buf
}

// download reads n numbers from a device.
func download[T uint16 | float32](t testing.TB, d *gpu.Device, b kernels.Buf, n int) []T {
	t.Helper()
	x := make([]T, n)
	raw := make([]byte, binary.Size(x))
	if err := d.Read(raw, b); err != nil {
		t.Fatal(err)
	}
	if _, err := binary.Decode(raw, binary.NativeEndian, x); err != nil {
		t.Fatal(err)
	}
	return x
}

// normals is n values of the normal distribution times size.
func normals(random *rand.Rand, n int, size float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(size * random.NormFloat64())
	}
	return x
}

// activation is where act.cuh keeps column k of row r, in 16-bit values: written from its text, not from rows.cu.
func activation(r, k, padded int) int {
	tile, t, h, i, p, in := k/256, k/32%4, k/128%2, k/8%4, k/4%2, k%4
	block, step := 4*tile+2*h+i/2, 2*(i%2)+p
	chunk := (2*step + in%2) ^ r%8
	return (block*padded+r)*64 + 8*chunk + 2*t + in/2
}

// TestNarrow: every value of every row where act.cuh says, over rows of all sizes, gathered and normed.
func TestNarrow(t *testing.T) {
	d, err := gpu.New(emulated(t, emu.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	random := rand.New(rand.NewPCG(3, 4))
	const rows, cols, eps = 9, 2336, 1e-6
	x, gains := make([]float32, 0, rows*cols), normals(random, cols, 1)
	for _, size := range []float64{1, 0, 1e-20, 3e4, 1e-5, 1e20, 7, 0.1, 1} {
		x = append(x, normals(random, cols, size)...)
	}
	input, norm := kernels.Mat{Buf: upload(t, d, x), Rows: rows, Cols: cols}, upload(t, d, gains)
	want := []int32{8, 0, 3, 3, 1, 6, 2}
	for _, normed := range []bool{false, true} {
		for _, bf16 := range []bool{false, true} {
			n, spec, pick := rows, kernels.Buf{}, kernels.Buf{}
			if normed {
				n, spec, pick = len(want), norm, upload(t, d, want)
			}
			blocks, scales, padded := gpu.Narrow(d, input, n, spec, eps, pick, bf16)
			got, scale := download[uint16](t, d, blocks, padded*2560), download[float32](t, d, scales, n)
			for i := range n {
				row, r := x[i*cols:][:cols], 1.0
				if normed {
					row = x[int(want[i])*cols:][:cols]
					sum := 0.0
					for _, v := range row {
						sum += float64(v) * float64(v)
					}
					r = 1 / math.Sqrt(sum/cols+eps)
				}
				most, least := 0.0, 1e-38
				for k := range 2560 {
					h, bits := 0.0, got[activation(i, k, padded)]
					if k < cols {
						h = float64(row[k]) * r
						if normed {
							h *= float64(gains[k])
						}
					}
					v, step := float64(math.Float32frombits(uint32(bits)<<16)), 0x1p-8
					if !bf16 {
						stored := float64(float16.Frombits(bits).Float32())
						v, step = stored*float64(scale[i]), 0x1p-11
						most = max(most, math.Abs(stored))
						least = 0x1p-24 * float64(scale[i])
					}
					if !(math.Abs(v-h) <= math.Abs(h)*step*1.01+least) {
						t.Fatalf("normed %v, bf16 %v: column %d of row %d is %v, want %v", normed, bf16, k, i, v, h)
					}
				}
				if frac, _ := math.Frexp(float64(scale[i])); frac != 0.5 || bf16 && scale[i] != 1 {
					t.Errorf("scale %v", scale[i])
				}
				if zero := row[0] == 0; !bf16 && (zero && scale[i] != 1 || !zero && !(most >= 8191 && most <= 16384)) {
					t.Errorf("normed %v: row %d has scale %v, greatest value %v", normed, i, scale[i], most)
				}
			}
		}
	}
}

// TestFinishHeads: norm, rotation and append of heads whose size is no power of two, many to a launch.
func TestFinishHeads(t *testing.T) {
	d, err := gpu.New(emulated(t, emu.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	random := rand.New(rand.NewPCG(5, 6))
	const n, heads, kvHeads, dim, all = 5, 3, 1, 80, 5
	kv := kernels.Cache{Type: kernels.CacheF32, Pages: 2, Heads: kvHeads, HeadDim: dim}
	kv.K, kv.V = upload(t, d, make([]float32, 128*dim)), upload(t, d, make([]float32, 128*dim))
	qkv, qNorm, kNorm, table := normals(random, n*all*dim, 2), normals(random, dim, 1), normals(random, dim, 1), normals(random, 10*dim, 1)
	pos, slot := []int32{7, 0, 9, 3, 4}, []int32{127, 0, 64, 63, 5}
	q := kernels.Mat{Buf: upload(t, d, make([]float32, n*heads*dim)), Rows: n, Cols: heads * dim}
	gpu.FinishHeads(d, upload(t, d, qkv), q, kv, &kernels.Attention{QNorm: upload(t, d, qNorm), KNorm: upload(t, d, kNorm),
		Rope: upload(t, d, table), Eps: 1e-6, Heads: heads, KVHeads: kvHeads, HeadDim: dim},
		kernels.Rows{N: n, Pos: upload(t, d, pos), Slot: upload(t, d, slot)})
	gotQ, gotK, gotV := download[float32](t, d, q.Buf, n*heads*dim), download[float32](t, d, kv.K, 128*dim), download[float32](t, d, kv.V, 128*dim)
	for i := range n {
		for h := range all {
			x, gains, got := qkv[(i*all+h)*dim:][:dim], kNorm, gotK[int(slot[i])*dim:][:dim]
			if h < heads {
				gains, got = qNorm, gotQ[(i*heads+h)*dim:][:dim]
			} else if h == all-1 {
				got = gotV[int(slot[i])*dim:][:dim]
			}
			sum := 0.0
			for _, v := range x {
				sum += float64(v) * float64(v)
			}
			r := 1 / math.Sqrt(sum/dim+1e-6)
			for k := range dim {
				want := float64(x[k])
				if h < all-1 { // q or k
					half := k % (dim / 2)
					a, b := float64(x[half]*gains[half])*r, float64(x[half+dim/2]*gains[half+dim/2])*r
					cos, sin := float64(table[int(pos[i])*dim+2*half]), float64(table[int(pos[i])*dim+2*half+1])
					want = a*cos - b*sin
					if k >= dim/2 {
						want = a*sin + b*cos
					}
				}
				if !(math.Abs(float64(got[k])-want) <= 1e-5) {
					t.Fatalf("value %d of head %d, row %d is %v, want %v", k, h, i, got[k], want)
				}
			}
		}
	}
}
