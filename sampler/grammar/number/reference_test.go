package number

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"
)

// oracle is a set as a function on fractions.
type oracle func(x *big.Rat) bool

// randomSet makes a set of random operations on random sets, and the same as a
// function. Operations whose result cannot be kept are left out.
func randomSet(tb testing.TB, rng *rand.Rand, depth int) (Set, oracle) {
	if depth == 0 || rng.IntN(5) == 0 {
		return randomAtom(tb, rng)
	}
	s, in := randomSet(tb, rng, depth-1)
	switch rng.IntN(7) {
	case 0:
		return s.Complement(), func(x *big.Rat) bool { return !in(x) }
	case 1, 2, 3:
		t, in2 := randomSet(tb, rng, depth-1)
		if u := s.Union(t); u.Err() == nil {
			return u, func(x *big.Rat) bool { return in(x) || in2(x) }
		}
	default:
		t, in2 := randomSet(tb, rng, depth-1)
		if u := s.Intersect(t); u.Err() == nil {
			return u, func(x *big.Rat) bool { return in(x) && in2(x) }
		}
	}
	return s, in
}

func randomAtom(tb testing.TB, rng *rand.Rand) (Set, oracle) {
	text := randomText(rng)
	d, r := dec(tb, text), rat(tb, text)
	switch rng.IntN(9) {
	case 0:
		return AtLeast(d), func(x *big.Rat) bool { return x.Cmp(r) >= 0 }
	case 1:
		return Above(d), func(x *big.Rat) bool { return x.Cmp(r) > 0 }
	case 2:
		return AtMost(d), func(x *big.Rat) bool { return x.Cmp(r) <= 0 }
	case 3:
		return Below(d), func(x *big.Rat) bool { return x.Cmp(r) < 0 }
	case 4:
		return Point(d), func(x *big.Rat) bool { return x.Cmp(r) == 0 }
	case 5:
		return Integers(), (*big.Rat).IsInt
	case 6: // a range, which is what schemas have most
		w := rat(tb, fmt.Sprint(rng.IntN(30)))
		end := new(big.Rat).Add(r, w)
		e := dec(tb, end.FloatString(20))
		return AtLeast(d).Intersect(AtMost(e)), func(x *big.Rat) bool { return x.Cmp(r) >= 0 && x.Cmp(end) <= 0 }
	}
	if d.Sign() == 0 {
		return All(), func(*big.Rat) bool { return true }
	}
	s, err := Multiples(d.abs())
	if err != nil {
		tb.Fatal(err)
	}
	return s, func(x *big.Rat) bool { return new(big.Rat).Quo(x, r).IsInt() }
}

// near returns texts of numbers at which a set's members may change.
func near(rng *rand.Rand, s Set) []string {
	var texts []string
	add := func(d Decimal) {
		texts = append(texts, d.String(), d.Neg().String())
	}
	for _, x := range s.get().sides {
		for _, b := range x.bounds {
			add(b)
			for range 3 {
				n := b.scaled(b.last() - 1)
				add(fromBig(n.Add(n, big.NewInt(int64(rng.IntN(41)-20))), b.last()-1))
			}
		}
		for _, c := range x.conds {
			for _, m := range c.terms {
				add(m.decimal())
				add(m.times(big.NewInt(int64(rng.IntN(100)))))
			}
		}
	}
	return texts
}

func TestSets(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	empty := 0
	for i := range 4000 {
		s, in := randomSet(t, rng, 1+rng.IntN(4))
		texts := near(rng, s)
		for range 30 {
			texts = append(texts, randomText(rng))
		}
		members := map[Decimal]bool{}
		for _, text := range texts {
			d := dec(t, text)
			want := in(rat(t, text))
			if s.Contains(d) != want {
				t.Fatalf("set %d, %v, contains %s: %v", i, s, text, !want)
			}
			if want {
				members[d] = true
			}
		}
		if s.IsEmpty() {
			empty++
		}
		if s.IsEmpty() && len(members) > 0 {
			t.Fatalf("set %d, %v, is not empty", i, s)
		}
		if n, finite := s.Size(1000); n < len(members) || finite && n == 0 && !s.IsEmpty() {
			t.Fatalf("set %d, %v, has size %d, but has %d members", i, s, n, len(members))
		}
	}
	if empty < 100 || empty > 3000 {
		t.Errorf("%d of 4000 sets were empty", empty)
	}
}

