package jinja

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
)

// method returns the method of v with a name, or nil. Lists and dicts cannot be
// changed, as in jinja2's immutable sandbox.
func method(v Value, name string) Value {
	switch v := v.(type) {
	case Str:
		if f, ok := strMethods[name]; ok {
			return &Func{Name: name, Call: func(m *machine, a *args) Value {
				m.work(len(v.S))
				r := f(m, v, a)
				a.none(name)
				return r
			}}
		}
	case *Dict:
		if f, ok := dictMethods[name]; ok {
			return &Func{Name: name, Call: func(m *machine, a *args) Value { return f(m, v, a) }}
		}
	case *List:
		if f, ok := listMethods[name]; ok {
			return &Func{Name: name, Call: func(m *machine, a *args) Value { return f(m, v, a) }}
		}
	}
	if changing[name] {
		switch v.(type) {
		case *List, *Dict:
			return &Func{Name: name, Call: func(*machine, *args) Value {
				throw("a template may not change a %s; %s is not allowed", typeName(v), name)
				return nil
			}}
		}
	}
	return nil
}

var changing = map[string]bool{"append": true, "extend": true, "insert": true, "pop": true, "remove": true,
	"clear": true, "sort": true, "reverse": true, "update": true, "setdefault": true, "popitem": true}

var dictMethods = map[string]func(m *machine, d *Dict, a *args) Value{
	"keys":   func(m *machine, d *Dict, _ *args) Value { return m.list(d.Keys) },
	"values": func(m *machine, d *Dict, _ *args) Value { return m.list(d.Values) },
	"items":  func(m *machine, d *Dict, _ *args) Value { return m.pairs(d) },
	"copy":   func(m *machine, d *Dict, _ *args) Value { return dictFunc(m, &args{list: []Value{d}}) },
	"get": func(m *machine, d *Dict, a *args) Value {
		if v, ok := d.Get(a.needs(0, "key", "get")); ok {
			return v
		}
		v, _ := a.get(1, "default")
		return v
	},
}

// pairs returns the (key, value) tuples of d.
func (m *machine) pairs(d *Dict) *List {
	m.work(2 * itemCost * len(d.Keys))
	items := make([]Value, len(d.Keys))
	for i, k := range d.Keys {
		items[i] = &List{Items: []Value{k, d.Values[i]}, Tuple: true}
	}
	return m.list(items)
}

var listMethods = map[string]func(m *machine, l *List, a *args) Value{
	"count": func(m *machine, l *List, a *args) Value {
		n, x := int64(0), a.needs(0, "value", "count")
		for _, item := range l.Items {
			if m.equal(item, x) {
				n++
			}
		}
		return n
	},
	"index": func(m *machine, l *List, a *args) Value {
		x := a.needs(0, "value", "index")
		for i, item := range l.Items {
			if m.equal(item, x) {
				return int64(i)
			}
		}
		throw("index: the value is not in the list")
		return nil
	},
	"copy": func(m *machine, l *List, _ *args) Value { return m.list(l.Items) },
}

type strMethod = func(m *machine, s Str, a *args) Value

