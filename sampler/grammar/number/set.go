package number

import (
	"math/big"
	"slices"
)

// A Set is a set of numbers. It is immutable, and the zero Set is empty.
//
// A combination that cannot be kept exactly (its moduli, without their powers of
// ten, have a least common multiple from 2^58 on, it needs more than 32 terms, or
// a bound is beyond 1e±1000) has an Err and no members, as has everything that is
// made of it.
type Set struct{ s *set }

type set struct {
	zero   bool
	sides  [2]side // above 0, below 0
	digits bool    // see InDigits
	key    string
	err    error
}

// none is what the zero Set stands for.
var none = &set{sides: [2]side{everywhere(cond{}), everywhere(cond{})}, key: "n|-|-"}

func (s Set) get() *set {
	if s.s == nil {
		return none
	}
	return s.s
}

// build brings a set into its normal form.
func build(s set) Set {
	if s.err == nil {
		for i := range s.sides {
			if s.sides[i], s.err = s.sides[i].normal(); s.err != nil {
				break
			}
			if _, s.err = newGrid(&s.sides[i]); s.err != nil {
				break
			}
		}
	}
	if s.err != nil {
		return Set{&set{sides: none.sides, key: "!" + s.err.Error(), err: s.err}}
	}
	key := append(make([]byte, 0, 64), "n0"[b2i(s.zero)])
	if s.digits {
		key = append(key, 'd')
	}
	for i := range s.sides {
		key = s.sides[i].appendKey(append(key, '|'))
	}
	s.key = string(key)
	return Set{&s}
}

// Err returns why the set could not be kept exactly, or nil.
func (s Set) Err() error { return s.get().err }

// Key returns a string that tells sets apart: sets with equal keys are equal.
// Equal sets have equal keys where they have the same bounds and moduli; sets
// that hold the same numbers for a reason of arithmetic may have different ones.
func (s Set) Key() string { return s.get().key }

func (s Set) String() string { return s.Key() }

// All returns the set of all numbers.
func All() Set {
	return build(set{zero: true, sides: [2]side{everywhere(cond{rest: true}), everywhere(cond{rest: true})}})
}

// Integers returns the set of all integers, those written 1.0 or 1e2 included.
func Integers() Set { return multiples(one) }

func multiples(m modulus) Set {
	c := cond{terms: []modulus{m}}
	return build(set{zero: true, sides: [2]side{everywhere(c), everywhere(c)}})
}

// Multiples returns the set of d times any integer. It is an error if d is not
// greater than 0, if its significant digits make a number from 2^58 on, or if it
// is beyond 1e±1000.
func Multiples(d Decimal) (Set, error) {
	m, err := newModulus(d)
	if err != nil {
		return Set{}, err
	}
	return multiples(m), nil
}

// AtLeast returns the set of all x ≥ d.
func AtLeast(d Decimal) Set { return build(upward(d, true)) }

// Above returns the set of all x > d.
func Above(d Decimal) Set { return build(upward(d, false)) }

// AtMost returns the set of all x ≤ d.
func AtMost(d Decimal) Set { return build(upward(d.Neg(), true).mirror()) }

// Below returns the set of all x < d.
func Below(d Decimal) Set { return build(upward(d.Neg(), false).mirror()) }

// upward returns the numbers above d.
func upward(d Decimal, included bool) (s set) {
	if s.err = checkPlace(d); s.err != nil {
		return s
	}
	all, no := cond{rest: true}, cond{}
	bounded := func(below, above cond) side {
		return side{bounds: []Decimal{d.abs()}, in: []bool{included}, conds: []cond{below, above}}
	}
	switch d.Sign() {
	case 1:
		s.sides = [2]side{bounded(no, all), everywhere(no)}
	case 0:
		s.zero = included
		s.sides = [2]side{everywhere(all), everywhere(no)}
	default:
		s.zero = true
		s.sides = [2]side{everywhere(all), bounded(all, no)}
	}
	return s
}

// mirror returns the set of all -x.
func (s set) mirror() set {
	s.sides[0], s.sides[1] = s.sides[1], s.sides[0]
	return s
}