// TestAlgebra holds what must be so for any sets.
func TestAlgebra(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 2000 {
		a, _ := randomSet(t, rng, 2)
		b, _ := randomSet(t, rng, 2)
		for name, empty := range map[string]Set{
			"a ∩ ¬a":                     a.Intersect(a.Complement()),
			"¬(a ∪ ¬a)":                  a.Union(a.Complement()).Complement(),
			"(a ∩ b) − a":                a.Intersect(b).Intersect(a.Complement()),
			"a − (a ∪ b)":                a.Intersect(a.Union(b).Complement()),
			"¬(a ∪ b) − (¬a ∩ ¬b)":       a.Union(b).Complement().Intersect(a.Complement().Intersect(b.Complement()).Complement()),
			"((a − b) ∪ (a ∩ b)) − a":    a.Intersect(b.Complement()).Union(a.Intersect(b)).Intersect(a.Complement()),
			"a − ((a − b) ∪ (a ∩ b))":    a.Intersect(a.Intersect(b.Complement()).Union(a.Intersect(b)).Complement()),
			"a − ¬¬a":                    a.Intersect(a.Complement().Complement().Complement()),
			"the set of no points":       Points(),
			"the zero Set":               {},
			"the zero Set intersected":   Set{}.Intersect(a),
			"what the zero Set unites":   a.Union(Set{}).Intersect(a.Complement()),
			"a number above and below":   Above(FromInt(3)).Intersect(Below(FromInt(3))),
			"an integer between 3 and 4": Above(FromInt(3)).Intersect(Below(FromInt(4))).Intersect(Integers()),
		} {
			if empty.Err() == nil && !empty.IsEmpty() {
				t.Fatalf("a = %v, b = %v: %s is %v", a, b, name, empty)
			}
		}
	}
}

// TestSize counts by trying all candidates.
func TestSize(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	grid, err := Multiples(dec(t, "0.05"))
	if err != nil {
		t.Fatal(err)
	}
	box := grid.Intersect(AtLeast(FromInt(-20))).Intersect(AtMost(FromInt(20)))
	for range 300 {
		s, in := randomSet(t, rng, 3)
		if s = s.Intersect(box); s.Err() != nil {
			continue
		}
		want := 0
		for k := -400; k <= 400; k++ {
			if in(big.NewRat(int64(k), 20)) {
				want++
			}
		}
		if n, finite := s.Size(1000); n != want || !finite {
			t.Fatalf("%v has %d members (finite %v), want %d", s, n, finite, want)
		}
		if n, finite := s.Size(want / 2); n != want/2 || !finite {
			t.Fatalf("%v has %d members, want the limit", s, n)
		}
	}
	for _, s := range []Set{All(), Integers(), Above(FromInt(5)), Above(FromInt(0)).Intersect(Below(dec(t, "1e-9")))} {
		if n, finite := s.Size(7); finite || n != 7 {
			t.Errorf("%v: %d, %v", s, n, finite)
		}
	}
}

