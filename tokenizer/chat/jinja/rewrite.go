package jinja

import (
	"slices"
	"strings"

	"github.com/nikolalohinski/gonja/v2/tokens"
)

// gonja's expression grammar has conditional expressions only at the top of a
// tag, no chained comparisons, and binds "is" and "in" otherwise than Jinja.
// The functions here put brackets and two pseudo functions into the tokens of
// an expression, so that gonja's parser gives the tree that Jinja's would:
//
//	a if c else b   →  if(c, a, b)
//	a < b in c      →  cmp < in(a, b, c)
//	a == b is x     →  cmp ==(a, (b is x))
//
// A template cannot call these itself: "if" and "cmp <" are no names in it.

const (
	condName = "if"
	cmpName  = "cmp "
)

type toks = []*tokens.Token

func like(at *tokens.Token, t tokens.Type, val string) *tokens.Token {
	return &tokens.Token{Type: t, Val: val, Pos: at.Pos, Line: at.Line}
}

// call returns name(args…).
func call(at *tokens.Token, name string, args ...toks) toks {
	out := toks{like(at, tokens.Name, name), like(at, tokens.LeftParenthesis, "(")}
	for i, a := range args {
		if i > 0 {
			out = append(out, like(at, tokens.Comma, ","))
		}
		out = append(out, a...)
	}
	return append(out, like(at, tokens.RightParenthesis, ")"))
}

// bracket returns (ts).
func bracket(ts toks) toks {
	if len(ts) == 0 {
		return ts
	}
	out := toks{like(ts[0], tokens.LeftParenthesis, "(")}
	return append(append(out, ts...), like(ts[0], tokens.RightParenthesis, ")"))
}

// find returns the index, outside brackets and from start on, of the first
// token that match accepts, or -1.
func find(ts toks, start int, match func(i int) bool) int {
	depth := 0
	for i := start; i < len(ts); i++ {
		switch ts[i].Type {
		case tokens.LeftParenthesis, tokens.LeftBracket, tokens.LeftBrace:
			if depth == 0 && match(i) {
				return i
			}
			depth++
			continue
		case tokens.RightParenthesis, tokens.RightBracket, tokens.RightBrace:
			depth--
			continue
		}
		if depth == 0 && match(i) {
			return i
		}
	}
	return -1
}

func findType(ts toks, start int, kind tokens.Type) int {
	return find(ts, start, func(i int) bool { return ts[i].Type == kind })
}

func findName(ts toks, start int, names ...string) int {
	return find(ts, start, func(i int) bool {
		return ts[i].Type == tokens.Name && slices.Contains(names, ts[i].Val) && (i == 0 || ts[i-1].Type != tokens.Dot)
	})
}

// split cuts at every token of a kind outside brackets.
func split(ts toks, kind tokens.Type) []toks {
	var out []toks
	for {
		i := findType(ts, 0, kind)
		if i < 0 {
			return append(out, ts)
		}
		out = append(out, ts[:i])
		ts = ts[i+1:]
	}
}

// rewriteTuple rewrites an expression that may be a tuple without brackets.
func rewriteTuple(ts toks) toks {
	if len(ts) == 0 || findType(ts, 0, tokens.Comma) < 0 {
		return rewrite(ts)
	}
	return bracket(rewriteItems(ts, rewrite))
}

// rewriteItems rewrites what stands between commas.
func rewriteItems(ts toks, item func(toks) toks) toks {
	var out toks
	for {
		i := findType(ts, 0, tokens.Comma)
		if i < 0 {
			return append(out, item(ts)...)
		}
		out = append(append(out, item(ts[:i])...), ts[i])
		ts = ts[i+1:]
	}
}

// argument rewrites an argument of a call, which may be name=expression.
func argument(ts toks) toks {
	if len(ts) > 2 && ts[0].Type == tokens.Name && ts[1].Type == tokens.Assign {
		return append(slices.Clone(ts[:2]), rewrite(ts[2:])...)
	}
	return rewrite(ts)
}

// pair rewrites key: value, or the parts of a slice.
func pair(ts toks) toks {
	var out toks
	for i, part := range split(ts, tokens.Colon) {
		if i > 0 {
			out = append(out, like(ts[0], tokens.Colon, ":"))
		}
		out = append(out, rewrite(part)...)
	}
	return out
}

