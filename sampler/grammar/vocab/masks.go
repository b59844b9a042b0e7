package vocab

import (
	"slices"

	"orchrt/sampler/grammar/regex"
)

// Machine is an automaton that reads bytes. Equal states are the same state; it
// is not used concurrently.
type Machine[S comparable, L ~int32] interface {
	// Step returns the state that a byte leads to, ok if there is one.
	Step(s S, b byte) (next S, ok bool)
	// Text reports that s stands in the body of a JSON string, and what its
	// text may be: bytes other than the quotation mark that closes the string
	// are allowed in s as far as StepText allows them from there.
	Text(s S) (text L, ok bool)
	StepText(text L, b byte) (next L, ok bool)
	// Rows returns by text where bytes lead, as far as that is known: 0 is nowhere.
	// They hold until something else is called.
	Rows() []regex.Row
	// Texts appends to dst the texts of which one must allow a byte for it to be
	// allowed in s, which is in a string though Text tells nothing; nothing
	// where it does not know.
	Texts(dst []L, s S) []L
	// Accepts reports that the closing quotation mark may follow text.
	Accepts(text L) bool
	// Close is Step over the bytes read, which lead from Text's text to one
	// that Accepts, and a closing quotation mark.
	Close(s S, read []byte, text L) (next S, ok bool)
	// Named reports that s is in the name of a member. What may come behind
	// it, up to a colon, is the same for all names.
	Named(s S) bool
	// Alike reports that s is in a string and the state behind it is the same
	// whatever its text.
	Alike(s S) bool
	// Inner reports of a state in a string, no name, that the string stands in an
	// object or array. It may be closed wherever its text Accepts, and behind it come
	// white space, a comma or what closes the object or array.
	Inner(s S) bool
	// Similar reports of such a state that, whatever the string is, the same may come
	// behind it up to the first byte of another string. It may fail to see that.
	Similar(s S) bool
	// Between reports that text stands between two characters, not in an escape.
	Between(text L) bool
	// Value reports that s stands before a value of an object or array, or in a
	// number that is one. alone is the same state with nothing behind the value,
	// which other states may share; behind is the state after the value. What s
	// allows is what alone allows, and what goes on behind the value, as Over
	// tells, with what behind allows.
	Value(s S) (alone, behind S, ok bool)
	// Over reports of alone and of a state that it led to that the value is at its
	// end if b comes next.
	Over(s S, b byte) bool
	// Outside reports that s is in no string, before or behind which bytes that
	// JSON does not have outside of strings are refused.
	Outside(s S) bool
	// White sorts states by the white space that they allow; ok is false where
	// it does not know. Equal classes allow the same white space.
	White(s S) (class int, ok bool)
	// Remaining tells what may follow text where that is few strings, or all but
	// few: the words, in ascending order, or all others if but is set. ok is false
	// where it is neither, where there are more than limit words, and within a
	// character. Anything is the text that everything may follow, and Spelling
	// says how characters are written.
	Remaining(text L, limit int) (words []string, but, ok bool)
	Anything() L
	Spelling() regex.Spelling
	// AnyMember is asked of a state in the name of a member, between two
	// characters. It reports that the name may be what was read of it and head,
	// and that the member is then like many others: alone and behind are those of
	// Value before the value of such a member. behind may be that of another one,
	// as far as it makes no difference before the end of the next name.
	AnyMember(s S, head []byte) (alone, behind S, ok bool)
	// Free reports that every text of up to k characters is allowed, and, where
	// k is less than limit, no longer one. Characters are spelt as they are, or
	// escaped by two characters where they must be; of other escapes it says
	// nothing. It may fail to see that, never the other way round. It implies
	// that text stands between two characters.
	Free(text L, limit int) (k int, ok bool)
	// Lengths reports that exactly the texts of least to most characters may follow,
	// however they are spelt. Numbers above limit are given as that.
	Lengths(text L, limit int) (least, most int, ok bool)
	// Unbounded returns a text that others share which differ in how many characters
	// may follow: what text and it allow of up to chars characters is the same, and
	// where they Accept then.
	Unbounded(text L, chars int) L
	// Bounded reports that exactly those texts may follow, and end the string there,
	// that have up to most characters, limit at most, and may follow free.
	Bounded(text L, limit int) (free L, most int, ok bool)
	// Safe returns classes and numbers of characters of which every text is
	// allowed. There may be more.
	Safe(text L) []regex.Safe
	// Distance is a number of bytes that completes what s has begun; it is 0 at
	// the end. TextDistance is that for the text of a string, without the
	// quotation mark.
	Distance(s S) int
	TextDistance(text L) int
	// Rest bounds the bytes behind the text that s is in: states that its text
	// leads to have a Distance of at most Rest and their TextDistance. For a
	// name it is an estimate: other names may have values that take more.
	Rest(s S) int
	// TextMost bounds the TextDistance of what text leads to. ok is false where
	// no bound is known.
	TextMost(text L) (bytes int, ok bool)
}

