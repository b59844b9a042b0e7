package jinja

import (
	"math"
	"sort"
	"strconv"

	"orchrt/tokenizer/chat/pyjson"
)

// Value is a Python value: nil (None), Undefined, bool, int64, Big, float64,
// Str, *List, *Dict, *Func or *loop.
type Value any

// Undefined is a name or attribute that does not exist.
type Undefined struct{ Name string }

// Big is an int beyond 64 bits: it can be printed and compared for equality,
// not reckoned with.
type Big string

// List is a list or a tuple.
type List struct {
	Items []Value
	Tuple bool
}

// Dict is a dict, in order of insertion, or a namespace.
type Dict struct {
	Keys      []Value
	Values    []Value
	index     map[any]int
	Namespace bool
}

// Func is something a template can call.
type Func struct {
	Name string
	Call func(m *machine, a *args) Value
}

// NewDict returns an empty dict.
func NewDict() *Dict { return &Dict{index: make(map[any]int)} }

// hash returns what stands for key in the index; keys equal in Python are equal.
func hash(key Value) any {
	switch k := key.(type) {
	case nil, int64, Big:
		return k
	case Undefined:
		return Undefined{}
	case Str:
		return k.S
	case bool:
		if k {
			return int64(1)
		}
		return int64(0)
	case float64:
		if k == math.Trunc(k) && math.Abs(k) < 1<<62 {
			return int64(k)
		}
		return k
	}
	throw("a %s cannot be a dict key", typeName(key))
	return nil
}

// Set stores v under key, at the end when the key is new.
func (d *Dict) Set(key, v Value) {
	h := hash(key)
	if i, ok := d.index[h]; ok {
		d.Values[i] = v
		return
	}
	d.index[h] = len(d.Keys)
	d.Keys = append(d.Keys, key)
	d.Values = append(d.Values, v)
}

// SetName stores v under a key that is template text.
func (d *Dict) SetName(key string, v Value) { d.Set(Literal(key), v) }

// Get returns the value under key.
func (d *Dict) Get(key Value) (Value, bool) {
	i, ok := d.index[hash(key)]
	if !ok {
		return nil, false
	}
	return d.Values[i], true
}

func (d *Dict) name(key string) (Value, bool) {
	i, ok := d.index[key]
	if !ok {
		return nil, false
	}
	return d.Values[i], true
}

// FromJSON turns a value made by pyjson into a Value whose texts are the
// request's.
func FromJSON(v any) Value {
	switch v := v.(type) {
	case string:
		return User(v)
	case pyjson.Number:
		return number(string(v))
	case []any:
		l := &List{Items: make([]Value, len(v))}
		for i, item := range v {
			l.Items[i] = FromJSON(item)
		}
		return l
	case *pyjson.Object:
		d := NewDict()
		for _, k := range v.Keys {
			d.Set(User(k), FromJSON(v.Values[k]))
		}
		return d
	}
	return v // nil, bool
}

func number(s string) Value {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i
	}
	switch s {
	case "NaN":
		return math.NaN()
	case "Infinity":
		return math.Inf(1)
	case "-Infinity":
		return math.Inf(-1)
	}
	for _, c := range s {
		if c == '.' || c == 'e' {
			f, _ := strconv.ParseFloat(s, 64)
			return f
		}
	}
	return Big(s)
}

// typeName is Python's name of a value's type.
func typeName(v Value) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case Undefined:
		return "undefined value"
	case bool:
		return "bool"
	case int64, Big:
		return "int"
	case float64:
		return "float"
	case Str:
		return "str"
	case *List:
		if v.Tuple {
			return "tuple"
		}
		return "list"
	case *Dict:
		if v.Namespace {
			return "namespace"
		}
		return "dict"
	}
	return "function"
}

// truth is Python's bool(v).
func truth(v Value) bool {
	switch v := v.(type) {
	case nil, Undefined:
		return false
	case bool:
		return v
	case int64:
		return v != 0
	case float64:
		return v != 0
	case Str:
		return v.S != ""
	case *List:
		return len(v.Items) > 0
	case *Dict:
		return v.Namespace || len(v.Keys) > 0
	}
	return true
}

// float returns a number as float64; bools are numbers in Python.
func float(v Value) (float64, bool) {
	if f, ok := v.(float64); ok {
		return f, true
	}
	n, ok := integer(v)
	return float64(n), ok
}

// integer returns an int or bool as int64.
func integer(v Value) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// equal is Python's ==.
func (m *machine) equal(a, b Value) bool {
	m.work(stepCost)
	m.enter()
	defer m.leave()
	switch x := a.(type) {
	case nil:
		return b == nil
	case Undefined:
		_, ok := b.(Undefined)
		return ok
	case Str:
		y, ok := b.(Str)
		return ok && x.S == y.S
	case Big:
		return a == b
	case *List:
		y, ok := b.(*List)
		if !ok || x.Tuple != y.Tuple || len(x.Items) != len(y.Items) {
			return false
		}
		for i := range x.Items {
			if !m.equal(x.Items[i], y.Items[i]) {
				return false
			}
		}
		return true
	case *Dict:
		y, ok := b.(*Dict)
		return ok && m.equalDicts(x, y)
	}
	if x, ok := integer(a); ok {
		if y, ok := integer(b); ok {
			return x == y
		}
	}
	if x, ok := float(a); ok {
		y, ok := float(b)
		return ok && x == y
	}
	return a == b
}

func (m *machine) equalDicts(x, y *Dict) bool {
	if x.Namespace || y.Namespace {
		return x == y
	}
	if len(x.Keys) != len(y.Keys) {
		return false
	}
	for i, k := range x.Keys {
		v, ok := y.Get(k)
		if !ok || !m.equal(x.Values[i], v) {
			return false
		}
	}
	return true
}

// less is Python's <, for numbers, strings and lists.
func (m *machine) less(a, b Value) bool {
	m.work(stepCost)
	m.enter()
	defer m.leave()
	if x, ok := integer(a); ok {
		if y, ok := integer(b); ok {
			return x < y
		}
	}
	if x, ok := float(a); ok {
		if y, ok := float(b); ok {
			return x < y
		}
	}
	if x, ok := a.(Str); ok {
		if y, ok := b.(Str); ok {
			return x.S < y.S // order of code points is order of UTF-8 bytes
		}
	}
	x, okX := a.(*List)
	y, okY := b.(*List)
	if !okX || !okY || x.Tuple != y.Tuple {
		throw("%s and %s cannot be ordered", typeName(a), typeName(b))
	}
	for i := range min(len(x.Items), len(y.Items)) {
		if !m.equal(x.Items[i], y.Items[i]) {
			return m.less(x.Items[i], y.Items[i])
		}
	}
	return len(x.Items) < len(y.Items)
}

// sort sorts stably, charging for every comparison.
func (m *machine) sort(items []Value, key func(Value) Value, reverse bool) {
	keys := make([]Value, len(items))
	order := make([]int, len(items))
	for i, v := range items {
		keys[i], order[i] = key(v), i
	}
	sort.SliceStable(order, func(i, j int) bool {
		if reverse {
			return m.less(keys[order[j]], keys[order[i]])
		}
		return m.less(keys[order[i]], keys[order[j]])
	})
	sorted := make([]Value, len(items))
	for i, j := range order {
		sorted[i] = items[j]
	}
	copy(items, sorted)
}
