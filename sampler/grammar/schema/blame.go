package schema

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/value"
)

// Origins says which subschemas formulas were made of.
type Origins struct{ nodes []*node }

// Blame returns err, which a search for a value of the schema ended with, as an
// *Error about the keyword that asks for most where the search was: within the
// formulas fs.
func (o *Origins) Blame(sp *formula.Space, err error, fs []formula.F) *Error {
	var worst *culprit
	if len(o.nodes) > 0 {
		within := map[formula.F]bool{}
		for _, f := range fs {
			within[f] = true
		}
		for i, n := range o.nodes {
			if n.state != built || i > 0 && !within[sp.Resolved(n.formula)] {
				continue
			}
			if w := n.heaviest(err); worst == nil || w.weight > worst.weight {
				worst = w
			}
		}
		if worst == nil {
			worst = o.nodes[0].heaviest(err)
		}
		return fail(worst.n.at, worst.keyword, "%s", reason(err, worst.keyword))
	}
	return fail(&path{}, "", "%s", reason(err, ""))
}

// blame names the keyword of an error that is about the amount of work, or about
// numbers, as a whole.
func (c *compiler) blame(err error, doc *value.Value) error {
	var e *Error
	if !errors.As(err, &e) || e.cause == nil || e.Keyword != "" {
		return err
	}
	at, keyword, most := widest(doc)
	if i := slices.IndexFunc(c.order, func(n *node) bool { return n.at == e.at }); i >= 0 && c.done == len(c.order) {
		if w := c.order[i].heaviest(e.cause); w.weight >= int64(most) {
			at, keyword = w.n.at, w.keyword
		}
	}
	return fail(at, keyword, "%s", reason(e.cause, keyword))
}

// widest returns the member of a document that has the most items or members
// itself, and how many.
func widest(doc *value.Value) (at *path, key string, most int) {
	at = &path{}
	var visit func(v *value.Value, here *path)
	visit = func(v *value.Value, here *path) {
		for i := range v.Members {
			m := &v.Members[i]
			if n := m.Value.Len(); n > most {
				at, key, most = here, m.Key, n
			}
			visit(&m.Value, here.member(m.Key))
		}
		for i := range v.Items {
			visit(&v.Items[i], here.item(i))
		}
	}
	visit(doc, at)
	return at, key, most
}

// culprit is a keyword and how much it asks for.
type culprit struct {
	n       *node
	keyword string
	weight  int64
}

// maxBlamed bounds the subschemas that are looked at for a culprit.
const maxBlamed = 2000

// heaviest returns the keyword that asks for most among those that n applies to
// one value.
func (n *node) heaviest(err error) *culprit {
	var spent *budget.ExceededError
	var long *formula.LengthError
	weigh := multiples
	if errors.As(err, &spent) || errors.As(err, &long) {
		weigh = work
	}
	worst := &culprit{n: n}
	seen := map[*node]bool{n: true}
	queue := []*node{n}
	for len(queue) > 0 {
		m := queue[0]
		queue = queue[1:]
		if m.v.Kind == value.Object {
			for i := range m.v.Members {
				k := &m.v.Members[i]
				if w := weigh(k.Key, &k.Value); w > worst.weight {
					*worst = culprit{m, k.Key, w}
				}
			}
		}
		for _, sub := range m.beside() {
			if sub != nil && !seen[sub] && len(seen) < maxBlamed {
				seen[sub] = true
				queue = append(queue, sub)
			}
		}
	}
	return worst
}

// beside returns the subschemas that n applies to the same value, and nil ones.
func (n *node) beside() []*node {
	subs := slices.Concat(n.any, n.one, []*node{n.not, n.cond, n.then, n.els})
	for _, e := range n.all {
		subs = append(subs, e.n)
	}
	for _, d := range n.deps {
		subs = append(subs, d.n)
	}
	return subs
}

// multiples weighs the keywords that make sets of numbers large.
func multiples(keyword string, _ *value.Value) int64 {
	if keyword == "multipleOf" {
		return 1
	}
	return 0
}

// work weighs keywords by how much work there may be to them.
func work(keyword string, v *value.Value) int64 {
	n := int64(v.Len())
	switch keyword {
	case "minItems", "minLength", "minProperties", "minContains":
		if i, err := strconv.ParseInt(v.Text, 10, 62); err == nil {
			return i
		}
		return 1 << 40
	case "oneOf":
		return n * n
	case "const", "enum":
		return int64(size(v))
	case "pattern":
		return 2 * int64(len(v.Text))
	case "patternProperties":
		return 10 * n
	case "anyOf", "allOf", "prefixItems", "properties", "required", "dependentRequired", "dependentSchemas", "dependencies", "items":
		return n
	case "contains", "uniqueItems", "not", "if", "propertyNames", "format":
		return 3
	}
	return 0
}

// size counts values within one another.
func size(v *value.Value) int {
	n := 1
	for i := range v.Items {
		n += size(&v.Items[i])
	}
	for i := range v.Members {
		n += size(&v.Members[i].Value)
	}
	return n
}

// reason says what err means for a schema, and what to do about a keyword.
func reason(err error, keyword string) string {
	advice := "simplify it"
	switch keyword {
	case "minItems", "minLength", "minProperties", "minContains":
		advice = "ask for fewer"
	case "oneOf":
		advice = "use anyOf, or tell its branches apart by a required property with a const"
	case "const", "enum":
		advice = "list less"
	case "pattern", "patternProperties":
		advice = "simplify the pattern"
	}
	var spent *budget.ExceededError
	var long *formula.LengthError
	switch {
	case errors.As(err, &spent):
		return fmt.Sprintf("the schema takes more work than it may (%d steps): %s", spent.Limit, advice)
	case errors.As(err, &long):
		return fmt.Sprintf("no JSON value of less than %d bytes was found that the schema allows: %s", long.Limit, advice)
	}
	return err.Error()
}