// Masks makes the sets of tokens that a machine allows, and keeps those made
// last within a bound on memory. It is as little safe for concurrent use as
// the machine.
type Masks[S comparable, L ~int32] struct {
	t        *Table
	m        Machine[S, L]
	states   map[S]*Set
	texts    map[L]*Set // of the tokens that stay within the text
	names    map[L]*Set // of those that go no further than the colon behind a name
	values   map[S]*aloneSet
	deep     map[S]*deepSet
	reach    map[S]int
	textMost map[L]int
	used     int // bytes that the sets hold
	limit    int

	blanks    map[blankKey][]int32
	behind    S // a state behind a name and its quotation mark, for all of them
	known     bool
	closed    map[L]*closers[L]
	opened    map[L]*openings[L]
	behinds   map[S][]uint64 // the tails of quotedTokens that are allowed
	nameTails []bool         // those that are behind names

	// Scratch:
	ids       []int32
	several   []L
	levels    []level[S, L]
	textStack []L
	read      []byte
	headRead  []byte

	safeLevels []safeLevel[L]
	scratch    []uint64
}

// NewMasks makes masks of the tokens of t for m. limit bounds the bytes that
// are kept, about.
func NewMasks[S comparable, L ~int32](t *Table, m Machine[S, L], limit int) *Masks[S, L] {
	return &Masks[S, L]{
		t: t, m: m, limit: limit,
		states: map[S]*Set{}, texts: map[L]*Set{}, names: map[L]*Set{},
		values: map[S]*aloneSet{}, deep: map[S]*deepSet{}, reach: map[S]int{}, textMost: map[L]int{},
		blanks: map[blankKey][]int32{}, closed: map[L]*closers[L]{}, opened: map[L]*openings[L]{}, behinds: map[S][]uint64{},
		levels: make([]level[S, L], t.longest+1), textStack: make([]L, t.longest+1), read: make([]byte, t.longest+1), headRead: make([]byte, t.longest+1),
		safeLevels: make([]safeLevel[L], t.longest+1), scratch: make([]uint64, t.Words()),
	}
}

// Reset forgets all sets.
func (k *Masks[S, L]) Reset() {
	clear(k.states)
	clear(k.texts)
	clear(k.names)
	clear(k.values)
	clear(k.deep)
	clear(k.reach)
	clear(k.textMost)
	clear(k.blanks)
	clear(k.closed)
	clear(k.opened)
	clear(k.behinds)
	k.used, k.known, k.nameTails = 0, false, nil
}

// Bytes is about how much is kept.
func (k *Masks[S, L]) Bytes() int { return k.used }

// Known returns the set of tokens that s allows, if it was made before and is
// kept; else nil.
func (k *Masks[S, L]) Known(s S) *Set { return k.states[s] }

// Of returns the set of tokens that s allows: those all of whose bytes can be
// taken. In a string, the tokens that stay in it depend on its text
// alone, and mostly on its length; only those with a quotation mark are run.
func (k *Masks[S, L]) Of(s S) *Set {
	if set, ok := k.states[s]; ok {
		return set
	}
	var set *Set
	if text, ok := k.m.Text(s); ok {
		set = k.inString(s, text)
	} else if k.several = k.m.Texts(k.several[:0], s); len(k.several) > 0 {
		set = k.inTexts(s)
	} else if !k.m.Outside(s) {
		k.ids = k.ids[:0]
		k.run(k.t.solid, level[S, L]{at: atState, state: s})
		k.runBlank(s)
		set = k.t.union(nil, k.ids)
	} else if alone, behind, ok := k.m.Value(s); ok {
		set = k.value(alone, behind)
	} else {
		k.ids = k.ids[:0]
		k.run(k.t.outside, level[S, L]{at: atState, state: s})
		k.runBlank(s)
		set = k.t.union(nil, k.ids)
	}
	k.keep(set)
	k.states[s] = set
	return set
}

// inString is Of in a string.
func (k *Masks[S, L]) inString(s S, text L) *Set {
	if k.m.Named(s) && k.m.Between(text) {
		return k.inName(s, text)
	}
	in := k.inText(text)
	k.ids = append(k.ids[:0], in.ids...)
	k.closing(s, text)
	return k.t.union(in.dense, k.ids)
}

