package formula

import "slices"

// ending is a short way to end an object: the members of a solution, of which there
// are none if leaf is nil.
type ending struct {
	leaf   *leaf
	text   string
	others map[string]string // by the name of a member, the text of the others
}

// ending returns one behind the members of seen so that c holds.
func (sp *Space) ending(c Cond, seen *KeySet) *ending {
	if e, ok := sp.search.endings[endingKey{c, nil}]; ok {
		return e
	}
	k := endingKey{c, seen}
	if e, ok := sp.search.endings[k]; ok {
		return e
	}
	s := &solver{sp: sp, seen: seen, text: true}
	s.solve(c)
	e := &ending{leaf: s.last, text: s.best.text}
	if sp.sound() {
		if s.best.ok && s.best.firm {
			k.seen = nil
		}
		sp.search.endings[k] = e
	}
	return e
}

// behind returns the texts of the value of a member and of the others, with its name
// in place of key.
func (e *ending) behind(sp *Space, name, key string) (value, rest string, ok bool) {
	if e.leaf == nil {
		return "", "", false
	}
	first := slices.IndexFunc(e.leaf.chosen, func(m member) bool { return m.key == name })
	if first < 0 {
		return "", "", false
	}
	if value, ok = sp.value(e.leaf.chosen[first].value, true); !ok {
		return "", "", false
	}
	swap := -1
	if key != name {
		swap = slices.IndexFunc(e.leaf.chosen, func(m member) bool { return m.key == key })
	}
	rest, known := e.others[name]
	if known && swap < 0 {
		return value, rest, true
	}
	l := *e.leaf
	l.chosen = slices.Clone(l.chosen)
	if swap >= 0 {
		l.chosen[swap].key = name
	}
	l.chosen = slices.Delete(l.chosen, first, first+1)
	r := l.write()
	if swap < 0 && sp.sound() {
		if e.others == nil {
			e.others = map[string]string{}
		}
		e.others[name] = r.text
	}
	return value, r.text, r.ok
}

// Text returns short texts of a value for the member with a key that is not in seen,
// and of members behind it, after which c holds; rest is empty if none need follow. It
// does not need all alternatives.
func (p *Plan) Text(key string, seen *KeySet) (value, rest string, ok bool) {
	sp := p.sp
	e := sp.ending(p.cond, seen)
	if value, rest, ok = e.behind(sp, key, key); ok {
		return value, rest, sp.sound() // nothing is shorter
	}
	cl := p.class(key)
	if cl == nil {
		return "", "", false
	}
	id, named := sp.names[key]
	if named = named && p.byName[id] != nil; named {
		value, rest, ok = sp.ending(sp.condAnd(p.cond, sp.condRequire([]int32{id})), seen).behind(sp, key, key)
		return value, rest, ok && sp.sound()
	}
	if l := e.leaf; l != nil && !l.soft && l.admits(cl.key) {
		value, ok = sp.value(l.classValue(cl.key), true)
		return value, e.text, ok && sp.sound()
	}
	// The key changes places with one that is like it.
	name, ok := sp.Regex.Shortest(sp.Regex.Minus(cl.lang, seen.Lang()))
	if !ok {
		return "", "", false
	}
	e = sp.ending(sp.condAnd(p.cond, sp.condRequire([]int32{sp.nameID(name)})), seen)
	value, rest, ok = e.behind(sp, name, key)
	return value, rest, ok && sp.sound()
}
