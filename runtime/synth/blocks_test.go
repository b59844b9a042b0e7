package synth

import (
	"maps"
	"math"
	"slices"
	"testing"

	"orchrt/kernels"
)

// allTypes are the formats that some file type uses.
func allTypes() []kernels.Type {
	used := map[kernels.Type]bool{}
	for _, m := range mixes() {
		used[m.base], used[m.head], used[m.embed] = true, true, true
		for _, rules := range [][]rule{m.q, m.k, m.v, m.o, m.gateUp, m.down} {
			for _, r := range rules {
				used[r.typ] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(used))
}

func TestBlocksAreNormal(t *testing.T) {
	for _, typ := range allTypes() {
		t.Run(typ.String(), func(t *testing.T) {
			g, err := newGenerator(typ, 0, weightStd)
			if err != nil {
				t.Fatal(err)
			}
			f, _ := typ.Format()
			const blocks = 8192
			n := blocks * max(1, 32/f.Values)
			b := make([]byte, n*f.Bytes)
			x := make([]float32, n*f.Values)
			g.fill(b, [4]uint64{1, 2, 3})
			if err := kernels.Dequantize(x, typ, b); err != nil {
				t.Fatal(err)
			}
			mean, std, kurtosis := moments(x)
			mean, std = mean*g.scale, std*g.scale
			if math.Abs(mean) > 0.01*weightStd || math.Abs(std/weightStd-1) > 0.02 || kurtosis < 2 || kurtosis > 5.2 {
				t.Errorf("mean %.6f, std %.6f, kurtosis %.2f; want 0, %v, 2 to 5.2", mean, std, kurtosis, weightStd)
			}
		})
	}
}

func moments(x []float32) (mean, std, kurtosis float64) {
	var s1, s2, s4 float64
	for _, v := range x {
		s1 += float64(v)
	}
	mean = s1 / float64(len(x))
	for _, v := range x {
		d := float64(v) - mean
		s2 += d * d
		s4 += d * d * d * d
	}
	s2 /= float64(len(x))
	return mean, math.Sqrt(s2), s4 / float64(len(x)) / (s2 * s2)
}

func BenchmarkFill(b *testing.B) {
	for _, typ := range []kernels.Type{kernels.Q4_K, kernels.Q6_K, kernels.Q8_0, kernels.BF16} {
		b.Run(typ.String(), func(b *testing.B) {
			g, err := newGenerator(typ, 0, weightStd)
			if err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, chunkBytes/g.bytes*g.bytes)
			b.SetBytes(int64(len(buf)))
			for b.Loop() {
				g.fill(buf, [4]uint64{})
			}
		})
	}
}
