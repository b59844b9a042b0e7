package number

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	grammar = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
	normal  = regexp.MustCompile(`^-?([1-9](\.[0-9]+)?|0(\.0+)?)([eE][+-]?[0-9]+)?$|^[^eE]*$`)
	scaled  = regexp.MustCompile(`[eE]([+-]?[0-9]+)$`)
)

// admitted reports whether a Lexer for s takes the text of some number.
func admitted(form Form, s Set, text string) bool {
	if !grammar.MatchString(text) || form != Any && !normal.MatchString(text) {
		return false
	}
	if form == Written && (strings.Contains(text, "E") || !s.IsEmpty() && s.Intersect(Integers().Complement()).IsEmpty() && strings.ContainsAny(text, ".e")) {
		return false
	}
	if m := scaled.FindStringSubmatch(text); m != nil {
		e, err := strconv.Atoi(m[1])
		return err == nil && e >= MinExponent && e <= MaxExponent
	}
	return true
}

// run steps a text and returns the state it leads to, 0 if it is refused, and
// how much of it was taken.
func run(x *Lexer, s Set, text string) (State, int) {
	st := x.Start(s)
	for i := range len(text) {
		n := x.Step(st, text[i])
		if n == 0 {
			return 0, i
		}
		st = n
	}
	return st, len(text)
}

// texts returns all texts of the grammar with few different digits and at most
// max bytes, in the order of a walk.
func texts(max int) []string {
	const few = "01259-+.eE"
	var all []string
	prefix := regexp.MustCompile(`^-?(0|[1-9][0-9]*)?((\.[0-9]*)|(\.[0-9]+)?[eE][+-]?[0-9]*)?$`)
	bad := regexp.MustCompile(`^-?[.eE]|^-?0[0-9]`)
	var walk func(text string)
	walk = func(text string) {
		if grammar.MatchString(text) {
			all = append(all, text)
		}
		for i := 0; len(text) < max && i < len(few); i++ {
			if n := text + few[i:i+1]; prefix.MatchString(n) && !bad.MatchString(n) {
				walk(n)
			}
		}
	}
	walk("")
	return all
}

// TestLexer compares with the function of a set on all short texts: which are
// members, which beginnings must not be refused, and that those that are not
// refused can be completed.
func TestLexer(t *testing.T) {
	length, sets := 6, 80
	if testing.Short() {
		length, sets = 5, 40
	}
	type sample struct {
		text  string
		value *big.Rat
	}
	var all []sample
	for _, text := range texts(length) {
		all = append(all, sample{text, rat(t, text)})
	}
	rng := rand.New(rand.NewPCG(11, 12))
	for i := range sets {
		s, in := randomSet(t, rng, rng.IntN(4))
		form := Form(i % 3)
		x := NewLexerOf(form)
		if (x.Start(s) == 0) != s.IsEmpty() {
			t.Fatalf("%v: start %v", s, x.Start(s))
		}
		seen := map[State]string{0: ""}
		for range len(all) / 20 {
			c := all[rng.IntN(len(all))]
			check(t, x, s, in, form, c.text, c.value, seen)
		}
	}
}

// check compares one text, and completes each state on its way that was not
// completed before.
func check(t *testing.T, x *Lexer, s Set, in oracle, form Form, text string, value *big.Rat, seen map[State]string) {
	t.Helper()
	want := admitted(form, s, text) && in(value)
	st, n := run(x, s, text)
	if got := st != 0 && x.Accepts(st); got != want {
		t.Fatalf("%v, form %d: %s is accepted: %v (refused from byte %d on)", s, form, text, got, n)
	}
	st = x.Start(s)
	for i := 0; st != 0; i++ {
		if _, ok := seen[st]; !ok {
			seen[st] = text[:i]
			complete(t, x, s, in, form, st, text[:i])
		}
		if i == n {
			break
		}
		st = x.Step(st, text[i])
	}
}

