package grammar

import (
	"strconv"
	"strings"

	"orchrt/sampler/grammar/value"
)

// Bounds of unit.slack: maxSlack is more than any limit.
const (
	minSlack = 64
	maxSlack = 1 << 26
)

// slack estimates from a schema how many bytes one token can add to what a
// document needs for its end. That is what the least of the values need that
// the token begins: some of them, none larger than the largest that the schema
// asks for.
func slack(schema *value.Value) int {
	e := estimator{
		root:  schema,
		sizes: map[*value.Value]int{},
		refs:  map[string]*value.Value{},
		index: map[*value.Value]map[string]*value.Value{},
	}
	e.visit(schema, 0)
	return min(minSlack+4*e.most, maxSlack)
}

// estimator finds the least sizes of the values of a schema's parts.
type estimator struct {
	root  *value.Value
	most  int
	sizes map[*value.Value]int // what least found; little for what it is still looking at
	refs  map[string]*value.Value
	index map[*value.Value]map[string]*value.Value // members of large objects
}

const (
	little        = 4
	estimateDepth = 400 // of parts within one another, references followed
)

// visit looks for schemas in all parts of a schema.
func (e *estimator) visit(v *value.Value, depth int) {
	if depth > 200 {
		return
	}
	if v.Kind == value.Object {
		e.most = max(e.most, e.least(v, 0))
	}
	for i := range v.Items {
		e.visit(&v.Items[i], depth+1)
	}
	for i := range v.Members {
		e.visit(&v.Members[i].Value, depth+1)
	}
}

// least estimates the bytes of a small value of a schema. A part of it that is of
// the same schema counts little: it need not go on for ever.
func (e *estimator) least(s *value.Value, depth int) int {
	if s.Kind != value.Object || depth > estimateDepth {
		return little
	}
	n, ok := e.sizes[s]
	if !ok {
		e.sizes[s] = little
		n = e.find(s, depth)
		e.sizes[s] = n
	}
	return n
}

// find is least for a schema that was not looked at.
func (e *estimator) find(s *value.Value, depth int) int {
	n := little
	for i := range s.Members {
		m := &s.Members[i]
		switch m.Key {
		case "required":
			properties := e.member(s, "properties")
			for _, name := range m.Value.Items {
				n = plus(n, len(name.Text)+8)
				if p := e.member(properties, name.Text); p != nothing {
					n = plus(n, e.least(p, depth+1))
				}
			}
		case "minItems", "minContains":
			n += times(bound(&m.Value), 2+e.least(e.member(s, "items"), depth+1))
		case "minProperties":
			n += times(bound(&m.Value), 12+e.least(e.member(s, "additionalProperties"), depth+1))
		case "minLength":
			n += bound(&m.Value)
		case "pattern":
			n += patternSize(m.Value.Text)
		case "const", "format":
			n += len(m.Value.String())
		case "enum", "anyOf", "oneOf":
			n += e.largest(m, depth)
		case "allOf":
			for j := range m.Value.Items {
				n = plus(n, e.least(&m.Value.Items[j], depth+1))
			}
		case "$ref", "$dynamicRef":
			n += e.least(e.resolve(m.Value.Text), depth+1)
		case "not":
			n += e.least(&m.Value, depth+1)
			for _, most := range []string{"maxLength", "maxItems", "maxProperties"} {
				n = plus(n, times(bound(e.member(&m.Value, most)), 16))
			}
		case "if", "then", "else", "contains":
			n += e.least(&m.Value, depth+1)
		}
		if n >= maxSlack {
			return maxSlack
		}
	}
	return n
}

// largest is the size of the largest alternative.
func (e *estimator) largest(m *value.Member, depth int) (n int) {
	for j := range m.Value.Items {
		if item := &m.Value.Items[j]; m.Key == "enum" {
			n = max(n, len(item.String()))
		} else {
			n = max(n, e.least(item, depth+1))
		}
	}
	return n
}

// resolve finds what a reference within the document leads to, as far as its
// pointer is plain.
func (e *estimator) resolve(ref string) *value.Value {
	v, ok := e.refs[ref]
	if ok {
		return v
	}
	v = e.root
	for i, key := range strings.Split(ref, "/") {
		if i == 0 {
			continue
		}
		if strings.Contains(key, "~") {
			key = strings.ReplaceAll(strings.ReplaceAll(key, "~1", "/"), "~0", "~")
		}
		if v = e.member(v, key); v.Kind == value.Null {
			break
		}
	}
	e.refs[ref] = v
	return v
}

var nothing = &value.Value{}

// member returns the member of an object with a key, or nothing.
func (e *estimator) member(v *value.Value, key string) *value.Value {
	const few = 16
	if len(v.Members) > few {
		index := e.index[v]
		if index == nil {
			index = make(map[string]*value.Value, len(v.Members))
			for i := range v.Members {
				index[v.Members[i].Key] = &v.Members[i].Value
			}
			e.index[v] = index
		}
		if m := index[key]; m != nil {
			return m
		}
		return nothing
	}
	for i := range v.Members {
		if v.Members[i].Key == key {
			return &v.Members[i].Value
		}
	}
	return nothing
}

// patternSize estimates what a pattern's strings need, by its length with each
// group or character as often as it is counted.
func patternSize(pattern string) int {
	sizes := []int{0} // of the open groups
	last := 1         // of what was closed or read last
	for i := 0; i < len(pattern); i++ {
		top := &sizes[len(sizes)-1]
		switch c := pattern[i]; c {
		case '(':
			sizes = append(sizes, 0)
		case ')':
			if last = *top; len(sizes) > 1 {
				sizes = sizes[:len(sizes)-1]
				sizes[len(sizes)-1] = plus(sizes[len(sizes)-1], last)
			}
		case '{':
			n, digits := 0, i+1
			for ; digits < len(pattern) && '0' <= pattern[digits] && pattern[digits] <= '9'; digits++ {
				n = min(10*n+int(pattern[digits]-'0'), maxSlack)
			}
			*top = plus(*top, times(n, max(last, 1)))
			last = times(n, max(last, 1))
			i = digits - 1
		case '\\':
			i++
			fallthrough
		default:
			last = 1
			*top = plus(*top, 1)
		}
	}
	n := 0
	for _, size := range sizes {
		n = plus(n, size)
	}
	return n
}

// plus and times are sum and product of sizes up to maxSlack.
func plus(a, b int) int { return min(a+b, maxSlack) }

func times(a, b int) int { return min(min(a, maxSlack)*min(b, maxSlack), maxSlack) }

// bound reads a number of things at least.
func bound(v *value.Value) int {
	n, err := strconv.Atoi(v.Text)
	if err != nil || v.Kind != value.Number {
		return 0
	}
	return min(max(n, 0), maxSlack)
}
