package cpu

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"orchrt/kernels"
)

// benchDevice is a device and matrices of a format that together exceed the
// caches: what one token reads.
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
			for _, t := range []kernels.Type{kernels.Q4_K, kernels.Q6_K, kernels.Q8_0, kernels.Q4_0, kernels.IQ4XS, kernels.IQ2XXS, kernels.F16, kernels.BF16} {
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
						for i := 0; b.Loop(); i++ {
							d.MulAdd(x, y, ws[i%n])
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
				b.ReportMetric(d.MeasureBandwidth()/1e9, "GB/s")
			}
		})
	}
}
