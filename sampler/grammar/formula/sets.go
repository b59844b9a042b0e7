package formula

import (
	"cmp"
	"encoding/binary"
	"slices"

	"orchrt/sampler/grammar/number"
	"orchrt/sampler/grammar/regex"
)

// sortedSet sorts s in place and drops repetitions.
func sortedSet[T cmp.Ordered](s []T) []T {
	if len(s) > 1 {
		slices.Sort(s)
		s = slices.Compact(s)
	}
	return s
}

// contains searches a sorted slice.
func contains[T cmp.Ordered](s []T, x T) bool {
	_, ok := slices.BinarySearch(s, x)
	return ok
}

// numberID interns a set of numbers. One that could not be kept exactly makes the
// Space fail.
func (sp *Space) numberID(s number.Set) int32 {
	if err := s.Err(); err != nil {
		sp.fail(err)
		return noNumbers
	}
	if s.IsEmpty() {
		return noNumbers
	}
	k := s.Key()
	if id, ok := sp.numberIDs[k]; ok {
		return id
	}
	id := int32(len(sp.numbers))
	sp.numbers = append(sp.numbers, s)
	sp.numberIDs[k] = id
	return id
}

// NumberSet returns the set of a handle in a Content.
func (sp *Space) NumberSet(id int32) number.Set { return sp.numbers[id] }

// numberOp intersects (0), unites (1) or complements (2) sets of numbers.
func (sp *Space) numberOp(op, a, b int32) int32 {
	switch {
	case op == 2 && a <= allNumbers:
		return allNumbers - a
	case op != 2 && a == b:
		return a
	case op == 0 && (a == noNumbers || b == allNumbers), op == 1 && (a == allNumbers || b == noNumbers):
		return a
	case op == 0 && (b == noNumbers || a == allNumbers), op == 1 && (b == allNumbers || a == noNumbers):
		return b
	}
	k := [3]int32{op, min(a, b), max(a, b)}
	if id, ok := sp.numberOps[k]; ok {
		return id
	}
	if !sp.spend(8 + 10*(sp.numbers[a].Weight()+sp.numbers[b].Weight())) {
		return noNumbers
	}
	var s number.Set
	switch op {
	case 0:
		s = sp.numbers[a].Intersect(sp.numbers[b])
	case 1:
		s = sp.numbers[a].Union(sp.numbers[b])
	default:
		s = sp.numbers[a].Complement()
	}
	id := sp.numberID(s)
	if sp.sound() {
		sp.numberOps[k] = id
	}
	return id
}

// nameID interns the name of a member that a formula speaks of.
func (sp *Space) nameID(name string) int32 {
	if id, ok := sp.names[name]; ok {
		return id
	}
	id := int32(len(sp.nameText))
	sp.nameText = append(sp.nameText, name)
	sp.names[name] = id
	return id
}

// Others returns the language of all keys but names. Formulas with Every over it
// (additionalProperties) are quicker than with the same language made otherwise.
func (sp *Space) Others(names []string) regex.Lang {
	ids := make([]int32, len(names))
	for i, n := range names {
		ids[i] = sp.nameID(n)
	}
	return sp.otherThan(sortedSet(ids))
}

func (sp *Space) otherThan(ids []int32) regex.Lang {
	if len(ids) == 0 {
		return sp.Regex.All()
	}
	k := sp.key[:0]
	for _, id := range ids {
		k = binary.LittleEndian.AppendUint32(k, uint32(id))
	}
	sp.key = k
	if l, ok := sp.othersOf[string(k)]; ok {
		return l
	}
	key := string(k)
	sp.spend(len(ids))
	l := sp.Regex.Not(sp.literals(ids))
	if sp.sound() {
		sp.othersOf[key] = l
		sp.others[l] = ids
	}
	return l
}

// literals is the language of the named keys, given in ascending order.
func (sp *Space) literals(ids []int32) regex.Lang {
	k := sp.key[:0]
	for _, id := range ids {
		k = binary.LittleEndian.AppendUint32(k, uint32(id))
	}
	sp.key = k
	if l, ok := sp.named[string(k)]; ok {
		return l
	}
	key := string(k)
	sp.spend(1 + len(ids)/4)
	l := sp.makeLiterals(ids)
	if sp.sound() {
		sp.named[key] = l
		sp.idsOf[l] = ids
	}
	return l
}

// fewNames is how many names a language may have for one of them to be taken out
// by naming the others.
const fewNames = 256

