package regex

import (
	"slices"
	"sort"
	"unicode/utf8"
)

// Derive is the language of what may follow r in l.
func (s *Space) Derive(l Lang, r rune) Lang {
	list := s.edges(l)
	i := sort.Search(len(list), func(i int) bool { return list[i].hi >= r })
	if i < len(list) && list[i].lo <= r {
		return list[i].to
	}
	return none
}

// Matches reports whether text, valid UTF-8, is in l.
func (s *Space) Matches(l Lang, text string) bool {
	for i, r := range text {
		if r == utf8.RuneError && !utf8.ValidString(text[i:]) {
			return false
		}
		if n := s.at(l); n.kind == kLit {
			return n.text == text[i:]
		}
		if l = s.Derive(l, r); l == none || l == all {
			return l == all && utf8.ValidString(text[i:])
		}
	}
	return s.Nullable(l)
}

// edges returns the derivatives of l by all characters.
func (s *Space) edges(l Lang) []edge {
	n := s.at(l)
	if n.done {
		return n.edges
	}
	if s.expand(l); n.parted == nil || s.err != nil {
		return n.edges
	}
	out := n.parted.edges()
	if !s.spend(len(out) / 8) {
		return nil
	}
	n.edges, n.done = out, true
	s.bytes += int64(12 * len(out))
	return out
}

// expand finds the derivatives of l: its edges, or, where these are many, what they
// are by parts.
func (s *Space) expand(l Lang) {
	n := s.at(l)
	if n.done || n.parted != nil || !s.spend(4) {
		return
	}
	var p parted
	ok := false
	if len(s.parts.known) > 0 {
		if p, ok = s.nodeParts(n); s.err != nil {
			return
		}
	}
	var out []edge
	if !ok {
		if out = compact(s.nodeEdges(n)); len(out) >= manyRanges {
			p, ok = s.edgeParts(out)
		}
		if !s.spend(len(out) / 4) {
			return
		}
		n.edges, n.done = out, true
		s.bytes += int64(12 * len(out))
	}
	if ok {
		n.parted = &p
		s.bytes += int64(32 + 4*len(p.to))
	}
}

func (s *Space) nodeEdges(n *node) []edge {
	switch n.kind {
	case kClass:
		c := s.sets.list[n.x]
		out := make([]edge, len(c))
		for i, r := range c {
			out[i] = edge{r.lo, r.hi, empty}
		}
		return out
	case kLit:
		r, size := utf8.DecodeRuneInString(n.text)
		return []edge{{r, r, s.Literal(n.text[size:])}}
	case kTrie:
		return s.trieEdges(n)
	case kConcat:
		a, b := Lang(n.x), Lang(n.y)
		out := s.follow(s.edges(a), b)
		if s.null(a) == yes {
			out = s.sweep([][]edge{out, s.edges(b)}, 1, s.union)
		}
		return out
	case kRepeat:
		rest := s.Repeat(Lang(n.x), max(n.min-1, 0), lessOne(n.max))
		return s.follow(s.edges(Lang(n.x)), rest)
	case kNot:
		return s.notEdges(s.edges(Lang(n.x)))
	case kRef:
		if n.list == nil {
			panic("regex: derivative of a definition that is being made")
		}
		return s.edges(n.list[0])
	case kLazy:
		return s.edges(s.thunks[n.x]())
	case kUnion:
		return s.sweep(s.memberEdges(n.list), 1, s.union)
	case kInter:
		if l, left, ok := s.lessOneOf(n.list); ok {
			return s.each(s.edges(l), func(to Lang) Lang { return s.inter2(to, left) })
		}
		return s.sweep(s.memberEdges(n.list), len(n.list), s.inter)
	}
	return nil // kNone, kEmpty
}

// isLength reports that l are all strings of some lengths.
func (s *Space) isLength(l Lang) bool {
	n := s.at(l)
	return n.kind == kRepeat && Lang(n.x) == anyOne
}

func lessOne(n int64) int64 {
	if n == Unbounded {
		return n
	}
	return n - 1
}

func (s *Space) memberEdges(list []Lang) [][]edge {
	out := make([][]edge, len(list))
	for i, l := range list {
		out[i] = s.edges(l)
	}
	return out
}

// lessOneOf takes two languages of which one is a length apart: into the other, and that
// length less one character, with which the other's derivatives are to be intersected.
func (s *Space) lessOneOf(list []Lang) (other, left Lang, ok bool) {
	i := slices.IndexFunc(list, s.isLength)
	if i < 0 || len(list) != 2 {
		return none, none, false
	}
	n := s.at(list[i])
	return list[1-i], s.Repeat(anyOne, max(n.min-1, 0), lessOne(n.max)), true
}

// follow appends tail to what the edges lead to.
func (s *Space) follow(list []edge, tail Lang) []edge {
	return s.each(list, func(to Lang) Lang { return s.concat(to, tail) })
}

// each returns the edges with what by makes of where they lead.
func (s *Space) each(list []edge, by func(Lang) Lang) []edge {
	out := make([]edge, len(list))
	var made joins
	for i, e := range list {
		to, ok := made.find1(e.to)
		if !ok {
			one := [1]Lang{e.to}
			to = by(e.to)
			made.keep(one[:], to)
		}
		out[i] = edge{e.lo, e.hi, to}
	}
	return out
}

