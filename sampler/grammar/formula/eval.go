package formula

import (
	"slices"

	"orchrt/sampler/grammar/number"
	"orchrt/sampler/grammar/value"
)

// Eval reports whether v is in f. It follows the definitions, slowly, and is
// what the automaton is tested against. The result means nothing once Err is
// set.
func Eval(sp *Space, f F, v value.Value) bool {
	c := sp.Content(f)
	switch v.Kind {
	case value.Null:
		return c.Literals&Null != 0
	case value.False:
		return c.Literals&False != 0
	case value.True:
		return c.Literals&True != 0
	case value.Number:
		d, err := number.Parse(v.Text)
		if err != nil {
			sp.fail(err)
			return false
		}
		return sp.numbers[c.Numbers].Contains(d)
	case value.String:
		return sp.Regex.Matches(c.Strings, v.Text)
	case value.Array:
		return sp.evalItems(c.Array, v.Items)
	}
	return sp.evalMembers(c.Object, v.Members)
}

func (sp *Space) evalMembers(c Cond, ms []value.Member) bool {
	a := sp.conds[c]
	count := func(pick func(value.Member) bool) int {
		n := 0
		for _, m := range ms {
			if pick(m) {
				n++
			}
		}
		return n
	}
	switch a.op {
	case condAnd:
		return !slices.ContainsFunc(a.kids, func(k Cond) bool { return !sp.evalMembers(k, ms) })
	case condOr:
		return slices.ContainsFunc(a.kids, func(k Cond) bool { return sp.evalMembers(k, ms) })
	case condProps:
		return count(func(m value.Member) bool {
			id, ok := sp.names[m.Key]
			i, found := slices.BinarySearch(a.ids, id)
			return ok && found && !Eval(sp, a.fs[i], m.Value)
		}) == 0
	case condEvery:
		return count(func(m value.Member) bool {
			return sp.Regex.Matches(a.lang, m.Key) && !Eval(sp, a.f, m.Value)
		}) == 0
	case condSome:
		return count(func(m value.Member) bool {
			return sp.Regex.Matches(a.lang, m.Key) && Eval(sp, a.f, m.Value)
		}) > 0
	case condHas:
		return count(func(m value.Member) bool {
			return m.Key == sp.nameText[a.ids[0]] && Eval(sp, a.f, m.Value)
		}) > 0
	case condRequire:
		return count(func(m value.Member) bool {
			id, ok := sp.names[m.Key]
			return ok && contains(a.ids, id)
		}) == len(a.ids)
	case condExact, condDiffer:
		same := count(func(m value.Member) bool {
			id, ok := sp.names[m.Key]
			i, found := slices.BinarySearch(a.ids, id)
			return ok && found && Eval(sp, a.fs[i], m.Value)
		})
		return (a.op == condExact) == (same == len(ms) && same == len(a.ids))
	case condMembers:
		return len(ms) >= int(a.min) && (a.max < 0 || len(ms) <= int(a.max))
	}
	return a.op == condAlways
}

func (sp *Space) evalItems(c Cond, items []value.Value) bool {
	a := sp.conds[c]
	count := func(pick func(int) bool) int {
		n := 0
		for i := range items {
			if pick(i) {
				n++
			}
		}
		return n
	}
	inRange := func(i int) bool { return i >= int(a.min) && (a.max < 0 || i <= int(a.max)) }
	in := func(i int) bool { return Eval(sp, a.f, items[i]) }
	switch a.op {
	case condAnd:
		return !slices.ContainsFunc(a.kids, func(k Cond) bool { return !sp.evalItems(k, items) })
	case condOr:
		return slices.ContainsFunc(a.kids, func(k Cond) bool { return sp.evalItems(k, items) })
	case condEach:
		return count(func(i int) bool { return inRange(i) && !in(i) }) == 0
	case condSomeAt:
		return count(func(i int) bool { return inRange(i) && in(i) }) > 0
	case condAtLeast:
		return count(in) >= int(a.min)
	case condAtMost:
		return count(in) <= int(a.max)
	case condItems:
		return inRange(len(items))
	case condUnique, condRepeat:
		return (a.op == condUnique) == (count(func(i int) bool {
			return slices.ContainsFunc(items[:i], func(v value.Value) bool { return v.Equal(items[i]) })
		}) == 0)
	}
	return a.op == condAlways
}
