package jinja

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"

	"orchrt/tokenizer/chat/pyjson"
)

// str is Python's str(v), which Jinja applies to what it prints.
func (m *machine) str(v Value) Str {
	switch v := v.(type) {
	case Str:
		return v
	case Undefined:
		return Str{}
	}
	w := &writer{m: m}
	w.repr(v)
	return w.str()
}

// writer builds text from a value, charging as it goes: a small value that
// holds itself many times over has a text of any length.
type writer struct {
	m    *machine
	buf  []byte
	user bool // something of the request went in
}

func (w *writer) add(s string) {
	w.m.work(len(s) + 1)
	w.buf = append(w.buf, s...)
}

// str returns the text; all of it counts as the request's if any part does.
func (w *writer) str() Str {
	if w.user {
		return User(string(w.buf))
	}
	return Literal(string(w.buf))
}

// pyFloat is Python's repr of a float.
func pyFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return pyjson.FormatFloat(f)
}

// repr is Python's repr(v).
func (w *writer) repr(v Value) {
	w.m.work(stepCost)
	w.m.enter()
	defer w.m.leave()
	switch v := v.(type) {
	case nil:
		w.add("None")
	case Undefined:
		w.add("Undefined")
	case bool:
		w.add(map[bool]string{true: "True", false: "False"}[v])
	case int64:
		w.add(strconv.FormatInt(v, 10))
	case Big:
		w.add(string(v))
	case float64:
		w.add(pyFloat(v))
	case Str:
		w.user = w.user || len(v.user) > 0
		w.m.work(len(v.S))
		w.add(quote(v.S))
	case *List:
		w.reprList(v)
	case *Dict:
		w.reprDict(v)
	default:
		w.add("<" + typeName(v) + ">")
	}
}

func (w *writer) reprList(l *List) {
	brackets := "[]"
	if l.Tuple {
		brackets = "()"
	}
	w.add(brackets[:1])
	for i, item := range l.Items {
		if i > 0 {
			w.add(", ")
		}
		w.repr(item)
	}
	if l.Tuple && len(l.Items) == 1 {
		w.add(",")
	}
	w.add(brackets[1:])
}

func (w *writer) reprDict(d *Dict) {
	w.add("{")
	for i, k := range d.Keys {
		if i > 0 {
			w.add(", ")
		}
		w.repr(k)
		w.add(": ")
		w.repr(d.Values[i])
	}
	w.add("}")
}

// quote is Python's repr of a str.
func quote(s string) string {
	q := '\''
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	var b strings.Builder
	b.WriteRune(q)
	for _, r := range s {
		switch {
		case r == q || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteRune(q)
	return b.String()
}

// jsonStyle is what tojson can be asked for.
type jsonStyle struct {
	item, key string // separators
	indent    string
	pretty    bool
	ascii     bool
	sorted    bool
}

// json is Python's json.dumps(v).
func (w *writer) json(v Value, style *jsonStyle, level int) {
	w.m.work(stepCost)
	w.m.enter()
	defer w.m.leave()
	switch v := v.(type) {
	case nil:
		w.add("null")
	case bool:
		w.add(strconv.FormatBool(v))
	case int64:
		w.add(strconv.FormatInt(v, 10))
	case Big:
		w.add(string(v))
	case float64:
		w.add(pyjson.FormatFloat(v))
	case Str:
		w.jsonString(v, style)
	case *List:
		w.jsonItems("[]", len(v.Items), style, level, func(i int) { w.json(v.Items[i], style, level+1) })
	case *Dict:
		if v.Namespace {
			throw("a namespace cannot be written as JSON")
		}
		w.jsonDict(v, style, level)
	default:
		throw("tojson: a value of type %s cannot be written as JSON", typeName(v))
	}
}

func (w *writer) jsonString(s Str, style *jsonStyle) {
	w.user = w.user || len(s.user) > 0
	w.m.work(len(s.S))
	quoted := pyjson.AppendString(nil, s.S)
	if !style.ascii {
		w.add(string(quoted))
		return
	}
	for _, r := range string(quoted) {
		switch {
		case r < 0x80:
			w.add(string(r))
		case r < 0x10000:
			w.add(fmt.Sprintf(`\u%04x`, r))
		default:
			r -= 0x10000
			w.add(fmt.Sprintf(`\u%04x\u%04x`, 0xD800+r>>10, 0xDC00+r&0x3FF))
		}
	}
}

func (w *writer) jsonDict(d *Dict, style *jsonStyle, level int) {
	order := make([]Value, len(d.Keys))
	for i := range order {
		order[i] = int64(i)
	}
	if style.sorted {
		w.m.sort(order, func(i Value) Value { return d.Keys[i.(int64)] }, false)
	}
	w.jsonItems("{}", len(order), style, level, func(n int) {
		i := order[n].(int64)
		switch k := d.Keys[i].(type) {
		case Str:
			w.jsonString(k, style)
		case nil, bool, int64, float64:
			w.add(`"`)
			w.json(k, style, level)
			w.add(`"`)
		default:
			throw("tojson: a key of type %s cannot be written as JSON", typeName(k))
		}
		w.add(style.key)
		w.json(d.Values[i], style, level+1)
	})
}

// jsonItems writes n items between brackets.
func (w *writer) jsonItems(brackets string, n int, style *jsonStyle, level int, item func(i int)) {
	w.add(brackets[:1])
	for i := range n {
		if i > 0 {
			w.add(style.item)
		}
		w.newline(style, level+1)
		item(i)
	}
	if n > 0 {
		w.newline(style, level)
	}
	w.add(brackets[1:])
}

func (w *writer) newline(style *jsonStyle, level int) {
	if style.pretty {
		w.add("\n")
		for range level {
			w.add(style.indent)
		}
	}
}
