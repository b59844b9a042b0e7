package schema

import (
	"strconv"

	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/number"
	"orchrt/sampler/grammar/regex"
	"orchrt/sampler/grammar/value"
)

// member returns the value of a member of an object, nil if there is none.
func member(v *value.Value, key string) *value.Value {
	if v.Kind != value.Object {
		return nil
	}
	for i := range v.Members {
		if v.Members[i].Key == key {
			return &v.Members[i].Value
		}
	}
	return nil
}

// describe names a value in an error: its text if that is short, else its kind.
func describe(v *value.Value) string {
	switch v.Kind {
	case value.Null:
		return "null"
	case value.True:
		return "true"
	case value.False:
		return "false"
	case value.Array:
		return "an array"
	case value.Object:
		return "an object"
	case value.Number:
		if len(v.Text) <= 32 {
			return v.Text
		}
		return "a number"
	}
	if len(v.Text) <= 32 {
		return strconv.Quote(v.Text)
	}
	return "a string"
}

// expect reports a keyword whose value is of the wrong kind.
func (n *node) expect(keyword, what string, v *value.Value) error {
	return fail(n.at, keyword, "must be %s, is %s", what, describe(v))
}

// count reads a non-negative integer.
func (n *node) count(dst *int, keyword string, v *value.Value) error {
	if v.Kind == value.Number {
		if d, err := number.Parse(v.Text); err == nil {
			if i, ok := d.Int(); ok && i >= 0 {
				*dst = i
				return nil
			}
			if i, ok := clamp(d); ok {
				*dst = i
				return nil
			}
		}
	}
	return n.expect(keyword, "a non-negative integer", v)
}

// clamp returns a count that no document reaches for a larger integer.
func clamp(d number.Decimal) (int, bool) {
	const huge = 1 << 53
	h, err := number.Parse(strconv.Itoa(huge))
	if err != nil || d.Cmp(h) < 0 || !d.IsInteger() {
		return 0, false
	}
	return huge, true
}

func (n *node) decimal(keyword string, v *value.Value) (*number.Decimal, error) {
	if v.Kind != value.Number {
		return nil, n.expect(keyword, "a number", v)
	}
	d, err := number.Parse(v.Text)
	if err != nil {
		return nil, wrap(n.at, keyword, err)
	}
	return &d, nil
}

func (n *node) stringList(keyword string, v *value.Value) ([]string, error) {
	if v.Kind != value.Array {
		return nil, n.expect(keyword, "an array of strings", v)
	}
	list := make([]string, len(v.Items))
	for i := range v.Items {
		if v.Items[i].Kind != value.String {
			return nil, fail(n.at, keyword, "must be an array of strings, item %d is %s", i, describe(&v.Items[i]))
		}
		list[i] = v.Items[i].Text
	}
	return list, nil
}

// types reads type.
func (c *compiler) types(n *node, v *value.Value) error {
	list := []value.Value{*v}
	if v.Kind == value.Array {
		if list = v.Items; len(list) == 0 {
			return fail(n.at, "type", "must name at least one type")
		}
	}
	n.kinds = 0
	whole, broken := false, false
	for i := range list {
		t := &list[i]
		if t.Kind != value.String {
			return n.expect("type", "the name of a type or an array of such names", t)
		}
		name, free := c.typeName(n, t.Text)
		if free {
			n.kinds = formula.AnyKind
			return nil
		}
		switch name {
		case "null":
			n.kinds |= formula.Null
		case "boolean":
			n.kinds |= formula.Boolean
		case "number":
			n.kinds |= formula.Number
			broken = true
		case "integer":
			n.kinds |= formula.Number
			whole = true
		case "string":
			n.kinds |= formula.String
		case "array":
			n.kinds |= formula.Array
		case "object":
			n.kinds |= formula.Object
		default:
			return unknownType(n, name)
		}
	}
	n.whole = whole && !broken
	return nil
}

// pattern compiles a regular expression, each text once.
func (c *compiler) pattern(n *node, keyword, text string) (regex.Lang, error) {
	if l, ok := c.patterns[text]; ok {
		return l, nil
	}
	l, err := c.rx.Pattern(text)
	if err != nil {
		return l, wrap(n.at, keyword, err)
	}
	c.patterns[text] = l
	return l, nil
}

// kindOf returns the kind of a value.
func kindOf(v *value.Value) formula.Kinds {
	switch v.Kind {
	case value.Null:
		return formula.Null
	case value.False:
		return formula.False
	case value.True:
		return formula.True
	case value.Number:
		return formula.Number
	case value.String:
		return formula.String
	case value.Array:
		return formula.Array
	}
	return formula.Object
}
