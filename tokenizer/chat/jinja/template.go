package jinja

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// Template is a parsed template. It does not change and may be rendered by
// several goroutines at once.
type Template struct {
	root     *nodes.Template
	literals []string
	limits   Limits
}

// New parses a template. What cannot be parsed, or is over a limit, is an
// *Error.
func New(source string, limits Limits) (t *Template, err error) {
	limits = limits.withDefaults()
	if len(source) > limits.Source {
		return nil, &Error{Reason: fmt.Sprintf("%d bytes long; the limit is %d", len(source), limits.Source)}
	}
	if !utf8.ValidString(source) {
		return nil, &Error{Reason: "invalid UTF-8"}
	}
	defer catch(&err)
	list, literals := lex(source)
	root, err := parse(list)
	if err != nil {
		return nil, err
	}
	return &Template{root: root, literals: literals, limits: limits}, nil
}

// parse runs gonja's parser. It may panic on tokens it does not expect, which
// is an error of the template as well.
func parse(list []*tokens.Token) (root *nodes.Template, err error) {
	defer func() {
		if p := recover(); p != nil {
			root, err = nil, &Error{Reason: fmt.Sprintf("cannot be parsed: %v", p)}
		}
	}()
	p := parser.NewParser("template", tokens.NewStream(list), config.New(), nil, grammar{})
	root, err = p.Parse()
	if err != nil {
		return nil, syntaxError(err)
	}
	return root, nil
}

// syntaxError turns an error of gonja's parser into an *Error.
func syntaxError(err error) error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	reason := err.Error()
	if len(reason) > 300 {
		reason = reason[:300] + " …"
	}
	return &Error{Reason: "cannot be parsed: " + strings.ToValidUTF8(reason, "?")}
}

// Render runs the template with the given variables, which it does not change,
// and returns its output in pieces. input is the size of the variables in bytes:
// the work allowed grows with it. now is the time of strftime_now. Errors are
// *Error.
func (t *Template) Render(vars map[string]Value, input int, now func() time.Time) (pieces []Piece, err error) {
	m := &machine{template: t, left: t.limits.Work + 64*input, depth: t.limits.Depth, now: now,
		scope: &scope{vars: globals()}, out: &strBuilder{}}
	defer func() {
		var e *Error
		if errors.As(err, &e) && e.Line == 0 {
			e.Line = m.line
		}
	}()
	defer catch(&err)
	m.scope = &scope{vars: vars, parent: m.scope}
	m.scope = &scope{parent: m.scope}
	m.run(t.root.Nodes)
	return m.out.str().pieces(), nil
}
