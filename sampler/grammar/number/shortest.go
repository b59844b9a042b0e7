package number

import (
	"math/big"
	"strconv"
	"strings"
)

// Shortest returns a short text that completes st, "" if st accepts: the
// shortest where that is one byte, otherwise one that is short and spelt plainly.
// Whoever follows it comes nearer with each byte: the Shortest of the state after
// its first byte is shorter.
func (x *Lexer) Shortest(st State) string {
	if st == 0 || x.cold[st].accepts {
		return ""
	}
	if s, ok := x.short[st]; ok {
		return s
	}
	s := x.oneByte(st)
	if s == "" && x.cold[st].mantissa.line == nil {
		e := &x.cold[st].exponent
		s = e.shortest(&x.sets[e.set])
	} else if s == "" {
		s = x.complete(st)
	}
	// What is left of s after each byte serves the states on the way.
	for at := st; s != ""; s = s[1:] {
		if old, ok := x.short[at]; !ok || len(old) > len(s) {
			x.short[at] = s
		}
		if at = x.Step(at, s[0]); at == 0 {
			panic("number: " + strconv.Quote(s) + " was to complete a number")
		}
	}
	return x.short[st]
}

func (x *Lexer) oneByte(st State) string {
	for i := range len(alphabet) {
		if n := x.Step(st, alphabet[i]); n != 0 && x.cold[n].accepts {
			return alphabet[i : i+1]
		}
	}
	return ""
}

// shortest returns the shortest digits, with their sign where it is open, that
// make an exponent of s.
func (e exponent) shortest(s *exponents) string {
	best := ""
	for v := int32(MinExponent); v <= MaxExponent; v++ {
		if !s.has(v) || v < 0 && e.sign > 0 || v > 0 && e.sign < 0 {
			continue
		}
		text := strconv.Itoa(int(max(v, -v)))
		if e.value > 0 {
			rest, ok := strings.CutPrefix(text, strconv.Itoa(int(e.value)))
			if !ok {
				continue
			}
			text = rest
		}
		if v < 0 && e.sign == 0 {
			text = "-" + text
		}
		if best == "" || len(text) < len(best) {
			best = text
		}
	}
	return best
}

// complete returns what completes a mantissa.
func (x *Lexer) complete(st State) string {
	s := &x.cold[st]
	m := &s.mantissa
	l := m.line
	zero := Decimal{}
	if m.phase == begin && l.isEmpty() {
		return "-" + l.other.text(l.other.pick(zero, nil))
	}
	if m.phase == begin || m.phase == sign {
		return l.text(l.pick(zero, nil))
	}
	r := &reader{x: x, m: m, from: s.from, via: s.via}
	r.spell()
	if !m.nonzero {
		return r.fromZero()
	}
	lo, hi := x.window(m)
	shift, _ := r.shift(lo, hi)
	start, end := r.span(shift)
	digits := l.pickFrom(start, end).digits
	digits = digits[min(len(digits), len(r.digits)):]
	switch {
	case m.phase != whole:
		if digits == "" && m.phase == dot {
			digits = "0"
		}
		return digits + scale(shift)
	case shift >= 0 && (shift <= 20 || shift > MaxExponent || !x.scaled(m)):
		if n := int(shift); len(digits) <= n {
			return string(zeros([]byte(digits), n-len(digits)))
		} else {
			return digits[:n] + "." + digits[n:]
		}
	case digits != "":
		return "." + digits + scale(shift)
	}
	return scale(shift)
}

func scale(shift int32) string {
	if shift == 0 {
		return ""
	}
	return "e" + strconv.Itoa(int(shift))
}

// fromZero completes a mantissa of zeros.
func (r *reader) fromZero() string {
	m, l := r.m, r.m.line
	text := ""
	if m.phase == zero {
		text = "."
	}
	if l.zero {
		return text + "0"
	}
	shift := 0
	for !l.below(int32(r.place + shift)) {
		shift++
	}
	d := l.pick(Decimal{}, &Decimal{digits: "1", top: r.place + shift})
	text += string(zeros(nil, r.place-1-(d.top-shift))) + d.digits
	return text + scale(int32(shift))
}

// text writes a number that is not 0 without an exponent if that is not long, or
// the exponent would be out of bounds or is not taken.
func (l *line) text(d Decimal) string {
	switch {
	case l.plain:
	case d.top >= -5 && d.top <= 20 || d.top >= MinExponent && d.top <= MaxExponent:
		return d.String()
	case d.top < 0:
		return "0." + string(zeros(nil, -d.top-1)) + d.digits
	}
	return string(zeros([]byte(d.digits), d.top+1-len(d.digits)))
}

// pickFrom returns a member from lo on and below hi. There must be one.
func (l *line) pickFrom(lo, hi Decimal) Decimal {
	if l.contains(lo) {
		return lo
	}
	return l.pick(lo, &hi)
}

// pick returns a member above lo and below hi, nil being infinite, one with few
// digits. There must be one.
func (l *line) pick(lo Decimal, hi *Decimal) (best Decimal) {
	const enough = 64 // bounds to look at
	found := 0
	take := func(d Decimal) {
		found++
		if best.digits == "" || len(d.digits) < len(best.digits) {
			best = d
		}
	}
	i := 0
	if lo.digits != "" {
		var at bool
		if i, at = l.search(lo); at {
			i++
		}
	}
	for ; i < len(l.conds) && found < enough; i++ {
		from, to := l.ends(i)
		if i == 0 || lo.digits != "" && cmpAbs(from, lo) < 0 {
			from = lo
		}
		if hi != nil && (to == nil || cmpAbs(*hi, *to) < 0) {
			to = hi
		}
		if to != nil && from.digits != "" && cmpAbs(from, *to) >= 0 {
			break
		}
		if c := l.conds[i]; c.rest {
			take(c.simple(from, to))
		} else if d, ok := c.some(from, to); ok {
			take(d)
		}
		if i < len(l.bounds) && l.in[i] && (hi == nil || cmpAbs(l.bounds[i], *hi) < 0) {
			take(l.bounds[i])
		}
	}
	return best
}

// simple returns a number of c, which has rest, above lo and below hi: a
// multiple of a power of ten as high as possible.
func (c cond) simple(lo Decimal, hi *Decimal) Decimal {
	place := lo.top
	if hi != nil {
		place = hi.top
	}
	for ; ; place-- {
		k := big.NewInt(0)
		if lo.digits != "" {
			k, _ = modulus{int32(place), int32(place), 1}.quotient(lo)
		}
		for range 10 {
			d := fromBig(k.Add(k, bigOne), place)
			if hi != nil && cmpAbs(d, *hi) >= 0 {
				break
			}
			if c.contains(d) {
				return d
			}
		}
	}
}
