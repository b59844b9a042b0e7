package jinja

import (
	"strconv"
	"strings"

	"github.com/nikolalohinski/gonja/v2/tokens"
)

var plus = &tokens.Token{Type: tokens.Addition, Val: "+"}

// sequenceFilter returns the filters of lists, dicts and strings.
func sequenceFilter(name string) filterFunc {
	switch name {
	case "list":
		return func(m *machine, v Value, _ *args) Value {
			items := m.items(v)
			return m.list(append([]Value(nil), items...))
		}
	case "first":
		return func(m *machine, v Value, _ *args) Value { return pick(m.items(v), 0) }
	case "last":
		return func(m *machine, v Value, _ *args) Value {
			items := m.items(v)
			return pick(items, len(items)-1)
		}
	case "items":
		return itemsFilter
	case "join":
		return func(m *machine, v Value, a *args) Value {
			sep := m.str(a.or(0, "d", Str{}))
			return m.joinItems(sep, m.mapped(m.items(v), m.attributeOf(a, 1)), false)
		}
	case "map":
		return mapFilter
	case "select", "reject":
		return func(m *machine, v Value, a *args) Value {
			return m.selectItems(v, a, name == "select", func(v Value) Value { return v })
		}
	case "selectattr", "rejectattr":
		return func(m *machine, v Value, a *args) Value {
			path := a.needsText(0, "attribute", name).S
			a.list = a.list[1:]
			return m.selectItems(v, a, name == "selectattr", func(v Value) Value { return m.path(v, path) })
		}
	case "sort", "unique", "min", "max":
		return func(m *machine, v Value, a *args) Value { return m.ordered(name, v, a) }
	case "dictsort":
		return dictSort
	case "reverse":
		return reverse
	case "sum":
		return sum
	case "batch":
		return batch
	}
	return nil
}

// or returns argument i or def.
func (a *args) or(i int, name string, def Value) Value {
	if v, ok := a.get(i, name); ok {
		return v
	}
	return def
}

func pick(items []Value, i int) Value {
	if i < 0 || i >= len(items) {
		return Undefined{"item of an empty sequence"}
	}
	return items[i]
}

func itemsFilter(m *machine, v Value, _ *args) Value {
	switch v := v.(type) {
	case Undefined:
		return m.list(nil)
	case *Dict:
		return m.pairs(v)
	}
	throw("items of a %s", typeName(v))
	return nil
}

// path follows a dotted attribute.
func (m *machine) path(v Value, path string) Value {
	m.work(len(path))
	for _, part := range strings.Split(path, ".") {
		if i, err := strconv.Atoi(part); err == nil {
			v = m.item(v, int64(i))
		} else {
			v = m.item(v, Literal(part))
		}
	}
	return v
}

// attributeOf returns the function that the argument "attribute" asks for: an
// attribute of a value, or the value itself.
func (m *machine) attributeOf(a *args, i int) func(Value) Value {
	attr, ok := a.get(i, "attribute")
	if !ok || attr == nil {
		return func(v Value) Value { return v }
	}
	path := m.str(attr).S
	return func(v Value) Value { return m.path(v, path) }
}

func (m *machine) mapped(items []Value, f func(Value) Value) []Value {
	m.work(itemCost * len(items))
	out := make([]Value, len(items))
	for i, v := range items {
		out[i] = f(v)
	}
	return out
}

// mapFilter is map(attribute=…[, default=…]) or map(filter, …).
func mapFilter(m *machine, v Value, a *args) Value {
	if _, ok := a.named["attribute"]; ok {
		f := m.attributeOf(a, len(a.list))
		def, hasDefault := a.take("default")
		return m.list(m.mapped(m.items(v), func(v Value) Value {
			r := f(v)
			if _, undefined := r.(Undefined); undefined && hasDefault {
				return def
			}
			return r
		}))
	}
	name := a.needsText(0, "filter", "map").S
	named := a.named
	a.named = nil
	return m.list(m.mapped(m.items(v), func(v Value) Value {
		return m.applyFilter(name, v, copyArgs(a.list[1:], named))
	}))
}

