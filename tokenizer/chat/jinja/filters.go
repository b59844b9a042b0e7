package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"

	"github.com/nikolalohinski/gonja/v2/nodes"
)

type filterFunc = func(m *machine, v Value, a *args) Value

// filter applies one filter call.
func (m *machine) filter(v Value, call *nodes.FilterCall) Value {
	return m.applyFilter(call.Name, v, m.args(call.Args, call.Kwargs))
}

func (m *machine) applyFilter(name string, v Value, a *args) Value {
	m.work(stepCost)
	m.enter()
	defer m.leave()
	if f := simpleFilter(name); f != nil {
		r := f(m, v, a)
		a.none("the filter " + name)
		return r
	}
	if f := sequenceFilter(name); f != nil {
		r := f(m, v, a)
		a.none("the filter " + name)
		return r
	}
	throw("there is no filter %q", name)
	return nil
}

// text is v as a string, charged for.
func (m *machine) text(v Value) Str {
	s := m.str(v)
	m.work(len(s.S))
	return s
}

// simpleFilter returns the filters of one value.
func simpleFilter(name string) filterFunc {
	switch name {
	case "tojson":
		return toJSON
	case "default", "d":
		return defaultFilter
	case "length", "count":
		return func(m *machine, v Value, _ *args) Value { return m.length(v) }
	case "string":
		return func(m *machine, v Value, _ *args) Value { return m.str(v) }
	case "safe":
		return func(m *machine, v Value, _ *args) Value { return v }
	case "trim":
		return func(m *machine, v Value, a *args) Value {
			return strMethods["strip"](m, m.text(v), a)
		}
	case "lower", "upper", "capitalize":
		return func(m *machine, v Value, a *args) Value { return strMethods[name](m, m.text(v), a) }
	case "title":
		return func(m *machine, v Value, _ *args) Value { s := m.text(v); return s.like(titleFilter(s.S)) }
	case "escape", "e", "forceescape":
		return escapeFilter
	case "replace":
		return func(m *machine, v Value, a *args) Value {
			old, repl := a.needsText(0, "old", name), a.needsText(1, "new", name)
			return m.replace(m.text(v), old, repl, a.int(2, "count", name, -1))
		}
	case "indent":
		return indent
	case "wordcount":
		return func(m *machine, v Value, _ *args) Value { return int64(countWords(m.text(v).S)) }
	case "abs":
		return abs
	case "int":
		return intFilter
	case "float":
		return floatFilter
	case "round":
		return round
	}
	return nil
}

func toJSON(m *machine, v Value, a *args) Value {
	style := &jsonStyle{item: ", ", key: ": "}
	boolean := func(i int, name string) bool {
		v, _ := a.get(i, name)
		return truth(v)
	}
	style.ascii = boolean(0, "ensure_ascii")
	if v, ok := a.get(1, "indent"); ok && v != nil {
		style.pretty, style.item = true, ","
		if n, ok := integer(v); ok {
			n = max(n, 0)
			if n > 100 {
				throw("tojson: an indent of %d is too large", n)
			}
			style.indent = strings.Repeat(" ", int(n))
		} else {
			style.indent = m.str(v).S
		}
	}
	if v, ok := a.get(2, "separators"); ok && v != nil {
		parts := m.items(v)
		if len(parts) != 2 {
			throw("tojson: separators must be two strings")
		}
		style.item, style.key = m.str(parts[0]).S, m.str(parts[1]).S
	}
	style.sorted = boolean(3, "sort_keys")
	w := &writer{m: m, user: true} // numbers and empty values do not tell where they come from
	w.json(v, style, 0)
	return w.str()
}

func defaultFilter(m *machine, v Value, a *args) Value {
	def, ok := a.get(0, "default_value")
	if !ok {
		def = Str{}
	}
	boolean, _ := a.get(1, "boolean")
	if _, undefined := v.(Undefined); undefined || truth(boolean) && !truth(v) {
		return def
	}
	return v
}

// length is Python's len.
func (m *machine) length(v Value) Value {
	switch v := v.(type) {
	case Undefined:
		return int64(0)
	case Str:
		return int64(m.runes(v))
	case *List:
		return int64(len(v.Items))
	case *Dict:
		if !v.Namespace {
			return int64(len(v.Keys))
		}
	}
	throw("a %s has no length", typeName(v))
	return nil
}

