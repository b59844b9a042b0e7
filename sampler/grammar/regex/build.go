package regex

import (
	"fmt"
	"slices"
	"unicode/utf8"
)

// Literal is the language of one string, which must be valid UTF-8.
func (s *Space) Literal(text string) Lang {
	if text == "" {
		return empty
	}
	if !utf8.ValidString(text) {
		panic(fmt.Sprintf("regex: literal %q is not valid UTF-8", text))
	}
	return s.intern(node{kind: kLit, text: text})
}

// Class is the language of the single code points in pairs of ends, both
// included: Class('a', 'z', '_', '_'). Surrogates are left out.
func (s *Space) Class(ends ...rune) Lang {
	if len(ends)%2 != 0 {
		panic("regex: Class takes pairs")
	}
	return s.class(ranges(ends...))
}

func (s *Space) class(c set) Lang {
	switch {
	case len(c) == 0:
		return none
	case len(c) == 1 && c[0].lo == c[0].hi:
		return s.intern(node{kind: kLit, text: string(c[0].lo)})
	}
	if !s.spend(1 + len(c)/4) {
		return none
	}
	before := len(s.sets.list)
	id := s.sets.id(c)
	if len(s.sets.list) > before {
		s.bytes += int64(8*len(c)) + 64
	}
	return s.intern(node{kind: kClass, x: id})
}

// chars returns the set of a language of single code points.
func (s *Space) chars(l Lang) (set, bool) {
	switch n := s.at(l); n.kind {
	case kClass:
		return s.sets.list[n.x], true
	case kLit:
		if r, size := utf8.DecodeRuneInString(n.text); size == len(n.text) {
			return set{{r, r}}, true
		}
	}
	return nil, false
}

// Concat is the language of strings that are one of each argument in turn.
func (s *Space) Concat(ls ...Lang) Lang {
	out := empty
	for i := len(ls) - 1; i >= 0; i-- {
		out = s.concat(ls[i], out)
	}
	return out
}

func (s *Space) concat(a, b Lang) Lang {
	switch {
	case a == none || b == none:
		return none
	case a == empty:
		return b
	case b == empty:
		return a
	}
	n := s.at(a)
	if n.kind == kConcat {
		return s.concat(Lang(n.x), s.concat(Lang(n.y), b))
	}
	// The head of b is what a may merge with.
	head, tail := b, empty
	if m := s.at(b); m.kind == kConcat {
		head, tail = Lang(m.x), Lang(m.y)
	}
	if l, ok := s.absorb(a, b, head, tail); ok {
		return l
	}
	if h := s.at(head); n.kind == kLit && h.kind == kLit {
		return s.concat(s.intern(node{kind: kLit, text: n.text + h.text}), tail)
	}
	if base, lo, hi := s.repeatOf(a); base != none {
		if base2, lo2, hi2 := s.repeatOf(head); base2 == base && (n.kind == kRepeat || s.at(head).kind == kRepeat) {
			return s.concat(s.Repeat(base, addBound(lo, lo2), addBound(hi, hi2)), tail)
		}
	}
	return s.intern(node{kind: kConcat, x: int32(a), y: int32(b)})
}

// absorb simplifies a·b, b = head·tail, where All stands beside a language that
// it swallows: All·x = All if x holds the empty string, All·x{m,n} = All·x{m}.
func (s *Space) absorb(a, b, head, tail Lang) (Lang, bool) {
	switch {
	case a == all && s.null(head) == yes:
		return s.concat(all, tail), true
	case head == all && s.null(a) == yes:
		return b, true
	}
	if n := s.at(head); a == all && n.kind == kRepeat && n.min < n.max {
		return s.concat(all, s.concat(s.Repeat(Lang(n.x), n.min, n.min), tail)), true
	}
	if n := s.at(a); head == all && n.kind == kRepeat && n.min < n.max {
		return s.concat(s.Repeat(Lang(n.x), n.min, n.min), b), true
	}
	return none, false
}

// repeatOf reads l as a repetition: of itself, once, if it is none.
func (s *Space) repeatOf(l Lang) (base Lang, lo, hi int64) {
	n := s.at(l)
	switch n.kind {
	case kRepeat:
		return Lang(n.x), n.min, n.max
	case kEmpty, kNone, kConcat:
		return none, 0, 0
	}
	return l, 1, 1
}

