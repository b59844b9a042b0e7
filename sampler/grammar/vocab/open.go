package vocab

import "slices"

// In Qwen3's vocabulary, 424 tokens begin with a quotation mark, and others have
// one behind white space or punctuation. What such a token has behind the mark
// that opens a string depends on the string's text alone: it is run once for each
// text, whatever stands before the mark and around the string.

// opener is a token of a trie that opens a string: rest numbers what it has
// behind the quotation mark.
type opener struct {
	id   int32
	rest int32
}

// opened says what becomes of a rest: the tail that it has behind the quotation
// mark that closes the string, or one of these.
type opened int32

const (
	restRefused opened = -1
	restInside  opened = -2 // the string is not closed
)

// openings is what a text allows of the rests.
type openings[L ~int32] struct {
	rests []opened // by rest
	// A string that may be closed, by what is read of it and its text, if closes is
	// set:
	closes bool
	read   []byte
	text   L
}

// findOpeners sorts the tokens of a trie by the node of the first quotation mark
// in them, and numbers their rests.
func (t *Trie) findOpeners(rests *index) {
	t.openers = map[int32][]opener{}
	var read [maxTokenBytes]byte
	for i := 0; i < len(t.nodes); {
		n := &t.nodes[i]
		if n.byte != '"' {
			i++
			continue
		}
		var list []opener
		for _, in := range t.nodes[i:n.skip] {
			read[in.depth-1] = in.byte
			if in.token >= 0 {
				list = append(list, opener{in.token, rests.of(append([]byte(nil), read[n.depth:in.depth]...))})
			}
		}
		t.openers[int32(i)] = list
		i = int(n.skip)
	}
}

// findRests finds the openers of the tries that are run outside of strings.
func (t *Table) findRests() {
	q := &t.quoted
	q.rests = newIndex()
	for _, trie := range []*Trie{t.outside, q.outside, q.every, q.afterColon} {
		trie.findOpeners(q.rests)
	}
	q.restTrie = q.rests.trie(nil)
	q.restTrie.index()
}

// openingsOf returns the openings of a text.
func (k *Masks[S, L]) openingsOf(text L) *openings[L] {
	if o, ok := k.opened[text]; ok {
		return o
	}
	if free := k.m.Unbounded(text, k.t.most); free != text {
		o := k.openingsOf(free)
		k.hold(entryMemory)
		k.opened[text] = o
		return o
	}
	o := k.findOpenings(text)
	k.hold(entryMemory + 4*cap(o.rests))
	k.opened[text] = o
	return o
}

func (k *Masks[S, L]) findOpenings(text L) *openings[L] {
	w := k.t.whole[k.m.Spelling()]
	if w != nil && text == k.m.Anything() {
		return &openings[L]{rests: w.rests, closes: true, text: text}
	}
	if w != nil {
		if least, most, ok := k.m.Lengths(text, w.most+1); ok {
			return k.openLengths(w, text, least, most)
		}
	}
	words, but, few := k.m.Remaining(text, maxWords)
	switch {
	case few && !but:
		return k.openWords(text, words)
	case few && w != nil:
		return k.openOthers(w, text, words)
	}
	return k.runRests(text)
}

// noRests returns openings that refuse all rests but the empty one.
func (k *Masks[S, L]) noRests() *openings[L] {
	o := &openings[L]{rests: make([]opened, len(k.t.quoted.rests.texts))}
	for i := range o.rests {
		o.rests[i] = restRefused
	}
	o.rests[0] = restInside
	return o
}

// openWords returns the openings of a text that is one of words.
func (k *Masks[S, L]) openWords(text L, words []string) *openings[L] {
	o := k.noRests()
	k.spellRests(words, func(rest int32) { o.rests[rest] = restInside }, func(rest int32, tail opened) { o.rests[rest] = tail })
	k.findClosing(o, text)
	return o
}

// openOthers returns the openings of a text that may be anything but words.
func (k *Masks[S, L]) openOthers(w *whole, text L, words []string) *openings[L] {
	o := &openings[L]{rests: slices.Clone(w.rests)}
	k.spellRests(words, func(int32) {}, func(rest int32, _ opened) { o.rests[rest] = restRefused })
	k.findClosing(o, text)
	return o
}

