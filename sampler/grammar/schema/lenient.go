package schema

import (
	"strconv"
	"strings"

	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/value"
)

// Misspelling is a keyword that Options.Lenient had read as something else.
type Misspelling struct {
	Error          // what is malformed
	Meaning string // what it was read as
}

// anyType stands for all types in typeNames.
const anyType = "any value"

// typeNames are the types that are meant by the names that they have elsewhere,
// in lower case: in Python, Java and JavaScript, as function-calling data sets
// have them, and in capitals in Google's dialect.
var typeNames = map[string]string{
	"object": "object", "dict": "object", "map": "object", "hashmap": "object", "record": "object",
	"array": "array", "list": "array", "tuple": "array", "arraylist": "array",
	"string": "string", "str": "string", "text": "string", "char": "string",
	"number": "number", "float": "number", "double": "number", "decimal": "number",
	"integer": "integer", "int": "integer", "long": "integer", "short": "integer", "int32": "integer", "int64": "integer",
	"boolean": "boolean", "bool": "boolean",
	"null": "null", "none": "null", "nonetype": "null",
	"any": anyType,
}

// typeName returns the type that name stands for, or name; free: all types.
func (c *compiler) typeName(n *node, name string) (_ string, free bool) {
	if c.opt.Lenient == nil {
		return name, false
	}
	meant := typeNames[strings.ToLower(name)]
	switch meant {
	case "", name:
		return name, false
	case anyType:
		c.opt.Lenient(&Misspelling{*unknownType(n, name), meant})
		return "", true
	}
	c.opt.Lenient(&Misspelling{*unknownType(n, name), strconv.Quote(meant)})
	return meant, false
}

func unknownType(n *node, name string) *Error {
	return fail(n.at, "type", "%q is no type: expected null, boolean, integer, number, string, array or object", name)
}

// asksNothing reports that v, the value of required, is one that may be read as
// no names: drafts up to 3 have a boolean there, and some writers null.
func (c *compiler) asksNothing(n *node, v *value.Value) bool {
	if c.opt.Lenient == nil || v.Kind != value.True && v.Kind != value.False && v.Kind != value.Null {
		return false
	}
	c.opt.Lenient(&Misspelling{*fail(n.at, "required", "must be an array of strings, is %s", describe(v)), "no names"})
	return true
}

// nullable reads nullable with type: OpenAPI 3.0.3 lets it say no more than that
// null is one of the types, and nothing without them.
func (c *compiler) nullable(w *words) {
	n := w.n
	if !w.nullable || !w.typed || n.kinds&formula.Null != 0 || c.opt.Nullable == nil {
		return
	}
	if c.opt.Nullable(fail(n.at, "nullable", "is a keyword of OpenAPI 3.0, not of JSON Schema, where null is one of the types")) {
		n.kinds |= formula.Null
	}
}
