package bench

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestSeries(t *testing.T) {
	s := seriesOf([]float64{2, 4, 6})
	if s.Mean != 4 || s.SD != 2 {
		t.Errorf("mean %v, sd %v; want 4, 2", s.Mean, s.SD)
	}
	if s := seriesOf([]float64{3}); s.Mean != 3 || s.SD != 0 {
		t.Errorf("one sample: %+v", s)
	}
	if s := seriesOf(nil); s.Mean != 0 || s.SD != 0 {
		t.Errorf("no sample: %+v", s)
	}
}

func TestQuantiles(t *testing.T) {
	var x []float64
	for i := range 200 {
		x = append(x, float64(200-i))
	}
	if q := quantilesOf(x); q.P50 != 100 || q.P99 != 198 {
		t.Errorf("%+v, want 100 and 198", q)
	}
	if q := quantilesOf([]float64{7}); q.P50 != 7 || q.P99 != 7 {
		t.Errorf("%+v, want 7 twice", q)
	}
}

func TestConcurrentRates(t *testing.T) {
	ms := func(v ...int) (a arrivals) {
		for _, x := range v {
			a.at = append(a.at, time.Duration(x)*time.Millisecond)
		}
		return a
	}
	c := Concurrent{Sequences: 2, Prompt: 8, Generated: 3, Seconds: 0.5}.with([]arrivals{ms(100, 150, 200), ms(200, 300, 400)})
	if c.OutputPerSecond != 12 || c.TotalPerSecond != 44 {
		t.Errorf("%v output, %v total tokens/s; want 12, 44", c.OutputPerSecond, c.TotalPerSecond)
	}
	if c.TTFT.P50 != 0.1 || c.TTFT.P99 != 0.2 || math.Abs(c.ITL.P50-0.05) > 1e-12 || math.Abs(c.ITL.P99-0.1) > 1e-12 {
		t.Errorf("first token %+v, between tokens %+v", c.TTFT, c.ITL)
	}
}

func TestLimits(t *testing.T) {
	r := Report{
		Model:   Model{BytesPerToken: 4_000_000_000, FLOPPerToken: 14_000_000_000},
		Machine: Machine{Threads: 2},
		Result:  Result{Prefill: &Prefill{PerSecond: Series{Mean: 30}}, Decode: &Decode{PerSecond: Series{Mean: 5}, ReadBandwidth: Series{Mean: 25e9}}},
	}
	r.SetLimits()
	if l := r.Limits; l.DecodeShare != 0.8 || l.PrefillFLOPS != 420e9 || l.PrefillFLOPSPerThread != 210e9 {
		t.Errorf("%+v", l)
	}
}

func TestTable(t *testing.T) {
	r := Report{
		Model: Model{File: "a.gguf", BytesPerToken: 4_671_766_528},
		Result: Result{
			Prefill:    &Prefill{Tokens: 128, Depth: 64, PerSecond: seriesOf([]float64{30, 31})},
			Decode:     &Decode{Tokens: 32, PerSecond: seriesOf([]float64{5})},
			Concurrent: []Concurrent{{Sequences: 4, OutputPerSecond: 9.5}},
		},
	}
	var b strings.Builder
	if err := r.Table(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a.gguf", "4671766528 bytes of weights a token", "| pp128 @ d64 |", "30.50", "| tg32 ", "| 4 ", "9.50"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
}

func TestMemory(t *testing.T) {
	m := ReadMemory()
	if m.Resident <= 0 || m.Peak < m.Resident {
		t.Errorf("%+v", m)
	}
}
