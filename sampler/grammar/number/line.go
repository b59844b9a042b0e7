package number

import (
	"math"
	"slices"
	"sort"
)

// A line is a side of a Set with what reading digits against it needs.
type line struct {
	side
	zero  bool // 0 is in the Set
	plain bool // digits alone write a number
	grid  grid
	other *line // on the line above 0: the one below

	// The bounds' digits, distinct and sorted, and for each bound which of them
	// it has and the place of the first one. Bounds are in the order of (place,
	// digits), which is their order by magnitude.
	digits []string
	which  []int32
	places []int32

	least, most int32 // places of the first digits of the numbers that may be members
}

const far = math.MaxInt32 / 4

func newLine(s side, zero bool) *line {
	l := &line{side: s, zero: zero, least: -far, most: far}
	l.grid, _ = newGrid(&s) // a Set whose grid is too large has an Err instead
	if len(s.bounds) == 0 {
		return l
	}
	for _, b := range s.bounds {
		l.digits = append(l.digits, b.digits)
		l.places = append(l.places, int32(b.top))
	}
	slices.Sort(l.digits)
	l.digits = slices.Compact(l.digits)
	for _, b := range s.bounds {
		i, _ := slices.BinarySearch(l.digits, b.digits)
		l.which = append(l.which, int32(i))
	}
	if c := s.conds[0]; c.isZero() {
		l.least = l.places[0]
	} else if !c.rest {
		l.least = far
		for _, m := range c.terms {
			l.least = min(l.least, int32(m.decimal().top))
		}
	}
	if n := len(s.bounds); s.conds[n].isZero() {
		l.most = l.places[n-1]
	}
	return l
}

// spot is where some first digits, not all 0, are among the digits of the
// bounds: they are the beginnings of those from lo to hi-1, or they are above
// those before lo and below those from hi on. The digits of bounds go on in zeros.
type spot struct {
	lo, hi int32
	depth  int32 // how many digits were read, as far as bounds have that many; 0 if lo = hi
}

// digit reads one more digit.
func (l *line) digit(s spot, c byte) spot {
	if s.lo == s.hi {
		return s
	}
	list := l.digits[s.lo:s.hi]
	c += '0'
	lo := sort.Search(len(list), func(i int) bool { return digitAt(list[i], s.depth) >= c })
	hi := lo + sort.Search(len(list)-lo, func(i int) bool { return digitAt(list[lo+i], s.depth) > c })
	n := spot{s.lo + int32(lo), s.lo + int32(hi), s.depth + 1}
	switch hi - lo {
	case 0:
		n.depth = 0
	case 1:
		n.depth = min(n.depth, int32(len(list[lo])))
	}
	return n
}

func digitAt(digits string, i int32) byte {
	if int(i) < len(digits) {
		return digits[i]
	}
	return '0'
}

// locate returns the range of bounds that begin with the digits of a spot, the
// first of them at the given place. If there are none, the numbers that begin so
// are all in the interval i = j.
func (l *line) locate(place int32, s spot) (i, j int) {
	i = l.lower(place, s.lo)
	for j = i; j < len(l.places) && l.places[j] == place && l.which[j] < s.hi; j++ {
		if j-i > 8 {
			return i, l.lower(place, s.hi)
		}
	}
	return i, j
}

// lower returns the number of bounds below (place, which).
func (l *line) lower(place, which int32) int {
	lo, hi := 0, len(l.places)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if l.places[mid] < place || l.places[mid] == place && l.which[mid] < which {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// below reports whether a member is less than 10^place.
func (l *line) below(place int32) bool {
	end := Decimal{digits: "1", top: int(place)}
	for i, c := range l.conds {
		lo, hi := l.ends(i)
		if i > 0 {
			if l.places[i-1] >= place {
				return false
			}
			if l.in[i-1] {
				return true
			}
		}
		if c.rest {
			return true
		}
		if len(c.terms) > 0 {
			if hi == nil || cmpAbs(end, *hi) < 0 {
				hi = &end
			}
			if c.inside(lo, *hi).Sign() > 0 {
				return true
			}
		}
	}
	return false
}
