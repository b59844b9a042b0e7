package kerneltest

import (
	"bytes"
	"fmt"

	"orchrt/kernels"
)

// The cases of this file are for devices that have other kernels for steps of
// many rows: the row counts of Options.Many.

// checkMany: MulAdd, NormGateUp and NormLogits of many rows, each with another of the counts, in shapes that
// leave remainders of rows, of columns of output and of 256 columns of input.
func checkMany(r *rig, t kernels.Type) {
	ins, at := columns(t), int(t)
	n := func() int { at++; return r.opt.Many[at%len(r.opt.Many)] }
	w := r.weight(t, 150, ins[2])
	rows := n()
	mulAdd(r, w, r.normal(rows*w.in), rows)
	r.release()
	manyGates(r, t, n(), 70, ins[1], t)
	manyLogits(r, t, n(), 35, ins[0])
}

// checkManyShapes: all of the counts, matrices of more than 256 rows, gates and ups of two types.
func checkManyShapes(r *rig) {
	for i, n := range r.opt.Many {
		pick := func() kernels.Type { return r.opt.Types[r.random.IntN(len(r.opt.Types))] }
		w := r.weight(pick(), 300+i, 512)
		mulAdd(r, w, r.normal(n*w.in), n)
		r.release()
		manyGates(r, pick(), n, 40, 256, pick())
	}
}

// manyGates: NormGateUp of n rows.
func manyGates(r *rig, t kernels.Type, n, ffn, hidden int, up kernels.Type) {
	norm, w, w2 := r.f32("norm", r.gains(hidden)), r.weight(t, ffn, hidden), r.weight(up, ffn, hidden)
	x, h := r.f32("x", r.normal(n*hidden)), r.junk("h", n*ffn)
	r.both(func(s side) {
		s.NormGateUp(s.mat(h, n, ffn), s.mat(x, n, hidden), &kernels.FFN{Norm: s.buf(norm), Gate: s.weight(w), Up: s.weight(w2), Eps: 1e-5})
	})
	r.compare(fmt.Sprintf("%d rows, [%d, %d], gate %v, up %v", n, ffn, hidden, t, up), h, 2.5*r.opt.tol(t, up), 0.3)
	r.release()
}

// manyLogits: NormLogits of n rows chosen from fewer.
func manyLogits(r *rig, t kernels.Type, n, vocab, hidden int) {
	const from = 50
	pick := make([]int32, n)
	for i := range pick {
		pick[i] = int32(r.random.IntN(from))
	}
	w, norm := r.weight(t, vocab, hidden), r.f32("norm", r.gains(hidden))
	x, y, want := r.f32("x", r.normal(from*hidden)), r.junk("y", n*vocab), r.i32("want", pick)
	r.both(func(s side) {
		s.NormLogits(s.mat(y, n, vocab), s.mat(x, from, hidden), &kernels.Head{Norm: s.buf(norm), Out: s.weight(w), Eps: 1e-6}, s.buf(want))
	})
	r.compare(fmt.Sprintf("%d of %d rows, [%d, %d]", n, from, vocab, hidden), y, r.opt.tol(t), 0.5)
	r.release()
}

// checkManyAlone: a row of many does not depend on how many there are, nor on its place among them, as long as there
// are no fewer than the least count of Options.Many.
func checkManyAlone(r *rig, t kernels.Type) {
	least := r.opt.Many[0]
	for _, n := range r.opt.Many {
		least = min(least, n)
	}
	n, out, in := 2*least+7, 35, columns(t)[1]
	w := r.weight(t, out, in)
	input, addend := r.normal(n*in), r.normal(n*out)
	d := side{r.dev, 0}
	compute := func(rows []int) []byte {
		defer r.scope()()
		x, y := r.f32("x", pickRows(input, in, rows)), r.f32("y", pickRows(addend, out, rows))
		d.MulAdd(d.mat(y, len(rows), out), d.mat(x, len(rows), in), d.weight(w))
		r.settle("MulAdd", y)
		return y.data
	}
	want := bytes.Clone(compute(count(0, n)))
	perm := r.random.Perm(n)
	for _, rows := range [][]int{perm[:least], perm[least:]} {
		got := compute(rows)
		for i, row := range rows {
			if !bytes.Equal(got[4*i*out:][:4*out], want[4*row*out:][:4*out]) {
				r.failf("MulAdd: row %d differs between a call with %d rows and one with %d", row, n, len(rows))
				break
			}
		}
	}
}

// checkManyQKV: a step of prefill chunks and single rows.
func checkManyQKV(r *rig) {
	for _, n := range r.opt.Many {
		seqs := []sequence{{start: 3, count: n - 5}, {start: 500, count: 1}, {start: 0, count: 4}}
		pages := r.takePages(seqs)
		l := newLayer(r, layerShape{heads: 3, kvHeads: 1, dim: r.opt.HeadDims[0], hidden: 256, cache: r.opt.Caches[0], pages: pages, positions: 1001})
		st := r.step(pages-1, seqs...)
		x, q := r.f32("x", r.normal(st.n*l.hidden)), r.junk("q", st.n*l.width())
		r.both(func(s side) {
			s.NormQKV(s.mat(q, st.n, l.width()), l.precise(s), s.mat(x, st.n, l.hidden), l.on(s), st.on(s))
		})
		what := fmt.Sprintf("%d rows, weights %v %v %v", st.n, l.q.t, l.k.t, l.v.t)
		r.compare(what, q, r.opt.tol(l.q.t), 0, l.cacheArrays()...)
		checkStored(r, what, l, st, "K", l.keys, l.kScale, l.exact.K, r.opt.tol(l.k.t))
		checkStored(r, what, l, st, "V", l.values, l.vScale, l.exact.V, r.opt.tol(l.v.t))
		r.release()
	}
}
