package kerneltest

import (
	"math"

	"github.com/x448/float16"

	"orchrt/kernels"
)

// NormQKV implements kernels.Device.
func (o *oracle) NormQKV(q kernels.Mat, kv kernels.Cache, x kernels.Mat, w *kernels.Attention, at kernels.Rows) {
	kernels.CheckNormQKV(q, kv, x, w, at)
	rows := make([][]float64, at.N)
	for i := range rows {
		rows[i] = rmsNorm(widen(o.row(x, i)), o.vec(w.Norm, x.Cols), w.Eps)
	}
	qs, ks, vs := o.product(rows, w.Q), o.product(rows, w.K), o.product(rows, w.V)
	pos, slot := o.ints(at.Pos, at.N), o.ints(at.Slot, at.N)
	for i := range at.N {
		rope := o.rope(w, int(pos[i]))
		for h := range w.Heads {
			head := qs[i][h*w.HeadDim:][:w.HeadDim]
			rotate(rmsNorm(head, o.vec(w.QNorm, w.HeadDim), w.Eps), rope)
			narrow(o.row(q, i)[h*w.HeadDim:], head)
		}
		for h := range w.KVHeads {
			head := ks[i][h*w.HeadDim:][:w.HeadDim]
			rotate(rmsNorm(head, o.vec(w.KNorm, w.HeadDim), w.Eps), rope)
			o.store(kv, kv.K, kv.KScale, int(slot[i]), h, head)
			o.store(kv, kv.V, kv.VScale, int(slot[i]), h, vs[i][h*w.HeadDim:][:w.HeadDim])
		}
	}
}

// rope is the table's row of one position, [headDim/2, 2].
func (o *oracle) rope(w *kernels.Attention, pos int) []float32 {
	return o.vec(w.Rope.Slice(int64(pos)*int64(w.HeadDim)*4, int64(w.HeadDim)*4), w.HeadDim)
}

// rotate turns each pair (x[i], x[i+half]) by the angle of table[i] = cos, sin.
func rotate(x []float64, table []float32) {
	half := len(x) / 2
	for i := range half {
		cos, sin := float64(table[2*i]), float64(table[2*i+1])
		x[i], x[i+half] = x[i]*cos-x[i+half]*sin, x[i]*sin+x[i+half]*cos
	}
}

// narrow sets the start of dst to src in float32.
func narrow(dst []float32, src []float64) {
	for i, v := range src {
		dst[i] = float32(v)
	}
}

// line is the index of a token of one head in units of head dim.
func line(kv kernels.Cache, slot, head int) int {
	if slot < 0 || slot >= kv.Pages*kernels.PageTokens {
		panic("kerneltest: slot out of range")
	}
	page, offset := slot/kernels.PageTokens, slot%kernels.PageTokens
	return (page*kv.Heads+head)*kernels.PageTokens + offset
}

// store writes the values of one head and token to buf, K or V of kv.
func (o *oracle) store(kv kernels.Cache, buf, scales kernels.Buf, slot, head int, x []float64) {
	n := kv.HeadDim
	at := int64(line(kv, slot, head))
	switch kv.Type {
	case kernels.CacheF32:
		narrow(o.vec(buf.Slice(at*int64(n)*4, int64(n)*4), n), x)
	case kernels.CacheF16:
		dst := view[uint16](&o.mem, buf.Slice(at*int64(n)*2, int64(n)*2), n)
		for i, v := range x {
			dst[i] = float16.Fromfloat32(float32(v)).Bits()
		}
	case kernels.CacheQ8:
		o.vec(scales.Slice(at*4, 4), 1)[0] = quantize8(view[int8](&o.mem, buf.Slice(at*int64(n), int64(n)), n), x)
	case kernels.CacheFP8:
		for i, v := range x {
			view[uint8](&o.mem, buf.Slice(at*int64(n), int64(n)), n)[i] = toE4M3(v)
		}
	}
}

