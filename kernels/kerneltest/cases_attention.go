package kerneltest

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"orchrt/kernels"
)

// headCounts are numbers of query and KV heads: groups of 1 to 8.
var headCounts = [][2]int{{1, 1}, {2, 1}, {6, 2}, {8, 2}, {5, 1}, {6, 1}, {7, 1}, {8, 1}, {8, 8}}

// headsFor is the share of headCounts that is tried with one cache type; the
// caches of a device share out all of them.
func headsFor(r *rig, cache kernels.CacheType) [][2]int {
	var some [][2]int
	for i := slices.Index(r.opt.Caches, cache); i < len(headCounts); i += len(r.opt.Caches) {
		some = append(some, headCounts[i])
	}
	return some
}

// mixedStep is a step of many kinds of rows: a chunk of a prompt over the
// border of a page, a prompt's start, and tokens at the borders of pages.
func mixedStep() []sequence {
	return []sequence{{start: 58, count: 11}, {start: 0, count: 1}, {start: 63, count: 1}, {start: 64, count: 1},
		{start: 127, count: 1}, {start: 1000, count: 1}, {start: 0, count: 3}}
}

// roundingOf is the relative error that storing in the cache adds.
func roundingOf(t kernels.CacheType) float64 {
	switch t {
	case kernels.CacheF16:
		return 5e-4
	case kernels.CacheQ8:
		return 1e-2
	case kernels.CacheFP8:
		return 3e-2 // steps of 1/8 to 1/16 of the value: 2.6e-2 on the mean
	}
	return 0
}

// checkNormQKV: q and the new keys and values; the rest of the cache stays.
func checkNormQKV(r *rig, cache kernels.CacheType, dim int) {
	for _, heads := range headsFor(r, cache) {
		seqs := mixedStep()
		pages := r.takePages(seqs)
		l := newLayer(r, layerShape{heads: heads[0], kvHeads: heads[1], dim: dim, hidden: 256, cache: cache, pages: pages, positions: 1001})
		st := r.step(pages-1, seqs...)
		x, q := r.f32("x", r.normal(st.n*l.hidden)), r.junk("q", st.n*l.width())
		before := [][]byte{bytes.Clone(l.keys.data), bytes.Clone(l.values.data), bytes.Clone(l.kScale.data), bytes.Clone(l.vScale.data)}
		r.both(func(s side) {
			s.NormQKV(s.mat(q, st.n, l.width()), l.precise(s), s.mat(x, st.n, l.hidden), l.on(s), st.on(s))
		})
		what := fmt.Sprintf("%d heads over %d, weights %v %v %v", heads[0], heads[1], l.q.t, l.k.t, l.v.t)
		r.compare(what, q, r.opt.tol(l.q.t), 0, l.cacheArrays()...)
		checkStored(r, what, l, st, "K", l.keys, l.kScale, l.exact.K, r.opt.tol(l.k.t))
		checkStored(r, what, l, st, "V", l.values, l.vScale, l.exact.V, r.opt.tol(l.v.t))
		for i, a := range l.cacheArrays() {
			checkUntouched(r, what, l, st, a, before[i])
		}
		r.release()
	}
}

// checkStored holds the lines that the step wrote against the oracle's in
// float32, within the error of the product and of the storage.
func checkStored(r *rig, what string, l *layer, st step, name string, values, scales *array, exact kernels.Buf, tol float64) {
	raw := make([]byte, exact.Size)
	r.must(r.ref.Read(raw, exact))
	all := decode(raw)
	for i, slot := range st.slots {
		for h := range l.kvHeads {
			line := l.line(int(slot), h)
			got, want := l.decode(values, scales, line), all[line*l.dim:][:l.dim]
			var err error
			if l.cache == kernels.CacheQ8 {
				err = fullRange(l, values, scales, line, want, tol)
			} else {
				err = closeTo(got, want, tol+roundingOf(l.cache), 0)
			}
			if err != nil {
				r.failf("%s: %s of row %d, head %d: %v", what, name, i, h, err)
			}
		}
	}
}

// fullRange checks a line of the 8-bit cache: the greatest magnitude is stored
// as ±127, and every value is rounded to the nearest step.
func fullRange(l *layer, values, scales *array, line int, want []float32, tol float64) error {
	top := 0
	for _, b := range l.span(values, line) {
		top = max(top, int(int8(b)), -int(int8(b)))
	}
	if top != 127 {
		return fmt.Errorf("greatest magnitude stored as %d, not 127", top)
	}
	scale := math.Abs(float64(decode(l.span(scales, line))[0]))
	for i, v := range l.decode(values, scales, line) {
		if d := math.Abs(float64(v) - float64(want[i])); !(d <= 0.501*scale+8*tol*rms(want)) {
			return fmt.Errorf("value %d is %v, want %v: off by more than half a step of %v", i, v, want[i], scale)
		}
	}
	return nil
}

