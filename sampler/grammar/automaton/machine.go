package automaton

import (
	"errors"

	"orchrt/sampler/grammar/formula"
)

// Style says which white space a document has between its tokens. Strings and
// numbers may be spelled in any way in either style.
type Style uint8

const (
	// Trained is the form that Python's json.dumps(ensure_ascii=False) writes:
	// one space after each comma and colon, no other white space.
	Trained Style = iota
	// Flexible allows, wherever JSON allows white space, nothing, or a space, or
	// a newline and up to 64 spaces and tabs. Before and after the document it
	// allows none.
	Flexible
)

// Options are the settings of a Machine.
type Options struct {
	Style          Style
	Prefix, Suffix string // literal bytes before and after the document
	// MaxStates bounds the states that the machine remembers; 0 stands for
	// DefaultMaxStates. Beyond it the machine forgets all and makes anew those
	// that are needed. States in use stay valid.
	MaxStates int
	// StepBudget bounds the work of one transition that is not remembered, in
	// steps of budget.Budget; 0 stands for DefaultStepBudget.
	StepBudget int64
}

// The defaults of Options.
const (
	DefaultMaxStates  = 1 << 18
	DefaultStepBudget = 2_000_000
)

// ErrUnsatisfiable says that no JSON value satisfies the formula.
var ErrUnsatisfiable = errors.New("no JSON value satisfies the schema")

// Call is one of the documents {"name": NAME, "arguments": ARGUMENTS} of NewCalls.
type Call struct {
	Name string
	// Arguments returns the formula of the arguments and its Space. It is called
	// at most once, when the name has been read or a completion needs it. Calls
	// may share a Space. An error ends up in Machine.Err.
	Arguments func() (*formula.Space, formula.F, error)
}
