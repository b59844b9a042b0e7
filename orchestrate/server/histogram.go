package server

import (
	"bufio"
	"fmt"
	"sort"
	"strconv"
)

// histogram counts values by upper bound. The metrics' mutex guards it.
type histogram struct {
	name   string // without prefix
	help   string
	bounds []float64
	counts []uint64 // one more than bounds: the last is for what is above all
	sum    float64
	total  uint64
}

func newHistogram(name, help string, bounds []float64) *histogram {
	return &histogram{name: name, help: help, bounds: bounds, counts: make([]uint64, len(bounds)+1)}
}

// observe counts v.
func (h *histogram) observe(v float64) {
	h.counts[sort.SearchFloat64s(h.bounds, v)]++
	h.sum += v
	h.total++
}

// write prints h in the Prometheus text format.
func (h *histogram) write(w *bufio.Writer, labels string) {
	header(w, h.name, h.help, "histogram")
	var n uint64
	for i, b := range h.bounds {
		n += h.counts[i]
		fmt.Fprintf(w, "%s%s_bucket{%s,le=\"%s\"} %d\n", prefix, h.name, labels, formatFloat(b), n)
	}
	fmt.Fprintf(w, "%s%s_bucket{%s,le=\"+Inf\"} %d\n", prefix, h.name, labels, h.total)
	fmt.Fprintf(w, "%s%s_sum{%s} %s\n", prefix, h.name, labels, formatFloat(h.sum))
	fmt.Fprintf(w, "%s%s_count{%s} %d\n", prefix, h.name, labels, h.total)
}

// header prints the two comment lines of a metric.
func header(w *bufio.Writer, name, help, kind string) {
	fmt.Fprintf(w, "# HELP %s%s %s\n# TYPE %s%s %s\n", prefix, name, help, prefix, name, kind)
}

// formatFloat writes a bound as Prometheus clients do: 1.0, 0.005.
func formatFloat(v float64) string {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	for _, c := range s {
		if c == '.' || c == 'e' {
			return s
		}
	}
	return s + ".0"
}

// steps125 are the bounds 1, 2, 5, 10, 20, … up to limit.
func steps125(limit int) []float64 {
	var out []float64
	for p := 1; ; p *= 10 {
		for _, m := range []int{1, 2, 5} {
			if m*p > limit {
				return out
			}
			out = append(out, float64(m*p))
		}
	}
}

// The bounds of vLLM's histograms, so that its dashboards fit.
func boundsFirstToken() []float64 {
	return []float64{.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560}
}

func boundsPerToken() []float64 {
	return []float64{.01, .025, .05, .075, .1, .15, .2, .3, .4, .5, .75, 1, 2.5, 5, 7.5, 10, 20, 40, 80}
}

func boundsRequest() []float64 {
	return []float64{.3, .5, .8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680}
}

func boundsChoices() []float64 { return []float64{1, 2, 5, 10, 20} }
