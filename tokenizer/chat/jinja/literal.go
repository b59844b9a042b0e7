package jinja

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/nikolalohinski/gonja/v2/tokens"
)

// number passes an int or a float. After a dot it is an index, so digits only.
func (l *lexer) number(afterDot bool) *tokens.Token {
	t := l.token(tokens.Integer, "")
	start := l.at
	digits := func() {
		for l.at < len(l.src) && (l.src[l.at] >= '0' && l.src[l.at] <= '9' || l.src[l.at] == '_') {
			l.at++
		}
	}
	if c := l.peek(1); l.src[l.at] == '0' && c != 0 && strings.IndexByte("xXoObB", c) >= 0 {
		l.at += 2
		for l.at < len(l.src) && strings.IndexByte("0123456789abcdefABCDEF_", l.src[l.at]) >= 0 {
			l.at++
		}
	} else if digits(); !afterDot {
		if c := l.peek(1); l.peek(0) == '.' && c >= '0' && c <= '9' {
			t.Type = tokens.Float
			l.at++
			digits()
		}
		l.exponent(t, digits)
	}
	t.Val = strings.ReplaceAll(l.src[start:l.at], "_", "")
	if t.Type == tokens.Integer {
		i, err := strconv.ParseInt(t.Val, 0, 64)
		if err != nil {
			l.fail("%q is no integer of 64 bits", t.Val)
		}
		t.Val = strconv.FormatInt(i, 10)
	}
	return t
}

func (l *lexer) exponent(t *tokens.Token, digits func()) {
	if c := l.peek(0); c != 'e' && c != 'E' {
		return
	}
	sign := 0
	if c := l.peek(1); c == '+' || c == '-' {
		sign = 1
	}
	if c := l.peek(1 + sign); c >= '0' && c <= '9' {
		t.Type = tokens.Float
		l.at += 1 + sign
		digits()
	}
}

func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.src) {
		return l.src[l.at+n]
	}
	return 0
}

// literal passes a string in the given quotes and returns its value.
func (l *lexer) literal(quote byte) string {
	var b strings.Builder
	for l.at++; l.at < len(l.src); {
		switch c := l.src[l.at]; c {
		case quote:
			l.at++
			return b.String()
		case '\\':
			l.escape(&b)
		default:
			b.WriteByte(c)
			l.at++
		}
	}
	l.fail("a string is not closed")
	return ""
}

// escape passes one backslash escape of Python.
func (l *lexer) escape(b *strings.Builder) {
	const names, values = "abfnrtv\\'\"", "\a\b\f\n\r\t\v\\'\""
	c := l.peek(1)
	l.at += 2
	if i := strings.IndexByte(names, c); c != 0 && i >= 0 {
		b.WriteByte(values[i])
		return
	}
	switch {
	case c == '\n':
	case c == 'x':
		l.hex(b, 2)
	case c == 'u':
		l.hex(b, 4)
	case c == 'U':
		l.hex(b, 8)
	case c >= '0' && c <= '7':
		n := rune(c - '0')
		for i := 0; i < 2 && l.peek(0) >= '0' && l.peek(0) <= '7'; i++ {
			n = n*8 + rune(l.peek(0)-'0')
			l.at++
		}
		b.WriteRune(n)
	case c == 'N':
		l.fail(`\N escapes are not supported`)
	default:
		b.WriteByte('\\')
		l.at-- // the character stands for itself
	}
}

func (l *lexer) hex(b *strings.Builder, n int) {
	if l.at+n > len(l.src) {
		l.fail("a string is not closed")
	}
	v, err := strconv.ParseUint(l.src[l.at:l.at+n], 16, 32)
	if err != nil || !utf8.ValidRune(rune(v)) {
		l.fail("bad escape in a string")
	}
	b.WriteRune(rune(v))
	l.at += n
}
