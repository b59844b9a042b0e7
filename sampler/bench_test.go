package sampler

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

const qwenVocab = 151936

// modelLogits has the shape of a language model's output: a broad bulk around
// 0 and a few dozen tokens that stand out.
func modelLogits(seed uint64, n int) []float32 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(2.5 * r.NormFloat64())
	}
	for i := range 40 {
		x[r.IntN(n)] = float32(22 - 0.25*float64(i) + r.NormFloat64())
	}
	return x
}

// maskOf allows each token with the given share.
func maskOf(share float64, n int) setMask {
	r := rand.New(rand.NewPCG(7, 7))
	m := make(setMask, (n+63)/64)
	for i := range n {
		if r.Float64() < share {
			m[i/64] |= 1 << (i % 64)
		}
	}
	return m
}

// BenchmarkSample draws from Qwen3's vocabulary with the settings in its name.
func BenchmarkSample(b *testing.B) {
	with := func(p Params, change func(*Params)) Params { change(&p); p.Seed = 1; return p }
	qwen := Defaults(true)
	penalised := with(qwen, func(p *Params) { p.RepetitionPenalty, p.PresencePenalty = 1.1, 1.5 })
	cases := []struct {
		name    string
		params  Params
		mask    Mask
		history int
	}{
		{name: "greedy", params: Greedy()},
		{name: "qwen3", params: qwen},
		{name: "qwen3/penalties4096", params: penalised, history: 4096},
		{name: "qwen3/mask0.9", params: qwen, mask: maskOf(0.9, qwenVocab)},
		{name: "qwen3/mask0.01", params: qwen, mask: maskOf(0.01, qwenVocab)},
		{name: "qwen3/mask0.0001", params: qwen, mask: maskOf(0.0001, qwenVocab)},
		{name: "qwen3/logprobs20", params: with(qwen, func(p *Params) { p.Logprobs = 20 })},
		{name: "greedy/logprobs0", params: with(Greedy(), func(p *Params) { p.Logprobs = 0 })},
		{name: "temperature", params: with(Greedy(), func(p *Params) { p.Temperature = 1 })},
		{name: "top_p", params: with(Greedy(), func(p *Params) { p.Temperature, p.TopP = 1, 0.95 })},
		{name: "min_p", params: with(Greedy(), func(p *Params) { p.Temperature, p.MinP = 1, 0.05 })},
		{name: "typical_p", params: with(Greedy(), func(p *Params) { p.Temperature, p.TypicalP = 1, 0.9 })},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			benchSample(b, c.params, c.mask, c.history, modelLogits(1, qwenVocab))
		})
	}
	negative := modelLogits(1, qwenVocab)
	flat := make([]float32, qwenVocab)
	for i := range negative {
		negative[i] -= 60
		flat[i] = float32(math.Sin(float64(i))) * 0.1
	}
	b.Run("greedy/negative", func(b *testing.B) { benchSample(b, Greedy(), nil, 0, negative) })
	b.Run("qwen3/negative", func(b *testing.B) { benchSample(b, qwen, nil, 0, negative) })
	b.Run("qwen3/flat", func(b *testing.B) { benchSample(b, qwen, nil, 0, flat) })
	b.Run("top_p/flat", func(b *testing.B) { benchSample(b, cases[9].params, nil, 0, flat) })
}

func benchSample(b *testing.B, p Params, mask Mask, history int, logits []float32) {
	s, err := New(p, qwenVocab)
	if err != nil {
		b.Fatal(err)
	}
	for i := range history {
		s.Accept(int32(i * 37 % qwenVocab))
	}
	b.SetBytes(int64(4 * len(logits)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Sample(logits, mask); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStop pushes ordinary text by small pieces through many stop strings.
func BenchmarkStop(b *testing.B) {
	for _, n := range []int{1, 10_000} {
		stops := make([]string, n)
		for i := range stops {
			stops[i] = fmt.Sprintf("\nstop %d:", i)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := NewStop(stops)
			piece := " token"
			b.SetBytes(int64(len(piece)))
			b.ReportAllocs()
			for b.Loop() {
				s.Push(piece)
			}
		})
	}
}
