package gpu

import "orchrt/kernels"

// productMode is what becomes of a product's sums (GemvMode in gemv.cuh).
type productMode int

const (
	productStore productMode = iota // y = x·wᵀ
	productAdd                      // y += x·wᵀ
	productSiLU                     // y = silu(x·w[0]ᵀ)·(x·w[1]ᵀ)
	productGated                    // y = silu(y)·(x·wᵀ)
	productHeads                    // y = x·wᵀ, and each head is finished (head.cuh)
)

// product is rows of activations times up to three matrices that share them, of one type (or, for gemv, of
// two that gemvMixes).
type product struct {
	mode   productMode
	n      int              // rows
	w      []kernels.Weight // [out, in]
	first  []int            // column of y where each matrix's results go
	y      kernels.Buf      // [n, stride] f32
	stride int

	x    kernels.Mat // [*, in]
	norm kernels.Buf // [in] f32 gains of an RMS norm of x; none: no norm
	eps  float32
	want kernels.Buf // [n] i32 rows of x to take; none: the first n

	head    headArgs // productHeads
	headDim int

	next [2]span // what is multiplied next, as far as known
}

// multiply computes products that share their rows, on the kernels for so many.
func (d *Device) multiply(products ...product) {
	fits := products[0].n <= gemvRows
	for i, p := range products {
		products[i].next = d.order.turn(p)
		fits = fits && d.gemvFits(p)
	}
	switch {
	case fits:
		for _, p := range products {
			d.gemv(p)
		}
	case products[0].n >= gemmLeast:
		d.gemm(products...)
	default:
		d.gemmSmall(products...)
	}
}

// MulAdd implements kernels.Device.
func (d *Device) MulAdd(x, y kernels.Mat, w kernels.Weight) {
	kernels.CheckMulAdd(x, y, w)
	if !d.ready(x.Rows) {
		return
	}
	d.multiply(product{mode: productAdd, n: x.Rows, w: []kernels.Weight{w}, first: []int{0},
		y: x.Buf, stride: w.Out, x: y})
}

// NormGateUp implements kernels.Device: one launch where Gate and Up are of one type.
func (d *Device) NormGateUp(h, x kernels.Mat, w *kernels.FFN) {
	kernels.CheckNormGateUp(h, x, w)
	if !d.ready(h.Rows) {
		return
	}
	p := product{mode: productSiLU, n: h.Rows, w: []kernels.Weight{w.Gate, w.Up}, first: []int{0, 0},
		y: h.Buf, stride: w.Gate.Out, x: x, norm: w.Norm, eps: w.Eps}
	if w.Gate.Type == w.Up.Type {
		d.multiply(p)
		return
	}
	gate, up := p, p
	gate.mode, gate.w, gate.first = productStore, p.w[:1], p.first[:1]
	up.mode, up.w, up.first = productGated, p.w[1:], p.first[1:]
	d.multiply(gate, up)
}

// NormLogits implements kernels.Device.
func (d *Device) NormLogits(y, x kernels.Mat, w *kernels.Head, want kernels.Buf) {
	kernels.CheckNormLogits(y, x, w, want)
	if !d.ready(y.Rows) {
		return
	}
	d.multiply(product{mode: productStore, n: y.Rows, w: []kernels.Weight{w.Out}, first: []int{0},
		y: y.Buf, stride: w.Out.Out, x: x, norm: w.Norm, eps: w.Eps, want: want})
}

// NormQKV implements kernels.Device.
func (d *Device) NormQKV(q kernels.Mat, kv kernels.Cache, x kernels.Mat, w *kernels.Attention, at kernels.Rows) {
	kernels.CheckNormQKV(q, kv, x, w, at)
	if !d.ready(at.N) {
		return
	}
	stride := w.Q.Out + w.K.Out + w.V.Out
	all := product{mode: productHeads, n: at.N, w: []kernels.Weight{w.Q, w.K, w.V}, first: []int{0, w.Q.Out, w.Q.Out + w.K.Out},
		y: d.working("projections", int64(at.N)*int64(stride)*4), stride: stride, x: x, norm: w.Norm, eps: w.Eps,
		head: headArgsOf(q, kv, w, at), headDim: w.HeadDim}
	if at.N >= gemmLeast {
		d.gemm(all.byType(func(_, _ kernels.Type) bool { return false })...)
		d.finishHeads(all.y, q, kv, w, at)
		return
	}
	d.multiply(all.byType(gemvMixes)...)
}

// byType splits a product so that the matrices of each are of one type, or of two that mix says go together.
func (p product) byType(mix func(t, third kernels.Type) bool) []product {
	if len(p.w) == 3 && p.w[0].Type == p.w[1].Type && mix(p.w[0].Type, p.w[2].Type) {
		return []product{p}
	}
	var all []product
	done := make([]bool, len(p.w))
	for i := range p.w {
		one := p
		one.w, one.first = nil, nil
		for j := i; j < len(p.w); j++ {
			if !done[j] && p.w[j].Type == p.w[i].Type {
				one.w, one.first, done[j] = append(one.w, p.w[j]), append(one.first, p.first[j]), true
			}
		}
		if len(one.w) > 0 {
			all = append(all, one)
		}
	}
	return all
}
