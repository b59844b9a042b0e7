package formula

import (
	"encoding/binary"
	"slices"

	"orchrt/sampler/grammar/regex"
)

type condOp uint8

const (
	condNever condOp = iota
	condAlways
	condAnd
	condOr
	// objects
	condProps   // the member named ids[i], if there is one, has a value in fs[i]
	condEvery   // every member with a key in lang has a value in f
	condSome    // some member with a key in lang has a value in f; lang is not a single key
	condHas     // the member named ids[0] occurs and has a value in f
	condRequire // members named ids occur
	condMembers // between min and max members
	condExact   // the members are those named ids, with values in fs, which are Consts
	condDiffer  // they are not
	// arrays
	condEach    // items at index min to max are in f
	condSomeAt  // some item at an index from min to max is in f
	condAtLeast // at least min items are in f
	condAtMost  // at most max items are in f
	condItems   // between min and max items
	condUnique  // items differ from one another and from those before
	condRepeat  // two items are equal, or one is equal to one before
)

// cond is a condition: a junction of conditions, or an atom.
type cond struct {
	op       condOp
	compares bool // condUnique or condRepeat occurs in it
	closes   bool // it holds of what has no further members or items
	min, max int32
	lang     regex.Lang
	f        F
	ids      []int32 // ascending
	fs       []F
	kids     []Cond // condAnd, condOr: ascending
	not      Cond   // if it was asked for, else -1
}

// internCond returns the handle of c, whose slices it keeps.
func (sp *Space) internCond(c cond) Cond {
	k := append(sp.key[:0], byte(c.op))
	for _, x := range [...]int32{c.min, c.max, int32(c.lang), int32(c.f), int32(len(c.ids))} {
		k = binary.LittleEndian.AppendUint32(k, uint32(x))
	}
	for _, id := range c.ids {
		k = binary.LittleEndian.AppendUint32(k, uint32(id))
	}
	for _, f := range c.fs {
		k = binary.LittleEndian.AppendUint32(k, uint32(f))
	}
	for _, kid := range c.kids {
		k = binary.LittleEndian.AppendUint32(k, uint32(kid))
	}
	sp.key = k
	if id, ok := sp.condKeys[string(k)]; ok {
		return id
	}
	sp.spend(10 + (len(c.ids)+len(c.fs)+len(c.kids))/2)
	c.not = -1
	c.compares = c.op == condUnique || c.op == condRepeat
	for _, kid := range c.kids {
		c.compares = c.compares || sp.conds[kid].compares
	}
	c.closes = sp.closes(&c)
	id := Cond(len(sp.conds))
	sp.conds = append(sp.conds, c)
	sp.condKeys[string(k)] = id
	return id
}

// The constructors of atoms recognise what is always or never so, and keep one
// spelling for one meaning where that is cheap.

func (sp *Space) condProps(ids []int32, fs []F) Cond {
	keepIDs, keepFs := make([]int32, 0, len(ids)), make([]F, 0, len(ids))
	for i, f := range fs {
		if f != fTrue {
			keepIDs, keepFs = append(keepIDs, ids[i]), append(keepFs, f)
		}
	}
	if len(keepIDs) == 0 {
		return Always
	}
	return sp.internCond(cond{op: condProps, ids: keepIDs, fs: keepFs})
}

func (sp *Space) condEvery(l regex.Lang, f F) Cond {
	switch {
	case f == fTrue || l == sp.Regex.None():
		return Always
	case l == sp.Regex.All():
		if f == fFalse {
			return sp.condMembers(0, 0)
		}
	case sp.others[l] == nil:
		if id, ok := sp.single(l); ok {
			return sp.condProps([]int32{id}, []F{f})
		}
	}
	return sp.internCond(cond{op: condEvery, lang: l, f: f})
}

func (sp *Space) condSome(l regex.Lang, f F) Cond {
	switch {
	case f == fFalse || l == sp.Regex.None():
		return Never
	case l == sp.Regex.All():
		if f == fTrue {
			return sp.condMembers(1, Unbounded)
		}
	case sp.others[l] == nil:
		if id, ok := sp.single(l); ok {
			return sp.condHas(id, f)
		}
	}
	return sp.internCond(cond{op: condSome, lang: l, f: f})
}

