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

	heads    *Trie     // what comes before, where that is something; the token is an index of tokens
	tokens   [][]split // by head, of which 0 is none
	tails    *Trie     // what comes behind, where that is something; the token is an index of the tails
	tailText [][]byte  // by tail, of which 0 is none
	beyond   []bool    // by tail: behind a name it goes on to a value
	deep     []deepTokens
	// What comes behind the colon of the tails that begin with one and go on to
	// a value; the token is the tail.
	afterColon *Trie
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

// newQuoted sorts the tokens with a quotation mark, which are in a trie's order.
func newQuoted(tokens []entry) quotedTokens {
	q := quotedTokens{all: newTrie(tokens)}
	q.escaped = newTrie(filter(tokens, func(e entry) bool { return bytes.IndexByte(e.bytes, '\\') >= 0 }))
	heads, tails := newIndex(), newIndex()
	for _, e := range tokens {
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
	q.heads, q.tails = heads.trie(), tails.trie()
	for len(q.tokens) < len(heads.texts) {
		q.tokens = append(q.tokens, nil)
	}
	q.tailText = tails.texts
	for _, text := range tails.texts {
		_, value, _ := bytes.Cut(text, []byte(":"))
		q.beyond = append(q.beyond, len(bytes.TrimLeft(value, " \t\r\n")) > 0)
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

// trie holds the texts but the empty one.
func (x *index) trie() *Trie {
	var entries []entry
	for i, text := range x.texts[1:] {
		entries = append(entries, entry{text, int32(i + 1)})
	}
	sortEntries(entries)
	return newTrie(entries)
}

// closing appends to k.ids the tokens with a quotation mark that s allows, which
// is in a text that is no name.
func (k *Masks[S, L]) closing(s S, text L) {
	q := &k.t.quoted
	if !k.m.Between(text) || !k.m.Alike(s) {
		k.run(q.all, k.inside(s, text, 0))
		return
	}
	k.run(q.escaped, k.inside(s, text, 0))
	var tails []bool
	k.eachHead(text, func(head int, text L, read []byte) {
		if tails == nil {
			next, ok := k.m.Close(s, read, text)
			if !ok {
				return
			}
			tails = k.tails(next)
		}
		for _, t := range q.tokens[head] {
			if tails[t.tail] {
				k.ids = append(k.ids, t.id)
			}
		}
	})
}

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

// inName returns the tokens that s allows, which is in the name of a member,
// between two characters. Only what goes on to the member's value depends on
// more than the text.
func (k *Masks[S, L]) inName(s S, text L) *Set {
	q := &k.t.quoted
	set, ok := k.names[text]
	if !ok {
		in := k.inText(text)
		k.ids = append(k.ids[:0], in.ids...)
		k.run(q.escaped, k.inside(s, text, 0))
		k.eachHead(text, func(head int, text L, read []byte) { k.closeName(s, text, read, q.tokens[head]) })
		set = k.t.union(in.dense, k.ids)
		k.keep(set)
		k.names[text] = set
	}
	k.ids = k.ids[:0]
	for _, d := range q.deep {
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

// closeName appends to k.ids those of the tokens, which read and a quotation
// mark begin, that are allowed in the name of a member and do not go on to a
// value.
func (k *Masks[S, L]) closeName(s S, text L, read []byte, tokens []split) {
	if k.nameTails == nil && !k.findNameTails(s, text, read) {
		return
	}
	for _, t := range tokens {
		if k.nameTails[t.tail] {
			k.ids = append(k.ids, t.id)
		}
	}
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
	for i, tail := range q.tailText {
		k.nameTails[i] = !q.beyond[i] && k.takes(k.behind, tail)
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

// beyondName appends to k.ids the tokens of d that are allowed.
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

// tails returns which tails a state allows. The result is valid until the next call.
func (k *Masks[S, L]) tails(s S) []bool {
	if k.tailsOf != nil && k.tailsState == s {
		return k.tailsOf
	}
	q := &k.t.quoted
	ids := k.ids
	k.ids = nil
	k.run(q.tails, level[S, L]{at: atState, state: s})
	allowed := make([]bool, len(q.tailText))
	allowed[0] = true
	for _, tail := range k.ids {
		allowed[tail] = true
	}
	k.ids, k.tailsOf, k.tailsState = ids, allowed, s
	return allowed
}
