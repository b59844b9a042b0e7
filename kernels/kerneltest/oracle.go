package kerneltest

import (
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"orchrt/kernels"
)

// oracle is a Device in plain Go. Weights are kept as float32; everything
// computed inside an operation is float64.
type oracle struct {
	mem memory
}

var _ kernels.Device = (*oracle)(nil)

// NewOracle returns the reference Device: float64 arithmetic in plain Go on
// float32 copies of the weights, in an address space of its own. It takes any
// shape that the seam allows. Addresses outside its allocations, slots, pages,
// positions and ids out of range panic.
func NewOracle() kernels.Device { return &oracle{} }

// Name implements kernels.Device.
func (o *oracle) Name() string { return "oracle (float64)" }

// Memory implements kernels.Device; the total is a nominal limit.
func (o *oracle) Memory() (free, total int64) { return memoryLimit - o.mem.used, memoryLimit }

// Alloc implements kernels.Device.
func (o *oracle) Alloc(n int64) (kernels.Buf, error) { return o.mem.alloc(n) }

// Free implements kernels.Device.
func (o *oracle) Free(b kernels.Buf) { o.mem.free(b) }

// Write implements kernels.Device.
func (o *oracle) Write(dst kernels.Buf, src []byte) { copy(view[uint8](&o.mem, dst, len(src)), src) }

// Read implements kernels.Device.
func (o *oracle) Read(dst []byte, src kernels.Buf) error {
	copy(dst, view[uint8](&o.mem, src, len(dst)))
	return nil
}

// Close implements kernels.Device.
func (o *oracle) Close() error {
	o.mem = memory{}
	return nil
}

// Pack implements kernels.Device: the layout is float32 [out, in].
func (o *oracle) Pack(t kernels.Type, out, in int, src io.ReaderAt) (kernels.Weight, error) {
	if _, ok := t.Format(); !ok {
		return kernels.Weight{}, fmt.Errorf("kerneltest: weights of %v", t)
	}
	if out <= 0 {
		panic(fmt.Sprintf("kerneltest: Pack of %d rows", out))
	}
	row := make([]byte, t.RowBytes(in))
	buf, err := o.mem.alloc(int64(out) * int64(in) * 4)
	if err != nil {
		return kernels.Weight{}, err
	}
	w := kernels.Weight{Buf: buf, Type: t, Out: out, In: in, Scale: 1}
	for i := range out {
		n, err := src.ReadAt(row, int64(i)*int64(len(row)))
		if n == len(row) {
			err = kernels.Dequantize(o.weights(w)[i*in:][:in], t, row)
		} else if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			o.mem.free(buf)
			return kernels.Weight{}, err
		}
	}
	return w, nil
}

// weights is the memory of w, [out, in].
func (o *oracle) weights(w kernels.Weight) []float32 {
	return view[float32](&o.mem, w.Buf, w.Out*w.In)
}

// vec is the n float32 values of b.
func (o *oracle) vec(b kernels.Buf, n int) []float32 { return view[float32](&o.mem, b, n) }

// ints is the n int32 values of b.
func (o *oracle) ints(b kernels.Buf, n int) []int32 { return view[int32](&o.mem, b, n) }

// mat is the memory of m, [rows, cols].
func (o *oracle) mat(m kernels.Mat) []float32 { return o.vec(m.Buf, m.Rows*m.Cols) }

// row is row i of m.
func (o *oracle) row(m kernels.Mat, i int) []float32 { return o.mat(m)[i*m.Cols:][:m.Cols] }

// Embed implements kernels.Device.
func (o *oracle) Embed(y kernels.Mat, table kernels.Weight, ids kernels.Buf) {
	kernels.CheckEmbed(y, table, ids)
	w := o.weights(table)
	for i, id := range o.ints(ids, y.Rows) {
		for j, v := range w[int(id)*table.In:][:table.In] {
			o.row(y, i)[j] = v * table.Scale
		}
	}
}

