package bench

import (
	"fmt"
	"strings"
)

// GPU is the graphics processor that a report's figures come from.
type GPU struct {
	Name       string `json:"name"`
	Capability string `json:"compute_capability"`
	Driver     string `json:"driver"`
	SMs        int    `json:"multiprocessors"`
	MaxSMMHz   int    `json:"max_sm_mhz"`

	// SpecBandwidth is that of the memory by its clock and width; CopyBandwidth
	// what copies within it read and wrote, measured before and after the tests. Bytes a second.
	SpecBandwidth float64 `json:"spec_bandwidth"`
	CopyBandwidth Series  `json:"copy_bandwidth"`

	Before Clocks `json:"before"`
	After  Clocks `json:"after"` // right after the tests
}

// Clocks is what a GPU does at one moment; 0: not known.
type Clocks struct {
	SMMHz     int     `json:"sm_mhz"`
	MemoryMHz int     `json:"memory_mhz"`
	Watts     float64 `json:"watts"`
	Celsius   int     `json:"celsius"`
}

// Phase is the time that each kernel took in one part of a profile, in which
// launches do not overlap and steps are not repeated from a recording.
type Phase struct {
	Name    string   `json:"name"`
	Tokens  int      `json:"tokens"`
	Kernels []Kernel `json:"kernels"`
}

// Kernel is the time that the launches of one kernel took together.
type Kernel struct {
	Name     string  `json:"name"`
	Launches int     `json:"launches"`
	Seconds  float64 `json:"seconds"`
}

// SetCopies notes measurements of the copy bandwidth.
func (g *GPU) SetCopies(perSecond ...float64) { g.CopyBandwidth = seriesOf(perSecond) }

// MovedPerToken is the bytes that decoding a token reads at the depth of the
// test's middle: weights and KV cache.
func (r *Report) MovedPerToken() float64 {
	moved := float64(r.Model.BytesPerToken)
	if r.Decode != nil {
		moved += float64(r.Model.CacheBytes) * (float64(r.Decode.Depth) + float64(r.Decode.Tokens)/2)
	}
	return moved
}

// facts are the report's lines about the GPU.
func (g *GPU) facts(r *Report) [][2]string {
	clock := func(c Clocks) string {
		return fmt.Sprintf("SM %d MHz, memory %d MHz, %.0f W, %d °C", c.SMMHz, c.MemoryMHz, c.Watts, c.Celsius)
	}
	rows := [][2]string{
		{"gpu", fmt.Sprintf("%s, compute capability %s, %d multiprocessors of at most %d MHz, driver %s", g.Name, g.Capability, g.SMs, g.MaxSMMHz, g.Driver)},
		{"clocks", fmt.Sprintf("before: %s; after: %s", clock(g.Before), clock(g.After))},
		{"bandwidth", fmt.Sprintf("%s/s by specification, %s/s ± %s in copies", gb(g.SpecBandwidth), gb(g.CopyBandwidth.Mean), gb(g.CopyBandwidth.SD))},
	}
	if r.Decode != nil {
		moved := r.MovedPerToken()
		rate := moved * r.Decode.PerSecond.Mean
		rows = append(rows, [2]string{"decoding", fmt.Sprintf("%s moved a token (%s of weights), %s/s: %.3f of the specification, %.3f of the copies",
			gb(moved), gb(float64(r.Model.BytesPerToken)), gb(rate), share(rate, g.SpecBandwidth), share(rate, g.CopyBandwidth.Mean))})
	}
	if r.Prefill != nil {
		rows = append(rows, [2]string{"prefill", fmt.Sprintf("%.1f TFLOP/s (%.2f GFLOP a token in the layers' matrices)",
			r.Limits.PrefillFLOPS/1e12, float64(r.Model.FLOPPerToken)/1e9)})
	}
	return rows
}

// share is a part of a whole that may not be known.
func share(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return part / whole
}

// profileTables writes a table for each part of the profile.
func (r *Report) profileTables(b *strings.Builder) {
	for _, p := range r.Profile {
		all := 0.0
		for _, k := range p.Kernels {
			all += k.Seconds
		}
		rows := [][]string{{fmt.Sprintf("%s, %d tokens", p.Name, p.Tokens), "launches", "µs each", "ms", "share"}}
		for _, k := range p.Kernels {
			rows = append(rows, []string{k.Name, fmt.Sprint(k.Launches), fmt.Sprintf("%.2f", k.Seconds*1e6/float64(max(k.Launches, 1))),
				fmt.Sprintf("%.3f", k.Seconds*1e3), fmt.Sprintf("%.3f", share(k.Seconds, all))})
		}
		markdown(b, rows)
		b.WriteByte('\n')
	}
}
