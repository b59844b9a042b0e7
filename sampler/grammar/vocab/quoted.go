package vocab

import (
	"bytes"
	"slices"
)

// quotedTokens are the tokens with a quotation mark in them. Between two
// characters of a string, those without a backslash close it with their first
// one: they are kept as what comes before it and behind it, since few different
// things do.
type quotedTokens struct {
	all     *Trie // for places within an escape
	escaped *Trie // those with a backslash

	heads  *Trie // what comes before, where that is something; the token is an index of tokens
	head   map[string]int32
	tokens [][]split // by head, of which 0 is none

	// What comes behind, and what may come behind a value: the tails.
	tails    *index
	tailText [][]byte // by tail, of which 0 is none
	every    *Trie    // those that are something; the token is the tail
	outside  *Trie    // those of them that may come behind a value in an object or array, or behind a name
	beyond   []bool   // by tail: behind a name it goes on to a value
	second   []bool   // by tail: it has something of another string
	colons   []int32  // the tails that are white space, or a colon among it
	deep     []deepTokens
	// What comes behind the colon of the tails that begin with one and go on to
	// a value; the token is the tail.
	afterColon *Trie

	rests    *index // what tokens and tails have behind their first quotation mark
	restTrie *Trie  // those that are something; the token is the rest
}

// deepTokens are the tokens with one head whose tails go on to a value.
type deepTokens struct {
	head   []byte
	tokens []split
}

// split is a token by the head that it is listed under and its tail.
type split struct {
	id   int32
	tail int32
}

// none stands for no head.
const none = -1

// newQuoted sorts the tokens with a quotation mark, and finds the tails of those
// of outside. Both are in a trie's order.
func newQuoted(tokens, outside []entry) quotedTokens {
	q := quotedTokens{all: newTrie(tokens)}
	q.escaped = newTrie(filter(tokens, func(e entry) bool { return bytes.IndexByte(e.bytes, '\\') >= 0 }))
	heads, tails := newIndex(), newIndex()
	for _, e := range tokens {
		for i, b := range e.bytes {
			if b == '"' {
				tails.of(e.bytes[i+1:])
			}
		}
		if bytes.IndexByte(e.bytes, '\\') >= 0 {
			continue
		}
		i := bytes.IndexByte(e.bytes, '"')
		head, tail := heads.of(e.bytes[:i]), tails.of(e.bytes[i+1:])
		for int(head) >= len(q.tokens) {
			q.tokens = append(q.tokens, nil)
		}
		q.tokens[head] = append(q.tokens[head], split{e.id, tail})
	}
	for _, e := range slices.Concat(outside, tokens) {
		for i, b := range e.bytes {
			if endsValue(b) {
				tails.of(e.bytes[i:])
			}
		}
	}
	for len(q.tokens) < len(heads.texts) {
		q.tokens = append(q.tokens, nil)
	}
	q.escaped.index()
	q.heads, q.head, q.tails, q.tailText = heads.trie(nil), heads.numbers, tails, tails.texts
	q.every = tails.trie(nil)
	q.outside = tails.trie(func(b []byte) bool { return (endsValue(b[0]) || b[0] == ':') && mayStandOutside(b) })
	for i, text := range tails.texts {
		_, value, _ := bytes.Cut(text, []byte(":"))
		q.beyond = append(q.beyond, len(bytes.TrimLeft(value, " \t\r\n")) > 0)
		_, string, _ := bytes.Cut(text, quote)
		q.second = append(q.second, len(string) > 0)
		if len(bytes.Trim(text, " \t\r\n:")) == 0 && bytes.Count(text, colon) <= 1 {
			q.colons = append(q.colons, int32(i))
		}
	}
	q.afterColon = newAfterColon(q)
	for head, tokens := range q.tokens {
		var deep []split
		for _, t := range tokens {
			if q.beyond[t.tail] && mayBegin(q.tailText[t.tail]) {
				deep = append(deep, t)
			}
		}
		if len(deep) > 0 {
			q.deep = append(q.deep, deepTokens{heads.texts[head], deep})
		}
	}
	return q
}

