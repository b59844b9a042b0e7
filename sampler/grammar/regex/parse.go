package regex

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// flags are those of a pattern or of a group (?flags:…).
type flags struct{ fold, lines, dotAll bool }

// parser reads an ECMA-262 pattern.
type parser struct {
	s     *Space
	text  string
	pos   int
	depth int
	flags flags
	// wide says that a larger set makes the language smaller here: within a
	// negative look-around.
	wide bool
}

type parseFailure struct{ err error }

// fail gives up with a *PatternError.
func (p *parser) fail(at int, format string, args ...any) {
	panic(parseFailure{&PatternError{at, fmt.Sprintf(format, args...)}})
}

// parse returns the tree of a pattern.
func (s *Space) parse(text string) (t *tree, err error) {
	if len(text) > maxPattern {
		return nil, &PatternError{0, fmt.Sprintf("it has %d bytes, at most %d are read", len(text), maxPattern)}
	}
	if !utf8.ValidString(text) {
		return nil, &PatternError{0, "it is not valid UTF-8"}
	}
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(parseFailure)
			if !ok {
				panic(r)
			}
			t, err = nil, f.err
		}
	}()
	p := &parser{s: s, text: text}
	t = p.alternatives()
	if p.pos < len(text) {
		p.fail(p.pos, "a closing parenthesis too many")
	}
	return t, nil
}

func (p *parser) more() bool { return p.pos < len(p.text) }

// eat skips a prefix if it comes next.
func (p *parser) eat(prefix string) bool {
	if strings.HasPrefix(p.text[p.pos:], prefix) {
		p.pos += len(prefix)
		return true
	}
	return false
}

// next reads one code point.
func (p *parser) next() rune {
	r, size := utf8.DecodeRuneInString(p.text[p.pos:])
	p.pos += size
	return r
}

// work counts a node of the tree.
func (p *parser) work(n int) {
	if !p.s.spend(n) {
		panic(parseFailure{p.s.err})
	}
}

func (p *parser) alternatives() *tree {
	start := p.pos
	kids := []*tree{p.sequence()}
	for p.eat("|") {
		kids = append(kids, p.sequence())
	}
	if len(kids) == 1 {
		return kids[0]
	}
	return newTree(tree{op: opAlt, kids: kids, offset: start})
}

func (p *parser) sequence() *tree {
	start := p.pos
	var kids []*tree
	for p.more() && p.text[p.pos] != '|' && p.text[p.pos] != ')' {
		p.work(4)
		at := p.pos
		if t := p.atom(); t != nil {
			kids = append(kids, p.quantified(t, at))
		}
	}
	if len(kids) == 1 {
		return kids[0]
	}
	return newTree(tree{op: opCat, kids: kids, offset: start})
}

// quantified reads the quantifier of t, if there is one.
func (p *parser) quantified(t *tree, at int) *tree {
	where := p.pos
	lo, hi, ok := p.quantifier()
	if !ok {
		return t
	}
	p.eat("?") // laziness changes no language
	if lo > hi {
		p.fail(where, "the bounds of a repetition are out of order")
	}
	if p.more() && strings.IndexByte("*+?", p.text[p.pos]) >= 0 {
		p.fail(p.pos, "nothing to repeat: a quantifier follows a quantifier")
	}
	if !t.pure && t.op >= opBegin {
		// A second look says what the first one said.
		if lo == 0 {
			return newTree(tree{op: opCat, offset: at})
		}
		return t
	}
	return newTree(tree{op: opRep, kids: []*tree{t}, min: lo, max: hi, offset: at})
}

func (p *parser) quantifier() (lo, hi int64, ok bool) {
	switch {
	case p.eat("*"):
		return 0, Unbounded, true
	case p.eat("+"):
		return 1, Unbounded, true
	case p.eat("?"):
		return 0, 1, true
	}
	return p.braces()
}

// braces reads {n}, {n,} or {n,m}; a brace that begins none of them stands for
// itself.
func (p *parser) braces() (lo, hi int64, ok bool) {
	start := p.pos
	if !p.eat("{") {
		return 0, 0, false
	}
	lo, ok = p.number()
	if hi = lo; ok && p.eat(",") {
		var bounded bool
		if hi, bounded = p.number(); !bounded {
			hi = Unbounded
		}
	}
	if !ok || !p.eat("}") {
		p.pos = start
		return 0, 0, false
	}
	if lo > maxCount || hi > maxCount && hi != Unbounded {
		p.fail(start, "a repetition of more than %d", int64(maxCount))
	}
	return lo, hi, true
}

