package number

import "slices"

// live reports whether some text that goes on from m is a member's. The mantissa
// was first reached from a state by a byte.
func (x *Lexer) live(m *mantissa, from State, via byte) bool {
	l := m.line
	switch {
	case m.phase == begin:
		return l.zero || !l.isEmpty() || !l.other.isEmpty()
	case m.phase == sign:
		return l.zero || !l.isEmpty()
	case !m.nonzero:
		return l.zero || l.below(x.bound(m))
	case l.isEmpty():
		return false
	}
	lo, hi := x.window(m)
	r := &reader{x: x, m: m, from: from, via: via}
	if lo <= hi && (lo <= 0 && 0 <= hi && r.reaches(0) || r.reaches(hi) || r.reaches(lo)) {
		return true
	}
	_, ok := r.shift(lo, hi)
	return ok
}

// bound returns the least place such that digits behind the zeros that m
// consists of, with any exponent, make only numbers below 10^place.
func (x *Lexer) bound(m *mantissa) int32 {
	place := int32(0)
	if len(m.line.bounds) > 0 {
		place = m.top
	}
	if m.line.grid.used {
		place = min(place, m.tail.place)
	}
	_, hi := x.scales(m)
	return place + hi
}

// window returns the powers of ten by which m, not 0, may have to be scaled to
// become a member once digits stand behind it. Before the point they count the
// digits that still come there, and so may be large.
func (x *Lexer) window(m *mantissa) (lo, hi int32) {
	l := m.line
	lo, hi = x.scales(m)
	bounded := len(l.bounds) > 0
	if bounded {
		lo = max(lo, l.least-m.top)
	}
	switch {
	case l.most < far:
		if m.phase == whole {
			hi = far
		}
		hi = min(hi, l.most-m.top)
	case m.phase == whole:
		// Beyond all bounds the multiples of each modulus are in reach once a step
		// is as long as the period, which has at most 18 digits.
		hi = max(l.grid.high, 0) + 20
		if bounded {
			hi = max(hi, l.places[len(l.places)-1]+1-m.top)
		}
	}
	return lo, hi
}

// shift returns the scale in a window that reaches a member, if there is one,
// which takes the shortest exponent or the fewest zeros.
func (r *reader) shift(lo, hi int32) (int32, bool) {
	for s := max(lo, 0); s <= hi; s++ {
		if r.reaches(s) {
			return s, true
		}
	}
	for s := min(hi, -1); s >= lo; s-- {
		if r.reaches(s) {
			return s, true
		}
	}
	return 0, false
}

// reader finds members that begin with the digits of a mantissa. It spells the
// digits out only where the state alone does not tell.
type reader struct {
	x      *Lexer
	m      *mantissa
	from   State
	via    byte
	digits string // without zeros before them; "" until they are needed
	place  int    // of the last one
}

// reaches reports whether a member is in [N, N+1)·10^shift, where N is what the
// mantissa writes, its last digit having the place 1.
func (r *reader) reaches(shift int32) bool {
	m, l := r.m, r.m.line
	i, j := m.order(shift)
	if i == j {
		c := l.conds[i]
		switch {
		case c.rest || len(c.terms) == 0:
			return c.rest
		case len(c.terms) == 1:
			return m.tail.reaches(c.terms[0], shift)
		case m.tail.in(c, shift):
			return true
		case m.tail.place+shift < l.grid.low: // multiples of 10^low are further apart
			return false
		}
		lo, hi := r.span(shift)
		n := c.count(lo, hi)
		return n.Sign() > 0 && (n.Cmp(bigOne) > 0 || !c.contains(hi))
	}
	if slices.Contains(l.in[i:j], true) || l.conds[j].rest {
		return true
	}
	for k := i + 1; k < j; k++ {
		if !l.conds[k].isZero() {
			return true
		}
	}
	// What is left is from N to the first bound, if that is greater, and from the
	// last bound to N+1.
	first, last := l.conds[i], l.conds[j]
	if len(l.bounds[i].digits) <= int(m.spot.depth) {
		first = cond{}
	}
	if first.rest || len(first.terms) > 0 && m.tail.in(first, shift) {
		return true
	}
	if len(first.terms) > 0 {
		lo, _ := r.span(shift)
		if first.inside(lo, l.bounds[i]).Sign() > 0 {
			return true
		}
	}
	if len(last.terms) > 0 {
		_, hi := r.span(shift)
		return last.inside(l.bounds[j-1], hi).Sign() > 0
	}
	return false
}

// span returns N·10^shift and (N+1)·10^shift.
func (r *reader) span(shift int32) (lo, hi Decimal) {
	if r.digits == "" {
		r.spell()
	}
	place := r.place + int(shift)
	lo = trimmed(r.digits, place)
	n := lo.scaled(place)
	return lo, fromBig(n.Add(n, bigOne), place)
}

// trimmed returns the number written in digits, the first not 0 and the last of
// the given place.
func trimmed(digits string, place int) Decimal {
	top := place + len(digits) - 1
	n := len(digits)
	for digits[n-1] == '0' {
		n--
	}
	return Decimal{digits: digits[:n], top: top}
}

// spell finds the digits on the way by which the mantissa was reached first.
func (r *reader) spell() {
	text := []byte{r.via}
	for st := r.from; st != 0 && r.x.cold[st].via != 0; st = r.x.cold[st].from {
		text = append(text, r.x.cold[st].via)
	}
	slices.Reverse(text)
	digits := text[:0]
	behind := false
	for _, b := range text {
		switch {
		case b == '.':
			behind = true
		case '0' <= b && b <= '9':
			if behind {
				r.place--
			}
			if b != '0' || len(digits) > 0 {
				digits = append(digits, b)
			}
		}
	}
	r.digits = string(digits)
}