// mayBegin reports that what stands behind the colon of a tail may begin a value.
func mayBegin(tail []byte) bool {
	_, value, _ := bytes.Cut(tail, []byte(":"))
	value = bytes.TrimLeft(value, " \t\r\n")
	return len(value) > 0 && bytes.IndexByte([]byte(`"{[-0123456789tfn`), value[0]) >= 0
}

// index numbers texts; 0 is the empty one.
type index struct {
	numbers map[string]int32
	texts   [][]byte
}

func newIndex() *index { return &index{map[string]int32{"": 0}, [][]byte{{}}} }

func (x *index) of(text []byte) int32 {
	n, ok := x.numbers[string(text)]
	if !ok {
		n = int32(len(x.texts))
		x.numbers[string(text)] = n
		x.texts = append(x.texts, text)
	}
	return n
}

// trie holds the texts of which keep holds, all if it is nil, but the empty one.
func (x *index) trie(keep func([]byte) bool) *Trie {
	var entries []entry
	for i, text := range x.texts[1:] {
		if keep == nil || keep(text) {
			entries = append(entries, entry{text, int32(i + 1)})
		}
	}
	sortEntries(entries)
	return newTrie(entries)
}

// closing appends to k.ids the tokens with a quotation mark that s allows, which
// is in a text that is no name.
func (k *Masks[S, L]) closing(s S, text L) {
	q := &k.t.quoted
	switch between := k.m.Between(text); {
	case between && k.m.Alike(s):
	case between && k.m.Inner(s):
		k.closingInner(s, text)
		return
	default:
		k.run(q.all, k.inside(s, text, 0))
		return
	}
	c := k.closersOf(text)
	k.ids = append(k.ids, c.within...)
	if len(c.tokens) == 0 {
		return
	}
	next, ok := k.m.Close(s, c.read, c.text)
	if !ok {
		return
	}
	tails := k.tails(next)
	for _, t := range c.tokens {
		if has(tails, t.tail) {
			k.ids = append(k.ids, t.id)
		}
	}
}

// closingInner is closing between two characters of a string in an object or array,
// where the states behind it may differ.
func (k *Masks[S, L]) closingInner(s S, text L) {
	q := &k.t.quoted
	c := k.closersOf(text)
	k.ids = append(k.ids, c.within...)
	var next S // behind the string that is before
	var before []byte
	made, ok := false, false
	similar := k.m.Similar(s)
	for _, t := range c.tokens {
		tail := q.tailText[t.tail]
		switch {
		case len(tail) == 0:
			k.ids = append(k.ids, t.id)
			continue
		case !endsValue(tail[0]):
			continue
		}
		read := k.t.before(t)
		if !made || (!similar || q.second[t.tail]) && !bytes.Equal(read, before) {
			made, before = true, read
			next, ok = k.m.Close(s, read, k.stepText(text, read))
		}
		if ok && k.takes(next, tail) {
			k.ids = append(k.ids, t.id)
		}
	}
}

// closers are the tokens with a quotation mark that a text allows, as far as
// that depends on the text.
type closers[L ~int32] struct {
	within []int32 // they do not close the string
	tokens []closer
	// A string that may be closed, by what is read of it and its text, where
	// there are tokens:
	read []byte
	text L
}

// closer is a token that closes a string. The tail follows it.
type closer struct {
	split
	head int32 // none if it has a backslash
}

