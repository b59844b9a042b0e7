package regex

import "slices"

// maxContains bounds how deep contains looks.
const maxContains = 8

// contains reports that a holds all strings of b, where their parts show it. It may
// fail to see that, never the other way round.
func (s *Space) contains(a, b Lang, depth int) bool {
	if a == b || a == all || b == none {
		return true
	}
	if depth == maxContains {
		return false
	}
	if n := s.at(a); n.kind == kUnion {
		return slices.ContainsFunc(n.list, func(c Lang) bool { return s.contains(c, b, depth+1) })
	}
	ha, ta := s.headTail(a)
	hb, tb := s.headTail(b)
	if ha == hb {
		return s.contains(ta, tb, depth+1)
	}
	if s.at(ha).kind != kRepeat {
		return false
	}
	x, lo, hi := s.repeatOf(ha)
	if y, lo2, hi2 := s.repeatOf(hb); x == y && lo <= lo2 {
		if hi >= hi2 && s.contains(ta, tb, depth+1) || lo == 0 && hi == Unbounded && s.contains(a, tb, depth+1) {
			return true
		}
	}
	return lo == 0 && s.contains(ta, b, depth+1)
}

// dropContained takes the members of a union out of list, of at most maxPairs, that
// another one contains which begins with as many or more repetitions of the same: of
// languages with bounds on repetitions, derivatives pile up that differ in what is left
// of the bounds.
func (s *Space) dropContained(list []Lang) []Lang {
	var heads [maxPairs]struct {
		x, tail Lang
		lo, hi  int64
	}
	some := 0
	for i, l := range list {
		if s.at(l).span == 0 {
			continue
		}
		head, tail := s.headTail(l)
		if n := s.at(head); n.kind == kRepeat {
			h := &heads[i]
			h.x, h.tail, h.lo, h.hi = Lang(n.x), tail, n.min, n.max
			some++
		}
	}
	if some < 2 {
		return list
	}
	for i := range list {
		a := &heads[i]
		for j := range list {
			if b := &heads[j]; a.x != none && a.x == b.x && i != j && a.lo <= b.lo && a.hi >= b.hi && s.contains(a.tail, b.tail, 0) {
				b.x, list[j] = none, none
			}
		}
	}
	return slices.DeleteFunc(list, func(l Lang) bool { return l == none })
}

// relaxAll takes upper bounds of repetitions away that cannot matter in an
// intersection, because another member bounds the length. There are fewer derivatives
// without them.
func (s *Space) relaxAll(list []Lang) (_ []Lang, changed bool) {
	at := s.bound(list)
	if at < 0 {
		return list, false
	}
	most := s.at(list[at]).max
	for i, l := range list {
		if i == at || most >= s.at(l).span {
			continue
		}
		if r := s.relax(l, most); r != l {
			if !changed {
				list, changed = slices.Clone(list), true
			}
			list[i] = r
		}
	}
	return list, changed
}

// relax returns a language with the same strings of up to most characters as l.
func (s *Space) relax(l Lang, most int64) Lang {
	n := s.at(l)
	if n.span <= most || !s.spend(4) {
		return l
	}
	switch n.kind {
	case kConcat:
		x, y := Lang(n.x), Lang(n.y)
		return s.concat(s.relax(x, most-s.at(y).short), s.relax(y, most-s.at(x).short))
	case kUnion:
		return s.union(s.relaxEach(n.list, most))
	case kInter:
		return s.inter(s.relaxEach(n.list, most))
	case kRepeat:
		x, hi := s.relax(Lang(n.x), most), n.max
		if repeatSpan(hi, s.at(Lang(n.x)).short) > most {
			hi = Unbounded
		}
		return s.Repeat(x, n.min, hi)
	}
	return l
}

func (s *Space) relaxEach(list []Lang, most int64) []Lang {
	out := make([]Lang, len(list))
	for i, l := range list {
		out[i] = s.relax(l, most)
	}
	return out
}

// repeatSpan is the least length of a string with more repetitions than most, of
// strings of at least short characters: strings that are shorter do not meet that
// bound. It is 0 where there is no bound, or none to be taken away.
func repeatSpan(most, short int64) int64 {
	if most == Unbounded || most < 2 {
		return 0
	}
	return mulCost(short, most+1)
}

// deriveSpan fills in span.
func (s *Space) deriveSpan(n *node) {
	switch n.kind {
	case kConcat:
		n.span = max(s.at(Lang(n.x)).span, s.at(Lang(n.y)).span)
	case kRepeat:
		x := s.at(Lang(n.x))
		n.span = max(x.span, repeatSpan(n.max, x.short))
	case kUnion, kInter:
		for _, l := range n.list {
			n.span = max(n.span, s.at(l).span)
		}
	}
}
