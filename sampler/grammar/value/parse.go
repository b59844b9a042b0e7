package value

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// Limits bound what Parse builds. A zero field stands for its default.
type Limits struct {
	Depth  int // arrays and objects within each other; default 1000
	Values int // values in all, 80 bytes each; default 262144

	// LastWins keeps, of members with equal keys, the first one's place and the
	// last one's value, as Python's json.loads does. Otherwise they are refused.
	LastWins bool
}

const (
	defaultDepth  = 1000
	defaultValues = 1 << 18
)

// SyntaxError says where and why a text is not JSON.
type SyntaxError struct {
	Offset int // in bytes
	Reason string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("not valid JSON at byte %d: %s", e.Offset, e.Reason)
}

// LimitError says that a text is beyond what Limits allow.
type LimitError struct {
	Offset int    // in bytes, where the limit was reached
	What   string // what there is too much of
	Limit  int
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("JSON text has more than %d %s (reached at byte %d)", e.Limit, e.What, e.Offset)
}

// Parse reads one JSON text (RFC 8259), with white space around it or not. It
// refuses what is not UTF-8 and escapes of lone surrogates, for which there are
// no characters. The error is a *SyntaxError or a *LimitError. The strings of
// the result share one copy of text.
func Parse(text []byte, lim Limits) (Value, error) {
	if len(text) > math.MaxInt32 {
		return Value{}, &LimitError{Offset: math.MaxInt32, What: "bytes", Limit: math.MaxInt32}
	}
	p := parser{text: string(text), lim: lim}
	if p.lim.Depth <= 0 {
		p.lim.Depth = defaultDepth
	}
	if p.lim.Values <= 0 {
		p.lim.Values = defaultValues
	}
	v, err := p.document()
	if err != nil {
		return Value{}, err
	}
	return v, nil
}

// parser holds the text and the items and members of the containers that are
// still open, which get slices of just their length once they are closed.
type parser struct {
	text    string
	pos     int
	lim     Limits
	depth   int
	values  int
	items   []Value
	members []Member
}

func (p *parser) document() (Value, error) {
	p.space()
	v, err := p.value()
	if err != nil {
		return v, err
	}
	if p.space(); p.pos < len(p.text) {
		return v, p.fail("%s after the value", p.here())
	}
	return v, nil
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{Offset: p.pos, Reason: fmt.Sprintf(format, args...)}
}

// here names what stands at the position.
func (p *parser) here() string {
	if p.pos >= len(p.text) {
		return "end of the text"
	}
	r, n := utf8.DecodeRuneInString(p.text[p.pos:])
	if r == utf8.RuneError && n == 1 {
		return fmt.Sprintf("byte 0x%02X, which is not UTF-8,", p.text[p.pos])
	}
	return fmt.Sprintf("%q", r)
}

func (p *parser) space() {
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case ' ', '\t', '\n', '\r':
			p.pos++
		default:
			return
		}
	}
}

// peek skips white space and returns the byte behind it, or 0 at the end.
func (p *parser) peek() byte {
	p.space()
	if p.pos < len(p.text) {
		return p.text[p.pos]
	}
	return 0
}

// value reads the value that begins at the position.
func (p *parser) value() (v Value, err error) {
	v.Offset = int32(p.pos)
	if p.values++; p.values > p.lim.Values {
		return v, &LimitError{Offset: p.pos, What: "values", Limit: p.lim.Values}
	}
	if p.pos == len(p.text) {
		return v, p.fail("a value is missing at the end of the text")
	}
	switch c := p.text[p.pos]; {
	case c == '"':
		v.Kind = String
		v.Text, err = p.str()
	case c == '{' || c == '[':
		if p.depth++; p.depth > p.lim.Depth {
			return v, &LimitError{Offset: p.pos, What: "levels of arrays and objects", Limit: p.lim.Depth}
		}
		if c == '{' {
			v.Kind = Object
			v.Members, err = p.object()
		} else {
			v.Kind = Array
			v.Items, err = p.array()
		}
		p.depth--
	case c == '-' || '0' <= c && c <= '9':
		v.Kind = Number
		v.Text, err = p.number()
	case strings.HasPrefix(p.text[p.pos:], "null"):
		p.pos += 4
	case strings.HasPrefix(p.text[p.pos:], "true"):
		v.Kind = True
		p.pos += 4
	case strings.HasPrefix(p.text[p.pos:], "false"):
		v.Kind = False
		p.pos += 5
	default:
		err = p.fail("%s where a value must begin", p.here())
	}
	return v, err
}

