package kerneltest

import "orchrt/kernels"

// checkPanics: wrong shapes panic, write nothing, and the device goes on.
func checkPanics(r *rig) {
	const n, hidden = 2, 256
	dim := r.opt.HeadDims[0]
	l := newLayer(r, layerShape{heads: 2, kvHeads: 1, dim: dim, hidden: hidden, cache: r.opt.Caches[0], pages: 1, positions: 2})
	w := r.weight(r.opt.Types[0], hidden, hidden)
	x, q, ids := r.f32("x", r.normal(n*hidden)), r.junk("q", n*2*dim), r.i32("ids", []int32{0, 1})
	zeros := r.i32("zeros", []int32{0, 0})
	d := side{r.dev, 0}
	short := func(a *array) kernels.Buf { return d.buf(a).Slice(0, int64(len(a.data))-1) }
	mx, mq, bids := d.mat(x, n, hidden), d.mat(q, n, 2*dim), d.buf(ids)
	cut := func(m kernels.Mat, a *array) kernels.Mat { m.Buf = short(a); return m }
	fewer := func(m kernels.Mat) kernels.Mat { m.Rows--; return m }
	narrower := func(m kernels.Mat) kernels.Mat { m.Cols -= 32; return m }
	at := kernels.Rows{N: n, Seqs: 1, Pages: 1, Pos: bids, Slot: bids, Seq: d.buf(zeros), Table: d.buf(zeros)}
	ffn := kernels.FFN{Norm: d.buf(l.norm), Gate: d.weight(w), Up: d.weight(w), Eps: 1e-6}
	head := kernels.Head{Norm: d.buf(l.norm), Out: d.weight(w), Eps: 1e-6}
	layer := func(change func(a *kernels.Attention)) *kernels.Attention { a := *l.on(d); change(&a); return &a }
	cache := func(change func(c *kernels.Cache)) kernels.Cache { c := l.cacheOn(d); change(&c); return c }
	rows := func(change func(a *kernels.Rows)) kernels.Rows { a := at; change(&a); return a }

	calls := map[string]func(){
		"Embed: narrow y":          func() { d.Embed(narrower(mx), d.weight(w), bids) },
		"Embed: short y":           func() { d.Embed(cut(mx, x), d.weight(w), bids) },
		"Embed: short ids":         func() { d.Embed(mx, d.weight(w), short(ids)) },
		"MulAdd: narrow y":         func() { d.MulAdd(mx, narrower(mx), d.weight(w)) },
		"MulAdd: narrow x":         func() { d.MulAdd(narrower(mx), mx, d.weight(w)) },
		"MulAdd: rows":             func() { d.MulAdd(mx, fewer(mx), d.weight(w)) },
		"MulAdd: short x":          func() { d.MulAdd(cut(mx, x), mx, d.weight(w)) },
		"NormGateUp: narrow h":     func() { d.NormGateUp(narrower(mx), mx, &ffn) },
		"NormGateUp: narrow x":     func() { d.NormGateUp(mx, narrower(mx), &ffn) },
		"NormGateUp: rows":         func() { d.NormGateUp(mx, fewer(mx), &ffn) },
		"NormGateUp: short norm":   func() { f := ffn; f.Norm = short(l.norm); d.NormGateUp(mx, mx, &f) },
		"NormGateUp: other up":     func() { f := ffn; f.Up = l.q.on[0]; d.NormGateUp(mx, mx, &f) },
		"NormLogits: narrow y":     func() { d.NormLogits(narrower(mx), mx, &head, bids) },
		"NormLogits: narrow x":     func() { d.NormLogits(mx, narrower(mx), &head, bids) },
		"NormLogits: short want":   func() { d.NormLogits(mx, mx, &head, short(ids)) },
		"NormLogits: short norm":   func() { h := head; h.Norm = short(l.norm); d.NormLogits(mx, mx, &h, bids) },
		"NormQKV: narrow q":        func() { d.NormQKV(narrower(mq), l.cacheOn(d), mx, l.on(d), at) },
		"NormQKV: narrow x":        func() { d.NormQKV(mq, l.cacheOn(d), narrower(mx), l.on(d), at) },
		"NormQKV: rows of x":       func() { d.NormQKV(mq, l.cacheOn(d), fewer(mx), l.on(d), at) },
		"NormQKV: rows of q":       func() { d.NormQKV(fewer(mq), l.cacheOn(d), mx, l.on(d), at) },
		"NormQKV: short slots":     func() { d.NormQKV(mq, l.cacheOn(d), mx, l.on(d), rows(func(a *kernels.Rows) { a.Slot = short(ids) })) },
		"NormQKV: short positions": func() { d.NormQKV(mq, l.cacheOn(d), mx, l.on(d), rows(func(a *kernels.Rows) { a.Pos = short(ids) })) },
		"NormQKV: head norm": func() {
			d.NormQKV(mq, l.cacheOn(d), mx, layer(func(a *kernels.Attention) { a.QNorm = short(l.qNorm) }), at)
		},
		"NormQKV: K of Q's shape": func() {
			d.NormQKV(mq, l.cacheOn(d), mx, layer(func(a *kernels.Attention) { a.K = a.Q }), at)
		},
		"NormQKV: cache heads": func() { d.NormQKV(mq, cache(func(c *kernels.Cache) { c.Heads++ }), mx, l.on(d), at) },
		"NormQKV: cache pages": func() { d.NormQKV(mq, cache(func(c *kernels.Cache) { c.Pages++ }), mx, l.on(d), at) },
		"Attend: narrow y":     func() { d.Attend(narrower(mq), mq, l.cacheOn(d), at) },
		"Attend: narrow both":  func() { d.Attend(narrower(mq), narrower(mq), l.cacheOn(d), at) },
		"Attend: rows":         func() { d.Attend(mq, fewer(mq), l.cacheOn(d), at) },
		"Attend: rows of step": func() { d.Attend(mq, mq, l.cacheOn(d), rows(func(a *kernels.Rows) { a.N++ })) },
		"Attend: short table":  func() { d.Attend(mq, mq, l.cacheOn(d), rows(func(a *kernels.Rows) { a.Pages = 3 })) },
		"Attend: cache pages":  func() { d.Attend(mq, mq, cache(func(c *kernels.Cache) { c.Pages++ }), at) },
		"Attend: cache type":   func() { d.Attend(mq, mq, cache(func(c *kernels.Cache) { c.Type = 77 }), at) },
	}
	for name, call := range calls {
		if !panics(call) {
			r.failf("%s: no panic", name)
		}
	}
	r.settle("calls with wrong shapes")
	mulAdd(r, w, r.normal(3*hidden), 3)
}

// panics says whether f panics.
func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}
