// Package pyjson reads JSON in source order and writes it in Python's spelling.
//
// Chat templates were trained on the output of Python's json.dumps(value,
// ensure_ascii=False): separators ", " and ": ", keys in source order, 1E5 as
// 100000.0, no HTML escapes. encoding/json can neither keep the order nor
// spell numbers that way, and it replaces invalid UTF-8 in silence.
package pyjson

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Number is a JSON number in Python's canonical spelling: of an int when the
// source has neither fraction nor exponent, else the repr of a float.
type Number string

// Object is a JSON object in source order. A repeated key keeps its first
// place and its last value, as Python's dict does.
type Object struct {
	Keys   []string
	Values map[string]any
}

// NewObject returns an empty object.
func NewObject() *Object { return &Object{Values: map[string]any{}} }

// Get returns the value under key.
func (o *Object) Get(key string) (any, bool) {
	v, ok := o.Values[key]
	return v, ok
}

// Set stores value under key, at the end when the key is new.
func (o *Object) Set(key string, value any) {
	if _, ok := o.Values[key]; !ok {
		o.Keys = append(o.Keys, key)
	}
	o.Values[key] = value
}

// SyntaxError reports where and why a text is not acceptable JSON.
type SyntaxError struct {
	Offset int    // bytes from the start
	Reason string // what is wrong there
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Reason)
}

// maxDepth bounds nesting, so that hostile input cannot exhaust the stack.
const maxDepth = 512

// maxIntDigits is Python's limit on the digits of an int read from text.
const maxIntDigits = 4300

// Parse reads one JSON value as nil, bool, Number, string, []any or *Object.
// Invalid UTF-8, lone surrogates, control characters in strings, and anything
// after the value are a *SyntaxError.
func Parse(data []byte) (any, error) {
	return parse(string(data), false)
}

// ParsePython is Parse with what Python's json.loads also takes: NaN,
// Infinity and -Infinity.
func ParsePython(text string) (any, error) {
	return parse(text, true)
}

func parse(s string, python bool) (any, error) {
	p := &parser{s: s, python: python}
	v, err := p.document()
	if err != nil {
		return nil, err
	}
	return v, nil
}

type parser struct {
	s      string
	at     int
	python bool
}

func (p *parser) fail(format string, args ...any) error {
	return &SyntaxError{Offset: p.at, Reason: fmt.Sprintf(format, args...)}
}

func (p *parser) space() {
	for p.at < len(p.s) {
		switch p.s[p.at] {
		case ' ', '\t', '\n', '\r':
			p.at++
		default:
			return
		}
	}
}

func (p *parser) document() (any, error) {
	p.space()
	v, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(p.s) {
		return nil, p.fail("text after the value")
	}
	return v, nil
}

func (p *parser) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, p.fail("nested deeper than %d", maxDepth)
	}
	if p.at >= len(p.s) {
		return nil, p.fail("unexpected end")
	}
	switch c := p.s[p.at]; {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return p.string()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	return p.word()
}

func (p *parser) word() (any, error) {
	words := []struct {
		text   string
		value  any
		python bool
	}{
		{"null", nil, false}, {"true", true, false}, {"false", false, false},
		{"NaN", Number("NaN"), true}, {"Infinity", Number("Infinity"), true},
	}
	for _, w := range words {
		if (!w.python || p.python) && strings.HasPrefix(p.s[p.at:], w.text) {
			p.at += len(w.text)
			return w.value, nil
		}
	}
	return nil, p.fail("expected a value")
}

func (p *parser) object(depth int) (any, error) {
	o := NewObject()
	p.at++
	if p.space(); p.at < len(p.s) && p.s[p.at] == '}' {
		p.at++
		return o, nil
	}
	for {
		if p.space(); p.at >= len(p.s) || p.s[p.at] != '"' {
			return nil, p.fail("expected a key in double quotes")
		}
		key, err := p.string()
		if err != nil {
			return nil, err
		}
		if p.space(); p.at >= len(p.s) || p.s[p.at] != ':' {
			return nil, p.fail("expected ':'")
		}
		p.at++
		p.space()
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		o.Set(key, v)
		if done, err := p.next('}'); done || err != nil {
			return o, err
		}
	}
}

func (p *parser) array(depth int) (any, error) {
	list := []any{}
	p.at++
	if p.space(); p.at < len(p.s) && p.s[p.at] == ']' {
		p.at++
		return list, nil
	}
	for {
		p.space()
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
		if done, err := p.next(']'); done || err != nil {
			return list, err
		}
	}
}

