package regex

import (
	"math"
	"strings"
)

// Shortest returns a string of l whose JSON spelling is shortest; ok is false
// if there is none. The work is proportional to the string's length.
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
	n = 0
	over := s.walk(l, limit, func(string) { n++ })
	return n, !over && s.err == nil
}

// Enumerate returns up to limit strings of l, shorter ones first and equally
// long ones by their code points. Of languages with more strings it may leave
// out some that come before others.
func (s *Space) Enumerate(l Lang, limit int) []string {
	var out []string
	s.walk(l, limit, func(text string) {
		if len(out) < limit {
			out = append(out, text)
		}
	})
	return out
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

// walk calls visit with strings of l until limit of them have been visited, in
// the order of Enumerate; over says that there are more than limit.
//
// Every entry of the queue is the beginning of a string that no other begins,
// so the queue need never hold more than limit+1.
func (s *Space) walk(l Lang, limit int, visit func(string)) (over bool) {
	type entry struct {
		l    Lang
		text string
	}
	if !s.live(l) {
		return false
	}
	count := 0
	for level := []entry{{l, ""}}; len(level) > 0; {
		var next []entry
		for i, v := range level {
			if !s.spend(4 + len(v.text)/32) {
				return true
			}
			if s.Nullable(v.l) {
				if count++; count > limit {
					return true
				}
				visit(v.text)
			}
			for _, e := range s.edges(v.l) {
				if !s.live(e.to) {
					continue
				}
				for r := e.lo; r <= e.hi; r++ {
					if count+len(level)-i-1+len(next) > limit {
						over = true
						break
					}
					next = append(next, entry{e.to, v.text + string(r)})
				}
			}
		}
		level = next
	}
	return over
}
