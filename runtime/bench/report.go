package bench

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// Report is everything that a figure needs to be worth something.
type Report struct {
	Model   Model   `json:"model"`
	Machine Machine `json:"machine"`
	Load    Load    `json:"load"`
	Result
	Limits  Limits  `json:"limits"`
	Memory  Memory  `json:"memory"`
	Profile []Phase `json:"profile,omitempty"` // of the GPU's kernels
}

// Model is what was run.
type Model struct {
	File          string `json:"file"`
	Name          string `json:"name"`
	Types         string `json:"types"` // block formats, that with the most bytes first
	Bytes         int64  `json:"bytes"` // of all tensors
	Weights       int64  `json:"weights"`
	BytesPerToken int64  `json:"bytes_per_token"` // of the weights that decoding one token reads
	FLOPPerToken  int64  `json:"flop_per_token"`  // 2 × weights of the layers' matrices; head and attention not counted
	Cache         string `json:"kv_type"`
	CacheBytes    int64  `json:"kv_bytes_per_token"`
	Context       int    `json:"context"`
}

// Machine is what it ran on.
type Machine struct {
	CPU     string `json:"cpu"`
	Device  string `json:"device"`
	Threads int    `json:"threads"`
	GPU     *GPU   `json:"gpu,omitempty"` // what it ran on, unless that was the CPU

	LoadAverage float64 `json:"load_average"` // before the run: near 0 on a machine of one's own
}

// Load is the reading and packing of the weights.
type Load struct {
	Seconds        float64 `json:"seconds"`
	BytesPerSecond float64 `json:"bytes_per_second"`
}

// Limits compares with what the machine can do.
type Limits struct {
	// ReadBandwidth is what all threads together read from memory at best, in bytes/s:
	// the mean of the measurements around the repetitions of decoding.
	ReadBandwidth float64 `json:"read_bandwidth"`
	// DecodeBandwidth is BytesPerToken × tokens/s; DecodeShare its part of ReadBandwidth.
	DecodeBandwidth float64 `json:"decode_bandwidth"`
	DecodeShare     float64 `json:"decode_share"`
	// PrefillFLOPS is FLOPPerToken × tokens/s.
	PrefillFLOPS          float64 `json:"prefill_flops"`
	PrefillFLOPSPerThread float64 `json:"prefill_flops_per_thread"`
}

// SetLoad notes how long it took to load the model.
func (r *Report) SetLoad(d time.Duration) {
	r.Load = Load{Seconds: d.Seconds(), BytesPerSecond: float64(r.Model.Bytes) / max(d.Seconds(), 1e-9)}
}

// SetLimits computes the limits from the results.
func (r *Report) SetLimits() {
	r.Limits = Limits{}
	if r.Decode != nil {
		bandwidth := r.Decode.ReadBandwidth.Mean
		r.Limits.ReadBandwidth = bandwidth
		r.Limits.DecodeBandwidth = float64(r.Model.BytesPerToken) * r.Decode.PerSecond.Mean
		if bandwidth > 0 {
			r.Limits.DecodeShare = r.Limits.DecodeBandwidth / bandwidth
		}
	}
	if r.Prefill != nil {
		r.Limits.PrefillFLOPS = float64(r.Model.FLOPPerToken) * r.Prefill.PerSecond.Mean
		r.Limits.PrefillFLOPSPerThread = r.Limits.PrefillFLOPS / float64(max(1, r.Machine.Threads))
	}
}