// closersOf returns the closers of a text, which is between two characters.
func (k *Masks[S, L]) closersOf(text L) *closers[L] {
	if c, ok := k.closed[text]; ok {
		return c
	}
	c := &closers[L]{}
	anything := k.m.Anything()
	w := k.t.whole[k.m.Spelling()]
	if w != nil && text == anything {
		c.within, c.tokens, c.text = w.closers.within, w.closers.tokens, text
		k.hold(entryMemory)
		k.closed[text] = c
		return c
	}
	if free := k.m.Unbounded(text, k.t.most); free != text {
		c := k.closersOf(free)
		k.hold(entryMemory)
		k.closed[text] = c
		return c
	}
	words, but, few := k.m.Remaining(text, maxWords)
	least, most, ok := 0, 0, false
	if w != nil {
		least, most, ok = k.m.Lengths(text, w.most+1)
	}
	switch {
	case ok:
		k.closeLengths(c, w, text, least, most)
	case few && but && text != anything:
		all := k.closersOf(anything)
		if !k.closeOthers(c, all, text, words) {
			c = all
		}
	case few && !but:
		k.closeWords(c, text, words)
	default:
		k.closeEscaped(c, text)
		k.eachHead(text, func(head int, text L, read []byte) { k.closeHead(c, int32(head), text, read) })
	}
	k.hold(entryMemory + 12*cap(c.tokens) + 4*cap(c.within))
	k.closed[text] = c
	return c
}

// closeLengths finds the closers of a text that may be anything of least to most
// characters.
func (k *Masks[S, L]) closeLengths(c *closers[L], w *whole, text L, least, most int) {
	c.within, c.tokens = w.closers.within, w.closers.tokens
	if most < w.most {
		c.within = nil
		for i, id := range w.closers.within {
			if int(w.withinChars[i]) <= most {
				c.within = append(c.within, id)
			}
		}
	}
	if least > 0 || most < w.most {
		c.tokens = make([]closer, 0, len(w.closers.tokens))
		for i, t := range w.closers.tokens {
			if n := int(w.tokenChars[i]); n >= least && n <= most {
				c.tokens = append(c.tokens, t)
			}
		}
	}
	if len(c.tokens) > 0 {
		c.read = k.t.before(c.tokens[0])
		c.text = k.stepText(text, c.read)
	}
}

// stepText is where bytes that a text allows lead.
func (k *Masks[S, L]) stepText(text L, bytes []byte) L {
	for _, b := range bytes {
		text, _ = k.m.StepText(text, b)
	}
	return text
}

// closeHead adds the tokens with a head, which leads to text.
func (k *Masks[S, L]) closeHead(c *closers[L], head int32, text L, read []byte) {
	for _, t := range k.t.quoted.tokens[head] {
		c.tokens = append(c.tokens, closer{t, head})
	}
	c.read, c.text = append(c.read[:0], read...), text
}

// closeWords finds the closers of a text that is one of words.
func (k *Masks[S, L]) closeWords(c *closers[L], text L, words []string) {
	q := &k.t.quoted
	for _, w := range words {
		if head, ok := q.head[w]; ok {
			next, read := text, []byte(w)
			for _, b := range read {
				if next, ok = k.m.StepText(next, b); !ok {
					break
				}
			}
			if ok && k.m.Accepts(next) {
				k.closeHead(c, head, next, read)
			}
		}
	}
	k.spellEscaped(words, func(id int32) { c.within = append(c.within, id) }, func(t closer, spelled []byte) {
		next, ok := text, true
		for _, b := range spelled {
			if next, ok = k.m.StepText(next, b); !ok {
				return
			}
		}
		c.tokens = append(c.tokens, t)
		c.read, c.text = append(c.read[:0], spelled...), next
	})
	slices.Sort(c.within)
	c.within = slices.Compact(c.within)
}

// spellEscaped looks up words among the tokens with a backslash. within is called
// for those that do not close the string, maybe several times for one, and closes
// for those that do, with what comes before the quotation mark.
func (k *Masks[S, L]) spellEscaped(words []string, within func(id int32), closes func(t closer, spelled []byte)) {
	q := &k.t.quoted
	k.spellClosed(q.escaped, words, within, func(id int32, d int) {
		b := k.t.bytes[id]
		closes(closer{split{id, q.tails.numbers[string(b[d:])]}, none}, b[:d-1])
	})
}