func (sp *Space) condHas(id int32, f F) Cond {
	switch f {
	case fFalse:
		return Never
	case fTrue:
		return sp.condRequire([]int32{id})
	}
	return sp.internCond(cond{op: condHas, ids: []int32{id}, f: f})
}

func (sp *Space) condRequire(ids []int32) Cond {
	if len(ids) == 0 {
		return Always
	}
	return sp.internCond(cond{op: condRequire, ids: ids})
}

func (sp *Space) condExact(ids []int32, fs []F) Cond {
	return sp.internCond(cond{op: condExact, ids: ids, fs: fs})
}

func (sp *Space) condMembers(lo, hi int32) Cond { return sp.counted(condMembers, lo, hi) }
func (sp *Space) condItems(lo, hi int32) Cond   { return sp.counted(condItems, lo, hi) }

func (sp *Space) counted(o condOp, lo, hi int32) Cond {
	lo = max(lo, 0)
	switch {
	case hi >= 0 && lo > hi:
		return Never
	case hi < 0 && lo == 0:
		return Always
	}
	return sp.internCond(cond{op: o, min: lo, max: max(hi, Unbounded)})
}

func (sp *Space) condEach(from, to int32, f F) Cond {
	switch {
	case f == fTrue || to >= 0 && to < from:
		return Always
	case f == fFalse:
		return sp.condItems(0, from) // none after it either
	}
	return sp.internCond(cond{op: condEach, min: from, max: max(to, Unbounded), f: f})
}

func (sp *Space) condAtLeast(n int32, f F) Cond {
	switch {
	case n <= 0:
		return Always
	case f == fFalse:
		return Never
	case f == fTrue:
		return sp.condItems(n, Unbounded)
	}
	return sp.internCond(cond{op: condAtLeast, min: n, f: f})
}

func (sp *Space) condAtMost(n int32, f F) Cond {
	switch {
	case n < 0:
		return Never
	case f == fFalse:
		return Always
	case f == fTrue:
		return sp.condItems(0, n)
	case n == 0:
		return sp.condEach(0, Unbounded, sp.Not(f))
	}
	return sp.internCond(cond{op: condAtMost, max: n, f: f})
}

// condNot is the negation within the kind: of objects or of arrays.
func (sp *Space) condNot(c Cond) Cond {
	if n := sp.conds[c].not; n >= 0 {
		return n
	}
	if !sp.spend(2) {
		return Never
	}
	var n Cond
	switch a := sp.conds[c]; a.op {
	case condAnd, condOr:
		kids := make([]Cond, len(a.kids))
		for i, k := range a.kids {
			kids[i] = sp.condNot(k)
		}
		n = sp.junction(condAnd+condOr-a.op, kids)
	case condProps:
		var kids []Cond
		for i, id := range a.ids {
			kids = append(kids, sp.condHas(id, sp.Not(a.fs[i])))
		}
		n = sp.junction(condOr, kids)
	case condEvery:
		n = sp.condSome(a.lang, sp.Not(a.f))
	case condSome:
		n = sp.condEvery(a.lang, sp.Not(a.f))
	case condHas:
		n = sp.condProps(a.ids, []F{sp.Not(a.f)})
	case condRequire:
		var kids []Cond
		for _, id := range a.ids {
			kids = append(kids, sp.condProps([]int32{id}, []F{fFalse}))
		}
		n = sp.junction(condOr, kids)
	case condExact:
		n = sp.internCond(cond{op: condDiffer, ids: a.ids, fs: a.fs})
	case condDiffer:
		n = sp.condExact(a.ids, a.fs)
	case condMembers, condItems:
		n = sp.counted(a.op, 0, a.min-1)
		if a.min == 0 {
			n = Never
		}
		if a.max >= 0 {
			n = sp.condOr(n, sp.counted(a.op, a.max+1, Unbounded))
		}
	case condEach:
		n = sp.someItem(a.min, a.max, sp.Not(a.f))
	case condSomeAt:
		n = sp.condEach(a.min, a.max, sp.Not(a.f))
	case condAtLeast:
		n = sp.condAtMost(a.min-1, a.f)
	case condAtMost:
		n = sp.condAtLeast(a.max+1, a.f)
	case condUnique:
		n = sp.internCond(cond{op: condRepeat})
	case condRepeat:
		n = sp.internCond(cond{op: condUnique})
	}
	if sp.sound() {
		sp.conds[c].not = n
		if sp.conds[n].not < 0 {
			sp.conds[n].not = c
		}
	}
	return n
}

