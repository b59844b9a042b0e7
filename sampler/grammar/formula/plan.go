package formula

import (
	"encoding/binary"
	"slices"

	"orchrt/sampler/grammar/regex"
)

// part is a language of keys, and which of some languages hold it; it is
// disjoint from the others.
type part struct {
	lang regex.Lang
	in   []bool
}

// split parts the keys that are not named in ids by langs. Those of the first few
// of langs, as many as without says, are left out.
func (sp *Space) split(ids []int32, langs []regex.Lang, without int) []part {
	in := make([]bool, len(langs))
	var todo []int
	for i, l := range langs {
		out, ok := sp.others[l]
		in[i] = l == sp.Regex.All() || ok && !slices.ContainsFunc(out, func(id int32) bool { return !contains(ids, id) })
		switch {
		case !in[i]:
			todo = append(todo, i)
		case i < without:
			return nil
		}
	}
	parts := []part{{sp.otherThan(ids), in}}
	for _, i := range todo {
		var next []part
		for _, p := range parts {
			if !sp.spend(8) {
				return nil
			}
			outside := sp.Regex.Minus(p.lang, langs[i])
			if i < without {
				if !sp.Regex.IsEmpty(outside) {
					next = append(next, part{outside, p.in})
				}
				continue
			}
			with := slices.Clone(p.in)
			with[i] = true
			inside := sp.Regex.Intersect(p.lang, langs[i])
			switch {
			case sp.Regex.IsEmpty(inside):
				next = append(next, p)
			case sp.Regex.IsEmpty(outside):
				next = append(next, part{p.lang, with})
			default:
				next = append(next, part{inside, with}, part{outside, p.in})
			}
		}
		parts = next
	}
	return parts
}

// class is a set of keys that a condition does not tell apart.
type class struct {
	lang  regex.Lang // keys without a name, or None
	names []int32
	key   keyClass // of its keys; of one with a name if they have names
	// open says whether such a key may come next: 1 yes, -1 no, 0 if that depends
	// on the keys seen.
	open int8
	// known says that the alternatives are, and many that there are too many of them
	// to be found before Member asks.
	known, many bool
	alts        []Alt // whose values exist
	// live says of each alternative whether what follows it can be satisfied, as
	// open does.
	live []int8
}

// Plan is what a condition on objects makes of every key.
type Plan struct {
	sp     *Space
	byName map[int32]*class
	parts  []*class // of the other keys, but for those that never may come
	others int      // the number of parts, and one if there are such keys
	named  []int32  // all names, ascending
	always regex.Lang
	depend []*class // whose state depends on the keys seen
	// plain is set where every alternative is open: the condition has no choice
	// in it and can be satisfied whatever was seen. Classes have no alternatives
	// then; Member finds them.
	plain bool
	cond  Cond
}

// Plan returns the plan of a condition on objects, which is made once.
func (sp *Space) Plan(c Cond) *Plan {
	if p, ok := sp.plans[c]; ok {
		return p
	}
	p := sp.makePlan(c)
	if sp.sound() {
		sp.plans[c] = p
	}
	return p
}

// mentions gathers the names and languages of c's atoms.
type mentions struct {
	ids    []int32
	langs  []regex.Lang
	tables []Cond // condProps
	// refused is how many of langs, the first ones, are those of keys that may not come.
	refused int
	owned   map[int32]bool
	// alone are names that no other is like, though what their members may be is the
	// same: they are taken out of a table behind theirs (see otherProps).
	alone map[int32]bool
}

// within is a condition in a disjunction or not.
type within struct {
	c      Cond
	choice bool
}

func (sp *Space) gather(c Cond, m *mentions, choice bool, done map[within]bool) {
	a := &sp.conds[c]
	switch a.op {
	case condAnd, condOr:
		if done[within{c, choice}] {
			return
		}
		done[within{c, choice}] = true
		for _, k := range a.kids {
			sp.gather(k, m, choice || a.op == condOr, done)
		}
	case condProps:
		m.ids = append(m.ids, a.ids...)
		if choice && len(a.ids) <= fewProps {
			for _, id := range a.ids {
				m.alone[id] = true
			}
		}
		if !slices.Contains(m.tables, c) {
			m.tables = append(m.tables, c)
		}
	case condHas, condRequire, condExact, condDiffer:
		m.ids = append(m.ids, a.ids...)
		for _, id := range a.ids {
			m.owned[id] = true
		}
	case condEvery, condSome:
		if out, ok := sp.others[a.lang]; ok {
			m.ids = append(m.ids, out...)
		}
		if !slices.Contains(m.langs, a.lang) {
			m.langs = append(m.langs, a.lang)
		}
	}
}