// titleFilter is Jinja's title: words also begin after brackets and hyphens.
func titleFilter(s string) string {
	start := true
	return strings.Map(func(r rune) rune {
		first := start
		start = isSpace(r) || strings.ContainsRune("-({[<", r)
		if first {
			return unicode.ToUpper(r)
		}
		return unicode.ToLower(r)
	}, s)
}

// countWords counts runs of letters, digits and underscores.
func countWords(s string) int {
	n := 0
	in := false
	for _, r := range s {
		was := in
		if in = r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r); in && !was {
			n++
		}
	}
	return n
}

func escapeFilter(m *machine, v Value, _ *args) Value {
	s := m.text(v)
	for _, p := range [][2]string{{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"'", "&#39;"}, {`"`, "&#34;"}} {
		s = m.replace(s, Literal(p[0]), s.like(p[1]), -1)
	}
	return s
}

func indent(m *machine, v Value, a *args) Value {
	pad := Str{}
	switch w, _ := a.get(0, "width"); w := w.(type) {
	case nil:
		pad = Literal("    ")
	case Str:
		pad = w
	case int64:
		if w > 1000 {
			throw("indent: a width of %d is too large", w)
		}
		pad = Literal(strings.Repeat(" ", int(max(w, 0))))
	}
	first, _ := a.get(1, "first")
	blank, _ := a.get(2, "blank")
	var b strBuilder
	text := m.concat(m.text(v), Literal("\n")) // so that a last empty line counts
	for i, line := range text.lines(false) {
		if i > 0 {
			b.add(Literal("\n"))
		}
		m.work(len(pad.S) + len(line.S) + itemCost)
		if i == 0 && truth(first) || i > 0 && (line.S != "" || truth(blank)) {
			b.add(pad)
		}
		b.add(line)
	}
	return b.str()
}

func abs(m *machine, v Value, _ *args) Value {
	if i, ok := integer(v); ok {
		return fits(new(big.Int).Abs(big.NewInt(i)))
	}
	f, ok := float(v)
	if !ok {
		throw("abs of a %s", typeName(v))
	}
	return math.Abs(f)
}

func intFilter(m *machine, v Value, a *args) Value {
	def, ok := a.get(0, "default")
	if !ok {
		def = int64(0)
	}
	base := a.int(1, "base", "int", 10)
	noUndefined(v)
	if i, ok := integer(v); ok {
		return i
	}
	if s, ok := v.(Str); ok {
		text := strings.TrimFunc(s.S, isSpace)
		if base < 2 || base > 36 {
			throw("int: base %d", base)
		}
		if i, err := strconv.ParseInt(text, base, 64); err == nil {
			return i
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return def
		}
		v = f
	}
	if f, ok := v.(float64); ok && math.Abs(f) < 1<<63 {
		return int64(f)
	}
	return def
}

func noUndefined(v Value) {
	if u, ok := v.(Undefined); ok {
		throw("%q is undefined and cannot be a number", u.Name)
	}
}

func floatFilter(m *machine, v Value, a *args) Value {
	def, ok := a.get(0, "default")
	if !ok {
		def = 0.0
	}
	noUndefined(v)
	if f, ok := float(v); ok {
		return f
	}
	if s, ok := v.(Str); ok {
		if f, err := strconv.ParseFloat(strings.TrimFunc(s.S, isSpace), 64); err == nil {
			return f
		}
	}
	return def
}

func round(m *machine, v Value, a *args) Value {
	digits := a.int(0, "precision", "round", 0)
	how := a.text(1, "method", "round", Literal("common")).S
	f, ok := float(v)
	if !ok {
		throw("round of a %s", typeName(v))
	}
	if digits < -300 || digits > 300 {
		throw("round: precision %d", digits)
	}
	scale := math.Pow(10, float64(digits))
	switch how {
	case "ceil":
		return math.Ceil(f*scale) / scale
	case "floor":
		return math.Floor(f*scale) / scale
	case "common":
		if digits < 0 {
			return math.RoundToEven(f*scale) / scale
		}
		r, _ := strconv.ParseFloat(strconv.FormatFloat(f, 'f', digits, 64), 64)
		return r
	}
	throw("round: unknown method %q", how)
	return nil
}
