package score

import (
	"slices"
	"strings"

	"orchrt/sampler/grammar/value"
)

// maxMutants bounds the changed instances made of one.
const maxMutants = 48

// site is a place in a value, by the indices that lead to it, and a way to
// change what is there.
type site struct {
	path []int
	kind string
	with func(v value.Value) value.Value
}

// mutateInstance scores changed copies of an instance of a schema.
func (a *attempt) mutateInstance(f follower, test int, v value.Value, valid bool) {
	judge := a.judges().of("")
	if judge == nil {
		a.Unjudged++
		return
	}
	if (judge.Check(value.Append(nil, v, value.Python)) == nil) != valid {
		return // the validators differ over the instance itself
	}
	for _, m := range a.pick(sites(v)) {
		mutant := change(v, m.path, m.with)
		text := a.write(mutant)
		ids, _, err := encode(a.toks[:0], a.s.src, string(text))
		if err != nil {
			continue
		}
		a.toks = ids
		a.mutant(f, test, m.kind, ids, text, m.kind != duplicated && judge.Check(text) == nil)
	}
}

// mutateCall scores changed copies of a call.
func (a *attempt) mutateCall(f follower, test int, name string, args value.Value) {
	try := func(kind, name string, args []byte, valid bool) {
		ids, _, err := a.s.appendCall(a.toks[:0], name, args)
		if err == nil {
			a.toks = ids
			a.mutant(f, test, kind, ids, args, valid)
		}
	}
	text := a.write(args)
	for _, other := range []string{name + "_", strings.ToUpper(name), name[:len(name)-1], "x" + name} {
		if _, known := a.c.parameters(other); !known {
			try("unknown tool", other, text, false)
		}
	}
	judge := a.judges().of(name)
	if judge == nil || judge.Check(text) != nil {
		a.Unjudged++
		return
	}
	for _, m := range a.pick(sites(args)) {
		mutant := change(args, m.path, m.with)
		text := a.write(mutant)
		try(m.kind, name, text, m.kind != duplicated && mutant.Kind == value.Object && judge.Check(text) == nil)
	}
}

// mutant runs a changed instance and counts how it came out.
func (a *attempt) mutant(f follower, test int, kind string, ids []int32, text []byte, valid bool) {
	if a.late() {
		a.fail(TimedOut, errLate.Error())
	}
	if a.Outcome == TimedOut {
		return
	}
	accepted, where := a.accepts1(f, ids)
	if a.Mutants == nil {
		a.Mutants = map[string]Mutants{}
	}
	n := a.Mutants[kind]
	if valid {
		n.Valid++
	} else {
		n.Invalid++
	}
	switch {
	case valid && !accepted:
		n.ValidRefused++
		if kind != otherSpelling { // in calls and in draft-04 integers are digits alone, on purpose
			a.fault("mutant: "+validRefused, test, string(text), "%s: %s", kind, where)
		}
	case !valid && accepted:
		n.InvalidAccepted++
		a.fault("mutant: "+invalidAccepted, test, string(text), "%s", kind)
	}
	a.Mutants[kind] = n
}

// accepts1 runs an instance without masks.
func (a *attempt) accepts1(f follower, ids []int32) (ok bool, where string) {
	m, err := f.start(0)
	if err != nil {
		return false, err.Error()
	}
	for i, id := range ids {
		if m.Accept(id) != nil {
			return false, a.where(ids, i)
		}
	}
	if m.Accept(a.s.ids.eos) != nil {
		return false, a.where(ids, len(ids))
	}
	return true, ""
}

// pick returns some of the sites where there are too many.
func (a *attempt) pick(list []site) []site {
	if len(list) > maxMutants {
		a.rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		list = list[:maxMutants]
	}
	return list
}

const (
	duplicated    = "duplicate key"
	otherSpelling = "other spelling"
)

