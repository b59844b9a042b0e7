package formula_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/formula/formulatest"
	"orchrt/sampler/grammar/value"
)

// planWalk goes through a random object of a formula and compares the keys that
// plans offer with those for which there are alternatives, and the objects that
// they complete with the definition.
type planWalk struct {
	t     *testing.T
	rng   *rand.Rand
	sp    *formula.Space
	name  fmt.Stringer
	holds func(value.Value) bool

	read       []value.Member
	open, shut int
}

func (w *planWalk) fatalf(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%v: after %v: %s; %v", w.name, value.Value{Kind: value.Object, Members: w.read}, fmt.Sprintf(format, args...), w.sp.Err())
}

func (w *planWalk) walk(f formula.F, skip func(*formula.Plan) bool) {
	c, seen := w.sp.Content(f).Object, w.sp.NoKeys()
	for c != formula.Never && c != formula.Always && len(w.read) < 4 {
		p := w.sp.Plan(c)
		if skip(p) {
			break
		}
		next := w.keys(p, seen)
		if len(next) == 0 {
			break
		}
		key := next[w.rng.IntN(len(next))]
		alts := p.Member(key, seen)
		a := alts[w.rng.IntN(len(alts))]
		text, ok, _ := w.sp.Witness(a.Value)
		if !ok {
			w.fatalf("an alternative for %q has no value", key)
		}
		w.read = append(w.read, value.Member{Key: key, Value: w.parse(text)})
		c, seen = a.Rest, seen.With(key)
	}
	if w.sp.Err() != nil {
		w.fatalf("failed")
	}
}

// keys returns the keys that may come next.
func (w *planWalk) keys(p *formula.Plan, seen *formula.KeySet) (next []string) {
	keys := p.Keys(seen)
	for _, key := range append([]string{"abc", "d", "zz"}, formulatest.Keys...) {
		offered := w.sp.Regex.Matches(keys, key)
		if seen.Has(key) {
			if offered {
				w.fatalf("%q may come twice", key)
			}
			continue
		}
		// What is found out first must not matter.
		var text, behind string
		var complete bool
		before := w.rng.IntN(2) == 0
		if before {
			text, behind, complete = p.Text(key, seen)
		}
		alts := p.Member(key, seen)
		if !before {
			text, behind, complete = p.Text(key, seen)
		}
		if behind != "" {
			text += ", " + behind
		}
		if some := len(alts) > 0; offered != some || complete != some {
			w.fatalf("%q is offered: %v, completed: %v, has %d alternatives", key, offered, complete, len(alts))
		}
		if !offered {
			w.shut++
			continue
		}
		w.open++
		next = append(next, key)
		rest := w.parse(`{"` + key + `": ` + text + "}").Members
		if v := (value.Value{Kind: value.Object, Members: append(w.read[:len(w.read):len(w.read)], rest...)}); !w.holds(v) {
			w.fatalf("%q is completed to %v", key, v)
		}
	}
	return next
}

func (w *planWalk) parse(text string) value.Value {
	v, err := value.Parse([]byte(text), value.Limits{})
	if err != nil {
		w.fatalf("%s: %v", text, err)
	}
	return v
}

func TestPlan(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	open, shut := 0, 0
	for i := range 3000 {
		e := formulatest.Random(rng, 4+i%9)
		w := &planWalk{t: t, rng: rng, sp: formula.NewSpace(budget.New(100_000_000)), name: e, holds: e.Holds}
		w.walk(e.Build(w.sp), func(p *formula.Plan) bool { return !p.Chooses() && rng.IntN(4) > 0 })
		open, shut = open+w.open, shut+w.shut
	}
	if open < 5000 || shut < 1000 {
		t.Errorf("only %d keys could come, %d could not", open, shut)
	}
}

type named string

func (n named) String() string { return string(n) }

// TestPlanEdges has objects for which one solution does not show what others may
// have.
func TestPlanEdges(t *testing.T) {
	for name, build := range map[string]func(sp *formula.Space) formula.F{
		"not the constant, and no other key": func(sp *formula.Space) formula.F {
			one := sp.Const(value.Value{Kind: value.Number, Text: "1"})
			a := value.Member{Key: "a", Value: value.Value{Kind: value.Number, Text: "1"}}
			return sp.And(sp.Not(sp.Const(value.Value{Kind: value.Object, Members: []value.Member{a}})),
				sp.Properties([]string{"a", "b"}, []formula.F{one, sp.False()}), sp.Every(sp.Others([]string{"a"}), sp.False()))
		},
		"some of few keys, or nothing more": func(sp *formula.Space) formula.F {
			few := sp.Regex.Literals([]string{"a", "c"})
			return sp.Or(sp.And(sp.Property("c", sp.Not(sp.Kinds(formula.String))), sp.Some(few, sp.Kinds(formula.String))), sp.Members(0, 1))
		},
		"nothing more, or some of few keys": func(sp *formula.Space) formula.F {
			few := sp.Regex.Literals([]string{"a", "c"})
			return sp.Or(sp.Members(0, 1), sp.And(sp.Some(few, sp.Kinds(formula.String)), sp.Property("c", sp.Not(sp.Kinds(formula.String)))))
		},
		"two of one sort": func(sp *formula.Space) formula.F {
			few := sp.Regex.Literals([]string{"a", "c", "d"})
			return sp.And(sp.Some(few, sp.Kinds(formula.Number)), sp.Some(few, sp.Kinds(formula.Null)), sp.Members(0, 3))
		},
		"as many as there may be": func(sp *formula.Space) formula.F {
			return sp.And(sp.Members(2, 2), sp.Or(sp.Required("a"), sp.Required("b", "c")))
		},
	} {
		for seed := range uint64(20) {
			sp := formula.NewSpace(budget.New(100_000_000))
			f := sp.And(sp.Kinds(formula.Object), build(sp))
			holds := func(v value.Value) bool { return formula.Eval(sp, f, v) }
			w := &planWalk{t: t, rng: rand.New(rand.NewPCG(seed, 0)), sp: sp, name: named(name), holds: holds}
			w.walk(f, func(*formula.Plan) bool { return false })
		}
	}
}
