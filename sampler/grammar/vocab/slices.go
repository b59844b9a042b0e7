package vocab

import (
	"bytes"
	"slices"
)

// maxSlice is the largest number of characters with a set of its own. Of
// Qwen3's tokens that can stand in a string, 180 write more than 30 characters.
const maxSlice = 32

// textSlices are the tokens that can stand in the body of a JSON string that
// may hold anything, by the number of characters that they write. Where an automaton allows
// every text of up to k characters, the tokens of up to k characters need no walk.
type textSlices struct {
	upTo  [maxSlice + 1][]uint64 // [k]: those of at most k characters
	long  []entry                // those of more than maxSlice
	chars []uint8                // of the tokens in long
	most  int                    // characters of the longest

	plain  *Trie   // every token without a quotation mark
	unsure *Trie   // of those, the ones that need an automaton in any case
	above  []above // those of more than some number of characters and the unsure ones
}

// above is the trie of the tokens that write more than k characters, and of
// those that are unsure.
type above struct {
	k    int
	trie *Trie
}

// sliceAt are the numbers of characters with a trie of the longer tokens.
var sliceAt = [...]int{4, 8, 16, maxSlice}

// slice sorts tokens, which are in a trie's order, by what they do in a string.
func (t *Table) slice(tokens []entry) {
	x := &t.text
	chars := make([]int, t.size) // -1: unsure, 0: refused
	by := make([][]int32, maxSlice+1)
	for _, e := range tokens {
		n, f := inText(e.bytes)
		switch {
		case f == refused:
			continue
		case f == unsure:
			n = -1
		case n > maxSlice:
			x.long = append(x.long, e)
			x.chars = append(x.chars, uint8(n))
		default:
			by[n] = append(by[n], e.id)
		}
		x.most = max(x.most, n)
		chars[e.id] = n
	}
	set := make([]uint64, t.Words())
	for k := range by {
		set = slices.Clone(set)
		for _, id := range by[k] {
			set[id>>6] |= 1 << (id & 63)
		}
		x.upTo[k] = set
	}
	plain := filter(tokens, func(e entry) bool { return bytes.IndexByte(e.bytes, '"') < 0 && chars[e.id] != 0 })
	x.plain = newTrie(plain)
	x.unsure = newTrie(filter(plain, func(e entry) bool { return chars[e.id] < 0 }))
	for _, k := range sliceAt {
		longer := filter(plain, func(e entry) bool { return chars[e.id] < 0 || chars[e.id] > k })
		x.above = append(x.above, above{k, newTrie(longer)})
	}
	t.quoted = newTrie(filter(tokens, func(e entry) bool { return bytes.IndexByte(e.bytes, '"') >= 0 }))
}

// freeText splits the tokens for a state of a string's automaton that allows every
// text of up to k characters: those of dense and ids are allowed, those of
// the trie are to be run. exact says that it allows no longer text.
func (t *Table) freeText(k int, exact bool) (dense []uint64, ids []int32, run *Trie) {
	x := &t.text
	k = min(k, x.most)
	dense, run = x.upTo[min(k, maxSlice)], x.unsure
	for i, e := range x.long {
		if int(x.chars[i]) <= k {
			ids = append(ids, e.id)
		}
	}
	if exact || k == x.most {
		return dense, ids, run
	}
	run = x.plain
	for _, a := range x.above {
		if a.k <= k {
			run = a.trie
		}
	}
	return dense, ids, run
}
