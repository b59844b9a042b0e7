package schema

import (
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/number"
	"orchrt/sampler/grammar/regex"
	"orchrt/sampler/grammar/value"
)

// node is a subschema read: keywords checked, references resolved.
type node struct {
	target
	scope *scope

	never  bool // false, as a schema
	kinds  formula.Kinds
	whole  bool            // numbers must be integers
	values [][]value.Value // enum and const: one of each list
	number *numberRules
	text   *textRules
	object *objectRules
	array  *arrayRules
	all    []edge  // what must hold of the same value
	any    []*node // anyOf
	one    []*node // oneOf
	not    *node
	cond   *node // if; then and els may be nil
	then   *node
	els    *node
	deps   []dependency // dependentSchemas

	index, low int // for findCycles
	onStack    bool
	cycle      int // nonzero: on a cycle that stays at the same value, which cycle

	state   buildState
	formula formula.F
	ref     formula.F
	hasRef  bool
	names   *regex.Lang // the strings that satisfy it, for propertyNames
	shape   *shape
}

type buildState uint8

const (
	fresh buildState = iota
	building
	built
)

// edge is a subschema that the same value must satisfy.
type edge struct {
	n       *node
	keyword string // $ref, allOf, …
}

// dependency is a subschema that must hold if a member is there.
type dependency struct {
	key string
	n   *node
}

type numberRules struct {
	low, high    *number.Decimal
	above, below *number.Decimal // exclusive
	multiple     *number.Decimal
}

type textRules struct {
	min, max int          // code points; max -1: no bound
	langs    []regex.Lang // pattern and format
}

type objectRules struct {
	properties []property
	patterns   []patterned
	additional *node // nil: anything
	names      *node
	required   []string
	needs      []need          // dependentRequired
	min, max   int             // members; max -1: no bound
	left       *node           // unevaluatedProperties
	keys       map[string]bool // names of properties, once asked for
}

type property struct {
	key string
	n   *node
}

type patterned struct {
	keys regex.Lang
	n    *node
}

// need says which members must be there if key is.
type need struct {
	key  string
	also []string
}

type arrayRules struct {
	prefix      []*node
	rest        *node // nil: anything
	contains    *node
	least, most int  // of contains; most -1: no bound
	counts      bool // items that contains holds for are evaluated (2020-12)
	min, max    int  // items; max -1: no bound
	unique      bool
	left        *node // unevaluatedItems
}

func (n *node) numbers() *numberRules {
	if n.number == nil {
		n.number = &numberRules{}
	}
	return n.number
}

func (r *numberRules) set(keyword string, d *number.Decimal) {
	switch keyword {
	case "minimum":
		r.low = d
	case "maximum":
		r.high = d
	case "exclusiveMinimum":
		r.above = d
	case "exclusiveMaximum":
		r.below = d
	}
}

func (n *node) strings() *textRules {
	if n.text == nil {
		n.text = &textRules{max: -1}
	}
	return n.text
}

func (n *node) members() *objectRules {
	if n.object == nil {
		n.object = &objectRules{max: -1}
	}
	return n.object
}

func (n *node) sequence() *arrayRules {
	if n.array == nil {
		n.array = &arrayRules{max: -1}
	}
	return n.array
}

type nodeKey struct {
	v     *value.Value
	scope *scope
}

// node returns the node of a subschema reached in a scope, to be filled later.
func (c *compiler) node(t target, s *scope) (*node, error) {
	s = c.enter(s, t.res)
	k := nodeKey{t.v, s}
	if n := c.nodes[k]; n != nil {
		return n, nil
	}
	if len(c.order) == maxNodes {
		return nil, fail(t.at, "", "there are more than %d subschemas", maxNodes)
	}
	n := &node{target: t, scope: s, kinds: formula.AnyKind}
	c.nodes[k] = n
	c.order = append(c.order, n)
	return n, nil
}

// child returns the node of a subschema at one of n's keywords.
func (c *compiler) child(n *node, v *value.Value, at *path) (*node, error) {
	res := n.res
	if r := c.lib.byTop[v]; r != nil {
		res = r
	}
	return c.node(target{at: at, v: v, res: res}, n.scope)
}

// scope is the dynamic scope: which subschema each dynamic anchor means. A nil
// scope binds nothing. Scopes are compared by identity.
type scope struct {
	anchors map[string]target
	again   *resource // the outermost resource with $recursiveAnchor
	next    map[*resource]*scope
}

// enter returns the scope after entering a resource: anchors bound further out stay.
func (c *compiler) enter(s *scope, res *resource) *scope {
	if len(res.dynamic) == 0 && !res.again {
		return s
	}
	if s == nil {
		if len(c.scopes) == 0 {
			c.scopes = append(c.scopes, &scope{})
		}
		s = c.scopes[0]
	}
	if t := s.next[res]; t != nil {
		return t
	}
	t := c.intern(s, res)
	if s.next == nil {
		s.next = map[*resource]*scope{}
	}
	s.next[res] = t
	return t
}

// intern returns the scope that binds what s does and res adds.
func (c *compiler) intern(s *scope, res *resource) *scope {
	t := &scope{anchors: make(map[string]target, len(s.anchors)+len(res.dynamic)), again: s.again}
	if t.again == nil && res.again {
		t.again = res
	}
	for name, a := range res.dynamic {
		t.anchors[name] = a
	}
	for name, a := range s.anchors {
		t.anchors[name] = a
	}
	for _, old := range c.scopes {
		if old.same(t) {
			return old
		}
	}
	c.scopes = append(c.scopes, t)
	return t
}

func (s *scope) same(t *scope) bool {
	if len(s.anchors) != len(t.anchors) || s.again != t.again {
		return false
	}
	for name, a := range s.anchors {
		if t.anchors[name].v != a.v {
			return false
		}
	}
	return true
}