// copyArgs returns arguments that a call may take apart.
func copyArgs(list []Value, named map[string]Value) *args {
	a := &args{list: list, named: make(map[string]Value, len(named))}
	for k, v := range named {
		a.named[k] = v
	}
	return a
}

// selectItems keeps the items of which a test, by default truth, holds or not.
func (m *machine) selectItems(v Value, a *args, want bool, of func(Value) Value) Value {
	named := a.named
	a.named = nil
	test := func(v Value) bool { return truth(v) }
	if len(a.list) > 0 {
		name, ok := a.list[0].(Str)
		if !ok {
			throw("the name of a test must be a string")
		}
		test = func(v Value) bool { return m.test(name.S, v, copyArgs(a.list[1:], named)) }
	}
	var kept []Value
	for _, item := range m.items(v) {
		m.work(itemCost)
		if test(of(item)) == want {
			kept = append(kept, item)
		}
	}
	return m.list(kept)
}

// folded returns the sort key of v: in lower case unless case matters.
func (m *machine) folded(v Value, caseSensitive bool) Value {
	if s, ok := v.(Str); ok && !caseSensitive {
		m.work(len(s.S))
		return Literal(lower(s.S))
	}
	return v
}

// ordered is sort, unique, min and max.
func (m *machine) ordered(name string, v Value, a *args) Value {
	var descending, caseSensitive Value
	at := 0
	if name == "sort" {
		descending = a.or(0, "reverse", false)
		at = 1
	}
	caseSensitive = a.or(at, "case_sensitive", false)
	of := m.attributeOf(a, at+1)
	key := func(v Value) Value { return m.folded(of(v), truth(caseSensitive)) }
	items := append([]Value(nil), m.items(v)...)
	m.work(itemCost * len(items))
	if name == "unique" {
		seen := NewDict()
		var kept []Value
		for _, item := range items {
			k := key(item)
			if _, ok := seen.Get(k); !ok {
				seen.Set(k, true)
				kept = append(kept, item)
			}
		}
		return m.list(kept)
	}
	m.sort(items, key, truth(descending) || name == "max")
	if name == "sort" {
		return m.list(items)
	}
	return pick(items, 0)
}

func dictSort(m *machine, v Value, a *args) Value {
	d, ok := v.(*Dict)
	if !ok {
		throw("dictsort of a %s", typeName(v))
	}
	caseSensitive := truth(a.or(0, "case_sensitive", false))
	at := 0
	switch a.text(1, "by", "dictsort", Literal("key")).S {
	case "key":
	case "value":
		at = 1
	default:
		throw(`dictsort: by must be "key" or "value"`)
	}
	l := m.pairs(d)
	m.sort(l.Items, func(v Value) Value { return m.folded(v.(*List).Items[at], caseSensitive) },
		truth(a.or(2, "reverse", false)))
	return l
}

func reverse(m *machine, v Value, _ *args) Value {
	s, isText := v.(Str)
	items := m.items(v)
	out := make([]Value, len(items))
	for i, item := range items {
		out[len(items)-1-i] = item
	}
	if isText {
		return s.like(m.joinItems(Str{}, out, true).S)
	}
	return m.list(out)
}

func sum(m *machine, v Value, a *args) Value {
	of := m.attributeOf(a, 0)
	total := a.or(1, "start", int64(0))
	for _, item := range m.items(v) {
		m.work(itemCost)
		total = m.arithmetic(plus, total, of(item))
	}
	return total
}

func batch(m *machine, v Value, a *args) Value {
	n := a.int(0, "linecount", "batch", 0)
	if n < 1 || n > maxRange {
		throw("batch needs a length of 1 to %d", maxRange)
	}
	fill, hasFill := a.get(1, "fill_with")
	items := m.items(v)
	var out []Value
	for len(items) > 0 {
		k := min(n, len(items))
		row := append([]Value(nil), items[:k]...)
		items = items[k:]
		for hasFill && fill != nil && len(row) < n {
			m.work(itemCost)
			row = append(row, fill)
		}
		out = append(out, m.list(row))
	}
	return m.list(out)
}