// MulAdd implements kernels.Device.
func (o *oracle) MulAdd(x, y kernels.Mat, w kernels.Weight) {
	kernels.CheckMulAdd(x, y, w)
	rows := make([][]float64, y.Rows)
	for i := range rows {
		rows[i] = widen(o.row(y, i))
	}
	sum := o.mat(x)
	o.multiply(rows, w, func(i, j int, v float64) {
		sum[i*w.Out+j] = float32(float64(sum[i*w.Out+j]) + v)
	})
}

// NormGateUp implements kernels.Device.
func (o *oracle) NormGateUp(h, x kernels.Mat, w *kernels.FFN) {
	kernels.CheckNormGateUp(h, x, w)
	rows := make([][]float64, x.Rows)
	for i := range rows {
		rows[i] = rmsNorm(widen(o.row(x, i)), o.vec(w.Norm, x.Cols), w.Eps)
	}
	gate, out := o.product(rows, w.Gate), o.mat(h)
	o.multiply(rows, w.Up, func(i, j int, up float64) {
		g := gate[i][j]
		out[i*h.Cols+j] = float32(g / (1 + math.Exp(-g)) * up)
	})
}

// NormLogits implements kernels.Device.
func (o *oracle) NormLogits(y, x kernels.Mat, w *kernels.Head, want kernels.Buf) {
	kernels.CheckNormLogits(y, x, w, want)
	rows := make([][]float64, y.Rows)
	for i, r := range o.ints(want, y.Rows) {
		rows[i] = rmsNorm(widen(o.row(x, int(r))), o.vec(w.Norm, x.Cols), w.Eps)
	}
	out := o.mat(y)
	o.multiply(rows, w.Out, func(i, j int, v float64) { out[i*y.Cols+j] = float32(v) })
}

// product returns rows·wᵀ, [len(rows)][out].
func (o *oracle) product(rows [][]float64, w kernels.Weight) [][]float64 {
	y := make([][]float64, len(rows))
	for i := range y {
		y[i] = make([]float64, w.Out)
	}
	o.multiply(rows, w, func(i, j int, v float64) { y[i][j] = v })
	return y
}

// multiply calls put(i, j, v) for every element v of rows·wᵀ, from several
// goroutines, each element once.
func (o *oracle) multiply(rows [][]float64, w kernels.Weight, put func(i, j int, v float64)) {
	if len(rows) == 0 {
		return
	}
	all := o.weights(w)
	parallel(w.Out, len(rows)*w.In, func(j int) {
		wj := widen(all[j*w.In:][:w.In])
		for i, x := range rows {
			put(i, j, dot(x, wj)*float64(w.Scale))
		}
	})
}

// parallel calls f(0..n-1) on as many goroutines as n calls of `work`
// multiplications each are worth.
func parallel(n, work int, f func(i int)) {
	workers := min(runtime.GOMAXPROCS(0), 1+n*work>>18, n)
	if workers <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	chunk := max(n/(8*workers), 1)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for {
				end := int(next.Add(int64(chunk)))
				if end-chunk >= n {
					return
				}
				for i := end - chunk; i < min(end, n); i++ {
					f(i)
				}
			}
		})
	}
	wg.Wait()
}

// widen returns x in float64.
func widen(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// dot is the product of x and y, of one length.
func dot(x, y []float64) float64 {
	var s0, s1, s2, s3 float64
	y = y[:len(x)]
	for len(x) >= 4 && len(y) >= 4 {
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
		x, y = x[4:], y[4:]
	}
	for i, v := range x {
		s0 += v * y[i]
	}
	return s0 + s1 + s2 + s3
}

// rmsNorm replaces x by x/√(mean(x²)+eps)·w and returns it.
func rmsNorm(x []float64, w []float32, eps float32) []float64 {
	scale := 1 / math.Sqrt(dot(x, x)/float64(len(x))+float64(eps))
	for i := range x {
		x[i] *= scale * float64(w[i])
	}
	return x
}
