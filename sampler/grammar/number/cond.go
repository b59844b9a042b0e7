package number

import (
	"cmp"
	"errors"
	"math/big"
	"slices"
)

// A cond is a set of numbers by the moduli that divide them: x is in it if an
// odd number of the terms divides x, or an even number if rest is set. The terms
// differ and are sorted, which makes the form unique.
type cond struct {
	rest  bool
	terms []modulus
	lcms  []modulus // closure's result, once it is known
}

const (
	maxTerms   = 64  // of a cond: what six moduli make
	maxClosure = 128 // least common multiples of subsets of its terms
	maxListed  = 256 // multiples that are looked at to list the numbers of an interval
)

var errTerms = errors.New("the combination of multipleOf conditions is too large to be kept exactly")

func (c cond) isZero() bool { return !c.rest && len(c.terms) == 0 }

func (c cond) equal(d cond) bool { return c.rest == d.rest && slices.Equal(c.terms, d.terms) }

// contains reports whether x, not 0, is in c.
func (c cond) contains(x Decimal) bool {
	in := c.rest
	for _, m := range c.terms {
		in = in != x.isMultiple(m)
	}
	return in
}

func (c cond) not() cond { return cond{rest: !c.rest, terms: c.terms} }

// odd sorts terms, which it may overwrite, and keeps those that occur an odd
// number of times.
func odd(terms []modulus) []modulus {
	slices.SortFunc(terms, modulus.cmp)
	kept := terms[:0]
	for _, m := range terms {
		if n := len(kept); n > 0 && kept[n-1] == m {
			kept = kept[:n-1]
		} else {
			kept = append(kept, m)
		}
	}
	return kept
}

func (c cond) and(d cond) (cond, error) {
	switch {
	case c.isZero() || d.isZero():
		return cond{}, nil
	case c.rest && len(c.terms) == 0 || c.equal(d):
		return d, nil
	case d.rest && len(d.terms) == 0:
		return c, nil
	}
	var terms []modulus
	if c.rest {
		terms = append(terms, d.terms...)
	}
	if d.rest {
		terms = append(terms, c.terms...)
	}
	for _, a := range c.terms {
		for _, b := range d.terms {
			l, ok := a.lcm(b)
			if !ok {
				return cond{}, errTerms
			}
			terms = append(terms, l)
		}
	}
	if terms = odd(terms); len(terms) > maxTerms {
		return cond{}, errTerms
	}
	return cond{rest: c.rest && d.rest, terms: terms}, nil
}

// or is not(not c and not d).
func (c cond) or(d cond) (cond, error) {
	r, err := c.not().and(d.not())
	return r.not(), err
}

// closure returns the least common multiples of all sets of terms, larger ones
// before those that divide them.
func (c cond) closure() ([]modulus, error) {
	if c.lcms != nil {
		return c.lcms, nil
	}
	var all []modulus
	known := make(map[modulus]bool, 4*len(c.terms))
	add := func(m modulus) bool {
		if !known[m] {
			known[m] = true
			all = append(all, m)
		}
		return len(all) <= maxClosure
	}
	for _, m := range c.terms {
		others := len(all)
		if !add(m) {
			return nil, errTerms
		}
		for i := range others {
			if l, ok := m.lcm(all[i]); !ok || !add(l) {
				return nil, errTerms
			}
		}
	}
	slices.SortFunc(all, func(a, b modulus) int {
		return cmp.Or(cmp.Compare(b.odd, a.odd), cmp.Compare(b.two, a.two), cmp.Compare(b.five, a.five))
	})
	return all, nil
}

