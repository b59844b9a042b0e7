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

// checkHead panics where the device's own limits on a head's size do not hold.
func checkHead(op string, dim int) {
	if dim <= 0 || dim%16 != 0 || dim > maxHeadDim {
		panic(fmt.Sprintf("cpu: %s: head dim %d, want a multiple of 16 up to %d", op, dim, maxHeadDim))
	}
}

func addr(b kernels.Buf) C.uintptr_t { return C.uintptr_t(b.Addr) }

func matW(w kernels.Weight) C.ort_mat_w {
	return C.ort_mat_w{addr: addr(w.Buf), _type: C.int(w.Type), scale: C.float(w.Scale), out: C.int64_t(w.Out), in: C.int64_t(w.In)}
}

func rows(at kernels.Rows) C.ort_rows {
	return C.ort_rows{n: C.int(at.N), pages: C.int(at.Pages), pos: addr(at.Pos), slot: addr(at.Slot), seq: addr(at.Seq), table: addr(at.Table)}
}

func cache(c kernels.Cache) C.ort_cache {
	return C.ort_cache{k: addr(c.K), v: addr(c.V), ks: addr(c.KScale), vs: addr(c.VScale), _type: C.int(c.Type), heads: C.int(c.Heads), dim: C.int(c.HeadDim)}
}

// CheckCache implements kernels.CacheChecker.
func (d *Device) CheckCache(t kernels.CacheType) error {
	if t == kernels.CacheFP8 {
		return errors.New("cpu: no fp8 KV cache; q8 takes about the same memory")
	}
	return nil
}

// checkCache panics where the device has no such cache.
func (d *Device) checkCache(kv kernels.Cache) {
	if err := d.CheckCache(kv.Type); err != nil {
		panic(err.Error())
	}
}

// Embed implements kernels.Device.
func (d *Device) Embed(y kernels.Mat, table kernels.Weight, ids kernels.Buf) {
	kernels.CheckEmbed(y, table, ids)
	if d.ready(y.Rows) {
		C.ort_embed(d.c, addr(y.Buf), matW(table), addr(ids), C.int(y.Rows))
	}
}

// NormQKV implements kernels.Device.
func (d *Device) NormQKV(q kernels.Mat, kv kernels.Cache, x kernels.Mat, w *kernels.Attention, at kernels.Rows) {
	kernels.CheckNormQKV(q, kv, x, w, at)
	d.checkCache(kv)
	checkHead("NormQKV", w.HeadDim)
	if d.ready(at.N) {
		C.ort_norm_qkv(d.c, addr(q.Buf), cache(kv), addr(x.Buf), addr(w.Norm), matW(w.Q), matW(w.K), matW(w.V),
			addr(w.QNorm), addr(w.KNorm), addr(w.Rope), C.float(w.Eps), C.int(w.Heads), rows(at))
	}
}

// Attend implements kernels.Device.
func (d *Device) Attend(y, q kernels.Mat, kv kernels.Cache, at kernels.Rows) {
	kernels.CheckAttend(y, q, kv, at)
	d.checkCache(kv)
	checkHead("Attend", kv.HeadDim)
	if d.ready(at.N) {
		C.ort_attend_rows(d.c, addr(y.Buf), addr(q.Buf), C.int(q.Cols/kv.HeadDim), cache(kv), rows(at))
	}
}

// MulAdd implements kernels.Device.
func (d *Device) MulAdd(x, y kernels.Mat, w kernels.Weight) {
	kernels.CheckMulAdd(x, y, w)
	if d.ready(x.Rows) {
		C.ort_mul_add(d.c, addr(x.Buf), addr(y.Buf), matW(w), C.int(x.Rows))
	}
}

// NormGateUp implements kernels.Device.
func (d *Device) NormGateUp(h, x kernels.Mat, w *kernels.FFN) {
	kernels.CheckNormGateUp(h, x, w)
	if d.ready(x.Rows) {
		C.ort_norm_gate_up(d.c, addr(h.Buf), addr(x.Buf), addr(w.Norm), matW(w.Gate), matW(w.Up), C.float(w.Eps), C.int(x.Rows))
	}
}

// NormLogits implements kernels.Device.
func (d *Device) NormLogits(y, x kernels.Mat, w *kernels.Head, want kernels.Buf) {
	kernels.CheckNormLogits(y, x, w, want)
	if d.ready(y.Rows) {
		C.ort_norm_logits(d.c, addr(y.Buf), addr(x.Buf), addr(w.Norm), matW(w.Out), C.float(w.Eps), addr(want), C.int(y.Rows))
	}
}
