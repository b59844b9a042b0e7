package kernels

import "fmt"

// The Check functions panic where the operands of the operation that they are
// named for do not fit together. Devices call them first, so that all report
// the same faults in the same words. They look at sizes only, never at memory.

// CheckEmbed checks the operands of Device.Embed.
func CheckEmbed(y Mat, table Weight, ids Buf) {
	c := check("Embed")
	c.mat("y", y, y.Rows, table.In)
	c.buf("ids", ids, int64(y.Rows)*4)
}

// CheckNormQKV checks the operands of Device.NormQKV.
func CheckNormQKV(q Mat, kv Cache, x Mat, w *Attention, at Rows) {
	c := check("NormQKV")
	c.rows(at)
	c.cache(kv)
	c.that(w.HeadDim > 0 && w.HeadDim%2 == 0, "head dim %d is odd or not positive", w.HeadDim)
	c.that(w.KVHeads > 0 && w.Heads > 0 && w.Heads%w.KVHeads == 0, "%d heads over %d KV heads", w.Heads, w.KVHeads)
	c.that(kv.Heads == w.KVHeads && kv.HeadDim == w.HeadDim, "cache of %d heads of %d, layer of %d heads of %d",
		kv.Heads, kv.HeadDim, w.KVHeads, w.HeadDim)
	c.mat("x", x, at.N, x.Cols)
	c.mat("q", q, at.N, w.Heads*w.HeadDim)
	c.weight("Q", w.Q, w.Heads*w.HeadDim, x.Cols)
	c.weight("K", w.K, w.KVHeads*w.HeadDim, x.Cols)
	c.weight("V", w.V, w.KVHeads*w.HeadDim, x.Cols)
	c.buf("Norm", w.Norm, int64(x.Cols)*4)
	c.buf("QNorm", w.QNorm, int64(w.HeadDim)*4)
	c.buf("KNorm", w.KNorm, int64(w.HeadDim)*4)
}

// CheckAttend checks the operands of Device.Attend.
func CheckAttend(y, q Mat, kv Cache, at Rows) {
	c := check("Attend")
	c.rows(at)
	c.cache(kv)
	width := kv.Heads * kv.HeadDim
	c.that(q.Cols > 0 && q.Cols%width == 0, "%d columns of q over %d KV heads of %d", q.Cols, kv.Heads, kv.HeadDim)
	c.mat("q", q, at.N, q.Cols)
	c.mat("y", y, at.N, q.Cols)
}

// CheckMulAdd checks the operands of Device.MulAdd.
func CheckMulAdd(x, y Mat, w Weight) {
	c := check("MulAdd")
	c.mat("x", x, x.Rows, w.Out)
	c.mat("y", y, x.Rows, w.In)
}

// CheckNormGateUp checks the operands of Device.NormGateUp.
func CheckNormGateUp(h, x Mat, w *FFN) {
	c := check("NormGateUp")
	c.mat("x", x, h.Rows, w.Gate.In)
	c.mat("h", h, h.Rows, w.Gate.Out)
	c.weight("Up", w.Up, w.Gate.Out, w.Gate.In)
	c.buf("Norm", w.Norm, int64(x.Cols)*4)
}

// CheckNormLogits checks the operands of Device.NormLogits.
func CheckNormLogits(y, x Mat, w *Head, want Buf) {
	c := check("NormLogits")
	c.mat("x", x, x.Rows, w.Out.In)
	c.mat("y", y, y.Rows, w.Out.Out)
	c.buf("want", want, int64(y.Rows)*4)
	c.buf("Norm", w.Norm, int64(x.Cols)*4)
}

// check is the name of the operation whose operands are checked.
type check string

// that panics with the operation's name and the message where ok is false.
func (c check) that(ok bool, format string, args ...any) {
	if !ok {
		panic(fmt.Sprintf("kernels: %s: %s", string(c), fmt.Sprintf(format, args...)))
	}
}

// buf: b holds at least n bytes.
func (c check) buf(name string, b Buf, n int64) {
	c.that(b.Size >= n, "%s has %d bytes, needs %d", name, b.Size, n)
}

// mat: m is [rows, cols] and its buffer holds it.
func (c check) mat(name string, m Mat, rows, cols int) {
	c.that(m.Rows >= 0 && m.Rows == rows && m.Cols == cols, "%s is [%d, %d], needs [%d, %d]", name, m.Rows, m.Cols, rows, cols)
	c.buf(name, m.Buf, int64(rows)*int64(cols)*4)
}

// weight: w is [out, in].
func (c check) weight(name string, w Weight, out, in int) {
	c.that(w.Out == out && w.In == in, "%s is [%d, %d], needs [%d, %d]", name, w.Out, w.In, out, in)
}

// rows: the arrays of at hold N rows, and Table all its pages.
func (c check) rows(at Rows) {
	c.that(at.N >= 0 && at.Seqs >= 0 && at.Pages >= 0, "%d rows, %d sequences, %d pages", at.N, at.Seqs, at.Pages)
	c.buf("Pos", at.Pos, int64(at.N)*4)
	c.buf("Slot", at.Slot, int64(at.N)*4)
	c.buf("Seq", at.Seq, int64(at.N)*4)
	c.buf("Table", at.Table, int64(at.Seqs)*int64(at.Pages)*4)
}

// cache: the buffers of kv hold all its pages.
func (c check) cache(kv Cache) {
	size, scales := kv.Sizes()
	c.buf("K", kv.K, size)
	c.buf("V", kv.V, size)
	c.buf("KScale", kv.KScale, scales)
	c.buf("VScale", kv.VScale, scales)
}

// Sizes returns the bytes that each of K and V takes, and each of KScale and
// VScale, which only CacheQ8 has. It panics where the shape is not positive or
// the type unknown.
func (kv Cache) Sizes() (values, scales int64) {
	if kv.Pages <= 0 || kv.Heads <= 0 || kv.HeadDim <= 0 {
		panic(fmt.Sprintf("kernels: cache of %d pages, %d heads of %d", kv.Pages, kv.Heads, kv.HeadDim))
	}
	tokens := int64(kv.Pages) * int64(kv.Heads) * PageTokens
	n := tokens * int64(kv.HeadDim)
	switch kv.Type {
	case CacheF16:
		return 2 * n, 0
	case CacheF32:
		return 4 * n, 0
	case CacheQ8:
		return n, 4 * tokens
	case CacheFP8:
		return n, 0
	}
	panic(fmt.Sprintf("kernels: cache type %d", kv.Type))
}
