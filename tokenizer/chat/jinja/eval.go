package jinja

import (
	"strconv"
	"strings"

	"github.com/nikolalohinski/gonja/v2/nodes"
)

// eval evaluates an expression.
func (m *machine) eval(e nodes.Node) Value {
	m.work(stepCost)
	m.enter()
	defer m.leave()
	switch n := e.(type) {
	case *nodes.None:
		return nil
	case *nodes.Bool:
		return n.Val
	case *nodes.Integer:
		return int64(n.Val)
	case *nodes.Float:
		return n.Val
	case *nodes.String:
		i, _ := strconv.Atoi(n.Val)
		return Literal(m.template.literals[i])
	case *nodes.Name:
		return m.name(n.Name.Val)
	case *nodes.List:
		return m.list(m.evalAll(n.Val))
	case *nodes.Tuple:
		l := m.list(m.evalAll(n.Val))
		l.Tuple = true
		return l
	case *nodes.Dict:
		d := NewDict()
		for _, p := range n.Pairs {
			m.work(itemCost)
			d.Set(m.eval(p.Key), m.eval(p.Value))
		}
		return d
	case *nodes.Negation:
		return !truth(m.eval(n.Term))
	}
	return m.evalCompound(e)
}

// evalCompound evaluates what has operands.
func (m *machine) evalCompound(e nodes.Node) Value {
	switch n := e.(type) {
	case *nodes.UnaryExpression:
		return m.unary(n)
	case *nodes.BinaryExpression:
		return m.binary(n)
	case *nodes.FilteredExpression:
		v := m.eval(n.Expression)
		for _, f := range n.Filters {
			v = m.filter(v, f)
		}
		return v
	case *nodes.TestExpression:
		return m.testNode(n)
	case *nodes.GetAttribute:
		if n.Attribute == "" {
			return m.item(m.eval(n.Node), int64(n.Index))
		}
		return m.attribute(m.eval(n.Node), n.Attribute)
	case *nodes.GetItem:
		if n.Arg == nil {
			throw("an index is missing between []")
		}
		return m.item(m.eval(n.Node), m.eval(n.Arg))
	case *nodes.GetSlice:
		return m.slice(n)
	case *nodes.Call:
		return m.evalCall(n)
	}
	throw("an expression is missing or of an unknown kind (%T)", e)
	return nil
}

func (m *machine) evalAll(list []nodes.Expression) []Value {
	out := make([]Value, len(list))
	for i, e := range list {
		out[i] = m.eval(e)
	}
	return out
}

func (m *machine) name(name string) Value {
	switch name {
	case "none", "None":
		return nil
	}
	if v, ok := m.scope.get(name); ok {
		return v
	}
	return Undefined{name}
}

// args are the arguments of a call.
type args struct {
	list  []Value
	named map[string]Value
}

// take removes a named argument.
func (a *args) take(name string) (Value, bool) {
	v, ok := a.named[name]
	delete(a.named, name)
	return v, ok
}

// get takes argument i, which may also be given by name.
func (a *args) get(i int, name string) (Value, bool) {
	if i < len(a.list) {
		return a.list[i], true
	}
	return a.take(name)
}

// none throws if there are named arguments left.
func (a *args) none(what string) {
	for name := range a.named {
		throw("%s has no parameter %q", what, name)
	}
}

// needs returns argument i, which must be there.
func (a *args) needs(i int, name, what string) Value {
	v, ok := a.get(i, name)
	if !ok {
		throw("%s: argument %q is missing", what, name)
	}
	return v
}

// text returns argument i as a string, or def.
func (a *args) text(i int, name, what string, def Str) Str {
	v, ok := a.get(i, name)
	if !ok {
		return def
	}
	s, ok := v.(Str)
	if !ok {
		throw("%s: %s must be a string, not %s", what, name, typeName(v))
	}
	return s
}

// int returns argument i as an int, or def.
func (a *args) int(i int, name, what string, def int) int {
	v, ok := a.get(i, name)
	if !ok {
		return def
	}
	n, ok := integer(v)
	if !ok || n > 1<<40 || n < -1<<40 {
		throw("%s: %s must be an int of reasonable size", what, name)
	}
	return int(n)
}