// joins remembers what a few lists of languages were joined to. Classes such as
// \p{L} have hundreds of ranges that lead to a few languages in turn.
type joins struct {
	list []joined
	next int    // the one that gives way when there are maxJoins
	of   []Lang // holds the lists
}

type joined struct {
	of []Lang
	to Lang
}

const maxJoins = 16

func (j *joins) find(of []Lang) (Lang, bool) {
	for i := range j.list {
		if equalLangs(j.list[i].of, of) {
			return j.list[i].to, true
		}
	}
	return none, false
}

func (j *joins) find1(of Lang) (Lang, bool) {
	for i := range j.list {
		if j.list[i].of[0] == of {
			return j.list[i].to, true
		}
	}
	return none, false
}

// keep keeps what a list was joined to. It copies the list.
func (j *joins) keep(list []Lang, to Lang) {
	from := len(j.of)
	j.of = append(j.of, list...)
	of := j.of[from:len(j.of):len(j.of)]
	if len(j.list) < maxJoins {
		j.list = append(j.list, joined{of, to})
		return
	}
	j.list[j.next] = joined{of, to}
	j.next = (j.next + 1) % maxJoins
}

// notEdges complements what the edges lead to, and fills the gaps.
func (s *Space) notEdges(list []edge) []edge {
	out := make([]edge, 0, 2*len(list)+2)
	gap := func(lo, hi rune) {
		for _, r := range [...]crange{{lo, min(hi, surrLow-1)}, {max(lo, surrHigh+1), hi}} {
			if r.lo <= r.hi {
				out = append(out, edge{r.lo, r.hi, all})
			}
		}
	}
	next := rune(0)
	var made joins
	for _, e := range list {
		gap(next, e.lo-1)
		to, ok := made.find1(e.to)
		if !ok {
			to = s.Not(e.to)
			made.keep([]Lang{e.to}, to)
		}
		if to != none {
			out = append(out, edge{e.lo, e.hi, to})
		}
		next = e.hi + 1
	}
	gap(next, maxRune)
	return out
}

// sweep joins lists of edges: wherever at least need of them have one, the
// result leads to join of where they lead. join may change its argument, not keep it.
func (s *Space) sweep(lists [][]edge, need int, join func([]Lang) Lang) []edge {
	var few struct { // what is mostly enough
		pos          [8]int
		active, last [8]Lang
	}
	pos, active, last := few.pos[:], few.active[:0], few.last[:0]
	from := len(s.swept) // join may sweep, too
	given := make([]Lang, 0, len(lists))
	if len(lists) > len(pos) {
		pos = make([]int, len(lists))
	}
	var to Lang // where last leads
	var made joins
	steps := 0
	for cur := rune(0); cur <= maxRune; {
		if steps++; steps == sweepSteps {
			if !s.spend(sweepSteps * (len(lists)/4 + 1)) {
				s.swept = s.swept[:from]
				return nil
			}
			steps = 0
		}
		end, some := rune(maxRune), false
		active = active[:0]
		for i, list := range lists {
			at := pos[i]
			for at < len(list) && list[at].hi < cur {
				at++
			}
			pos[i] = at
			if at == len(list) {
				continue
			}
			some = true
			if e := &list[at]; e.lo <= cur {
				active = append(active, e.to)
				end = min(end, e.hi)
			} else {
				end = min(end, e.lo-1)
			}
		}
		if !some {
			break
		}
		if len(active) >= need {
			if len(active) == 0 || !equalLangs(active, last) {
				var ok bool
				if to, ok = made.find(active); !ok {
					to = join(append(given, active...))
					made.keep(active, to)
				}
				last = append(last[:0], active...)
			}
			if to != none {
				s.swept = append(s.swept, edge{cur, end, to})
			}
		}
		cur = end + 1
	}
	out := slices.Clone(s.swept[from:])
	s.swept = s.swept[:from]
	if !s.spend(steps * (len(lists)/4 + 1)) {
		return nil
	}
	return out
}

// sweepSteps is how often sweep counts its work.
const sweepSteps = 64

func equalLangs(a, b []Lang) bool {
	if len(a) != len(b) {
		return false
	}
	for i, l := range a {
		if b[i] != l {
			return false
		}
	}
	return true
}

// compact drops edges to nothing and joins neighbours that lead to the same
// language, in place where the list is not shared.
func compact(list []edge) []edge {
	keep := 0
	for i, e := range list {
		if e.to == none || i > 0 && list[i-1].to == e.to && list[i-1].hi+1 == e.lo {
			continue
		}
		keep++
	}
	if keep == len(list) {
		return list
	}
	out := make([]edge, 0, keep)
	for _, e := range list {
		if n := len(out); n > 0 && out[n-1].to == e.to && out[n-1].hi+1 == e.lo {
			out[n-1].hi = e.hi
		} else if e.to != none {
			out = append(out, e)
		}
	}
	return out
}
