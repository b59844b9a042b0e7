package kerneltest

import (
	"fmt"
	"math"

	"orchrt/kernels"
)

// rowCounts are the numbers of rows that the operations are given.
var rowCounts = []int{1, 2, 3, 4, 7, 8, 9, 16, 17, 33}

// columns are small numbers of columns for t: multiples of its block and of 32.
func columns(t kernels.Type) []int {
	switch f, _ := t.Format(); f.Values {
	case 256:
		return []int{256, 512, 768}
	case 64:
		return []int{64, 192, 320}
	}
	return []int{32, 96, 288}
}

// checkEmbed: rows of the table, repeated and out of order, in full precision.
func checkEmbed(r *rig, t kernels.Type) {
	const vocab = 37
	for _, in := range columns(t) {
		table := r.weight(t, vocab, in)
		for _, n := range rowCounts {
			ids := make([]int32, n)
			for i := range ids {
				ids[i] = int32(r.random.IntN(vocab))
			}
			ids[n-1] = vocab - 1
			y, bids := r.junk("y", n*in), r.i32("ids", ids)
			r.both(func(s side) { s.Embed(s.mat(y, n, in), s.weight(table), s.buf(bids)) })
			r.compare(fmt.Sprintf("%d rows of [%d, %d]", n, vocab, in), y, 1e-6, 0)
		}
		r.release()
	}
}

// checkMulAdd: x += y·wᵀ in odd shapes.
func checkMulAdd(r *rig, t kernels.Type) {
	ins := columns(t)
	shapes := [][2]int{{1, ins[0]}, {5, ins[1]}, {17, ins[2]}, {33, ins[0]}, {100, ins[1]}}
	for _, shape := range shapes {
		out, in := shape[0], shape[1]
		w := r.weight(t, out, in)
		for _, n := range rowCounts {
			mulAdd(r, w, r.normal(n*in), n)
		}
		r.release()
	}
	w := r.weight(t, 70, 4096)
	mulAdd(r, w, r.normal(3*4096), 3)
	for i, size := range []float32{1e-6, 1e6} { // rows of very different sizes
		y := r.normal(4 * 4096)
		for j := range y {
			if j/4096%2 == i {
				y[j] *= size
			}
		}
		mulAdd(r, w, y, 4)
	}
}

// mulAdd compares one call on activations [n, in], row by row.
func mulAdd(r *rig, w weight, activations []float32, n int) {
	defer r.scope()()
	y := r.f32("y", activations)
	x := r.f32("x", r.normal(n*w.out))
	r.both(func(s side) { s.MulAdd(s.mat(x, n, w.out), s.mat(y, n, w.in), s.weight(w)) })
	what := fmt.Sprintf("%d rows times [%d, %d]", n, w.out, w.in)
	r.settle(what, x)
	got, want := decode(x.data), decode(r.want(x))
	for i := range n {
		// What the row gives at least, so that x itself does not hide errors.
		floor := rms(activations[i*w.in:][:w.in])
		err := closeTo(got[i*w.out:][:w.out], want[i*w.out:][:w.out], r.opt.tol(w.t), max(floor, 1e-2))
		if err != nil {
			r.failf("%s: row %d: %v", what, i, err)
		}
	}
}

// rms is the root mean square of x.
func rms(x []float32) float64 {
	sum := 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(len(x)))
}

// checkExtremes: the largest codes against activations that all have the
// largest size, of one sign and of the weights' signs, where narrow sums
// overflow; and rows of zeros, where a scale is zero.
func checkExtremes(r *rig, t kernels.Type) {
	if f, _ := t.Format(); f.Values > 1 {
		in := columns(t)[1]
		fills := []byte{0x00, 0xff, 0x7f, 0x80, 0x88, 0x77, 0xf0, 0x0f, 0x01, 0xfe, 0x55, 0xaa}
		scale := float32(1)
		if t == kernels.NVFP4 {
			scale = tensorScale(r.random, t)
		}
		raw := filledRows(t, in, fills, 1/float64(scale))
		values := make([]float32, len(fills)*in)
		r.must(kernels.Dequantize(values, t, raw))
		for i := range values {
			values[i] *= scale
		}
		w := r.pack(t, len(fills), in, raw).times(scale)
		for _, sign := range []float32{1, -1} {
			y := make([]float32, 0, (len(fills)+1)*in)
			for range in {
				y = append(y, sign)
			}
			for _, v := range values {
				if v < 0 {
					y = append(y, -sign)
				} else {
					y = append(y, sign)
				}
			}
			extremes(r, w, y, values)
		}
		r.release()
	}
	checkZeros(r, t)
}

// extremes compares w [out, in] times y [out+1, in], each value within the
// bound of the largest sum that its row of w can give, and the rounding of
// offsets that cancel.
func extremes(r *rig, w weight, y, values []float32) {
	n := w.out + 1
	x, by := r.f32("x", make([]float32, n*w.out)), r.f32("y", y)
	r.both(func(s side) { s.MulAdd(s.mat(x, n, w.out), s.mat(by, n, w.in), s.weight(w)) })
	r.settle("extremes", x)
	got, want := decode(x.data), decode(r.want(x))
	for i := range got {
		sum := 0.0
		for _, v := range values[i%w.out*w.in:][:w.in] {
			sum += math.Abs(float64(v))
		}
		if d := math.Abs(float64(got[i]) - float64(want[i])); !(d <= r.opt.tol(w.t)*sum+1e-6*math.Sqrt(float64(w.in))) {
			r.failf("extremes: row %d, column %d is %v, want %v, of at most %v", i/w.out, i%w.out, got[i], want[i], sum)
		}
	}
}