func addBound(a, b int64) int64 {
	if a > Unbounded-b {
		return Unbounded
	}
	return a + b
}

// Repeat is the language of lo to hi strings of l in a row, 0 ≤ lo ≤ hi; hi may
// be Unbounded.
func (s *Space) Repeat(l Lang, lo, hi int64) Lang {
	if lo < 0 || lo > hi {
		panic(fmt.Sprintf("regex: repetition from %d to %d", lo, hi))
	}
	switch {
	case l == empty || hi == 0:
		return empty
	case l == none:
		if lo == 0 {
			return empty
		}
		return none
	case lo == 1 && hi == 1 || l == all:
		return l
	}
	n := s.at(l)
	if n.kind == kRepeat {
		switch {
		case lo == hi && n.min == n.max, // (a{m}){n}
			n.max == Unbounded && n.min <= 1 && hi == Unbounded, // (a*)*, (a+)*, (a+){3,}
			n.min == 0 && n.max == Unbounded,                    // (a*){2,5}
			n.min == 0 && n.max == 1:                            // (a?){2,5}
			low := mulBound(n.min, lo)
			if n.min == 0 {
				low = 0
			}
			return s.Repeat(Lang(n.x), low, mulBound(n.max, hi))
		}
	}
	if s.null(l) == yes {
		lo = 0
	}
	return s.intern(node{kind: kRepeat, x: int32(l), min: lo, max: hi})
}

func mulBound(a, b int64) int64 {
	if a == 0 || b == 0 {
		return 0
	}
	if a > Unbounded/b {
		return Unbounded
	}
	return a * b
}

// Length is the language of strings of lo to hi code points; hi may be
// Unbounded. It is empty if lo > hi.
func (s *Space) Length(lo, hi int64) Lang {
	if lo = max(lo, 0); lo > hi {
		return none
	}
	return s.Repeat(anyOne, lo, hi)
}

// Not is the language of all strings that are not in l.
func (s *Space) Not(l Lang) Lang {
	switch l {
	case none:
		return all
	case all:
		return none
	case empty:
		return s.Length(1, Unbounded)
	case anyOne:
		return s.union2(empty, s.Length(2, Unbounded))
	}
	n := s.at(l)
	switch {
	case n.kind == kNot:
		return Lang(n.x)
	case n.kind == kRepeat && Lang(n.x) == anyOne:
		short, long := none, none
		if n.min > 0 {
			short = s.Length(0, n.min-1)
		}
		if n.max < Unbounded {
			long = s.Length(n.max+1, Unbounded)
		}
		return s.union2(short, long)
	}
	return s.intern(node{kind: kNot, x: int32(l)})
}

// Minus is the language of the strings of a that are not in b.
func (s *Space) Minus(a, b Lang) Lang { return s.Intersect(a, s.Not(b)) }

// null says whether l holds the empty string; unknown only while a recursive
// definition is being made.
func (s *Space) null(l Lang) tri {
	n := s.at(l)
	if n.null != unknown {
		return n.null
	}
	v := s.nullNode(n)
	n.null = v
	return v
}

func (s *Space) nullNode(n *node) tri {
	switch n.kind {
	case kEmpty:
		return yes
	case kNone, kClass, kLit, kLazy:
		return no
	case kTrie:
		return truth(len(s.tables[n.x].words[n.min]) == int(n.y))
	case kConcat:
		if a := s.null(Lang(n.x)); a != yes {
			return a
		}
		return s.null(Lang(n.y))
	case kNot:
		switch s.null(Lang(n.x)) {
		case yes:
			return no
		case no:
			return yes
		}
		return unknown
	case kRepeat:
		if n.min == 0 {
			return yes
		}
		return s.null(Lang(n.x))
	case kRef:
		if n.list == nil {
			return unknown
		}
		return s.null(n.list[0])
	}
	// kUnion, kInter
	decisive := truth(n.kind == kUnion)
	out := yes
	if decisive == yes {
		out = no
	}
	for _, a := range n.list {
		v := s.null(a)
		if v == decisive {
			return decisive
		}
		if v == unknown {
			out = unknown
		}
	}
	return out
}

