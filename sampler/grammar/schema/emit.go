package schema

import (
	"slices"

	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/number"
	"orchrt/sampler/grammar/regex"
)

// emit returns the formula of the root.
func (c *compiler) emit(root *node) (formula.F, error) {
	f, err := c.build(root)
	if err != nil {
		return c.sp.False(), err
	}
	if c.looped && f == c.sp.False() {
		return f, fail(root.at, "$ref", "the references lead back to where they started without looking at any part of the value: no value is valid")
	}
	return f, nil
}

// build returns the formula of a node, a declared reference if the node is
// being built further up: a part of a value is then looked at in between.
func (c *compiler) build(n *node) (formula.F, error) {
	switch n.state {
	case built:
		return n.formula, nil
	case building:
		if !n.hasRef {
			n.ref, n.hasRef = c.sp.Declare(), true
			c.pending++
		}
		return n.ref, nil
	}
	if c.depth++; c.depth > maxDepth {
		return c.sp.False(), fail(n.at, "", "subschemas are nested more than %d deep, references counted", maxDepth)
	}
	if err := c.spend(8); err != nil {
		return c.sp.False(), wrap(n.at, "", err)
	}
	n.state = building
	chain := c.chain
	c.chain = c.chain[len(chain):]
	if n.cycle != 0 {
		c.chain = append(c.chain, n)
	}
	f, err := c.assemble(n)
	c.chain = chain
	c.depth--
	if err != nil {
		return f, err
	}
	if n.hasRef {
		c.sp.Define(n.ref, f)
		c.pending--
	}
	n.state, n.formula = built, f
	return f, nil
}

// beside returns the formula of m, which n applies to its own value. A cycle
// that both are on is unfolded.
func (c *compiler) beside(n, m *node) (formula.F, error) {
	if n.cycle == 0 || m.cycle != n.cycle {
		return c.build(m)
	}
	if slices.Contains(c.chain, m) {
		c.looped = true
		return c.sp.False(), nil
	}
	if c.unfolds++; c.unfolds > maxUnfolds {
		return c.sp.False(), fail(m.at, "$ref", "the references form too many cycles at the same value")
	}
	c.chain = append(c.chain, m)
	f, err := c.assemble(m)
	c.chain = c.chain[:len(c.chain)-1]
	return f, err
}

// assemble returns the formula of a node from those of its parts.
func (c *compiler) assemble(n *node) (formula.F, error) {
	if n.never {
		return c.sp.False(), nil
	}
	if n.leftovers().any() {
		return c.split(n)
	}
	own, err := c.own(n)
	if err != nil {
		return own, err
	}
	parts := append(make([]formula.F, 0, 8), own)
	add := func(f formula.F, e error) {
		parts = append(parts, f)
		if err == nil {
			err = e
		}
	}
	for _, e := range n.all {
		add(c.beside(n, e.n))
	}
	if n.any != nil {
		list, e := c.each(n, n.any)
		add(c.sp.Or(list...), e)
	}
	if n.one != nil {
		add(c.exactlyOne(n, own))
	}
	if n.cond != nil && (n.then != nil || n.els != nil) {
		add(c.conditional(n))
	}
	for _, d := range n.deps {
		f, e := c.beside(n, d.n)
		add(c.sp.Or(c.sp.Not(c.has(d.key)), f), e)
	}
	if err != nil {
		return own, err
	}
	f := c.sp.And(parts...)
	if err := c.sp.Err(); err != nil {
		return f, wrap(n.at, "", err)
	}
	return f, nil
}

func (c *compiler) each(n *node, list []*node) ([]formula.F, error) {
	fs := make([]formula.F, len(list))
	for i, m := range list {
		f, err := c.beside(n, m)
		if err != nil {
			return nil, err
		}
		fs[i] = f
	}
	return fs, nil
}

