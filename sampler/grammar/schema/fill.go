package schema

import (
	"orchrt/sampler/grammar/value"
)

// words are the keywords that only mean something together.
type words struct {
	n *node

	minimum, maximum           *value.Value
	exclusiveMin, exclusiveMax *value.Value
	items, additionalItems     *value.Value
	prefixItems                *value.Value
	contains                   *value.Value
	minContains, maxContains   *value.Value
	cond, then, els            *value.Value
	typed, nullable            bool
}

// fill reads the keywords of a node.
func (c *compiler) fill(n *node) error {
	switch n.v.Kind {
	case value.True:
		return nil
	case value.False:
		n.never = true
		return nil
	case value.Object:
	default:
		return fail(n.at, "", "a schema must be an object, true or false, is %s", describe(n.v))
	}
	if err := c.spend(len(n.v.Members)); err != nil {
		return wrap(n.at, "", err)
	}
	if n.res.draft < Draft2019 {
		if ref := member(n.v, "$ref"); ref != nil {
			return c.reference(n, "$ref", ref) // the rest is ignored
		}
	}
	w := words{n: n}
	for i := range n.v.Members {
		m := &n.v.Members[i]
		if err := c.keyword(&w, m.Key, &m.Value); err != nil {
			return err
		}
	}
	c.nullable(&w)
	if err := c.bounds(&w); err != nil {
		return err
	}
	if err := c.sequence(&w); err != nil {
		return err
	}
	return c.condition(&w)
}

// keyword reads one keyword, or keeps it in w for later.
func (c *compiler) keyword(w *words, key string, v *value.Value) error {
	n, d, vocab := w.n, w.n.res.draft, w.n.res.vocab
	if vocab&validation != 0 {
		if done, err := c.validationWord(w, key, v); done || err != nil {
			return err
		}
	}
	switch key {
	case "$ref":
		return c.reference(n, key, v)
	case "$recursiveRef":
		if d == Draft2019 {
			return c.recursiveRef(n, v)
		}
	case "$dynamicRef":
		if d >= Draft2020 {
			return c.dynamicRef(n, v)
		}
	case "format":
		return c.format(n, v)
	case "unevaluatedProperties":
		if d >= Draft2019 && vocab&unevaluated != 0 {
			return c.single(&n.members().left, n, key, v)
		}
	case "unevaluatedItems":
		if d >= Draft2019 && vocab&unevaluated != 0 {
			return c.single(&n.sequence().left, n, key, v)
		}
	}
	if vocab&applicator != 0 {
		return c.applicatorWord(w, key, v)
	}
	return nil
}

// validationWord reads a keyword of the validation vocabulary.
func (c *compiler) validationWord(w *words, key string, v *value.Value) (bool, error) {
	n, d := w.n, w.n.res.draft
	switch key {
	case "type":
		w.typed = true
		return true, c.types(n, v)
	case "nullable":
		w.nullable = v.Kind == value.True
	case "enum":
		if v.Kind != value.Array {
			return true, n.expect(key, "an array", v)
		}
		n.values = append(n.values, v.Items)
	case "const":
		if d >= Draft6 {
			n.values = append(n.values, []value.Value{*v})
		}
	case "minimum":
		w.minimum = v
	case "maximum":
		w.maximum = v
	case "exclusiveMinimum":
		w.exclusiveMin = v
	case "exclusiveMaximum":
		w.exclusiveMax = v
	case "multipleOf":
		m, err := n.decimal(key, v)
		if err == nil && m.Sign() <= 0 {
			err = n.expect(key, "greater than 0", v)
		}
		n.numbers().multiple = m
		return true, err
	case "minLength":
		return true, n.count(&n.strings().min, key, v)
	case "maxLength":
		return true, n.count(&n.strings().max, key, v)
	case "pattern":
		if v.Kind != value.String {
			return true, n.expect(key, "a string", v)
		}
		l, err := c.pattern(n, key, v.Text)
		n.strings().langs = append(n.strings().langs, l)
		return true, err
	case "minItems":
		return true, n.count(&n.sequence().min, key, v)
	case "maxItems":
		return true, n.count(&n.sequence().max, key, v)
	case "uniqueItems":
		if v.Kind != value.True && v.Kind != value.False {
			return true, n.expect(key, "true or false", v)
		}
		n.sequence().unique = v.Kind == value.True
	case "minProperties":
		return true, n.count(&n.members().min, key, v)
	case "maxProperties":
		return true, n.count(&n.members().max, key, v)
	case "required":
		if c.asksNothing(n, v) {
			return true, nil
		}
		list, err := n.stringList(key, v)
		n.members().required = list
		return true, err
	case "dependentRequired":
		if d >= Draft2019 {
			return true, n.dependentRequired(v)
		}
	case "minContains":
		w.minContains = v
	case "maxContains":
		w.maxContains = v
	default:
		return false, nil
	}
	return true, nil
}

