package formula

import (
	"slices"
	"sort"
	"strings"

	"orchrt/sampler/grammar/regex"
)

// leaf is a conjunction of atoms taken apart.
type leaf struct {
	*solver
	props  cond
	every  []cond
	somes  []cond
	lo, hi int32
	chosen []member
	parts  []part  // of keys that may come, have no name in props or extra and were not required
	extra  []int32 // names that only languages tell from other keys
	parted bool
	soft   bool // the solution used keys that are not required
	scarce bool // and there may be too few of them
	fixed  bool // with other members than those chosen it may be none
}

// admits reports that members with a key of k may be added to those chosen, if there
// are none among them.
func (l *leaf) admits(k keyClass) bool {
	if k.name >= 0 && slices.ContainsFunc(l.chosen, func(m member) bool { return m.name == k.name }) {
		return true
	}
	if l.fixed || l.hi >= 0 && len(l.chosen) >= int(l.hi) {
		return false
	}
	if k.name >= 0 {
		return l.live(l.valueOf(k.name))
	}
	return l.live(l.classValue(k))
}

// classValue is what a member with a key of a class without names must satisfy.
func (l *leaf) classValue(k keyClass) F {
	fs := make([]F, 0, len(l.every))
	for _, e := range l.every {
		if k.in(e.lang) {
			fs = append(fs, e.f)
		}
	}
	return l.sp.And(fs...)
}

type member struct {
	key   string
	name  int32 // -1 for a key without a name
	part  int   // index of its part if it has no name
	value F
}

// leaf solves a conjunction of atoms. It returns a condDiffer that the solution may
// not satisfy, if there is one.
func (s *solver) leaf(atoms []Cond) (l *leaf, r found, open Cond) {
	l = &leaf{solver: s, hi: Unbounded}
	s.sp.spend(30 + 4*len(atoms))
	need := map[int32]F{}
	var order []int32
	var differ []Cond
	require := func(id int32, f F) {
		if _, ok := need[id]; !ok {
			order = append(order, id)
			need[id] = fTrue
		}
		need[id] = s.sp.And(need[id], f)
	}
	for _, k := range atoms {
		switch a := s.sp.conds[k]; a.op {
		case condProps:
			l.props = a
		case condEvery:
			l.every = append(l.every, a)
		case condSome:
			l.somes = append(l.somes, a)
		case condHas:
			require(a.ids[0], a.f)
		case condRequire:
			for _, id := range a.ids {
				require(id, fTrue)
			}
		case condMembers:
			l.count(a.min, a.max)
		case condExact:
			if !s.sp.spend(10 * len(a.ids)) {
				return l, found{}, 0
			}
			for i, id := range a.ids {
				require(id, a.fs[i])
			}
			l.count(int32(len(a.ids)), int32(len(a.ids)))
		case condDiffer:
			differ = append(differ, k)
		}
	}
	if l.hi >= 0 && (len(order) > int(l.hi) || l.lo > l.hi) {
		return l, found{}, 0
	}
	slices.Sort(order)
	for _, id := range order {
		key := s.sp.nameText[id]
		if s.seen.Has(key) {
			s.rejected = true
			return l, found{}, 0
		}
		f := s.sp.And(l.valueOf(id), need[id])
		if _, ok := s.sp.value(f, s.text); !ok {
			return l, found{}, 0
		}
		l.chosen = append(l.chosen, member{key: key, name: id, value: f})
	}
	if !l.satisfy(0) {
		return l, found{}, 0
	}
	l.fixed = len(differ) > 0
	for _, d := range differ {
		if !l.differs(s.sp.conds[d]) {
			return l, l.write(), d
		}
	}
	return l, l.write(), 0
}

// count narrows the number of members.
func (l *leaf) count(lo, hi int32) {
	l.lo = max(l.lo, lo)
	if hi >= 0 && (l.hi < 0 || hi < l.hi) {
		l.hi = hi
	}
}

// differs reports whether the members that were chosen are not all of those of d,
// or more, or have a value that d does not.
func (l *leaf) differs(d cond) bool {
	if len(l.chosen) != len(d.ids) {
		return true
	}
	return slices.ContainsFunc(l.chosen, func(m member) bool {
		id, ok := l.sp.names[m.key]
		i, found := slices.BinarySearch(d.ids, id)
		return !ok || !found || l.sp.apart(m.value, d.fs[i])
	})
}