// conditional returns if ∧ then ∨ ¬if ∧ else.
func (c *compiler) conditional(n *node) (formula.F, error) {
	cond, err := c.beside(n, n.cond)
	if err != nil {
		return cond, err
	}
	branch := func(m *node) formula.F {
		if m == nil || err != nil {
			return c.sp.True()
		}
		var f formula.F
		f, err = c.beside(n, m)
		return f
	}
	then, els := branch(n.then), branch(n.els)
	if err != nil {
		return cond, err
	}
	return c.sp.Or(c.sp.And(cond, then), c.sp.And(c.sp.Not(cond), els)), nil
}

// has returns "is an object with the member key".
func (c *compiler) has(key string) formula.F {
	return c.sp.Required(key)
}

// own returns what a node says without its branches: kinds, values, bounds,
// members, items and not.
func (c *compiler) own(n *node) (formula.F, error) {
	f, err := c.typed(n)
	if err != nil {
		return f, err
	}
	for _, list := range n.values {
		if err := c.spend(8 * len(list)); err != nil {
			return f, wrap(n.at, "enum", err)
		}
		f = c.sp.And(f, c.sp.Enum(list))
	}
	if n.not != nil {
		sub, err := c.beside(n, n.not)
		if err != nil {
			return f, err
		}
		f = c.sp.And(f, c.sp.Not(sub))
		if err := c.sp.Err(); err != nil {
			return f, wrap(n.at, "not", err)
		}
	}
	return f, nil
}

// typed returns the formula of type and of the keywords that concern one kind
// of value: a disjunction over the kinds.
func (c *compiler) typed(n *node) (formula.F, error) {
	kinds := n.kinds
	alts := make([]formula.F, 1, 5)
	if kinds&formula.Number != 0 && (n.whole || n.number != nil) {
		set, err := numbers(n)
		if err != nil {
			return c.sp.False(), err
		}
		kinds &^= formula.Number
		alts = append(alts, c.sp.Number(set))
	}
	if kinds&formula.String != 0 && n.text != nil {
		kinds &^= formula.String
		alts = append(alts, c.sp.String(c.textLang(n)))
	}
	if kinds&formula.Object != 0 && n.object != nil {
		f, err := c.members(n)
		if err != nil {
			return f, err
		}
		kinds &^= formula.Object
		alts = append(alts, f)
	}
	if kinds&formula.Array != 0 && n.array != nil {
		f, err := c.items(n)
		if err != nil {
			return f, err
		}
		kinds &^= formula.Array
		alts = append(alts, f)
	}
	if alts[0] = c.sp.Kinds(kinds); len(alts) == 1 {
		return alts[0], nil
	}
	return c.sp.Or(alts...), nil
}

// numbers returns the numbers that a node allows.
func numbers(n *node) (number.Set, error) {
	set := number.All()
	if n.whole {
		set = number.Integers()
		if n.res.draft == Draft4 {
			set = set.InDigits() // there, 1.0 is no integer
		}
	}
	r := n.number
	if r == nil {
		return set, nil
	}
	for _, b := range [...]struct {
		keyword string
		bound   *number.Decimal
		numbers func(number.Decimal) number.Set
	}{
		{"minimum", r.low, number.AtLeast},
		{"exclusiveMinimum", r.above, number.Above},
		{"maximum", r.high, number.AtMost},
		{"exclusiveMaximum", r.below, number.Below},
	} {
		if b.bound == nil {
			continue
		}
		s := b.numbers(*b.bound)
		if err := s.Err(); err != nil {
			return set, wrap(n.at, b.keyword, err)
		}
		set = set.Intersect(s)
	}
	if r.multiple != nil {
		m, err := number.Multiples(*r.multiple)
		if err != nil {
			return set, wrap(n.at, "multipleOf", err)
		}
		set = set.Intersect(m)
	}
	if err := set.Err(); err != nil {
		return set, wrap(n.at, "multipleOf", err)
	}
	return set, nil
}

// textLang returns the strings that lengths, pattern and format allow.
func (c *compiler) textLang(n *node) regex.Lang {
	langs := n.text.langs
	if n.text.min > 0 || n.text.max >= 0 {
		most := int64(n.text.max)
		if most < 0 {
			most = regex.Unbounded
		}
		langs = append(slices.Clip(langs), c.rx.Length(int64(n.text.min), most))
	}
	return c.rx.Intersect(langs...)
}
