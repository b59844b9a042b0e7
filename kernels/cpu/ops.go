package cpu

/*
#include "ops.h"
*/
import "C"

import (
	"errors"
	"fmt"

	"orchrt/kernels"
)

// maxHeadDim is the largest head that the device takes.
const maxHeadDim = 256

// errMemory sticks after an operation could not get working memory.
var errMemory = errors.New("cpu: no memory for the working space of an operation")

// ready says whether an operation may run on n rows.
func (d *Device) ready(n int) bool { return d.err == nil && n > 0 }

// done records a failure of the operation before it.
func (d *Device) done() {
	if C.ort_failed(d.c) != 0 {
		d.err = errMemory
	}
}

// check panics unless the shapes that an operation was given agree.
func check(ok bool, op, format string, args ...any) {
	if !ok {
		panic("cpu: " + op + ": " + fmt.Sprintf(format, args...))
	}
}

func checkMat(op, name string, m kernels.Mat, cols int) {
	check(m.Cols == cols, op, "%s has %d columns, want %d", name, m.Cols, cols)
	check(m.Rows >= 0 && m.Buf.Size >= int64(m.Rows)*int64(m.Cols)*4, op, "%s [%d, %d] does not fit its %d bytes", name, m.Rows, m.Cols, m.Buf.Size)
}

func checkVec(op, name string, b kernels.Buf, n int) {
	check(b.Size >= int64(n)*4, op, "%s has %d bytes, want %d values of 4", name, b.Size, n)
}

func addr(b kernels.Buf) C.uintptr_t { return C.uintptr_t(b.Addr) }

func matW(w kernels.Weight) C.ort_mat_w {
	return C.ort_mat_w{addr: addr(w.Buf), _type: C.int(w.Type), out: C.int64_t(w.Out), in: C.int64_t(w.In)}
}

func rows(at kernels.Rows) C.ort_rows {
	return C.ort_rows{n: C.int(at.N), pages: C.int(at.Pages), pos: addr(at.Pos), slot: addr(at.Slot), seq: addr(at.Seq), table: addr(at.Table)}
}

func cache(c kernels.Cache) C.ort_cache {
	return C.ort_cache{k: addr(c.K), v: addr(c.V), ks: addr(c.KScale), vs: addr(c.VScale), _type: C.int(c.Type), heads: C.int(c.Heads), dim: C.int(c.HeadDim)}
}

func checkCache(op string, c kernels.Cache) {
	check(c.HeadDim > 0 && c.HeadDim%16 == 0 && c.HeadDim <= maxHeadDim, op, "head dimension %d, want a multiple of 16 up to %d", c.HeadDim, maxHeadDim)
	size := map[kernels.CacheType]int64{kernels.CacheF16: 2, kernels.CacheF32: 4, kernels.CacheQ8: 1}[c.Type]
	slots := int64(c.Pages) * int64(c.Heads) * kernels.PageTokens
	check(size > 0, op, "cache type %d is unknown", c.Type)
	check(c.K.Size >= slots*int64(c.HeadDim)*size && c.V.Size >= slots*int64(c.HeadDim)*size, op, "the cache does not hold %d pages", c.Pages)
	if c.Type == kernels.CacheQ8 {
		check(c.KScale.Size >= slots*4 && c.VScale.Size >= slots*4, op, "the cache's scales do not hold %d pages", c.Pages)
	}
}

func checkRows(op string, at kernels.Rows) {
	checkVec(op, "Pos", at.Pos, at.N)
	checkVec(op, "Slot", at.Slot, at.N)
	checkVec(op, "Seq", at.Seq, at.N)
	checkVec(op, "Table", at.Table, at.Seqs*at.Pages)
}

// Embed implements kernels.Device.
func (d *Device) Embed(y kernels.Mat, table kernels.Weight, ids kernels.Buf) {
	checkMat("Embed", "y", y, table.In)
	checkVec("Embed", "ids", ids, y.Rows)
	if d.ready(y.Rows) {
		C.ort_embed(d.c, addr(y.Buf), matW(table), addr(ids), C.int(y.Rows))
		d.done()
	}
}

