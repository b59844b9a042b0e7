package automaton_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"orchrt/sampler/grammar/automaton"
	"orchrt/sampler/grammar/formula/formulatest"
	"orchrt/sampler/grammar/value"
)

// apart is follow by way of s.Value: through the value alone, and from its end
// on through what is behind it.
func apart(s *automaton.State, text string) (end *automaton.State, within bool) {
	alone, behind, _ := s.Value()
	for i := 0; i < len(text) && alone != nil; i++ {
		if alone.Over(text[i]) {
			return follow(behind, text[i:]), false
		}
		alone = alone.Step(text[i])
	}
	return alone, true
}

// TestValue compares states before values with the values alone and what is
// behind them, over pieces of documents and bytes that numbers share with others.
func TestValue(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	asked, over := 0, 0
	for i := range 600 {
		e := formulatest.Random(rng, 1+i%9)
		m := machine(t, e, automaton.Options{Style: automaton.Style(i % 2)})
		if m == nil {
			continue
		}
		for range 12 {
			text := string(value.Append(nil, value.Shuffle(formulatest.Value(rng, 3), rng), styles[automaton.Style(i%2)][0]))
			s := m.Start()
			for at := 0; at < len(text) && s != nil; at++ {
				if _, _, ok := s.Value(); ok {
					asked++
					for _, tail := range tails(rng, text[at:]) {
						want := follow(s, tail) != nil
						end, within := apart(s, tail)
						if !within {
							over++
						}
						if (end != nil) != want {
							t.Fatalf("%s: %q, then %q: taken: %v apart, %v in one; %v", e, text[:at], tail, !want, want, m.Err())
						}
					}
				}
				s = s.Step(text[at])
			}
		}
	}
	if asked < 1000 || over < 1000 {
		t.Errorf("%d states before values, %d texts beyond them", asked, over)
	}
}

// tails returns texts that may come where rest does.
func tails(rng *rand.Rand, rest string) []string {
	const bytes = `0123456789-+.eE,:]}[{" ` + "\n" + `tfna`
	list := []string{rest}
	for range 12 {
		n := rng.IntN(len(rest) + 1)
		var b strings.Builder
		b.WriteString(rest[:n])
		for range rng.IntN(4) {
			b.WriteByte(bytes[rng.IntN(len(bytes))])
		}
		list = append(list, b.String())
	}
	return list
}
