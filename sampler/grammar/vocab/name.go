package vocab

import (
	"bytes"
	"slices"
)

// inName returns the tokens that s allows, which is in the name of a member,
// between two characters. Only what goes on to the member's value depends on
// more than the text.
func (k *Masks[S, L]) inName(s S, text L) *Set {
	set, ok := k.names[text]
	if !ok {
		set = k.nameSet(s, text)
	}
	k.ids = k.ids[:0]
	words, but, few := k.m.Remaining(text, maxWords)
	for _, d := range k.t.quoted.deep {
		if few && but == slices.Contains(words, string(d.head)) {
			continue // the name may not end there
		}
		if few && but && k.beyondAny(s, d) {
			continue
		}
		next, ok := text, true
		for _, b := range d.head {
			if next, ok = k.m.StepText(next, b); !ok {
				break
			}
		}
		if ok && k.m.Accepts(next) {
			k.beyondName(s, next, d)
		}
	}
	if len(k.ids) == 0 {
		return set
	}
	return &Set{dense: set.dense, ids: set.ids, more: slices.Clone(k.ids), lent: true}
}

// nameSet returns the tokens that are allowed in names with a text, of which s is
// one, but for those that go on to a value.
func (k *Masks[S, L]) nameSet(s S, text L) *Set {
	in, c := k.inText(text), k.closersOf(text)
	if anything := k.m.Anything(); c == k.closed[anything] && in == k.texts[anything] {
		if set, ok := k.names[anything]; ok {
			k.hold(entryMemory)
			k.names[text] = set
			return set
		}
	}
	k.ids = append(append(k.ids[:0], in.ids...), c.within...)
	if len(c.tokens) > 0 && (k.nameTails != nil || k.findNameTails(s, c.text, c.read)) {
		for _, t := range c.tokens {
			if k.nameTails[t.tail] {
				k.ids = append(k.ids, t.id)
			}
		}
	}
	set := k.t.union(in.dense, k.ids)
	k.keep(set)
	k.names[text] = set
	if anything := k.m.Anything(); c == k.closed[anything] && in == k.texts[anything] {
		k.names[anything] = set
	}
	return set
}

// findNameTails finds out which tails are allowed behind all names.
func (k *Masks[S, L]) findNameTails(s S, text L, read []byte) bool {
	if !k.known {
		next, ok := k.m.Close(s, read, text)
		if !ok {
			return false
		}
		k.behind, k.known = next, true
	}
	q := &k.t.quoted
	k.nameTails = make([]bool, len(q.tailText))
	for _, i := range q.colons {
		k.nameTails[i] = k.takes(k.behind, q.tailText[i])
	}
	return true
}

// takes reports that s allows bytes.
func (k *Masks[S, L]) takes(s S, bytes []byte) (ok bool) {
	ok = true
	for i := 0; i < len(bytes) && ok; i++ {
		s, ok = k.m.Step(s, bytes[i])
	}
	return ok
}

// beyondName appends to k.ids the tokens of d that are allowed, whose head leads
// to text.
func (k *Masks[S, L]) beyondName(s S, text L, d deepTokens) {
	next, ok := k.m.Close(s, d.head, text)
	if !ok {
		return
	}
	var deep *deepSet
	var behind S
	if colon, ok := k.m.Step(next, ':'); ok {
		var alone S
		if alone, behind, ok = k.m.Value(colon); ok {
			deep = k.deepOf(alone)
		}
	}
	for _, t := range d.tokens {
		tail := k.t.quoted.tailText[t.tail]
		switch {
		case deep == nil || tail[0] != ':':
			ok = k.takes(next, tail)
		case deep.allowed[t.tail] == beyondValue:
			ok = k.takes(behind, deep.rest[t.tail])
		default:
			ok = deep.allowed[t.tail] == withinValue
		}
		if ok {
			k.ids = append(k.ids, t.id)
		}
	}
}

// beyondAny is beyondName for names of which many are like this one. It reports
// false, and appends nothing, if this one is not.
func (k *Masks[S, L]) beyondAny(s S, d deepTokens) bool {
	alone, behind, ok := k.m.AnyMember(s, d.head)
	if !ok {
		return false
	}
	deep := k.deepOf(alone)
	from := len(k.ids)
	for _, t := range d.tokens {
		rest := deep.rest[t.tail]
		switch {
		case k.t.quoted.tailText[t.tail][0] != ':' || bytes.Count(rest, quote) > 1:
			k.ids = k.ids[:from]
			return false
		case deep.allowed[t.tail] == withinValue, deep.allowed[t.tail] == beyondValue && k.takes(behind, rest):
			k.ids = append(k.ids, t.id)
		}
	}
	return true
}

var quote, colon = []byte{'"'}, []byte{':'}

// tails returns the set of the tails that a state allows.
func (k *Masks[S, L]) tails(s S) []uint64 {
	if set, ok := k.behinds[s]; ok {
		return set
	}
	q := &k.t.quoted
	all := q.every
	if k.m.Outside(s) {
		all = q.outside
	}
	ids := k.ids
	k.ids = nil
	k.run(all, level[S, L]{at: atState, state: s})
	set := make([]uint64, (len(q.tailText)+63)/64)
	set[0] = 1
	for _, tail := range k.ids {
		set[tail>>6] |= 1 << (tail & 63)
	}
	k.ids = ids
	k.hold(entryMemory + 8*len(set))
	k.behinds[s] = set
	return set
}
