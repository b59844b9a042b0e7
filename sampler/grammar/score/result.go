package score

import (
	"errors"
	"fmt"

	"orchrt/sampler/grammar"
)

// Outcome is what came of a case.
type Outcome string

// The outcomes.
const (
	Passed   Outcome = "passed"    // everything came out right
	Refused  Outcome = "refused"   // the schema cannot be enforced
	Failed   Outcome = "failed"    // an instance came out wrong, or a promise was broken
	TimedOut Outcome = "timed out" //
	Panicked Outcome = "panicked"  //
)

// Result is the score of one case.
type Result struct {
	Name    string   `json:"name"`
	Outcome Outcome  `json:"outcome"`
	Error   string   `json:"error,omitempty"`
	Refusal *Refusal `json:"refusal,omitempty"`

	CompileMS float64 `json:"compile_ms"`
	FirstMS   float64 `json:"first_mask_ms"` // compiling, starting and the first mask
	MaxMaskUS float64 `json:"max_mask_us"`

	Tests           int     `json:"tests"`
	Valid           int     `json:"valid"`
	ValidRefused    int     `json:"valid_refused"`
	InvalidAccepted int     `json:"invalid_accepted"`
	Skipped         int     `json:"skipped"`  // instances that cannot be written
	Unjudged        int     `json:"unjudged"` // what the reference validator cannot judge
	Warnings        int     `json:"warnings"`
	Faults          []Fault `json:"faults,omitempty"`

	Mutants map[string]Mutants `json:"mutants,omitempty"`
	Outputs []Output           `json:"-"` // of Fuzz
	Judged  int                `json:"judged,omitempty"`

	compiled       bool
	masks, accepts []uint32 // ns
	tokens, forced int      // of valid instances in their canonical tokens
	oddForced      int      // forced tokens that were not those
}

// Mutants count changed instances of one kind.
type Mutants struct {
	Invalid         int `json:"invalid"`
	InvalidAccepted int `json:"invalid_accepted"`
	Valid           int `json:"valid"`
	ValidRefused    int `json:"valid_refused"`
}

// Refusal says why a schema cannot be enforced.
type Refusal struct {
	Tool    string `json:"tool,omitempty"`
	Path    string `json:"path"` // JSON pointer into the schema
	Keyword string `json:"keyword"`
	Reason  string `json:"reason"`
	// Unsatisfiable: no value satisfies the schema. With invalid instances
	// alone, the case passes.
	Unsatisfiable bool `json:"unsatisfiable,omitempty"`
}

// Fault is one thing that came out wrong.
type Fault struct {
	Kind   string `json:"kind"`
	Test   int    `json:"test"` // index of the test, call or output
	Detail string `json:"detail"`
	Text   string `json:"text,omitempty"`
}

// Kinds of faults.
const (
	validRefused    = "valid refused"
	invalidAccepted = "invalid accepted"
	inconsistent    = "mask and matcher disagree"
	strayToken      = "added token inside JSON"
	deadEnd         = "dead end"
	endless         = "output does not end"
	badOutput       = "invalid output"
	badRollback     = "another mask after rollback"
	badForced       = "forced token not allowed"
)

// maxFaults bounds the faults that a result keeps.
const maxFaults = 20

// fault notes what came out wrong.
func (r *Result) fault(kind string, test int, text, format string, args ...any) {
	r.Outcome = Failed
	if len(r.Faults) < maxFaults {
		r.Faults = append(r.Faults, Fault{kind, test, fmt.Sprintf(format, args...), shorten(text)})
	}
}

// shorten keeps the head and the tail of a long text.
func shorten(s string) string {
	const most = 4000
	if len(s) <= most {
		return s
	}
	return s[:most/2] + " … " + s[len(s)-most/2:]
}

// fail ends the case.
func (r *Result) fail(o Outcome, why string) { r.Outcome, r.Error = o, why }

// refuse notes that the case cannot be compiled.
func (r *Result) refuse(err error) {
	r.fail(Refused, err.Error())
	var e *grammar.SchemaError
	if errors.As(err, &e) {
		r.Refusal = &Refusal{e.Tool, e.Path, e.Keyword, e.Reason, e.Unsatisfiable}
	}
}

// finish sets the outcome of a case whose work ended by itself.
func (r *Result) finish() {
	if r.Outcome == "" {
		r.Outcome = Passed
	}
}