var strMethods = map[string]strMethod{
	"strip":      stripMethod("strip", true, true),
	"lstrip":     stripMethod("lstrip", true, false),
	"rstrip":     stripMethod("rstrip", false, true),
	"split":      splitMethod("split", false),
	"rsplit":     splitMethod("rsplit", true),
	"startswith": affixMethod("startswith", strings.HasPrefix),
	"endswith":   affixMethod("endswith", strings.HasSuffix),
	"splitlines": splitLines,
	"join": func(m *machine, s Str, a *args) Value {
		return m.joinItems(s, m.items(a.needs(0, "iterable", "join")), true)
	},
	"lower":        func(m *machine, s Str, _ *args) Value { return s.like(lower(s.S)) },
	"upper":        func(m *machine, s Str, _ *args) Value { return s.like(upper(s.S)) },
	"title":        func(m *machine, s Str, _ *args) Value { return s.like(title(s.S)) },
	"capitalize":   func(m *machine, s Str, _ *args) Value { return s.like(capitalize(s.S)) },
	"replace":      replaceMethod,
	"find":         findMethod("find", strings.Index),
	"rfind":        findMethod("rfind", strings.LastIndex),
	"count":        countMethod,
	"removeprefix": removeMethod("removeprefix", true),
	"removesuffix": removeMethod("removesuffix", false),
	"partition":    partition("partition", strings.Index),
	"rpartition":   partition("rpartition", strings.LastIndex),
	"zfill":        zfill,
	"isdigit":      allMethod(unicode.IsDigit),
	"isdecimal":    allMethod(unicode.IsDigit),
	"isnumeric":    allMethod(unicode.IsNumber),
	"isalpha":      allMethod(unicode.IsLetter),
	"isalnum":      allMethod(func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }),
	"isspace":      allMethod(isSpace),
	"islower":      func(m *machine, s Str, _ *args) Value { return cased(s, unicode.IsLower, unicode.IsUpper) },
	"isupper":      func(m *machine, s Str, _ *args) Value { return cased(s, unicode.IsUpper, unicode.IsLower) },
}

func stripMethod(name string, left, right bool) strMethod {
	return func(m *machine, s Str, a *args) Value {
		v, ok := a.get(0, "chars")
		if !ok || v == nil {
			return s.strip(nil, left, right)
		}
		chars, ok := v.(Str)
		if !ok {
			throw("%s: the characters must be a string", name)
		}
		m.work(len(chars.S) * 8)
		return s.strip(&chars.S, left, right)
	}
}

func splitMethod(name string, right bool) strMethod {
	return func(m *machine, s Str, a *args) Value {
		sep, _ := a.get(0, "sep")
		limit := a.int(1, "maxsplit", name, -1)
		var parts []Str
		switch sep := sep.(type) {
		case nil:
			if right && limit >= 0 {
				throw("rsplit at white space with a limit is not supported")
			}
			parts = s.splitSpace(limit)
		case Str:
			if sep.S == "" {
				throw("%s: the separator is empty", name)
			}
			m.work(itemCost * strings.Count(s.S, sep.S))
			parts = s.split(sep.S, limit, right)
		default:
			throw("%s: the separator must be a string", name)
		}
		return m.strs(parts)
	}
}

func (m *machine) strs(parts []Str) *List {
	items := make([]Value, len(parts))
	for i, p := range parts {
		items[i] = p
	}
	return m.list(items)
}

func affixMethod(name string, has func(s, affix string) bool) strMethod {
	return func(m *machine, s Str, a *args) Value {
		v := a.needs(0, "prefix", name)
		list := []Value{v}
		if l, ok := v.(*List); ok && l.Tuple {
			list = l.Items
		}
		for _, v := range list {
			affix, ok := v.(Str)
			if !ok {
				throw("%s needs a string or a tuple of strings, not %s", name, typeName(v))
			}
			m.work(len(affix.S))
			if has(s.S, affix.S) {
				return true
			}
		}
		return false
	}
}

func splitLines(m *machine, s Str, a *args) Value {
	keep, _ := a.get(0, "keepends")
	return m.strs(s.lines(truth(keep)))
}

// joinItems joins items with sep; strict is str.join, which takes strings only.
func (m *machine) joinItems(sep Str, items []Value, strict bool) Str {
	var b strBuilder
	for i, item := range items {
		if _, ok := item.(Str); strict && !ok {
			throw("join: item %d is no string but %s", i, typeName(item))
		}
		if i > 0 {
			m.work(len(sep.S) + stepCost)
			b.add(sep)
		}
		s := m.str(item)
		m.work(len(s.S) + stepCost*(1+len(s.user)))
		b.add(s)
	}
	return b.str()
}

