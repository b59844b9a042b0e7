package orchestrate

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// WriteTable writes what the run cost: a row for each tool and model, the
// policy first, and the total. Seconds of the total are those of the clock.
func (r *Run) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "what\tmodel\tcalls\terrors\ttokens in\tcached\ttokens out\tthinking\tUSD\tseconds\t")
	for _, s := range r.Ledger.By(nil) {
		row(t, s)
	}
	total := r.Ledger.Total()
	total.Tool, total.Seconds = "total", r.Wall.Seconds()
	row(t, total)
	return t.Flush()
}

func row(w io.Writer, s Sum) {
	what := s.Tool
	if what == "" {
		what = "(policy)"
	}
	fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%.2f\t\n", what, s.Model, s.Calls, s.Errors, s.Input, s.Cached, s.Output, s.Think,
		dollars(s.USD), s.Seconds)
}

// dollars shows small amounts with as many digits as they need.
func dollars(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v < 0.01:
		return fmt.Sprintf("%.6f", v)
	}
	return fmt.Sprintf("%.4f", v)
}
