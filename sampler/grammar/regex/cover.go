package regex

import "slices"

// Alphabet names a set of characters for which the tokens of a vocabulary can
// be sorted out beforehand. Every character of an alphabet
// stands for itself in a JSON string.
type Alphabet uint8

const (
	Text         Alphabet = iota // all that needs no escape in JSON
	Lower                        // a-z
	Letters                      // A-Za-z
	Alphanumeric                 // A-Za-z0-9
	Word                         // A-Za-z0-9_-
	Printable                    // space to tilde without quote and backslash
	Alphabets    = iota          // how many there are
)

// ranges returns the pairs of ends of an alphabet.
func (a Alphabet) ranges() []crange {
	switch a {
	case Text:
		return []crange{{' ', '!'}, {'#', '['}, {']', surrLow - 1}, {surrHigh + 1, maxRune}}
	case Lower:
		return []crange{{'a', 'z'}}
	case Letters:
		return []crange{{'A', 'Z'}, {'a', 'z'}}
	case Alphanumeric:
		return []crange{{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}
	case Word:
		return []crange{{'-', '-'}, {'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}
	case Printable:
		return []crange{{' ', '!'}, {'#', '['}, {']', '~'}}
	case anyCode:
		return []crange{{0, surrLow - 1}, {surrHigh + 1, maxRune}}
	}
	panic("regex: no such alphabet")
}

// Contains reports whether r belongs to the alphabet.
func (a Alphabet) Contains(r rune) bool { return set(a.ranges()).contains(r) }

// Classes returns the classes of the alphabet's characters. All characters of
// these are in it.
func (a Alphabet) Classes() (classes Classes) {
	for _, c := range classRanges {
		if a.Contains(c.lo) {
			classes |= 1 << c.class
		}
	}
	return classes
}

type coverKey struct {
	l Lang
	a Alphabet
}

// maxCover is the greatest length that covered finds. It looks at languages until
// they are maxReached, or have taken maxFollowed steps.
const (
	maxCover    = 256
	maxReached  = 512
	maxFollowed = 1 << 17
)

// covered returns a length up to which every string of the alphabet keeps l
// alive. Values below want are exact or the most that a bounded search found;
// they are kept with the sign reversed where a longer search might find more.
func (s *Space) covered(l Lang, a Alphabet, want int) int {
	key := coverKey{l, a}
	if v, ok := s.covers[key]; ok {
		if v >= 0 || int(-v) >= want {
			return int(max(v, -v))
		}
	}
	n, final := s.coverSearch(l, a, want)
	if s.err != nil {
		return 0
	}
	if s.covers == nil {
		s.covers = make(map[coverKey]int16)
	}
	s.bytes += 32
	if !final {
		n = -n
	}
	s.covers[key] = int16(n)
	return max(n, -n)
}

// coverSearch follows all languages that the alphabet leads to, level by level;
// final says that asking for more would not find more.
func (s *Space) coverSearch(l Lang, a Alphabet, want int) (n int, final bool) {
	chars := a.ranges()
	seen := map[Lang]bool{l: true}
	level := []Lang{l}
	start := s.spent
	for n = 0; n < want; n++ {
		var next []Lang
		for _, d := range level {
			to, ok := s.allAlive(d, chars)
			if !ok {
				return n, true
			}
			next = append(next, to...)
		}
		slices.Sort(next)
		level = level[:0]
		for _, d := range slices.Compact(next) {
			if !seen[d] {
				seen[d] = true
				level = append(level, d)
			}
		}
		if len(level) == 0 {
			return maxCover, true // nothing new: it goes on like this for ever
		}
		if len(seen) > maxReached || s.spent-start > maxFollowed {
			return n + 1, true
		}
		if known, ok := s.knownCover(level, a); ok {
			return min(n+1+known, maxCover), true
		}
	}
	return n, false
}

// knownCover returns the least cover of languages that were all asked before.
func (s *Space) knownCover(level []Lang, a Alphabet) (int, bool) {
	least := maxCover
	for _, d := range level {
		v, ok := s.covers[coverKey{d, a}]
		if !ok || v < 0 {
			return 0, false
		}
		least = min(least, int(v))
	}
	return least, true
}

// allAlive returns where the characters lead from l, if all lead to a language
// that is not empty.
func (s *Space) allAlive(l Lang, chars []crange) ([]Lang, bool) {
	edges := s.edges(l)
	var to []Lang
	i := 0
	for _, r := range chars {
		for next := r.lo; next <= r.hi; {
			for i < len(edges) && edges[i].hi < next {
				i++
			}
			if i == len(edges) || edges[i].lo > next || !s.live(edges[i].to) {
				return nil, false
			}
			if len(to) == 0 || to[len(to)-1] != edges[i].to {
				to = append(to, edges[i].to)
			}
			next = edges[i].hi + 1
		}
	}
	return to, s.spend(2 + len(to))
}