// count returns how many numbers of c, which has no rest, lie above lo and up to
// hi. Of the numbers whose dividing terms have the least common multiple l there
// are as many as multiples of l, without those that belong to a multiple of l in
// the closure.
func (c cond) count(lo, hi Decimal) *big.Int {
	total := new(big.Int)
	all, err := c.closure()
	if err != nil {
		panic("number: a condition whose closure was not checked")
	}
	exactly := make([]*big.Int, len(all))
	for i, l := range all {
		n, _ := l.quotient(hi)
		below, _ := l.quotient(lo)
		exactly[i] = n.Sub(n, below)
		in := false
		for _, m := range c.terms {
			in = in != m.divides(l)
		}
		for j := range i {
			if l.divides(all[j]) {
				n.Sub(n, exactly[j])
			}
		}
		if in {
			total.Add(total, n)
		}
	}
	return total
}

// inside returns how many numbers of c, which has no rest, lie between lo and
// hi, both excluded.
func (c cond) inside(lo, hi Decimal) *big.Int {
	n := c.count(lo, hi)
	if c.contains(hi) {
		n.Sub(n, big.NewInt(1))
	}
	return n
}

// list returns the numbers of c, which has no rest, between lo and hi, both excluded,
// ascending. ok is false where many have to be looked at.
func (c cond) list(lo, hi Decimal) (all []Decimal, ok bool) {
	many := big.NewInt(maxListed)
	for _, m := range c.terms {
		k, _ := m.quotient(lo)
		last, exact := m.quotient(hi)
		if exact {
			last.Sub(last, bigOne)
		}
		if many.Sub(many, new(big.Int).Sub(last, k)).Sign() < 0 {
			return nil, false
		}
		for k.Cmp(last) < 0 {
			if x := m.times(k.Add(k, bigOne)); c.contains(x) {
				all = append(all, x)
			}
		}
	}
	slices.SortFunc(all, cmpAbs)
	return slices.CompactFunc(all, func(x, y Decimal) bool { return cmpAbs(x, y) == 0 }), true
}

// some returns a number of c, which has no rest, above lo and below hi, the least
// one if there are few. A nil hi is infinite.
func (c cond) some(lo Decimal, hi *Decimal) (best Decimal, ok bool) {
	var above []*big.Int
	for _, m := range c.terms {
		k, _ := m.quotient(lo)
		above = append(above, k)
	}
	next := new(big.Int)
	for i := range int64(16) {
		for j, m := range c.terms {
			x := m.times(next.Add(above[j], big.NewInt(i+1)))
			if hi != nil && cmpAbs(x, *hi) >= 0 {
				continue
			}
			if c.contains(x) && (!ok || cmpAbs(x, best) < 0) {
				best, ok = x, true
			}
		}
		if ok {
			return best, true
		}
	}
	if hi != nil && c.inside(lo, *hi).Sign() == 0 {
		return best, false
	}
	for j, m := range c.terms {
		x, found := c.firstMultiple(m, lo, above[j], hi)
		if found && (!ok || cmpAbs(x, best) < 0) {
			best, ok = x, true
		}
	}
	return best, ok
}

// firstMultiple returns the least multiple of m, the k-th for k > from, up to
// which c has a number above lo, if that number is the multiple itself.
func (c cond) firstMultiple(m modulus, lo Decimal, from *big.Int, hi *Decimal) (Decimal, bool) {
	above := new(big.Int).Set(from)
	step := big.NewInt(1)
	for { // double the reach until it holds a number of c
		to := new(big.Int).Add(above, step)
		x := m.times(to)
		if hi != nil && cmpAbs(x, *hi) > 0 {
			to, _ = m.quotient(*hi)
			if x = m.times(to); c.count(lo, x).Sign() <= 0 {
				return Decimal{}, false
			}
		}
		if c.count(lo, x).Sign() > 0 {
			step = to
			break
		}
		above = to
		step.Lsh(step, 1)
	}
	below, found := above, step // the answer is in (below, found]
	for {
		mid := new(big.Int).Add(below, found)
		mid.Rsh(mid, 1)
		if mid.Cmp(below) == 0 {
			x := m.times(found)
			return x, c.contains(x)
		}
		if c.count(lo, m.times(mid)).Sign() > 0 {
			found = mid
		} else {
			below = mid
		}
	}
}
