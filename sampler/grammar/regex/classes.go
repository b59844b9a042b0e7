package regex

import (
	"math/bits"
	"slices"
)

// Classes is a set of character classes, by which the tokens of a vocabulary can
// be sorted beforehand: the characters of ASCII that are neither letters nor
// digits, one by one, then the digits, the lower-case and the upper-case letters,
// then the white space beyond ASCII that patterns know, and the others by the
// first byte of their UTF-8, some of these together.
type Classes uint64

// LowerCase is the class of the letters from a to z, which most tokens have, and
// AllClasses are all classes.
const (
	LowerCase  Classes = 1 << 1
	AllClasses Classes = 1<<NumClasses - 1
)

// NumClasses is how many classes there are.
const NumClasses = 55

// classRange says that the characters from lo to hi are of a class.
type classRange struct {
	lo, hi rune
	class  uint8
}

// classRanges lists all characters of Text in order.
var classRanges = makeClassRanges()

func makeClassRanges() (list []classRange) {
	next := uint8(3) // after digits, lower case and upper case
	for r := ' '; r <= '\x7f'; r++ {
		switch {
		case r == '"' || r == '\\':
		case r == '0':
			list = append(list, classRange{'0', '9', 0})
		case r == 'a':
			list = append(list, classRange{'a', 'z', 1})
		case r == 'A':
			list = append(list, classRange{'A', 'Z', 2})
		case r > '0' && r <= '9' || r > 'a' && r <= 'z' || r > 'A' && r <= 'Z':
		default:
			list = append(list, classRange{r, r, next})
			next++
		}
	}
	space := next
	next++
	last := rune(0x7f)
	for _, hi := range []rune{ // the ends of blocks that UTF-8 begins alike
		0xbf, 0xff, 0x27f, 0x3ff, 0x47f, 0x5ff, 0x6ff, 0x7ff, 0xfff, 0x1fff, 0x2fff, 0x3fff,
		0x9fff, surrLow - 1, 0xefff, 0xffff, 0x3ffff, 0xfffff, maxRune,
	} {
		lo := last + 1
		if lo == surrLow {
			lo = surrHigh + 1
		}
		for _, r := range spaceSet() {
			if r.lo < lo || r.hi > hi {
				continue
			}
			if lo < r.lo {
				list = append(list, classRange{lo, r.lo - 1, next})
			}
			list = append(list, classRange{r.lo, r.hi, space})
			lo = r.hi + 1
		}
		if lo <= hi {
			list = append(list, classRange{lo, hi, next})
		}
		last, next = hi, next+1
	}
	return list
}

// ClassOf returns the class of a character of Text.
func ClassOf(r rune) int {
	for _, c := range classRanges {
		if r <= c.hi {
			return int(c.class)
		}
	}
	panic("regex: no such character")
}

// passage says where the classes lead from a language.
type passage struct {
	alive Classes // those of which every character leads to a language that is not empty
	some  Classes // those of which some does
	to    []classEdge
}

// classEdge is a language that some characters of classes lead to.
type classEdge struct {
	classes Classes
	to      Lang
}

// passage returns where the classes lead from l.
func (s *Space) passage(l Lang) passage {
	if v, ok := s.passages[l]; ok {
		return v
	}
	v := passage{alive: AllClasses}
	s.expand(l)
	if p := s.at(l).parted; p != nil {
		return s.keepPassage(l, s.partsPassage(*p), len(p.to))
	}
	edges, i := s.edges(l), 0
	last := 0
	for _, c := range classRanges {
		for next := c.lo; next <= c.hi; next = edges[i].hi + 1 {
			for i < len(edges) && edges[i].hi < next {
				i++
			}
			if i == len(edges) || edges[i].lo > c.hi {
				v.alive &^= 1 << c.class
				break
			}
			e := edges[i]
			if e.lo > next || !s.live(e.to) {
				v.alive &^= 1 << c.class
			}
			if last == len(v.to) || v.to[last].to != e.to {
				last = slices.IndexFunc(v.to, func(x classEdge) bool { return x.to == e.to })
				if last < 0 {
					last = len(v.to)
					v.to = append(v.to, classEdge{to: e.to})
				}
			}
			v.to[last].classes |= 1 << c.class
			if s.live(e.to) {
				v.some |= 1 << c.class
			}
		}
	}
	return s.keepPassage(l, v, len(edges))
}