func (m *machine) args(list []nodes.Expression, named map[string]nodes.Expression) *args {
	a := &args{list: m.evalAll(list), named: make(map[string]Value, len(named))}
	for name, e := range named {
		a.named[name] = m.eval(e)
	}
	return a
}

func (m *machine) evalCall(n *nodes.Call) Value {
	if name, ok := n.Func.(*nodes.Name); ok {
		switch val := name.Name.Val; {
		case val == condName:
			return m.conditional(n.Args)
		case strings.HasPrefix(val, cmpName):
			return m.comparison(strings.Fields(val)[1:], n.Args)
		}
	}
	f, a := m.callee(n)
	return m.call(f, a)
}

// conditional is a if c else b, given as c, a[, b].
func (m *machine) conditional(list []nodes.Expression) Value {
	switch {
	case len(list) < 2:
		throw("a conditional expression is incomplete")
	case truth(m.eval(list[0])):
		return m.eval(list[1])
	case len(list) > 2:
		return m.eval(list[2])
	}
	return Undefined{"else"}
}

// comparison is a chain of comparisons: all must hold, and none is evaluated
// after one that does not.
func (m *machine) comparison(ops []string, list []nodes.Expression) Value {
	if len(list) != len(ops)+1 {
		throw("an operand of %s is missing", strings.Join(ops, " "))
	}
	left := m.eval(list[0])
	for i, op := range ops {
		right := m.eval(list[i+1])
		if !m.compare(op, left, right) {
			return false
		}
		left = right
	}
	return true
}

func (m *machine) compare(op string, a, b Value) bool {
	switch op {
	case "==":
		return m.equal(a, b)
	case "!=":
		return !m.equal(a, b)
	case "<":
		return m.less(a, b)
	case ">":
		return m.less(b, a)
	case "<=":
		return m.less(a, b) || m.equal(a, b)
	case ">=":
		return m.less(b, a) || m.equal(a, b)
	case "in":
		return m.contains(b, a)
	}
	return !m.contains(b, a)
}

// callee evaluates what is called and the arguments.
func (m *machine) callee(n *nodes.Call) (Value, *args) {
	f := m.eval(n.Func)
	return f, m.args(n.Args, n.Kwargs)
}

func (m *machine) call(f Value, a *args) Value {
	m.enter()
	defer m.leave()
	switch f := f.(type) {
	case *Func:
		return f.Call(m, a)
	case *loop:
		return f.call(m, a)
	case Undefined:
		throw("%q is undefined and cannot be called", f.Name)
	}
	throw("a %s cannot be called", typeName(f))
	return nil
}

// attribute is v.name: a method, else an item.
func (m *machine) attribute(v Value, name string) Value {
	switch v := v.(type) {
	case Undefined:
		throw("%q is undefined, so it has no attribute %q", v.Name, name)
	case *loop:
		return v.attribute(name)
	case *Dict:
		if !v.Namespace {
			if f := method(v, name); f != nil {
				return f
			}
		}
		if item, ok := v.name(name); ok {
			return item
		}
		return Undefined{name}
	}
	if f := method(v, name); f != nil {
		return f
	}
	return Undefined{name}
}

// item is v[key]: an item, else an attribute.
func (m *machine) item(v, key Value) Value {
	switch v := v.(type) {
	case Undefined:
		throw("%q is undefined, so it has no items", v.Name)
	case *Dict:
		if k, ok := key.(Undefined); ok {
			return Undefined{k.Name}
		}
		if item, ok := v.Get(key); ok {
			return item
		}
	case *List:
		if i, ok := integer(key); ok {
			if i < 0 {
				i += int64(len(v.Items))
			}
			if i >= 0 && i < int64(len(v.Items)) {
				return v.Items[i]
			}
			return Undefined{"[" + strconv.FormatInt(i, 10) + "]"}
		}
	case Str:
		if i, ok := integer(key); ok {
			return m.char(v, i)
		}
	}
	if name, ok := key.(Str); ok {
		return m.attribute(v, name.S)
	}
	return Undefined{"[" + typeName(key) + "]"}
}