func checkPlace(d Decimal) error {
	if max(d.top, -d.top) > maxBoundPlace {
		return errPlace(d)
	}
	return nil
}

// Point returns the set of the one number d.
func Point(d Decimal) Set { return Points(d) }

// Points returns the set of some numbers. It takes time n·log n, where uniting
// Points one by one takes n².
func Points(ds ...Decimal) Set {
	s := set{sides: none.sides}
	ds = slices.Clone(ds)
	slices.SortFunc(ds, cmpAbs)
	var sides [2]side
	for _, d := range ds {
		if d.digits == "" {
			s.zero = true
			continue
		}
		if s.err = checkPlace(d); s.err != nil {
			return build(s)
		}
		x := &sides[b2i(d.neg)]
		if d = d.abs(); len(x.bounds) == 0 || x.bounds[len(x.bounds)-1] != d {
			x.add(cond{}, d, true)
		}
	}
	for i := range sides {
		sides[i].conds = append(sides[i].conds, cond{})
	}
	s.sides = sides
	return build(s)
}

// Union returns the set of the numbers in s or t.
func (s Set) Union(t Set) Set { return s.combine(t, true) }

// Intersect returns the set of the numbers in s and t.
func (s Set) Intersect(t Set) Set { return s.combine(t, false) }

func (s Set) combine(t Set, union bool) Set {
	a, b := s.get(), t.get()
	switch {
	case a.err != nil || a == b:
		return s
	case b.err != nil:
		return t
	}
	r := set{zero: a.zero && b.zero}
	if union {
		r.zero = a.zero || b.zero
	}
	for i := range r.sides {
		if r.sides[i], r.err = a.sides[i].combine(&b.sides[i], union); r.err != nil {
			break
		}
	}
	r.digits = a.digits || b.digits
	if union {
		r.digits = a.digits && b.digits || a.digits && t.integers() || b.digits && s.integers()
	}
	return build(r)
}

// InDigits returns s, which must have no members but integers, for texts in which
// they are digits alone, as an integer of JSON Schema's draft-04 has to be. Only a
// Lexer makes a difference. Intersections with s keep to that, unions
// where all members are integers, and complements do not.
func (s Set) InDigits() Set {
	d := *s.get()
	if d.err != nil {
		return s
	}
	d.digits = true
	return build(d)
}

// Complement returns the set of the numbers that are not in s.
func (s Set) Complement() Set {
	a := s.get()
	if a.err != nil {
		return s
	}
	return build(set{zero: !a.zero, sides: [2]side{a.sides[0].not(), a.sides[1].not()}})
}

// Weight returns how many bounds and moduli s has, at least 1. An operation on
// two sets takes time and memory proportional to the sum of theirs: at most 1 µs
// and 200 bytes each.
func (s Set) Weight() int {
	n := 1
	for _, x := range s.get().sides {
		n += len(x.bounds)
		for _, c := range x.conds {
			n += len(c.terms)
		}
	}
	return n
}

// Contains reports whether d is in s.
func (s Set) Contains(d Decimal) bool {
	a := s.get()
	if d.digits == "" {
		return a.zero
	}
	return a.sides[b2i(d.neg)].contains(d)
}

// IsEmpty reports whether s has no members.
func (s Set) IsEmpty() bool {
	a := s.get()
	return !a.zero && a.sides[0].isEmpty() && a.sides[1].isEmpty()
}

// Size returns how many numbers are in s, or limit if there are more, and
// whether they are finitely many.
func (s Set) Size(limit int) (n int, finite bool) {
	a := s.get()
	total := big.NewInt(int64(b2i(a.zero)))
	for i := range a.sides {
		size, ok := a.sides[i].size()
		if !ok {
			return limit, false
		}
		total.Add(total, size)
	}
	if !total.IsInt64() || total.Int64() > int64(limit) {
		return limit, true
	}
	return int(total.Int64()), true
}

// integers reports that every member is one.
func (s Set) integers() bool {
	rest := s.Intersect(Integers().Complement())
	return rest.Err() == nil && rest.IsEmpty()
}
