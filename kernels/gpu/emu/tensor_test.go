package emu

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/x448/float16"

	"orchrt/kernels/gpu"
)

// tensorArgs mirrors TensorArgs.
type tensorArgs struct {
	Map             gpu.TensorMap
	Out, In         uint64
	Rows            int32
	Row, Col, Fault int32
	_               [4]uint64
}

// halves puts a [rows, cols] matrix of random f16 into device memory and returns it and where it lies.
func halves(t *testing.T, d *Driver, random *rand.Rand, rows, cols int) ([]uint16, uint64) {
	t.Helper()
	x := make([]uint16, rows*cols)
	for i := range x {
		x[i] = float16.Fromfloat32(float32(random.NormFloat64())).Bits()
	}
	at, err := d.Alloc(int64(2 * len(x)))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := binary.Append(nil, binary.NativeEndian, x)
	if err := d.Write(at, b); err != nil {
		t.Fatal(err)
	}
	return x, at
}

// TestTensorBox: boxes within a matrix and across its borders, swizzled.
func TestTensorBox(t *testing.T) {
	d := open(t, Options{})
	const rows, cols = 50, 192
	x, at := halves(t, d, rand.New(rand.NewPCG(1, 1)), rows, cols)
	for _, c := range [][3]int{{1, 0, 0}, {8, 0, 0}, {20, 30, 128}, {64, 0, 64}, {33, 31, 64}, {16, 60, 0}, {16, -7, 0}, {8, 0, -8}, {8, 3, 152}} {
		box, row, col := c[0], c[1], c[2]
		m, err := d.TensorMap(gpu.TensorMatrix{Addr: at, Rows: rows, Cols: cols, BoxRows: box})
		if err != nil {
			t.Fatal(err)
		}
		out := floats(t, d, make([]float32, 32*box))
		args := tensorArgs{Map: m, Out: out, Rows: int32(box), Row: int32(row), Col: int32(col)}
		if err := launch(d, "tensor_box", gpu.Grid{X: 1, Threads: 128, Shared: 34 << 10}, args); err != nil {
			t.Fatal(c, err)
		}
		got := values[uint16](t, d, out, 64*box)
		for r := range box {
			for k := range 64 {
				var want uint16
				if y, z := row+r, col+k; y >= 0 && y < rows && z >= 0 && z < cols {
					want = x[y*cols+z]
				}
				// Bits 4 to 6 of the address of a byte are xored with bits 7 to 9.
				byteAt := 128*r + 2*k
				if v := got[(byteAt^byteAt>>7&7<<4)/2]; v != want {
					t.Fatalf("box %v: row %d, column %d is %#x, want %#x", c, r, k, v, want)
				}
			}
		}
	}
}

// TestTensorFaults: what a true copy would do with undefined results.
func TestTensorFaults(t *testing.T) {
	d := open(t, Options{})
	_, at := halves(t, d, rand.New(rand.NewPCG(1, 2)), 16, 64)
	good := gpu.TensorMatrix{Addr: at, Rows: 16, Cols: 64, BoxRows: 16}
	m, err := d.TensorMap(good)
	if err != nil {
		t.Fatal(err)
	}
	args := tensorArgs{Map: m, Out: floats(t, d, make([]float32, 512)), In: floats(t, d, make([]float32, 64)), Rows: 16}
	run := func(args tensorArgs) error {
		return launch(d, "tensor_box", gpu.Grid{X: 1, Threads: 128, Shared: 34 << 10}, args)
	}
	for fault, want := range []string{"", "begins at multiples of 1024", "no thread can go on", "no wait for it", "no tensor map lies at"} {
		args.Fault = int32(fault)
		if err := run(args); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("fault %d: got %v, want %q", fault, err, want)
		}
	}
	args.Fault = 0
	args.Map[0]++
	if err := run(args); err == nil || !strings.Contains(err.Error(), "no tensor map lies at") {
		t.Errorf("what is no map: %v", err)
	}
	args.Map, args.Col = m, 4
	if err := run(args); err == nil || !strings.Contains(err.Error(), "no multiple of 8") {
		t.Errorf("a column within a chunk: %v", err)
	}
	large, wide := good, good
	large.Rows, wide.Cols = 17, 80
	for want, bad := range map[string]gpu.TensorMatrix{"not within one allocation": large, "columns must be a multiple of 64": wide} {
		if _, err := d.TensorMap(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", bad, err, want)
		}
	}
	if _, err := open(t, Options{Major: 8}).TensorMap(good); err == nil || !strings.Contains(err.Error(), "need compute capability 9.0") {
		t.Errorf("before compute capability 9.0: %v", err)
	}
}

// TestWarpGroupProduct: products with B in both orders, as tensor maps bring it, against plain ones.
func TestWarpGroupProduct(t *testing.T) {
	d := open(t, Options{})
	random := rand.New(rand.NewPCG(1, 3))
	for _, c := range []struct {
		kernel string
		n      int
		across bool
	}{{"product_64", 64, false}, {"product_128", 128, false}, {"product_across_64", 64, true}, {"product_across_128", 128, true}} {
		b := gpu.TensorMatrix{Rows: int64(c.n), Cols: 64, BoxRows: c.n}
		if c.across {
			b = gpu.TensorMatrix{Rows: 64, Cols: int64(c.n), BoxRows: 64}
		}
		left, in := halves(t, d, random, 64, 64)
		right, at := halves(t, d, random, int(b.Rows), int(b.Cols))
		b.Addr = at
		m, err := d.TensorMap(b)
		if err != nil {
			t.Fatal(err)
		}
		out := floats(t, d, make([]float32, 64*c.n))
		if err := launch(d, c.kernel, gpu.Grid{X: 1, Threads: 128, Shared: 128*c.n + 8}, tensorArgs{Map: m, Out: out, In: in}); err != nil {
			t.Fatal(err)
		}
		product := values[float32](t, d, out, 64*c.n)
		spoilt := tensorArgs{Map: m, Out: out, In: in, Rows: 1}
		g := gpu.Grid{X: 1, Threads: 128, Shared: 128*c.n + 8}
		if err := launch(d, c.kernel, g, spoilt); err != nil {
			t.Fatal(err)
		}
		if changed := values[float32](t, d, out, 64*c.n); slices.Equal(changed, product) {
			t.Errorf("%s: the first 128 bytes of B do not matter", c.kernel)
		}
		spoilt.Fault = 1
		if err := launch(d, c.kernel, g, spoilt); err == nil || !strings.Contains(err.Error(), "wrote without async_fence_shared") {
			t.Errorf("%s: without a fence: %v", c.kernel, err)
		}
		value := func(x []uint16, i int) float64 { return float64(float16.Frombits(x[i]).Float32()) }
		for i, got := range product {
			row, col, want := i/c.n, i%c.n, 0.
			for k := range 64 {
				if c.across {
					want += value(left, row*64+k) * value(right, k*c.n+col)
				} else {
					want += value(left, row*64+k) * value(right, col*64+k)
				}
			}
			if math.Abs(float64(got)-want) > 1e-4 {
				t.Fatalf("%s: row %d, column %d is %v, want %v", c.kernel, row, col, got, want)
			}
		}
	}
}