// valueOf is what the member named id must satisfy.
func (l *leaf) valueOf(id int32) F {
	fs := make([]F, 0, 1+len(l.every))
	if i, ok := slices.BinarySearch(l.props.ids, id); ok {
		fs = append(fs, l.props.fs[i])
	}
	for _, e := range l.every {
		if l.sp.nameIn(e.lang, id) {
			fs = append(fs, e.f)
		}
	}
	return l.sp.And(fs...)
}

// split makes the parts of the keys that are neither named nor required.
func (l *leaf) split() {
	if l.parted {
		return
	}
	l.parted = true
	ids := slices.Clone(l.props.ids)
	for _, m := range l.chosen {
		ids = append(ids, m.name)
	}
	ids = sortedSet(ids)
	// Where there can be no value, nothing else matters.
	refused := func(e cond) bool { return e.f == fFalse }
	some := slices.DeleteFunc(slices.Clone(l.every), refused)
	none := len(l.every) - len(some)
	l.every = append(slices.DeleteFunc(l.every, func(e cond) bool { return !refused(e) }), some...)
	langs := make([]regex.Lang, 0, len(l.every)+len(l.somes))
	for _, e := range slices.Concat(l.every, l.somes) {
		langs = append(langs, e.lang)
		for _, id := range l.sp.others[e.lang] {
			if !contains(ids, id) {
				l.extra = append(l.extra, id)
			}
		}
	}
	l.extra = sortedSet(l.extra)
	ids = append(ids, l.extra...)
	l.parts = l.sp.split(sortedSet(ids), langs, none)
}

// partValue is what a member with a key of the part must satisfy.
func (l *leaf) partValue(p part) F {
	fs := make([]F, 0, len(l.every))
	for i, e := range l.every {
		if p.in[i] {
			fs = append(fs, e.f)
		}
	}
	return l.sp.And(fs...)
}

// satisfy finds a member for each of somes from i on, then enough members.
func (l *leaf) satisfy(i int) bool {
	if !l.sp.spend(2) {
		return false
	}
	if i == len(l.somes) {
		return l.fill()
	}
	l.split()
	some := l.somes[i]
	for j := range l.chosen {
		m := l.chosen[j]
		in := m.name < 0 && l.parts[m.part].in[len(l.every)+i] || m.name >= 0 && l.sp.nameIn(some.lang, m.name)
		if !in {
			continue
		}
		if l.use(j, member{m.key, m.name, m.part, l.sp.And(m.value, some.f)}, i) {
			return true
		}
	}
	if l.hi >= 0 && len(l.chosen) >= int(l.hi) {
		return false
	}
	n := len(l.chosen)
	if l.useNamed(l.props.ids, i) {
		return true
	}
	for p, part := range l.parts {
		if !part.in[len(l.every)+i] {
			continue
		}
		f := l.sp.And(l.partValue(part), some.f)
		if _, ok := l.sp.value(f, l.text); !ok {
			continue
		}
		keys := l.unused(part)
		if key, ok := l.sp.Regex.Shortest(keys); ok {
			l.scarce = l.scarce || !l.sp.infinite(part.lang)
			if l.use(n, member{key: key, name: -1, part: p, value: f}, i) {
				return true
			}
		}
	}
	return l.useNamed(l.extra, i)
}

// useNamed tries a new member with one of the names for somes[i] and goes on.
func (l *leaf) useNamed(ids []int32, i int) bool {
	some := l.somes[i]
	for _, id := range ids {
		if !l.sp.nameIn(some.lang, id) || !l.free(l.sp.nameText[id]) {
			continue
		}
		l.scarce = true
		if l.use(len(l.chosen), member{key: l.sp.nameText[id], name: id, value: l.sp.And(l.valueOf(id), some.f)}, i) {
			return true
		}
	}
	return false
}

