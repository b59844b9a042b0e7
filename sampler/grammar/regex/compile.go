package regex

import (
	"fmt"
	"slices"
)

// compiler turns a tree with assertions into a language. A tree is compiled
// together with what must match after it, so that an assertion about what comes
// next is an intersection. An assertion about what came before asks a tracked
// language, one for each such assertion: the strings after which it holds. The
// compiler carries the derivatives of all tracked languages by what was read,
// the context. Loops around assertions become recursive definitions.
type compiler struct {
	s        *Space
	tracked  []Lang
	contexts [][]Lang
	byKey    map[string]int
	rests    map[restKey]*rest
	results  map[resultKey]Lang
	ends     map[Lang]*rest
}

// rest is what must match after a tree: tree and then next, or the strings of
// end.
type rest struct {
	id     int
	tree   *tree // nil: end
	from   int   // of a concatenation: the kids from here on
	loop   bool  // tree is a repetition that came round
	next   *rest
	end    Lang
	behind bool // an assertion about what came before is among it
}

type restKey struct {
	tree *tree
	from int
	loop bool
	next int
}

type resultKey struct {
	tree    *tree // of a loop; nil: the rest itself
	rest    int
	context int
	must    bool
}

func newCompiler(s *Space, t *tree) *compiler {
	c := &compiler{s: s, byKey: map[string]int{}, rests: map[restKey]*rest{}, results: map[resultKey]Lang{}, ends: map[Lang]*rest{}}
	if !t.pure {
		c.track(t)
	}
	return c
}

// track finds the tracked languages of the assertions in t.
func (c *compiler) track(t *tree) {
	s := c.s
	switch t.op {
	case opBegin:
		l := empty
		if t.lines {
			l = s.union2(empty, s.concat(all, s.class(lineSet())))
		}
		t.tracked = c.trackLang(l)
	case opWord:
		t.tracked = c.trackLang(s.concat(all, s.class(wordSet())))
	case opBehind:
		if !t.kids[0].backward() {
			panic(parseFailure{&PatternError{t.offset, "look-behind around what looks ahead"}})
		}
		t.tracked = c.trackLang(s.endingWith(t.kids[0]))
		return
	}
	for _, k := range t.kids {
		if !k.pure {
			c.track(k)
		}
	}
}

// backward reports whether t looks at nothing that comes after it.
func (t *tree) backward() bool {
	if t.op == opEnd || t.op == opWord || t.op == opAhead {
		return false
	}
	for _, k := range t.kids {
		if !k.backward() {
			return false
		}
	}
	return true
}

func (c *compiler) trackLang(l Lang) int {
	if i := slices.Index(c.tracked, l); i >= 0 {
		return i
	}
	c.tracked = append(c.tracked, l)
	return len(c.tracked) - 1
}

// start is the context before the first character.
func (c *compiler) start() int { return c.context(c.tracked) }

func (c *compiler) context(list []Lang) int {
	key := langKey(list)
	id, ok := c.byKey[key]
	if !ok {
		id = len(c.contexts)
		c.contexts = append(c.contexts, list)
		c.byKey[key] = id
	}
	return id
}

// final is the rest that is the language l.
func (c *compiler) final(l Lang) *rest {
	r := c.ends[l]
	if r == nil {
		r = &rest{id: len(c.ends) + len(c.rests), end: l}
		c.ends[l] = r
	}
	return r
}

// then is the rest that begins with the kids of t from number from on (all of t
// if it is no concatenation) and goes on with next.
func (c *compiler) then(t *tree, from int, loop bool, next *rest) *rest {
	if t.op == opCat && from == len(t.kids) {
		return next
	}
	key := restKey{t, from, loop, next.id}
	r := c.rests[key]
	if r == nil {
		r = &rest{id: len(c.ends) + len(c.rests), tree: t, from: from, loop: loop, next: next, behind: next.behind}
		if t.op == opCat {
			r.behind = r.behind || from < t.lookers
		} else {
			r.behind = r.behind || t.behind
		}
		c.rests[key] = r
	}
	return r
}

// follow is the language of r in a context. With must set, no character was
// read since the loop around began, and one must be.
func (c *compiler) follow(r *rest, context int, must bool) Lang {
	if r.tree == nil {
		return r.end
	}
	if r.loop && must {
		return none // rounds that read nothing are left out
	}
	if !r.behind {
		context = 0
	}
	key := resultKey{nil, r.id, context, must}
	if l, ok := c.results[key]; ok {
		return l
	}
	var l Lang
	if r.tree.op == opCat {
		l = c.followCat(r, context, must)
	} else {
		l = c.match(r.tree, r.next, context, must)
	}
	c.results[key] = l
	return l
}

// followCat takes the kids up to the first assertion at once.
func (c *compiler) followCat(r *rest, context int, must bool) Lang {
	kids, end := r.tree.kids, r.from
	for end < len(kids) && kids[end].pure {
		end++
	}
	if next := c.then(r.tree, end, false, r.next); end > r.from && !next.behind {
		return c.matchPure(c.s.pureCat(kids[r.from:end]), next, must)
	}
	return c.match(kids[r.from], c.then(r.tree, r.from+1, false, r.next), context, must)
}

