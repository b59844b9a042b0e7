package jinja

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nikolalohinski/gonja/v2/tokens"
)

const (
	maxTagTokens = 1000 // tokens of one {{ }} or {% %}
	maxBrackets  = 64   // nested brackets
	maxBlocks    = 64   // nested statements
)

// lexer cuts a template into gonja's tokens. Differences from gonja's own
// lexer: Jinja's rules for white space around tags (trim_blocks and
// lstrip_blocks on), line breaks inside tags, Python's string literals.
type lexer struct {
	src     string
	at      int
	line    int
	counted int  // line has been counted up to here
	starts  bool // the last match ended a line
	out     []*tokens.Token
	strings []string // string literals; a String token holds an index
	blocks  int
}

// lex returns the tokens of a template and its string literals.
func lex(src string) (out []*tokens.Token, literals []string) {
	src = strings.ReplaceAll(src, "\r\n", "\n")
	src = strings.ReplaceAll(src, "\r", "\n")
	l := &lexer{src: strings.TrimSuffix(src, "\n"), line: 1, starts: true}
	for l.at < len(l.src) {
		l.data()
	}
	l.emit(tokens.EOF, "")
	return l.out, l.strings
}

func (l *lexer) fail(format string, args ...any) {
	panic(&Error{Line: l.lineNow(), Reason: fmt.Sprintf(format, args...)})
}

func (l *lexer) lineNow() int {
	if l.at > l.counted {
		l.line += strings.Count(l.src[l.counted:l.at], "\n")
		l.counted = l.at
	}
	return l.line
}

func (l *lexer) token(t tokens.Type, val string) *tokens.Token {
	return &tokens.Token{Type: t, Val: val, Pos: l.at, Line: l.lineNow()}
}

func (l *lexer) emit(t tokens.Type, val string) { l.out = append(l.out, l.token(t, val)) }

// data passes text up to the next tag, and the tag.
func (l *lexer) data() {
	rest := l.src[l.at:]
	i := 0
	for {
		j := strings.IndexByte(rest[i:], '{')
		if j < 0 || i+j+1 >= len(rest) {
			l.emit(tokens.Data, rest)
			l.at = len(l.src)
			return
		}
		if i += j; strings.IndexByte("{%#", rest[i+1]) >= 0 {
			break
		}
		i++
	}
	kind := rest[i+1]
	text := l.before(rest[:i], rest[i+2:], kind != '{')
	if text != "" {
		l.emit(tokens.Data, text)
	}
	l.at += i + 2
	if l.at < len(l.src) && (l.src[l.at] == '-' || l.src[l.at] == '+' && kind != '{') {
		l.at++
	}
	switch kind {
	case '#':
		l.comment()
	case '{':
		l.tag(tokens.VariableBegin, tokens.VariableEnd, "}}")
	default:
		l.block()
	}
}

// before trims the text in front of a tag, as the tag and lstrip_blocks ask.
func (l *lexer) before(text, tag string, lstrip bool) string {
	switch {
	case strings.HasPrefix(tag, "-"):
		return strings.TrimRightFunc(text, isSpace)
	case !lstrip || strings.HasPrefix(tag, "+"):
		return text
	}
	start := strings.LastIndexByte(text, '\n') + 1
	if (start > 0 || l.starts) && strings.TrimLeftFunc(text[start:], isSpace) == "" {
		return text[:start]
	}
	return text
}

// end passes the end of a tag, if it is next, and the white space after it that
// goes with it.
func (l *lexer) end(mark string, trim bool) bool {
	rest := l.src[l.at:]
	switch {
	case strings.HasPrefix(rest, "-"+mark):
		l.at += 1 + len(mark)
		l.at = len(l.src) - len(strings.TrimLeftFunc(l.src[l.at:], isSpace))
	case trim && strings.HasPrefix(rest, "+"+mark):
		l.at += 1 + len(mark)
	case strings.HasPrefix(rest, mark):
		l.at += len(mark)
		if trim && strings.HasPrefix(l.src[l.at:], "\n") {
			l.at++
		}
	default:
		return false
	}
	l.starts = l.src[l.at-1] == '\n'
	return true
}

func (l *lexer) comment() {
	i := strings.Index(l.src[l.at:], "#}")
	if i < 0 {
		l.fail("a comment is not closed")
	}
	l.at += i
	if i > 0 && (l.src[l.at-1] == '-' || l.src[l.at-1] == '+') {
		l.at--
	}
	l.end("#}", true)
}

// block passes {% … %}; raw is handled here.
func (l *lexer) block() {
	save := l.at
	l.space()
	if name := l.name(); name == "raw" {
		l.space()
		if l.end("%}", false) {
			l.raw()
			return
		}
	}
	l.at = save
	l.tag(tokens.BlockBegin, tokens.BlockEnd, "%}")
}

// raw passes text up to {% endraw %}.
func (l *lexer) raw() {
	start := l.at
	for at := start; ; {
		i := strings.Index(l.src[at:], "{%")
		if i < 0 {
			l.fail("raw is not closed")
		}
		at += i
		l.at = at + 2
		if l.at < len(l.src) && (l.src[l.at] == '-' || l.src[l.at] == '+') {
			l.at++
		}
		l.space()
		if l.name() == "endraw" {
			l.space()
			if l.end("%}", true) {
				if text := l.before(l.src[start:at], l.src[at+2:], true); text != "" {
					l.emit(tokens.Data, text)
				}
				return
			}
		}
		at += 2
	}
}

