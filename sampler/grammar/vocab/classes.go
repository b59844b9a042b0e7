package vocab

import (
	"bytes"
	"unicode/utf8"

	"orchrt/sampler/grammar/regex"
)

// classTrie holds the tokens of an alphabet by the classes of their characters:
// many tokens are alike for most patterns. The children of a node follow it.
type classTrie struct {
	nodes []classNode
	ids   []int32 // by node
}

// classNode is a sequence of classes that some token begins with, by its last.
type classNode struct {
	skip    int32 // the first node that does not continue it
	from    int32 // the first of ids of the tokens that begin with it; those that are it are first
	own     int32 // how many are it
	class   uint8
	depth   uint8         // characters
	chars   uint8         // of the longest token
	path    regex.Classes // of the sequence
	classes regex.Classes // of all tokens
}

// newClassTrie sorts tokens by the classes of their characters, which all have
// one.
func newClassTrie(tokens []entry) *classTrie {
	byClass := make([]entry, len(tokens))
	var room []byte
	for i, e := range tokens {
		from := len(room)
		for _, r := range string(e.bytes) {
			room = append(room, byte(regex.ClassOf(r)))
		}
		byClass[i] = entry{room[from:len(room):len(room)], e.id}
	}
	sortEntries(byClass)
	t := &classTrie{ids: make([]int32, len(tokens))}
	var open []int32 // the nodes of each prefix of last
	var last []byte
	close := func(depth int) {
		for ; len(open) > depth; open = open[:len(open)-1] {
			n := &t.nodes[open[len(open)-1]]
			n.skip = int32(len(t.nodes))
			if len(open) > 1 {
				up := &t.nodes[open[len(open)-2]]
				up.chars = max(up.chars, n.chars)
				up.classes |= n.classes
			}
		}
	}
	for i, e := range byClass {
		t.ids[i] = e.id
		if !bytes.Equal(e.bytes, last) {
			close(common(last, e.bytes))
			for d := len(open); d < len(e.bytes); d++ {
				n := classNode{from: int32(i), class: e.bytes[d], depth: uint8(d + 1), classes: 1 << e.bytes[d]}
				if d > 0 {
					n.classes |= t.nodes[open[d-1]].path
				}
				n.path = n.classes
				open = append(open, int32(len(t.nodes)))
				t.nodes = append(t.nodes, n)
			}
			last = e.bytes
		}
		n := &t.nodes[open[len(open)-1]]
		n.own++
		n.chars = n.depth
	}
	close(0)
	return t
}

// noClasses is where no text leads on.
var noClasses = &regex.ByClass{}

// end returns the end of a node's part of ids.
func (t *classTrie) end(n *classNode) int32 {
	if int(n.skip) == len(t.nodes) {
		return int32(len(t.ids))
	}
	return t.nodes[n.skip].from
}

// runClasses adds to dense the tokens of the alphabets that a text allows. Those
// of up to chars characters, none of them of the classes except, are in it.
func (k *Masks[S, L]) runClasses(text L, except regex.Classes, chars int, dense []uint64) {
	t := k.t.text.byClass
	rows, stack := k.rows, k.textStack
	stack[0], rows[0] = text, nil
	add := func(id int32) { dense[id>>6] |= 1 << (id & 63) }
	for i := 0; i < len(t.nodes); {
		n := &t.nodes[i]
		if n.classes&except == 0 && int(n.chars) <= chars {
			i = int(n.skip)
			continue
		}
		d := int(n.depth)
		if rows[d-1] == nil {
			if rows[d-1] = k.m.ByClass(stack[d-1]); rows[d-1] == nil {
				rows[d-1] = noClasses
			}
		}
		switch row := rows[d-1]; {
		case row.Live>>n.class&1 != 0:
			stack[d], rows[d] = L(row.Next[n.class]), nil
			for _, id := range t.ids[n.from : n.from+n.own] {
				add(id)
			}
			i++
			continue
		case row.Mixed>>n.class&1 != 0:
			for _, id := range t.ids[n.from:t.end(n)] {
				if k.takesRest(stack[d-1], k.t.bytes[id], d-1) {
					add(id)
				}
			}
		}
		i = int(n.skip)
	}
}

// takesRest reports that a text allows what a token has behind its first
// characters.
func (k *Masks[S, L]) takesRest(text L, b []byte, chars int) (ok bool) {
	for range chars {
		_, n := utf8.DecodeRune(b)
		b = b[n:]
	}
	ok = true
	for i := 0; i < len(b) && ok; i++ {
		text, ok = k.m.StepText(text, b[i])
	}
	return ok
}
