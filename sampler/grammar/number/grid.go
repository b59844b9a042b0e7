package number

// A grid is what must be known of the digits read so far to tell which of a
// side's moduli divide a number: they are an integer, of which the remainder by
// period is kept, times a power of ten.
type grid struct {
	used      bool   // the side has moduli
	period    uint64 // the least common multiple of the moduli without their powers of ten
	two, five uint8  // how often 2 and 5 divide the period
	low       int32  // the lowest place of a modulus: where a number's last digit is below it, none divides it
	high      int32  // the highest place that a power of 2 or 5 in a modulus asks for
}

// newGrid returns the grid of a side.
func newGrid(x *side) (g grid, err error) {
	g.period = 1
	odd := one
	for _, c := range x.conds {
		for _, m := range c.terms {
			q := min(m.two, m.five)
			if !g.used {
				g.used, g.low, g.high = true, q, q
			}
			g.low, g.high = min(g.low, q), max(g.high, m.two, m.five)
			g.two, g.five = max(g.two, uint8(m.two-q)), max(g.five, uint8(m.five-q))
			var ok bool
			if odd, ok = odd.lcm(modulus{odd: m.odd}); !ok {
				return g, errTerms
			}
		}
	}
	var ok bool
	if g.period, ok = period(odd.odd, int(g.two), int(g.five)); !ok {
		return g, errTerms
	}
	return g, nil
}

// tail is what the grid keeps of the digits read.
type tail struct {
	rem       uint64 // of the digits as an integer, by the period
	two, five uint8  // how often 2 and 5 divide them without the zeros at their end, up to the grid's
	low       int32  // the place of the last digit that is not 0
	place     int32  // the place of the last digit
}

// digit reads a digit, which is at the given place.
func (g *grid) digit(t tail, c byte, place int32) tail {
	t.rem = (t.rem*10 + uint64(c)) % g.period
	t.place = place
	if c == 0 {
		return t
	}
	t.low, t.two, t.five = place, 0, 0
	for r := t.rem; t.two < g.two && r&1 == 0; r >>= 1 {
		t.two++
	}
	for r := t.rem; t.five < g.five && r%5 == 0; r /= 5 {
		t.five++
	}
	return t
}

// divides reports whether m divides the digits read, not all 0, times 10^shift.
// Not both 2 and 5 divide them without the zeros at their end, so they cannot
// make up for a place below that of m.
func (t *tail) divides(m modulus, shift int32) bool {
	w := t.low + shift
	return int32(t.two)+w >= m.two && int32(t.five)+w >= m.five && t.rem%m.odd == 0
}

// in reports whether the digits read times 10^shift are in c.
func (t *tail) in(c cond, shift int32) bool {
	in := c.rest
	for _, m := range c.terms {
		in = in != t.divides(m, shift)
	}
	return in
}

// reaches reports whether m divides some number from the digits read, N, times
// 10^shift to less than N+1 times that.
func (t *tail) reaches(m modulus, shift int32) bool {
	if t.divides(m, shift) {
		return true
	}
	d, q := m.base()
	up := t.place + shift - int32(q)
	if up < 0 {
		return false
	}
	// N·10^up must not be further from the next multiple of d than 10^up.
	left := t.rem % d
	scale := uint64(1)
	for range up {
		if scale >= d {
			return true
		}
		scale *= 10
		left = left * 10 % d
	}
	return d-left < scale
}
