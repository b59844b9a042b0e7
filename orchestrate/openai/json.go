package openai

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"
)

// maxDepth is how deep arrays and objects of a request may nest, maxValues how
// many values it may have at every depth together: a value of two bytes takes
// many times that once it is taken apart.
const (
	maxDepth  = 256
	maxValues = 1 << 19
)

// checkJSON verifies that data is exactly one JSON value as RFC 8259 has it:
// valid UTF-8 with no byte order mark, no key twice in an object, no surrogate
// without its partner, every number within float64, nesting up to maxDepth, no
// more than maxValues values. The errors name the byte offset.
func checkJSON(data []byte) *Error { return checkValues(data, maxValues) }

// checkValues is checkJSON with another limit on the number of values.
func checkValues(data []byte, limit int) *Error {
	if bytes.HasPrefix(data, []byte("\xef\xbb\xbf")) {
		return syntaxError(data, 0, "a byte order mark; send UTF-8 without it")
	}
	if !utf8.Valid(data) {
		return syntaxError(data, invalidUTF8(data), "invalid UTF-8")
	}
	c := checker{data: data, limit: limit}
	c.space()
	if c.pos == len(data) {
		return invalid("", CodeInvalidJSON, "the request body is empty, want a JSON object")
	}
	c.value(0)
	if c.err == nil {
		if c.space(); c.pos < len(data) {
			c.fail("text after the end of the JSON value")
		}
	}
	return c.err
}

// syntaxError is the 400 for a body that is not proper JSON. It names the field
// that it is in.
func syntaxError(data []byte, offset int, what string) *Error {
	path := pathAt(data[:offset])
	if path == "" {
		return invalid("", CodeInvalidJSON, "invalid JSON at byte %d: %s", offset, what)
	}
	return invalid(path, CodeInvalidJSON, "invalid JSON at byte %d, in %q: %s", offset, path, what)
}

// invalidUTF8 is the offset of the first byte of data that is not UTF-8.
func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(data)
}

// checker walks one JSON text. After the first failure err is set and every
// method returns at once.
type checker struct {
	data   []byte
	pos    int
	values int // so far
	limit  int // of values; 0: none
	err    *Error
}

func (c *checker) fail(what string) {
	if c.err == nil {
		c.err = syntaxError(c.data, c.pos, what)
	}
}

// peek is the next byte, or 0 at the end.
func (c *checker) peek() byte {
	if c.pos < len(c.data) {
		return c.data[c.pos]
	}
	return 0
}

func (c *checker) space() {
	for c.pos < len(c.data) {
		switch c.data[c.pos] {
		case ' ', '\t', '\n', '\r':
			c.pos++
		default:
			return
		}
	}
}

// value checks the value that starts at pos.
func (c *checker) value(depth int) {
	if c.pos == len(c.data) {
		c.fail("unexpected end")
		return
	}
	if c.values++; c.limit > 0 && c.values > c.limit {
		c.fail("more than " + strconv.Itoa(c.limit) + " values")
		return
	}
	switch b := c.data[c.pos]; {
	case b == '{' || b == '[':
		if depth == maxDepth {
			c.fail("nesting deeper than " + strconv.Itoa(maxDepth))
		} else if b == '{' {
			c.object(depth + 1)
		} else {
			c.array(depth + 1)
		}
	case b == '"':
		c.str()
	case b == '-' || '0' <= b && b <= '9':
		c.number()
	default:
		c.word()
	}
}

// word checks true, false or null.
func (c *checker) word() {
	for _, w := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(c.data[c.pos:], []byte(w)) {
			c.pos += len(w)
			return
		}
	}
	r, _ := utf8.DecodeRune(c.data[c.pos:])
	c.fail("unexpected " + strconv.QuoteRune(r) + ", want a value")
}

func (c *checker) array(depth int) {
	c.pos++
	c.space()
	if c.peek() == ']' {
		c.pos++
		return
	}
	for c.err == nil {
		c.space()
		c.value(depth)
		c.space()
		if !c.more(']') {
			return
		}
	}
}

func (c *checker) object(depth int) {
	c.pos++
	c.space()
	if c.peek() == '}' {
		c.pos++
		return
	}
	var seen keySet
	for c.err == nil {
		c.space()
		at := c.pos
		if c.peek() != '"' {
			c.fail("want a key in double quotes")
			return
		}
		c.str()
		if c.err != nil {
			return
		}
		if key := unquote(c.data[at:c.pos]); !seen.add(key) {
			c.pos = at
			c.fail("the key " + strconv.Quote(clip(key)) + " stands twice in one object")
			return
		}
		c.space()
		if c.peek() != ':' {
			c.fail("want ':' after the key")
			return
		}
		c.pos++
		c.space()
		c.value(depth)
		c.space()
		if !c.more('}') {
			return
		}
	}
}

