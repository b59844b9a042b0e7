package automaton_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"orchrt/sampler/grammar/automaton"
	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/formula/formulatest"
	"orchrt/sampler/grammar/regex"
	"orchrt/sampler/grammar/value"
)

// cities returns a formula of objects with a required string, in a Space.
func cities() (*formula.Space, formula.F, error) {
	sp := formula.NewSpace(budget.New(1_000_000))
	names := []string{"city", "days"}
	f := sp.Properties(names, []formula.F{sp.Kinds(formula.String), sp.Kinds(formula.Boolean)})
	return sp, sp.And(f, sp.Required("city"), sp.Every(sp.Others(names), sp.False())), nil
}

func TestCalls(t *testing.T) {
	opened := map[string]int{}
	open := func(name string) func() (*formula.Space, formula.F, error) {
		return func() (*formula.Space, formula.F, error) {
			opened[name]++
			return cities()
		}
	}
	var calls []automaton.Call
	for _, name := range []string{"weather", "get", "get_all", `q"uote`} {
		calls = append(calls, automaton.Call{Name: name, Arguments: open(name)})
	}
	m, err := automaton.NewCalls(calls, automaton.Options{Prefix: "\n", Suffix: "\n"})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"\n" + `{"name": "get", "arguments": {"city": "x"}}` + "\n":                       true,
		"\n" + `{"name": "get_all", "arguments": {"days": true, "city": ""}}` + "\n":      true,
		"\n" + `{"name": "q\"uote", "arguments": {"city": "\u00e9"}}` + "\n":              true,
		"\n" + `{"name": "get", "arguments": {"city": "x"}}`:                              false,
		"\n" + `{"name": "get", "arguments": {}}` + "\n":                                  false,
		"\n" + `{"name": "ge", "arguments": {"city": "x"}}` + "\n":                        false,
		"\n" + `{"name":"get","arguments":{"city":"x"}}` + "\n":                           false,
		"\n" + `{"arguments": {"city": "x"}, "name": "get"}` + "\n":                       false,
		"\n" + `{"name": "get", "arguments": {"city": "x", "city": "y"}}` + "\n":          false,
		"\n" + `{"name": "get", "arguments": {"city": "x", "c\u0069ty": "y"}}` + "\n":     false,
		"\n" + `{"name": "get", "arguments": {"days": false, "days": false}}` + "\n":      false,
		"\n" + `{"name": "get", "arguments": {"city": "x", "other": 1}}` + "\n":           false,
		"\n" + `{"name": "get", "arguments": {"ci\u0074y": "x", "days": true}}` + "\n":    true,
		"\n" + `{"name": "get", "arguments": {"city": "x", "days": true }}` + "\n":        false,
		"\n" + `{"name": "get", "arguments": {"city": "x",  "days": true}}` + "\n":        false,
		"\n" + `{"name": "get", "arguments": {"city": "x", "days": true}, "n": 1}` + "\n": false,
	} {
		if got := accepts(m, text); got != want {
			t.Errorf("%q: accepted %v, want %v; %v", text, got, want, m.Err())
		}
	}
	if opened["weather"] != 0 || opened["get"] != 1 {
		t.Errorf("formulas were asked for %v times", opened)
	}
	s := follow(m.Start(), "\n"+`{"name": "get`)
	end := follow(s, string(s.Shortest(nil)))
	if end == nil || !end.Final() || opened["weather"] != 0 {
		t.Errorf("completion %q of a name that begins two: %v", s.Shortest(nil), opened)
	}
	if d := m.Start().Distance(); d != len("\n"+`{"name": "get", "arguments": {"city": ""}}`+"\n") {
		t.Errorf("Distance %d from the start: %q", d, m.Start().Shortest(nil))
	}
	if _, err := automaton.NewCalls([]automaton.Call{{Name: "a"}, {Name: "a"}}, automaton.Options{}); err == nil {
		t.Error("two calls of one name are taken")
	}
}

