package number

// exponents is a set of exponents, MinExponent first.
type exponents [(MaxExponent-MinExponent)/64 + 1]uint64

func (s *exponents) has(e int32) bool {
	if e < MinExponent || e > MaxExponent {
		return false
	}
	i := uint(e - MinExponent)
	return s[i/64]>>(i%64)&1 != 0
}

// any reports whether an exponent from lo to hi is in the set.
func (s *exponents) any(lo, hi int32) bool {
	for e := max(lo, MinExponent); e <= min(hi, MaxExponent); e++ {
		if s.has(e) {
			return true
		}
	}
	return false
}

// flip changes whether the exponents from lo to hi are in the set.
func (s *exponents) flip(lo, hi int32) {
	if lo = max(lo, MinExponent); lo > hi {
		return
	}
	from, to := uint(lo-MinExponent), uint(hi-MinExponent)
	for w := from / 64; w <= to/64; w++ {
		mask := ^uint64(0)
		if w == from/64 {
			mask <<= from % 64
		}
		if w == to/64 {
			mask &= ^uint64(0) >> (63 - to%64)
		}
		s[w] ^= mask
	}
}

// exponents returns those that make the mantissa a member.
func (m *mantissa) exponents() (s exponents) {
	l := m.line
	if !m.nonzero {
		if l.zero {
			s.flip(MinExponent, MaxExponent)
		}
		return s
	}
	if len(l.bounds) == 0 {
		m.between(&s, l.conds[0], MinExponent, MaxExponent)
		return s
	}
	// Exponents that give the number the place of a bound are tried one by one,
	// all others lie between two bounds.
	next := int32(MinExponent)
	for i := l.lower(m.top+MinExponent, 0); ; {
		end := int32(MaxExponent) + 1
		if i < len(l.bounds) {
			end = min(end, l.places[i]-m.top)
		}
		m.between(&s, l.conds[i], next, end-1)
		if end > MaxExponent {
			return s
		}
		if m.member(end) {
			s.flip(end, end)
		}
		next = end + 1
		i = l.lower(l.places[i]+1, 0)
	}
}

// between adds the exponents from lo to hi that make the mantissa one of c.
func (m *mantissa) between(s *exponents, c cond, lo, hi int32) {
	if c.rest {
		s.flip(lo, hi)
	}
	t := &m.tail
	for _, d := range c.terms {
		if t.rem%d.odd == 0 {
			s.flip(max(lo, max(d.two-int32(t.two), d.five-int32(t.five))-t.low), hi)
		}
	}
}

// An exponent is what matters of the text from the e on.
type exponent struct {
	set   int32 // of the exponents that make a member, in the Lexer
	sign  int8  // -1 after a minus, 1 after a plus or a digit
	value int32 // what the digits say, or noDigits
}

const noDigits = -1

func (e exponent) step(c uint8) (exponent, bool) {
	switch {
	case c == minus || c == plus:
		ok := e.sign == 0
		e.sign = 1
		if c == minus {
			e.sign = -1
		}
		return e, ok
	case c > 9:
		return e, false
	}
	if e.sign == 0 {
		e.sign = 1
	}
	e.value = max(e.value, 0)*10 + int32(c)
	return e, e.value <= max(MaxExponent, -MinExponent)
}

func (e exponent) ends(s *exponents) bool {
	return e.value >= 0 && s.has(int32(e.sign)*e.value)
}

// live reports whether more digits can make the exponent one of s.
func (e exponent) live(s *exponents) bool {
	switch {
	case e.sign == 0:
		return true
	case e.value <= 0 && e.sign < 0:
		return s.any(MinExponent, 0)
	case e.value <= 0:
		return s.any(0, MaxExponent)
	}
	lo, hi := e.value, e.value
	for lo <= max(MaxExponent, -MinExponent) {
		if e.sign > 0 && s.any(lo, hi) || e.sign < 0 && s.any(-hi, -lo) {
			return true
		}
		lo, hi = lo*10, hi*10+9
	}
	return false
}
