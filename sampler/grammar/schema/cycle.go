package schema

// same returns the subschemas that are applied to the same value as n itself.
func (n *node) same(visit func(m *node, keyword string) error) error {
	for _, e := range n.all {
		if err := visit(e.n, e.keyword); err != nil {
			return err
		}
	}
	for _, m := range n.any {
		if err := visit(m, "anyOf"); err != nil {
			return err
		}
	}
	for _, m := range n.one {
		if err := visit(m, "oneOf"); err != nil {
			return err
		}
	}
	for _, d := range n.deps {
		if err := visit(d.n, "dependentSchemas"); err != nil {
			return err
		}
	}
	for _, s := range [...]struct {
		n       *node
		keyword string
	}{{n.not, "not"}, {n.cond, "if"}, {n.then, "then"}, {n.els, "else"}} {
		if s.n != nil {
			if err := visit(s.n, s.keyword); err != nil {
				return err
			}
		}
	}
	return nil
}

// findCycles gives each cycle of subschemas that are applied to the same value
// a number of its own (Tarjan's strongly connected components) and refuses
// those through not and if, where validators do not agree what they mean.
func (c *compiler) findCycles() error {
	t := tarjan{}
	for _, n := range c.order {
		if n.index == 0 {
			t.visit(n)
		}
	}
	for _, n := range c.order {
		if n.cycle == 0 {
			continue
		}
		for _, s := range [...]struct {
			n       *node
			keyword string
		}{{n.not, "not"}, {n.cond, "if"}} {
			if s.n != nil && s.n.cycle == n.cycle {
				return fail(n.at, s.keyword, "refers back to the schema that it is part of, for the same value: it has no meaning")
			}
		}
	}
	return nil
}

type tarjan struct {
	next   int
	cycles int
	stack  []*node
}

func (t *tarjan) visit(n *node) {
	t.next++
	n.index, n.low = t.next, t.next
	n.onStack = true
	t.stack = append(t.stack, n)
	self := false
	_ = n.same(func(m *node, _ string) error { // never fails
		switch {
		case m.index == 0:
			t.visit(m)
			n.low = min(n.low, m.low)
		case m.onStack:
			n.low = min(n.low, m.index)
			self = self || m == n
		}
		return nil
	})
	if n.low != n.index {
		return
	}
	alone := t.stack[len(t.stack)-1] == n
	if !alone || self {
		t.cycles++
	}
	for {
		m := t.stack[len(t.stack)-1]
		t.stack = t.stack[:len(t.stack)-1]
		m.onStack = false
		if !alone || self {
			m.cycle = t.cycles
		}
		if m == n {
			return
		}
	}
}
