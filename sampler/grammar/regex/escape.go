package regex

import "strings"

// escape reads what follows a backslash outside of a class.
func (p *parser) escape(at int) *tree {
	if !p.more() {
		p.fail(at, "a backslash at the end")
	}
	switch c := p.text[p.pos]; {
	case c == 'b' || c == 'B':
		p.pos++
		return newTree(tree{op: opWord, neg: c == 'B', offset: at})
	case c >= '1' && c <= '9':
		p.fail(at, "back-references make no regular language")
	case c == 'k':
		p.fail(at, "back-references make no regular language")
	}
	if c, other, ok := p.namedSet(at); ok {
		return p.chars(p.agreed(c, other), at)
	}
	if r, ok := p.char(at); ok {
		return p.chars(set{{r, r}}, at)
	}
	return p.chars(nil, at)
}

// agreed is what ECMA-262 and Go's regexp both mean, if that is asked for.
func (p *parser) agreed(ecma, other set) set {
	switch {
	case !p.s.portable:
		return ecma
	case p.wide:
		return ecma.union(other)
	}
	return ecma.intersect(other)
}

// namedSet reads d, D, w, W, s, S, p{…} or P{…} after a backslash. It returns
// what ECMA-262 and what Go's regexp means.
func (p *parser) namedSet(at int) (ecma, other set, ok bool) {
	c := p.text[p.pos]
	switch c {
	case 'd', 'D':
		ecma = digitSet()
	case 'w', 'W':
		ecma = wordSet()
	case 's', 'S':
		ecma, other = spaceSet(), set{{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}
	case 'p', 'P':
		ecma = p.property(at)
		return ecma, ecma, true
	default:
		return nil, nil, false
	}
	if other == nil {
		other = ecma
	}
	p.pos++
	if c < 'a' {
		ecma, other = ecma.complement(), other.complement()
	}
	return ecma, other, true
}

// property reads p{…} or P{…}.
func (p *parser) property(at int) set {
	negative := p.text[p.pos] == 'P'
	p.pos++
	end := strings.IndexByte(p.text[p.pos:], '}')
	if !strings.HasPrefix(p.text[p.pos:], "{") || end < 0 {
		p.fail(at, `a property is written \p{…}`)
	}
	name := p.text[p.pos+1 : p.pos+end]
	c, ok := unicodeSet(name)
	if !ok {
		p.fail(at, "%q is no general category, script or property that patterns can name here", name)
	}
	p.pos += end + 1
	p.work(2 * len(c))
	if negative {
		c = c.complement()
	}
	return c
}

// char reads a character after a backslash; false for a lone surrogate, which
// no string holds.
func (p *parser) char(at int) (rune, bool) {
	switch r := p.next(); r {
	case 't':
		return '\t', true
	case 'n':
		return '\n', true
	case 'v':
		return '\v', true
	case 'f':
		return '\f', true
	case 'r':
		return '\r', true
	case '0':
		if p.more() && p.text[p.pos] >= '0' && p.text[p.pos] <= '9' {
			p.fail(at, "octal escapes mean different things to different engines: use \\xHH")
		}
		return 0, true
	case 'c':
		if p.more() {
			if c := p.text[p.pos]; c|0x20 >= 'a' && c|0x20 <= 'z' {
				p.pos++
				return rune(c & 0x1F), true
			}
		}
		p.fail(at, "\\c needs a letter")
	case 'x':
		if v, ok := p.hex(2); ok {
			return v, true
		}
		p.fail(at, "\\x needs two hexadecimal digits")
	case 'u':
		return p.unicodeEscape(at)
	default:
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			p.fail(at, "\\%c is no escape of ECMA-262, and engines that know it do not agree", r)
		}
		return r, true
	}
	return 0, false
}

func (p *parser) unicodeEscape(at int) (rune, bool) {
	if p.eat("{") {
		v, digits := rune(0), 0
		for p.more() && p.text[p.pos] != '}' {
			d, ok := p.hex(1)
			if v = v<<4 | d; !ok || v > maxRune {
				p.fail(at, "\\u{…} needs a hexadecimal number up to 10FFFF")
			}
			digits++
		}
		if digits == 0 || !p.eat("}") {
			p.fail(at, "\\u{…} needs a hexadecimal number up to 10FFFF")
		}
		return v, v < surrLow || v > surrHigh
	}
	v, ok := p.hex(4)
	if !ok {
		p.fail(at, "\\u needs four hexadecimal digits, or {…}")
	}
	if v < surrLow || v > surrHigh {
		return v, true
	}
	if back := p.pos; v < 0xDC00 && p.eat("\\u") {
		if low, ok := p.hex(4); ok && low >= 0xDC00 && low <= surrHigh {
			return 0x10000 + (v-surrLow)<<10 + low - 0xDC00, true
		}
		p.pos = back
	}
	return 0, false
}

// hex reads n hexadecimal digits, or nothing.
func (p *parser) hex(n int) (rune, bool) {
	if p.pos+n > len(p.text) {
		return 0, false
	}
	v := rune(0)
	for _, c := range []byte(p.text[p.pos : p.pos+n]) {
		switch {
		case c >= '0' && c <= '9':
			v = v<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = v<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	p.pos += n
	return v, true
}

// class reads a class after its opening bracket. As in ECMA-262 without flag v,
// [] matches nothing and [^] every character; a hyphen beside \d and the like
// stands for itself.
func (p *parser) class(at int) set {
	negative := p.eat("^")
	var ecma, other set
	add := func(c, d set) { ecma, other = append(ecma, c...), append(other, d...) }
	for !p.eat("]") {
		if !p.more() {
			p.fail(at, "a class is not closed")
		}
		p.work(1)
		from := p.pos
		m := p.member(at)
		back := p.pos
		if !m.single || !p.eat("-") || !p.more() || p.text[p.pos] == ']' {
			p.pos = back
			add(m.ecma, m.other)
			continue
		}
		last := p.member(at)
		if !last.single {
			hyphen := set{{'-', '-'}}
			add(m.ecma, m.other)
			add(last.ecma, last.other)
			add(hyphen, hyphen)
			continue
		}
		if m.r > last.r {
			p.fail(from, "the ends of a range are out of order")
		}
		c := set{{m.r, last.r}}
		add(c, c)
	}
	out := p.finished(ecma, negative)
	if p.s.portable {
		out = p.agreed(out, p.finished(other, negative))
	}
	return out
}

// finished is the set of a class whose members were collected.
func (p *parser) finished(c set, negative bool) set {
	if c = normal(c); !negative {
		return c
	}
	if p.flags.fold {
		c = foldCase(c)
	}
	return c.complement()
}

// member is one member of a class: what ECMA-262 and what Go's regexp means,
// and the character if it is one that may end a range.
type member struct {
	ecma, other set
	r           rune
	single      bool
}

func oneMember(r rune) member {
	c := set{{r, r}}
	return member{c, c, r, true}
}

func (p *parser) member(at int) member {
	from := p.pos
	r := p.next()
	if r != '\\' {
		return oneMember(r)
	}
	if !p.more() {
		p.fail(at, "a class is not closed")
	}
	switch c := p.text[p.pos]; {
	case c == 'b':
		p.pos++
		return oneMember('\b')
	case c == 'B' || c == 'k' || c >= '1' && c <= '9':
		p.fail(from, "\\%c has no meaning in a class", c)
	}
	if c, other, ok := p.namedSet(from); ok {
		return member{ecma: c, other: other}
	}
	if r, ok := p.char(from); ok {
		return oneMember(r)
	}
	return member{}
}