// keepPassage keeps the passage of l, which took some steps.
func (s *Space) keepPassage(l Lang, v passage, steps int) passage {
	if !s.spend(8 + steps/4) {
		return passage{}
	}
	if s.passages == nil {
		s.passages = make(map[Lang]passage)
	}
	s.passages[l] = v
	s.bytes += int64(48 + 16*len(v.to))
	return v
}

// partsPassage is passage by parts.
func (s *Space) partsPassage(p parted) passage {
	v := passage{alive: p.by.covered()}
	for i, to := range p.to {
		classes := p.by.classes[i]
		if to == none || !s.live(to) {
			v.alive &^= classes
		} else {
			v.some |= classes
		}
		if to == none {
			continue
		}
		at := slices.IndexFunc(v.to, func(x classEdge) bool { return x.to == to })
		if at < 0 {
			at = len(v.to)
			v.to = append(v.to, classEdge{to: to})
		}
		v.to[at].classes |= classes
	}
	return v
}

// covered returns the classes all of whose characters are in some part. It fills in
// p.classes.
func (p *partition) covered() Classes {
	if p.classes != nil {
		return p.covers
	}
	p.classes, p.covers = make([]Classes, p.parts), AllClasses
	i := 0
	for _, c := range classRanges {
		for next := c.lo; next <= c.hi; next = p.ranges[i].hi + 1 {
			for i < len(p.ranges) && p.ranges[i].hi < next {
				i++
			}
			if i == len(p.ranges) || p.ranges[i].lo > c.hi {
				p.covers &^= 1 << c.class
				break
			}
			if p.ranges[i].lo > next {
				p.covers &^= 1 << c.class
			}
			p.classes[p.part[i]] |= 1 << c.class
		}
	}
	return p.covers
}

// Safe says that every string of up to Chars characters of Classes may come. 255
// stands for any number. If Exact is set, no longer one may.
type Safe struct {
	Classes Classes
	Chars   int
	Exact   bool
}

// Bounds on what Safe looks for: characters, sets of classes, and the languages
// and steps of one search.
const (
	safeChars = 32
	maxSafe   = 6
	safeLangs = 64
	safeSteps = 1 << 13
)

// anyNumber of characters.
const anyNumber = 255

// everything is safe where every string begins one.
var everything = []Safe{{Classes: AllClasses, Chars: anyNumber}}

// Safe returns what may come in a state: first more classes, then more
// characters. There may be more that it does not find. It is nil within a
// character.
func (x *Lexer) Safe(st State) []Safe {
	r := &x.hot[st]
	if c := &x.cold[st]; !r.asked && st != 0 && c.mode == inChars {
		if x.s.at(c.lang).prefixes {
			r.safe = everything
		} else {
			r.safe = x.s.safe(c.lang, false).list
		}
	}
	r.asked = x.s.err == nil
	return r.safe
}

// safety is what is safe in a language.
type safety struct {
	list []Safe
	// left, by list, if counted is set: every string of what is safe can be completed
	// by so many characters.
	left    []int64
	counted bool
}

func (v *safety) add(x Safe, left int64) { v.list, v.left = append(v.list, x), append(v.left, left) }

// safe returns what is safe in l, counted where count is set.
func (s *Space) safe(l Lang, count bool) safety {
	if v, ok := s.safes[l]; ok && (v.counted || !count) {
		return v
	}
	v, ok := s.safeBounded(l)
	if !ok {
		v = s.findSafe(l, count)
	}
	if s.err != nil {
		return safety{}
	}
	if s.safes == nil {
		s.safes = make(map[Lang]safety)
	}
	s.safes[l] = v
	s.bytes += int64(80 + 24*len(v.list))
	return v
}

