package schema

import (
	"encoding/binary"
	"slices"

	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/regex"
)

// wanted says whether it matters which members, and which items, are evaluated.
type wanted struct{ members, items bool }

func (w wanted) any() bool { return w.members || w.items }

// leftovers says which unevaluated* keywords a node has.
func (n *node) leftovers() wanted {
	return wanted{n.object != nil && n.object.left != nil, n.array != nil && n.array.left != nil}
}

// outcome is one way in which a value can satisfy a schema, and what is then
// sure to have been evaluated. What is not wanted is left empty.
type outcome struct {
	f       formula.F
	keys    regex.Lang  // of the members evaluated
	items   int         // that many items from the first; -1: all
	matched []formula.F // and the items that satisfy any of these; ascending
}

// evaluates reports whether o evaluates all that p does, as far as handles tell.
func (c *compiler) evaluates(o, p outcome) bool {
	if o.items >= 0 && (p.items < 0 || p.items > o.items) {
		return false
	}
	if o.items >= 0 {
		for _, f := range p.matched {
			if _, ok := slices.BinarySearch(o.matched, f); !ok {
				return false
			}
		}
	}
	return c.rx.Union(o.keys, p.keys) == o.keys
}

// both is the outcome when o and p occur together.
func (c *compiler) both(o, p outcome) outcome {
	r := outcome{f: c.sp.And(o.f, p.f), keys: c.rx.Union(o.keys, p.keys), items: max(o.items, p.items)}
	if o.items < 0 || p.items < 0 {
		r.items = -1
	} else if len(o.matched)+len(p.matched) > 0 {
		r.matched = slices.Concat(o.matched, p.matched)
		slices.Sort(r.matched)
		r.matched = slices.Compact(r.matched)
	}
	return r
}

// outcomes collects outcomes; those that evaluate the same are one.
type outcomes struct {
	c    *compiler
	list []outcome
	at   map[string]int
}

func (c *compiler) none() *outcomes { return &outcomes{c: c, at: map[string]int{}} }

func (c *compiler) only(o outcome) *outcomes {
	s := c.none()
	s.add(o)
	return s
}

func (s *outcomes) add(o outcome) {
	if o.f == s.c.sp.False() {
		return
	}
	k := binary.AppendVarint(nil, int64(o.keys))
	k = binary.AppendVarint(k, int64(o.items))
	for _, f := range o.matched {
		k = binary.AppendVarint(k, int64(f))
	}
	if i, ok := s.at[string(k)]; ok {
		s.list[i].f = s.c.sp.Or(s.list[i].f, o.f)
		return
	}
	s.at[string(k)] = len(s.list)
	s.list = append(s.list, o)
}

