package jinja

import (
	"math"
	"unicode"

	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

var modulo = &tokens.Token{Type: tokens.Modulo, Val: "%"}

// testNode is "x is name" or "x is name(args)".
func (m *machine) testNode(n *nodes.TestExpression) Value {
	v := m.eval(n.Expression)
	list := n.Test.Args
	if len(list) == 1 {
		if t, ok := list[0].(*nodes.Tuple); ok {
			list = t.Val
		}
	}
	return m.test(n.Test.Name, v, m.args(list, nil))
}

// test runs a test.
func (m *machine) test(name string, v Value, a *args) bool {
	if want, ok := typeTest(name, v); ok {
		if len(a.list) > 0 {
			throw("the test %q takes no argument", name)
		}
		return want
	}
	if op, ok := compareTests[name]; ok {
		return m.compare(op, v, a.needs(0, "other", "the test "+name))
	}
	switch name {
	case "divisibleby":
		return !truth(m.arithmetic(modulo, v, a.needs(0, "num", "divisibleby")))
	case "even":
		return !truth(m.arithmetic(modulo, v, int64(2)))
	case "odd":
		return m.equal(m.arithmetic(modulo, v, int64(2)), int64(1))
	case "sameas":
		return same(v, a.needs(0, "other", "sameas"))
	}
	throw("there is no test %q", name)
	return false
}

var compareTests = map[string]string{
	"eq": "==", "equalto": "==", "==": "==", "ne": "!=", "!=": "!=", "lt": "<", "lessthan": "<", "<": "<",
	"le": "<=", "<=": "<=", "gt": ">", "greaterthan": ">", ">": ">", "ge": ">=", ">=": ">=", "in": "in",
}

// same is Python's "is", for values whose identity does not depend on the
// interpreter.
func same(a, b Value) bool {
	switch a.(type) {
	case Undefined:
		return false
	case Str:
		y, ok := b.(Str)
		return ok && a.(Str).S == y.S
	}
	if f, ok := a.(float64); ok && math.IsNaN(f) {
		return false
	}
	return a == b
}

// typeTest runs the tests that need no argument; ok is false for others.
func typeTest(name string, v Value) (result, ok bool) {
	_, undefined := v.(Undefined)
	_, str := v.(Str)
	_, float := v.(float64)
	_, boolean := v.(bool)
	_, list := v.(*List)
	d, dict := v.(*Dict)
	dict = dict && !d.Namespace
	integer := false
	switch v.(type) {
	case int64, Big:
		integer = true
	}
	switch name {
	case "defined":
		return !undefined, true
	case "undefined":
		return undefined, true
	case "none":
		return v == nil, true
	case "true":
		return boolean && v == true, true
	case "false":
		return boolean && v == false, true
	case "boolean":
		return boolean, true
	case "string":
		return str, true
	case "integer":
		return integer, true
	case "float":
		return float, true
	case "number":
		return integer || float || boolean, true
	case "mapping":
		return dict, true
	case "sequence":
		return str || list || dict || undefined, true
	case "iterable":
		return str || list || dict || undefined, true
	case "callable":
		return callable(v), true
	case "lower":
		return cased(v, unicode.IsLower, unicode.IsUpper), true
	case "upper":
		return cased(v, unicode.IsUpper, unicode.IsLower), true
	}
	return false, false
}

func callable(v Value) bool {
	switch v.(type) {
	case *Func, *loop:
		return true
	}
	return false
}

// cased is str.islower or str.isupper: some letter is, and none is otherwise.
func cased(v Value, is, not func(rune) bool) bool {
	s, ok := v.(Str)
	if !ok {
		return false
	}
	some := false
	for _, r := range s.S {
		if not(r) || unicode.IsTitle(r) {
			return false
		}
		some = some || is(r)
	}
	return some
}