// Nullable reports whether the empty string is in l.
func (s *Space) Nullable(l Lang) bool { return s.null(l) == yes }

// derive fills in what follows from a new node's parts.
func (s *Space) derive(n node) node {
	n.null = s.nullNode(&n)
	n.long = farAway
	switch n.kind {
	case kClass:
		n.plain, n.exact, n.low, n.short, n.long = true, true, s.sets.cost[n.x], 1, 1
		n.lens = []span{{1, 1}}
	case kLit:
		n.plain, n.exact = true, true
		for _, r := range n.text {
			n.low += runeCost(r)
			n.short++
		}
		n.long, n.lens = n.short, []span{{n.short, n.short}}
	case kTrie:
		s.deriveTrie(&n)
	case kConcat:
		a, b := s.at(Lang(n.x)), s.at(Lang(n.y))
		n.plain, n.open = a.plain && b.plain, a.open || b.open
		n.exact, n.low = a.exact && b.exact, addCost(a.low, b.low)
		n.short, n.long = addCost(a.short, b.short), addCost(a.long, b.long)
		n.lens = sumSpans(a.lens, b.lens)
	case kRepeat:
		a := s.at(Lang(n.x))
		n.plain, n.open = a.plain, a.open
		n.exact, n.low = a.exact || n.min == 0, mulCost(a.low, n.min)
		n.short = mulCost(a.short, n.min)
		if n.max < Unbounded {
			n.long = mulCost(a.long, n.max)
		} else if a.long == 0 {
			n.long = 0
		}
		n.lens = repeatSpans(a.lens, n.min, n.max)
	case kUnion:
		s.deriveUnion(&n)
	case kInter:
		s.deriveInter(&n)
	case kNot:
		a := s.at(Lang(n.x))
		n.open = a.open
		n.exact = n.null == yes
		if n.null == no {
			n.low, n.short = 1, 1
		}
	}
	if n.lens != nil {
		n.short, n.long = n.lens[0].lo, n.lens[len(n.lens)-1].hi
	}
	if n.null == yes {
		n.exact, n.low, n.short = true, 0, 0
	}
	if n.plain || n.null == yes || n.kind == kInter && n.lens != nil {
		n.alive = yes
	}
	s.deriveShape(&n)
	s.deriveSpan(&n)
	return n
}

func (s *Space) deriveUnion(n *node) {
	n.plain, n.exact, n.low, n.short, n.long = false, true, farAway, farAway, 0
	lens := make([]span, 0, len(n.list))
	complete := true
	for _, l := range n.list {
		a := s.at(l)
		// One member that is not empty suffices; costs need all.
		n.plain = n.plain || a.plain
		n.open = n.open || a.open
		n.exact = n.exact && a.exact
		n.low, n.short, n.long = min(n.low, a.low), min(n.short, a.short), max(n.long, a.long)
		complete = complete && a.lens != nil && len(lens) < 64
		if complete {
			lens = append(lens, a.lens...)
		}
	}
	if complete {
		n.lens = mergeSpans(lens)
	}
	n.plain = n.plain && n.exact
}

func (s *Space) deriveInter(n *node) {
	lo, hi := int64(0), int64(Unbounded)
	var other *node
	others := 0
	for _, l := range n.list {
		a := s.at(l)
		n.open = n.open || a.open
		n.low, n.short, n.long = max(n.low, a.low), max(n.short, a.short), min(n.long, a.long)
		if a.kind == kRepeat && Lang(a.x) == anyOne {
			lo, hi = a.min, a.max
		} else {
			other, others = a, others+1
		}
	}
	n.low = max(n.low, n.short)
	if others == 1 && other.lens != nil {
		n.lens, _ = clipSpans(other.lens, lo, hi)
	}
}

// Literals is the language of the given strings, which must be valid UTF-8.
func (s *Space) Literals(words []string) Lang {
	if len(words) == 0 {
		return none
	}
	sorted := slices.Clone(words)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	for _, w := range sorted {
		if !utf8.ValidString(w) {
			panic(fmt.Sprintf("regex: literal %q is not valid UTF-8", w))
		}
	}
	return s.sortedLiterals(sorted)
}
