package vocab

import (
	"slices"
	"unicode/utf8"

	"orchrt/sampler/grammar/regex"
)

// A text that is one of few words is not run: the nodes that begin its spellings
// are looked up.

// kids finds the children of the nodes of a trie: open addressing by parent and
// byte.
type kids struct {
	slots []int32 // nodes + 1, 0 is free
	up    []int32 // the parent of each node, -1 for the root
}

// index fills t.kids.
func (t *Trie) index() {
	size := 1
	for size < 2*len(t.nodes)+1 {
		size *= 2
	}
	t.kids = kids{make([]int32, size), make([]int32, len(t.nodes))}
	var open [maxTokenBytes + 1]int32 // the node of each depth on the way
	open[0] = -1
	for i := range t.nodes {
		n := &t.nodes[i]
		open[n.depth] = int32(i)
		t.kids.up[i] = open[n.depth-1]
		at := hashChild(open[n.depth-1], n.byte) & uint32(size-1)
		for t.kids.slots[at] != 0 {
			at = (at + 1) & uint32(size-1)
		}
		t.kids.slots[at] = int32(i) + 1
	}
}

func hashChild(parent int32, b byte) uint32 {
	h := (uint32(parent+1)<<8 | uint32(b)) * 0x9E3779B1
	return h ^ h>>15
}

// child returns the child of a node, -1 for the root, by a byte: -1 if there is
// none. The trie has an index.
func (t *Trie) child(parent int32, b byte) int32 {
	mask := uint32(len(t.kids.slots) - 1)
	for at := hashChild(parent, b) & mask; ; at = (at + 1) & mask {
		i := t.kids.slots[at] - 1
		if i < 0 || t.kids.up[i] == parent && t.nodes[i].byte == b {
			return i
		}
	}
}

// speller looks up spellings of words in the JSON text of a string.
type speller struct {
	t  *Trie
	as regex.Spelling
	// inside is called for the tokens that begin a spelling. It may be called
	// for one several times, where there is an escape.
	inside func(id int32)
	// whole is called for the nodes that are spellings, -1 for that of the empty
	// word.
	whole func(node int32)
}

// words looks up what words, ascending and different, have behind the first at
// bytes, which they share and which node spells.
func (p *speller) words(node int32, words []string, at int) {
	if len(words) > 0 && len(words[0]) == at {
		p.whole(node)
		words = words[1:]
	}
	if len(words) == 0 {
		return
	}
	if esc := p.t.child(node, '\\'); esc >= 0 && utf8.RuneStart(words[0][at]) {
		p.escapes(esc, words, at)
	}
	for i := 0; i < len(words); {
		b, j := words[i][at], i+1
		for j < len(words) && words[j][at] == b {
			j++
		}
		if b >= 0x20 && b != '"' && b != '\\' {
			if next := p.t.child(node, b); next >= 0 {
				p.token(next)
				p.words(next, words[i:j], at+1)
			}
		}
		i = j
	}
}

func (p *speller) token(node int32) {
	if id := p.t.nodes[node].token; id >= 0 {
		p.inside(id)
	}
}

// escapes is words behind a backslash, in place of the character that follows.
func (p *speller) escapes(node int32, words []string, at int) {
	some := false
	for i := 0; i < len(words); {
		r, n := utf8.DecodeRuneInString(words[i][at:])
		j := i + 1
		for j < len(words) && len(words[j]) >= at+n && words[j][at:at+n] == words[i][at:at+n] {
			j++
		}
		same := words[i:j]
		i = j
		short, long := escapesOf(r, p.as)
		if short != 0 {
			some = true
			if next := p.t.child(node, short); next >= 0 {
				p.token(next)
				p.words(next, same, at+n)
			}
		}
		if long != "" {
			some = true
			p.digits(node, long, same, at+n)
		}
	}
	if some {
		p.token(node)
	}
}

// digits goes through what follows a backslash in an escape of hexadecimal
// digits, and then on with words.
func (p *speller) digits(node int32, text string, words []string, at int) {
	if text == "" {
		p.words(node, words, at)
		return
	}
	b := text[0]
	cases := []byte{b}
	if p.as == regex.Any && b >= 'a' && b <= 'f' {
		cases = append(cases, b-'a'+'A')
	}
	for _, b := range cases {
		if next := p.t.child(node, b); next >= 0 {
			p.token(next)
			p.digits(next, text[1:], words, at)
		}
	}
}

// escapesOf returns how a character may be escaped: the byte that follows the
// backslash, 0 if there is none, and the bytes of a long escape, digits in lower
// case, empty if there is none.
func escapesOf(r rune, as regex.Spelling) (short byte, long string) {
	if i := slices.Index([]rune("\"\\/\b\f\n\r\t"), r); i >= 0 && (r != '/' || as == regex.Any) {
		short = "\"\\/bfnrt"[i]
	}
	if as == regex.Written && (r >= 0x20 || short != 0) {
		return short, ""
	}
	unit := func(u rune) string {
		const hex = "0123456789abcdef"
		return string([]byte{'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15]})
	}
	if r < 0x10000 {
		return short, unit(r)
	}
	r -= 0x10000
	return short, unit(0xD800+r>>10) + `\` + unit(0xDC00+r&0x3FF)
}
