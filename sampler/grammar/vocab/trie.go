package vocab

import (
	"bytes"
	"slices"
)

// maxTokenBytes bounds the bytes of a token: the depth of a trie fits a byte.
const maxTokenBytes = 255

// node is one node of a trie: the last byte of a prefix of some token.
type node struct {
	skip  int32 // the first node that does not continue this prefix
	token int32 // the token that these bytes are, -1 if none
	byte  byte
	depth byte // the number of bytes of the prefix
}

// Trie holds tokens by their bytes, in the order of a depth-first walk: the
// children of a node follow it, and skip leads past all of them. The root has
// no node.
type Trie struct {
	nodes []node
	ids   int // tokens in it
	depth int // of the deepest node
	kids  kids

	openers map[int32][]opener // by node
}

// Len is the number of nodes.
func (t *Trie) Len() int { return len(t.nodes) }

// Tokens is the number of tokens.
func (t *Trie) Tokens() int { return t.ids }

// entry is a token to put into a trie.
type entry struct {
	bytes []byte
	id    int32
}

// fewEntries is from how many tokens the radix step pays.
const fewEntries = 1 << 14

// sortEntries puts tokens into the order that newTrie takes. A radix step on
// the first two bytes spares most of the comparisons.
func sortEntries(tokens []entry) {
	if len(tokens) < fewEntries {
		slices.SortFunc(tokens, func(a, b entry) int { return bytes.Compare(a.bytes, b.bytes) })
		return
	}
	bucket := func(b []byte) int {
		if len(b) == 1 {
			return int(b[0]) << 8
		}
		return int(b[0])<<8 | int(b[1])
	}
	var starts [1<<16 + 1]int32
	for _, e := range tokens {
		starts[bucket(e.bytes)+1]++
	}
	for i := 1; i < len(starts); i++ {
		starts[i] += starts[i-1]
	}
	next := slices.Clone(starts[:])
	sorted := make([]entry, len(tokens))
	for _, e := range tokens {
		i := bucket(e.bytes)
		sorted[next[i]] = e
		next[i]++
	}
	copy(tokens, sorted)
	for i := range len(starts) - 1 {
		slices.SortFunc(tokens[starts[i]:starts[i+1]], func(a, b entry) int {
			return bytes.Compare(a.bytes, b.bytes)
		})
	}
}

// newTrie builds a trie of tokens that are sorted, not empty and different.
func newTrie(tokens []entry) *Trie {
	t := &Trie{ids: len(tokens)}
	count := 0
	var last []byte
	for _, e := range tokens {
		count += len(e.bytes) - common(last, e.bytes)
		last = e.bytes
	}
	t.nodes = make([]node, 0, count)
	var open [maxTokenBytes + 1]int32 // the node of each prefix of last
	last = nil
	for _, e := range tokens {
		shared := common(last, e.bytes)
		t.close(open[:], shared, len(last))
		for d := shared; d < len(e.bytes); d++ {
			open[d] = int32(len(t.nodes))
			t.nodes = append(t.nodes, node{token: -1, byte: e.bytes[d], depth: byte(d + 1)})
		}
		t.nodes[len(t.nodes)-1].token = e.id
		t.depth = max(t.depth, len(e.bytes))
		last = e.bytes
	}
	t.close(open[:], 0, len(last))
	return t
}

// close ends the open nodes of depths from+1 … to.
func (t *Trie) close(open []int32, from, to int) {
	for d := from; d < to; d++ {
		t.nodes[open[d]].skip = int32(len(t.nodes))
	}
}

// common is the length of the longest common prefix.
func common(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// filter returns the tokens of which keep holds, in order, as newTrie takes them.
func filter(tokens []entry, keep func(entry) bool) []entry {
	var kept []entry
	for _, e := range tokens {
		if keep(e) {
			kept = append(kept, e)
		}
	}
	return kept
}

// Walk runs a byte automaton over the tokens: step returns the state that a
// byte leads to and whether there is one. visit is called for each token all of
// whose bytes can be taken, in the order of their bytes, with the state behind it.
// This is the slow and plain way to a mask.
func Walk[S any](t *Trie, start S, step func(S, byte) (S, bool), visit func(id int32, s S)) {
	states := make([]S, t.depth+1)
	states[0] = start
	for i := 0; i < len(t.nodes); {
		n := &t.nodes[i]
		s, ok := step(states[n.depth-1], n.byte)
		if !ok {
			i = int(n.skip)
			continue
		}
		states[n.depth] = s
		if n.token >= 0 {
			visit(n.token, s)
		}
		i++
	}
}