// refused returns the languages of keys that c allows no value for.
func (sp *Space) refused(c Cond) (langs []regex.Lang) {
	switch a := &sp.conds[c]; {
	case a.op == condAnd:
		for _, k := range a.kids {
			langs = append(langs, sp.refused(k)...)
		}
	case a.op == condEvery && a.f == fFalse:
		langs = append(langs, a.lang)
	}
	return langs
}

func (sp *Space) makePlan(c Cond) *Plan {
	m := &mentions{owned: map[int32]bool{}, alone: map[int32]bool{}}
	sp.gather(c, m, false, map[within]bool{})
	m.ids = sortedSet(m.ids)
	refused := sp.refused(c)
	m.langs = append(refused, slices.DeleteFunc(m.langs, func(l regex.Lang) bool { return slices.Contains(refused, l) })...)
	m.refused = len(refused)
	p := &Plan{sp: sp, cond: c, named: m.ids, byName: make(map[int32]*class, len(m.ids)), always: sp.Regex.None()}
	sp.spend(4 + 2*len(m.ids))
	if sp.plainPlan(p, m) {
		return p
	}
	p.byName = make(map[int32]*class, len(m.ids))
	groups := map[string]*class{}
	var order []*class
	for _, id := range m.ids {
		k := sp.signature(m, id)
		cl := groups[k]
		if cl == nil {
			cl = &class{lang: sp.Regex.None(), key: keyClass{name: id}}
			groups[k] = cl
			order = append(order, cl)
		}
		cl.names = append(cl.names, id)
		p.byName[id] = cl
	}
	for _, part := range sp.split(m.ids, m.langs, m.refused) {
		in := make(map[regex.Lang]bool, len(m.langs))
		for i, l := range m.langs {
			in[l] = part.in[i]
		}
		cl := &class{lang: part.lang, key: keyClass{name: -1, in: func(l regex.Lang) bool { return in[l] }}}
		order = append(order, cl)
		p.parts = append(p.parts, cl)
	}
	p.others = len(p.parts) + min(m.refused, 1)
	p.cover(order, m.owned)
	for _, cl := range order {
		if cl.open == 0 {
			p.depend = append(p.depend, cl)
		}
	}
	p.always = p.keys(func(cl *class) bool { return cl.open > 0 })
	return p
}

// cover finds out which classes may come. A solution of the condition shows it of
// many: its members may come in any order, and others beside them.
func (p *Plan) cover(classes []*class, owned map[int32]bool) {
	rest := slices.Clone(classes)
	wanted := func(id int32) bool { return owned[id] && p.byName[id].open == 0 }
	drop := func(l *leaf, firm bool) (useful, more bool) {
		before := len(rest)
		if firm {
			rest = slices.DeleteFunc(rest, func(cl *class) bool {
				if l.admits(cl.key) {
					cl.open = 1
				}
				return cl.open > 0
			})
		}
		return len(rest) < before, len(rest) > 0
	}
	p.sp.solutions(p.cond, wanted, drop)
	for len(rest) > 0 && p.sp.sound() {
		cl := rest[0]
		rest = rest[1:]
		if name := cl.key.name; owned[name] {
			// The condition still asks for this name somewhere, so it was not seen.
			ok := p.sp.solutions(p.sp.condAnd(p.cond, p.demand(cl, name)), wanted, func(l *leaf, firm bool) (useful, more bool) {
				if firm {
					cl.open = 1
				}
				drop(l, firm)
				return false, false
			})
			if !ok {
				cl.open = -1
			}
			continue
		}
		if p.find(cl, manyAlts); cl.many {
			cl.open = p.sp.ever(p.sp.condAnd(p.cond, p.demand(cl, cl.key.name)))
			continue
		}
		cl.open = -1
		for _, l := range cl.live {
			cl.open = max(cl.open, l)
		}
	}
}

// manyAlts is how many alternatives of a product are found before they are asked for.
const manyAlts = 64

// find finds the alternatives of a class, unless there are more than most in some
// product; most 0 is no bound.
func (p *Plan) find(cl *class, most int) {
	sp := p.sp
	alts, ok := sp.memberUpTo(p.cond, cl.key, most)
	if !ok {
		cl.many = true
		return
	}
	alts = sp.open(alts)
	live := make([]int8, len(alts))
	for i, a := range alts {
		live[i] = sp.ever(a.Rest)
	}
	cl.alts, cl.live, cl.known = alts, live, sp.sound()
}