// Table writes the report as text, its tables in Markdown.
func (r *Report) Table(w io.Writer) error {
	var b strings.Builder
	facts := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, f := range r.facts() {
		fmt.Fprintf(facts, "%s\t%s\n", f[0], f[1])
	}
	facts.Flush()
	b.WriteByte('\n')
	if rows := r.testRows(); len(rows) > 1 {
		markdown(&b, rows)
		b.WriteByte('\n')
	}
	if rows := r.concurrentRows(); len(rows) > 1 {
		markdown(&b, rows)
		b.WriteByte('\n')
	}
	r.profileTables(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// facts are the lines above the tables: what ran where, and how it compares.
func (r *Report) facts() [][2]string {
	m, l := r.Model, r.Limits
	rows := [][2]string{
		{"model", fmt.Sprintf("%s (%s), %s, %s weights, %s", m.File, m.Name, m.Types, count(m.Weights), gb(float64(m.Bytes)))},
		{"cpu", r.Machine.CPU},
		{"device", r.Machine.Device},
		{"threads", fmt.Sprintf("%d; load average %.2f before the run", r.Machine.Threads, r.Machine.LoadAverage)},
		{"KV cache", fmt.Sprintf("%s, %d positions", m.Cache, m.Context)},
		{"load", fmt.Sprintf("%.2f s, %s/s", r.Load.Seconds, gb(r.Load.BytesPerSecond))},
		{"memory", fmt.Sprintf("resident %s, peak %s", gb(float64(r.Memory.Resident)), gb(float64(r.Memory.Peak)))},
	}
	if g := r.Machine.GPU; g != nil {
		return append(rows, g.facts(r)...)
	}
	if r.Decode != nil {
		if b := r.Decode.ReadBandwidth; len(b.Samples) > 0 {
			rows = append(rows, [2]string{"read bandwidth", fmt.Sprintf("%s/s ± %s, the best of several ways to read, measured %d times between the repetitions", gb(b.Mean), gb(b.SD), len(b.Samples))})
		}
		rows = append(rows, [2]string{"decoding", fmt.Sprintf("%d bytes of weights a token, %s/s, %.3f of the read bandwidth",
			m.BytesPerToken, gb(l.DecodeBandwidth), l.DecodeShare)})
	}
	if r.Prefill != nil {
		rows = append(rows, [2]string{"prefill", fmt.Sprintf("%.1f GFLOP/s, %.1f a thread (%.2f GFLOP a token in the layers' matrices)",
			l.PrefillFLOPS/1e9, l.PrefillFLOPSPerThread/1e9, float64(m.FLOPPerToken)/1e9)})
	}
	return rows
}

// testRows is the table of single sequences, header first.
func (r *Report) testRows() [][]string {
	rows := [][]string{{"test", "tokens/s", "± sd", "first token, ms", "runs"}}
	name := func(kind string, tokens, depth int) string {
		if depth > 0 {
			return fmt.Sprintf("%s%d @ d%d", kind, tokens, depth)
		}
		return fmt.Sprintf("%s%d", kind, tokens)
	}
	if p := r.Prefill; p != nil {
		rows = append(rows, []string{name("pp", p.Tokens, p.Depth), fmt.Sprintf("%.2f", p.PerSecond.Mean),
			fmt.Sprintf("%.2f", p.PerSecond.SD), fmt.Sprintf("%.1f", p.TTFT.Mean*1e3), fmt.Sprint(len(p.TTFT.Samples))})
	}
	if d := r.Decode; d != nil {
		rows = append(rows, []string{name("tg", d.Tokens, d.Depth), fmt.Sprintf("%.2f", d.PerSecond.Mean),
			fmt.Sprintf("%.2f", d.PerSecond.SD), "", fmt.Sprint(len(d.PerSecond.Samples))})
	}
	return rows
}

// concurrentRows is the table of several sequences, header first.
func (r *Report) concurrentRows() [][]string {
	rows := [][]string{{"sequences", "prompt", "generated", "output tokens/s", "all tokens/s",
		"first token p50, ms", "p99", "between tokens p50, ms", "p99"}}
	for _, c := range r.Concurrent {
		rows = append(rows, []string{fmt.Sprint(c.Sequences), fmt.Sprint(c.Prompt), fmt.Sprint(c.Generated),
			fmt.Sprintf("%.2f", c.OutputPerSecond), fmt.Sprintf("%.2f", c.TotalPerSecond),
			fmt.Sprintf("%.1f", c.TTFT.P50*1e3), fmt.Sprintf("%.1f", c.TTFT.P99*1e3),
			fmt.Sprintf("%.1f", c.ITL.P50*1e3), fmt.Sprintf("%.1f", c.ITL.P99*1e3)})
	}
	return rows
}

// markdown writes a table, first column to the left, numbers to the right.
func markdown(b *strings.Builder, rows [][]string) {
	width := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			width[i] = max(width[i], len([]rune(cell)))
		}
	}
	for n, row := range rows {
		for i, cell := range row {
			pad := strings.Repeat(" ", width[i]-len([]rune(cell)))
			if i == 0 {
				fmt.Fprintf(b, "| %s%s |", cell, pad)
			} else {
				fmt.Fprintf(b, " %s%s |", pad, cell)
			}
		}
		b.WriteByte('\n')
		if n > 0 {
			continue
		}
		for i, w := range width {
			if i == 0 {
				fmt.Fprintf(b, "|%s|", strings.Repeat("-", w+2))
			} else {
				fmt.Fprintf(b, "%s:|", strings.Repeat("-", w+1))
			}
		}
		b.WriteByte('\n')
	}
}

// gb writes bytes in decimal gigabytes, or megabytes below one.
func gb(bytes float64) string {
	if bytes < 1e9 {
		return fmt.Sprintf("%.1f MB", bytes/1e6)
	}
	return fmt.Sprintf("%.2f GB", bytes/1e9)
}

// count writes a number of weights in billions or millions.
func count(n int64) string {
	if n < 1e9 {
		return fmt.Sprintf("%.1f M", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2f B", float64(n)/1e9)
}
