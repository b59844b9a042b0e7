package vocab

import (
	"math/bits"
	"slices"
	"unicode/utf8"

	"orchrt/sampler/grammar/regex"
)

// classTrie holds the tokens of alphabets with what their characters are: where
// every string of some classes may come, the tokens of these need not be run. Nodes
// with one child are one with it, unless they are a token.
type classTrie struct {
	nodes []classNode
	text  []byte  // of the nodes
	order []int32 // the tokens, in the order of the nodes
	chars []uint8 // of each of them
	from  []int32 // by node, and behind the last: how many come before
	depth int     // of the deepest node
}

// classNode is a node of a classTrie, in the order of a depth-first walk.
type classNode struct {
	skip  int32         // the first node that does not continue this prefix
	token int32         // the token that the prefix is, -1 if none
	text  uint32        // where its bytes begin
	size  uint8         // how many these are
	depth uint8         // the number of nodes above it
	runes uint8         // how many characters begin in its bytes
	chars uint8         // of the longest token that begins with the prefix
	first bool          // its first byte begins a character
	below regex.Classes // of all characters of its tokens that begin in its bytes or behind
	whole regex.Classes // and of those before
}

// newClassTrie makes the trie of tokens, all of whose characters have a class;
// chars are their numbers of characters, by token.
func newClassTrie(tokens []entry, chars []byte) *classTrie {
	full := newTrie(tokens)
	t := &classTrie{order: make([]int32, 0, len(tokens)), chars: make([]uint8, 0, len(tokens))}
	moved := make([]int32, len(full.nodes)+1) // by node of full that begins one here
	var open []int32                          // the nodes on the way
	var ends []int                            // and where their bytes end in a token
	for i := 0; i < len(full.nodes); {
		n := &full.nodes[i]
		for len(open) > 0 && int(t.nodes[open[len(open)-1]].skip) <= i {
			open, ends = open[:len(open)-1], ends[:len(ends)-1]
		}
		moved[i] = int32(len(t.nodes))
		c := classNode{skip: n.skip, text: uint32(len(t.text)), depth: uint8(len(open)), first: utf8.RuneStart(n.byte)}
		for {
			n = &full.nodes[i]
			t.text = append(t.text, n.byte)
			if utf8.RuneStart(n.byte) {
				c.runes++
			}
			if i++; n.token >= 0 || full.nodes[i].skip != n.skip {
				break
			}
		}
		c.token, c.size = n.token, uint8(len(t.text)-int(c.text))
		open, ends = append(open, int32(len(t.nodes))), append(ends, int(n.depth))
		t.nodes, t.depth = append(t.nodes, c), max(t.depth, len(open))
		t.from = append(t.from, int32(len(t.order)))
		if n.token >= 0 {
			t.add(open, ends, tokens[len(t.order)].bytes, n.token, chars[n.token])
		}
	}
	moved[len(full.nodes)] = int32(len(t.nodes))
	for i := range t.nodes {
		t.nodes[i].skip = moved[t.nodes[i].skip]
	}
	t.from = append(t.from, int32(len(t.order)))
	return t
}

// add puts a token at the last of the nodes open, whose bytes end in it at ends.
func (t *classTrie) add(open []int32, ends []int, b []byte, token int32, chars uint8) {
	t.order, t.chars = append(t.order, token), append(t.chars, chars)
	at := len(b)
	below := regex.Classes(0)
	for i := len(open) - 1; i >= 0; i-- {
		from := 0
		if i > 0 {
			from = ends[i-1]
		}
		for at > from {
			if at--; utf8.RuneStart(b[at]) {
				r, _ := utf8.DecodeRune(b[at:])
				below |= 1 << regex.ClassOf(r)
			}
		}
		n := &t.nodes[open[i]]
		n.below |= below
		n.chars = max(n.chars, chars)
	}
	for _, i := range open {
		t.nodes[i].whole |= below
	}
}

// fewNodes is up to how many nodes are run without asking what is safe.
const fewNodes = 4

// safeLevel is where runClasses stands behind the nodes above one.
type safeLevel[L ~int32] struct {
	text  L
	asked L // the text that safe was asked for, 0 for none
	chars int
	safe  []regex.Safe
}

