package regex

import (
	"math/rand/v2"
	"testing"
)

// TestShape compares what the parts of languages tell with what their derivatives do:
// of languages that are combined at random, those with all prefixes must go on after
// every string, and strings must have and lack the characters that they are said to.
func TestShape(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 8))
	patterns := []string{"b", "ab", "c$", "^a", "b.*a", "^(ab|c)*$", "[ab]{2}", "a{3,}$", "^[^b]*$"}
	found := 0
	for range 300 {
		s := newSpace()
		list := []Lang{s.Length(0, 3), s.Length(2, Unbounded), s.Not(s.Literals([]string{"ab", "c"}))}
		list = append(list, compiled(t, s, patterns)...)
		for range 12 {
			a, b := list[rng.IntN(len(list))], list[rng.IntN(len(list))]
			list = append(list, []Lang{s.union2(a, b), s.inter2(a, b), s.concat(a, b), s.Not(a)}[rng.IntN(4)])
		}
		for _, l := range list {
			if s.at(l).prefixes {
				found++
			}
			checkShape(t, s, l, rng)
		}
		if s.err != nil {
			t.Fatal(s.err)
		}
	}
	if found < 300 {
		t.Errorf("only %d languages have all prefixes", found)
	}
}

// compiled returns the languages of patterns.
func compiled(t *testing.T, s *Space, patterns []string) (list []Lang) {
	t.Helper()
	for _, p := range patterns {
		l, err := s.Pattern(p)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, l)
	}
	return list
}

// checkShape follows strings of l and some that it may not have.
func checkShape(t *testing.T, s *Space, l Lang, rng *rand.Rand) {
	n := *s.at(l)
	for range 8 {
		d, read := l, ""
		for range rng.IntN(6) {
			r := rune("abcx"[rng.IntN(4)])
			d, read = s.Derive(d, r), read+string(r)
		}
		// Its own answer would rest on the shape: the search does not.
		search := tri(yes)
		if !s.Nullable(d) {
			_, search = s.search(d, cheapString, 1<<14)
		}
		if n.prefixes && search == no {
			t.Fatalf("nothing follows %q, of a language with all prefixes", read)
		}
		if search != yes {
			continue
		}
		rest, _ := s.Shortest(d)
		have := asciiIn(read + rest)
		if n.with.and(have.not()) != (ascii{}) || n.without.and(have) != (ascii{}) {
			t.Fatalf("%q is of a language with %x and without %x", read+rest, n.with, n.without)
		}
	}
}
