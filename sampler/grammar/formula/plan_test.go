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
		"some of two names, one of which was seen": func(sp *formula.Space) formula.F {
			few, text := sp.Regex.Literals([]string{"a", "c"}), sp.Kinds(formula.String)
			props := sp.Properties([]string{"a", "c"}, []formula.F{sp.Or(text, sp.Kinds(formula.Number)), sp.Kinds(formula.Number)})
			return sp.Or(sp.Members(0, 1), sp.And(sp.Some(few, text), props))
		},
		"no key of a pattern": func(sp *formula.Space) formula.F {
			return sp.Every(sp.Regex.Concat(sp.Regex.Literal("a"), sp.Regex.All()), sp.False())
		},
		"no key of a pattern, and a choice": func(sp *formula.Space) formula.F {
			return sp.And(sp.Every(sp.Regex.Concat(sp.Regex.Literal("a"), sp.Regex.All()), sp.False()), sp.Or(sp.Required("b"), sp.Required("c")))
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

// TestDisjunctions compares what is found out of conjunctions of many disjunctions
// with all objects of their few names and values.
func TestDisjunctions(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e"}
	values := []value.Value{{Kind: value.Number, Text: "0"}, {Kind: value.String, Text: "s"}}
	var objects []value.Value
	var grow func(ms []value.Member, rest []string)
	grow = func(ms []value.Member, rest []string) {
		if len(rest) == 0 {
			objects = append(objects, value.Value{Kind: value.Object, Members: ms})
			return
		}
		grow(ms, rest[1:])
		for _, v := range values {
			grow(append(ms[:len(ms):len(ms)], value.Member{Key: rest[0], Value: v}), rest[1:])
		}
	}
	grow(nil, names)
	rng := rand.New(rand.NewPCG(7, 8))
	empty, shut := 0, 0
	for range 400 {
		sp := formula.NewSpace(budget.New(100_000_000))
		both := sp.Or(sp.Const(values[0]), sp.Const(values[1]))
		all := []formula.F{sp.Kinds(formula.Object), sp.Every(sp.Others(names), sp.False()), sp.Every(sp.Regex.All(), both)}
		atom := func() formula.F {
			name := names[rng.IntN(len(names))]
			v := sp.Const(values[rng.IntN(2)])
			switch rng.IntN(5) {
			case 0:
				return sp.Required(name)
			case 1:
				return sp.Property(name, sp.False())
			case 2:
				return sp.Property(name, v)
			case 3:
				return sp.And(sp.Required(name), sp.Property(name, v))
			}
			return sp.Some(sp.Others([]string{name}), v)
		}
		for range 3 + rng.IntN(8) {
			alts := make([]formula.F, 2+rng.IntN(2))
			for i := range alts {
				alts[i] = sp.And(atom(), atom())
			}
			all = append(all, sp.Or(alts...))
		}
		f := sp.And(all...)
		may := map[string]bool{}
		some := false
		for _, v := range objects {
			if formula.Eval(sp, f, v) {
				some = true
				for _, m := range v.Members {
					may[m.Key] = true
				}
			}
		}
		if got, err := sp.Satisfiable(f); got != some || err != nil {
			t.Fatalf("%v: satisfiable %v, want %v; %v", all, got, some, err)
		}
		if !some {
			empty++
			continue
		}
		keys := sp.Plan(sp.Content(f).Object).Keys(sp.NoKeys())
		for _, name := range names {
			if sp.Regex.Matches(keys, name) != may[name] {
				t.Fatalf("%v: %q may come: %v", all, name, may[name])
			}
			if !may[name] {
				shut++
			}
		}
		text, _, _ := sp.Witness(f)
		if v, err := value.Parse([]byte(text), value.Limits{}); err != nil || !formula.Eval(sp, f, v) {
			t.Fatalf("%v: %s is no value; %v", all, text, err)
		}
	}
	if empty < 20 || shut < 100 {
		t.Errorf("only %d formulas were empty, and %d keys could not come", empty, shut)
	}
}
