package score

import (
	"cmp"
	"slices"
)

// Report sums up the results of many cases. The names in its JSON form are
// those that scripts rely on.
type Report struct {
	Cases           int `json:"cases"`
	Passed          int `json:"passed"`
	Refused         int `json:"refused"` // cases whose schema cannot be enforced
	Failed          int `json:"failed"`
	TimedOut        int `json:"timed_out"`
	Panicked        int `json:"panicked"`
	Tests           int `json:"tests"` // instances and calls of the cases that were not refused
	Valid           int `json:"valid"`
	ValidRefused    int `json:"valid_refused"`    // of these
	InvalidAccepted int `json:"invalid_accepted"` // of the others, and of the outputs that were judged
	Skipped         int `json:"skipped"`          // instances that cannot be written with the vocabulary
	Unjudged        int `json:"unjudged"`         // what the reference validator cannot judge
	Warnings        int `json:"warnings"`         // schemas that are not enforced as they stand
	Broken          int `json:"broken"`           // other faults: dead ends, added tokens, …
	Outputs         int `json:"outputs,omitempty"`
	Judged          int `json:"judged,omitempty"`

	Tokens      int     `json:"tokens"`       // of valid instances, accepted and canonical
	ForcedShare float64 `json:"forced_share"` // of these
	OddForced   int     `json:"forced_not_canonical"`

	MaskUS    Quantiles `json:"mask_us"`
	AcceptUS  Quantiles `json:"accept_us"`
	CompileMS Quantiles `json:"compile_ms"`
	FirstMS   Quantiles `json:"first_mask_ms"`

	Mutants map[string]Mutants `json:"mutants,omitempty"`

	// Results are those of the cases that did not pass, in their order; Slowest
	// those with the longest mask or compile time.
	Results []*Result `json:"results,omitempty"`
	Slowest []*Result `json:"slowest,omitempty"`

	masks, accepts []uint32
	compiles       []uint32
	firsts         []uint32
	forced         int
}

// slowestKept is how many of the slowest cases a report names, by mask and by
// compile time.
const slowestKept = 10

// Add counts a result. It keeps nothing of what the result holds for each
// token, and of r itself only what the report lists.
func (p *Report) Add(r *Result) {
	p.Cases++
	switch r.Outcome {
	case Passed:
		p.Passed++
	case Refused:
		p.Refused++
	case TimedOut:
		p.TimedOut++
	case Panicked:
		p.Panicked++
	default:
		p.Failed++
	}
	p.Tests += r.Tests
	p.Valid += r.Valid
	p.ValidRefused += r.ValidRefused
	p.InvalidAccepted += r.InvalidAccepted
	p.Skipped += r.Skipped
	p.Unjudged += r.Unjudged
	p.Warnings += r.Warnings
	p.Outputs += len(r.Outputs)
	p.Judged += r.Judged
	p.Tokens += r.tokens
	p.forced += r.forced
	p.OddForced += r.oddForced
	for _, f := range r.Faults {
		switch f.Kind {
		case strayToken, deadEnd, endless, inconsistent, badRollback, badForced:
			p.Broken++
		}
	}
	for kind, n := range r.Mutants {
		if p.Mutants == nil {
			p.Mutants = map[string]Mutants{}
		}
		m := p.Mutants[kind]
		p.Mutants[kind] = Mutants{m.Invalid + n.Invalid, m.InvalidAccepted + n.InvalidAccepted, m.Valid + n.Valid, m.ValidRefused + n.ValidRefused}
	}
	p.addTimes(r)
	if r.Outcome != Passed {
		p.Results = append(p.Results, r)
	}
	p.keepSlowest(r)
}

// addTimes gathers the times of a case and lets go of them.
func (p *Report) addTimes(r *Result) {
	if r.compiled {
		p.compiles = append(p.compiles, uint32(min(r.CompileMS*1e6, 1<<32-1)))
		if r.FirstMS > 0 {
			p.firsts = append(p.firsts, uint32(min(r.FirstMS*1e6, 1<<32-1)))
		}
	}
	if len(r.masks) > 0 {
		r.MaxMaskUS = float64(slices.Max(r.masks)) / 1e3
	}
	p.masks = append(p.masks, r.masks...)
	p.accepts = append(p.accepts, r.accepts...)
	r.masks, r.accepts, r.Outputs = nil, nil, nil
}

// keepSlowest keeps r if it is among the slowest.
func (p *Report) keepSlowest(r *Result) {
	p.Slowest = append(p.Slowest, r)
	if len(p.Slowest) < 8*slowestKept {
		return
	}
	p.trimSlowest()
}

func (p *Report) trimSlowest() {
	keep := map[*Result]bool{}
	for _, time := range []func(r *Result) float64{
		func(r *Result) float64 { return r.MaxMaskUS / 1e3 },
		func(r *Result) float64 { return r.CompileMS },
	} {
		slices.SortStableFunc(p.Slowest, func(x, y *Result) int { return cmp.Compare(time(y), time(x)) })
		for _, r := range p.Slowest[:min(slowestKept, len(p.Slowest))] {
			keep[r] = true
		}
	}
	p.Slowest = slices.DeleteFunc(p.Slowest, func(r *Result) bool { return !keep[r] })
}

// Finish works out shares and quantiles once every result is added.
func (p *Report) Finish() {
	if p.Tokens > 0 {
		p.ForcedShare = float64(p.forced) / float64(p.Tokens)
	}
	p.MaskUS = quantiles(p.masks, 1e3)
	p.AcceptUS = quantiles(p.accepts, 1e3)
	p.CompileMS = quantiles(p.compiles, 1e6)
	p.FirstMS = quantiles(p.firsts, 1e6)
	p.trimSlowest()
}
