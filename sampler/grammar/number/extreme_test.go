package number

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
)

// farAtom is an atom whose bounds or moduli are near the limits of exponents.
func farAtom(tb testing.TB, rng *rand.Rand) (Set, oracle) {
	place := []int{-1000, -800, -401, -400, -399, -324, -5, 0, 20, 307, 308, 309, 310, 600, 990}[rng.IntN(15)] + rng.IntN(5) - 2
	text := fmt.Sprintf("%se%d", []string{"1", "-1", "12", "25", "-7", "9.99", "1.0001"}[rng.IntN(7)], max(-1000, place))
	d, r := dec(tb, text), rat(tb, text)
	switch rng.IntN(5) {
	case 0:
		return AtLeast(d), func(x *big.Rat) bool { return x.Cmp(r) >= 0 }
	case 1:
		return Below(d), func(x *big.Rat) bool { return x.Cmp(r) < 0 }
	case 2:
		return Point(d), func(x *big.Rat) bool { return x.Cmp(r) == 0 }
	case 3:
		return AtMost(d), func(x *big.Rat) bool { return x.Cmp(r) <= 0 }
	}
	s, err := Multiples(d.abs())
	if err != nil {
		tb.Fatal(err)
	}
	return s, func(x *big.Rat) bool { return new(big.Rat).Quo(x, r).IsInt() }
}

// farSpell writes d with an exponent and as many digits as that takes.
func farSpell(rng *rand.Rand, d Decimal) string {
	e := []int{-400, -399, -324, -100, -1, 0, 0, 1, 100, 307, 308}[rng.IntN(11)]
	shifted := d
	if d.digits != "" {
		shifted.top -= e
	}
	sign := ""
	if shifted.neg {
		sign = "-"
	}
	digits := shifted.digits + strings.Repeat("0", rng.IntN(3)*rng.IntN(2))
	point := shifted.top + 1
	var text string
	switch {
	case digits == "" || d.digits == "":
		text = "0." + strings.Repeat("0", 1+rng.IntN(500))
	case point <= 0:
		text = "0." + strings.Repeat("0", -point) + digits
	case point >= len(digits):
		text = digits + strings.Repeat("0", point-len(digits))
	default:
		text = digits[:point] + "." + digits[point:]
	}
	if e != 0 {
		text += fmt.Sprintf("e%d", e)
	}
	return sign + text
}

// TestExtremes holds that the places beyond which states are one are so.
func TestExtremes(t *testing.T) {
	rng := rand.New(rand.NewPCG(19, 20))
	sets, accepted := 60, 0
	if testing.Short() {
		sets = 20
	}
	for i := range sets {
		s, in := farAtom(t, rng)
		for range rng.IntN(3) {
			u, in1, in2 := s, in, in
			var t2 Set
			if rng.IntN(2) == 0 {
				t2, in2 = farAtom(t, rng)
			} else {
				t2, in2 = randomAtom(t, rng)
			}
			if rng.IntN(2) == 0 {
				u = s.Union(t2)
				in = func(x *big.Rat) bool { return in1(x) || in2(x) }
			} else {
				u = s.Intersect(t2)
				in = func(x *big.Rat) bool { return in1(x) && in2(x) }
			}
			if u.Err() != nil {
				in = in1
				continue
			}
			s = u
		}
		form := Form(i % 2)
		x := NewLexerOf(form)
		seen := map[State]string{0: ""}
		around := near(rng, s)
		for range 20 {
			around = append(around, fmt.Sprintf("%de%d", rng.IntN(200)-100, rng.IntN(1500)-900))
		}
		for _, text := range around {
			if d := dec(t, text); d.digits != "" && max(d.top, -d.top) > 1300 {
				continue
			}
			text = farSpell(rng, dec(t, text))
			value := rat(t, text)
			checkSome(t, x, s, in, form, text, value, seen, rng)
			accepted += b2i(in(value))
		}
	}
	if accepted < sets {
		t.Errorf("only %d members were spelt", accepted)
	}
}

// checkSome is check, completing few of the many states on the way.
func checkSome(t *testing.T, x *Lexer, s Set, in oracle, form Form, text string, value *big.Rat, seen map[State]string, rng *rand.Rand) {
	t.Helper()
	st := x.Start(s)
	for i := 0; st != 0 && i < len(text); i++ {
		if rng.IntN(8) != 0 {
			seen[st] = text[:i]
		}
		st = x.Step(st, text[i])
	}
	check(t, x, s, in, form, text, value, seen)
}
