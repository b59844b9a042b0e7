package regex

import "unicode/utf8"

// The cost of a string is the number of bytes of its shortest spelling between
// the quotes of a JSON string (RFC 8259, section 7).

// farAway is the cost of what does not exist, and a length beyond all others.
const farAway = 1 << 60

// runeCost returns the bytes of the shortest JSON spelling of r.
func runeCost(r rune) int64 {
	switch {
	case r < 0x20:
		switch r {
		case '\b', '\t', '\n', '\f', '\r':
			return 2
		}
		return 6
	case r == '"' || r == '\\':
		return 2
	}
	return int64(utf8.RuneLen(r))
}

// costLevels are ranges of equal cost, cheapest first; within a level, what
// reads best comes first.
func costLevels() [19]crange {
	return [...]crange{
		{'a', 'z'}, {'A', 'Z'}, {'0', '9'}, {' ', ' '}, {'_', '_'}, {'-', '.'}, {'#', '/'}, {':', '@'},
		{'!', '!'}, {'[', '['}, {']', '`'}, {'{', 0x7F}, // 1 byte
		{'\n', '\n'}, {'"', '"'}, {'\\', '\\'}, {0x80, 0x7FF}, // 2 bytes
		{0x800, 0xFFFF}, {0x10000, maxRune}, // 3 and 4 bytes
		{0, 0x1F},
	}
}

// cheapest returns the cheapest code point of a set and its cost, farAway if
// the set is empty.
func (c set) cheapest() (rune, int64) {
	if len(c) == 0 {
		return 0, farAway
	}
	best, cost := rune(-1), int64(farAway)
	for _, l := range costLevels() {
		if k := runeCost(l.hi); k >= cost && l.hi >= 0x20 {
			continue
		}
		for _, r := range c {
			if r.hi < l.lo {
				continue
			}
			if r.lo > l.hi {
				break
			}
			for x := max(l.lo, r.lo); x <= min(l.hi, r.hi); x++ {
				if k := runeCost(x); k < cost {
					best, cost = x, k
				}
				if l.hi >= 0x20 {
					break
				}
			}
			if l.hi >= 0x20 {
				break
			}
		}
	}
	return best, cost
}

func (c set) cost() int64 {
	_, k := c.cheapest()
	return k
}

// addCost adds costs or lengths without overflow.
func addCost(a, b int64) int64 {
	if a >= farAway-b {
		return farAway
	}
	return a + b
}

// mulCost multiplies costs or lengths without overflow.
func mulCost(a, n int64) int64 {
	if a == 0 || n == 0 {
		return 0
	}
	if a >= farAway/n {
		return farAway
	}
	return a * n
}

// span is a range of lengths, both ends included; hi may be farAway.
type span struct{ lo, hi int64 }

// maxSpans bounds the description of a set of lengths.
const maxSpans = 4

// mergeSpans sorts and joins spans; nil if too many remain.
func mergeSpans(list []span) []span {
	for i := 1; i < len(list); i++ {
		for j := i; j > 0 && list[j].lo < list[j-1].lo; j-- {
			list[j], list[j-1] = list[j-1], list[j]
		}
	}
	out := list[:0]
	for _, p := range list {
		if n := len(out); n > 0 && p.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, p.hi)
			continue
		}
		out = append(out, p)
	}
	if len(out) == 0 || len(out) > maxSpans {
		return nil
	}
	return out[:len(out):len(out)]
}

// sumSpans is the set of sums.
func sumSpans(a, b []span) []span {
	if a == nil || b == nil {
		return nil
	}
	out := make([]span, 0, len(a)*len(b))
	for _, p := range a {
		for _, q := range b {
			out = append(out, span{addCost(p.lo, q.lo), addCost(p.hi, q.hi)})
		}
	}
	return mergeSpans(out)
}

// repeatSpans is the set of sums of m to n members of a.
func repeatSpans(a []span, m, n int64) []span {
	if n == 0 {
		return []span{{0, 0}}
	}
	if len(a) != 1 {
		return nil
	}
	p := a[0]
	var out []span
	for k := m; k <= n; k++ {
		lo, hi := mulCost(p.lo, k), mulCost(p.hi, k)
		if k > 0 && (hi >= farAway || addCost(hi, 1) >= mulCost(p.lo, k+1)) {
			// From here on each span touches the next.
			top := int64(farAway)
			if n < Unbounded {
				top = mulCost(p.hi, n)
			}
			return mergeSpans(append(out, span{lo, top}))
		}
		if out = append(out, span{lo, hi}); len(out) > maxSpans {
			return nil
		}
	}
	return mergeSpans(out)
}

// clipSpans keeps what lies in [m,n]; ok says that something does.
func clipSpans(a []span, m, n int64) (out []span, ok bool) {
	for _, p := range a {
		if lo, hi := max(p.lo, m), min(p.hi, n); lo <= hi {
			out = append(out, span{lo, hi})
		}
	}
	return out, len(out) > 0
}
