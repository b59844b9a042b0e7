package regex

// Unbounded returns a state from which the same texts of up to chars characters may
// follow, and end the string, as from st, and which states share that differ only
// in how many characters may follow: st itself, or one in which there may be any
// number.
func (x *Lexer) Unbounded(st State, chars int) State {
	l, ok := x.Residual(st)
	if !ok {
		return st
	}
	u, ok := x.unbounded[l]
	if !ok {
		if u = x.s.unbounded(l, int64(chars)); x.s.err != nil {
			return st
		}
		x.unbounded[l] = u
		x.s.bytes += 32
	}
	if u == none {
		return st
	}
	if to := x.char(u); to != 0 {
		return to
	}
	return st
}

// Bounded reports that exactly those texts may follow st, and end the string there,
// that have up to most characters, limit at most, and may follow free.
func (x *Lexer) Bounded(st State, limit int) (free State, most int, ok bool) {
	l, ok := x.Residual(st)
	if !ok {
		return 0, 0, false
	}
	u, max := x.s.withoutBound(l)
	if u == none || max > int64(limit) || x.s.atMost(u) > 0 || x.s.err != nil {
		return 0, 0, false
	}
	free = x.char(u)
	return free, int(max), free != 0
}

// withoutBound returns l without its bound on the characters, and the bound; none
// if it has none.
func (s *Space) withoutBound(l Lang) (free Lang, most int64) {
	i, list := 0, []Lang{l}
	if n := s.at(l); n.kind == kInter {
		i, list = s.bound(n.list), n.list
	}
	if i < 0 || !s.isBound(list[i]) {
		return none, 0
	}
	m := s.at(list[i])
	rest := append([]Lang(nil), list...)
	rest[i] = s.Repeat(Lang(m.x), m.min, Unbounded)
	return s.inter(rest), m.max
}

// unbounded returns l without its bound on the characters, none if it has none or
// it matters for texts of up to chars characters.
func (s *Space) unbounded(l Lang, chars int64) Lang {
	free, most := s.withoutBound(l)
	if most < chars || free == none || s.err != nil {
		return none
	}
	// Whatever is read, the string can be ended by that many characters.
	if left := s.atMost(free); left > most-chars || s.err != nil {
		return none
	}
	return free
}

// isBound reports that l are the strings of some characters up to a length, and maybe
// from one on.
func (s *Space) isBound(l Lang) bool {
	m := s.at(l)
	return m.kind == kRepeat && m.max < Unbounded && s.isChars(Lang(m.x))
}

// bound is the place in list of a language that isBound, -1 if there is none.
func (s *Space) bound(list []Lang) int {
	for i, l := range list {
		if s.isBound(l) {
			return i
		}
	}
	return -1
}

// What atMost looks at.
const (
	atMostLangs = 128
	atMostSteps = 1 << 13
)

// atMost returns a bound on the cost of l and of its derivatives, farAway if it
// finds none. What it returns holds for all that it has seen.
func (s *Space) atMost(l Lang) (most int64) {
	if v, ok := s.most[l]; ok {
		return v
	}
	seen, all := map[Lang]bool{l: true}, []Lang{l}
	start := s.spent
	for i := 0; i < len(all); i++ {
		d := all[i]
		if len(all) > atMostLangs || s.spent-start > atMostSteps || !s.spend(4) {
			most = farAway
			break
		}
		most = max(most, s.cost(d))
		if v, ok := s.most[d]; ok {
			most = max(most, v)
			continue
		}
		for _, e := range s.edges(d) {
			if !seen[e.to] && s.live(e.to) {
				seen[e.to] = true
				all = append(all, e.to)
			}
		}
	}
	if s.err != nil {
		return farAway
	}
	if s.most == nil {
		s.most = make(map[Lang]int64)
	}
	for _, d := range all {
		if _, ok := s.most[d]; !ok {
			s.most[d] = most
			s.bytes += 32
		}
	}
	return most
}