// quantize8 sets q to x/scale, rounded to nearest, and returns the scale: the
// greatest magnitude over 127.
func quantize8(q []int8, x []float64) (scale float32) {
	amax := 0.0
	for _, v := range x {
		amax = max(amax, math.Abs(v))
	}
	scale = float32(amax / 127)
	for i, v := range x {
		q[i] = 0
		if scale > 0 {
			q[i] = int8(max(-127, min(127, math.RoundToEven(v/float64(scale)))))
		}
	}
	return scale
}

// load sets the start of x to the values of one head and token.
func (o *oracle) load(x []float64, kv kernels.Cache, buf, scales kernels.Buf, slot, head int) {
	n := kv.HeadDim
	at := int64(line(kv, slot, head))
	switch kv.Type {
	case kernels.CacheF32:
		for i, v := range o.vec(buf.Slice(at*int64(n)*4, int64(n)*4), n) {
			x[i] = float64(v)
		}
	case kernels.CacheF16:
		for i, v := range view[uint16](&o.mem, buf.Slice(at*int64(n)*2, int64(n)*2), n) {
			x[i] = float64(float16.Frombits(v).Float32())
		}
	case kernels.CacheQ8:
		scale := float64(o.vec(scales.Slice(at*4, 4), 1)[0])
		for i, v := range view[int8](&o.mem, buf.Slice(at*int64(n), int64(n)), n) {
			x[i] = scale * float64(v)
		}
	case kernels.CacheFP8:
		for i, v := range view[uint8](&o.mem, buf.Slice(at*int64(n), int64(n)), n) {
			x[i] = fromE4M3(v)
		}
	}
}

// Attend implements kernels.Device.
func (o *oracle) Attend(y, q kernels.Mat, kv kernels.Cache, at kernels.Rows) {
	kernels.CheckAttend(y, q, kv, at)
	if at.N == 0 {
		return
	}
	heads := q.Cols / kv.HeadDim
	pos, seq := o.ints(at.Pos, at.N), o.ints(at.Seq, at.N)
	table := o.ints(at.Table, at.Seqs*at.Pages)
	work := 0 // of one row and KV head, on average
	for _, p := range pos {
		work += (int(p) + 1) * kv.HeadDim * 2
	}
	work = work * (heads/kv.Heads + 1) / at.N
	parallel(at.N*kv.Heads, work, func(job int) {
		i, h := job/kv.Heads, job%kv.Heads
		pages := table[int(seq[i])*at.Pages:][:at.Pages]
		group := heads / kv.Heads
		o.attendHead(o.row(y, i), o.row(q, i), kv, h, group, pages, int(pos[i]))
	})
}

// attendHead computes the group of query heads that read KV head h, for one row.
func (o *oracle) attendHead(y, q []float32, kv kernels.Cache, h, group int, pages []int32, pos int) {
	n := kv.HeadDim
	ks, vs := make([]float64, (pos+1)*n), make([]float64, (pos+1)*n)
	for p := range pos + 1 {
		slot := int(pages[p/kernels.PageTokens])*kernels.PageTokens + p%kernels.PageTokens
		o.load(ks[p*n:], kv, kv.K, kv.KScale, slot, h)
		o.load(vs[p*n:], kv, kv.V, kv.VScale, slot, h)
	}
	weights := make([]float64, pos+1)
	for g := h * group; g < (h+1)*group; g++ {
		query := widen(q[g*n:][:n])
		for p := range weights {
			weights[p] = dot(query, ks[p*n:][:n]) / math.Sqrt(float64(n))
		}
		softmax(weights)
		sum := make([]float64, n)
		for p, a := range weights {
			for i, v := range vs[p*n:][:n] {
				sum[i] += a * v
			}
		}
		narrow(y[g*n:], sum)
	}
}

// softmax replaces x by exp(x)/Σexp(x).
func softmax(x []float64) {
	top := math.Inf(-1)
	for _, v := range x {
		top = max(top, v)
	}
	sum := 0.0
	for i, v := range x {
		x[i] = math.Exp(v - top)
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
}
