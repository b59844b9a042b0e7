package regex

import (
	"math/rand/v2"
	"testing"
)

// shortWords lists all strings of a, b and c of up to n characters.
func shortWords(n int) []string {
	list := []string{""}
	for from := 0; n > 0; n-- {
		to := len(list)
		for _, w := range list[from:to] {
			list = append(list, w+"a", w+"b", w+"c")
		}
		from = to
	}
	return list
}

// randomRepeat makes a language with repetitions in each other.
func randomRepeat(s *Space, rng *rand.Rand, depth int) Lang {
	if depth == 0 {
		return []Lang{s.Literal("a"), s.Literal("ba"), s.Class('a', 'c'), s.Class('a', 'b'), s.Literals([]string{"b", "ca"})}[rng.IntN(5)]
	}
	x := randomRepeat(s, rng, depth-1)
	y := randomRepeat(s, rng, depth-1)
	lo := int64(rng.IntN(3))
	switch rng.IntN(5) {
	case 0:
		return s.concat(x, y)
	case 1:
		return s.union2(x, y)
	case 2:
		return s.Repeat(x, lo, Unbounded)
	case 3:
		return s.concat(s.Repeat(x, lo, lo+int64(rng.IntN(3))), y)
	}
	return s.Repeat(x, lo, lo+int64(rng.IntN(4)))
}

// TestRelax compares strings of up to so many characters in a language and in the one
// that has no bounds on repetitions that they could meet.
func TestRelax(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 3))
	words := shortWords(6)
	relaxed := 0
	for range 3000 {
		s := newSpace()
		l := randomRepeat(s, rng, 4)
		most := rng.IntN(7)
		r := s.relax(l, int64(most))
		if r != l {
			relaxed++
		}
		for _, w := range words {
			if len(w) <= most && s.Matches(l, w) != s.Matches(r, w) {
				t.Fatalf("%q: %v, relaxed for %d characters %v", w, s.Matches(l, w), most, s.Matches(r, w))
			}
		}
		if s.err != nil {
			t.Fatal(s.err)
		}
	}
	if relaxed < 700 {
		t.Errorf("only %d languages were relaxed", relaxed)
	}
}

// TestContains looks for strings that a language should contain and does not.
func TestContains(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 3))
	words := shortWords(5)
	found := 0
	for range 300 {
		s := newSpace()
		var list []Lang
		for range 6 {
			l := randomRepeat(s, rng, 3)
			list = append(list, l)
			for _, w := range []string{"a", "b", "ca"} { // derivatives are alike
				if d := derived(s, l, w); d != none {
					list = append(list, d)
				}
			}
		}
		for _, a := range list {
			for _, b := range list {
				if a == b || b == none || !s.contains(a, b, 0) {
					continue
				}
				found++
				for _, w := range words {
					if s.Matches(b, w) && !s.Matches(a, w) {
						t.Fatalf("%q is not in what is said to contain it", w)
					}
				}
			}
		}
		if s.err != nil {
			t.Fatal(s.err)
		}
	}
	if found < 300 {
		t.Errorf("only %d languages contain another", found)
	}
}

// derived is the language behind text in l.
func derived(s *Space, l Lang, text string) Lang {
	for _, r := range text {
		l = s.Derive(l, r)
	}
	return l
}

// TestNestedBounds: a name of labels with three bounds on lengths has few derivatives,
// as the number of labels cannot be met within the length.
func TestNestedBounds(t *testing.T) {
	s := newSpace()
	l, err := s.Pattern(`^(?=.{1,255}$)((.{1,63}\.){1,127}[a-z0-9-]+\.?)$`)
	if err != nil {
		t.Fatal(err)
	}
	d := derived(s, l, "a.b.cc.ddd.eeee.a.b.cc.ddd.eeee.a.b.cc.ddd.eeee.")
	if n := s.at(d); n.kind != kInter || len(n.list) != 2 {
		t.Fatalf("a node of kind %d of %d", n.kind, len(n.list))
	}
	for _, m := range s.at(d).list {
		if u := s.at(m); u.kind == kUnion && len(u.list) > 4 {
			t.Errorf("a union of %d languages is left", len(u.list))
		}
	}
}