// applicatorWord reads a keyword of the applicator vocabulary.
func (c *compiler) applicatorWord(w *words, key string, v *value.Value) (err error) {
	n, d := w.n, w.n.res.draft
	switch key {
	case "allOf":
		var list []*node
		list, err = c.list(n, key, v, true)
		for _, sub := range list {
			n.all = append(n.all, edge{sub, key})
		}
	case "anyOf":
		n.any, err = c.list(n, key, v, true)
	case "oneOf":
		n.one, err = c.list(n, key, v, true)
	case "not":
		err = c.single(&n.not, n, key, v)
	case "properties":
		err = c.properties(n, v)
	case "patternProperties":
		err = c.patternProperties(n, v)
	case "additionalProperties":
		err = c.single(&n.members().additional, n, key, v)
	case "dependencies":
		err = c.dependencies(n, v)
	case "items":
		w.items = v
	case "additionalItems":
		w.additionalItems = v
	case "propertyNames":
		if d >= Draft6 {
			err = c.single(&n.members().names, n, key, v)
		}
	case "contains":
		if d >= Draft6 {
			w.contains = v
		}
	case "if":
		w.cond = v
	case "then":
		w.then = v
	case "else":
		w.els = v
	case "dependentSchemas":
		if d >= Draft2019 {
			err = c.dependentSchemas(n, v)
		}
	case "prefixItems":
		if d >= Draft2020 {
			w.prefixItems = v
		}
	}
	return err
}

// bounds reads minimum and maximum with what makes them exclusive: a number of
// its own, or (draft-04) a boolean beside them.
func (c *compiler) bounds(w *words) error {
	n := w.n
	read := func(inclusive, exclusive *value.Value, in, ex string) error {
		strict := false
		if exclusive != nil {
			if exclusive.Kind == value.True || exclusive.Kind == value.False {
				if n.res.stated && n.res.draft > Draft4 {
					return n.expect(ex, "a number", exclusive)
				}
				strict = exclusive.Kind == value.True
			} else {
				d, err := n.decimal(ex, exclusive)
				if err != nil {
					return err
				}
				n.numbers().set(ex, d)
			}
		}
		if inclusive == nil {
			return nil
		}
		d, err := n.decimal(in, inclusive)
		if err != nil {
			return err
		}
		if strict {
			in = ex
		}
		n.numbers().set(in, d)
		return nil
	}
	if err := read(w.minimum, w.exclusiveMin, "minimum", "exclusiveMinimum"); err != nil {
		return err
	}
	return read(w.maximum, w.exclusiveMax, "maximum", "exclusiveMaximum")
}

// sequence reads items with its companions, and contains with its counts.
func (c *compiler) sequence(w *words) (err error) {
	n, d := w.n, w.n.res.draft
	rest, keyword := w.items, "items"
	switch {
	case w.items != nil && w.items.Kind == value.Array:
		if d >= Draft2020 && n.res.stated {
			return n.expect("items", "a schema (an array of schemas is called prefixItems)", w.items)
		}
		if w.prefixItems != nil {
			return fail(n.at, "items", "must be a schema where prefixItems is given")
		}
		if n.sequence().prefix, err = c.list(n, "items", w.items, false); err != nil {
			return err
		}
		rest, keyword = w.additionalItems, "additionalItems"
	case w.prefixItems != nil:
		if n.sequence().prefix, err = c.list(n, "prefixItems", w.prefixItems, true); err != nil {
			return err
		}
	}
	if rest != nil {
		if err := c.single(&n.sequence().rest, n, keyword, rest); err != nil {
			return err
		}
	}
	if w.contains == nil {
		return nil
	}
	a := n.sequence()
	a.least, a.most, a.counts = 1, -1, d >= Draft2020
	if d >= Draft2019 && w.minContains != nil {
		if err := n.count(&a.least, "minContains", w.minContains); err != nil {
			return err
		}
	}
	if d >= Draft2019 && w.maxContains != nil {
		if err := n.count(&a.most, "maxContains", w.maxContains); err != nil {
			return err
		}
	}
	return c.single(&a.contains, n, "contains", w.contains)
}

// condition reads if, then and else.
func (c *compiler) condition(w *words) error {
	n := w.n
	if w.cond == nil || n.res.draft < Draft7 {
		return nil
	}
	if err := c.single(&n.cond, n, "if", w.cond); err != nil {
		return err
	}
	if w.then != nil {
		if err := c.single(&n.then, n, "then", w.then); err != nil {
			return err
		}
	}
	if w.els != nil {
		return c.single(&n.els, n, "else", w.els)
	}
	return nil
}

// format reads format: an assertion, or nothing.
func (c *compiler) format(n *node, v *value.Value) error {
	if v.Kind != value.String {
		return n.expect("format", "a string", v)
	}
	if c.opt.FormatAnnotation && n.res.vocab&formatAssertion == 0 {
		return nil
	}
	l, known := c.rx.Format(v.Text)
	if known {
		n.strings().langs = append(n.strings().langs, l)
	}
	return nil
}
