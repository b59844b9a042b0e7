package formula

import (
	"math"
	"strings"

	"orchrt/sampler/grammar/number"
	"orchrt/sampler/grammar/regex"
	"orchrt/sampler/grammar/value"
)

// Every is the formula of the objects all of whose members with a key in keys
// have a value in f.
func (sp *Space) Every(keys regex.Lang, f F) F { return sp.object(sp.condEvery(keys, f)) }

// Some is the formula of the objects that have a member with a key in keys and a
// value in f.
func (sp *Space) Some(keys regex.Lang, f F) F { return sp.object(sp.condSome(keys, f)) }

// Property is Every over the one key name.
func (sp *Space) Property(name string, f F) F {
	return sp.object(sp.condProps([]int32{sp.nameID(name)}, []F{f}))
}

// Properties is the conjunction of Property over a table, which it may reorder.
// A name that stands there twice must satisfy both.
func (sp *Space) Properties(names []string, fs []F) F {
	if len(names) != len(fs) {
		panic("formula: Properties with tables of different lengths")
	}
	byID := make(map[int32]F, len(names))
	ids := make([]int32, 0, len(names))
	for i, n := range names {
		id := sp.nameID(n)
		if f, ok := byID[id]; ok {
			byID[id] = sp.And(f, fs[i])
			continue
		}
		byID[id] = fs[i]
		ids = append(ids, id)
	}
	ids = sortedSet(ids)
	sorted := make([]F, len(ids))
	for i, id := range ids {
		sorted[i] = byID[id]
	}
	return sp.object(sp.condProps(ids, sorted))
}

// Required is the formula of the objects that have members of all these names.
func (sp *Space) Required(names ...string) F {
	ids := make([]int32, len(names))
	for i, n := range names {
		ids[i] = sp.nameID(n)
	}
	return sp.object(sp.condRequire(sortedSet(ids)))
}

// Members is the formula of the objects with at least lo and at most hi members.
func (sp *Space) Members(lo, hi int) F { return sp.object(sp.condMembers(count(lo), count(hi))) }

// EveryItem is the formula of the arrays all of whose items at an index from
// from to to, both included, are in f.
func (sp *Space) EveryItem(from, to int, f F) F {
	return sp.array(sp.condEach(count(max(from, 0)), count(to), f))
}

// Contains is the formula of the arrays of which at least lo and at most hi items
// are in f.
func (sp *Space) Contains(lo, hi int, f F) F {
	c := sp.condAtLeast(count(max(lo, 0)), f)
	if hi >= 0 {
		c = sp.condAnd(c, sp.condAtMost(count(hi), f))
	}
	return sp.array(c)
}

// Items is the formula of the arrays with at least lo and at most hi items.
func (sp *Space) Items(lo, hi int) F { return sp.array(sp.condItems(count(lo), count(hi))) }

// Unique is the formula of the arrays whose items differ from one another.
func (sp *Space) Unique() F { return sp.array(sp.internCond(cond{op: condUnique})) }

// count clips a count to what a condition holds. No document is that long.
func count(n int) int32 { return int32(min(max(n, Unbounded), math.MaxInt32/2)) }

// Const is the formula of the one value v.
func (sp *Space) Const(v value.Value) F {
	f := sp.constOf(v)
	if sp.sound() {
		sp.constants[f] = true
	}
	return f
}

func (sp *Space) constOf(v value.Value) F {
	if !sp.spend(8 + 4*v.Len()) {
		return fFalse
	}
	switch v.Kind {
	case value.Null:
		return sp.Kinds(Null)
	case value.False:
		return sp.Kinds(False)
	case value.True:
		return sp.Kinds(True)
	case value.Number:
		d, err := number.Parse(v.Text)
		if err != nil {
			sp.fail(err)
			return fFalse
		}
		f := sp.Number(number.Point(d))
		if n := &sp.nodes[f]; n.witness == nil && isShortInteger(v.Text) {
			n.sat, n.witness = 1, &v.Text
		}
		return f
	case value.String:
		return sp.String(sp.Regex.Literal(v.Text))
	case value.Array:
		n := int32(len(v.Items))
		kids := []Cond{sp.condItems(n, n)}
		for i, item := range v.Items {
			kids = append(kids, sp.condEach(int32(i), int32(i), sp.Const(item)))
		}
		return sp.array(sp.junction(condAnd, kids))
	}
	ids := make([]int32, len(v.Members))
	byID := make(map[int32]F, len(ids))
	for i, m := range v.Members {
		ids[i] = sp.nameID(m.Key)
		byID[ids[i]] = sp.Const(m.Value)
	}
	if ids = sortedSet(ids); len(ids) < len(v.Members) {
		return fFalse // no object has a key twice
	}
	fs := make([]F, len(ids))
	for i, id := range ids {
		fs[i] = byID[id]
	}
	return sp.object(sp.condExact(ids, fs))
}

// isShortInteger reports that a number's text is one that a search for its
// shortest text would find.
func isShortInteger(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	return len(digits) < 16 && strings.Trim(digits, "0123456789") == "" && text != "-0"
}

// Enum is the formula of the values vs.
func (sp *Space) Enum(vs []value.Value) F {
	var texts []string
	var fs []F
	var numbers []number.Decimal
	for _, v := range vs {
		switch v.Kind {
		case value.String:
			texts = append(texts, v.Text)
		case value.Number:
			d, err := number.Parse(v.Text)
			if err != nil {
				sp.fail(err)
				return fFalse
			}
			numbers = append(numbers, d)
		default:
			fs = append(fs, sp.Const(v))
		}
	}
	if numbers != nil {
		fs = append(fs, sp.Number(number.Points(numbers...)))
	}
	if texts != nil {
		fs = append(fs, sp.String(sp.Regex.Literals(texts)))
	}
	return sp.Or(fs...)
}