// TestKeys holds that one set made in different ways has one key.
func TestKeys(t *testing.T) {
	n := func(text string) Decimal { return dec(t, text) }
	multiples := func(text string) Set {
		s, err := Multiples(n(text))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for i, pair := range [][2]Set{
		{Integers().Intersect(AtLeast(n("0.5"))), Integers().Intersect(Above(n("0")))},
		{Integers().Intersect(AtLeast(n("0.5"))), Integers().Intersect(AtLeast(n("1")))},
		{Integers().Intersect(Below(n("-3"))), Integers().Intersect(AtMost(n("-3.1")))},
		{Integers().Intersect(Below(n("3"))), Integers().Intersect(AtMost(n("2.5")))},
		{Integers().Intersect(AtLeast(n("3"))).Intersect(AtMost(n("3.9"))), Point(n("3"))},
		{Points(n("1"), n("2"), n("1.0")), Point(n("2")).Union(Point(n("1")))},
		{multiples("2").Intersect(multiples("3")), multiples("6")},
		{multiples("0.5").Intersect(multiples("1e0")), Integers()},
		{multiples("6").Union(multiples("2")), multiples("2")},
		{AtLeast(n("1")).Complement(), Below(n("1.0"))},
		{All().Complement(), Set{}},
		{AtLeast(n("0")).Union(AtMost(n("0"))), All()},
		{AtLeast(n("0")).Intersect(AtMost(n("0"))), Point(n("-0"))},
		{Integers().Union(Integers().Complement()), All()},
		{AtMost(n("5")).Intersect(AtLeast(n("5"))), Point(n("5"))},
		{multiples("2").Union(multiples("3")).Intersect(AtMost(n("9"))).Intersect(Above(n("0"))), Points(n("2"), n("3"), n("4"), n("6"), n("8"), n("9"))},
		{multiples("2").Union(multiples("3")).Intersect(Below(n("9"))).Intersect(Above(n("2"))), Points(n("3"), n("4"), n("6"), n("8"))},
		{multiples("2").Intersect(multiples("3").Complement()).Intersect(AtLeast(n("-7"))).Intersect(AtMost(n("1"))), Points(n("-2"), n("-4"))},
	} {
		if pair[0].Key() != pair[1].Key() {
			t.Errorf("pair %d: %v and %v", i, pair[0], pair[1])
		}
	}
}

// TestMany keeps multiples of none of six numbers, and what of a product of
// alternatives lies between bounds.
func TestMany(t *testing.T) {
	moduli := []string{"2", "6.5", "5", "7", "11", "37"}
	none := All()
	for _, m := range moduli {
		set, err := Multiples(dec(t, m))
		if err != nil {
			t.Fatal(err)
		}
		none = none.Intersect(set.Complement())
	}
	if none.Err() != nil {
		t.Fatal(none.Err())
	}
	few := Integers().Intersect(AtLeast(FromInt(-200))).Intersect(AtMost(FromInt(200))).Intersect(none)
	for i := range 2000 {
		n, want := i-1000, true
		for _, m := range moduli {
			r, ok := new(big.Rat).SetString(m)
			if want = want && ok && !r.Quo(big.NewRat(int64(n), 1), r).IsInt(); !ok {
				t.Fatal(m)
			}
		}
		d := FromInt(int64(n))
		if none.Contains(d) != want || few.Contains(d) != (want && n >= -200 && n <= 200) {
			t.Errorf("%d: %v, %v, want %v", n, none.Contains(d), few.Contains(d), want)
		}
	}
}

// TestTooLarge holds that what cannot be kept says so, for good.
func TestTooLarge(t *testing.T) {
	for _, text := range []string{"0", "-1", "288230376151711745", "1e1001", "1e-1001", "1e400000000"} {
		if s, err := Multiples(dec(t, text)); err == nil {
			t.Errorf("multiples of %s: %v", text, s)
		}
	}
	for _, text := range []string{"288230376151711743", "2882303761517117430e900", "1e1000", "1e-1000"} {
		if _, err := Multiples(dec(t, text)); err != nil {
			t.Error(err)
		}
	}
	s := Integers()
	for _, p := range []string{"999999937", "999999929", "999999893"} {
		m, err := Multiples(dec(t, p))
		if err != nil {
			t.Fatal(err)
		}
		s = s.Intersect(m)
	}
	big := AtLeast(dec(t, "1e1001"))
	for _, s := range []Set{s, s.Complement(), s.Union(All()), All().Intersect(s), big, Points(FromInt(1), dec(t, "-1e5000"))} {
		if s.Err() == nil || !s.IsEmpty() || s.Contains(FromInt(0)) || s.Key() == (Set{}).Key() {
			t.Errorf("%v: %v", s, s.Err())
		}
	}
	if All().Err() != nil || (Set{}).Err() != nil {
		t.Error("a good set has an error")
	}
	// Numbers that are beyond all bounds are compared, not refused.
	for text, want := range map[string]bool{"1e400000000": true, "-1e400000000": false, "1e-400000000": false, "123e-400000000": false} {
		if AtLeast(dec(t, "1")).Contains(dec(t, text)) != want || Integers().Contains(dec(t, text)) != (dec(t, text).top > 0) {
			t.Error(text)
		}
	}
}

func TestWeight(t *testing.T) {
	for _, c := range []struct {
		set  Set
		want int
	}{{Set{}, 1}, {All(), 1}, {Integers(), 3}, {AtLeast(FromInt(5)), 2}, {Points(FromInt(-1), FromInt(0), FromInt(3), FromInt(4)), 4}} {
		if got := c.set.Weight(); got != c.want {
			t.Errorf("%v weighs %d, want %d", c.set, got, c.want)
		}
	}
}

// TestPrimes needs terms for every subset of the moduli.
func TestPrimes(t *testing.T) {
	s := Integers().Intersect(Above(FromInt(1))).Intersect(Below(FromInt(1000)))
	sieved := 0
	for _, p := range []int64{2, 3, 5, 7} {
		m, err := Multiples(FromInt(p))
		if err != nil {
			t.Fatal(err)
		}
		s = s.Intersect(m.Complement())
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	for n := range 1000 {
		free := n > 1
		for _, p := range []int{2, 3, 5, 7} {
			free = free && n%p != 0
		}
		if s.Contains(FromInt(int64(n))) != free {
			t.Fatalf("%d: %v", n, !free)
		}
		sieved += b2i(free)
	}
	if n, finite := s.Size(1000); !finite || n != sieved {
		t.Errorf("%d, %v, want %d", n, finite, sieved)
	}
}