func (p *parser) number() (n int64, ok bool) {
	for p.more() && p.text[p.pos] >= '0' && p.text[p.pos] <= '9' {
		n = min(n*10+int64(p.text[p.pos]-'0'), maxCount+1)
		p.pos++
		ok = true
	}
	return n, ok
}

// atom reads what a quantifier may follow; nil for a group of flags alone.
func (p *parser) atom() *tree {
	at := p.pos
	switch r := p.next(); r {
	case '^':
		return newTree(tree{op: opBegin, lines: p.flags.lines, offset: at})
	case '$':
		return newTree(tree{op: opEnd, lines: p.flags.lines, offset: at})
	case '(':
		return p.group(at)
	case '[':
		return p.chars(p.class(at), at)
	case '.':
		if p.flags.dotAll {
			return p.chars(fullRanges(), at)
		}
		return p.chars(p.agreed(lineSet().complement(), set{{'\n', '\n'}}.complement()), at)
	case '\\':
		return p.escape(at)
	case '*', '+', '?':
		p.fail(at, "nothing to repeat")
	case '{':
		p.pos = at
		if _, _, ok := p.braces(); ok {
			p.fail(at, "nothing to repeat")
		}
		p.pos = at + 1
		return p.chars(set{{r, r}}, at)
	default:
		return p.chars(set{{r, r}}, at)
	}
	return nil
}

func (p *parser) chars(c set, at int) *tree {
	if p.flags.fold {
		c = foldCase(c)
	}
	p.work(len(c) / 4)
	return newTree(tree{op: opSet, set: c, offset: at})
}

// group reads what follows an opening parenthesis.
func (p *parser) group(at int) *tree {
	if p.depth++; p.depth > maxDepth {
		p.fail(at, "groups are nested more than %d deep", maxDepth)
	}
	saved := p.flags
	var out *tree
	switch {
	case p.eat("?="), p.eat("?!"), p.eat("?<="), p.eat("?<!"):
		kind := p.text[at+2 : p.pos]
		t := tree{op: opAhead, neg: strings.HasSuffix(kind, "!"), offset: at}
		if strings.HasPrefix(kind, "<") {
			t.op = opBehind
		}
		wide := p.wide
		p.wide = wide != t.neg
		t.kids = []*tree{p.alternatives()}
		p.wide = wide
		out = newTree(t)
	case p.eat("?<"), p.eat("?P<"):
		p.groupName(at)
		out = p.alternatives()
	case p.eat("?"):
		if p.groupFlags(at) {
			p.depth--
			return nil // in force until the enclosing group ends
		}
		out = p.alternatives()
	default:
		out = p.alternatives()
	}
	if !p.eat(")") {
		p.fail(at, "a group is not closed")
	}
	p.depth--
	p.flags = saved
	return out
}

func (p *parser) groupName(at int) {
	end := strings.IndexByte(p.text[p.pos:], '>')
	if end <= 0 {
		p.fail(at, "the name of a group is missing or not closed")
	}
	name := p.text[p.pos : p.pos+end]
	for i, r := range name {
		if !(r == '_' || r == '$' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7F || i > 0 && r >= '0' && r <= '9') {
			p.fail(at, "%q is no name of a group", name)
		}
	}
	p.pos += end + 1
}

// groupFlags reads the flags of (?flags) or (?flags:…), up to the parenthesis
// or the colon; alone says that it was the former.
func (p *parser) groupFlags(at int) (alone bool) {
	on := true
	for p.more() {
		switch c := p.next(); c {
		case 'i':
			p.flags.fold = on
		case 'm':
			p.flags.lines = on
		case 's':
			p.flags.dotAll = on
		case '-':
			if !on {
				p.fail(at, "two signs in the flags of a group")
			}
			on = false
		case ':':
			return false
		case ')':
			if p.pos == at+3 {
				p.fail(at, "a group of flags without flags")
			}
			return true
		default:
			p.fail(at, "a group cannot begin with (?%c: known are (?: (?= (?! (?<= (?<! (?<name> and the flags i, m, s", c)
		}
	}
	p.fail(at, "a group is not closed")
	return false
}
