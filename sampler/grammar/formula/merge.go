package formula

import "slices"

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
		if and {
			return mergeKey{op: c.op}, true
		}
		return mergeKey{op: c.op, a: c.ids[0]}, len(c.ids) == 1
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
	type slot struct {
		key mergeKey
		at  int
	}
	var small [16]slot
	seen := small[:0]
	var index map[mergeKey]int
	if len(flat) > len(small) {
		index = make(map[mergeKey]int, len(flat))
	}
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
	out, changed := flat, false
	for i, k := range flat {
		key, ok := sp.mergeKey(o, k)
		if ok {
			if j, found := find(key); found {
				if m, merged := sp.mergePair(o, out[j], k); merged {
					if !changed {
						out, changed = slices.Clone(flat[:i]), true
					}
					out[j] = m
					continue
				}
			} else if index != nil {
				index[key] = i
				if changed {
					index[key] = len(out)
				}
			} else {
				at := i
				if changed {
					at = len(out)
				}
				seen = append(seen, slot{key, at})
			}
		}
		if changed {
			out = append(out, k)
		}
	}
	return out, changed
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
		if !and {
			return sp.condProps(a.ids, []F{sp.Or(a.fs[0], b.fs[0])}), true
		}
		return sp.mergeProps(a, b), true
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

// mergeProps merges the tables of two condProps, each sorted by name.
func (sp *Space) mergeProps(a, b cond) Cond {
	ids := make([]int32, 0, len(a.ids)+len(b.ids))
	fs := make([]F, 0, cap(ids))
	i, j := 0, 0
	for i < len(a.ids) || j < len(b.ids) {
		switch {
		case j == len(b.ids) || i < len(a.ids) && a.ids[i] < b.ids[j]:
			ids, fs = append(ids, a.ids[i]), append(fs, a.fs[i])
			i++
		case i == len(a.ids) || b.ids[j] < a.ids[i]:
			ids, fs = append(ids, b.ids[j]), append(fs, b.fs[j])
			j++
		default:
			ids, fs = append(ids, a.ids[i]), append(fs, sp.And(a.fs[i], b.fs[j]))
			i, j = i+1, j+1
		}
	}
	return sp.condProps(ids, fs)
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