// TestCallError checks that a formula that cannot be had stops the machine and
// is reported.
func TestCallError(t *testing.T) {
	broken := errors.New("broken")
	fail := func() (*formula.Space, formula.F, error) { return nil, 0, broken }
	m, err := automaton.NewCalls([]automaton.Call{{Name: "a", Arguments: fail}}, automaton.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s := follow(m.Start(), `{"name": "a", "arguments": `); s != nil || !errors.Is(m.Err(), broken) {
		t.Errorf("state %v, error %v", s, m.Err())
	}
}

// TestClose checks that Close is Step over its bytes, and that a machine that
// forgets its states all the time accepts the same.
func TestClose(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	texts := []string{"", "a", "ab", `\u0061`, "xyz", `\\`}
	for i := range 300 {
		e := formulatest.Random(rng, 1+i%9)
		m := machine(t, e, automaton.Options{Style: automaton.Style(i % 2)})
		small := machine(t, e, automaton.Options{Style: automaton.Style(i % 2), MaxStates: 3})
		if m == nil {
			continue
		}
		for range 20 {
			v := formulatest.Value(rng, 3)
			text := string(value.Append(nil, v, value.Python))
			if got := accepts(small, text); got != e.Holds(v) {
				t.Fatalf("%s: %s: the machine of few states accepts %v", e, text, got)
			}
			s := m.Start()
			for j := 0; j < len(text) && s != nil; j++ {
				if lex, ok := s.Text(); ok {
					for _, more := range texts {
						closeBoth(t, e, s, lex, more)
					}
				}
				s = s.Step(text[j])
			}
		}
	}
}

// closeBoth closes the string that s is in after more, in two ways.
func closeBoth(t *testing.T, e *formulatest.Expr, s *automaton.State, lex regex.State, more string) {
	t.Helper()
	for i := range len(more) {
		lex = s.Lexer().Step(lex, more[i])
	}
	plain := follow(s, more+`"`)
	if ok := s.Lexer().Accepts(lex); ok != (plain != nil) {
		if lex != 0 && s.Lexer().Shortest(lex) != "" || lex == 0 {
			return // in the middle of an escape, or no such text
		}
		t.Fatalf("%s: %q: the lexer accepts %v, the machine %v", e, more, ok, plain != nil)
	}
	if plain == nil {
		return
	}
	quick := s.Close([]byte(more), lex)
	if quick == nil || string(quick.Shortest(nil)) != string(plain.Shortest(nil)) {
		t.Fatalf("%s: %q: Close and Step differ", e, more)
	}
	for b := range 128 {
		if (quick.Step(byte(b)) == nil) != (plain.Step(byte(b)) == nil) {
			t.Fatalf("%s: %q then byte %d: Close and Step differ", e, more, b)
		}
	}
}

// TestOutOfBudget checks that a machine whose budget runs out says so, and still
// completes what it began.
func TestOutOfBudget(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	stopped := 0
	for i := range 400 {
		e := formulatest.Random(rng, 4+i%6)
		m := machine(t, e, automaton.Options{StepBudget: int64(20 + rng.IntN(200))})
		if m == nil {
			continue
		}
		s := m.Start()
		var text []byte
		for range 60 {
			rest := s.Shortest(nil)
			next := rest[:min(len(rest), 1)]
			for _, b := range []byte(`{}[]",: abc10tn`) {
				if s.Step(b) != nil {
					next = append(next, b)
				}
			}
			if len(next) == 0 {
				break
			}
			b := next[rng.IntN(len(next))]
			if t := s.Step(b); t != nil {
				s, text = t, append(text, b)
			}
		}
		var exceeded *budget.ExceededError
		if !errors.As(m.Err(), &exceeded) {
			continue
		}
		stopped++
		rest := s.Shortest(nil)
		end := follow(s, string(rest))
		if end == nil || !end.Final() {
			if s.Distance() == automaton.Far {
				continue // even the completion is beyond the budget
			}
			t.Fatalf("%s: %q: %q does not complete it after %v", e, text, rest, m.Err())
		}
		v, err := value.Parse(append(text, rest...), value.Limits{})
		if err != nil || !e.Holds(v) {
			t.Fatalf("%s: %s%s: %v", e, text, rest, err)
		}
	}
	if stopped < 20 {
		t.Errorf("only %d machines ran out of budget", stopped)
	}
}

func FuzzStep(f *testing.F) {
	f.Add(uint64(1), []byte(`{"a": [1, 1.0], "c": null}`))
	f.Add(uint64(2), []byte(`[[], {}, "\u0061"]`))
	f.Fuzz(func(t *testing.T, seed uint64, text []byte) {
		e := formulatest.Random(rand.New(rand.NewPCG(seed, 1)), 1+int(seed%9))
		m := machine(t, e, automaton.Options{Style: automaton.Style(seed >> 8 & 1)})
		if m == nil {
			return
		}
		got := accepts(m, string(text))
		if got && m.Err() == nil {
			v, err := value.Parse(text, value.Limits{})
			if err != nil || !e.Holds(v) {
				t.Fatalf("%s: %q is accepted: %v", e, text, err)
			}
		}
	})
}

// TestSoundAfterError checks that nothing wrong is remembered when work is cut
// off: another machine of the same Space is still exact.
func TestSoundAfterError(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	stopped := 0
	for i := range 400 {
		e := formulatest.Random(rng, 3+i%7)
		sp := formula.NewSpace(budget.New(20_000_000))
		f := e.Build(sp)
		if ok, err := sp.Satisfiable(f); err != nil || !ok {
			continue
		}
		for range 10 {
			m, err := automaton.New(sp, f, automaton.Options{StepBudget: int64(1 + rng.IntN(400))})
			if err != nil {
				t.Fatalf("%s: %v", e, err)
			}
			text := value.Append(nil, formulatest.Value(rng, 3), value.Python)
			for s := m.Start(); len(text) > 0 && s != nil; text = text[1:] {
				s.Distance()
				s = s.Step(text[0])
			}
			if m.Err() != nil {
				stopped++
			}
			sp.Resume(20_000_000)
		}
		m, err := automaton.New(sp, f, automaton.Options{})
		if err != nil {
			t.Fatalf("%s: %v", e, err)
		}
		for range 30 {
			v := formulatest.Value(rng, 3)
			if got, want := accepts(m, string(value.Append(nil, v, value.Python))), e.Holds(v); got != want {
				t.Fatalf("%s: %s: accepted %v, want %v; %v", e, v, got, want, m.Err())
			}
		}
		walk(t, rng, e, m)
	}
	if stopped < 100 {
		t.Errorf("only %d machines ran out of budget", stopped)
	}
}