func replaceMethod(m *machine, s Str, a *args) Value {
	old := a.text(0, "old", "replace", Str{})
	repl := a.text(1, "new", "replace", Str{})
	if len(a.list) < 2 {
		throw("replace needs two strings")
	}
	return m.replace(s, old, repl, a.int(2, "count", "replace", -1))
}

// replace charges for the result before it makes it.
func (m *machine) replace(s, old, repl Str, count int) Str {
	n := strings.Count(s.S, old.S)
	if count >= 0 {
		n = min(n, count)
	}
	size := len(repl.S) + itemCost + stepCost*len(repl.user)
	if n > 0 && size > m.left/n {
		m.work(m.left + 1)
	}
	m.work(n*size + len(s.S))
	return s.replace(old.S, repl, count)
}

func findMethod(name string, index func(s, sub string) int) strMethod {
	return func(m *machine, s Str, a *args) Value {
		i := index(s.S, a.needsText(0, "sub", name).S)
		if i < 0 {
			return int64(-1)
		}
		return int64(m.runes(s.slice(0, i)))
	}
}

func (a *args) needsText(i int, name, what string) Str {
	s, ok := a.needs(i, name, what).(Str)
	if !ok {
		throw("%s needs a string", what)
	}
	return s
}

func countMethod(m *machine, s Str, a *args) Value {
	return int64(strings.Count(s.S, a.needsText(0, "sub", "count").S))
}

func removeMethod(name string, prefix bool) strMethod {
	return func(m *machine, s Str, a *args) Value {
		affix := a.needsText(0, "affix", name).S
		switch {
		case prefix && strings.HasPrefix(s.S, affix):
			return s.slice(len(affix), len(s.S))
		case !prefix && strings.HasSuffix(s.S, affix):
			return s.slice(0, len(s.S)-len(affix))
		}
		return s
	}
}

func partition(name string, index func(s, sub string) int) strMethod {
	return func(m *machine, s Str, a *args) Value {
		sep := a.needsText(0, "sep", name)
		if sep.S == "" {
			throw("%s: the separator is empty", name)
		}
		parts := []Value{s, Str{}, Str{}}
		if i := index(s.S, sep.S); i >= 0 {
			parts = []Value{s.slice(0, i), s.slice(i, i+len(sep.S)), s.slice(i+len(sep.S), len(s.S))}
		} else if name == "rpartition" {
			parts = []Value{Str{}, Str{}, s}
		}
		l := m.list(parts)
		l.Tuple = true
		return l
	}
}

func zfill(m *machine, s Str, a *args) Value {
	n := a.int(0, "width", "zfill", 0) - m.runes(s)
	if n <= 0 {
		return s
	}
	m.work(n)
	sign := len(s.S) - len(strings.TrimLeft(s.S[:min(1, len(s.S))], "+-")+s.S[min(1, len(s.S)):])
	return m.concat(m.concat(s.slice(0, sign), Literal(strings.Repeat("0", n))), s.slice(sign, len(s.S)))
}

func allMethod(is func(rune) bool) strMethod {
	return func(m *machine, s Str, _ *args) Value {
		return s.S != "" && strings.IndexFunc(s.S, func(r rune) bool { return !is(r) }) < 0
	}
}

// upper is str.upper: some characters become several.
func upper(s string) string { return cases.Upper(language.Und).String(s) }

// lower is str.lower, with Greek's final sigma.
func lower(s string) string { return cases.Lower(language.Und).String(s) }

// title is str.title: letters after a non-letter in upper case, others in lower.
func title(s string) string {
	letter := false
	return strings.Map(func(r rune) rune {
		was := letter
		letter = unicode.IsLetter(r)
		if was {
			return unicode.ToLower(r)
		}
		return unicode.ToTitle(r)
	}, s)
}

// capitalize is str.capitalize.
func capitalize(s string) string {
	first := true
	return strings.Map(func(r rune) rune {
		if first {
			first = false
			return unicode.ToTitle(r)
		}
		return unicode.ToLower(r)
	}, s)
}