// complete checks that the suffix of Shortest makes a member, and that following
// it comes nearer with each byte.
func complete(t *testing.T, x *Lexer, s Set, in oracle, form Form, st State, text string) {
	t.Helper()
	left := x.Shortest(st)
	whole := text + left
	if (left == "") != x.Accepts(st) {
		t.Fatalf("%v: %q accepts: %v, but is completed by %q", s, text, x.Accepts(st), left)
	}
	if !admitted(form, s, whole) || !in(rat(t, whole)) {
		t.Fatalf("%v, form %d: %q is completed to %q, not a member", s, form, text, whole)
	}
	for left != "" {
		st = x.Step(st, left[0])
		if st == 0 || len(x.Shortest(st)) >= len(left) {
			t.Fatalf("%v: the completion %q of %q leads to %v, from where it is %q", s, left, text, st, x.Shortest(st))
		}
		left = x.Shortest(st)
	}
}

// TestRefused holds that a byte that is refused cannot be completed: of all
// short texts no member begins so.
func TestRefused(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	all := texts(5)
	for i := range 40 {
		s, in := randomSet(t, rng, rng.IntN(3))
		form := Form(i % 3)
		x := NewLexerOf(form)
		for _, text := range all {
			if want := admitted(form, s, text) && in(rat(t, text)); want {
				if st, n := run(x, s, text); n < len(text) || !x.Accepts(st) {
					t.Fatalf("%v, form %d: %s is refused at byte %d", s, form, text, n)
				}
			} else if st, n := run(x, s, text); n == len(text) && x.Accepts(st) {
				t.Fatalf("%v, form %d: %s is accepted", s, form, text)
			}
		}
	}
}

// spell writes a number in any of the ways that there are.
func spell(rng *rand.Rand, d Decimal) string {
	if d.digits == "" {
		return []string{"0", "-0", "0.0", "0e5", "-0.00E-17"}[rng.IntN(5)]
	}
	sign := ""
	if d.neg {
		sign = "-"
	}
	digits := d.digits + strings.Repeat("0", rng.IntN(4)*rng.IntN(2))
	point := d.top + 1 // of the digits stand before the point
	e := ""
	if rng.IntN(2) == 0 {
		k := rng.IntN(9) - 4
		if rng.IntN(2) == 0 {
			k = d.top
		}
		point -= k
		e = fmt.Sprintf("%c%+d", "eE"[rng.IntN(2)], k)
		if k >= 0 && rng.IntN(2) == 0 {
			e = strings.Replace(e, "+", []string{"", "0", "+00"}[rng.IntN(3)], 1)
		}
	}
	switch {
	case point <= 0:
		return sign + "0." + strings.Repeat("0", -point) + digits + e
	case point >= len(digits):
		end := ""
		if rng.IntN(3) == 0 {
			end = ".0"
		}
		return sign + digits + strings.Repeat("0", point-len(digits)) + end + e
	}
	return sign + digits[:point] + "." + digits[point:] + e
}

// TestSpellings compares on longer texts of numbers at which members change.
func TestSpellings(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	accepted := 0
	for i := range 600 {
		s, in := randomSet(t, rng, 1+rng.IntN(4))
		form := Form(i % 3)
		x := NewLexerOf(form)
		seen := map[State]string{0: ""}
		for _, text := range near(rng, s) {
			text = spell(rng, dec(t, text))
			value := rat(t, text)
			check(t, x, s, in, form, text, value, seen)
			accepted += b2i(in(value))
		}
	}
	if accepted < 1000 {
		t.Errorf("only %d members were spelt", accepted)
	}
}

// TestBetween has a bound that is not a member within reach of the digits, and a
// condition of several moduli below it.
func TestBetween(t *testing.T) {
	two, err := Multiples(FromInt(2))
	if err != nil {
		t.Fatal(err)
	}
	three, err := Multiples(FromInt(3))
	if err != nil {
		t.Fatal(err)
	}
	s := two.Union(three).Intersect(Below(dec(t, "1234.5"))).Intersect(AtLeast(FromInt(0)))
	for _, form := range []Form{Any, Normal, Written} {
		x := NewLexerOf(form)
		for n := range 1300 {
			text := strconv.Itoa(n)
			want := n < 1235 && (n%2 == 0 || n%3 == 0)
			if st, _ := run(x, s, text); (st != 0 && x.Accepts(st)) != want {
				t.Errorf("form %d: %s is accepted: %v", form, text, !want)
			}
		}
	}
}