// demand is the condition that an object has a member with the name, or where that
// is -1, with any key of the class.
func (p *Plan) demand(cl *class, name int32) Cond {
	if name >= 0 {
		return p.sp.condRequire([]int32{name})
	}
	return p.sp.condSome(cl.lang, fTrue)
}

// may reports whether a key of a class may come behind those of seen.
func (p *Plan) may(cl *class, key string, seen *KeySet) bool {
	if cl.known {
		return len(p.pick(cl, seen.With(key))) > 0
	}
	name := int32(-1)
	if len(cl.names) > 0 {
		name = p.sp.names[key]
	}
	return p.sp.membersOf(p.sp.condAnd(p.cond, p.demand(cl, name)), seen, false).ok
}

// plainPlan makes the plan of a conjunction of condProps, condEvery, condRequire
// and condMembers, which holds for some members whatever was seen. It reports
// false for others. A key is open then if its value exists, and something may
// follow: that is so after a member that is required anyway, and else needs to be
// found out only once.
func (sp *Space) plainPlan(p *Plan, m *mentions) bool {
	kids := []Cond{p.cond}
	if sp.conds[p.cond].op == condAnd {
		kids = sp.conds[p.cond].kids
	}
	var every []cond
	var required []int32
	lo, hi := int32(0), int32(Unbounded)
	for _, k := range kids {
		switch a := sp.conds[k]; a.op {
		case condAlways, condProps:
		case condEvery:
			every = append(every, a)
		case condRequire:
			required = a.ids
		case condMembers:
			lo, hi = a.min, a.max
		default:
			return false
		}
	}
	if lo > 0 && lo > int32(len(required)) || hi >= 0 || sp.ever(p.cond) != 1 {
		return false
	}
	m.owned = nil
	live := map[string]bool{}
	open := make([]int32, 0, len(m.ids))
	cl := &class{}
	for _, id := range m.ids {
		k := sp.signature(m, id)
		ok, known := live[k]
		if !known {
			fs := make([]F, 0, 4)
			for _, t := range m.tables {
				if i, ok := slices.BinarySearch(sp.conds[t].ids, id); ok {
					fs = append(fs, sp.conds[t].fs[i])
				}
			}
			for _, e := range every {
				if sp.nameIn(e.lang, id) {
					fs = append(fs, e.f)
				}
			}
			_, ok = sp.value(sp.And(fs...), false)
			live[k] = ok
		}
		if ok {
			open = append(open, id)
			p.byName[id] = cl
		} else {
			p.byName[id] = &class{}
		}
	}
	parts := sp.split(m.ids, m.langs, m.refused)
	var langs []regex.Lang
	for _, part := range parts {
		in := make(map[regex.Lang]bool, len(m.langs))
		for i, l := range m.langs {
			in[l] = part.in[i]
		}
		fs := make([]F, 0, 4)
		for _, e := range every {
			if in[e.lang] {
				fs = append(fs, e.f)
			}
		}
		if _, ok := sp.value(sp.And(fs...), false); ok {
			langs = append(langs, part.lang)
		}
		p.parts = append(p.parts, &class{lang: part.lang, key: keyClass{name: -1, in: func(l regex.Lang) bool { return in[l] }}})
	}
	p.plain = true
	p.others = len(p.parts) + min(m.refused, 1)
	p.always = sp.join(open, m.ids, langs, p.others)
	return true
}

// join is the union of the names of in and of langs, which are disjoint from all
// names and are all of the others if there are as many as parts.
func (sp *Space) join(in, all []int32, langs []regex.Lang, parts int) regex.Lang {
	switch {
	case len(langs) == 0:
		return sp.literals(in)
	case len(langs) == parts:
		out := make([]int32, 0, len(all)-len(in))
		for _, id := range all {
			if !contains(in, id) {
				out = append(out, id)
			}
		}
		return sp.otherThan(out)
	case len(in) > 0:
		langs = append(langs, sp.literals(in))
	}
	return sp.Regex.Union(langs...)
}

// signature is equal for names that no atom tells apart.
func (sp *Space) signature(m *mentions, id int32) string {
	var k []byte
	if m.owned[id] || m.alone[id] {
		k = binary.LittleEndian.AppendUint32(append(k, 'n'), uint32(id))
	}
	for _, t := range m.tables {
		a := &sp.conds[t]
		f := fTrue
		if i, ok := slices.BinarySearch(a.ids, id); ok {
			f = a.fs[i]
		}
		k = binary.LittleEndian.AppendUint32(k, uint32(f))
	}
	for _, l := range m.langs {
		if sp.nameIn(l, id) {
			k = append(k, 1)
		} else {
			k = append(k, 0)
		}
	}
	return string(k)
}