// someItem says that some item at an index from from to to is in f.
func (sp *Space) someItem(from, to int32, f F) Cond {
	switch {
	case f == fFalse || to >= 0 && to < from:
		return Never
	case f == fTrue:
		return sp.condItems(from+1, Unbounded)
	case from == 0 && to < 0:
		return sp.condAtLeast(1, f)
	}
	return sp.internCond(cond{op: condSomeAt, min: from, max: max(to, Unbounded), f: f})
}

func (sp *Space) condAnd(a, b Cond) Cond {
	switch {
	case a == b, b == Always, a == Never:
		return a
	case a == Always, b == Never:
		return b
	}
	return sp.junction(condAnd, []Cond{a, b})
}

func (sp *Space) condOr(a, b Cond) Cond {
	switch {
	case a == b, b == Never, a == Always:
		return a
	case a == Never, b == Always:
		return b
	}
	return sp.junction(condOr, []Cond{a, b})
}

// junction is the conjunction or disjunction of kids: flat, without repetition,
// with atoms of one sort merged.
func (sp *Space) junction(o condOp, kids []Cond) Cond {
	unit, zero := Always, Never
	if o == condOr {
		unit, zero = Never, Always
	}
	flat := make([]Cond, 0, len(kids)+4)
	for _, k := range kids {
		switch {
		case k == zero:
			return zero
		case k == unit:
		case sp.conds[k].op == o:
			flat = append(flat, sp.conds[k].kids...)
		default:
			flat = append(flat, k)
		}
	}
	flat = sortedSet(flat)
	if !sp.spend(4 + 2*len(flat)) {
		return Never
	}
	flat, changed := sp.mergeAtoms(o, flat)
	if changed {
		return sp.junction(o, flat)
	}
	for _, k := range flat {
		if n := sp.conds[k].not; n >= 0 && contains(flat, n) {
			return zero
		}
	}
	flat = sp.absorb(o, flat)
	switch len(flat) {
	case 0:
		return unit
	case 1:
		return flat[0]
	}
	if o == condOr {
		if c, ok := sp.factor(flat); ok {
			return c
		}
		return sp.internCond(cond{op: o, kids: flat})
	}
	c := sp.internCond(cond{op: o, kids: flat})
	if s, ok := sp.simpler[c]; ok {
		return s
	}
	s := c
	if out, ok := sp.propagate(flat); ok {
		s = sp.junction(condAnd, out)
	}
	if sp.sound() {
		sp.simpler[c] = s
	}
	return s
}

// absorb drops kids that another one makes redundant: a & (a | b), a | (a & b).
func (sp *Space) absorb(o condOp, flat []Cond) []Cond {
	dual := condAnd + condOr - o
	drop := func(k Cond) bool {
		c := &sp.conds[k]
		return c.op == dual && slices.ContainsFunc(c.kids, func(x Cond) bool { return contains(flat, x) })
	}
	for i, k := range flat {
		if drop(k) {
			out := slices.Clone(flat[:i])
			for _, k := range flat[i+1:] {
				if !drop(k) {
					out = append(out, k)
				}
			}
			return out
		}
	}
	return flat
}

// factor takes what all disjuncts have in common out of the disjunction.
func (sp *Space) factor(flat []Cond) (Cond, bool) {
	conjuncts := func(k Cond) []Cond {
		if c := &sp.conds[k]; c.op == condAnd {
			return c.kids
		}
		return []Cond{k}
	}
	common := slices.Clone(conjuncts(flat[0]))
	for _, k := range flat[1:] {
		ks := conjuncts(k)
		common = slices.DeleteFunc(common, func(x Cond) bool { return !contains(ks, x) })
		if len(common) == 0 {
			return 0, false
		}
	}
	rests := make([]Cond, len(flat))
	for i, k := range flat {
		rest := slices.DeleteFunc(slices.Clone(conjuncts(k)), func(x Cond) bool { return contains(common, x) })
		rests[i] = sp.junction(condAnd, rest)
	}
	return sp.junction(condAnd, append(common, sp.junction(condOr, rests))), true
}
