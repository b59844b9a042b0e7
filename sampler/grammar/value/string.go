package value

import (
	"unicode/utf16"
	"unicode/utf8"
)

// str reads a string, at whose opening quote the parser stands, and returns its
// characters.
func (p *parser) str() (string, error) {
	p.pos++
	start := p.pos
	for p.pos < len(p.text) {
		switch c := p.text[p.pos]; {
		case c == '"':
			p.pos++
			return p.text[start : p.pos-1], nil
		case c == '\\':
			return p.escaped(start)
		case c < 0x20 || c >= utf8.RuneSelf:
			if err := p.char(); err != nil {
				return "", err
			}
		default:
			p.pos++
		}
	}
	return "", p.fail("the text ends within a string")
}

// char passes over one character that stands for itself.
func (p *parser) char() error {
	if c := p.text[p.pos]; c < 0x20 {
		return p.fail("the control character 0x%02X stands in a string unescaped", c)
	} else if c < utf8.RuneSelf {
		p.pos++
		return nil
	}
	r, n := utf8.DecodeRuneInString(p.text[p.pos:])
	if r == utf8.RuneError && n == 1 {
		return p.fail("byte 0x%02X in a string is not UTF-8", p.text[p.pos])
	}
	p.pos += n
	return nil
}

// escaped reads on at the first backslash of a string that began at start.
func (p *parser) escaped(start int) (string, error) {
	buf := append(make([]byte, 0, p.pos-start+24), p.text[start:p.pos]...)
	for p.pos < len(p.text) {
		switch p.text[p.pos] {
		case '"':
			p.pos++
			return string(buf), nil
		case '\\':
			r, err := p.escape()
			if err != nil {
				return "", err
			}
			buf = utf8.AppendRune(buf, r)
		default:
			at := p.pos
			if err := p.char(); err != nil {
				return "", err
			}
			buf = append(buf, p.text[at:p.pos]...)
		}
	}
	return "", p.fail("the text ends within a string")
}

// escape reads an escape sequence, two of \u for a surrogate pair.
func (p *parser) escape() (rune, error) {
	if p.pos+1 >= len(p.text) {
		return 0, p.fail("the text ends within a string")
	}
	var r rune
	switch c := p.text[p.pos+1]; c {
	case '"', '\\', '/':
		r = rune(c)
	case 'b':
		r = '\b'
	case 'f':
		r = '\f'
	case 'n':
		r = '\n'
	case 'r':
		r = '\r'
	case 't':
		r = '\t'
	case 'u':
		return p.unicode()
	default:
		return 0, p.fail("a backslash must be followed by one of \"\\/bfnrtu")
	}
	p.pos += 2
	return r, nil
}

func (p *parser) unicode() (rune, error) {
	r, ok := p.unit(p.pos)
	if !ok {
		return 0, p.fail(`\u must be followed by four hexadecimal digits`)
	}
	if !utf16.IsSurrogate(r) {
		p.pos += 6
		return r, nil
	}
	low, ok := p.unit(p.pos + 6)
	pair := utf16.DecodeRune(r, low)
	if !ok || pair == utf8.RuneError {
		return 0, p.fail(`\u%04x is half of a surrogate pair without the other half`, r)
	}
	p.pos += 12
	return pair, nil
}

// unit reads \uXXXX at a position.
func (p *parser) unit(at int) (r rune, ok bool) {
	if at+6 > len(p.text) || p.text[at] != '\\' || p.text[at+1] != 'u' {
		return 0, false
	}
	for _, c := range []byte(p.text[at+2 : at+6]) {
		switch {
		case isDigit(c):
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