// spellClosed looks up words in a trie. within is called for the entries that
// begin a spelling, maybe several times for one, and closes for those that have
// all of one and a quotation mark, with the number of bytes up to behind it.
func (k *Masks[S, L]) spellClosed(t *Trie, words []string, within func(entry int32), closes func(entry int32, d int)) {
	p := speller{t, k.m.Spelling(), within, func(node int32) {
		i := t.child(node, '"')
		if i < 0 {
			return
		}
		for _, n := range t.nodes[i:t.nodes[i].skip] {
			if n.token >= 0 {
				closes(n.token, int(t.nodes[i].depth))
			}
		}
	}}
	p.words(-1, words, 0)
}

// closeOthers finds the closers of a text that may be anything but words, of
// those for anything. It reports false if these are the same.
func (k *Masks[S, L]) closeOthers(c, all *closers[L], text L, words []string) bool {
	q := &k.t.quoted
	var heads, ids []int32
	for _, w := range words {
		if head, ok := q.head[w]; ok {
			heads = append(heads, head)
		}
	}
	k.spellEscaped(words, func(int32) {}, func(t closer, _ []byte) { ids = append(ids, t.id) })
	if len(heads)+len(ids) == 0 {
		return false
	}
	c.within = all.within
	c.tokens = make([]closer, 0, len(all.tokens))
	for _, t := range all.tokens {
		if !slices.Contains(heads, t.head) && !slices.Contains(ids, t.id) {
			c.tokens = append(c.tokens, t)
		}
	}
	i := slices.IndexFunc(c.tokens, func(t closer) bool { return t.head != none })
	if i < 0 {
		*c = closers[L]{}
		k.closeEscaped(c, text)
		return true
	}
	t := c.tokens[i]
	c.read = k.t.before(t)
	c.text = k.stepText(text, c.read)
	return true
}

// closeEscaped finds the closers with a backslash.
func (k *Masks[S, L]) closeEscaped(c *closers[L], text L) {
	q := &k.t.quoted
	stack, nodes := k.textStack, q.escaped.nodes
	stack[0] = text
	for i := 0; i < len(nodes); {
		n := &nodes[i]
		d := int(n.depth)
		k.headRead[d-1] = n.byte
		next, ok := k.m.StepText(stack[d-1], n.byte)
		if ok {
			stack[d] = next
			if n.token >= 0 {
				c.within = append(c.within, n.token)
			}
			i++
			continue
		}
		if n.byte == '"' && k.m.Accepts(stack[d-1]) {
			for _, in := range nodes[i:n.skip] {
				if in.token >= 0 {
					tail := q.tails.numbers[string(k.t.bytes[in.token][d:])]
					c.tokens = append(c.tokens, closer{split{in.token, tail}, none})
				}
			}
			c.read, c.text = append(c.read[:0], k.headRead[:d-1]...), stack[d-1]
		}
		i = int(n.skip)
	}
}

// has reports whether a set of small numbers has i.
func has(set []uint64, i int32) bool { return set[i>>6]>>(i&63)&1 != 0 }

// eachHead calls visit for the heads that a text allows and behind which the
// string may be closed, with the text behind them and their bytes.
func (k *Masks[S, L]) eachHead(text L, visit func(head int, text L, read []byte)) {
	if k.m.Accepts(text) {
		visit(0, text, nil)
	}
	stack, nodes := k.textStack, k.t.quoted.heads.nodes
	stack[0] = text
	for i := 0; i < len(nodes); {
		n := &nodes[i]
		k.headRead[n.depth-1] = n.byte
		next, ok := k.m.StepText(stack[n.depth-1], n.byte)
		if !ok {
			i = int(n.skip)
			continue
		}
		stack[n.depth] = next
		if n.token >= 0 && k.m.Accepts(next) {
			visit(int(n.token), next, k.headRead[:n.depth])
		}
		i++
	}
}