// safeBounded finds what is safe in an intersection with a bound on the number of
// characters from what it is without, which is the same for all such bounds.
func (s *Space) safeBounded(l Lang) (v safety, ok bool) {
	n := s.at(l)
	if n.kind != kInter {
		return v, false
	}
	i := s.bound(n.list)
	if i < 0 {
		return v, false
	}
	m := s.at(n.list[i])
	rest := slices.Clone(n.list)
	rest[i] = s.Repeat(Lang(m.x), m.min, Unbounded)
	free := s.safe(s.inter(rest), true)
	v.counted = true
	for i, safe := range free.list {
		if chars := min(int64(safe.Chars), m.max-free.left[i]); chars > 0 {
			exact := chars == m.max || chars == int64(safe.Chars) && safe.Exact
			v.add(Safe{safe.Classes, int(chars), exact}, free.left[i]+int64(safe.Chars)-chars)
		}
	}
	return v, true
}

// findSafe follows all classes from l, level by level. Where a language on the way
// has no use for some, either these are left out or those that lead to it.
func (s *Space) findSafe(l Lang, count bool) (v safety) {
	v.counted = count
	classes := s.passage(l).alive
	if classes == 0 {
		return v
	}
	cost := s.cost
	if !count {
		cost = func(Lang) int64 { return 0 }
	}
	left := cost(l)                              // it may be come back to
	seen, level := map[Lang]int{l: 1}, []Lang{l} // seen: by how many characters, and one
	circular := false                            // some are come back to
	start := s.spent
	for n := 1; ; n++ { // those of level have use for all classes
		kept := s.keep(level, classes, seen)
		if kept != classes {
			left, exact := s.behind(level, classes, left, cost)
			v.add(Safe{classes, n, exact && !circular}, left)
			if classes = kept; classes == 0 {
				return v
			}
		}
		var next []Lang
		for _, d := range level {
			for _, e := range s.passage(d).to {
				if e.classes&classes == 0 {
					continue
				}
				if seen[e.to] == 0 {
					seen[e.to] = n + 1
					next = append(next, e.to)
					left = max(left, cost(e.to))
				}
				circular = circular || seen[e.to] <= n
			}
		}
		if level = next; len(level) == 0 {
			v.add(Safe{classes, anyNumber, false}, left)
			return v
		}
		if spent := len(seen) > safeLangs || s.spent-start > safeSteps; spent || n == safeChars || len(v.list) == maxSafe {
			v.add(Safe{classes, n, false}, left)
			if spent {
				s.keepSeen(seen, v.list[len(v.list)-1], left, count)
			}
			return v
		}
	}
}

// keepSeen keeps what a search that was broken off shows of the languages that it
// has seen: they are as many.
func (s *Space) keepSeen(seen map[Lang]int, safe Safe, left int64, count bool) {
	if s.err != nil {
		return
	}
	if s.safes == nil {
		s.safes = make(map[Lang]safety)
	}
	for l, depth := range seen {
		chars := safe.Chars + 1 - depth
		if _, ok := s.safes[l]; ok || depth == 1 || chars < 1 {
			continue
		}
		v := safety{counted: count}
		v.add(Safe{safe.Classes, chars, false}, left)
		s.safes[l] = v
		s.bytes += 104
	}
}

// behind returns the greatest of left and the costs of what the classes lead to, and
// whether none of that goes on with one of them.
func (s *Space) behind(level []Lang, classes Classes, left int64, cost func(Lang) int64) (_ int64, exact bool) {
	exact = true
	for _, d := range level {
		for _, e := range s.passage(d).to {
			if e.classes&classes != 0 {
				left = max(left, cost(e.to))
				exact = exact && s.passage(e.to).some&classes == 0
			}
		}
	}
	return left, exact
}

// keep returns those of classes that all languages behind level's have use for, by
// them.
func (s *Space) keep(level []Lang, classes Classes, seen map[Lang]int) Classes {
	for again := true; again; {
		again = false
		for _, d := range level {
			for _, e := range s.passage(d).to {
				by := e.classes & classes
				if by == 0 || seen[e.to] != 0 {
					continue
				}
				useless := classes &^ s.passage(e.to).alive
				if useless == 0 {
					continue
				}
				if by.weight() < useless.weight() {
					useless = by
				}
				classes &^= useless
				again = true
			}
		}
	}
	return classes
}

// weight is about how much fewer tokens there are without the classes.
func (c Classes) weight() int {
	n := bits.OnesCount64(uint64(c))
	if c&LowerCase != 0 {
		n += NumClasses
	}
	return n
}