// checkLarge: weights of thousands, which narrow numbers hold no multiples of, in
// steps of every regime.
func checkLarge(r *rig, t kernels.Type) {
	const out = 20
	in := columns(t)[1]
	w := r.pack(t, out, in, randomRows(r.random, t, out, in, 8000*math.Sqrt(float64(in))))
	for _, n := range append([]int{1, 5, 33}, r.opt.Many...) {
		mulAdd(r, w, r.normal(n*in), n)
	}
	r.release()
}

// checkZeros: zero activations give exactly zero, and no NaN.
func checkZeros(r *rig, t kernels.Type) {
	const n, out = 3, 33
	in := columns(t)[0]
	zero := r.f32("zeros", make([]float32, n*in))
	x, h, y := r.f32("x", r.normal(n*out)), r.junk("h", n*out), r.junk("y", n*out)
	norm, want := r.f32("norm", r.gains(in)), r.i32("want", []int32{0, 1, 2})
	w := r.weight(t, out, in)
	before := decode(x.data)
	r.both(func(s side) {
		s.MulAdd(s.mat(x, n, out), s.mat(zero, n, in), s.weight(w))
		s.NormGateUp(s.mat(h, n, out), s.mat(zero, n, in), &kernels.FFN{Norm: s.buf(norm), Gate: s.weight(w), Up: s.weight(w), Eps: 1e-6})
		s.NormLogits(s.mat(y, n, out), s.mat(zero, n, in), &kernels.Head{Norm: s.buf(norm), Out: s.weight(w), Eps: 1e-6}, s.buf(want))
	})
	r.settle("zero activations", x, h, y)
	for i, v := range decode(x.data) {
		if v != before[i] {
			r.failf("zero activations: MulAdd changed %v to %v", before[i], v)
		}
	}
	for _, a := range []*array{h, y} {
		for _, v := range decode(a.data) {
			if v != 0 {
				r.failf("zero activations: %s has a %v", a.name, v)
				break
			}
		}
	}
	r.release()
}

// checkNormGateUp: h = silu(r·Gateᵀ)·(r·Upᵀ), small and large gates, and gate
// and up of different types.
func checkNormGateUp(r *rig, t kernels.Type) {
	ins := columns(t)
	shapes := [][2]int{{17, ins[0]}, {96, ins[1]}, {33, ins[2]}}
	for k, shape := range shapes {
		ffn, hidden := shape[0], shape[1]
		up := t
		if k == 2 {
			up = r.opt.Types[r.random.IntN(len(r.opt.Types))]
			hidden = 768 // columns of every type
		}
		gate, up2 := r.weight(t, ffn, hidden), r.weight(up, ffn, hidden)
		gains := r.gains(hidden)
		if k == 1 { // gates beyond what exp of a float32 holds
			for i := range gains {
				gains[i] *= 60
			}
		}
		norm := r.f32("norm", gains)
		for _, n := range []int{1, 3, 8, 17} {
			x, h := r.f32("x", r.normal(n*hidden)), r.junk("h", n*ffn)
			r.both(func(s side) {
				s.NormGateUp(s.mat(h, n, ffn), s.mat(x, n, hidden),
					&kernels.FFN{Norm: s.buf(norm), Gate: s.weight(gate), Up: s.weight(up2), Eps: 1e-5})
			})
			// Two factors, each with the error of a product; silu steepens one.
			r.compare(fmt.Sprintf("%d rows, [%d, %d], gate %v, up %v", n, ffn, hidden, t, up), h, 2.5*r.opt.tol(t, up), 0.3)
		}
		r.release()
	}
}

// checkNormLogits: chosen rows, repeated and out of order.
func checkNormLogits(r *rig, t kernels.Type) {
	ins := columns(t)
	for _, shape := range [][2]int{{33, ins[0]}, {538, ins[1]}} {
		vocab, hidden := shape[0], shape[1]
		w := r.weight(t, vocab, hidden)
		norm := r.f32("norm", r.gains(hidden))
		for _, m := range []int{1, 2, 5, 16, 33} {
			const n = 19
			pick := make([]int32, m)
			for i := range pick {
				pick[i] = int32(r.random.IntN(n))
			}
			x, y, want := r.f32("x", r.normal(n*hidden)), r.junk("y", m*vocab), r.i32("want", pick)
			r.both(func(s side) {
				s.NormLogits(s.mat(y, m, vocab), s.mat(x, n, hidden),
					&kernels.Head{Norm: s.buf(norm), Out: s.weight(w), Eps: 1e-6}, s.buf(want))
			})
			r.compare(fmt.Sprintf("%d of %d rows, [%d, %d]", m, n, vocab, hidden), y, r.opt.tol(t), 0.5)
		}
		r.release()
	}
}