// matchPure is the language of l and then next, which does not look back.
func (c *compiler) matchPure(l Lang, next *rest, must bool) Lang {
	s := c.s
	if !must {
		return s.concat(l, c.follow(next, 0, false))
	}
	out := s.concat(s.inter2(l, s.Length(1, Unbounded)), c.follow(next, 0, false))
	if s.null(l) == yes {
		out = s.union2(out, c.follow(next, 0, true))
	}
	return out
}

// match is the language of t and then next in a context.
func (c *compiler) match(t *tree, next *rest, context int, must bool) Lang {
	s := c.s
	if !s.spend(64) {
		panic(parseFailure{s.err})
	}
	if t.pure && !next.behind {
		return c.matchPure(s.pure(t), next, must)
	}
	switch t.op {
	case opSet:
		return c.matchSet(t.set, next, context)
	case opCat:
		return c.follow(c.then(t, 0, false, next), context, must)
	case opAlt:
		list := make([]Lang, len(t.kids))
		for i, k := range t.kids {
			list[i] = c.match(k, next, context, must)
		}
		return s.union(list)
	case opRep:
		return c.matchRepeat(t, next, context, must)
	}
	return c.matchAssertion(t, next, context, must)
}

// matchSet splits the set by the contexts that its characters lead to.
func (c *compiler) matchSet(chars set, next *rest, context int) Lang {
	s := c.s
	var out []Lang
	rest := chars
	for len(rest) > 0 {
		r := rest[0].lo
		same := rest
		list := make([]Lang, len(c.tracked))
		for i, l := range c.contexts[context] {
			list[i] = s.Derive(l, r)
			var d set
			for _, e := range s.edges(l) {
				if e.to == list[i] {
					d = append(d, crange{e.lo, e.hi})
				}
			}
			if list[i] == none {
				for _, e := range s.edges(l) {
					d = append(d, crange{e.lo, e.hi})
				}
				d = normal(d).complement()
			}
			same = same.intersect(d)
		}
		if !s.spend(200 + 4*len(rest)) {
			panic(parseFailure{s.err})
		}
		out = append(out, s.concat(s.class(same), c.follow(next, c.context(list), false)))
		rest = rest.minus(same)
	}
	return s.union(out)
}

func (c *compiler) matchAssertion(t *tree, next *rest, context int, must bool) Lang {
	s := c.s
	var l Lang
	switch t.op {
	case opBegin, opBehind:
		if (s.null(c.contexts[context][t.tracked]) == yes) == t.neg {
			return none
		}
		return c.follow(next, context, must)
	case opEnd:
		l = empty
		if t.lines {
			l = s.union2(empty, s.concat(s.class(lineSet()), all))
		}
	case opWord:
		l = s.concat(s.class(wordSet()), all)
		if (s.null(c.contexts[context][t.tracked]) == yes) != t.neg {
			l = s.Not(l)
		}
	case opAhead:
		if l = c.match(t.kids[0], c.final(all), context, false); t.neg {
			l = s.Not(l)
		}
	}
	return s.inter2(l, c.follow(next, context, must))
}

// matchRepeat compiles a repetition that holds an assertion or comes before
// one that looks back.
func (c *compiler) matchRepeat(t *tree, next *rest, context int, must bool) Lang {
	s := c.s
	body := t.kids[0]
	if t.min > 0 || t.max < Unbounded {
		if t.max == 0 {
			return c.follow(next, context, must)
		}
		return c.unroll(t, next, context, must)
	}
	if must {
		return s.union2(c.follow(next, context, true), c.match(body, c.then(t, 0, true, next), context, true))
	}
	if !next.behind && !t.behind {
		context = 0
	}
	key := resultKey{t, next.id, context, false}
	if l, ok := c.results[key]; ok {
		return l
	}
	ref := s.declare()
	c.results[key] = ref
	def := s.union2(c.follow(next, context, false), c.match(body, c.then(t, 0, true, next), context, true))
	s.define(ref, def)
	return ref
}

// unroll compiles one round of a bounded repetition.
func (c *compiler) unroll(t *tree, next *rest, context int, must bool) Lang {
	if t.less == nil {
		if n := max(t.min, t.max%Unbounded); n > maxUnroll {
			panic(parseFailure{&PatternError{t.offset, fmt.Sprintf("%d repetitions around or before an assertion, at most %d are taken", n, maxUnroll)}})
		}
		less := *t
		less.min, less.max = max(t.min-1, 0), lessOne(t.max)
		less.made, less.less = false, nil
		t.less = &less
	}
	l := c.match(t.kids[0], c.then(t.less, 0, false, next), context, must)
	if t.min == 0 {
		l = c.s.union2(l, c.follow(next, context, must))
	}
	return l
}

// declare makes a language that is defined later. Until then it must stand only
// behind a character.
func (s *Space) declare() Lang {
	if !s.spend(4) {
		panic(parseFailure{s.err})
	}
	s.active++
	return s.add(node{kind: kRef, x: int32(s.count), open: true, long: farAway})
}

func (s *Space) define(ref, def Lang) {
	s.active--
	n := s.at(ref)
	n.list, n.open = []Lang{def}, false
}
