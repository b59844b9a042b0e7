package regex

import "slices"

// Union is the language of the strings of any argument.
func (s *Space) Union(ls ...Lang) Lang {
	return s.union(append(make([]Lang, 0, len(ls)), ls...))
}

// Intersect is the language of the strings of all arguments; of none, All.
func (s *Space) Intersect(ls ...Lang) Lang {
	return s.inter(append(make([]Lang, 0, len(ls)), ls...))
}

func (s *Space) union2(a, b Lang) Lang {
	switch {
	case a == b || b == none:
		return a
	case a == none:
		return b
	case a == all || b == all:
		return all
	}
	return s.union([]Lang{a, b})
}

func (s *Space) inter2(a, b Lang) Lang {
	switch {
	case a == b || b == all:
		return a
	case a == all:
		return b
	case a == none || b == none:
		return none
	}
	return s.inter([]Lang{a, b})
}

// flatten replaces nested nodes of kind k by their members, then sorts and
// removes duplicates.
func (s *Space) flatten(list []Lang, k kind) []Lang {
	for i := 0; i < len(list); i++ {
		if n := s.at(list[i]); n.kind == k {
			list = append(list, n.list[1:]...)
			list[i] = n.list[0]
			i--
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// opposed reports whether the sorted list holds a language and its complement.
func (s *Space) opposed(list []Lang) bool {
	for _, l := range list {
		if n := s.at(l); n.kind == kNot {
			if _, ok := slices.BinarySearch(list, Lang(n.x)); ok {
				return true
			}
		}
	}
	return false
}

// union may change list, and does not keep it.
func (s *Space) union(list []Lang) Lang {
	list = s.flatten(list, kUnion)
	if !s.spend(1 + len(list) + min(len(list), maxPairs)*min(len(list), maxPairs)/16) {
		return none
	}
	if len(list) > 0 && list[0] == none {
		list = list[1:]
	}
	if _, ok := slices.BinarySearch(list, all); ok || s.opposed(list) {
		return all
	}
	if len(list) > 1 {
		list = s.mergeUnion(list)
	}
	switch len(list) {
	case 0:
		return none
	case 1:
		return list[0]
	}
	if _, ok := slices.BinarySearch(list, all); ok {
		return all
	}
	return s.intern(node{kind: kUnion, list: list})
}

// mergeUnion joins members that are one simpler language together, and keeps
// the list sorted.
func (s *Space) mergeUnion(list []Lang) []Lang {
	before := len(list)
	list = s.mergeChars(list)
	list = s.mergeWords(list)
	list = s.mergeRepeats(list)
	if len(list) <= maxPairs {
		list = s.dropContained(list)
	}
	if len(list) > 1 && list[0] == empty {
		for _, l := range list[1:] {
			if s.null(l) == yes {
				list = list[1:]
				break
			}
		}
	}
	if len(list) < before {
		list = s.flatten(list, kUnion)
	}
	return list
}

// mergeChars makes one class of all single characters.
func (s *Space) mergeChars(list []Lang) []Lang {
	count := 0
	for _, l := range list {
		if _, ok := s.chars(l); ok {
			count++
		}
	}
	if count < 2 {
		return list
	}
	var c set
	out := list[:0]
	for _, l := range list {
		if d, ok := s.chars(l); ok {
			c = append(c, d...)
		} else {
			out = append(out, l)
		}
	}
	return append(out, s.class(normal(c)))
}

// Sets of literals up to these sizes are made anew by a union or an
// intersection; larger ones are shared by what is made of them.
const (
	maxMerged   = 64
	maxFiltered = 256
)

// wordy reports whether l is a literal or a set of at most limit of them.
func (s *Space) wordy(l Lang, limit int64) bool {
	n := s.at(l)
	return n.kind == kLit || n.kind == kTrie && n.max-n.min <= limit
}

// mergeWords makes one set of all literals and small sets of them.
func (s *Space) mergeWords(list []Lang) []Lang {
	count := 0
	for _, l := range list {
		if s.wordy(l, maxMerged) {
			count++
		}
	}
	if count < 2 {
		return list
	}
	var words []string
	out := list[:0]
	for _, l := range list {
		if s.wordy(l, maxMerged) {
			w, _ := s.words(l)
			words = append(words, w...)
		} else {
			out = append(out, l)
		}
	}
	slices.Sort(words)
	return append(out, s.sortedLiterals(slices.Compact(words)))
}

// maxPairs bounds lists whose members are compared in pairs.
const maxPairs = 24

// mergeRepeats joins x{a,b}·t and x{c,d}·t where the bounds overlap or touch.
func (s *Space) mergeRepeats(list []Lang) []Lang {
	if len(list) > maxPairs {
		return list
	}
	for i := 0; i < len(list); i++ {
		for j := i + 1; j < len(list); j++ {
			if m := s.joinRepeats(list[i], list[j]); m != none {
				list = slices.Delete(list, j, j+1)
				list[i] = m
				i = -1
				break
			}
		}
	}
	return list
}

func (s *Space) joinRepeats(a, b Lang) Lang {
	ra, ta := s.headTail(a)
	rb, tb := s.headTail(b)
	// x{…}·t with t itself, or with x{…}·t.
	base, lo, hi := none, int64(0), int64(0)
	switch {
	case ta == tb && s.at(ra).kind == kRepeat:
		base, lo, hi = s.repeatOf(ra)
		base2, lo2, hi2 := s.repeatOf(rb)
		if base2 != base {
			return none
		}
		return s.joinBounds(base, lo, hi, lo2, hi2, ta)
	case ta == tb && s.at(rb).kind == kRepeat:
		return s.joinRepeats(b, a)
	case ta == b && s.at(ra).kind == kRepeat:
		base, lo, hi = s.repeatOf(ra)
		return s.joinBounds(base, lo, hi, 0, 0, b)
	case tb == a && s.at(rb).kind == kRepeat:
		return s.joinRepeats(b, a)
	}
	return none
}

func (s *Space) headTail(l Lang) (head, tail Lang) {
	if n := s.at(l); n.kind == kConcat {
		return Lang(n.x), Lang(n.y)
	}
	return l, empty
}

func (s *Space) joinBounds(base Lang, a, b, c, d int64, tail Lang) Lang {
	if a > c {
		a, b, c, d = c, d, a, b
	}
	if b < Unbounded && c > b+1 {
		return none
	}
	return s.concat(s.Repeat(base, a, max(b, d)), tail)
}

// inter may change list, and does not keep it.
func (s *Space) inter(list []Lang) Lang {
	list = s.flatten(list, kInter)
	if !s.spend(2 + 2*len(list)) {
		return none
	}
	if len(list) > 0 && list[0] == none || s.opposed(list) {
		return none
	}
	if i, ok := slices.BinarySearch(list, all); ok {
		list = slices.Delete(list, i, i+1)
	}
	if len(list) > 1 {
		list = s.mergeInter(list)
	}
	switch len(list) {
	case 0:
		return all
	case 1:
		return list[0]
	}
	if list[0] == none {
		return none
	}
	if l, ok := s.filter(list); ok {
		return l
	}
	meet, bounded := s.meet(list)
	if !meet {
		return none
	}
	if bounded {
		if relaxed, changed := s.relaxAll(list); changed {
			return s.inter(relaxed)
		}
	}
	return s.intern(node{kind: kInter, list: list})
}

// meet is false only if languages share no string, because of the bounds of their
// lengths, or because those of one have a character that those of another do not
// have. bounded reports that relaxAll may change them.
func (s *Space) meet(list []Lang) (meet, bounded bool) {
	lo, hi, most := int64(0), int64(farAway), int64(0)
	var with, without ascii
	exact := false
	for _, l := range list {
		n := s.at(l)
		lo, hi, most = max(lo, n.short), min(hi, n.long), max(most, n.span)
		with, without = with.or(n.with), without.or(n.without)
		exact = exact || n.lens != nil
	}
	if lo > hi || with.and(without) != (ascii{}) {
		return false, false
	}
	if exact && (lo > 0 || hi < farAway) {
		for _, l := range list {
			if n := s.at(l); n.lens != nil && !slices.ContainsFunc(n.lens, func(p span) bool { return max(p.lo, lo) <= min(p.hi, hi) }) {
				return false, false
			}
		}
	}
	return true, hi < most
}

// mergeInter joins members that are one simpler language together, and keeps
// the list sorted.
func (s *Space) mergeInter(list []Lang) []Lang {
	var nots []Lang
	repeats, out := none, list[:0]
	count := 0
	for _, l := range list {
		n := s.at(l)
		switch {
		case n.kind == kNot:
			nots = append(nots, Lang(n.x))
			continue
		case n.kind == kRepeat && s.isChars(Lang(n.x)) || s.isChars(l):
			if count++; count == 1 {
				repeats = l
			} else {
				repeats = s.interRepeats(repeats, l)
			}
			continue
		}
		out = append(out, l)
	}
	switch len(nots) {
	case 0:
	case 1:
		out = append(out, s.Not(nots[0]))
	default:
		out = append(out, s.Not(s.union(nots)))
	}
	if count > 0 {
		out = append(out, repeats)
	}
	out = s.flatten(out, kInter)
	if i, ok := slices.BinarySearch(out, all); ok {
		out = slices.Delete(out, i, i+1)
	}
	return out
}

func (s *Space) isChars(l Lang) bool {
	_, ok := s.chars(l)
	return ok
}

// interRepeats intersects repetitions of single characters.
func (s *Space) interRepeats(a, b Lang) Lang {
	x, lo, hi := s.repeatOf(a)
	y, lo2, hi2 := s.repeatOf(b)
	if lo, hi = max(lo, lo2), min(hi, hi2); lo > hi {
		return none
	}
	c, okC := s.chars(x)
	d, okD := s.chars(y)
	switch {
	case !okC || !okD: // one of them was reduced to the empty string or nothing
		return s.inter2(a, b)
	case x == anyOne:
		return s.Repeat(y, lo, hi)
	case y == anyOne:
		return s.Repeat(x, lo, hi)
	}
	return s.Repeat(s.class(c.intersect(d)), lo, hi)
}

// filter computes an intersection one member of which is a short list of
// strings or characters.
func (s *Space) filter(list []Lang) (Lang, bool) {
	pick := -1
	for _, l := range list {
		if s.active > 0 && s.at(l).open {
			return none, false
		}
	}
	for i, l := range list {
		n := s.at(l)
		if l == empty {
			pick = i
			break
		}
		if n.kind == kClass || s.wordy(l, maxFiltered) {
			if pick < 0 || n.kind == kLit {
				pick = i
			}
		}
	}
	if pick < 0 {
		return none, false
	}
	l := list[pick]
	rest := slices.Delete(slices.Clone(list), pick, pick+1)
	if words, ok := s.words(l); ok {
		kept := words[:0]
		for _, w := range words {
			if s.matchesAll(rest, w) {
				kept = append(kept, w)
			}
		}
		return s.sortedLiterals(kept), true
	}
	c, _ := s.chars(l)
	for _, r := range rest {
		var d set
		for _, e := range s.edges(r) {
			if s.null(e.to) == yes {
				d = append(d, crange{e.lo, e.hi})
			}
		}
		c = c.intersect(d)
	}
	return s.class(normal(slices.Clone(c))), true
}

func (s *Space) matchesAll(list []Lang, text string) bool {
	for _, l := range list {
		if !s.Matches(l, text) {
			return false
		}
	}
	return true
}