// rewrite rewrites one expression: conditional expressions bind least.
func rewrite(ts toks) toks {
	cond := findName(ts, 0, "if")
	if cond < 0 {
		return rewriteLogic(ts, tokens.Or)
	}
	if cond == 0 || cond == len(ts)-1 {
		throw("line %d: a conditional expression is incomplete", ts[cond].Line)
	}
	value, at := rewriteLogic(ts[:cond], tokens.Or), ts[cond]
	for cond >= 0 {
		next := findName(ts, cond+1, "if", "else")
		switch {
		case next < 0:
			return call(at, condName, rewriteLogic(ts[cond+1:], tokens.Or), value)
		case ts[next].Val == "else":
			return call(at, condName, rewriteLogic(ts[cond+1:next], tokens.Or), value, rewrite(ts[next+1:]))
		}
		value = call(at, condName, rewriteLogic(ts[cond+1:next], tokens.Or), value)
		cond = next
	}
	return value
}

// rewriteLogic rewrites the operands of or, and, not.
func rewriteLogic(ts toks, kind tokens.Type) toks {
	inner := func(part toks) toks {
		if kind == tokens.Or {
			return rewriteLogic(part, tokens.And)
		}
		return rewriteNot(part)
	}
	parts := split(ts, kind)
	var out toks
	rest := ts
	for i, part := range parts {
		if i > 0 {
			out = append(out, rest[0])
			rest = rest[1:]
		}
		out = append(out, inner(part)...)
		rest = rest[len(part):]
	}
	return out
}

func rewriteNot(ts toks) toks {
	n := 0
	for n < len(ts) && ts[n].Type == tokens.Not {
		n++
	}
	inner := rewriteCompare(ts[n:])
	if n < 2 {
		return append(slices.Clone(ts[:n]), inner...)
	}
	var out, end toks // gonja takes one "not" only: not (not (…))
	for _, t := range ts[:n] {
		out = append(out, t, like(t, tokens.LeftParenthesis, "("))
		end = append(end, like(t, tokens.RightParenthesis, ")"))
	}
	return append(append(out, inner...), end...)
}

// comparison tells whether a comparison operator begins at i, and its length.
func comparison(ts toks, i int) int {
	switch ts[i].Type {
	case tokens.Equals, tokens.Ne, tokens.LowerThan, tokens.LowerThanOrEqual, tokens.GreaterThan, tokens.GreaterThanOrEqual:
		return 1
	case tokens.In:
		if i > 0 && (ts[i-1].Type == tokens.Is || ts[i-1].Type == tokens.Not && i > 1 && ts[i-2].Type == tokens.Is) {
			return 0
		}
		return 1
	case tokens.Not:
		if i+1 < len(ts) && ts[i+1].Type == tokens.In && (i == 0 || ts[i-1].Type != tokens.Is) {
			return 2
		}
	}
	return 0
}

func rewriteCompare(ts toks) toks {
	var operands []toks
	var ops []string
	start := 0
	for {
		i := find(ts, start, func(i int) bool { return comparison(ts, i) > 0 })
		if i < 0 {
			break
		}
		n := comparison(ts, i)
		op := ts[i].Val
		if n == 2 {
			op = "not-in"
		}
		ops = append(ops, op)
		operands = append(operands, rewriteMath(ts[start:i]))
		start = i + n
	}
	last := rewriteMath(ts[start:])
	if len(ops) == 0 {
		return last
	}
	return call(ts[0], cmpName+strings.Join(ops, " "), append(operands, last)...)
}

// rewriteMath brackets the operands of arithmetic that hold a test.
func rewriteMath(ts toks) toks {
	var out toks
	start := 0
	for i := 0; i <= len(ts); i++ {
		i = nextOperator(ts, i)
		out = append(out, rewriteOperand(ts[start:i])...)
		if i < len(ts) {
			out = append(out, ts[i])
		}
		start = i + 1
	}
	return out
}

// nextOperator returns the index of the next binary arithmetic operator, or len(ts).
func nextOperator(ts toks, from int) int {
	i := find(ts, from, func(i int) bool {
		switch ts[i].Type {
		case tokens.Addition, tokens.Subtraction, tokens.Multiply, tokens.Division, tokens.FloorDivision,
			tokens.Modulo, tokens.Power, tokens.Tilde:
			return i > from && !isOperator(ts[i-1].Type)
		}
		return false
	})
	if i < 0 {
		return len(ts)
	}
	return i
}

