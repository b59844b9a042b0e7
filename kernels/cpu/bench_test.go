package cpu

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"orchrt/kernels"
)

// benchWeights packs n matrices; enough of them exceed the caches, as a token's do.
func benchWeights(b *testing.B, d *Device, t kernels.Type, n, out, in int) []kernels.Weight {
	raw := randomRows(rand.New(rand.NewPCG(2, 3)), t, out, in)
	ws := make([]kernels.Weight, n)
	for i := range ws {
		w, err := d.Pack(t, out, in, bytes.NewReader(raw))
		if err != nil {
			b.Fatal(err)
		}
		ws[i] = w
	}
	return ws
}

func benchMat(b *testing.B, d *Device, rows, cols int) kernels.Mat {
	buf, err := d.Alloc(int64(rows) * int64(cols) * 4)
	if err != nil {
		b.Fatal(err)
	}
	return kernels.Mat{Buf: buf, Rows: rows, Cols: cols}
}

// BenchmarkMulAdd reports the bytes of weights read per second and the
// arithmetic rate of a [4096, 4096] product, per thread.
func BenchmarkMulAdd(b *testing.B) {
	for _, isa := range ISAs() {
		for _, threads := range []int{1, 2} {
			for _, t := range []kernels.Type{kernels.Q4_K, kernels.Q6_K, kernels.Q8_0, kernels.Q4_0, kernels.IQ4XS, kernels.IQ2XXS, kernels.Int4, kernels.Int8, kernels.NVFP4, kernels.F16, kernels.BF16} {
				for _, rows := range []int{1, 4, 128} {
					b.Run(fmt.Sprintf("%s/threads=%d/%v/rows=%d", isa, threads, t, rows), func(b *testing.B) {
						d, err := New(Options{Threads: threads, ISA: isa})
						if err != nil {
							b.Fatal(err)
						}
						defer d.Close()
						const dim, many = 4096, 12
						n := many
						if rows > 1 {
							n = 2
						}
						ws := benchWeights(b, d, t, n, dim, dim)
						x, y := benchMat(b, d, rows, dim), benchMat(b, d, rows, dim)
						b.SetBytes(t.RowBytes(dim) * dim)
						one := make([]byte, 4)
						for i := 0; b.Loop(); i++ {
							d.MulAdd(x, y, ws[i%n])
							if err := d.Read(one, x.Buf); err != nil {
								b.Fatal(err)
							}
						}
						flop := 2 * float64(rows) * dim * dim * float64(b.N)
						b.ReportMetric(flop/b.Elapsed().Seconds()/1e9/float64(threads), "GFLOP/s/core")
					})
				}
			}
		}
	}
}

// BenchmarkReadBandwidth is the limit that decoding is measured against.
func BenchmarkReadBandwidth(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			d, err := New(Options{Threads: threads})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			for b.Loop() {
				best, ways := d.measureReads()
				b.ReportMetric(best/1e9, "GB/s")
				for i, w := range ways {
					b.ReportMetric(w/1e9, fmt.Sprintf("GB/s-way%d", i))
				}
			}
		})
	}
}

// BenchmarkAttend is the attention of one Qwen3-8B layer on one thread: the
// bytes are those of the cache.
func BenchmarkAttend(b *testing.B) {
	for _, isa := range ISAs() {
		for _, c := range []struct{ rows, context int }{{1, 1024}, {1, 4096}, {128, 128}, {128, 4096}} {
			b.Run(fmt.Sprintf("%s/rows=%d/context=%d", isa, c.rows, c.context), func(b *testing.B) {
				benchAttend(b, isa, c.rows, c.context)
			})
		}
	}
}

func benchAttend(b *testing.B, isa string, rows, context int) {
	const heads, kvHeads, dim = 32, 8, 128
	d, err := New(Options{Threads: 1, ISA: isa})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	pages := (context + kernels.PageTokens - 1) / kernels.PageTokens
	alloc := func(n int) kernels.Buf {
		buf, err := d.Alloc(int64(n))
		if err != nil {
			b.Fatal(err)
		}
		return buf
	}
	size := pages * kvHeads * kernels.PageTokens * dim * 2
	kv := kernels.Cache{K: alloc(size), V: alloc(size), Pages: pages, Heads: kvHeads, HeadDim: dim}
	at := kernels.Rows{N: rows, Seqs: 1, Pages: pages, Pos: alloc(4 * rows), Slot: alloc(4 * rows), Seq: alloc(4 * rows), Table: alloc(4 * pages)}
	ints := func(n int, f func(i int) int) []byte {
		var v []byte
		for i := range n {
			v = binary.LittleEndian.AppendUint32(v, uint32(f(i)))
		}
		return v
	}
	d.Write(at.Pos, ints(rows, func(i int) int { return context - rows + i }))
	d.Write(at.Table, ints(pages, func(i int) int { return i }))
	q, y := benchMat(b, d, rows, heads*dim), benchMat(b, d, rows, heads*dim)
	b.SetBytes(int64(2 * size))
	one := make([]byte, 4)
	for b.Loop() {
		d.Attend(y, q, kv, at)
		if err := d.Read(one, y.Buf); err != nil {
			b.Fatal(err)
		}
	}
	mean := float64(context) - float64(rows)/2
	flop := 4 * float64(rows) * heads * dim * mean * float64(b.N)
	b.ReportMetric(flop/b.Elapsed().Seconds()/1e9, "GFLOP/s/core")
}

// BenchmarkPack is the repacking of a [4096, 4096] matrix at load.
func BenchmarkPack(b *testing.B) {
	for _, t := range []kernels.Type{kernels.Q4_K, kernels.Q6_K, kernels.Q8_0, kernels.F16, kernels.IQ2XXS, kernels.IQ4XS} {
		b.Run(t.String(), func(b *testing.B) {
			d, err := New(Options{Threads: 1})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			raw := randomRows(rand.New(rand.NewPCG(4, 5)), t, 4096, 4096)
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				w, err := d.Pack(t, 4096, 4096, bytes.NewReader(raw))
				if err != nil {
					b.Fatal(err)
				}
				d.Free(w.Buf)
			}
		})
	}
}
