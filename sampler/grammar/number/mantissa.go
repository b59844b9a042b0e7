package number

// phase is the part of the grammar that the mantissa has come to.
type phase uint8

const (
	begin    phase = iota
	sign           // after the minus
	zero           // after the 0 before a point
	whole          // after a digit before the point
	dot            // after the point
	fraction       // after a digit behind the point
)

// A mantissa is what matters of the text before an exponent. Equal mantissas
// have equal futures.
type mantissa struct {
	line    *line
	phase   phase
	nonzero bool // a digit other than 0 was read
	single  bool // Normal and Written: one digit, not 0, stands before the point
	spot    spot
	top     int32 // the place of the first digit that is not 0; of the last digit while all are
	tail    tail
}

// mayScale reports whether an exponent may stand at the end of m.
func (x *Lexer) mayScale(m *mantissa) bool {
	return m.ends() && !m.line.plain && (x.form == Any || m.single || !m.nonzero)
}

// scaled reports whether an exponent other than 0 may follow the digits of m.
func (x *Lexer) scaled(m *mantissa) bool { return !m.line.plain && (x.form == Any || m.single) }

// scales returns the least and the greatest exponent that may follow m, whatever
// digits do. No exponent is as good as 0.
func (x *Lexer) scales(m *mantissa) (lo, hi int32) {
	if x.scaled(m) {
		return MinExponent, MaxExponent
	}
	return 0, 0
}

// ends reports whether a number may end here or an exponent begin.
func (m *mantissa) ends() bool { return m.phase == zero || m.phase == whole || m.phase == fraction }

// step reads a byte by its class, if the grammar has it here.
func (x *Lexer) step(from *mantissa, c uint8) (m mantissa, ok bool) {
	m = *from
	switch {
	case c == minus:
		m.line, m.phase = m.line.other, sign
		return m, from.phase == begin
	case c == point:
		m.phase = dot
		x.settle(&m)
		return m, !m.line.plain && (from.phase == zero || from.phase == whole)
	case c > 9:
		return m, false
	}
	switch from.phase {
	case begin, sign:
		m.phase = whole
		if c == 0 {
			m.phase = zero
		}
		m.single = x.form != Any && c != 0
	case whole:
		m.single = false
		m.top++
		m.tail.low++
	case dot, fraction:
		m.phase = fraction
		m.tail.place--
		if !m.nonzero {
			m.top--
		}
	default:
		return m, false
	}
	m.digit(c)
	x.settle(&m)
	return m, true
}

// digit takes up a digit, at the place that is set already.
func (m *mantissa) digit(c byte) {
	l := m.line
	if m.nonzero {
		m.spot = l.digit(m.spot, c)
	} else if c != 0 {
		m.nonzero = true
		m.spot = l.digit(spot{hi: int32(len(l.digits))}, c)
	}
	if l.grid.used {
		m.tail = l.grid.digit(m.tail, c, m.tail.place)
	}
}

// settle makes one of all places beyond which nothing changes any more, and
// leaves out what the line does not ask for.
func (x *Lexer) settle(m *mantissa) {
	l := m.line
	lo, hi := x.scales(m)
	if n := len(l.bounds); n == 0 {
		m.top, m.spot = 0, spot{}
	} else if m.phase != begin && m.phase != sign {
		if m.nonzero {
			m.top = min(m.top, l.places[n-1]-lo+1) // above all bounds with any exponent
		}
		if m.phase != whole {
			m.top = max(m.top, l.places[0]-hi-1) // below all
		}
	}
	g, t := &l.grid, &m.tail
	if !g.used {
		*t = tail{}
		return
	}
	t.low = min(t.low, g.high-lo)
	if m.phase == whole {
		return
	}
	end := g.low - hi - 1
	t.place = max(t.place, end)
	if m.nonzero && t.low <= end { // no modulus divides it any more
		t.low, t.rem, t.two, t.five = end, 0, 0, 0
	}
}

// order returns the interval or the bounds among which the numbers are that m
// begins, times 10^shift, as line.locate does.
func (m *mantissa) order(shift int32) (i, j int) {
	if len(m.line.bounds) == 0 {
		return 0, 0
	}
	return m.line.locate(m.top+shift, m.spot)
}

// member reports whether the number that m writes, times 10^shift, is a member.
func (m *mantissa) member(shift int32) bool {
	l := m.line
	if !m.nonzero {
		return l.zero
	}
	i, j := m.order(shift)
	if i < j && len(l.bounds[i].digits) <= int(m.spot.depth) {
		return l.in[i]
	}
	return m.tail.in(l.conds[i], shift)
}
