package jinja

import (
	"errors"

	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

type forStatement struct {
	place
	targets   []string
	over      nodes.Expression
	cond      nodes.Expression // nil if there is none
	recursive bool
	body      *nodes.Wrapper
	empty     *nodes.Wrapper // else; nil if there is none
}

func parseFor(p, args *parser.Parser) (nodes.ControlStructure, error) {
	s := &forStatement{place: place{args.Current()}}
	if err := s.parseHead(args); err != nil {
		return nil, err
	}
	var err error
	if s.body, _, err = body(p, "else", "endfor"); err == nil && s.body.EndTag == "else" {
		s.empty, _, err = body(p, "endfor")
	}
	return s, err
}

func (s *forStatement) parseHead(args *parser.Parser) (err error) {
	if s.targets, err = parseTargets(args); err != nil {
		return err
	}
	if args.Match(tokens.In) == nil {
		return errors.New(`"in" is missing`)
	}
	if s.over, err = expression(args); err != nil {
		return err
	}
	if args.MatchName("if") != nil {
		if s.cond, err = expression(args); err != nil {
			return err
		}
	}
	s.recursive = args.MatchName("recursive") != nil
	if !args.End() {
		return errRest
	}
	return nil
}

// loop is the variable of that name inside a for.
type loop struct {
	statement *forStatement
	scope     *scope // around the for
	items     []Value
	index     int // from 0
	depth     int // from 1
	last      Value
	changed   bool // last holds what loop.changed saw
}

func (s *forStatement) exec(m *machine) signal {
	s.runOver(m, m.eval(s.over), m.scope, 1)
	return proceed
}

// runOver runs the loop over a value.
func (s *forStatement) runOver(m *machine, v Value, outer *scope, depth int) {
	l := &loop{statement: s, scope: outer, items: m.items(v), depth: depth}
	if s.cond != nil {
		l.items = s.filter(m, l.items, outer)
	}
	ended := false // an iteration came to the end of the body; jinja2 asks that for else
	for i, item := range l.items {
		m.work(itemCost)
		l.index = i
		sig := proceed
		m.inScope(outer, func() {
			m.scope.set("loop", l)
			m.assign(s.targets, item)
			sig = m.run(s.body.Nodes)
		})
		if sig == breakLoop {
			break
		}
		ended = ended || sig == proceed
	}
	if !ended && s.empty != nil {
		m.inScope(outer, func() { m.run(s.empty.Nodes) })
	}
}

// filter returns the items that the loop's condition accepts.
func (s *forStatement) filter(m *machine, items []Value, outer *scope) []Value {
	var kept []Value
	for _, item := range items {
		m.work(itemCost)
		m.inScope(outer, func() {
			m.assign(s.targets, item)
			if truth(m.eval(s.cond)) {
				kept = append(kept, item)
			}
		})
	}
	return kept
}

// attribute returns loop.name.
func (l *loop) attribute(name string) Value {
	n := int64(len(l.items))
	i := int64(l.index)
	switch name {
	case "index":
		return i + 1
	case "index0":
		return i
	case "revindex":
		return n - i
	case "revindex0":
		return n - i - 1
	case "first":
		return i == 0
	case "last":
		return i == n-1
	case "length":
		return n
	case "depth":
		return int64(l.depth)
	case "depth0":
		return int64(l.depth - 1)
	case "previtem":
		if i > 0 {
			return l.items[i-1]
		}
	case "nextitem":
		if i < n-1 {
			return l.items[i+1]
		}
	case "cycle":
		return &Func{Name: "cycle", Call: l.cycle}
	case "changed":
		return &Func{Name: "changed", Call: l.hasChanged}
	}
	return Undefined{"loop." + name}
}

func (l *loop) cycle(_ *machine, a *args) Value {
	if len(a.list) == 0 {
		throw("loop.cycle needs an argument")
	}
	return a.list[l.index%len(a.list)]
}

func (l *loop) hasChanged(m *machine, a *args) Value {
	v := Value(&List{Items: a.list, Tuple: true})
	if l.changed && m.equal(l.last, v) {
		return false
	}
	l.last, l.changed = v, true
	return true
}

// call is loop(items) in a recursive loop.
func (l *loop) call(m *machine, a *args) Value {
	if !l.statement.recursive || len(a.list) != 1 {
		throw("loop cannot be called here")
	}
	return m.capture(func() { l.statement.runOver(m, a.list[0], l.scope, l.depth+1) })
}
