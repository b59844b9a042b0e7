package regex

// anyCode is the set of all code points but surrogates, as an alphabet of the
// package's own.
const anyCode = Alphabet(Alphabets)

// Free reports that every string of up to k characters can follow st, in every
// text that the Lexer's Spelling has for it, and, where k is less than limit, no longer one. limit is at
// most 256. It may say no where the answer is yes, never the other way
// round. It implies that st lies between two characters.
func (x *Lexer) Free(st State, limit int) (k int, ok bool) {
	l, ok := x.Residual(st)
	if !ok {
		return 0, false
	}
	if x.s.at(l).prefixes || x.s.cofinite(l) {
		return limit, true
	}
	if _, most, ok := x.lengths(l); ok {
		return int(min(most, int64(limit))), true
	}
	if x.s.at(l).kind == kLazy {
		return 0, false
	}
	k = min(x.s.covered(l, anyCode, limit), limit)
	return k, x.s.err == nil && (k == limit || x.s.at(l).long <= int64(k))
}

// Lengths reports that exactly the strings of least to most characters may follow
// st. Numbers above limit are given as that.
func (x *Lexer) Lengths(st State, limit int) (least, most int, ok bool) {
	l, ok := x.Residual(st)
	if !ok {
		return 0, 0, false
	}
	lo, hi, ok := x.lengths(l)
	return int(min(lo, int64(limit))), int(min(hi, int64(limit))), ok
}

func (x *Lexer) lengths(l Lang) (least, most int64, ok bool) {
	n := x.s.at(l)
	if n.kind != kRepeat || Lang(n.x) != anyOne {
		return 0, 0, false
	}
	return n.min, n.max, true
}

// cofinite reports that all but finitely many strings are in l, where that is
// easy to see: any string is then the beginning of one of them.
func (s *Space) cofinite(l Lang) bool {
	n := s.at(l)
	switch n.kind {
	case kNot:
		return s.at(Lang(n.x)).long < farAway
	case kUnion:
		for _, a := range n.list {
			if s.cofinite(a) {
				return true
			}
		}
		return false
	case kInter:
		for _, a := range n.list {
			if !s.cofinite(a) {
				return false
			}
		}
		return true
	}
	return l == all
}

// Most returns a bound on the Distance of every state that can be reached from
// st. ok is false where none is found.
func (x *Lexer) Most(st State) (bytes int, ok bool) {
	l, ok := x.Residual(st)
	if !ok {
		return 0, false
	}
	c := x.s.farthest(l)
	if x.s.err != nil || c >= farAway {
		return 0, false
	}
	return int(c) + longestCharacter, true
}

// longestCharacter is the length of a pair of escaped surrogates, of which a
// part may have been read.
const longestCharacter = 12

// farthest returns a bound on the cost of l and of its derivatives, farAway if
// it finds none.
func (s *Space) farthest(l Lang) int64 {
	if n := s.at(l); n.kind == kRepeat && s.isChars(Lang(n.x)) || l == all {
		return s.cost(l) // each character brings the end nearer
	}
	if v, ok := s.farthests[l]; ok {
		return v
	}
	v := s.farthestSearch(l)
	if s.err != nil {
		return farAway
	}
	if s.farthests == nil {
		s.farthests = make(map[Lang]int64)
	}
	s.farthests[l] = v
	s.bytes += 32
	return v
}

// farthestSearch looks at all derivatives, if they are few.
func (s *Space) farthestSearch(l Lang) (most int64) {
	seen := map[Lang]bool{l: true}
	start := s.spent
	for todo := []Lang{l}; len(todo) > 0; {
		d := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if n := s.at(d); n.kind == kLazy || !s.spend(4) || s.spent-start > maxFollowed {
			return farAway
		}
		most = max(most, s.cost(d))
		for _, e := range s.edges(d) {
			if seen[e.to] || !s.live(e.to) {
				continue
			}
			if len(seen) == maxReached {
				return farAway
			}
			seen[e.to] = true
			if v, ok := s.farthests[e.to]; ok {
				most = max(most, v)
				continue
			}
			todo = append(todo, e.to)
		}
	}
	return most
}