// more steps over a comma and returns true, or over end and returns false.
func (c *checker) more(end byte) bool {
	if c.err != nil {
		return false
	}
	switch c.peek() {
	case ',':
		c.pos++
		return true
	case end:
		c.pos++
		return false
	}
	if c.pos == len(c.data) {
		c.fail("unexpected end")
	} else {
		c.fail("want ',' or '" + string(end) + "'")
	}
	return false
}

// str checks the string that starts at pos.
func (c *checker) str() {
	c.pos++
	for c.pos < len(c.data) {
		switch b := c.data[c.pos]; {
		case b == '"':
			c.pos++
			return
		case b < 0x20:
			c.fail("control character in a string; write it as \\u00" + strconv.FormatInt(0x100|int64(b), 16)[1:])
			return
		case b == '\\':
			if c.escape(); c.err != nil {
				return
			}
		default:
			c.pos++
		}
	}
	c.fail("unexpected end inside a string")
}

// escape checks the escape sequence that starts at pos.
func (c *checker) escape() {
	if c.pos+1 >= len(c.data) {
		c.fail("unexpected end inside a string")
		return
	}
	switch c.data[c.pos+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		c.pos += 2
		return
	case 'u':
	default:
		c.fail("unknown escape sequence")
		return
	}
	unit, ok := c.hex(c.pos)
	switch {
	case !ok:
		c.fail("\\u without four hexadecimal digits")
	case unit < 0xd800 || unit > 0xdfff:
		c.pos += 6
	default:
		low, ok := c.hex(c.pos + 6)
		if unit > 0xdbff || !ok || low < 0xdc00 || low > 0xdfff {
			c.fail("surrogate without its partner")
			return
		}
		c.pos += 12
	}
}

// hex is the value of the \uXXXX at offset at.
func (c *checker) hex(at int) (unit uint64, ok bool) {
	if at+6 > len(c.data) || c.data[at] != '\\' || c.data[at+1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(c.data[at+2:at+6]), 16, 16)
	return unit, err == nil
}

// number checks the number that starts at pos.
func (c *checker) number() {
	start := c.pos
	if c.peek() == '-' {
		c.pos++
	}
	switch b := c.peek(); {
	case b == '0':
		c.pos++
	case '1' <= b && b <= '9':
		c.digits()
	default:
		c.fail("want a digit")
		return
	}
	if c.peek() == '.' {
		c.pos++
		if !c.digits() {
			return
		}
	}
	if b := c.peek(); b == 'e' || b == 'E' {
		c.pos++
		if b := c.peek(); b == '+' || b == '-' {
			c.pos++
		}
		if !c.digits() {
			return
		}
	}
	v, err := strconv.ParseFloat(string(c.data[start:c.pos]), 64)
	if err != nil || math.IsInf(v, 0) {
		c.pos = start
		c.fail("number beyond the range of a 64-bit float")
	}
}

// digits steps over one digit or more.
func (c *checker) digits() bool {
	start := c.pos
	for '0' <= c.peek() && c.peek() <= '9' {
		c.pos++
	}
	if c.pos == start {
		c.fail("want a digit")
		return false
	}
	return true
}

// keySet holds the keys of one object: a slice while they are few.
type keySet struct {
	few  []string
	many map[string]struct{}
}

// add returns false where key is there already.
func (s *keySet) add(key string) bool {
	if s.many != nil {
		_, dup := s.many[key]
		s.many[key] = struct{}{}
		return !dup
	}
	for _, k := range s.few {
		if k == key {
			return false
		}
	}
	if s.few = append(s.few, key); len(s.few) > 16 {
		s.many = make(map[string]struct{}, 64)
		for _, k := range s.few {
			s.many[k] = struct{}{}
		}
	}
	return true
}

// unquote is the text of a JSON string that checkJSON has passed.
func unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return string(raw)
	}
	return s
}

// clip shortens a text that a message quotes.
func clip(s string) string {
	const limit = 64
	if len(s) <= limit {
		return s
	}
	for i := range s {
		if i > limit {
			return s[:i] + "…"
		}
	}
	return s
}

// CheckJSON reports the first fault of a JSON text as the 400 that a request
// with it would get; see checkJSON for what it refuses. It may have any number
// of values.
func CheckJSON(data []byte) error {
	if err := checkValues(data, 0); err != nil {
		return err
	}
	return nil
}
