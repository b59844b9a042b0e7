package kernels

import (
	"strings"
	"testing"
)

func TestCacheSizes(t *testing.T) {
	for _, c := range []struct {
		t              CacheType
		values, scales int64
	}{{CacheF16, 2 * 3 * 2 * 64 * 8, 0}, {CacheF32, 4 * 3 * 2 * 64 * 8, 0}, {CacheQ8, 3 * 2 * 64 * 8, 4 * 3 * 2 * 64}, {CacheFP8, 3 * 2 * 64 * 8, 0}} {
		values, scales := Cache{Type: c.t, Pages: 3, Heads: 2, HeadDim: 8}.Sizes()
		if values != c.values || scales != c.scales {
			t.Errorf("type %d: %d and %d bytes, want %d and %d", c.t, values, scales, c.values, c.scales)
		}
	}
}

// panicOf is what f panics with, or "".
func panicOf(f func()) (s string) {
	defer func() {
		if p := recover(); p != nil {
			s = p.(string)
		}
	}()
	f()
	return ""
}

func TestChecksNameTheOperand(t *testing.T) {
	buf := Buf{Size: 1 << 20}
	mat := func(rows, cols int) Mat { return Mat{Buf: buf, Rows: rows, Cols: cols} }
	w := Weight{Buf: buf, Type: F32, Out: 6, In: 4}
	kv := Cache{Type: CacheF32, K: buf, V: buf, Pages: 1, Heads: 1, HeadDim: 2}
	at := Rows{N: 2, Seqs: 1, Pages: 1, Pos: buf, Slot: buf, Seq: buf, Table: buf}
	for want, call := range map[string]func(){
		"":                                     func() { CheckMulAdd(mat(2, 6), mat(2, 4), w) },
		"MulAdd: y is [2, 5], needs [2, 4]":    func() { CheckMulAdd(mat(2, 6), mat(2, 5), w) },
		"MulAdd: y is [1, 4], needs [2, 4]":    func() { CheckMulAdd(mat(2, 6), mat(1, 4), w) },
		"MulAdd: x has 47 bytes, needs 48":     func() { CheckMulAdd(Mat{Buf{Size: 47}, 2, 6}, mat(2, 4), w) },
		"Embed: ids has 7 bytes, needs 8":      func() { CheckEmbed(mat(2, 4), w, Buf{Size: 7}) },
		"Attend: 5 columns of q over 1 KV":     func() { CheckAttend(mat(2, 5), mat(2, 5), kv, at) },
		"Attend: q is [3, 4], needs [2, 4]":    func() { CheckAttend(mat(2, 4), mat(3, 4), kv, at) },
		"NormGateUp: Up is [4, 6], needs":      func() { CheckNormGateUp(mat(1, 6), mat(1, 4), &FFN{Norm: buf, Gate: w, Up: Weight{Out: 4, In: 6}}) },
		"NormLogits: Norm has 15 bytes, needs": func() { CheckNormLogits(mat(1, 6), mat(1, 4), &Head{Norm: Buf{Size: 15}, Out: w}, buf) },
		"NormQKV: cache of 1 heads of 2, layer of 1 heads of 4": func() {
			CheckNormQKV(mat(2, 4), kv, mat(2, 4), &Attention{Heads: 1, KVHeads: 1, HeadDim: 4}, at)
		},
		"NormQKV: 3 heads over 2 KV heads": func() {
			CheckNormQKV(mat(2, 6), kv, mat(2, 4), &Attention{Heads: 3, KVHeads: 2, HeadDim: 2}, at)
		},
		"NormQKV: Slot has 4 bytes, needs 8": func() {
			a := at
			a.Slot.Size = 4
			CheckNormQKV(mat(2, 2), kv, mat(2, 4), &Attention{Heads: 1, KVHeads: 1, HeadDim: 2}, a)
		},
	} {
		got := panicOf(call)
		if want == "" && got != "" || !strings.HasPrefix(got, "kernels: "+want) && want != "" {
			t.Errorf("panic %q, want %q", got, want)
		}
	}
}
