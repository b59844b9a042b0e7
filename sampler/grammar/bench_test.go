package grammar

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"orchrt/sampler/grammar/value"
)

// BenchmarkThinking is what a token of thinking costs.
func BenchmarkThinking(b *testing.B) {
	m, err := compile(b, Config{Tools: tools}).Matcher(encode(b, inThinking), 0)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]uint64, qwenVocabulary().table.Words())
	b.ReportAllocs()
	for b.Loop() {
		m.Allowed(buf)
		if err := m.Accept(1000); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFork is what a fork in the middle of a call, or four tokens and
// taking them back cost.
func BenchmarkFork(b *testing.B) {
	m, err := compile(b, Config{Tools: tools}).Matcher(encode(b, noThinking), 0)
	if err != nil {
		b.Fatal(err)
	}
	ids := encode(b, callParis)
	for _, id := range ids[:12] {
		if err := m.Accept(id); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("fork", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m.Fork()
		}
	})
	b.Run("4tokens", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, id := range ids[12:16] {
				if err := m.Accept(id); err != nil {
					b.Fatal(err)
				}
			}
			if err := m.Rollback(4); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkTools is the time until 37 tools are ready: compiled, and the first
// mask of a call made.
func BenchmarkTools(b *testing.B) {
	const count = 37
	config, known := Config{EOS: []int32{imEnd}}, map[string]bool{}
	for _, e := range callEntries(b, 7) {
		for _, tool := range e.config().Tools {
			if len(config.Tools) < count && !known[tool.Name] {
				known[tool.Name] = true
				config.Tools = append(config.Tools, tool)
			}
		}
	}
	v := qwenVocabulary()
	prompt := encode(b, noThinking)
	buf := make([]uint64, v.table.Words())
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		v.units, v.turns = newLRU[*unit](maxUnits, maxSchemaText), newLRU[*Turn](maxTurns, maxSchemaText)
		b.StartTimer()
		turn, err := v.Compile(config)
		if err != nil {
			b.Fatal(err)
		}
		m, err := turn.Matcher(prompt, 2000)
		if err != nil {
			b.Fatal(err)
		}
		if err := m.Accept(v.call); err != nil {
			b.Fatal(err)
		}
		m.Allowed(buf)
	}
}

// BenchmarkMaskBench makes the masks along every instance of each tenth schema
// of the sample, on one core.
func BenchmarkMaskBench(b *testing.B) {
	entries := benchEntries(b, 10)
	v := qwenVocabulary()
	buf := make([]uint64, v.table.Words())
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for b.Loop() {
		var masks, compiles []time.Duration
		for _, e := range entries {
			start := time.Now()
			doc, err := v.CompileSchema(e.Schema, SchemaOptions{Strict: true, EOS: []int32{imEnd}})
			compiles = append(compiles, time.Since(start))
			if err != nil {
				continue
			}
			for _, test := range e.Tests {
				data, err := value.Parse(test.Data, value.Limits{})
				if err != nil {
					continue
				}
				ids, err := qwen().Encode(data.String(), false)
				if err != nil {
					b.Fatal(err)
				}
				m, err := doc.Matcher(0)
				if err != nil {
					b.Fatal(err)
				}
				for _, id := range append(ids, imEnd) {
					start := time.Now()
					set := m.Allowed(buf)
					masks = append(masks, time.Since(start))
					if set[id>>6]>>(id&63)&1 == 0 || m.Accept(id) != nil {
						break
					}
				}
			}
		}
		report(b, masks, "mask")
		report(b, compiles, "compile")
	}
}

// report reports percentiles in microseconds.
func report(b *testing.B, times []time.Duration, name string) {
	slices.Sort(times)
	var sum time.Duration
	for _, d := range times {
		sum += d
	}
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	b.ReportMetric(us(sum)/float64(len(times)), name+"-mean-µs")
	for _, q := range []struct {
		name string
		at   float64
	}{{"p50", .5}, {"p90", .9}, {"p99", .99}, {"p99.9", .999}, {"max", 1}} {
		i := min(int(q.at*float64(len(times))), len(times)-1)
		b.ReportMetric(us(times[i]), name+"-"+q.name+"-µs")
	}
}
