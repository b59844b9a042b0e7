package automaton_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"orchrt/sampler/grammar/automaton"
	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/formula/formulatest"
	"orchrt/sampler/grammar/value"
)

// follow steps text from s, nil where it is refused.
func follow(s *automaton.State, text string) *automaton.State {
	for i := 0; i < len(text) && s != nil; i++ {
		s = s.Step(text[i])
	}
	return s
}

func accepts(m *automaton.Machine, text string) bool {
	s := follow(m.Start(), text)
	return s != nil && s.Final()
}

// styles are the spellings that each Style admits.
var styles = map[automaton.Style][]value.Style{
	automaton.Trained:  {value.Python},
	automaton.Flexible: {value.Python, value.Compact, value.Indent2, value.Indent4, value.Tab},
}

// machine builds e; it returns nil where that is empty.
func machine(t *testing.T, e *formulatest.Expr, opt automaton.Options) *automaton.Machine {
	t.Helper()
	sp := formula.NewSpace(budget.New(20_000_000))
	f := e.Build(sp)
	m, err := automaton.New(sp, f, opt)
	if err != nil && !errors.Is(err, automaton.ErrUnsatisfiable) {
		t.Fatalf("%s: %v", e, err)
	}
	return m
}

// TestMeaning compares machines with the definition of their formulas: random
// values in every style, and random walks.
func TestMeaning(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for i := range 1500 {
		e := formulatest.Random(rng, 1+i%9)
		style := automaton.Style(i % 2)
		m := machine(t, e, automaton.Options{Style: style})
		for range 40 {
			v := value.Shuffle(formulatest.Value(rng, 3), rng)
			want := e.Holds(v)
			if m == nil {
				if want {
					t.Fatalf("%s: is said to be empty, but has %s", e, v)
				}
				continue
			}
			for _, spelling := range styles[style] {
				text := string(value.Append(nil, v, spelling))
				if got := accepts(m, text); got != want {
					t.Fatalf("%s: %s: accepted %v, want %v; %v", e, text, got, want, m.Err())
				}
			}
		}
		if m != nil {
			for range 4 {
				walk(t, rng, e, m)
			}
		}
	}
}

// walk takes random bytes and checks that every state can be completed as it says.
func walk(t *testing.T, rng *rand.Rand, e *formulatest.Expr, m *automaton.Machine) {
	t.Helper()
	const usual = `{}[]",: abcnulltrefs01235.-` + "\n\\u006e"
	s := m.Start()
	var text []byte
	check := func() {
		t.Helper()
		rest := s.Shortest(nil)
		if len(rest) != s.Distance() || (len(rest) == 0) != s.Final() {
			t.Fatalf("%s: after %q: Shortest %q, Distance %d, Final %v", e, text, rest, s.Distance(), s.Final())
		}
		end := follow(s, string(rest))
		if end == nil || !end.Final() {
			t.Fatalf("%s: after %q: Shortest %q is refused; %v", e, text, rest, m.Err())
		}
		full := string(text) + string(rest)
		v, err := value.Parse([]byte(full), value.Limits{})
		if err != nil || !e.Holds(v) {
			t.Fatalf("%s: %q completed with %q: %v", e, text, rest, err)
		}
	}
	for range 40 {
		check()
		next := s.Shortest(nil)
		next = next[:min(len(next), 1)]
		for i := range len(usual) {
			if s.Step(usual[i]) != nil {
				next = append(next, usual[i])
			}
		}
		if len(next) == 0 {
			if !s.Final() {
				t.Fatalf("%s: stuck after %q", e, text)
			}
			return
		}
		b := next[rng.IntN(len(next))]
		s = s.Step(b)
		text = append(text, b)
	}
	check()
}

func ExampleNew() {
	sp := formula.NewSpace(budget.New(1_000_000))
	f := sp.And(sp.Properties([]string{"city"}, []formula.F{sp.Kinds(formula.String)}), sp.Required("city"))
	m, err := automaton.New(sp, f, automaton.Options{Suffix: "\n"})
	if err != nil {
		panic(err)
	}
	s := follow(m.Start(), `{"ci`)
	fmt.Printf("%q\n", s.Shortest(nil))
	fmt.Println(accepts(m, `{"city": "Paris", "n": 1}`+"\n"), accepts(m, `{"city": 1}`+"\n"), accepts(m, strings.Repeat(`{`, 3)))
	// Output:
	// "ty\": \"\"}\n"
	// true false false
}
