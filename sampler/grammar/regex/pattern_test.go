package regex

import (
	"errors"
	"math/rand/v2"
	"regexp"
	"testing"
)

func TestPatternAgainstGo(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 1500 {
		text := randomPattern(r, 1+r.IntN(4), 0)
		want, err := regexp.Compile(text)
		if err != nil {
			continue
		}
		s := newSpace()
		l, err := s.Pattern(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		allTexts("ab -", 4, func(w string) {
			if got, want := s.Matches(l, w), want.MatchString(w); got != want {
				t.Fatalf("%q on %q: got %v, want %v", text, w, got, want)
			}
		})
		checkQueries(t, s, l, text)
	}
}

func TestPatternAgainstBacktracking(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	count := 0
	for range 1500 {
		text := randomPattern(r, 1+r.IntN(4), 1)
		s := newSpace()
		tree, err := s.parse(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		l, err := s.Pattern(text)
		var bad *PatternError
		if errors.As(err, &bad) {
			continue // look-behind around look-ahead
		} else if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		count++
		allTexts("ab -", 3, func(w string) {
			if got, want := s.Matches(l, w), finds(tree, []rune(w)); got != want {
				t.Fatalf("%q on %q: got %v, want %v", text, w, got, want)
			}
		})
		checkQueries(t, s, l, text)
	}
	if count < 1000 {
		t.Errorf("only %d patterns were compiled", count)
	}
}

// TestPortable checks that strings of portable patterns match in Go too, and
// that the language lies within ECMA-262's.
func TestPortable(t *testing.T) {
	r := rand.New(rand.NewPCG(19, 20))
	for _, text := range []string{`^\s+$`, `^\S+$`, `^[^\s]$`, `^[^\S]$`, `^[\s\S]$`, `^.+$`, `a\s?b.c`, `^[\w\s-]+$`, `^\S+(\s+\S+){0,3}$`} {
		s := newSpace()
		ecma, err := s.Pattern(text)
		if err != nil {
			t.Fatal(err)
		}
		s.SetPortable(true)
		l, err := s.Pattern(text)
		if err != nil {
			t.Fatal(err)
		}
		want := regexp.MustCompile(text)
		if !s.IsEmpty(s.Minus(l, ecma)) {
			t.Errorf("%q: the portable language is not within the other", text)
		}
		for range 300 {
			if w := randomWord(r, s, l, 8); !want.MatchString(w) {
				t.Fatalf("%q: Go refuses %q", text, w)
			}
		}
		for _, c := range " \t\n\v\f\r\u00a0\u2028\ufeffx" {
			if w := string(c); s.Matches(l, w) != (s.Matches(ecma, w) && want.MatchString(w)) && len(text) < 9 {
				t.Errorf("%q on %q: got %v", text, w, s.Matches(l, w))
			}
		}
	}
	s := newSpace()
	s.SetPortable(true)
	l, err := s.Pattern(`^(?!.\s)[^]+$`)
	if err != nil || s.Matches(l, "\r\u00a0") || s.Matches(l, "a ") || !s.Matches(l, "aa") {
		t.Errorf("a negative look-ahead is not portable: %v", err)
	}
}

// checkQueries compares what a Space says about a language with its members.
func checkQueries(t *testing.T, s *Space, l Lang, name string) {
	t.Helper()
	best, found := int64(farAway), false
	allTexts("ab -", 3, func(w string) {
		if s.Matches(l, w) {
			found = true
			best = min(best, int64(len(w)))
		}
	})
	if found && s.IsEmpty(l) {
		t.Fatalf("%q: empty, but strings match", name)
	}
	w, ok := s.Shortest(l)
	if ok == s.IsEmpty(l) || ok && (!s.Matches(l, w) || int64(len(w)) > best) {
		t.Fatalf("%q: shortest is %q, %v", name, w, ok)
	}
	if c := s.cost(l); ok && int64(len(appendEscaped(nil, w))) != c {
		t.Fatalf("%q: shortest is %q, its cost should be %d", name, w, c)
	}
	list := s.Enumerate(l, 8)
	if n, ok := s.Size(l, 8); ok && n != len(list) || !ok && len(list) < 8 {
		t.Fatalf("%q: size %d, %v, but %q", name, n, ok, list)
	}
	for _, w := range list {
		if !s.Matches(l, w) {
			t.Fatalf("%q: %q is enumerated", name, w)
		}
	}
	if s.Err() != nil {
		t.Fatalf("%q: %v", name, s.Err())
	}
}