// tag passes the inside of {{ }} or {% %}.
func (l *lexer) tag(begin, end tokens.Type, mark string) {
	first := l.token(begin, "")
	var inner []*tokens.Token
	var open []byte
	for {
		l.space()
		if l.at >= len(l.src) {
			l.fail("%q is missing", mark)
		}
		if len(open) == 0 && l.end(mark, begin == tokens.BlockBegin) {
			break
		}
		t := l.next(inner)
		open = l.balance(open, t)
		if n := len(inner); t.Type == tokens.String && n > 0 && inner[n-1].Type == tokens.String {
			l.join(inner[n-1], t)
			continue
		}
		if inner = append(inner, t); len(inner) > maxTagTokens {
			l.fail("more than %d tokens between %q", maxTagTokens, mark)
		}
	}
	last := l.token(end, "")
	if begin == tokens.VariableBegin {
		inner = rewriteTuple(inner)
	} else {
		l.nest(inner)
		inner = rewriteStatement(inner)
	}
	l.out = append(append(append(l.out, first), inner...), last)
}

// nest counts how deep statements nest.
func (l *lexer) nest(inner []*tokens.Token) {
	if len(inner) == 0 || inner[0].Type != tokens.Name {
		l.fail("a statement must begin with its name")
	}
	switch name := inner[0].Val; {
	case strings.HasPrefix(name, "end"):
		l.blocks--
	case opensBlock(inner):
		if l.blocks++; l.blocks > maxBlocks {
			l.fail("more than %d nested statements", maxBlocks)
		}
	}
}

// balance checks brackets.
func (l *lexer) balance(open []byte, t *tokens.Token) []byte {
	switch t.Type {
	case tokens.LeftParenthesis, tokens.LeftBracket, tokens.LeftBrace:
		if len(open) == maxBrackets {
			l.fail("more than %d nested brackets", maxBrackets)
		}
		return append(open, t.Val[0])
	case tokens.RightParenthesis, tokens.RightBracket, tokens.RightBrace:
		pairs := map[byte]byte{')': '(', ']': '[', '}': '{'}
		if len(open) == 0 || open[len(open)-1] != pairs[t.Val[0]] {
			l.fail("unexpected %q", t.Val)
		}
		return open[:len(open)-1]
	}
	return open
}

func (l *lexer) space() {
	for l.at < len(l.src) {
		r, n := utf8.DecodeRuneInString(l.src[l.at:])
		if !isSpace(r) {
			return
		}
		l.at += n
	}
}

func (l *lexer) name() string {
	start := l.at
	for l.at < len(l.src) {
		r, n := utf8.DecodeRuneInString(l.src[l.at:])
		if r != '_' && !unicode.IsLetter(r) && (l.at == start || !unicode.IsDigit(r)) {
			break
		}
		l.at += n
	}
	return l.src[start:l.at]
}

var operators = []struct {
	text string
	kind tokens.Type
}{
	{"//", tokens.FloorDivision}, {"**", tokens.Power}, {"==", tokens.Equals}, {"!=", tokens.Ne},
	{">=", tokens.GreaterThanOrEqual}, {"<=", tokens.LowerThanOrEqual},
	{"+", tokens.Addition}, {"-", tokens.Subtraction}, {"/", tokens.Division}, {"*", tokens.Multiply},
	{"%", tokens.Modulo}, {"~", tokens.Tilde}, {"[", tokens.LeftBracket}, {"]", tokens.RightBracket},
	{"(", tokens.LeftParenthesis}, {")", tokens.RightParenthesis}, {"{", tokens.LeftBrace}, {"}", tokens.RightBrace},
	{">", tokens.GreaterThan}, {"<", tokens.LowerThan}, {"=", tokens.Assign}, {".", tokens.Dot},
	{":", tokens.Colon}, {"|", tokens.Pipe}, {",", tokens.Comma},
}

var words = map[string]tokens.Type{
	"and": tokens.And, "or": tokens.Or, "not": tokens.Not, "in": tokens.In, "is": tokens.Is,
}

// next returns the next token of a tag, after those in before.
func (l *lexer) next(before []*tokens.Token) *tokens.Token {
	c := l.src[l.at]
	if c == '"' || c == '\'' {
		t := l.token(tokens.String, "")
		l.strings = append(l.strings, l.literal(c))
		t.Val = strconv.Itoa(len(l.strings) - 1)
		return t
	}
	afterDot := len(before) > 0 && before[len(before)-1].Type == tokens.Dot
	if c >= '0' && c <= '9' {
		return l.number(afterDot)
	}
	if name := l.name(); name != "" {
		l.at -= len(name)
		t := l.token(tokens.Name, name)
		if kind, ok := words[name]; ok && !afterDot {
			t.Type = kind
		}
		l.at += len(name)
		return t
	}
	for _, op := range operators {
		if strings.HasPrefix(l.src[l.at:], op.text) {
			t := l.token(op.kind, op.text)
			l.at += len(op.text)
			return t
		}
	}
	r, _ := utf8.DecodeRuneInString(l.src[l.at:])
	l.fail("unexpected character %q", r)
	return nil
}

// join appends the literal of t to that of first, as adjacent literals are one.
func (l *lexer) join(first, t *tokens.Token) {
	i, _ := strconv.Atoi(first.Val)
	j, _ := strconv.Atoi(t.Val)
	l.strings[i] += l.strings[j]
	l.strings = l.strings[:j]
}
