package jinja

import (
	"errors"

	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// signature is the parameters of a macro or a call block.
type signature struct {
	names    []string
	defaults []nodes.Expression // nil where there is none
}

// parseSignature parses the parameters after "(", up to ")".
func parseSignature(args *parser.Parser) (signature, error) {
	var s signature
	for args.Match(tokens.RightParenthesis) == nil {
		name := args.Match(tokens.Name)
		if name == nil {
			return s, errors.New("the name of a parameter is missing")
		}
		var value nodes.Expression
		if args.Match(tokens.Assign) != nil {
			var err error
			if value, err = expression(args); err != nil {
				return s, err
			}
		}
		s.names, s.defaults = append(s.names, name.Val), append(s.defaults, value)
		if args.Match(tokens.Comma) == nil && args.Current(tokens.RightParenthesis) == nil {
			return s, errors.New(`")" is missing`)
		}
	}
	return s, nil
}

// bind sets the parameters in the current scope.
func (s *signature) bind(m *machine, name string, a *args) {
	if len(a.list) > len(s.names) {
		throw("%s takes no more than %d arguments, not %d", name, len(s.names), len(a.list))
	}
	for i, p := range s.names {
		v, named := a.take(p)
		switch {
		case i < len(a.list) && named:
			throw("%s got two values for %s", name, p)
		case i < len(a.list):
			v = a.list[i]
		case !named && s.defaults[i] != nil:
			v = m.eval(s.defaults[i])
		case !named:
			v = Undefined{p}
		}
		m.scope.set(p, v)
	}
	a.none(name)
}

type macroStatement struct {
	place
	name string
	signature
	body *nodes.Wrapper
}

func parseMacro(p, args *parser.Parser) (nodes.ControlStructure, error) {
	s := &macroStatement{place: place{args.Current()}}
	name := args.Match(tokens.Name)
	if name == nil || args.Match(tokens.LeftParenthesis) == nil {
		return nil, errors.New(`expected "name("`)
	}
	s.name = name.Val
	var err error
	if s.signature, err = parseSignature(args); err != nil {
		return nil, err
	}
	if !args.End() {
		return nil, errRest
	}
	s.body, _, err = body(p, "endmacro")
	return s, err
}

func (s *macroStatement) exec(m *machine) signal {
	home := m.scope
	m.scope.set(s.name, &Func{Name: s.name, Call: func(m *machine, a *args) Value {
		return m.capture(func() {
			m.inScope(home, func() {
				if caller, ok := a.take("caller"); ok {
					m.scope.set("caller", caller)
				}
				s.bind(m, s.name, a)
				m.run(s.body.Nodes)
			})
		})
	}})
	return proceed
}

type callStatement struct {
	place
	signature
	call nodes.Expression
	body *nodes.Wrapper
}

func parseCall(p, args *parser.Parser) (nodes.ControlStructure, error) {
	s := &callStatement{place: place{args.Current()}}
	var err error
	if args.Match(tokens.LeftParenthesis) != nil {
		if s.signature, err = parseSignature(args); err != nil {
			return nil, err
		}
	}
	if s.call, err = expression(args); err != nil {
		return nil, err
	}
	if !args.End() {
		return nil, errRest
	}
	s.body, _, err = body(p, "endcall")
	return s, err
}

func (s *callStatement) exec(m *machine) signal {
	n, ok := s.call.(*nodes.Call)
	if !ok {
		throw("a call block needs a call")
	}
	home := m.scope
	caller := &Func{Name: "caller", Call: func(m *machine, a *args) Value {
		return m.capture(func() {
			m.inScope(home, func() {
				s.bind(m, "caller", a)
				m.run(s.body.Nodes)
			})
		})
	}}
	f, a := m.callee(n)
	a.named["caller"] = caller
	m.write(m.str(m.call(f, a)))
	return proceed
}
