package regex

import (
	"math/rand/v2"
	"testing"
)

// TestUnbounded compares what may follow in states with a bound on the characters
// with what may follow in those without.
func TestUnbounded(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	shared := 0
	for range 400 {
		s := newSpace()
		pattern := randomPattern(r, 3, 0)
		l, err := s.Pattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		most := int64(4 + r.IntN(10))
		x := NewLexer(s)
		st := x.Start(s.Intersect(l, s.Length(0, most)))
		free := x.Unbounded(st, 4)
		if st == 0 || free == st {
			continue
		}
		shared++
		for range 200 {
			a, b := st, free
			for n := range 4 {
				char := string([]rune(`abc-15 é東\`)[r.IntN(10)])
				if char == `\` {
					char = `\u0041`
				}
				for _, c := range []byte(char) {
					if a, b = x.Step(a, c), x.Step(b, c); (a == 0) != (b == 0) || x.Accepts(a) != x.Accepts(b) {
						t.Fatalf("%s of up to %d characters: %q as character %d makes a difference", pattern, most, char, n)
					}
				}
			}
		}
	}
	if shared < 50 {
		t.Errorf("only %d states have one without a bound", shared)
	}
}

// TestBounded compares what may follow in states with a bound on the characters
// with what may follow, up to it, in those without.
func TestBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	shared := 0
	for range 600 {
		s := newSpace()
		pattern := randomPattern(r, 3, 0)
		l, err := s.Pattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		x := NewLexer(s)
		st := x.Start(s.Intersect(l, s.Length(0, int64(1+r.IntN(6)))))
		free, most, ok := x.Bounded(st, 5)
		if !ok {
			continue
		}
		shared++
		for range 100 {
			a, b := st, free
			for n := range most + 2 {
				char := "abc-15"[r.IntN(6)]
				a, b = x.Step(a, char), x.Step(b, char)
				if want := b != 0 && n < most; (a != 0) != want || x.Accepts(a) != (want && x.Accepts(b)) {
					t.Fatalf("%s, up to %d characters: %q as character %d is alive: %v, want %v", pattern, most, char, n, a != 0, want)
				}
			}
		}
	}
	if shared < 50 {
		t.Errorf("only %d states are bounded alone", shared)
	}
}
