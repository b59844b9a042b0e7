package schema

import (
	"slices"
	"testing"
	"time"

	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/value"
)

// BenchmarkMaskBench compiles one real schema after another.
func BenchmarkMaskBench(b *testing.B) {
	var docs []value.Value
	for _, g := range groups(b, maskBenchFile) {
		docs = append(docs, parse(b, g.Schema))
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if _, err := Compile(formula.NewSpace(budget.New(steps)), docs[i%len(docs)], Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkMaskBenchEach prints percentiles of the time to compile a schema.
func BenchmarkMaskBenchEach(b *testing.B) {
	list := groups(b, maskBenchFile)
	docs := make([]value.Value, len(list))
	for i, g := range list {
		docs[i] = parse(b, g.Schema)
	}
	times := make([]time.Duration, 0, len(docs))
	worst := make([]int, len(docs))
	for b.Loop() {
		times = times[:0]
		for i := range docs {
			start := time.Now()
			if _, err := Compile(formula.NewSpace(budget.New(steps)), docs[i], Options{}); err != nil {
				b.Error(list[i].Name, err)
			}
			times = append(times, time.Since(start))
			worst[i] = i
		}
	}
	slices.SortFunc(worst, func(i, j int) int { return int(times[j] - times[i]) })
	for _, i := range worst[:5] {
		b.Logf("%s: %v", list[i].Name, times[i])
	}
	slices.Sort(times)
	at := func(p float64) float64 { return float64(times[int(p*float64(len(times)-1))].Microseconds()) }
	b.ReportMetric(at(0.5), "p50-µs")
	b.ReportMetric(at(0.9), "p90-µs")
	b.ReportMetric(at(0.99), "p99-µs")
	b.ReportMetric(at(1), "max-µs")
}
