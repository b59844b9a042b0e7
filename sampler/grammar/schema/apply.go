package schema

import (
	"orchrt/sampler/grammar/value"
)

// single reads a keyword that holds one schema.
func (c *compiler) single(dst **node, n *node, keyword string, v *value.Value) (err error) {
	*dst, err = c.child(n, v, n.at.member(keyword))
	return err
}

// list reads a keyword that holds an array of schemas.
func (c *compiler) list(n *node, keyword string, v *value.Value, some bool) ([]*node, error) {
	if v.Kind != value.Array || some && len(v.Items) == 0 {
		what := "an array of schemas"
		if some {
			what = "an array of at least one schema"
		}
		return nil, n.expect(keyword, what, v)
	}
	at := n.at.member(keyword)
	list := make([]*node, len(v.Items))
	for i := range v.Items {
		sub, err := c.child(n, &v.Items[i], at.item(i))
		if err != nil {
			return nil, err
		}
		list[i] = sub
	}
	return list, nil
}

func (c *compiler) properties(n *node, v *value.Value) error {
	if v.Kind != value.Object {
		return n.expect("properties", "an object", v)
	}
	o, at := n.members(), n.at.member("properties")
	o.properties = make([]property, len(v.Members))
	for i := range v.Members {
		m := &v.Members[i]
		sub, err := c.child(n, &m.Value, at.member(m.Key))
		if err != nil {
			return err
		}
		o.properties[i] = property{m.Key, sub}
	}
	return nil
}

func (c *compiler) patternProperties(n *node, v *value.Value) error {
	if v.Kind != value.Object {
		return n.expect("patternProperties", "an object", v)
	}
	o, at := n.members(), n.at.member("patternProperties")
	for i := range v.Members {
		m := &v.Members[i]
		keys, err := c.pattern(n, "patternProperties", m.Key)
		if err != nil {
			return err
		}
		sub, err := c.child(n, &m.Value, at.member(m.Key))
		if err != nil {
			return err
		}
		o.patterns = append(o.patterns, patterned{keys, sub})
	}
	return nil
}

// dependencies reads the keyword that dependentRequired and dependentSchemas replaced.
func (c *compiler) dependencies(n *node, v *value.Value) error {
	if v.Kind != value.Object {
		return n.expect("dependencies", "an object", v)
	}
	at := n.at.member("dependencies")
	for i := range v.Members {
		m := &v.Members[i]
		if m.Value.Kind == value.Array {
			if err := n.need("dependencies", m); err != nil {
				return err
			}
			continue
		}
		sub, err := c.child(n, &m.Value, at.member(m.Key))
		if err != nil {
			return err
		}
		n.deps = append(n.deps, dependency{m.Key, sub})
	}
	return nil
}

func (c *compiler) dependentSchemas(n *node, v *value.Value) error {
	if v.Kind != value.Object {
		return n.expect("dependentSchemas", "an object", v)
	}
	at := n.at.member("dependentSchemas")
	for i := range v.Members {
		m := &v.Members[i]
		sub, err := c.child(n, &m.Value, at.member(m.Key))
		if err != nil {
			return err
		}
		n.deps = append(n.deps, dependency{m.Key, sub})
	}
	return nil
}

func (n *node) dependentRequired(v *value.Value) error {
	if v.Kind != value.Object {
		return n.expect("dependentRequired", "an object", v)
	}
	for i := range v.Members {
		if err := n.need("dependentRequired", &v.Members[i]); err != nil {
			return err
		}
	}
	return nil
}

func (n *node) need(keyword string, m *value.Member) error {
	also, err := n.stringList(keyword, &m.Value)
	if err == nil && len(also) > 0 {
		n.members().needs = append(n.members().needs, need{m.Key, also})
	}
	return err
}

// reference reads $ref.
func (c *compiler) reference(n *node, keyword string, v *value.Value) error {
	t, _, err := c.follow(n, keyword, v)
	if err != nil {
		return err
	}
	return c.refer(n, keyword, t)
}

// dynamicRef reads $dynamicRef: if it leads to a dynamic anchor of the name
// that it uses, the outermost such anchor of the dynamic scope is meant.
func (c *compiler) dynamicRef(n *node, v *value.Value) error {
	t, anchor, err := c.follow(n, "$dynamicRef", v)
	if err != nil {
		return err
	}
	if own := member(t.v, "$dynamicAnchor"); anchor != "" && own != nil && own.Kind == value.String && own.Text == anchor && n.scope != nil {
		if outer, ok := n.scope.anchors[anchor]; ok {
			t = outer
		}
	}
	return c.refer(n, "$dynamicRef", t)
}

// recursiveRef reads $recursiveRef: if the resource that it leads to has
// $recursiveAnchor, the outermost such resource of the dynamic scope is meant.
func (c *compiler) recursiveRef(n *node, v *value.Value) error {
	t, _, err := c.follow(n, "$recursiveRef", v)
	if err != nil {
		return err
	}
	if own := member(t.v, "$recursiveAnchor"); own != nil && own.Kind == value.True && n.scope != nil && n.scope.again != nil {
		t = n.scope.again.top
	}
	return c.refer(n, "$recursiveRef", t)
}

func (c *compiler) follow(n *node, keyword string, v *value.Value) (target, string, error) {
	if v.Kind != value.String {
		return target{}, "", n.expect(keyword, "a URI reference as a string", v)
	}
	return c.lib.resolve(n.res, v.Text, n.at, keyword)
}

func (c *compiler) refer(n *node, keyword string, t target) error {
	sub, err := c.node(t, n.scope)
	n.all = append(n.all, edge{sub, keyword})
	return err
}
