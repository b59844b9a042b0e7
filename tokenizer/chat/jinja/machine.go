package jinja

import (
	"time"

	"github.com/nikolalohinski/gonja/v2/nodes"
)

// Limits bounds what a template may use. The zero value of a field is its
// default.
type Limits struct {
	Source int // bytes of a template; default 256 KiB
	Work   int // units of work of one rendering: about a byte copied, with stepCost for a step; default 64 Mi
	Depth  int // nested evaluations; default 2,000
}

const (
	defaultSource = 256 << 10
	defaultWork   = 64 << 20
	defaultDepth  = 2000

	stepCost = 32      // work of evaluating one node
	itemCost = 64      // work, and about the bytes, of one item of a list or dict
	maxRange = 100_000 // items of range(), as in jinja2's sandbox
)

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		field *int
		value int
	}{{&l.Source, defaultSource}, {&l.Work, defaultWork}, {&l.Depth, defaultDepth}} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return l
}

// machine runs one rendering.
type machine struct {
	template *Template
	left     int // work
	depth    int // evaluations that may still be nested
	now      func() time.Time
	scope    *scope
	out      *strBuilder
	line     int // of the statement or expression being run
}

// scope holds the variables of one block; inner ones hide outer ones.
type scope struct {
	vars   map[string]Value
	parent *scope
}

func (s *scope) get(name string) (Value, bool) {
	for ; s != nil; s = s.parent {
		if v, ok := s.vars[name]; ok {
			return v, true
		}
	}
	return nil, false
}

func (s *scope) set(name string, v Value) {
	if s.vars == nil {
		s.vars = make(map[string]Value)
	}
	s.vars[name] = v
}

// work charges n units.
func (m *machine) work(n int) {
	if n < 0 || n > m.left {
		throw("the template does too much work: endless loop, or text or lists of unreasonable size")
	}
	m.left -= n
}

// enter counts one level of nesting; leave undoes it.
func (m *machine) enter() {
	if m.depth--; m.depth < 0 {
		throw("the template nests too deeply, or calls itself without end")
	}
}

func (m *machine) leave() { m.depth++ }

// inScope runs f with a new scope inside parent.
func (m *machine) inScope(parent *scope, f func()) {
	saved := m.scope
	m.scope = &scope{parent: parent}
	f()
	m.scope = saved
}

// capture runs f and returns what it wrote.
func (m *machine) capture(f func()) Str {
	saved := m.out
	m.out = &strBuilder{}
	f()
	s := m.out.str()
	m.out = saved
	return s
}

// write appends to the output.
func (m *machine) write(s Str) {
	m.work(len(s.S) + stepCost*len(s.user))
	m.out.add(s)
}

// concat joins two strings.
func (m *machine) concat(a, b Str) Str {
	m.work(len(a.S) + len(b.S) + stepCost*(len(a.user)+len(b.user)))
	var out strBuilder
	out.add(a)
	out.add(b)
	return out.str()
}

// list returns a list and charges for its items.
func (m *machine) list(items []Value) *List {
	m.work(itemCost * (len(items) + 1))
	return &List{Items: items}
}

// signal is how break and continue leave a block.
type signal int

const (
	proceed signal = iota
	breakLoop
	continueLoop
)

// run runs a block's nodes.
func (m *machine) run(block []nodes.Node) signal {
	m.enter()
	defer m.leave()
	for _, n := range block {
		m.work(stepCost)
		switch n := n.(type) {
		case *nodes.Data:
			m.write(Literal(n.Data.Val))
		case *nodes.Output:
			m.line = n.Start.Line
			m.write(m.str(m.eval(n.Expression)))
		case *nodes.ControlStructureBlock:
			m.line = n.Location.Line
			if s := n.ControlStructure.(statement).exec(m); s != proceed {
				return s
			}
		case nil:
		default:
			throw("unknown node %T", n)
		}
	}
	return proceed
}
