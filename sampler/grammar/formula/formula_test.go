package formula_test

import (
	"math/rand/v2"
	"testing"

	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/formula/formulatest"
	"orchrt/sampler/grammar/value"
)

// TestMeaning compares formulas with their definition on random values, and asks
// of every witness that it is one and of every refusal that no value was found.
func TestMeaning(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	empty := 0
	for i := range 4000 {
		e := formulatest.Random(rng, 1+i%9)
		sp := formula.NewSpace(budget.New(20_000_000))
		f := e.Build(sp)
		ok, err := sp.Satisfiable(f)
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		text, found, err := sp.Witness(f)
		if err != nil || found != ok {
			t.Fatalf("%s: Satisfiable %v, Witness %v, %v", e, ok, found, err)
		}
		if ok {
			v, err := value.Parse([]byte(text), value.Limits{})
			if err != nil || !e.Holds(v) {
				t.Fatalf("%s: witness %s: %v", e, text, err)
			}
		} else {
			empty++
		}
		for range 60 {
			v := formulatest.Value(rng, 3)
			want := e.Holds(v)
			if got := formula.Eval(sp, f, v); got != want || want && !ok {
				t.Fatalf("%s: %s: Eval %v, want %v; Satisfiable %v", e, v, got, want, ok)
			}
		}
		if err := sp.Err(); err != nil {
			t.Fatalf("%s: %v", e, err)
		}
	}
	if empty < 100 {
		t.Errorf("only %d formulas were empty", empty)
	}
}