// open keeps the alternatives whose values exist.
func (sp *Space) open(alts []Alt) []Alt {
	return slices.DeleteFunc(alts, func(a Alt) bool {
		_, ok := sp.value(a.Value, false)
		return !ok
	})
}

// ever says whether members can follow so that c holds: 1 yes, -1 no, 0 if that
// depends on the keys that the object has.
func (sp *Space) ever(c Cond) int8 {
	switch r := sp.membersOf(c, sp.NoKeys(), false); {
	case !r.ok:
		return -1
	case r.firm:
		return 1
	}
	return 0
}

// keys is the union of the classes picked.
func (p *Plan) keys(pick func(*class) bool) regex.Lang {
	sp := p.sp
	var in []int32
	for _, id := range p.named {
		if pick(p.byName[id]) {
			in = append(in, id)
		}
	}
	var langs []regex.Lang
	for _, cl := range p.parts {
		if pick(cl) {
			langs = append(langs, cl.lang)
		}
	}
	return sp.join(in, p.named, langs, p.others)
}

// Keys is the language of the keys that may come next in an object that has the
// members of seen.
func (p *Plan) Keys(seen *KeySet) regex.Lang {
	sp := p.sp
	l := p.always
	if len(p.depend) > 0 {
		open := map[*class]bool{}
		var names []int32
		for _, cl := range p.depend {
			for _, id := range cl.names {
				if key := sp.nameText[id]; !seen.Has(key) && p.may(cl, key, seen) {
					names = append(names, id)
				}
			}
			if len(cl.names) > 0 {
				continue
			}
			key, ok := sp.Regex.Shortest(sp.Regex.Minus(cl.lang, seen.Lang()))
			open[cl] = ok && p.may(cl, key, seen)
		}
		l = sp.Regex.Union(l, p.keys(func(cl *class) bool { return open[cl] }), sp.literals(names))
	}
	return sp.without(l, seen)
}

// pick returns the alternatives of a class after which c can still hold, given
// the keys seen with the new one.
func (p *Plan) pick(cl *class, seen *KeySet) []Alt {
	if !slices.Contains(cl.live, 0) && !slices.Contains(cl.live, -1) {
		return cl.alts
	}
	var out []Alt
	for i, a := range cl.alts {
		ok := cl.live[i] > 0
		if cl.live[i] == 0 {
			ok = p.sp.membersOf(a.Rest, seen, false).ok
		}
		if ok {
			out = append(out, a)
		}
	}
	return out
}

// Unnamed returns the number of the class of a key that the condition does not
// name, if what Member returns for it is the same for all keys of that class
// whatever was seen.
func (p *Plan) Unnamed(key string) (class int, ok bool) {
	if id, named := p.sp.names[key]; named && p.byName[id] != nil {
		return 0, false
	}
	for i, cl := range p.parts {
		if p.others > 1 && !p.sp.Regex.Matches(cl.lang, key) {
			continue
		}
		if !p.plain && !cl.known && !cl.many {
			p.find(cl, manyAlts)
		}
		return i, p.plain || cl.known && !slices.Contains(cl.live, 0)
	}
	return 0, false
}

// Endless reports that, whatever was seen, all but finitely many keys may come
// next.
func (p *Plan) Endless() bool {
	return len(p.depend) == 0 && (p.always == p.sp.Regex.All() || p.sp.others[p.always] != nil)
}

// Member returns the alternatives for a member with the given key, which is not
// in seen: those whose value exists and after which c can still hold. The slice
// is not to be changed.
func (p *Plan) Member(key string, seen *KeySet) []Alt {
	cl := p.class(key)
	if cl == nil {
		return nil
	}
	if p.plain {
		k := cl.key
		if id, ok := p.sp.names[key]; ok && p.byName[id] != nil {
			k.name = id
		}
		return p.sp.open(p.sp.member(p.cond, k))
	}
	if !cl.known {
		p.find(cl, 0)
	}
	if !slices.Contains(cl.live, 0) {
		return p.pick(cl, nil)
	}
	return p.pick(cl, seen.With(key))
}

// Chooses reports that the condition has choices in it, so that Member may be much
// work.
func (p *Plan) Chooses() bool { return !p.plain }

func (p *Plan) class(key string) *class {
	if id, ok := p.sp.names[key]; ok {
		if cl, ok := p.byName[id]; ok {
			return cl
		}
	}
	if p.others == 1 && len(p.parts) == 1 {
		return p.parts[0] // all keys without a name
	}
	for _, cl := range p.parts {
		if p.sp.Regex.Matches(cl.lang, key) {
			return cl
		}
	}
	return nil
}
