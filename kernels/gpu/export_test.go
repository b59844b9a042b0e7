package gpu

import "orchrt/kernels"

// Narrow is Device.narrow for tests: rows of x as act.cuh has them.
func Narrow(d *Device, x kernels.Mat, n int, norm kernels.Buf, eps float32, want kernels.Buf, bf16 bool) (blocks, scale kernels.Buf, padded int) {
	r := d.narrow(x, n, rowSpec{norm: norm, eps: eps, want: want, bf16: bf16})
	return r.blocks, r.scale, r.padded
}

// FinishHeads is Device.finishHeads for tests.
func FinishHeads(d *Device, qkv kernels.Buf, q kernels.Mat, kv kernels.Cache, w *kernels.Attention, at kernels.Rows) {
	d.finishHeads(qkv, q, kv, w, at)
}

// PackInSpans is Device.PackAll for tests, with spans of about so many bytes.
func PackInSpans(d *Device, ms []kernels.Matrix, progress func(bytes int64) error, size int64) ([]kernels.Weight, error) {
	return d.packAll(ms, progress, size)
}