// without is l without the keys of seen.
func (sp *Space) without(l regex.Lang, seen *KeySet) regex.Lang {
	if seen.Len() == 0 {
		return l
	}
	ids, ok := sp.idsOf[l]
	if !ok || len(ids) > fewNames {
		return sp.Regex.Minus(l, seen.Lang())
	}
	left := make([]int32, 0, len(ids))
	for _, id := range ids {
		if !seen.Has(sp.nameText[id]) {
			left = append(left, id)
		}
	}
	return sp.makeLiterals(left)
}

func (sp *Space) makeLiterals(ids []int32) regex.Lang {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = sp.nameText[id]
	}
	return sp.Regex.Literals(texts)
}

// single returns the name that is all of l.
func (sp *Space) single(l regex.Lang) (int32, bool) {
	if id, ok := sp.singles[l]; ok {
		return id, id >= 0
	}
	id := int32(-1)
	if n, finite := sp.Regex.Size(l, 1); finite && n == 1 {
		if text, ok := sp.Regex.Shortest(l); ok {
			id = sp.nameID(text)
		}
	}
	if sp.sound() {
		sp.singles[l] = id
	}
	return id, id >= 0
}

// nameIn reports whether a name is in l.
func (sp *Space) nameIn(l regex.Lang, name int32) bool {
	if l == sp.Regex.All() {
		return true
	}
	if out, ok := sp.others[l]; ok {
		return !contains(out, name)
	}
	k := langName{l, name}
	if in, ok := sp.inLang[k]; ok {
		return in
	}
	sp.spend(4 + len(sp.nameText[name]))
	in := sp.Regex.Matches(l, sp.nameText[name])
	if sp.sound() {
		sp.inLang[k] = in
	}
	return in
}

// farKey is longer than any string that a language of fewer derivatives can hold
// without being infinite, and no budget lasts for as many derivatives.
const farKey = 1 << 22

// infinite reports whether l has any number of strings.
func (sp *Space) infinite(l regex.Lang) bool {
	if l == sp.Regex.All() || sp.others[l] != nil {
		return true
	}
	far, ok := sp.endless[l]
	if !ok {
		sp.spend(4)
		far = !sp.Regex.IsEmpty(sp.Regex.Intersect(l, sp.Regex.Length(farKey, regex.Unbounded)))
		if sp.sound() {
			sp.endless[l] = far
		}
	}
	return far
}

// KeySet is a set of keys that an object has already. Equal sets of one Space are
// one pointer.
type KeySet struct {
	sp   *Space
	keys []string // ascending
	lang regex.Lang
	next map[string]*KeySet
}

// NoKeys returns the empty set.
func (sp *Space) NoKeys() *KeySet {
	if sp.noKeys == nil {
		sp.noKeys = &KeySet{sp: sp, lang: sp.Regex.None()}
	}
	return sp.noKeys
}

// Len returns the number of keys.
func (k *KeySet) Len() int { return len(k.keys) }

// Has reports whether key is in the set.
func (k *KeySet) Has(key string) bool { return contains(k.keys, key) }

// With returns the set with key added.
func (k *KeySet) With(key string) *KeySet {
	if next, ok := k.next[key]; ok {
		return next
	}
	i, ok := slices.BinarySearch(k.keys, key)
	if ok {
		return k
	}
	keys := make([]string, 0, len(k.keys)+1)
	keys = append(append(append(keys, k.keys[:i]...), key), k.keys[i:]...)
	size := 0
	for _, s := range keys {
		size += len(s) + 1
	}
	id := make([]byte, 0, size)
	for _, s := range keys {
		id = binary.AppendUvarint(id, uint64(len(s)))
		id = append(id, s...)
	}
	sp := k.sp
	sp.spend(4 + size/16)
	next, ok := sp.keySets[string(id)]
	if !ok {
		next = &KeySet{sp: sp, keys: keys, lang: -1}
		sp.keySets[string(id)] = next
	}
	if k.next == nil {
		k.next = map[string]*KeySet{}
		sp.extended = append(sp.extended, k)
	}
	k.next[key] = next
	return next
}

// Lang returns the language of the keys in the set.
func (k *KeySet) Lang() regex.Lang {
	if k.lang < 0 {
		l := k.sp.Regex.Literals(k.keys)
		if !k.sp.sound() {
			return l
		}
		k.lang = l
	}
	return k.lang
}

// ForgetKeys drops what was remembered about sets of keys, which grows with
// every document that is read. Sets in use stay valid, but equal ones made
// before and after may differ, and keep no others alive.
func (sp *Space) ForgetKeys() {
	for _, k := range sp.extended {
		k.next = nil
	}
	sp.extended = nil
	clear(sp.keySets)
	clear(sp.search.objects)
	clear(sp.search.endings)
}
