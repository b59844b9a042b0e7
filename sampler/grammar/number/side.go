package number

import (
	"math/big"
	"slices"
	"strconv"
)

// A side is a set of positive numbers: the magnitudes of the members of a Set
// that are above 0, or of those below. Interval i lies between bounds i-1 and i,
// which it does not hold; 0 and infinity stand for those that there are not.
type side struct {
	bounds []Decimal // ascending
	in     []bool    // whether each bound is a member
	conds  []cond    // of each interval: len(bounds)+1
}

// everywhere is the side with one condition.
func everywhere(c cond) side { return side{conds: []cond{c}} }

// sized returns a side without an interval that has space for n bounds.
func sized(n int) side {
	return side{make([]Decimal, 0, n), make([]bool, 0, n), make([]cond, 0, n+1)}
}

func (x *side) add(c cond, bound Decimal, in bool) {
	x.conds = append(x.conds, c)
	x.bounds = append(x.bounds, bound)
	x.in = append(x.in, in)
}

func (x *side) isEmpty() bool {
	return len(x.bounds) == 0 && x.conds[0].isZero()
}

// search returns the number of bounds below d, and whether the next one is d.
func (x *side) search(d Decimal) (int, bool) {
	return slices.BinarySearchFunc(x.bounds, d, cmpAbs)
}

// contains reports whether the magnitude of d, not 0, is in x.
func (x *side) contains(d Decimal) bool {
	i, ok := x.search(d)
	if ok {
		return x.in[i]
	}
	return x.conds[i].contains(d)
}

func (x side) not() side {
	y := side{bounds: x.bounds, in: make([]bool, len(x.in)), conds: make([]cond, len(x.conds))}
	for i, in := range x.in {
		y.in[i] = !in
	}
	for i, c := range x.conds {
		y.conds[i] = c.not()
	}
	return y
}

// combine returns the union or the intersection of x and y.
func (x *side) combine(y *side, union bool) (side, error) {
	z := sized(len(x.bounds) + len(y.bounds))
	i, j := 0, 0
	for {
		c, err := joined(x.conds[i], y.conds[j], union)
		if err != nil {
			return z, err
		}
		order := 0
		switch {
		case i == len(x.bounds) && j == len(y.bounds):
			z.conds = append(z.conds, c)
			return z, nil
		case i == len(x.bounds):
			order = 1
		case j == len(y.bounds):
			order = -1
		default:
			order = cmpAbs(x.bounds[i], y.bounds[j])
		}
		var b Decimal
		var inX, inY bool
		if order <= 0 {
			b, inX = x.bounds[i], x.in[i]
		} else {
			b = y.bounds[j]
			inX = x.conds[i].contains(b)
		}
		if order >= 0 {
			inY = y.in[j]
		} else {
			inY = y.conds[j].contains(b)
		}
		in := inX && inY
		if union {
			in = inX || inY
		}
		z.add(c, b, in)
		if order <= 0 {
			i++
		}
		if order >= 0 {
			j++
		}
	}
}

func joined(c, d cond, union bool) (cond, error) {
	if union {
		return c.or(d)
	}
	return c.and(d)
}

// normal brings x into the form in which intervals without a member have the
// zero condition, bounds that change nothing are gone, the intervals of multiples of
// one number begin and end at members, and few multiples of several are listed.
func (x side) normal() (side, error) {
	x.merge()
	x.listed()
	sparse := false // some interval has only multiples
	for i, c := range x.conds {
		sparse = sparse || !c.rest && len(c.terms) > 0
		if !c.rest && len(c.terms) > 1 {
			var err error
			if x.conds[i].lcms, err = c.closure(); err != nil {
				return x, err
			}
		}
	}
	x.merge()
	if !sparse || len(x.bounds) == 0 {
		return x, nil
	}
	y := sized(len(x.bounds))
	for i, c := range x.conds {
		lo, hi := x.ends(i)
		switch {
		case c.rest || len(c.terms) == 0:
			y.conds = append(y.conds, c)
		case len(c.terms) == 1:
			y.tighten(x, i)
		case hi != nil && c.inside(lo, *hi).Sign() == 0:
			y.conds = append(y.conds, cond{})
		default:
			y.conds = append(y.conds, c)
		}
		if hi != nil {
			y.bounds = append(y.bounds, *hi)
			y.in = append(y.in, x.in[i])
		}
	}
	y.merge()
	// The multiples of m from m on are those above 0.
	if len(y.bounds) > 0 && y.in[0] && y.conds[0].isZero() {
		if c := y.conds[1]; !c.rest && len(c.terms) == 1 && c.terms[0].decimal() == y.bounds[0] {
			y.bounds, y.in, y.conds = y.bounds[1:], y.in[1:], y.conds[1:]
		}
	}
	return y, nil
}