// NormQKV implements kernels.Device.
func (d *Device) NormQKV(q kernels.Mat, kv kernels.Cache, x kernels.Mat, w *kernels.Attention, at kernels.Rows) {
	const op = "NormQKV"
	checkCache(op, kv)
	checkRows(op, at)
	check(w.HeadDim == kv.HeadDim && w.KVHeads == kv.Heads, op, "the layer has %d heads of %d, the cache %d of %d", w.KVHeads, w.HeadDim, kv.Heads, kv.HeadDim)
	check(x.Rows == at.N && q.Rows == at.N, op, "%d rows of x and %d of q for %d", x.Rows, q.Rows, at.N)
	checkMat(op, "x", x, w.Q.In)
	checkMat(op, "q", q, w.Heads*w.HeadDim)
	check(w.Q.Out == q.Cols && w.K.Out == w.KVHeads*w.HeadDim && w.V.Out == w.K.Out, op, "weights of %d, %d, %d rows for %d and %d heads of %d", w.Q.Out, w.K.Out, w.V.Out, w.Heads, w.KVHeads, w.HeadDim)
	check(w.K.In == w.Q.In && w.V.In == w.Q.In, op, "weights of %d, %d, %d columns", w.Q.In, w.K.In, w.V.In)
	checkVec(op, "Norm", w.Norm, w.Q.In)
	checkVec(op, "QNorm", w.QNorm, w.HeadDim)
	checkVec(op, "KNorm", w.KNorm, w.HeadDim)
	if d.ready(at.N) {
		C.ort_norm_qkv(d.c, addr(q.Buf), cache(kv), addr(x.Buf), addr(w.Norm), matW(w.Q), matW(w.K), matW(w.V),
			addr(w.QNorm), addr(w.KNorm), addr(w.Rope), C.float(w.Eps), C.int(w.Heads), rows(at))
		d.done()
	}
}

// Attend implements kernels.Device.
func (d *Device) Attend(y, q kernels.Mat, kv kernels.Cache, at kernels.Rows) {
	const op = "Attend"
	checkCache(op, kv)
	checkRows(op, at)
	check(y.Rows == at.N && q.Rows == at.N, op, "%d rows of y and %d of q for %d", y.Rows, q.Rows, at.N)
	checkMat(op, "q", q, q.Cols)
	checkMat(op, "y", y, q.Cols)
	heads := q.Cols / kv.HeadDim
	check(heads*kv.HeadDim == q.Cols && heads%kv.Heads == 0, op, "%d columns of q for %d heads of %d", q.Cols, kv.Heads, kv.HeadDim)
	if d.ready(at.N) {
		C.ort_attend_rows(d.c, addr(y.Buf), addr(q.Buf), C.int(heads), cache(kv), rows(at))
		d.done()
	}
}

// MulAdd implements kernels.Device.
func (d *Device) MulAdd(x, y kernels.Mat, w kernels.Weight) {
	checkMat("MulAdd", "x", x, w.Out)
	checkMat("MulAdd", "y", y, w.In)
	check(x.Rows == y.Rows, "MulAdd", "%d rows of x, %d of y", x.Rows, y.Rows)
	if d.ready(x.Rows) {
		C.ort_mul_add(d.c, addr(x.Buf), addr(y.Buf), matW(w), C.int(x.Rows))
		d.done()
	}
}

// NormGateUp implements kernels.Device.
func (d *Device) NormGateUp(h, x kernels.Mat, w *kernels.FFN) {
	const op = "NormGateUp"
	checkMat(op, "x", x, w.Gate.In)
	checkMat(op, "h", h, w.Gate.Out)
	check(h.Rows == x.Rows, op, "%d rows of h, %d of x", h.Rows, x.Rows)
	check(w.Up.In == w.Gate.In && w.Up.Out == w.Gate.Out, op, "gate is [%d, %d], up is [%d, %d]", w.Gate.Out, w.Gate.In, w.Up.Out, w.Up.In)
	checkVec(op, "Norm", w.Norm, w.Gate.In)
	if d.ready(x.Rows) {
		C.ort_norm_gate_up(d.c, addr(h.Buf), addr(x.Buf), addr(w.Norm), matW(w.Gate), matW(w.Up), C.float(w.Eps), C.int(x.Rows))
		d.done()
	}
}

// NormLogits implements kernels.Device.
func (d *Device) NormLogits(y, x kernels.Mat, w *kernels.Head, want kernels.Buf) {
	const op = "NormLogits"
	checkMat(op, "x", x, w.Out.In)
	checkMat(op, "y", y, w.Out.Out)
	checkVec(op, "want", want, y.Rows)
	checkVec(op, "Norm", w.Norm, w.Out.In)
	if d.ready(y.Rows) {
		C.ort_norm_logits(d.c, addr(y.Buf), addr(x.Buf), addr(w.Norm), matW(w.Out), C.float(w.Eps), addr(want), C.int(y.Rows))
		d.done()
	}
}
