package orchestrate

import (
	"fmt"
	"math"
	"sync"
)

// Limits are the most that something may cost. 0 is no limit.
type Limits struct {
	USD     float64 `json:"usd,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
}

// Check reports limits that are none.
func (l Limits) Check() error {
	for _, v := range []struct {
		name  string
		value float64
	}{{"dollars", l.USD}, {"seconds", l.Seconds}} {
		if math.IsNaN(v.value) || math.IsInf(v.value, 0) || v.value < 0 {
			return fmt.Errorf("orchestrate: a budget of %v %s: want a number above 0, or 0 for no limit", v.value, v.name)
		}
	}
	return nil
}

// units is an amount in 10⁻¹² of a dollar or a second: whole numbers add up
// exactly, and an int64 holds nine million of either.
type units int64

const (
	perOne   = 1e12
	maxUnits = units(1 << 62)
)

// roundUp is v in units, not below v by more than its rounding as a float64.
func roundUp(v float64) units {
	switch {
	case v <= 0 || math.IsNaN(v):
		return 0
	case v >= float64(maxUnits)/perOne:
		return maxUnits
	}
	x := v * perOne
	return units(math.Ceil(x - max(1e-3, x*4e-16)))
}

// nearest is a limit in units.
func nearest(v float64) units {
	if v >= float64(maxUnits)/perOne {
		return maxUnits
	}
	return units(math.Round(v * perOne))
}

func (u units) float() float64 { return float64(u) / perOne }

// amount is dollars and seconds in units.
type amount [2]units

func amountOf(c Cost) amount { return amount{roundUp(c.USD), roundUp(c.Seconds)} }

func (a amount) cost() Cost { return Cost{a[0].float(), a[1].float()} }

// Budget is dollars and seconds that any number of runs may share. What may be
// spent is reserved before, so that spent and reserved together never go beyond
// the limits. Seconds are those of each turn and call, added up. It is safe for
// concurrent use.
type Budget struct {
	mu          sync.Mutex
	limit       amount
	limited     [2]bool
	spent, held amount
	parent      *Budget
}

// NewBudget returns a budget with limits.
func NewBudget(l Limits) (*Budget, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	return &Budget{limit: amount{nearest(l.USD), nearest(l.Seconds)}, limited: [2]bool{l.USD > 0, l.Seconds > 0}}, nil
}

// BudgetError reports a reservation that does not fit.
type BudgetError struct {
	What       string // dollars or seconds
	Need, Left float64
	Limit      float64
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("the budget of %.6g %s has %.6g left, but this may take up to %.6g", e.Limit, e.What, e.Left, e.Need)
}

// Reserve sets the worst case of something aside. The error is a *BudgetError.
// The caller must call Settle on the Hold in the end.
func (b *Budget) Reserve(worst Cost) (*Hold, error) {
	need := amountOf(worst)
	if err := b.reserve(need); err != nil {
		return nil, err
	}
	return &Hold{b: b, held: need}, nil
}

func (b *Budget) reserve(need amount) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, what := range []string{"dollars", "seconds"} {
		left := b.limit[i] - b.spent[i] - b.held[i]
		if b.limited[i] && need[i] > 0 && need[i] > left {
			return &BudgetError{What: what, Need: need[i].float(), Left: max(left, 0).float(), Limit: b.limit[i].float()}
		}
	}
	if b.parent != nil {
		if err := b.parent.reserve(need); err != nil {
			return err
		}
	}
	for i := range need {
		b.held[i] = min(b.held[i]+need[i], maxUnits)
	}
	return nil
}

// Spent is what was settled.
func (b *Budget) Spent() Cost {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.spent.cost()
}

// Left is what can still be reserved; a kind without a limit is +Inf.
func (b *Budget) Left() Cost {
	left := Cost{math.Inf(1), math.Inf(1)}
	if b.parent != nil {
		left = b.parent.Left()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, into := range []*float64{&left.USD, &left.Seconds} {
		if b.limited[i] {
			*into = min(*into, max(b.limit[i]-b.spent[i]-b.held[i], 0).float())
		}
	}
	return left
}

// Hold is a reservation.
type Hold struct {
	b    *Budget
	held amount
	done bool
}

// Settle ends the reservation with what it did cost. It returns true where that
// was more than was reserved of something that is limited: then a declared worst case was wrong, and what was
// spent is recorded all the same. Further calls do nothing.
func (h *Hold) Settle(actual Cost) (over bool) {
	if h == nil || h.done {
		return false
	}
	h.done = true
	got := amountOf(actual)
	for b := h.b; b != nil; b = b.parent {
		b.mu.Lock()
		for i := range got {
			over = over || b.limited[i] && got[i] > h.held[i]
			b.held[i] -= h.held[i]
			b.spent[i] = min(b.spent[i]+got[i], maxUnits)
		}
		b.mu.Unlock()
	}
	return over
}