// listed replaces intervals that have few multiples of several numbers by these.
func (x *side) listed() {
	y := sized(len(x.bounds))
	changed := false
	for i, c := range x.conds {
		lo, hi := x.ends(i)
		if hi != nil && !c.rest && len(c.terms) > 1 {
			if all, ok := c.list(lo, *hi); ok {
				for _, d := range all {
					y.add(cond{}, d, true)
				}
				c, changed = cond{}, true
			}
		}
		y.conds = append(y.conds, c)
		if hi != nil {
			y.bounds, y.in = append(y.bounds, *hi), append(y.in, x.in[i])
		}
	}
	if changed {
		*x = y
	}
}

// ends returns the bounds of interval i, 0 and nil for those that there are not.
func (x *side) ends(i int) (lo Decimal, hi *Decimal) {
	if i > 0 {
		lo = x.bounds[i-1]
	}
	if i < len(x.bounds) {
		hi = &x.bounds[i]
	}
	return lo, hi
}

// merge removes the bounds that are as the intervals on both their sides.
func (x *side) merge() {
	redundant := func(i int) bool {
		c := x.conds[i]
		return c.equal(x.conds[i+1]) && x.in[i] == c.contains(x.bounds[i])
	}
	first := 0
	for first < len(x.bounds) && !redundant(first) {
		first++
	}
	if first == len(x.bounds) {
		return
	}
	y := sized(len(x.bounds))
	c := x.conds[0]
	for i, b := range x.bounds {
		next := x.conds[i+1]
		if c.equal(next) && x.in[i] == c.contains(b) {
			continue
		}
		y.add(c, b, x.in[i])
		c = next
	}
	y.conds = append(y.conds, c)
	*x = y
}

// tighten appends interval i of x, of multiples of one number, from its first
// member to its last one, unless it ends there already.
func (y *side) tighten(x side, i int) {
	c := x.conds[i]
	m := c.terms[0]
	lo, hi := x.ends(i)
	unit := big.NewInt(1)
	from, exact := m.quotient(lo) // members are multiples from+1 to to-1
	open := i > 0 && !(exact && x.in[i-1])
	if hi == nil {
		if open {
			y.add(cond{}, m.times(from.Add(from, unit)), true)
		}
		y.conds = append(y.conds, c)
		return
	}
	to, exact := m.quotient(*hi)
	if !exact {
		to.Add(to, unit)
	}
	left := new(big.Int).Sub(to, from) // one more than there are members
	if left.Cmp(unit) > 0 && open {
		from.Add(from, unit)
		left.Sub(left, unit)
		y.add(cond{}, m.times(from), true)
	}
	if left.Cmp(unit) > 0 && !(exact && x.in[i]) {
		left.Sub(left, unit)
		to.Sub(to, unit)
		last := cond{}
		if left.Cmp(unit) > 0 {
			last = c
		}
		y.add(last, m.times(to), true)
		left.Set(unit)
	}
	if left.Cmp(unit) > 0 {
		y.conds = append(y.conds, c)
	} else {
		y.conds = append(y.conds, cond{})
	}
}

// size returns the number of members if it is finite.
func (x *side) size() (*big.Int, bool) {
	n := new(big.Int)
	for _, in := range x.in {
		if in {
			n.Add(n, big.NewInt(1))
		}
	}
	for i, c := range x.conds {
		lo, hi := x.ends(i)
		switch {
		case c.rest || hi == nil && len(c.terms) > 0:
			return nil, false
		case len(c.terms) > 0:
			n.Add(n, c.inside(lo, *hi))
		}
	}
	return n, true
}

func (x *side) appendKey(dst []byte) []byte {
	for i, c := range x.conds {
		dst = append(dst, "-+"[b2i(c.rest)])
		for _, m := range c.terms {
			dst = strconv.AppendInt(append(dst, '%'), int64(m.two), 36)
			dst = strconv.AppendInt(append(dst, ','), int64(m.five), 36)
			dst = strconv.AppendUint(append(dst, ','), m.odd, 36)
		}
		if i < len(x.bounds) {
			dst = append(dst, "()"[b2i(x.in[i])])
			dst = append(dst, x.bounds[i].digits...)
			dst = strconv.AppendInt(append(dst, 'e'), int64(x.bounds[i].top), 36)
		}
	}
	return dst
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