// runClasses appends to k.ids the tokens of alphabets that a text, between two
// characters, allows, but for those that dense has; of these, all tokens of known
// are among them.
func (k *Masks[S, L]) runClasses(text L, known regex.Safe, dense []uint64) {
	t, levels, rows := k.t.text.classes, k.safeLevels[:k.t.text.classes.depth+1], k.m.Rows()
	for i := range levels {
		levels[i].asked = 0
	}
	levels[0].text, levels[0].chars = text, 0
	knownChars := uint8(min(known.Chars, maxTokenBytes))
	if known.Exact {
		knownChars = maxTokenBytes
	}
next:
	for i := 0; i < len(t.nodes); {
		n := &t.nodes[i]
		if n.whole&^known.Classes == 0 && n.chars <= knownChars {
			i = int(n.skip)
			continue
		}
		level := &levels[n.depth]
		if n.first && int(n.skip)-i > fewNodes {
			if k.addSafe(level, i, dense) {
				i = int(n.skip)
				continue
			}
			rows = k.m.Rows()
		}
		at := level.text
		for _, b := range t.text[n.text : n.text+uint32(n.size)] {
			to := L(rows[at].To(b))
			if to < 0 {
				to, _ = k.m.StepText(at, b)
				rows = k.m.Rows()
			}
			if to == 0 {
				i = int(n.skip)
				continue next
			}
			at = to
		}
		if n.token >= 0 && (dense == nil || !has(dense, n.token)) {
			k.ids = append(k.ids, n.token)
		}
		below := &levels[n.depth+1]
		below.text, below.chars = at, level.chars+int(n.runes)
		i++
	}
}

// addSafe appends to k.ids the tokens below node i that are allowed at the level
// before it, but for those that dense has, where that is known of all of them.
func (k *Masks[S, L]) addSafe(at *safeLevel[L], i int, dense []uint64) bool {
	if at.asked != at.text {
		at.asked, at.safe = at.text, k.m.Safe(at.text)
	}
	t := k.t.text.classes
	n := &t.nodes[i]
	from, to := t.from[i], t.from[n.skip]
	for _, s := range at.safe {
		if n.below&^s.Classes != 0 {
			continue
		}
		most := at.chars + s.Chars
		if int(n.chars) <= most {
			k.addNew(t.order[from:to], dense)
			return true
		}
		if s.Exact {
			for j := from; j < to; j++ {
				if int(t.chars[j]) <= most {
					k.addNew(t.order[j:j+1], dense)
				}
			}
			return true
		}
	}
	return false
}

// addNew appends to k.ids the tokens that dense does not have.
func (k *Masks[S, L]) addNew(ids []int32, dense []uint64) {
	if dense == nil {
		k.ids = append(k.ids, ids...)
		return
	}
	for _, id := range ids {
		if !has(dense, id) {
			k.ids = append(k.ids, id)
		}
	}
}

// restricted is inText for a text that may not be anything.
func (k *Masks[S, L]) restricted(text L) *Set {
	x := &k.t.text
	if !k.m.Between(text) {
		k.runText(x.plain, text)
		return k.t.union(nil, k.ids)
	}
	known, dense, own := x.base(k.m.Safe(text))
	k.runClasses(text, known, dense)
	k.runText(x.beyond, text)
	if !own {
		return k.t.union(dense, k.ids)
	}
	if len(k.ids) >= denseFrom {
		for _, id := range k.ids {
			dense[id>>6] |= 1 << (id & 63)
		}
		k.ids = k.ids[:0]
	}
	return &Set{dense: dense, ids: slices.Clone(k.ids), own: true}
}

// maxExcept is how many classes are taken from the set of all tokens; with more,
// the set of an alphabet is nearer.
const maxExcept = 24

// base returns a set of tokens that are safe, and what it is known to hold. It is
// a copy if own is set, and else shared.
func (x *textSlices) base(safe []regex.Safe) (known regex.Safe, dense []uint64, own bool) {
	most := 0
	for _, s := range safe {
		chars := lengthBelow(s.Chars)
		except := regex.AllClasses &^ s.Classes
		if s.Classes&regex.LowerCase != 0 && bits.OnesCount64(uint64(except)) <= maxExcept && chars > known.Chars {
			known = regex.Safe{Classes: s.Classes, Chars: chars, Exact: s.Exact && chars == s.Chars}
		}
		if known.Chars >= minChars {
			return known, x.without(except, chars), true
		}
	}
	known = regex.Safe{}
	for _, s := range safe {
		for r, classes := range x.classesOf {
			chars := lengthBelow(s.Chars)
			if n := x.sizes[r][slices.Index(lengths[:], chars)]; classes&^s.Classes == 0 && n > most {
				most = n
				known = regex.Safe{Classes: classes, Chars: chars, Exact: s.Exact && chars == s.Chars}
				dense = x.within[r][slices.Index(lengths[:], chars)]
			}
		}
	}
	return known, dense, false
}

// minChars is from how many characters the set of all tokens, but for some
// classes, is copied.
const minChars = 6
