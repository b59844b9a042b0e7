package gpu

import "orchrt/kernels"

// Counterparts of rows.cu and head.cuh.
type (
	rowsArgs struct {
		x, norm, want, out uint64
		cols, rows         int32
		eps                float32
		_                  int32
	}
	headArgs struct {
		q            uint64
		qNorm, kNorm uint64
		rope         uint64
		pos, slot    uint64
		kv           cacheArgs
		eps          float32
		heads        int32
	}
	finishArgs struct {
		qkv  uint64
		head headArgs
		n, _ int32
	}
)

// maxHeadDim is the largest head of the kernels for heads.
const maxHeadDim = 256

// rowSpec says how rows are prepared for tensor cores.
type rowSpec struct {
	norm kernels.Buf // [cols] f32 gains of an RMS norm; none: no norm
	eps  float32
	want kernels.Buf // [n] i32 rows to take; none: the first n
	bf16 bool        // bfloat16 rather than scaled float16
}

// narrowRows are activations in 16 bits, in the layout of act.cuh.
type narrowRows struct {
	blocks kernels.Buf // [⌈cols/256⌉*4][padded][64] f16 or bf16
	scale  kernels.Buf // [padded] f32, powers of two that rows are to be multiplied by
	padded int         // rows up to a multiple of actRows
}

// narrow converts n rows of x. What it returns is working memory and lasts until the next call.
func (d *Device) narrow(x kernels.Mat, n int, spec rowSpec) narrowRows {
	padded, blocks, total := actSize(n, x.Cols)
	out := d.working("narrow rows", total)
	name := "rows_f16"
	if spec.bf16 {
		name = "rows_bf16"
	}
	launch(d, name, Grid{X: n, Threads: 256, Shared: 64, Overlap: true}, rowsArgs{
		x: addr(x.Buf), norm: addr(spec.norm), want: addr(spec.want), out: addr(out),
		cols: int32(x.Cols), rows: int32(padded), eps: spec.eps})
	return narrowRows{blocks: out.Slice(0, blocks), scale: out.Slice(blocks, total-blocks), padded: padded}
}

// activations are the rows that products share, converted once for each type of weights that needs another form.
type activations struct {
	d    *Device
	rows narrowRows // of the last conversion, whose memory the next one takes
	bf16 bool
}

// of returns the rows of p for weights of t.
func (a *activations) of(p product, t kernels.Type) narrowRows {
	if bf16 := t == kernels.BF16; a.rows.padded == 0 || bf16 != a.bf16 {
		a.rows, a.bf16 = a.d.narrow(p.x, p.n, rowSpec{norm: p.norm, eps: p.eps, want: p.want, bf16: bf16}), bf16
	}
	return a.rows
}

// headArgsOf is what finish_head needs to finish the heads of a layer.
func headArgsOf(q kernels.Mat, kv kernels.Cache, w *kernels.Attention, at kernels.Rows) headArgs {
	checkHeadDim(w.HeadDim)
	return headArgs{q: addr(q.Buf), qNorm: addr(w.QNorm), kNorm: addr(w.KNorm), rope: addr(w.Rope),
		pos: addr(at.Pos), slot: addr(at.Slot), kv: cacheArgsOf(kv), eps: w.Eps, heads: int32(w.Heads)}
}

// finishHeads takes the projections of at.N rows, qkv [N, (heads+2*kvHeads)*dim] f32, to q and the cache.
func (d *Device) finishHeads(qkv kernels.Buf, q kernels.Mat, kv kernels.Cache, w *kernels.Attention, at kernels.Rows) {
	warps := at.N * (w.Heads + 2*w.KVHeads)
	launch(d, "finish_heads", Grid{X: (warps + 3) / 4, Threads: 128, Overlap: true},
		finishArgs{qkv: addr(qkv), head: headArgsOf(q, kv, w, at), n: int32(at.N)})
}
