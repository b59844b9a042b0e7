package jinja

import (
	"errors"
	"fmt"

	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// statement is a parsed {% … %}.
type statement interface {
	nodes.ControlStructure
	exec(m *machine) signal
}

// place is where a statement stands; it makes one a gonja node.
type place struct{ at *tokens.Token }

func (p place) Position() *tokens.Token { return p.at }
func (p place) String() string          { return fmt.Sprintf("statement in line %d", p.at.Line) }

// grammar gives gonja's parser the statements.
type grammar struct{}

// refused holds Jinja's statements that reach other templates.
var refused = map[string]bool{"include": true, "import": true, "from": true, "extends": true, "block": true, "do": true, "trans": true, "autoescape": true, "debug": true}

// Get implements gonja's parser.ControlStructureGetter.
func (grammar) Get(name string) (parser.ControlStructureParser, bool) {
	switch name {
	case "if":
		return parseIf, true
	case "for":
		return parseFor, true
	case "set":
		return parseSet, true
	case "macro":
		return parseMacro, true
	case "call":
		return parseCall, true
	case "filter":
		return parseFilterBlock, true
	case "with":
		return parseWith, true
	case "generation":
		return parseGeneration, true
	case "break", "continue":
		return parseLoopControl(name), true
	}
	if refused[name] {
		return func(p, _ *parser.Parser) (nodes.ControlStructure, error) {
			return nil, fmt.Errorf("%q is not allowed in a chat template", name)
		}, true
	}
	return nil, false
}

// opensBlock tells whether a statement has a body.
func opensBlock(inner []*tokens.Token) bool {
	switch inner[0].Val {
	case "if", "for", "macro", "call", "filter", "with", "generation":
		return true
	case "set":
		return findType(inner, 0, tokens.Assign) < 0
	}
	return false
}

var errRest = errors.New("unexpected text at the end of the statement")

// expression parses one expression.
func expression(p *parser.Parser) (nodes.Expression, error) {
	e, err := p.ParseExpression()
	if err == nil && e == nil {
		err = errors.New("an expression is missing")
	}
	return e, err
}

// body parses up to one of the end tags, which takes no arguments but elif.
func body(p *parser.Parser, ends ...string) (*nodes.Wrapper, *parser.Parser, error) {
	w, args, err := p.WrapUntil(ends...)
	if err == nil && w.EndTag != "elif" && w.EndTag != "endmacro" && !args.End() {
		err = errRest
	}
	return w, args, err
}

type ifStatement struct {
	place
	conds  []nodes.Expression
	bodies []*nodes.Wrapper // one more than conds where there is an else
}

func parseIf(p, args *parser.Parser) (nodes.ControlStructure, error) {
	s := &ifStatement{place: place{args.Current()}}
	for {
		cond, err := expression(args)
		if err != nil {
			return nil, err
		}
		if !args.End() {
			return nil, errRest
		}
		s.conds = append(s.conds, cond)
		w, next, err := body(p, "elif", "else", "endif")
		if err != nil {
			return nil, err
		}
		s.bodies = append(s.bodies, w)
		switch w.EndTag {
		case "endif":
			return s, nil
		case "else":
			w, _, err := body(p, "endif")
			s.bodies = append(s.bodies, w)
			return s, err
		}
		args = next
	}
}

func (s *ifStatement) exec(m *machine) signal {
	for i, cond := range s.conds {
		if truth(m.eval(cond)) {
			return m.run(s.bodies[i].Nodes)
		}
	}
	if len(s.bodies) > len(s.conds) {
		return m.run(s.bodies[len(s.conds)].Nodes)
	}
	return proceed
}

type setStatement struct {
	place
	targets []string         // names; several unpack the value
	attr    string           // of the namespace targets[0], if not ""
	value   nodes.Expression // nil for the form with a body
	body    *nodes.Wrapper
	filters []*nodes.FilterCall // of the form with a body
}

func parseSet(p, args *parser.Parser) (nodes.ControlStructure, error) {
	s := &setStatement{place: place{args.Current()}}
	var err error
	if s.targets, err = parseTargets(args); err != nil {
		return nil, err
	}
	if len(s.targets) == 1 && args.Match(tokens.Dot) != nil {
		attr := args.Match(tokens.Name)
		if attr == nil {
			return nil, errors.New("an attribute's name is missing after the dot")
		}
		s.attr = attr.Val
	}
	if args.Match(tokens.Assign) != nil {
		if s.value, err = expression(args); err == nil && !args.End() {
			err = errRest
		}
		return s, err
	}
	for args.Match(tokens.Pipe) != nil {
		f, err := args.ParseFilter()
		if err != nil {
			return nil, err
		}
		s.filters = append(s.filters, f)
	}
	if !args.End() {
		return nil, errRest
	}
	s.body, _, err = body(p, "endset")
	return s, err
}

// parseTargets parses one or more names, which brackets may enclose.
func parseTargets(args *parser.Parser) ([]string, error) {
	var names []string
	bracket := args.Match(tokens.LeftParenthesis) != nil
	for {
		name := args.Match(tokens.Name)
		if name == nil {
			return nil, errors.New("the name of a variable is missing")
		}
		names = append(names, name.Val)
		if args.Match(tokens.Comma) == nil {
			break
		}
	}
	if bracket && args.Match(tokens.RightParenthesis) == nil {
		return nil, errors.New(`")" is missing`)
	}
	return names, nil
}

func (s *setStatement) exec(m *machine) signal {
	var v Value
	if s.value != nil {
		v = m.eval(s.value)
	} else {
		v = m.capture(func() {
			m.inScope(m.scope, func() { m.run(s.body.Nodes) })
		})
		for _, f := range s.filters {
			v = m.filter(v, f)
		}
	}
	if s.attr == "" {
		m.assign(s.targets, v)
		return proceed
	}
	target, _ := m.scope.get(s.targets[0])
	ns, ok := target.(*Dict)
	if !ok || !ns.Namespace {
		throw("%s.%s cannot be set: only attributes of a namespace can", s.targets[0], s.attr)
	}
	m.work(itemCost)
	ns.SetName(s.attr, v)
	return proceed
}

// assign sets one variable to v, or several to the items of v.
func (m *machine) assign(names []string, v Value) {
	m.work(itemCost * len(names))
	if len(names) == 1 {
		m.scope.set(names[0], v)
		return
	}
	items := m.items(v)
	if len(items) != len(names) {
		throw("%d values cannot be unpacked into %d variables", len(items), len(names))
	}
	for i, name := range names {
		m.scope.set(name, items[i])
	}
}

type withStatement struct {
	place
	names  []string
	values []nodes.Expression
	body   *nodes.Wrapper
}

func parseWith(p, args *parser.Parser) (nodes.ControlStructure, error) {
	s := &withStatement{place: place{args.Current()}}
	for !args.End() {
		name := args.Match(tokens.Name)
		if name == nil || args.Match(tokens.Assign) == nil {
			return nil, errors.New(`expected "name = value"`)
		}
		v, err := expression(args)
		if err != nil {
			return nil, err
		}
		s.names, s.values = append(s.names, name.Val), append(s.values, v)
		if args.Match(tokens.Comma) == nil && !args.End() {
			return nil, errRest
		}
	}
	var err error
	s.body, _, err = body(p, "endwith")
	return s, err
}

func (s *withStatement) exec(m *machine) (sig signal) {
	values := make([]Value, len(s.values))
	for i, e := range s.values {
		values[i] = m.eval(e)
	}
	m.inScope(m.scope, func() {
		for i, name := range s.names {
			m.scope.set(name, values[i])
		}
		sig = m.run(s.body.Nodes)
	})
	return sig
}

type filterBlock struct {
	place
	filters []*nodes.FilterCall
	body    *nodes.Wrapper
}

func parseFilterBlock(p, args *parser.Parser) (nodes.ControlStructure, error) {
	s := &filterBlock{place: place{args.Current()}}
	for {
		f, err := args.ParseFilter()
		if err != nil {
			return nil, err
		}
		s.filters = append(s.filters, f)
		if args.Match(tokens.Pipe) == nil {
			break
		}
	}
	if !args.End() {
		return nil, errRest
	}
	var err error
	s.body, _, err = body(p, "endfilter")
	return s, err
}

func (s *filterBlock) exec(m *machine) signal {
	var v Value = m.capture(func() {
		m.inScope(m.scope, func() { m.run(s.body.Nodes) })
	})
	for _, f := range s.filters {
		v = m.filter(v, f)
	}
	m.write(m.str(v))
	return proceed
}

// generation marks what the model wrote, for training; here it is transparent.
type generation struct {
	place
	body *nodes.Wrapper
}

func parseGeneration(p, args *parser.Parser) (nodes.ControlStructure, error) {
	s := &generation{place: place{args.Current()}}
	if !args.End() {
		return nil, errRest
	}
	var err error
	s.body, _, err = body(p, "endgeneration")
	return s, err
}

func (s *generation) exec(m *machine) signal {
	m.inScope(m.scope, func() { m.run(s.body.Nodes) })
	return proceed
}

type loopControl struct {
	place
	signal signal
}

func parseLoopControl(name string) parser.ControlStructureParser {
	return func(_, args *parser.Parser) (nodes.ControlStructure, error) {
		s := &loopControl{place{args.Current()}, breakLoop}
		if name == "continue" {
			s.signal = continueLoop
		}
		if !args.End() {
			return nil, errRest
		}
		return s, nil
	}
}

func (s *loopControl) exec(*machine) signal { return s.signal }
