package kerneltest

import (
	"bytes"

	"orchrt/kernels"
)

// The cases of this file hold a row's result, bit for bit, against the result
// of the same row in other company. They need no oracle.

// rowOrders are ways to compute n rows: lists of groups of row numbers, each
// group one call.
func rowOrders(r *rig, n int) [][][]int {
	all := r.random.Perm(n)
	var alone, pairs [][]int
	for i := range n {
		alone = append(alone, []int{i})
	}
	for i := 0; i < n; i += 2 {
		pairs = append(pairs, all[i:min(i+2, n)])
	}
	return [][][]int{
		alone, pairs, {all},
		{all[:3], all[3:7], all[7:15], all[15:]},
		{all[:9], all[9:]},
	}
}

// checkRowsAlone: MulAdd, NormGateUp and NormLogits of 33 rows in one call give
// what other groups and orders of the rows give.
func checkRowsAlone(r *rig, t kernels.Type) {
	const n = 33
	ins := columns(t)
	out, in := 75, ins[1]
	w, up := r.weight(t, out, in), r.weight(t, out, in)
	norm := r.f32("norm", r.gains(in))
	input, addend := r.normal(n*in), r.normal(n*out)
	d := side{r.dev, 0}
	ops := map[string]func(x, y *array, rows []int){
		"MulAdd": func(x, y *array, rows []int) {
			d.MulAdd(d.mat(y, len(rows), out), d.mat(x, len(rows), in), d.weight(w))
		},
		"NormGateUp": func(x, y *array, rows []int) {
			d.NormGateUp(d.mat(y, len(rows), out), d.mat(x, len(rows), in),
				&kernels.FFN{Norm: d.buf(norm), Gate: d.weight(w), Up: d.weight(up), Eps: 1e-6})
		},
		"NormLogits": func(x, y *array, rows []int) {
			want := make([]int32, len(rows))
			for i := range want {
				want[i] = int32(i)
			}
			d.NormLogits(d.mat(y, len(rows), out), d.mat(x, len(rows), in),
				&kernels.Head{Norm: d.buf(norm), Out: d.weight(w), Eps: 1e-6}, d.buf(r.i32("want", want)))
		},
	}
	for _, name := range []string{"MulAdd", "NormGateUp", "NormLogits"} {
		compute := func(rows []int) []byte {
			defer r.scope()()
			x, y := r.f32("x", pickRows(input, in, rows)), r.f32("y", pickRows(addend, out, rows))
			ops[name](x, y, rows)
			r.settle(name, y)
			return y.data
		}
		checkOrders(r, name, n, 4*out, compute)
	}
}

// pickRows is the given rows of x, which has cols columns.
func pickRows(x []float32, cols int, rows []int) []float32 {
	var out []float32
	for _, i := range rows {
		out = append(out, x[i*cols:][:cols]...)
	}
	return out
}

// checkOrders compares compute(0..n-1) with all other ways to compute the rows,
// as far as they are of one regime; a row is `size` bytes of what compute returns.
func checkOrders(r *rig, what string, n, size int, compute func(rows []int) []byte) {
	type result struct {
		bytes []byte
		rows  int // of the call that gave it
	}
	known := map[[2]int]result{} // by regime and row
	check := func(rows []int) bool {
		got := compute(rows)
		for i, row := range rows {
			key, mine := [2]int{r.opt.regime(len(rows)), row}, got[i*size:][:size]
			want, ok := known[key]
			if !ok {
				known[key] = result{bytes.Clone(mine), len(rows)}
			} else if !bytes.Equal(mine, want.bytes) {
				r.failf("%s: row %d differs between a call with %d rows and one with %d, at column %d",
					what, row, want.rows, len(rows), firstDiff(mine, want.bytes)/4)
				return false
			}
		}
		return true
	}
	if !check(count(0, n)) {
		return
	}
	for _, groups := range rowOrders(r, n) {
		for _, rows := range groups {
			if !check(rows) {
				return
			}
		}
	}
}

// firstDiff is the first index where a and b differ.
func firstDiff(a, b []byte) int {
	for i := range a {
		if a[i] != b[i] {
			return i
		}
	}
	return len(a)
}

