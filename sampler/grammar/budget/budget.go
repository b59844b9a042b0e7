// Package budget counts the work that compiling and exploring a grammar may
// do. It counts steps, not time, so that the same input is refused on every
// machine and in every run. One step stands for some 50 ns of work and at most 64
// bytes kept.
package budget

import "fmt"

// ExceededError says that a grammar asks for more work than it may.
type ExceededError struct {
	Limit int64 // the steps that were granted
}

func (e *ExceededError) Error() string {
	return fmt.Sprintf("the grammar needs more than %d steps of work: simplify the schema or raise the limit", e.Limit)
}

// A Budget is a number of steps to be spent. A nil Budget never runs out. It is
// not safe for concurrent use.
type Budget struct {
	limit, left int64
	before      int64 // spent until it was renewed last
	err         *ExceededError
}

// New returns a budget of steps.
func New(steps int64) *Budget { return &Budget{limit: steps, left: steps} }

// Spend takes n steps. It returns an *ExceededError when fewer are left, and
// from then on until Renew.
func (b *Budget) Spend(n int) error {
	if b == nil {
		return nil
	}
	b.left -= int64(n)
	if b.left < 0 {
		return b.exceed()
	}
	return nil
}

func (b *Budget) exceed() error {
	if b.err == nil {
		b.err = &ExceededError{Limit: b.limit}
	}
	b.left = -1 // stays exceeded, whatever is spent
	return b.err
}

// Err returns the error of the Spend that exceeded the budget, or nil.
func (b *Budget) Err() error {
	if b == nil || b.err == nil {
		return nil
	}
	return b.err
}

// Left returns how many steps are left.
func (b *Budget) Left() int64 {
	if b == nil {
		return 1 << 62
	}
	return max(b.left, 0)
}

// Renew grants steps anew in place of what is left, and forgets an error. The
// automaton does so before each transition that it has to explore, which bounds
// the work of one transition and not that of a whole document.
func (b *Budget) Renew(steps int64) {
	if b != nil {
		*b = Budget{limit: steps, left: steps, before: b.Spent()}
	}
}

// Reserve sets aside what is left beyond some steps, and returns how many those
// set aside are, for Return.
func (b *Budget) Reserve(beyond int64) (aside int64) {
	if b == nil {
		return 0
	}
	aside = max(b.Left()-max(beyond, 0), 0)
	b.left -= aside
	return aside
}

// Return gives back what Reserve set aside, and forgets that the other steps ran
// out.
func (b *Budget) Return(aside int64) {
	if b != nil {
		b.left, b.err = b.Left()+aside, nil
	}
}

// Spent returns how many steps were spent of all that were ever granted.
func (b *Budget) Spent() int64 {
	if b == nil {
		return 0
	}
	return b.before + b.limit - b.Left()
}