func (p *parser) array() ([]Value, error) {
	base := len(p.items)
	p.pos++
	if p.peek() == ']' {
		p.pos++
		return nil, nil
	}
	for {
		p.space()
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		p.items = push(p.items, v)
		switch p.peek() {
		case ',':
			p.pos++
		case ']':
			p.pos++
			list := append(make([]Value, 0, len(p.items)-base), p.items[base:]...)
			clear(p.items[base:])
			p.items = p.items[:base]
			return list, nil
		default:
			return nil, p.fail("%s where ',' or ']' must follow an item", p.here())
		}
	}
}

func (p *parser) object() ([]Member, error) {
	keys := keySet{p: p, base: len(p.members)}
	p.pos++
	if p.peek() == '}' {
		p.pos++
		return nil, nil
	}
	for {
		if p.peek() != '"' {
			return nil, p.fail("%s where a key must begin", p.here())
		}
		start := p.pos
		key, err := p.str()
		if err != nil {
			return nil, err
		}
		if p.peek() != ':' {
			return nil, p.fail("%s where ':' must follow a key", p.here())
		}
		p.pos++
		p.space()
		v, err := p.value()
		if err != nil {
			return nil, err
		}
		switch i := keys.find(key); {
		case i < 0:
			p.members = push(p.members, Member{key, v})
		case p.lim.LastWins:
			p.members[i].Value = v
		default:
			return nil, &SyntaxError{Offset: start, Reason: fmt.Sprintf("the key %.80q stands in this object before", key)}
		}
		switch p.peek() {
		case ',':
			p.pos++
		case '}':
			p.pos++
			list := append(make([]Member, 0, len(p.members)-keys.base), p.members[keys.base:]...)
			clear(p.members[keys.base:])
			p.members = p.members[:keys.base]
			return list, nil
		default:
			return nil, p.fail("%s where ',' or '}' must follow a member", p.here())
		}
	}
}

// keySet finds keys among the members of the innermost open object.
type keySet struct {
	p     *parser
	base  int
	index map[string]int // the members from base on; nil while there are few
}

// find returns the place of key among the parser's members or, where it is new
// and will be appended, -1.
func (k *keySet) find(key string) int {
	const few = 12
	list := k.p.members[k.base:]
	if k.index == nil {
		for i := range list {
			if list[i].Key == key {
				return k.base + i
			}
		}
		if len(list) < few {
			return -1
		}
		k.index = make(map[string]int, 4*few)
		for i := range list {
			k.index[list[i].Key] = k.base + i
		}
	} else if i, ok := k.index[key]; ok {
		return i
	}
	k.index[key] = len(k.p.members)
	return -1
}

// push appends to a list, whose room doubles when it is full: append gives a long
// one a quarter more at a time, and copies it far more often.
func push[T any](list []T, v T) []T {
	if len(list) == cap(list) {
		list = append(make([]T, 0, max(8, 2*cap(list))), list...)
	}
	return append(list, v)
}

// number reads a number and returns its text.
func (p *parser) number() (string, error) {
	start := p.pos
	if p.text[p.pos] == '-' {
		p.pos++
	}
	if p.pos < len(p.text) && p.text[p.pos] == '0' {
		p.pos++
		if p.pos < len(p.text) && isDigit(p.text[p.pos]) {
			return "", p.fail("a digit after a leading zero")
		}
	} else if err := p.digits("a number"); err != nil {
		return "", err
	}
	if p.pos < len(p.text) && p.text[p.pos] == '.' {
		p.pos++
		if err := p.digits("a fraction"); err != nil {
			return "", err
		}
	}
	if p.pos < len(p.text) && p.text[p.pos]|0x20 == 'e' {
		p.pos++
		if p.pos < len(p.text) && (p.text[p.pos] == '+' || p.text[p.pos] == '-') {
			p.pos++
		}
		if err := p.digits("an exponent"); err != nil {
			return "", err
		}
	}
	return p.text[start:p.pos], nil
}

func (p *parser) digits(what string) error {
	start := p.pos
	for p.pos < len(p.text) && isDigit(p.text[p.pos]) {
		p.pos++
	}
	if p.pos == start {
		return p.fail("%s where a digit of %s must stand", p.here(), what)
	}
	return nil
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