// checkUntouched compares the lines that the step did not write.
func checkUntouched(r *rig, what string, l *layer, st step, a *array, before []byte) {
	written := map[int]bool{}
	for _, slot := range st.slots {
		for h := range l.kvHeads {
			written[l.line(int(slot), h)] = true
		}
	}
	old := &array{data: before}
	for line := range l.pages * l.kvHeads * kernels.PageTokens {
		if !written[line] && !bytes.Equal(l.span(a, line), l.span(old, line)) {
			r.failf("%s: %s: line %d, which no row of the step names, was changed", what, a.name, line)
			return
		}
	}
}

// fillCache puts random keys and values at the positions 0..last of every
// sequence; all other lines keep their NaNs.
func fillCache(r *rig, l *layer, seqs []sequence) {
	for _, s := range seqs {
		for pos := range s.start + s.count {
			for h := range l.kvHeads {
				line := l.line(s.slot(pos), h)
				l.encode(l.keys, l.kScale, line, r.normal(l.dim))
				l.encode(l.values, l.vScale, line, r.normal(l.dim))
			}
		}
	}
	for _, a := range l.cacheArrays() {
		r.set(a, a.data)
	}
}

// checkAttend: rows see the positions up to their own, through their table.
func checkAttend(r *rig, cache kernels.CacheType, dim int) {
	attend(r, layerShape{heads: 4, kvHeads: 2, dim: dim, hidden: 256, cache: cache, positions: 1},
		[]sequence{{start: 0, count: 130}, {start: 200, count: 20}})
	for _, heads := range headsFor(r, cache) {
		attend(r, layerShape{heads: heads[0], kvHeads: heads[1], dim: dim, hidden: 256, cache: cache, positions: 1}, mixedStep())
	}
}

// attend compares one step over a full cache, with soft and peaked weights.
func attend(r *rig, shape layerShape, seqs []sequence) {
	shape.pages = r.takePages(seqs)
	l := newLayer(r, shape)
	fillCache(r, l, seqs)
	st := r.step(l.pages-1, seqs...)
	for _, size := range []float32{1, 5} {
		query := r.normal(st.n * l.width())
		for j := range query {
			query[j] *= size
		}
		q, y := r.f32("q", query), r.junk("y", st.n*l.width())
		r.both(func(s side) {
			s.Attend(s.mat(y, st.n, l.width()), s.mat(q, st.n, l.width()), l.cacheOn(s), st.on(s))
		})
		r.compare(fmt.Sprintf("%d heads over %d, queries of size %v", l.heads, l.kvHeads, size), y, r.opt.Attend*float64(size), 0)
	}
	r.release()
}

// checkSteps runs three sequences through several steps, prompts in chunks
// together with single tokens, each Attend reading what NormQKV stored.
func checkSteps(r *rig, cache kernels.CacheType, dim int) {
	all := []sequence{{count: 103}, {count: 67}, {count: 5}}
	pages := r.takePages(all)
	l := newLayer(r, layerShape{heads: 4, kvHeads: 2, dim: dim, hidden: 256, cache: cache, pages: pages, positions: 128})
	part := func(i, start, count int) sequence {
		return sequence{pages: all[i].pages, start: start, count: count}
	}
	// The weights of attention move with the errors of q and k, its sums with those of v.
	tol := 4 * (r.opt.tol(l.q.t, l.k.t, l.v.t) + roundingOf(cache) + r.opt.Attend)
	for i, seqs := range [][]sequence{
		{part(0, 0, 37), part(1, 0, 64)},
		{part(1, 64, 1), part(0, 37, 63)},
		{part(0, 100, 1), part(2, 0, 3), part(1, 65, 1)},
		{part(0, 101, 1), part(1, 66, 1), part(2, 3, 1)},
		{part(2, 4, 1), part(0, 102, 1)},
	} {
		st := r.step(pages-1, seqs...)
		x := r.f32("x", r.normal(st.n*l.hidden))
		q, y := r.junk("q", st.n*l.width()), r.junk("y", st.n*l.width())
		r.both(func(s side) {
			s.NormQKV(s.mat(q, st.n, l.width()), l.precise(s), s.mat(x, st.n, l.hidden), l.on(s), st.on(s))
			s.Attend(s.mat(y, st.n, l.width()), s.mat(q, st.n, l.width()), l.precise(s), st.on(s))
		})
		r.compare(fmt.Sprintf("step %d, weights %v %v %v", i, l.q.t, l.k.t, l.v.t), y, tol, 0, append(l.cacheArrays(), q)...)
	}
}
