package jinja

import (
	"math"
	"math/big"
	"strings"
	"unicode/utf8"

	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

func (m *machine) unary(n *nodes.UnaryExpression) Value {
	switch v := m.eval(n.Term).(type) {
	case float64:
		if n.Negative {
			return -v
		}
		return v
	case int64, bool:
		i, _ := integer(v)
		if n.Negative {
			return fits(new(big.Int).Neg(big.NewInt(i)))
		}
		return i
	default:
		throw("a sign in front of a %s", typeName(v))
	}
	return nil
}

func (m *machine) binary(n *nodes.BinaryExpression) Value {
	left := m.eval(n.Left)
	switch n.Operator.Token.Type {
	case tokens.And:
		if !truth(left) {
			return left
		}
		return m.eval(n.Right)
	case tokens.Or:
		if truth(left) {
			return left
		}
		return m.eval(n.Right)
	case tokens.Tilde:
		right := m.eval(n.Right)
		return m.concat(m.str(left), m.str(right))
	}
	return m.arithmetic(n.Operator.Token, left, m.eval(n.Right))
}

func (m *machine) arithmetic(op *tokens.Token, a, b Value) Value {
	switch op.Type {
	case tokens.Addition:
		if v, ok := m.join(a, b); ok {
			return v
		}
	case tokens.Multiply:
		if v, ok := m.repeat(a, b); ok {
			return v
		}
		if v, ok := m.repeat(b, a); ok {
			return v
		}
	}
	x, okX := integer(a)
	y, okY := integer(b)
	if okX && okY {
		return integers(op.Type, x, y)
	}
	f, okF := float(a)
	g, okG := float(b)
	if !okF || !okG {
		throw("%s and %s cannot be combined with %s", typeName(a), typeName(b), op.Val)
	}
	return floats(op.Type, f, g)
}

// join is + of strings and of lists.
func (m *machine) join(a, b Value) (Value, bool) {
	switch x := a.(type) {
	case Str:
		if y, ok := b.(Str); ok {
			return m.concat(x, y), true
		}
	case *List:
		if y, ok := b.(*List); ok && x.Tuple == y.Tuple {
			m.work(itemCost * (len(x.Items) + len(y.Items)))
			items := append(append(make([]Value, 0, len(x.Items)+len(y.Items)), x.Items...), y.Items...)
			return &List{Items: items, Tuple: x.Tuple}, true
		}
	}
	return nil, false
}

// repeat is * of a string or a list and an int.
func (m *machine) repeat(a, b Value) (Value, bool) {
	n, ok := integer(b)
	if !ok {
		return nil, false
	}
	n = max(n, 0)
	charge := func(size int) {
		if n > 0 && size > m.left/int(min(n, int64(m.left)+1)) {
			m.work(m.left + 1)
		}
		m.work(size * int(n))
	}
	switch x := a.(type) {
	case Str:
		charge(len(x.S) + 1)
		if len(x.user) > 0 {
			return User(strings.Repeat(x.S, int(n))), true
		}
		return Literal(strings.Repeat(x.S, int(n))), true
	case *List:
		charge(itemCost * (len(x.Items) + 1))
		items := make([]Value, 0, len(x.Items)*int(n))
		for range n {
			items = append(items, x.Items...)
		}
		return &List{Items: items, Tuple: x.Tuple}, true
	}
	return nil, false
}

// fits returns an integer that must have 64 bits.
func fits(n *big.Int) Value {
	if !n.IsInt64() {
		throw("an integer does not fit in 64 bits")
	}
	return n.Int64()
}

func integers(op tokens.Type, x, y int64) Value {
	a, b := big.NewInt(x), big.NewInt(y)
	switch op {
	case tokens.Addition:
		return fits(a.Add(a, b))
	case tokens.Subtraction:
		return fits(a.Sub(a, b))
	case tokens.Multiply:
		return fits(a.Mul(a, b))
	case tokens.Power:
		return power(x, y)
	}
	if y == 0 {
		throw("division by zero")
	}
	if op == tokens.Division {
		return float64(x) / float64(y)
	}
	q, r := new(big.Int).DivMod(a, b, new(big.Int)) // 0 <= r < |y|; Python's has the sign of y
	if y < 0 && r.Sign() != 0 {
		r.Add(r, b)
		q.Sub(q, big.NewInt(1))
	}
	if op == tokens.Modulo {
		return fits(r)
	}
	return fits(q)
}

func power(x, y int64) Value {
	switch {
	case y < 0 && x == 0:
		throw("division by zero")
	case y < 0:
		return math.Pow(float64(x), float64(y))
	case y > 64 && x != 0 && x != 1 && x != -1:
		throw("an integer does not fit in 64 bits")
	case y > 64:
		y = 64 + y%2
	}
	return fits(new(big.Int).Exp(big.NewInt(x), big.NewInt(y), nil))
}

func floats(op tokens.Type, x, y float64) Value {
	switch op {
	case tokens.Addition:
		return x + y
	case tokens.Subtraction:
		return x - y
	case tokens.Multiply:
		return x * y
	case tokens.Power:
		return math.Pow(x, y)
	}
	if y == 0 {
		throw("division by zero")
	}
	switch op {
	case tokens.Division:
		return x / y
	case tokens.FloorDivision:
		return math.Floor(x / y)
	}
	r := math.Mod(x, y)
	if r != 0 && (r < 0) != (y < 0) {
		r += y
	}
	return r
}

// contains is "x in container".
func (m *machine) contains(container, x Value) bool {
	switch c := container.(type) {
	case Undefined:
		return false
	case Str:
		s, ok := x.(Str)
		if !ok {
			throw("%s in a string: only a string can be", typeName(x))
		}
		m.work(len(c.S))
		return strings.Contains(c.S, s.S)
	case *List:
		for _, item := range c.Items {
			if m.equal(item, x) {
				return true
			}
		}
		return false
	case *Dict:
		_, ok := c.Get(x)
		return ok && !c.Namespace
	}
	throw("nothing can be in a %s", typeName(container))
	return false
}

// items returns what iterating over v gives.
func (m *machine) items(v Value) []Value {
	switch v := v.(type) {
	case Undefined:
		return nil
	case *List:
		return v.Items
	case *Dict:
		if !v.Namespace {
			return v.Keys
		}
	case Str:
		return m.chars(v)
	}
	throw("a %s cannot be iterated over", typeName(v))
	return nil
}

// chars returns the characters of s as strings.
func (m *machine) chars(s Str) []Value {
	m.work(itemCost * len(s.S))
	parts := make([]Value, 0, len(s.S))
	for _, p := range s.pieces() {
		for i := 0; i < len(p.Text); {
			_, w := utf8.DecodeRuneInString(p.Text[i:])
			c := Literal(p.Text[i : i+w])
			if p.User {
				c = User(c.S)
			}
			parts = append(parts, c)
			i += w
		}
	}
	return parts
}

// char is s[i].
func (m *machine) char(s Str, i int64) Value {
	n := m.runes(s)
	if i < 0 {
		i += int64(n)
	}
	if i < 0 || i >= int64(n) {
		return Undefined{"character"}
	}
	lo := offset(s.S, int(i))
	_, w := utf8.DecodeRuneInString(s.S[lo:])
	return s.slice(lo, lo+w)
}

// runes returns len(s) in characters.
func (m *machine) runes(s Str) int {
	m.work(len(s.S))
	return utf8.RuneCountInString(s.S)
}

// offset returns the byte at which character i begins.
func offset(s string, i int) int {
	for at := range s {
		if i == 0 {
			return at
		}
		i--
	}
	return len(s)
}

// slice is v[start:stop:step].
func (m *machine) slice(n *nodes.GetSlice) Value {
	v := m.eval(n.Node)
	bound := func(e nodes.Node) *int {
		if e == nil {
			return nil
		}
		value := m.eval(e)
		if value == nil {
			return nil
		}
		i, ok := integer(value)
		if !ok {
			throw("a slice's bounds must be ints, not %s", typeName(value))
		}
		b := int(max(min(i, 1<<40), -1<<40))
		return &b
	}
	start, stop, step := bound(n.Start), bound(n.End), bound(n.Step)
	switch v := v.(type) {
	case *List:
		var items []Value
		for _, i := range indexes(len(v.Items), start, stop, step) {
			items = append(items, v.Items[i])
		}
		l := m.list(items)
		l.Tuple = v.Tuple
		return l
	case Str:
		if step == nil || *step == 1 {
			lo, hi := bounds(m.runes(v), start, stop, 1)
			hi = max(lo, hi)
			return v.slice(offset(v.S, lo), offset(v.S, hi))
		}
		chars := m.chars(v)
		var b strBuilder
		for _, i := range indexes(len(chars), start, stop, step) {
			b.add(chars[i].(Str))
		}
		return b.str()
	}
	throw("a %s cannot be sliced", typeName(v))
	return nil
}

// bounds applies Python's rules for missing, negative and too large bounds.
func bounds(n int, start, stop *int, step int) (lo, hi int) {
	first, last := 0, n
	if step < 0 {
		first, last = n-1, -1
	}
	fix := func(b *int, def int) int {
		if b == nil {
			return def
		}
		i := *b
		if i < 0 {
			i += n
		}
		if step < 0 {
			return max(min(i, n-1), -1)
		}
		return max(min(i, n), 0)
	}
	return fix(start, first), fix(stop, last)
}

func indexes(n int, start, stop, step *int) []int {
	by := 1
	if step != nil {
		by = *step
	}
	if by == 0 {
		throw("a slice's step cannot be zero")
	}
	var out []int
	lo, hi := bounds(n, start, stop, by)
	for i := lo; by > 0 && i < hi || by < 0 && i > hi; i += by {
		out = append(out, i)
	}
	return out
}