// checkNormQKVAlone: q and the stored lines of each row, alone and in company.
func checkNormQKVAlone(r *rig, cache kernels.CacheType, dim int) {
	seqs := mixedStep()
	pages := r.takePages(seqs)
	l := newLayer(r, layerShape{heads: 4, kvHeads: 2, dim: dim, hidden: 512, cache: cache, pages: pages, positions: 1001})
	whole := r.step(pages-1, seqs...)
	input := r.normal(whole.n * l.hidden)
	d := side{r.dev, 0}
	// run computes the rows of one call, and returns for each q and its lines of the cache.
	run := func(rows []int, seqs ...sequence) []byte {
		defer r.scope()()
		st := r.step(pages-1, seqs...)
		x, q := r.f32("x", pickRows(input, l.hidden, rows)), r.junk("q", st.n*l.width())
		d.NormQKV(d.mat(q, st.n, l.width()), l.cacheOn(d), d.mat(x, st.n, l.hidden), l.on(d), st.on(d))
		r.settle("NormQKV", append(l.cacheArrays(), q)...)
		var out []byte
		for i, slot := range st.slots {
			out = append(out, q.data[4*i*l.width():][:4*l.width()]...)
			for _, a := range l.cacheArrays() {
				for h := range l.kvHeads {
					out = append(out, l.span(a, l.line(int(slot), h))...)
				}
			}
		}
		return out
	}
	compareCompany(r, "NormQKV", seqs, whole.n, r.opt.regime, run)
}

// checkAttendAlone: y of each row, alone and in company, and with the
// sequences' pages elsewhere.
func checkAttendAlone(r *rig, cache kernels.CacheType, dim int) {
	seqs := mixedStep()
	pages := r.takePages(seqs)
	l := newLayer(r, layerShape{heads: 8, kvHeads: 2, dim: dim, hidden: 256, cache: cache, pages: pages, positions: 1})
	fillCache(r, l, seqs)
	whole := r.step(pages-1, seqs...)
	query := r.normal(whole.n * l.width())
	d := side{r.dev, 0}
	run := func(rows []int, seqs ...sequence) []byte {
		defer r.scope()()
		st := r.step(pages-1, seqs...)
		q, y := r.f32("q", pickRows(query, l.width(), rows)), r.junk("y", st.n*l.width())
		d.Attend(d.mat(y, st.n, l.width()), d.mat(q, st.n, l.width()), l.cacheOn(d), st.on(d))
		r.settle("Attend", y)
		return y.data
	}
	want := bytes.Clone(compareCompany(r, "Attend", seqs, whole.n, func(int) int { return 0 }, run))
	moved := movePages(r, l, seqs)
	if got := run(count(0, whole.n), moved...); !bytes.Equal(got, want) {
		r.failf("Attend: the result changed when the pages moved")
	}
}

// compareCompany holds the rows of a step against the same rows alone and in
// pairs, as far as those are of one regime, and against the sequences in the opposite order. It
// returns the step's results.
func compareCompany(r *rig, what string, seqs []sequence, n int, regime func(rows int) int, run func(rows []int, seqs ...sequence) []byte) []byte {
	want := bytes.Clone(run(count(0, n), seqs...))
	size := len(want) / n
	alone := want
	if regime(1) != regime(n) {
		alone = nil // alone, then in pairs, against each other
	}
	row := 0
	var backward []sequence
	var backRows []int
	for _, s := range seqs {
		var last []byte
		for i := range s.count {
			got := run([]int{row}, sequence{pages: s.pages, start: s.start + i, count: 1})
			if alone != nil && !bytes.Equal(got, want[row*size:][:size]) {
				r.failf("%s: row %d, position %d, differs alone, at byte %d", what, row, s.start+i, firstDiff(got, want[row*size:]))
			}
			if alone == nil && i > 0 {
				pair := append(last, got...)
				both := run([]int{row - 1, row}, sequence{pages: s.pages, start: s.start + i - 1, count: 2})
				if !bytes.Equal(both, pair) {
					r.failf("%s: rows %d and %d differ alone, at byte %d of %d", what, row-1, row, firstDiff(both, pair), size)
				}
			}
			last = bytes.Clone(got)
			row++
		}
		backward = append([]sequence{s}, backward...)
		backRows = append(count(row-s.count, s.count), backRows...)
	}
	got := run(backRows, backward...)
	for i, row := range backRows {
		if !bytes.Equal(got[i*size:][:size], want[row*size:][:size]) {
			r.failf("%s: row %d differs with the sequences in the opposite order", what, row)
		}
	}
	return want
}

// count is n numbers from `from`.
func count(from, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = from + i
	}
	return out
}

// movePages puts every page of the cache elsewhere and returns the sequences
// with tables that say so.
func movePages(r *rig, l *layer, seqs []sequence) []sequence {
	to := r.random.Perm(l.pages)
	for _, a := range l.cacheArrays() {
		old, size := bytes.Clone(a.data), len(a.data)/l.pages
		for from, at := range to {
			copy(a.data[at*size:][:size], old[from*size:][:size])
		}
		r.set(a, a.data)
	}
	var moved []sequence
	for _, s := range seqs {
		m := sequence{start: s.start, count: s.count}
		for _, p := range s.pages {
			m.pages = append(m.pages, int32(to[p]))
		}
		moved = append(moved, m)
	}
	return moved
}