// inTexts is Of in a string that must agree with one of k.several.
func (k *Masks[S, L]) inTexts(s S) *Set {
	dense := make([]uint64, k.t.Words())
	for _, text := range k.several {
		k.inText(text).addTo(dense)
	}
	k.ids = k.ids[:0]
	k.run(k.t.quoted.all, level[S, L]{at: atState, state: s})
	for _, id := range k.ids {
		dense[id>>6] |= 1 << (id & 63)
	}
	return &Set{dense: dense, own: true}
}

// maxWords bounds the words that a text is looked up for.
const maxWords = 512

// inText returns the tokens without a quotation mark that a text allows.
func (k *Masks[S, L]) inText(text L) *Set {
	if set, ok := k.texts[text]; ok {
		return set
	}
	anything := k.m.Anything()
	if w := k.t.whole[k.m.Spelling()]; w != nil && text == anything {
		k.hold(entryMemory)
		k.texts[text] = w.set
		return w.set
	}
	if free := k.m.Unbounded(text, k.t.most); free != text {
		set := k.inText(free)
		k.hold(entryMemory)
		k.texts[text] = set
		return set
	}
	words, but, few := k.m.Remaining(text, maxWords)
	if few && but && text != anything {
		set := k.inText(anything)
		k.hold(entryMemory)
		k.texts[text] = set
		return set
	}
	k.ids = k.ids[:0]
	var set *Set
	x := &k.t.text
	if few && !but {
		p := speller{x.plain, k.m.Spelling(), func(id int32) { k.ids = append(k.ids, id) }, func(int32) {}}
		p.words(-1, words, 0)
		slices.Sort(k.ids)
		k.ids = slices.Compact(k.ids)
		set = k.t.union(nil, k.ids)
	} else if n, ok := k.m.Free(text, x.most); ok {
		set = k.freeSet(text, n)
	} else if free, n, ok := k.m.Bounded(text, x.most); ok && k.t.whole[k.m.Spelling()] != nil {
		set = k.upTo(k.inText(free), n)
	} else {
		set = k.restricted(text)
	}
	k.keep(set)
	k.texts[text] = set
	return set
}

// freeSet is inText for a text that may be anything of up to n characters, or of
// more if n is the most that a token writes.
func (k *Masks[S, L]) freeSet(text L, n int) *Set {
	x, w := &k.t.text, k.t.whole[k.m.Spelling()]
	if w != nil && n == x.most {
		return w.set
	}
	var dense []uint64
	dense, k.ids = x.anyText(k.ids, n)
	if w == nil {
		k.runText(x.unsure, text)
	} else {
		for _, e := range w.unsure {
			if int(e.chars) <= n {
				k.ids = append(k.ids, e.id)
			}
		}
	}
	return k.t.union(dense, k.ids)
}

// upTo returns those of the tokens that stay within a text that write up to n
// characters.
func (k *Masks[S, L]) upTo(set *Set, n int) *Set {
	x, w := &k.t.text, k.t.whole[k.m.Spelling()]
	from := make([]uint64, k.t.Words())
	set.addTo(from)
	dense := make([]uint64, len(from))
	for i, bits := range x.upTo[min(n, maxChars)] {
		dense[i] = from[i] & bits
	}
	add := func(id int32, chars int) {
		if chars <= n && has(from, id) {
			dense[id>>6] |= 1 << (id & 63)
		}
	}
	for i, e := range x.long {
		add(e.id, int(x.chars[i]))
	}
	for _, e := range w.unsure {
		add(e.id, int(e.chars))
	}
	return &Set{dense: dense, own: true}
}

// keep makes room for a set.
func (k *Masks[S, L]) keep(set *Set) { k.hold(set.memory()) }

// hold makes room for bytes.
func (k *Masks[S, L]) hold(bytes int) {
	k.used += bytes
	if k.used <= k.limit {
		return
	}
	k.Reset()
	k.used = bytes
}

// runText is run within a text.
func (k *Masks[S, L]) runText(t *Trie, text L) {
	stack, nodes, rows := k.textStack, t.nodes, k.m.Rows()
	stack[0] = text
	for i := 0; i < len(nodes); {
		n := &nodes[i]
		next := L(rows[stack[n.depth-1]].To(n.byte))
		if next < 0 {
			next, _ = k.m.StepText(stack[n.depth-1], n.byte)
			rows = k.m.Rows()
		}
		if next == 0 {
			i = int(n.skip)
			continue
		}
		stack[n.depth] = next
		if n.token >= 0 {
			k.ids = append(k.ids, n.token)
		}
		i++
	}
}

// Plain is Of without slices and caches: every token is run. Tests compare the
// two.
func Plain[S comparable, L ~int32](t *Table, m Machine[S, L], s S) *Set {
	var ids []int32
	Walk(t.all, s, m.Step, func(id int32, _ S) { ids = append(ids, id) })
	return t.union(nil, ids)
}
