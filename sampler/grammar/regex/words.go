package regex

import (
	"math"
	"strings"
)

// Shortest returns a string of l whose JSON spelling is shortest, or a short one
// where that takes too long to find; ok is false if there is none. It is the
// same each time.
func (s *Space) Shortest(l Lang) (text string, ok bool) {
	if !s.live(l) || s.cost(l) >= farAway || !s.spend(int(min(s.cost(l), 1<<40))) {
		return "", false
	}
	var b strings.Builder
	s.write(&b, l)
	return b.String(), s.err == nil
}

// write appends a cheapest string of l, which is not empty.
func (s *Space) write(b *strings.Builder, l Lang) {
	for s.err == nil {
		s.cost(l)
		n := s.at(l)
		if n.low == 0 {
			return // only the empty string costs nothing
		}
		if n.step {
			r, _ := set{{n.via.lo, n.via.hi}}.cheapest()
			b.WriteRune(r)
			l = n.via.to
			continue
		}
		switch n.kind {
		case kClass:
			r, _ := s.sets.list[n.x].cheapest()
			b.WriteRune(r)
			return
		case kLit:
			b.WriteString(n.text)
			return
		case kTrie:
			t := s.tables[n.x]
			best := n.min
			for i := n.min; i < n.max; i++ {
				if t.cost[i] < t.cost[best] {
					best = i
				}
			}
			b.WriteString(t.words[best][n.y:])
			return
		case kConcat:
			s.write(b, Lang(n.x))
			l = Lang(n.y)
		case kRepeat:
			for i := int64(0); i < n.min && s.err == nil; i++ {
				s.write(b, Lang(n.x))
			}
			return
		case kUnion:
			best := n.list[0]
			for _, a := range n.list {
				if s.cost(a) < s.cost(best) {
					best = a
				}
			}
			l = best
		case kRef:
			l = n.list[0]
		default: // a set of edges one of which is cheapest
			e := s.cheapestEdge(l)
			r, _ := set{{e.lo, e.hi}}.cheapest()
			b.WriteRune(r)
			l = e.to
		}
	}
}

// cheapestEdge returns the first edge of a cheapest string of l, which is not
// empty and does not hold the empty string.
func (s *Space) cheapestEdge(l Lang) edge {
	var best edge
	cost := int64(farAway) + 1
	for _, e := range s.edges(l) {
		if c := addCost(s.rangeCost(e), s.cost(e.to)); c < cost {
			best, cost = e, c
		}
	}
	return best
}

// Size returns the number of strings of l if it is at most limit, else false.
func (s *Space) Size(l Lang, limit int) (n int, ok bool) {
	if n, ok := s.quickSize(l); ok {
		return n, n <= limit
	}
	words, _, over := s.walk(l, limit)
	return len(words), !over && s.err == nil
}

// Enumerate returns all strings of l if there are at most limit, shorter ones
// first and equally long ones by their code points. Of larger languages it
// returns limit different strings.
func (s *Space) Enumerate(l Lang, limit int) []string {
	words, begun, over := s.walk(l, limit)
	if over {
		for _, v := range begun {
			if len(words) == limit {
				break
			}
			if rest, ok := s.Shortest(v.l); ok {
				words = append(words, v.text+rest)
			}
		}
	}
	return words[:min(len(words), limit)]
}

// quickSize counts where the term shows the number; MaxInt if it is infinite or
// very large.
func (s *Space) quickSize(l Lang) (int, bool) {
	n := s.at(l)
	switch n.kind {
	case kNone:
		return 0, true
	case kEmpty, kLit:
		return 1, true
	case kTrie:
		return int(n.max - n.min), true
	case kClass:
		return s.sets.list[n.x].size(), true
	}
	if n.lens != nil && n.long >= farAway {
		return math.MaxInt, true
	}
	return 0, false
}

// begun is the beginning of strings and what may follow it.
type begun struct {
	l    Lang
	text string
}

// walk collects the strings of l in the order of Enumerate. It stops when the
// strings found and the beginnings not followed yet are more than limit: every
// one of these begins a string that no other begins, so l has more than limit.
func (s *Space) walk(l Lang, limit int) (words []string, level []begun, over bool) {
	if !s.live(l) {
		return nil, nil, false
	}
	for level = []begun{{l, ""}}; len(level) > 0; {
		var next []begun
		for i, v := range level {
			if !s.spend(4 + len(v.text)/32) {
				return nil, nil, true
			}
			if s.Nullable(v.l) {
				words = append(words, v.text)
			}
			for _, e := range s.edges(v.l) {
				if !s.live(e.to) {
					continue
				}
				for r := e.lo; r <= e.hi; r++ {
					next = append(next, begun{e.to, v.text + string(r)})
					if len(words)+len(level)-i-1+len(next) > limit {
						return words, append(next, level[i+1:]...), true
					}
				}
			}
			if len(words)+len(level)-i-1+len(next) > limit {
				return words, append(next, level[i+1:]...), true
			}
		}
		level = next
	}
	return words, nil, false
}