// next passes a comma, or the closing bracket, in which case it returns true.
func (p *parser) next(closing byte) (bool, error) {
	p.space()
	if p.at >= len(p.s) {
		return false, p.fail("unexpected end")
	}
	switch c := p.s[p.at]; c {
	case ',', closing:
		p.at++
		return c == closing, nil
	}
	return false, p.fail("expected ',' or '%c'", closing)
}

func (p *parser) string() (string, error) {
	p.at++
	start := p.at
	for p.at < len(p.s) {
		switch c := p.s[p.at]; {
		case c == '"':
			s := p.s[start:p.at]
			p.at++
			return s, nil
		case c == '\\':
			return p.escaped(start)
		default:
			if err := p.plain(); err != nil {
				return "", err
			}
		}
	}
	return "", p.fail("unterminated string")
}

// escaped continues a string that starts at start and holds escapes.
func (p *parser) escaped(start int) (string, error) {
	buf := []byte(p.s[start:p.at])
	for p.at < len(p.s) {
		switch c := p.s[p.at]; {
		case c == '"':
			p.at++
			return string(buf), nil
		case c == '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			buf = utf8.AppendRune(buf, r)
		default:
			from := p.at
			if err := p.plain(); err != nil {
				return "", err
			}
			buf = append(buf, p.s[from:p.at]...)
		}
	}
	return "", p.fail("unterminated string")
}

// plain passes one unescaped character of a string.
func (p *parser) plain() error {
	c := p.s[p.at]
	if c < 0x20 {
		return p.fail("control character in a string")
	}
	if c < utf8.RuneSelf {
		p.at++
		return nil
	}
	r, n := utf8.DecodeRuneInString(p.s[p.at:])
	if r == utf8.RuneError && n == 1 {
		return p.fail("invalid UTF-8")
	}
	p.at += n
	return nil
}

func (p *parser) escape() (rune, error) {
	if p.at+1 >= len(p.s) {
		return 0, p.fail("unterminated string")
	}
	if i := strings.IndexByte(`"\/bfnrt`, p.s[p.at+1]); i >= 0 {
		p.at += 2
		return rune("\"\\/\b\f\n\r\t"[i]), nil
	}
	r, ok := p.hex4(p.at)
	if !ok {
		return 0, p.fail("unknown escape")
	}
	switch {
	case r >= 0xDC00 && r < 0xE000:
		return 0, p.fail("lone surrogate \\u%04x", r)
	case r >= 0xD800 && r < 0xDC00:
		low, ok := p.hex4(p.at + 6)
		if !ok || low < 0xDC00 || low >= 0xE000 {
			return 0, p.fail("lone surrogate \\u%04x", r)
		}
		p.at += 12
		return (r-0xD800)<<10 + (low - 0xDC00) + 0x10000, nil
	}
	p.at += 6
	return r, nil
}

// hex4 reads a \uXXXX escape at byte i.
func (p *parser) hex4(i int) (rune, bool) {
	if i+6 > len(p.s) || p.s[i] != '\\' || p.s[i+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(p.s[i+2:i+6], 16, 32)
	return rune(n), err == nil
}

func (p *parser) digits() int {
	start := p.at
	for p.at < len(p.s) && p.s[p.at] >= '0' && p.s[p.at] <= '9' {
		p.at++
	}
	return p.at - start
}

func (p *parser) number() (any, error) {
	start := p.at
	if p.s[p.at] == '-' {
		p.at++
		if p.python && strings.HasPrefix(p.s[p.at:], "Infinity") {
			p.at += len("Infinity")
			return Number("-Infinity"), nil
		}
	}
	first := p.at
	n := p.digits()
	if n == 0 || n > 1 && p.s[first] == '0' {
		return nil, p.fail("malformed number")
	}
	float := false
	if p.at < len(p.s) && p.s[p.at] == '.' {
		float = true
		p.at++
		if p.digits() == 0 {
			return nil, p.fail("malformed number")
		}
	}
	if p.at < len(p.s) && (p.s[p.at] == 'e' || p.s[p.at] == 'E') {
		float = true
		p.at++
		if p.at < len(p.s) && (p.s[p.at] == '+' || p.s[p.at] == '-') {
			p.at++
		}
		if p.digits() == 0 {
			return nil, p.fail("malformed number")
		}
	}
	if float {
		f, _ := strconv.ParseFloat(p.s[start:p.at], 64) // out of range gives ±Inf, as in Python
		return Number(FormatFloat(f)), nil
	}
	if n > maxIntDigits {
		return nil, p.fail("integer of %d digits; the limit is %d", n, maxIntDigits)
	}
	if p.s[start:p.at] == "-0" {
		return Number("0"), nil
	}
	return Number(p.s[start:p.at]), nil
}
