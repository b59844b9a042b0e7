package bench

import (
	"strings"
	"testing"
)

func TestGPUReport(t *testing.T) {
	r := Report{
		Model: Model{BytesPerToken: 4_000_000_000, CacheBytes: 1_000_000, FLOPPerToken: 14e9},
		Machine: Machine{GPU: &GPU{Name: "H", Capability: "9.0", Driver: "580", SMs: 132, MaxSMMHz: 1980, SpecBandwidth: 4.8e12,
			Before: Clocks{SMMHz: 345}, After: Clocks{SMMHz: 1980, MemoryMHz: 3201, Watts: 512.3, Celsius: 41}}},
		Result:  Result{Prefill: &Prefill{PerSecond: Series{Mean: 20000}}, Decode: &Decode{Tokens: 100, Depth: 950, PerSecond: Series{Mean: 500}}},
		Profile: []Phase{{Name: "decoding", Tokens: 200, Kernels: []Kernel{{"gemv", 400, 0.003}, {"top", 200, 0.001}}}},
	}
	r.Machine.GPU.SetCopies(4e12, 4.2e12)
	r.SetLimits()
	if got := r.MovedPerToken(); got != 5e9 {
		t.Errorf("moved a token: %v bytes, want 4e9 of weights and 1000 tokens of cache", got)
	}
	var b strings.Builder
	if err := r.Table(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"H, compute capability 9.0, 132 multiprocessors of at most 1980 MHz, driver 580",
		"after: SM 1980 MHz, memory 3201 MHz, 512 W, 41 °C",
		"5.00 GB moved a token (4.00 GB of weights), 2500.00 GB/s: 0.521 of the specification, 0.610 of the copies",
		"280.0 TFLOP/s", "| decoding, 200 tokens | launches | µs each |    ms | share |", "| gemv                 |      400 |    7.50 | 3.000 | 0.750 |",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
}
