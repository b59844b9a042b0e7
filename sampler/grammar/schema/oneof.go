package schema

import (
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/value"
)

// exactlyOne returns the formula of oneOf. A branch says that another one does
// not hold only if both can, where own, what n says without branches, holds.
func (c *compiler) exactlyOne(n *node, own formula.F) (formula.F, error) {
	branches, err := c.each(n, n.one)
	if err != nil {
		return c.sp.False(), err
	}
	others, err := c.exclusions(n, own, branches)
	if err != nil {
		return c.sp.False(), err
	}
	alts := make([]formula.F, len(branches))
	for i, f := range branches {
		alts[i] = c.sp.And(f, others[i])
	}
	return c.sp.Or(alts...), nil
}

// exclusions returns for each branch of oneOf that the others do not hold, as
// far as that does not go without saying.
func (c *compiler) exclusions(n *node, own formula.F, branches []formula.F) ([]formula.F, error) {
	outer := n.surely(nil)
	overlaps := make([][]formula.F, len(branches))
	for i := range branches {
		for j := i + 1; j < len(branches); j++ {
			if err := c.spend(4); err != nil {
				return nil, wrap(n.at, "oneOf", err)
			}
			f, g := branches[i], branches[j]
			if f == c.sp.False() || g == c.sp.False() || disjoint(n.one[i], n.one[j], outer, 3) || c.hopeless(own, f, g) {
				continue
			}
			overlaps[i] = append(overlaps[i], branches[j])
			overlaps[j] = append(overlaps[j], branches[i])
		}
	}
	out := make([]formula.F, len(branches))
	for i, list := range overlaps {
		not := make([]formula.F, len(list))
		for k, f := range list {
			not[k] = c.sp.Not(f)
		}
		if out[i] = c.sp.And(not...); c.sp.Err() != nil {
			return nil, wrap(n.at, "oneOf", c.sp.Err())
		}
	}
	return out, nil
}

// hopeless reports whether it is certain that no value is in all of fs. It does
// not know while references still wait for their definitions.
func (c *compiler) hopeless(fs ...formula.F) bool {
	if c.pending > 0 || c.sp.Err() != nil {
		return false
	}
	f := c.sp.And(fs...)
	if f == c.sp.False() {
		return true
	}
	if c.trials == 0 {
		return false
	}
	// A hard question may stay open, but must not use up what Compile needs.
	if c.sp.Budget().Left() < 2*trialSteps {
		return false
	}
	c.trials--
	var some bool
	var err error
	c.sp.Spending(trialSteps, func() { some, err = c.sp.Satisfiable(f) })
	return err == nil && !some
}

// surely adds to list the members that n requires apart from its branches.
func (n *node) surely(list []string) []string {
	if n.object != nil {
		list = append(list, n.object.required...)
	}
	return list
}

// shape is what is easily seen of a node: an outline of the values that satisfy
// it, which may be too wide.
type shape struct {
	kinds    formula.Kinds
	finite   bool            // values holds all there are
	values   map[string]bool // canonical texts
	required []string
	props    map[string][]*node // what members must satisfy, by name
	closed   []*objectRules     // additionalProperties: false
}

// outline returns the shape of a node. follow bounds the references followed.
func (n *node) outline(follow int) *shape {
	if n.shape != nil {
		return n.shape
	}
	s := &shape{kinds: n.kinds}
	n.shape = s // on a cycle: a wider outline, which is what is known so far
	if n.never {
		s.kinds = 0
		return s
	}
	for _, list := range n.values {
		s.limit(list)
	}
	if o := n.object; o != nil {
		s.required = append(s.required, o.required...)
		for _, p := range o.properties {
			s.addProp(p.key, p.n)
		}
		if o.additional != nil && o.additional.never {
			s.closed = append(s.closed, o)
		}
	}
	if follow > 0 {
		for _, e := range n.all {
			s.meet(e.n.outline(follow - 1))
		}
		if n.any != nil {
			s.kinds &= kindsOf(n.any, follow-1)
		}
		if n.one != nil {
			s.kinds &= kindsOf(n.one, follow-1)
		}
	}
	return s
}

func kindsOf(list []*node, follow int) (k formula.Kinds) {
	for _, m := range list {
		k |= m.outline(follow).kinds
	}
	return k
}

// limit narrows a shape to the values of an enum.
func (s *shape) limit(list []value.Value) {
	const many = 64
	var kinds formula.Kinds
	values := map[string]bool{}
	for i := range list {
		kinds |= kindOf(&list[i])
		if len(list) <= many {
			if t := list[i].Canonical(); !s.finite || s.values[t] {
				values[t] = true
			}
		}
	}
	s.kinds &= kinds
	if len(list) <= many {
		s.finite, s.values = true, values
	}
}

func (s *shape) addProp(key string, n *node) {
	if s.props == nil {
		s.props = map[string][]*node{}
	}
	s.props[key] = append(s.props[key], n)
}

// meet narrows a shape by another one of the same value.
func (s *shape) meet(t *shape) {
	s.kinds &= t.kinds
	if t.finite && !s.finite {
		s.finite, s.values = true, t.values
	}
	s.required = append(s.required, t.required...)
	for key, list := range t.props {
		for _, n := range list {
			s.addProp(key, n)
		}
	}
	s.closed = append(s.closed, t.closed...)
}

// disjoint reports whether two nodes certainly have no value in common that has
// the members outer if it is an object: they differ in kind, in their values, or
// in a member that must be there.
func disjoint(a, b *node, outer []string, depth int) bool {
	s, t := a.outline(4), b.outline(4)
	common := s.kinds & t.kinds
	if common == 0 {
		return true
	}
	if s.finite && t.finite {
		for text := range s.values {
			if t.values[text] {
				return false
			}
		}
		return true
	}
	return common == formula.Object && depth > 0 &&
		(s.excludes(t, s.required, depth) || t.excludes(s, t.required, depth) || s.excludes(t, outer, depth) || t.excludes(s, outer, depth))
}

// excludes reports whether a member that must be there, as s has it, makes t
// impossible.
func (s *shape) excludes(t *shape, required []string, depth int) bool {
	for _, key := range required {
		for _, o := range t.closed {
			if len(o.patterns) == 0 && !o.has(key) {
				return true
			}
		}
		for _, p := range s.props[key] {
			for _, q := range t.props[key] {
				if disjoint(p, q, nil, depth-1) {
					return true
				}
			}
		}
	}
	return false
}

func (o *objectRules) has(key string) bool {
	if o.keys == nil {
		o.keys = make(map[string]bool, len(o.properties))
		for _, p := range o.properties {
			o.keys[p.key] = true
		}
	}
	return o.keys[key]
}