// openLengths returns the openings of a text that may be anything of least to most
// characters.
func (k *Masks[S, L]) openLengths(w *whole, text L, least, most int) *openings[L] {
	o := &openings[L]{rests: w.rests}
	if least > 0 || most < w.most {
		o.rests = slices.Clone(w.rests)
		for rest, f := range o.rests {
			if n := int(w.restChars[rest]); n > most || f >= 0 && n < least {
				o.rests[rest] = restRefused
			}
		}
	}
	k.findClosing(o, text)
	return o
}

// spellRests looks up words among the rests. within is called for those that
// begin a spelling, maybe several times for one, and closes for those that have
// all of one and a quotation mark, with their tails.
func (k *Masks[S, L]) spellRests(words []string, within func(rest int32), closes func(rest int32, tail opened)) {
	q := &k.t.quoted
	k.spellClosed(q.restTrie, words, within, func(rest int32, d int) {
		closes(rest, opened(q.tails.numbers[string(q.rests.texts[rest][d:])]))
	})
}

// findClosing finds a rest that closes the string, if there is one.
func (k *Masks[S, L]) findClosing(o *openings[L], text L) {
	q := &k.t.quoted
	for rest, f := range o.rests {
		if f < 0 {
			continue
		}
		o.read = q.beforeTail(q.rests.texts[rest], int32(f))
		o.closes, o.text = true, k.stepText(text, o.read)
		return
	}
}

// runRests returns the openings of any text.
func (k *Masks[S, L]) runRests(text L) *openings[L] {
	q, o := &k.t.quoted, k.noRests()
	stack, nodes := k.textStack, q.restTrie.nodes
	stack[0] = text
	for i := 0; i < len(nodes); {
		n := &nodes[i]
		d := int(n.depth)
		k.headRead[d-1] = n.byte
		next, ok := k.m.StepText(stack[d-1], n.byte)
		if ok {
			stack[d] = next
			if n.token >= 0 {
				o.rests[n.token] = restInside
			}
			i++
			continue
		}
		if n.byte == '"' && k.m.Accepts(stack[d-1]) {
			for _, in := range nodes[i:n.skip] {
				if in.token >= 0 {
					o.rests[in.token] = opened(q.tails.numbers[string(q.rests.texts[in.token][d:])])
				}
			}
			o.closes, o.read, o.text = true, append(o.read[:0], k.headRead[:d-1]...), stack[d-1]
		}
		i = int(n.skip)
	}
	return o
}

// open appends to k.ids the tokens of a trie that open a string at node i, which
// is the first quotation mark in them, and that the level before it allows. Where
// the string is a value alone, behind is called for those that have a tail behind
// it; else behind is nil. done is false, and nothing happens, where the tokens
// are to be run.
func (k *Masks[S, L]) open(t *Trie, i int, behind func(id, tail int32)) (done bool) {
	list, ok := t.openers[int32(i)]
	if !ok {
		return false
	}
	d := int(t.nodes[i].depth)
	s, ok := k.m.Step(k.levels[d-1].state, '"')
	if !ok {
		return true
	}
	text, in := k.m.Text(s)
	if !in || !k.m.Between(text) || !k.m.Named(s) && !k.m.Alike(s) {
		return false
	}
	o := k.openingsOf(text)
	if k.m.Named(s) {
		k.openName(list, o, s)
		return true
	}
	var next S
	if o.closes {
		next, ok = k.m.Close(s, o.read, o.text)
	}
	for _, e := range list {
		switch f := o.rests[e.rest]; {
		case f == restInside:
			k.ids = append(k.ids, e.id)
		case f == restRefused || !ok:
		case behind != nil && f > 0:
			behind(e.id, int32(f))
		case k.takes(next, k.t.quoted.tails.texts[f]):
			k.ids = append(k.ids, e.id)
		}
	}
	return true
}

// openName is open for the tokens of list where the string is the name of a
// member: s is the state at its beginning.
func (k *Masks[S, L]) openName(list []opener, o *openings[L], s S) {
	q := &k.t.quoted
	for _, e := range list {
		f := o.rests[e.rest]
		switch {
		case f == restInside:
		case f == restRefused:
			continue
		case q.beyond[f]:
			if !k.takes(s, q.rests.texts[e.rest]) {
				continue
			}
		case k.nameTails == nil && !k.findNameTails(s, o.text, o.read), !k.nameTails[f]:
			continue
		}
		k.ids = append(k.ids, e.id)
	}
}
