package formula

import (
	"cmp"
	"slices"
)

// mergeKey says which atoms of one junction can become one.
type mergeKey struct {
	op   condOp
	a, b int32
}

// key returns the mergeKey of an atom in a conjunction or disjunction.
func (sp *Space) mergeKey(o condOp, k Cond) (mergeKey, bool) {
	c := &sp.conds[k]
	and := o == condAnd
	switch c.op {
	case condProps:
		return mergeKey{op: c.op, a: c.ids[0]}, !and && len(c.ids) == 1
	case condRequire:
		return mergeKey{op: c.op}, and
	case condMembers, condItems:
		return mergeKey{op: c.op}, true
	case condEvery:
		return mergeKey{op: c.op, a: int32(c.lang)}, and
	case condSome:
		return mergeKey{op: c.op, a: int32(c.lang)}, !and
	case condHas:
		return mergeKey{op: c.op, a: c.ids[0]}, true
	case condEach:
		return mergeKey{op: c.op, a: c.min, b: c.max}, and || c.min == c.max
	case condSomeAt:
		return mergeKey{op: c.op, a: c.min, b: c.max}, !and || c.min == c.max
	case condAtLeast, condAtMost:
		return mergeKey{op: c.op, a: int32(c.f)}, true
	}
	return mergeKey{}, false
}

// mergeAtoms merges atoms of a flat junction pairwise and reports whether it
// changed anything.
func (sp *Space) mergeAtoms(o condOp, flat []Cond) ([]Cond, bool) {
	if len(flat) < 2 {
		return flat, false
	}
	if o == condAnd {
		if out, ok := sp.mergeProps(flat); ok {
			return out, true
		}
	}
	type slot struct {
		key mergeKey
		at  int
	}
	var room [16]slot
	seen := room[:0]
	var index map[mergeKey]int // of seen, where that is long
	find := func(k mergeKey) (int, bool) {
		if index != nil {
			i, ok := index[k]
			return i, ok
		}
		for _, s := range seen {
			if s.key == k {
				return s.at, true
			}
		}
		return 0, false
	}
	put := func(k mergeKey, at int) {
		if index == nil && len(seen) == len(room) {
			index = make(map[mergeKey]int, len(flat))
			for _, s := range seen {
				index[s.key] = s.at
			}
		}
		if index != nil {
			index[k] = at
			return
		}
		seen = append(seen, slot{k, at})
	}
	out, changed := flat, false
	for i, k := range flat {
		key, ok := sp.mergeKey(o, k)
		if ok {
			if j, found := find(key); found && sp.isStill(o, out[j], key) {
				if m, merged := sp.mergePair(o, out[j], k); merged {
					if !changed {
						out, changed = slices.Clone(flat[:i]), true
					}
					out[j] = m
					continue
				}
			} else if changed {
				put(key, len(out))
			} else {
				put(key, i)
			}
		}
		if changed {
			out = append(out, k)
		}
	}
	return out, changed
}

// isStill reports whether a merged atom is of the sort that it was made from.
func (sp *Space) isStill(o condOp, k Cond, key mergeKey) bool {
	now, ok := sp.mergeKey(o, k)
	return ok && now == key
}

// mergePair returns the one condition that two atoms with equal keys are.
func (sp *Space) mergePair(o condOp, j, k Cond) (Cond, bool) {
	a, b := sp.conds[j], sp.conds[k]
	and := o == condAnd
	junct := sp.Or
	if and {
		junct = sp.And
	}
	switch a.op {
	case condProps:
		return sp.condProps(a.ids, []F{sp.Or(a.fs[0], b.fs[0])}), true
	case condRequire:
		return sp.condRequire(sortedSet(append(slices.Clone(a.ids), b.ids...))), true
	case condMembers, condItems:
		return sp.mergeCounts(and, a, b)
	case condEvery:
		return sp.condEvery(a.lang, sp.And(a.f, b.f)), true
	case condSome:
		return sp.condSome(a.lang, sp.Or(a.f, b.f)), true
	case condHas:
		return sp.condHas(a.ids[0], junct(a.f, b.f)), true
	case condEach:
		return sp.condEach(a.min, a.max, junct(a.f, b.f)), true
	case condSomeAt:
		return sp.someItem(a.min, a.max, junct(a.f, b.f)), true
	case condAtLeast:
		if and == (a.min > b.min) {
			return j, true
		}
		return k, true
	default: // condAtMost
		if and == (a.max < b.max) {
			return j, true
		}
		return k, true
	}
}

// mergeProps replaces the tables of a conjunction by one.
func (sp *Space) mergeProps(flat []Cond) ([]Cond, bool) {
	tables, n := 0, 0
	for _, k := range flat {
		if c := &sp.conds[k]; c.op == condProps {
			tables++
			n += len(c.ids)
		}
	}
	if tables < 2 {
		return flat, false
	}
	type entry struct {
		id int32
		f  F
	}
	all, rest := make([]entry, 0, n), make([]Cond, 0, len(flat))
	for _, k := range flat {
		c := &sp.conds[k]
		if c.op != condProps {
			rest = append(rest, k)
			continue
		}
		for i, id := range c.ids {
			all = append(all, entry{id, c.fs[i]})
		}
	}
	slices.SortStableFunc(all, func(a, b entry) int { return cmp.Compare(a.id, b.id) })
	ids, fs := make([]int32, 0, n), make([]F, 0, n)
	for i := 0; i < len(all); {
		j := i + 1
		for j < len(all) && all[j].id == all[i].id {
			j++
		}
		f := all[i].f
		if j > i+1 {
			same := make([]F, 0, j-i)
			for _, e := range all[i:j] {
				same = append(same, e.f)
			}
			f = sp.And(same...)
		}
		ids, fs = append(ids, all[i].id), append(fs, f)
		i = j
	}
	return append(rest, sp.condProps(ids, fs)), true
}

// mergeCounts intersects two ranges, or unites them where that is a range.
func (sp *Space) mergeCounts(and bool, a, b cond) (Cond, bool) {
	hi := func(c cond) int64 {
		if c.max < 0 {
			return 1 << 40
		}
		return int64(c.max)
	}
	if and {
		m := min(hi(a), hi(b))
		if m == 1<<40 {
			m = Unbounded
		}
		return sp.counted(a.op, max(a.min, b.min), int32(m)), true
	}
	if int64(a.min) > hi(b)+1 || int64(b.min) > hi(a)+1 {
		return 0, false
	}
	m := max(hi(a), hi(b))
	if m == 1<<40 {
		m = Unbounded
	}
	return sp.counted(a.op, min(a.min, b.min), int32(m)), true
}
