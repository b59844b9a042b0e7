package formula

import "slices"

// propagate simplifies the disjunctions of a conjunction by what its other atoms
// say of single members, as unit propagation does. With the value of "type" bound
// to a constant, "type is something else" is false and "type is not that other
// constant" says no more than that there is one. It is what makes variants that
// are told apart by a constant cheap, and their negations. What becomes of one
// disjunction tells of the next ones: chains are followed in one go, in the order of
// the conditions and against it.
func (sp *Space) propagate(flat []Cond) ([]Cond, bool) {
	var ctx context
	choices := false
	for _, k := range flat {
		switch c := &sp.conds[k]; c.op {
		case condOr:
			choices = true
		case condHas:
			choices = true
		case condProps:
			ctx.props = *c
		case condRequire:
			ctx.required = c.ids
		}
	}
	if !choices || ctx.props.ids == nil && ctx.required == nil {
		return flat, false
	}
	out, changed := slices.Clone(flat), false
	for forward, more := true, true; more; forward = !forward {
		more = false
		for n := range out {
			i := n
			if !forward {
				i = len(out) - 1 - n
			}
			k := out[i]
			if o := sp.conds[k].op; o != condOr && o != condHas {
				continue
			}
			if out[i] = sp.within(k, &ctx); out[i] == k {
				continue
			}
			if changed = true; out[i] == Never || !sp.sound() {
				return out, true
			}
			more = sp.extend(&ctx, out[i]) || more
		}
	}
	return out, changed
}

// extend adds what c says of members, which is simplified no more, to a context of
// the conjunction that it stands in. It reports whether that is anything new.
func (sp *Space) extend(x *context, c Cond) bool {
	if !x.own {
		x.props.ids, x.props.fs, x.required = slices.Clone(x.props.ids), slices.Clone(x.props.fs), slices.Clone(x.required)
		x.own = true
	}
	added := false
	switch a := sp.conds[c]; a.op {
	case condAnd:
		for _, k := range a.kids {
			added = sp.extend(x, k) || added
		}
	case condProps:
		for n, id := range a.ids {
			i, ok := slices.BinarySearch(x.props.ids, id)
			if !ok {
				x.props.ids = slices.Insert(x.props.ids, i, id)
				x.props.fs = slices.Insert(x.props.fs, i, fTrue)
			}
			x.props.fs[i] = sp.And(x.props.fs[i], a.fs[n])
		}
		added = true
	case condRequire:
		for _, id := range a.ids {
			if i, ok := slices.BinarySearch(x.required, id); !ok {
				x.required = slices.Insert(x.required, i, id)
			}
		}
		added = true
	}
	return added
}

// context is what a conjunction says of members.
type context struct {
	props    cond
	required []int32
	own      bool // the slices are no condition's
}

func (x *context) value(id int32) F {
	if i, ok := slices.BinarySearch(x.props.ids, id); ok {
		return x.props.fs[i]
	}
	return fTrue
}

// within is c simplified where the context holds.
func (sp *Space) within(c Cond, x *context) Cond {
	a := sp.conds[c]
	switch a.op {
	case condAnd, condOr:
		if !sp.spend(len(a.kids)) {
			return c
		}
		var kids []Cond
		for i, k := range a.kids {
			n := sp.within(k, x)
			if n != k && kids == nil {
				kids = slices.Clone(a.kids)
			}
			if kids != nil {
				kids[i] = n
			}
		}
		if kids == nil {
			return c
		}
		return sp.junction(a.op, kids)
	case condHas:
		f := x.value(a.ids[0])
		switch {
		case f == fTrue:
		case sp.apart(f, a.f):
			return Never
		case sp.inside(f, a.f):
			if contains(x.required, a.ids[0]) {
				return Always
			}
			return sp.condRequire(a.ids)
		}
	case condRequire:
		if slices.ContainsFunc(a.ids, func(id int32) bool { return contains(x.required, id) || x.value(id) == fFalse }) {
			var ids []int32
			for _, id := range a.ids {
				if x.value(id) == fFalse {
					return Never
				}
				if !contains(x.required, id) {
					ids = append(ids, id)
				}
			}
			return sp.condRequire(ids)
		}
	case condProps:
		return sp.propsWithin(c, a, x)
	}
	return c
}

// propsWithin drops what the context says already, and fails where a required
// member cannot have a value.
func (sp *Space) propsWithin(c Cond, a cond, x *context) Cond {
	drop := 0
	for i, id := range a.ids {
		f := x.value(id)
		switch {
		case f != fTrue && sp.inside(f, a.fs[i]):
			drop++
		case contains(x.required, id) && sp.apart(f, a.fs[i]):
			return Never
		}
	}
	if drop == 0 {
		return c
	}
	var ids []int32
	var fs []F
	for i, id := range a.ids {
		if f := x.value(id); f == fTrue || !sp.inside(f, a.fs[i]) {
			ids, fs = append(ids, id), append(fs, a.fs[i])
		}
	}
	return sp.condProps(ids, fs)
}

// pair is two formulas that were compared.
type pair struct{ f, g F }

// inside reports whether f is seen to be a subset of g. It looks at scalars, and
// at objects and arrays only as a whole: it may say no wrongly.
func (sp *Space) inside(f, g F) bool {
	if f == g || f == fFalse || g == fTrue {
		return true
	}
	return sp.compare(f, g, 0, func(a, b Content) bool {
		return a.Literals&^b.Literals == 0 &&
			(a.Object == Never || b.Object == Always || a.Object == b.Object) &&
			(a.Array == Never || b.Array == Always || a.Array == b.Array) &&
			sp.numberOp(0, a.Numbers, sp.numberOp(2, b.Numbers, b.Numbers)) == noNumbers &&
			sp.Regex.IsEmpty(sp.langOp(opAnd, a.Strings, sp.notLang(b.Strings)))
	})
}

// apart reports whether f and g are seen to have no value in common. It may say
// no wrongly.
func (sp *Space) apart(f, g F) bool {
	if f == fFalse || g == fFalse {
		return true
	}
	return sp.compare(f, g, 1, func(a, b Content) bool {
		return a.Literals&b.Literals == 0 &&
			(a.Object == Never || b.Object == Never) &&
			(a.Array == Never || b.Array == Never) &&
			sp.numberOp(0, a.Numbers, b.Numbers) == noNumbers &&
			sp.Regex.IsEmpty(sp.langOp(opAnd, a.Strings, b.Strings))
	})
}

// compare asks a question about the contents of two formulas once. Formulas that
// wait for a definition have none yet: the answer to them is no.
func (sp *Space) compare(f, g F, question int, ask func(a, b Content) bool) bool {
	if !sp.nodes[f].known || !sp.nodes[g].known {
		return false
	}
	k := pair{f, g}
	if yes, ok := sp.compared[question][k]; ok {
		return yes
	}
	if !sp.spend(4) {
		return false
	}
	yes := ask(sp.nodes[f].content, sp.nodes[g].content)
	if !sp.sound() {
		return false
	}
	if sp.compared[question] == nil {
		sp.compared[question] = map[pair]bool{}
	}
	sp.compared[question][k] = yes
	return yes
}
