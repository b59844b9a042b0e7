package schema

import (
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/regex"
	"orchrt/sampler/grammar/value"
)

// members returns "is an object with such members".
func (c *compiler) members(n *node) (formula.F, error) {
	o, sp := n.object, c.sp
	parts := append(make([]formula.F, 0, 8), sp.Kinds(formula.Object))
	if o.min > 0 || o.max >= 0 {
		parts = append(parts, sp.Members(o.min, o.max))
	}
	names, fs := make([]string, len(o.properties)), make([]formula.F, len(o.properties))
	for i, p := range o.properties {
		f, err := c.build(p.n)
		if err != nil {
			return f, err
		}
		names[i], fs[i] = p.key, f
	}
	if len(names) > 0 {
		parts = append(parts, sp.Properties(names, fs))
	}
	for _, p := range o.patterns {
		f, err := c.build(p.n)
		if err != nil {
			return f, err
		}
		if f != sp.True() {
			parts = append(parts, sp.Every(p.keys, f))
		}
	}
	if o.additional != nil {
		f, err := c.build(o.additional)
		if err != nil {
			return f, err
		}
		if f != sp.True() {
			parts = append(parts, sp.Every(c.unnamed(o), f))
		}
	}
	if o.names != nil {
		l, err := c.namesOf(o.names)
		if err != nil {
			return sp.False(), err
		}
		if l != c.rx.All() {
			parts = append(parts, sp.Every(c.rx.Not(l), sp.False()))
		}
	}
	if len(o.required) > 0 {
		parts = append(parts, sp.Required(o.required...))
	}
	for _, d := range o.needs {
		parts = append(parts, sp.Or(sp.Property(d.key, sp.False()), sp.Required(d.also...)))
	}
	return sp.And(parts...), nil
}

// named returns the keys that properties and patternProperties speak of.
func (c *compiler) named(o *objectRules) regex.Lang {
	langs := make([]regex.Lang, 0, 1+len(o.patterns))
	if len(o.properties) > 0 {
		keys := make([]string, len(o.properties))
		for i, p := range o.properties {
			keys[i] = p.key
		}
		langs = append(langs, c.rx.Literals(keys))
	}
	for _, p := range o.patterns {
		langs = append(langs, p.keys)
	}
	return c.rx.Union(langs...)
}

// unnamed returns the keys that properties and patternProperties do not speak
// of: those of additionalProperties.
func (c *compiler) unnamed(o *objectRules) regex.Lang {
	if len(o.patterns) > 0 {
		return c.rx.Not(c.named(o))
	}
	keys := make([]string, len(o.properties))
	for i, p := range o.properties {
		keys[i] = p.key
	}
	return c.sp.Others(keys)
}

// items returns "is an array with such items".
func (c *compiler) items(n *node) (formula.F, error) {
	a, sp := n.array, c.sp
	parts := append(make([]formula.F, 0, 5+len(a.prefix)), sp.Kinds(formula.Array))
	if a.min > 0 || a.max >= 0 {
		parts = append(parts, sp.Items(a.min, a.max))
	}
	for i, p := range a.prefix {
		f, err := c.build(p)
		if err != nil {
			return f, err
		}
		if f != sp.True() {
			parts = append(parts, sp.EveryItem(i, i, f))
		}
	}
	if a.rest != nil {
		f, err := c.build(a.rest)
		if err != nil {
			return f, err
		}
		if f != sp.True() {
			parts = append(parts, sp.EveryItem(len(a.prefix), -1, f))
		}
	}
	if a.contains != nil && (a.least > 0 || a.most >= 0) {
		f, err := c.build(a.contains)
		if err != nil {
			return f, err
		}
		parts = append(parts, sp.Contains(a.least, a.most, f))
	}
	if a.unique {
		parts = append(parts, sp.Unique())
	}
	return sp.And(parts...), nil
}

// namesOf returns the strings that satisfy a node, which propertyNames demands
// of keys.
func (c *compiler) namesOf(n *node) (regex.Lang, error) {
	none := c.rx.None()
	if n.names != nil {
		return *n.names, nil
	}
	if err := c.spend(8); err != nil {
		return none, wrap(n.at, "", err)
	}
	if c.depth++; c.depth > maxDepth {
		return none, fail(n.at, "", "subschemas are nested more than %d deep, references counted", maxDepth)
	}
	n.names = &none // on a cycle: as in beside, met again it fails
	l, err := c.nameLang(n)
	c.depth--
	if n.names = &l; n.cycle != 0 {
		n.names = nil // depends on where the cycle was entered
	}
	return l, err
}

func (c *compiler) nameLang(n *node) (regex.Lang, error) {
	rx := c.rx
	if n.never || n.kinds&formula.String == 0 {
		return rx.None(), nil
	}
	var err error
	of := func(m *node) regex.Lang {
		if m == nil || err != nil {
			return rx.All()
		}
		var l regex.Lang
		l, err = c.namesOf(m)
		return l
	}
	var all []regex.Lang
	if n.text != nil {
		all = append(all, c.textLang(n))
	}
	for _, list := range n.values {
		var texts []string
		for i := range list {
			if list[i].Kind == value.String {
				texts = append(texts, list[i].Text)
			}
		}
		all = append(all, rx.Literals(texts))
	}
	for _, e := range n.all {
		all = append(all, of(e.n))
	}
	if n.any != nil {
		var any []regex.Lang
		for _, m := range n.any {
			any = append(any, of(m))
		}
		all = append(all, rx.Union(any...))
	}
	if n.one != nil {
		one, more := rx.None(), rx.None() // at least one, at least two
		for _, m := range n.one {
			l := of(m)
			more = rx.Union(more, rx.Intersect(one, l))
			one = rx.Union(one, l)
		}
		all = append(all, rx.Minus(one, more))
	}
	if n.not != nil {
		all = append(all, rx.Not(of(n.not)))
	}
	if n.cond != nil {
		cond := of(n.cond)
		all = append(all, rx.Union(rx.Intersect(cond, of(n.then)), rx.Minus(of(n.els), cond)))
	}
	return rx.Intersect(all...), err
}