// times returns the outcomes when one of s and one of t occur together.
func (s *outcomes) times(n *node, t *outcomes) (*outcomes, error) {
	r := s.c.none()
	for _, o := range s.list {
		for _, p := range t.list {
			r.add(s.c.both(o, p))
			if err := s.c.room(n, r); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// room checks the bound on the number of outcomes.
func (c *compiler) room(n *node, s *outcomes) error {
	keyword := "unevaluatedItems"
	if n.leftovers().members || n.array == nil {
		keyword = "unevaluatedProperties"
	}
	if len(s.list) > maxCases {
		return fail(n.at, keyword, "what is evaluated depends on more than %d combinations of branches", maxCases)
	}
	if err := c.spend(8); err != nil {
		return wrap(n.at, keyword, err)
	}
	return nil
}

// split returns the formula of a node with unevaluated* keywords.
func (c *compiler) split(n *node) (formula.F, error) {
	s, err := c.outcomes(n, wanted{})
	if err != nil {
		return c.sp.False(), err
	}
	alts := make([]formula.F, len(s.list))
	for i, o := range s.list {
		alts[i] = o.f
	}
	return c.sp.Or(alts...), nil
}

// outcomes returns the ways in which a value can satisfy n.
func (c *compiler) outcomes(n *node, w wanted) (*outcomes, error) {
	if n.never {
		return c.none(), nil
	}
	left := n.leftovers()
	if !w.any() && !left.any() {
		f, err := c.assemble(n)
		return c.only(outcome{f: f, keys: c.rx.None()}), err
	}
	inner := wanted{w.members || left.members, w.items || left.items}
	s, err := c.ownOutcome(n, inner)
	if err != nil {
		return nil, err
	}
	for _, factor := range c.factors(n, inner) {
		t, err := factor()
		if err != nil {
			return nil, err
		}
		if s, err = s.times(n, t); err != nil {
			return nil, err
		}
	}
	if !left.any() && inner == w {
		return s, nil
	}
	return c.closeOff(n, s, w)
}

// closeOff applies the unevaluated* keywords of n to each outcome, after which
// everything is evaluated, and forgets what is not wanted further out.
func (c *compiler) closeOff(n *node, s *outcomes, w wanted) (*outcomes, error) {
	left, r := n.leftovers(), c.none()
	var members, items formula.F
	var err error
	if left.members {
		if members, err = c.build(n.object.left); err != nil {
			return nil, err
		}
	}
	if left.items {
		if items, err = c.build(n.array.left); err != nil {
			return nil, err
		}
	}
	for _, o := range s.list {
		if left.members {
			rest := c.sp.Every(c.rx.Not(o.keys), members)
			o.f = c.sp.And(o.f, c.sp.Or(c.sp.Kinds(formula.AnyKind&^formula.Object), rest))
			o.keys = c.rx.All()
		}
		if left.items {
			if o.items >= 0 {
				rest := c.sp.EveryItem(o.items, formula.Unbounded, c.sp.Or(append(slices.Clone(o.matched), items)...))
				o.f = c.sp.And(o.f, c.sp.Or(c.sp.Kinds(formula.AnyKind&^formula.Array), rest))
			}
			o.items, o.matched = -1, nil
		}
		if !w.members {
			o.keys = c.rx.None()
		}
		if !w.items {
			o.items, o.matched = 0, nil
		}
		r.add(o)
	}
	return r, nil
}

// ownOutcome returns what the keywords of n itself, without branches, evaluate.
func (c *compiler) ownOutcome(n *node, w wanted) (*outcomes, error) {
	f, err := c.own(n)
	o := outcome{f: f, keys: c.rx.None()}
	if err != nil {
		return nil, err
	}
	if n.object != nil && w.members {
		if o.keys = c.named(n.object); n.object.additional != nil {
			o.keys = c.rx.All()
		}
	}
	if a := n.array; a != nil && w.items {
		if o.items = len(a.prefix); a.rest != nil {
			o.items = -1
		} else if a.contains != nil && a.counts {
			m, err := c.build(a.contains)
			if err != nil {
				return nil, err
			}
			o.matched = []formula.F{m}
		}
	}
	return c.only(o), nil
}

// inside returns the outcomes of m, which n applies to its own value; compare beside.
func (c *compiler) inside(n, m *node, w wanted) (*outcomes, error) {
	if c.depth++; c.depth > maxDepth {
		return nil, fail(m.at, "", "subschemas are nested more than %d deep, references counted", maxDepth)
	}
	defer func() { c.depth-- }()
	if n.cycle == 0 || m.cycle != n.cycle {
		chain := c.chain
		c.chain = c.chain[len(chain):]
		if m.cycle != 0 {
			c.chain = append(c.chain, m)
		}
		s, err := c.remembered(m, w)
		c.chain = chain
		return s, err
	}
	if slices.Contains(c.chain, m) {
		c.looped = true
		return c.none(), nil
	}
	if c.unfolds++; c.unfolds > maxUnfolds {
		return nil, fail(m.at, "$ref", "the references form too many cycles at the same value")
	}
	c.chain = append(c.chain, m)
	s, err := c.outcomes(m, w)
	c.chain = c.chain[:len(c.chain)-1]
	return s, err
}

func (c *compiler) remembered(m *node, w wanted) (*outcomes, error) {
	k := outcomesKey{m, w}
	if s := c.splits[k]; s != nil {
		return s, nil
	}
	s, err := c.outcomes(m, w)
	if err == nil {
		if c.splits == nil {
			c.splits = map[outcomesKey]*outcomes{}
		}
		c.splits[k] = s
	}
	return s, err
}

type outcomesKey struct {
	n *node
	w wanted
}

// factors returns the branches of n: one outcome of each occurs.
func (c *compiler) factors(n *node, w wanted) []func() (*outcomes, error) {
	var list []func() (*outcomes, error)
	for _, e := range n.all {
		list = append(list, func() (*outcomes, error) { return c.inside(n, e.n, w) })
	}
	if n.any != nil {
		list = append(list, func() (*outcomes, error) { return c.anyOutcomes(n, w) })
	}
	if n.one != nil {
		list = append(list, func() (*outcomes, error) { return c.oneOutcomes(n, w) })
	}
	if n.cond != nil {
		list = append(list, func() (*outcomes, error) { return c.condOutcomes(n, w) })
	}
	for _, d := range n.deps {
		list = append(list, func() (*outcomes, error) {
			s, err := c.inside(n, d.n, w)
			if err != nil {
				return nil, err
			}
			has := c.has(d.key)
			r, err := c.only(outcome{f: has, keys: c.rx.None()}).times(n, s)
			if err == nil {
				r.add(outcome{f: c.sp.Not(has), keys: c.rx.None()})
			}
			return r, err
		})
	}
	return list
}

// anyOutcomes returns the outcomes of anyOf: of every set of branches, except
// those that evaluate no more than a smaller set does.
func (c *compiler) anyOutcomes(n *node, w wanted) (*outcomes, error) {
	single := c.none()
	for _, m := range n.any {
		s, err := c.inside(n, m, w)
		if err != nil {
			return nil, err
		}
		for _, o := range s.list {
			single.add(o)
		}
	}
	r := c.none()
	for _, o := range single.list {
		for _, p := range slices.Clone(r.list) {
			if c.evaluates(p, o) || c.evaluates(o, p) {
				continue
			}
			if both := c.both(o, p); !c.hopeless(both.f) {
				r.add(both)
			}
			if err := c.room(n, r); err != nil {
				return nil, err
			}
		}
		r.add(o)
	}
	return r, nil
}

func (c *compiler) oneOutcomes(n *node, w wanted) (*outcomes, error) {
	branches, err := c.each(n, n.one)
	if err != nil {
		return nil, err
	}
	own, err := c.own(n)
	if err != nil {
		return nil, err
	}
	others, err := c.exclusions(n, own, branches)
	if err != nil {
		return nil, err
	}
	r := c.none()
	for i, m := range n.one {
		s, err := c.inside(n, m, w)
		if err != nil {
			return nil, err
		}
		for _, o := range s.list {
			o.f = c.sp.And(o.f, others[i])
			r.add(o)
			if err := c.room(n, r); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// condOutcomes returns the outcomes of if with then, and of its failure with else.
func (c *compiler) condOutcomes(n *node, w wanted) (*outcomes, error) {
	r, err := c.inside(n, n.cond, w)
	if err != nil {
		return nil, err
	}
	if n.then != nil {
		then, err := c.inside(n, n.then, w)
		if err != nil {
			return nil, err
		}
		if r, err = r.times(n, then); err != nil {
			return nil, err
		}
	}
	cond, err := c.beside(n, n.cond)
	if err != nil {
		return nil, err
	}
	els := c.only(outcome{f: c.sp.Not(cond), keys: c.rx.None()})
	if n.els != nil {
		s, err := c.inside(n, n.els, w)
		if err != nil {
			return nil, err
		}
		if els, err = els.times(n, s); err != nil {
			return nil, err
		}
	}
	all := c.none()
	for _, o := range append(slices.Clone(r.list), els.list...) {
		all.add(o)
	}
	return all, nil
}
