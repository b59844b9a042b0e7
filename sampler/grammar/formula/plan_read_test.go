package formula_test

import (
	"math/rand/v2"
	"testing"

	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/formula/formulatest"
	"orchrt/sampler/grammar/value"
)

// reads follows all alternatives of plans through the members of an object.
func reads(sp *formula.Space, f formula.F, v value.Value) bool {
	open, seen := map[formula.Cond]bool{sp.Content(f).Object: true}, sp.NoKeys()
	for _, m := range v.Members {
		next := map[formula.Cond]bool{}
		for c := range open {
			if c == formula.Never {
				continue
			}
			for _, a := range sp.Plan(c).Member(m.Key, seen) {
				if formula.Eval(sp, a.Value, m.Value) {
					next[a.Rest] = true
				}
			}
		}
		open, seen = next, seen.With(m.Key)
	}
	for c := range open {
		if sp.Closes(c) {
			return true
		}
	}
	return false
}

// TestPlanReads reads random objects by the alternatives of plans and compares the
// outcome with the definition: of random formulas, and of a choice of objects that
// have few names in common, where members that are alike share alternatives.
func TestPlanReads(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	accepted, objects := 0, 0
	for i := range 2500 {
		sp := formula.NewSpace(budget.New(100_000_000))
		var f formula.F
		var name string
		if i%5 > 0 {
			e := formulatest.Random(rng, 4+i%9)
			f, name = e.Build(sp), e.String()
		} else {
			f, name = closedObjects(sp, rng), "closed objects"
		}
		for range 40 {
			v := formulatest.Value(rng, 2)
			if v.Kind != value.Object {
				continue
			}
			objects++
			want := formula.Eval(sp, f, v)
			if want {
				accepted++
			}
			if got := reads(sp, f, v); got != want {
				t.Fatalf("%d, %s: %v is read as %v, it is %v", i, name, v, got, want)
			}
		}
		if sp.Err() != nil {
			t.Fatal(sp.Err())
		}
	}
	if accepted < objects/20 {
		t.Errorf("only %d of %d objects were accepted", accepted, objects)
	}
}

// closedObjects are objects of one of a few sets of keys, with a formula for each.
func closedObjects(sp *formula.Space, rng *rand.Rand) formula.F {
	values := []formula.F{sp.Kinds(formula.Number), sp.Kinds(formula.String | formula.Number), sp.Kinds(formula.AnyKind &^ formula.Null)}
	var choices []formula.F
	for range 2 + rng.IntN(3) {
		var names []string
		var fs []formula.F
		one := values[rng.IntN(len(values))]
		for _, key := range rng.Perm(len(formulatest.Keys))[:1+rng.IntN(3)] {
			if rng.IntN(4) == 0 {
				one = values[rng.IntN(len(values))]
			}
			names, fs = append(names, formulatest.Keys[key]), append(fs, one)
		}
		choices = append(choices, sp.And(sp.Kinds(formula.Object), sp.Properties(names, fs), sp.Every(sp.Others(names), sp.False())))
	}
	return sp.Or(choices...)
}
