package jinja

import (
	"fmt"
	"sort"
	"strings"
	"time"
)

// globals returns the functions that every template has.
func globals() map[string]Value {
	return map[string]Value{
		"range":           &Func{Name: "range", Call: rangeFunc},
		"dict":            &Func{Name: "dict", Call: dictFunc},
		"namespace":       &Func{Name: "namespace", Call: namespaceFunc},
		"raise_exception": &Func{Name: "raise_exception", Call: raise},
		"strftime_now":    &Func{Name: "strftime_now", Call: strftimeNow},
	}
}

func raise(m *machine, a *args) Value {
	panic(&Error{Raised: true, Reason: m.str(a.needs(0, "message", "raise_exception")).S, Line: m.line})
}

func rangeFunc(m *machine, a *args) Value {
	var n [3]int64
	n[2] = 1
	for i, v := range a.list {
		k, ok := integer(v)
		if !ok || i > 2 {
			throw("range takes one to three ints")
		}
		n[i] = k
	}
	switch {
	case len(a.list) == 0:
		throw("range takes one to three ints")
	case len(a.list) == 1:
		n[0], n[1] = 0, n[0]
	case n[2] == 0:
		throw("range: the step cannot be zero")
	}
	count := rangeLen(n[0], n[1], n[2])
	if count > maxRange {
		throw("range is too long: at most %d items are allowed", maxRange)
	}
	m.work(itemCost * int(count))
	items := make([]Value, count)
	for i := range items {
		items[i] = n[0] + int64(i)*n[2]
	}
	return &List{Items: items}
}

// rangeLen returns how many items a range has; more than maxRange may be
// any number above it.
func rangeLen(start, stop, step int64) uint64 {
	lo, hi, by := uint64(start)^1<<63, uint64(stop)^1<<63, uint64(step) // order-preserving
	if step < 0 {
		lo, hi, by = hi, lo, -uint64(step)
	}
	if hi <= lo {
		return 0
	}
	return (hi-lo-1)/by + 1
}

func dictFunc(m *machine, a *args) Value {
	d := NewDict()
	if len(a.list) > 1 {
		throw("dict takes at most one positional argument")
	}
	if len(a.list) == 1 {
		if from, ok := a.list[0].(*Dict); ok {
			m.work(itemCost * len(from.Keys))
			for i, k := range from.Keys {
				d.Set(k, from.Values[i])
			}
		} else {
			for _, item := range m.items(a.list[0]) {
				kv := m.items(item)
				if len(kv) != 2 {
					throw("dict needs pairs")
				}
				m.work(itemCost)
				d.Set(kv[0], kv[1])
			}
		}
	}
	m.setNamed(d, a)
	return d
}

// setNamed stores named arguments, in the order of their names: the parser
// does not keep theirs.
func (m *machine) setNamed(d *Dict, a *args) {
	names := make([]string, 0, len(a.named))
	for name := range a.named {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		m.work(itemCost)
		d.SetName(name, a.named[name])
	}
}

func namespaceFunc(m *machine, a *args) Value {
	d := dictFunc(m, a).(*Dict)
	d.Namespace = true
	return d
}

func strftimeNow(m *machine, a *args) Value {
	format := a.text(0, "format", "strftime_now", Literal(""))
	m.work(32 * len(format.S))
	return format.like(strftime(m.now(), format.S))
}

// strftime formats t as C's strftime does in the C locale.
func strftime(t time.Time, format string) string {
	layouts := map[byte]string{
		'a': "Mon", 'A': "Monday", 'b': "Jan", 'B': "January", 'h': "Jan", 'd': "02", 'e': "_2", 'H': "15", 'I': "03",
		'j': "002", 'm': "01", 'M': "04", 'p': "PM", 'S': "05", 'y': "06", 'Y': "2006", 'Z': "MST", 'z': "-0700",
		'D': "01/02/06", 'F': "2006-01-02", 'T': "15:04:05", 'R': "15:04", 'c': "Mon Jan _2 15:04:05 2006",
		'x': "01/02/06", 'X': "15:04:05",
	}
	var b strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' || i+1 == len(format) {
			b.WriteByte(format[i])
			continue
		}
		i++
		unpadded := format[i] == '-' && i+1 < len(format)
		if unpadded {
			i++
		}
		text := specialTime(t, format[i])
		if layout, ok := layouts[format[i]]; ok {
			text = t.Format(layout)
		}
		if unpadded && len(text) > 1 {
			text = strings.TrimLeft(text[:len(text)-1], "0 ") + text[len(text)-1:]
		}
		b.WriteString(text)
	}
	return b.String()
}

// specialTime handles what time.Format has no layout for.
func specialTime(t time.Time, c byte) string {
	switch c {
	case '%':
		return "%"
	case 'n':
		return "\n"
	case 't':
		return "\t"
	case 's':
		return fmt.Sprint(t.Unix())
	case 'f':
		return fmt.Sprintf("%06d", t.Nanosecond()/1000)
	case 'w':
		return fmt.Sprint(int(t.Weekday()))
	case 'u':
		return fmt.Sprint((int(t.Weekday())+6)%7 + 1)
	}
	return "%" + string(rune(c))
}
