package regex

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSafe compares what is found in some states with what should be.
func TestSafe(t *testing.T) {
	s := newSpace()
	x := NewLexer(s)
	digits, letters, slash := Classes(1), Letters.Classes(), Classes(1)<<ClassOf('/')
	dash := Classes(1) << ClassOf('-')
	for _, c := range []struct {
		pattern, read string
		want          []Safe
	}{
		{"^[0-9]{4}$", "", []Safe{{digits, 4, true}}},
		{"^[0-9]{4}$", "20", []Safe{{digits, 2, true}}},
		{"^[0-9]{4}$", "2020", nil},
		{"^[^/]*$", "", []Safe{{AllClasses &^ slash, 255, false}}},
		{"^/[^/]+$", "", []Safe{{slash, 1, true}}},
		{"^/[^/]+$", "/", []Safe{{AllClasses &^ slash, 255, false}}},
		{"^[A-Za-z-]{3}[A-Za-z]{2}$", "", []Safe{{letters | dash, 3, false}, {letters, 5, true}}},
		{"^[a-m]*$", "", nil},
		{"x{3}y", "", []Safe{{AllClasses, 255, false}}},
		{"^[A-Za-z]{100}$", "", []Safe{{letters, safeChars, false}}},
	} {
		l, err := s.Pattern(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := x.Safe(run(x, x.Start(l), c.read)); !slices.Equal(got, c.want) {
			t.Errorf("%s behind %q: %v, want %v", c.pattern, c.read, got, c.want)
		}
	}
	if got := x.Safe(x.Step(x.Start(all), 0xE2)); got != nil {
		t.Errorf("within a character: %v", got)
	}
	if got := x.Safe(0); got != nil {
		t.Errorf("in the dead state: %v", got)
	}
}

// TestSafeAlive follows random strings of what is safe in random patterns, some
// with a greatest length.
func TestSafeAlive(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	useful := 0
	for i := range 800 {
		s := newSpace()
		pattern := randomPattern(r, 3, 0)
		if i < 10 {
			pattern = []string{
				"^[^/]+/[^/]+$", `^(\S+\s){0,9}\S+$`, "^.{0,20}$", "^[a-z]{3}$", "^[^é東]*x$", "^application/.*json$", "^x", `^\w+é?.{2,5}$`, `^(?!.*://)((.{1,9}\.){1,7}[a-z0-9-]+)$`, `^(\w{1,9} ?){1,9}$`,
			}[i]
		}
		l, err := s.Pattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 1 {
			l = s.Intersect(l, s.Length(0, int64(1+r.IntN(12))))
		}
		x := NewLexer(s)
		st := x.Start(l)
		for depth := 0; depth < 8 && st != 0; depth++ {
			for _, safe := range x.Safe(st) {
				useful++
				follow(t, x, st, safe, pattern, r)
			}
			next := x.Step(st, "ax/ b:"[r.IntN(6)])
			if next == 0 {
				next = x.Step(st, 'a')
			}
			st = next
		}
	}
	if useful < 100 {
		t.Errorf("only %d states tell anything", useful)
	}
}

// follow steps random strings of what is safe in a state.
func follow(t *testing.T, x *Lexer, st State, safe Safe, pattern string, r *rand.Rand) {
	t.Helper()
	var ranges []classRange
	for _, c := range classRanges {
		if safe.Classes>>c.class&1 != 0 {
			ranges = append(ranges, c)
		}
	}
	for range 40 {
		to := st
		for n := range min(safe.Chars+1, 40) {
			c := ranges[r.IntN(len(ranges))]
			char := c.lo + r.Int32N(c.hi-c.lo+1)
			if ClassOf(char) != int(c.class) {
				t.Fatalf("%q is of class %d, not %d", char, ClassOf(char), c.class)
			}
			to = run(x, to, string(char))
			if n == safe.Chars {
				if safe.Exact && to != 0 {
					t.Fatalf("%s: %q may come, only %d of %x are safe", pattern, char, safe.Chars, safe.Classes)
				}
				break
			}
			if to == 0 {
				t.Fatalf("%s: %q is refused after %d characters, %d of %x are safe", pattern, char, n, safe.Chars, safe.Classes)
			}
		}
	}
}

// TestAlphabetClasses checks that alphabets are made of whole classes.
func TestAlphabetClasses(t *testing.T) {
	for a := Alphabet(0); a < Alphabets; a++ {
		classes := a.Classes()
		for _, c := range classRanges {
			for _, r := range []rune{c.lo, c.hi, (c.lo + c.hi) / 2} {
				if a.Contains(r) != (classes>>c.class&1 != 0) {
					t.Errorf("alphabet %d: %q is of class %d", a, r, c.class)
				}
			}
		}
	}
}

// TestSeveral tells languages of one string from others.
func TestSeveral(t *testing.T) {
	s := newSpace()
	for pattern, want := range map[string]bool{
		"^abc$": false, "^$": false, "^abc?$": true, "^a|b$": true, "^ab[cd]$": true, "": true, "^(abc|abd)$": true, "^a{70}$": false,
	} {
		l, err := s.Pattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Several(l); got != want {
			t.Errorf("%s: %v, want %v", pattern, got, want)
		}
	}
	if s.Several(none) {
		t.Error("the empty language has several strings")
	}
}