func isOperator(t tokens.Type) bool {
	switch t {
	case tokens.Addition, tokens.Subtraction, tokens.Multiply, tokens.Division, tokens.FloorDivision,
		tokens.Modulo, tokens.Power, tokens.Tilde:
		return true
	}
	return false
}

// rewriteOperand rewrites what is inside brackets, and brackets the operand
// where it holds a test.
func rewriteOperand(ts toks) toks {
	var out toks
	test := false
	for i := skipSigns(&ts); i < len(ts); i++ {
		switch ts[i].Type {
		case tokens.LeftParenthesis, tokens.LeftBracket, tokens.LeftBrace:
			end := closing(ts, i)
			inner := ts[i+1 : end]
			if i > 0 && len(inner) > 0 && inner[len(inner)-1].Type == tokens.Comma && ts[i].Type == tokens.LeftParenthesis {
				inner = inner[:len(inner)-1] // of a call; a tuple stands alone
			}
			out = append(append(append(out, ts[i]), rewriteGroup(ts[i].Type, inner)...), ts[end])
			i = end
			continue
		case tokens.Is:
			if test {
				out = bracket(out)
			}
			test = true
		}
		out = append(out, ts[i])
	}
	if test {
		return bracket(out)
	}
	return out
}

// skipSigns turns several signs in front of an operand into one. It returns 0,
// where the operand begins.
func skipSigns(ts *toks) int {
	n, minus := 0, 0
	for ; n < len(*ts) && isOperator((*ts)[n].Type); n++ {
		switch (*ts)[n].Type {
		case tokens.Subtraction:
			minus++
		case tokens.Addition:
		default:
			return 0
		}
	}
	if n > 1 {
		sign := like((*ts)[0], tokens.Addition, "+")
		if minus%2 == 1 {
			sign = like((*ts)[0], tokens.Subtraction, "-")
		}
		*ts = append(toks{sign}, (*ts)[n:]...)
	}
	return 0
}

// closing returns the index of the bracket that closes the one at i.
func closing(ts toks, i int) int {
	depth := 0
	for ; i < len(ts); i++ {
		switch ts[i].Type {
		case tokens.LeftParenthesis, tokens.LeftBracket, tokens.LeftBrace:
			depth++
		case tokens.RightParenthesis, tokens.RightBracket, tokens.RightBrace:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	throw("brackets do not match")
	return 0
}

// rewriteGroup rewrites the inside of brackets.
func rewriteGroup(kind tokens.Type, ts toks) toks {
	if len(ts) == 0 {
		return ts
	}
	switch kind {
	case tokens.LeftParenthesis:
		return rewriteItems(ts, argument)
	case tokens.LeftBracket:
		if findType(ts, 0, tokens.Colon) >= 0 {
			return pair(ts)
		}
		return rewriteItems(ts, rewrite)
	}
	if ts[len(ts)-1].Type == tokens.Comma {
		ts = ts[:len(ts)-1]
	}
	return rewriteItems(ts, pair)
}

// rewriteStatement rewrites the expressions of a statement.
func rewriteStatement(ts toks) toks {
	head, rest := slices.Clone(ts[:1]), ts[1:]
	switch ts[0].Val {
	case "if", "elif":
		return append(head, rewriteTuple(rest)...)
	case "for":
		return append(head, rewriteFor(rest)...)
	case "set":
		i := findType(rest, 0, tokens.Assign)
		if i < 0 {
			return append(head, rewriteOperand(rest)...)
		}
		return append(append(head, rest[:i+1]...), rewriteTuple(rest[i+1:])...)
	case "with":
		return append(head, rewriteItems(rest, argument)...)
	}
	return append(head, rewriteOperand(rest)...)
}

// rewriteFor rewrites "targets in iterable [if condition] [recursive]".
func rewriteFor(ts toks) toks {
	in := findType(ts, 0, tokens.In)
	if in < 0 {
		return ts
	}
	out, rest := slices.Clone(ts[:in+1]), ts[in+1:]
	end := len(rest)
	if end > 0 && rest[end-1].Type == tokens.Name && rest[end-1].Val == "recursive" {
		end--
	}
	tail := rest[end:]
	rest = rest[:end]
	if i := findName(rest, 0, "if"); i >= 0 {
		cond := bracket(rewriteTuple(rest[i+1:]))
		tail = append(append(toks{rest[i]}, cond...), tail...)
		rest = rest[:i]
	}
	return append(append(out, bracket(rewriteTuple(rest))...), tail...)
}