// sites lists the ways in which v is changed in one place.
func sites(v value.Value) []site {
	var list []site
	var visit func(v value.Value, path []int)
	visit = func(v value.Value, path []int) {
		path = slices.Clip(path)
		add := func(kind string, with func(value.Value) value.Value) {
			list = append(list, site{path, kind, with})
		}
		for _, w := range others(v.Kind) {
			add("other type", func(value.Value) value.Value { return w })
		}
		switch v.Kind {
		case value.Object:
			objectSites(v, add)
			for i := range v.Members {
				visit(v.Members[i].Value, append(path, i))
			}
		case value.Array:
			arraySites(v, add)
			for i := range v.Items {
				visit(v.Items[i], append(path, i))
			}
		default:
			for _, w := range near(v) {
				add("other value", func(value.Value) value.Value { return w })
			}
			for _, w := range respelt(v) {
				add(otherSpelling, func(value.Value) value.Value { return w })
			}
		}
	}
	visit(v, nil)
	return list
}

func objectSites(v value.Value, add func(string, func(value.Value) value.Value)) {
	for i := range v.Members {
		add("missing key", func(v value.Value) value.Value {
			v.Members = slices.Delete(slices.Clone(v.Members), i, i+1)
			return v
		})
		add(duplicated, func(v value.Value) value.Value {
			v.Members = append(slices.Clone(v.Members), v.Members[i])
			return v
		})
	}
	for _, key := range []string{"zz_extra", ""} {
		if slices.ContainsFunc(v.Members, func(m value.Member) bool { return m.Key == key }) {
			continue
		}
		add("extra key", func(v value.Value) value.Value {
			v.Members = append(slices.Clone(v.Members), value.Member{Key: key, Value: number("1")})
			return v
		})
	}
}

func arraySites(v value.Value, add func(string, func(value.Value) value.Value)) {
	for i := range v.Items {
		add("missing item", func(v value.Value) value.Value {
			v.Items = slices.Delete(slices.Clone(v.Items), i, i+1)
			return v
		})
		add("repeated item", func(v value.Value) value.Value {
			v.Items = append(slices.Clone(v.Items), v.Items[i])
			return v
		})
	}
	add("extra item", func(v value.Value) value.Value {
		v.Items = append(slices.Clone(v.Items), value.Value{Kind: value.Null})
		return v
	})
}

// change returns v with the value at path replaced.
func change(v value.Value, path []int, with func(value.Value) value.Value) value.Value {
	if len(path) == 0 {
		return with(v)
	}
	i := path[0]
	if v.Kind == value.Array {
		v.Items = slices.Clone(v.Items)
		v.Items[i] = change(v.Items[i], path[1:], with)
		return v
	}
	v.Members = slices.Clone(v.Members)
	v.Members[i].Value = change(v.Members[i].Value, path[1:], with)
	return v
}

func number(text string) value.Value { return value.Value{Kind: value.Number, Text: text} }

func str(text string) value.Value { return value.Value{Kind: value.String, Text: text} }

// others returns values of other types.
func others(k value.Kind) []value.Value {
	all := []value.Value{
		{Kind: value.Null}, {Kind: value.True}, number("7"), number("-0.5"), str("q"), str("7"),
		{Kind: value.Array}, {Kind: value.Object},
	}
	return slices.DeleteFunc(all, func(v value.Value) bool { return v.Kind == k })
}

// near returns other values of the same type.
func near(v value.Value) []value.Value {
	switch v.Kind {
	case value.False:
		return []value.Value{{Kind: value.True}}
	case value.True:
		return []value.Value{{Kind: value.False}}
	case value.String:
		s := v.Text
		return []value.Value{str(s + "~"), str(""), str("\u00e9" + s), str(strings.ToUpper(s) + "A"), str(s + "\n" + s)}
	case value.Number:
		if hugeExponent(v.Text) {
			return nil
		}
		list := []value.Value{number("0"), number("-12345678901234567890"), number("0.1")}
		if !strings.ContainsAny(v.Text, ".eE") {
			list = append(list, number(v.Text+"0"), number(v.Text+".25"))
		}
		if v.Text[0] != '-' {
			list = append(list, number("-"+v.Text))
		}
		return list
	}
	return nil
}

// respelt returns integers that are written as others are not.
func respelt(v value.Value) []value.Value {
	if v.Kind != value.Number || strings.ContainsAny(v.Text, ".eE") {
		return nil
	}
	return []value.Value{number(v.Text + ".0"), number(v.Text + "e0"), number(v.Text + "e2")}
}