// use puts m in place j for somes[i] and goes on; it undoes that on failure.
func (l *leaf) use(j int, m member, i int) bool {
	if _, ok := l.sp.value(m.value, l.text); !ok {
		return false
	}
	saved := l.chosen
	l.chosen = slices.Clone(saved)
	if j == len(saved) {
		l.chosen = append(l.chosen, m)
		l.soft = true
	} else {
		l.chosen[j] = m
	}
	if l.satisfy(i + 1) {
		return true
	}
	l.chosen = saved
	return false
}

// free reports whether a key was neither seen nor chosen.
func (l *leaf) free(key string) bool {
	if l.seen.Has(key) {
		l.rejected = true
		return false
	}
	return !slices.ContainsFunc(l.chosen, func(m member) bool { return m.key == key })
}

// unused is the part without the keys that were seen or chosen.
func (l *leaf) unused(p part) regex.Lang {
	var used []string
	for _, k := range l.seen.keys {
		if l.sp.Regex.Matches(p.lang, k) {
			used = append(used, k)
			l.rejected = true
		}
	}
	for _, m := range l.chosen {
		if m.name < 0 && l.sp.Regex.Matches(p.lang, m.key) {
			used = append(used, m.key)
		}
	}
	if used == nil {
		return p.lang
	}
	slices.Sort(used)
	return l.sp.Regex.Minus(p.lang, l.sp.Regex.Literals(used))
}

// fill chooses members until there are enough, the shortest ones first among
// those that have names.
func (l *leaf) fill() bool {
	missing := int(l.lo) - len(l.chosen)
	if missing <= 0 {
		return true
	}
	if !l.sp.spend(missing) {
		return false
	}
	l.split()
	l.soft = true
	named := l.liveNamed(l.props.ids)
	endless := l.endless()
	if !endless {
		l.scarce = true
	} else if !l.text {
		return true
	}
	if l.text {
		sort.SliceStable(named, func(i, j int) bool { return l.length(named[i]) < l.length(named[j]) })
	}
	if len(named) > missing {
		named = named[:missing]
	}
	l.chosen = append(slices.Clone(l.chosen), named...)
	missing -= len(named)
	for p, part := range l.parts {
		f := l.partValue(part)
		if missing == 0 || !l.live(f) {
			continue
		}
		keys := l.unused(part)
		for missing > 0 && l.sp.spend(4) {
			key, ok := l.sp.Regex.Shortest(keys)
			if !ok {
				break
			}
			l.chosen = append(l.chosen, member{key: key, name: -1, part: p, value: f})
			keys = l.sp.Regex.Minus(keys, l.sp.Regex.Literal(key))
			missing--
		}
	}
	if missing > 0 {
		named = l.liveNamed(l.extra)
		named = named[:min(missing, len(named))]
		l.chosen = append(l.chosen, named...)
		missing -= len(named)
	}
	return missing == 0
}

// liveNamed returns the members that there may be with the names besides those that
// were chosen.
func (l *leaf) liveNamed(ids []int32) (named []member) {
	for _, id := range ids {
		if key := l.sp.nameText[id]; l.free(key) {
			if f := l.valueOf(id); l.live(f) {
				named = append(named, member{key: key, name: id, value: f})
			}
		}
	}
	return named
}

func (l *leaf) live(f F) bool {
	_, ok := l.sp.value(f, l.text)
	return ok
}

// endless reports whether some part has any number of keys.
func (l *leaf) endless() bool {
	for _, p := range l.parts {
		if l.live(l.partValue(p)) && l.sp.infinite(p.lang) {
			return true
		}
	}
	return false
}

func (l *leaf) length(m member) int {
	text, _ := l.sp.value(m.value, true)
	return len(quote(m.key)) + len(text)
}

// write returns the members that were chosen.
func (l *leaf) write() found {
	if !l.text {
		return found{ok: true, firm: !l.scarce}
	}
	var b strings.Builder
	for i, m := range l.chosen {
		text, ok := l.sp.value(m.value, true)
		if !ok {
			return found{} // out of budget: it had one when it was chosen
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quote(m.key))
		b.WriteString(": ")
		b.WriteString(text)
		if !l.sp.spend(1+len(text)/32) || b.Len() > maxText && !l.sp.fits(b.Len()) {
			return found{}
		}
	}
	return found{ok: true, firm: !l.soft, text: b.String()}
}
