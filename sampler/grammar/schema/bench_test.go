package schema

import (
	"cmp"
	"fmt"
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

// BenchmarkMaskBenchEach reports percentiles, over schemas, of the best time to
// compile one; the spread within a schema is the machine's.
func BenchmarkMaskBenchEach(b *testing.B) {
	list := groups(b, maskBenchFile)
	docs, best, order := make([]value.Value, len(list)), make([]time.Duration, len(list)), make([]int, len(list))
	for i, g := range list {
		docs[i], best[i], order[i] = parse(b, g.Schema), time.Hour, i
	}
	for b.Loop() {
		for i := range docs {
			start := time.Now()
			if _, err := Compile(formula.NewSpace(budget.New(steps)), docs[i], Options{}); err != nil {
				b.Error(list[i].Name, err)
			}
			best[i] = min(best[i], time.Since(start))
		}
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(best[i], best[j]) })
	for _, i := range order[len(order)-3:] {
		b.Logf("%s: %v", list[i].Name, best[i])
	}
	for _, p := range []float64{0.5, 0.9, 0.99, 1} {
		d := best[order[int(p*float64(len(order)-1))]]
		b.ReportMetric(float64(d.Nanoseconds())/1000, fmt.Sprintf("p%v-µs", 100*p))
	}
}
