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

	behind []regex.Classes // by node: of the characters of its tokens that begin behind its bytes
}

// classNode is a node of a classTrie, in the order of a depth-first walk. There are
// many: it is kept small.
type classNode struct {
	skip  int32         // the first node that does not continue this prefix
	token int32         // the token that the prefix is, -1 if none
	text  uint32        // where its bytes begin; startsInside is set if not with a character
	size  uint8         // how many these are
	depth uint8         // the number of nodes above it
	runes uint8         // how many characters begin in its bytes
	chars uint8         // of the longest token that begins with the prefix
	below regex.Classes // of the characters of its tokens that begin in its bytes or behind
	whole regex.Classes // of all characters of its tokens
}

const startsInside = 1 << 31

// first reports that the node's first byte begins a character.
func (n *classNode) first() bool { return n.text&startsInside == 0 }

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
		c := classNode{skip: n.skip, text: uint32(len(t.text)), depth: uint8(len(open))}
		if !utf8.RuneStart(n.byte) {
			c.text |= startsInside
		}
		at := len(t.text)
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
		c.token, c.size = n.token, uint8(len(t.text)-at)
		open, ends = append(open, int32(len(t.nodes))), append(ends, int(n.depth))
		t.nodes, t.behind, t.depth = append(t.nodes, c), append(t.behind, 0), max(t.depth, len(open))
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
		n := &t.nodes[open[i]]
		t.behind[open[i]] |= below
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
		n.below |= below
		n.chars = max(n.chars, chars)
	}
	for _, i := range open {
		t.nodes[i].whole |= below
	}
}

// fewNodes is up to how many nodes are run without looking for what is safe.
const fewNodes = 64

// safeLevel is where runClasses stands behind the nodes above one.
type safeLevel[L ~int32] struct {
	text  L
	chars int
}

// runClasses adds to set the tokens of alphabets that a text, between two characters,
// whose Safe was asked for, allows; set has all tokens of known. It returns how many were added, some of which
// set may have had.
func (k *Masks[S, L]) runClasses(text L, known regex.Safe, set []uint64) (added int) {
	t, levels := k.t.text.classes, k.safeLevels
	levels[0] = safeLevel[L]{text: text}
	rows := k.m.Rows()
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
		at, chars := level.text, level.chars
		if n.first() {
			if safe := safeFor(rows[at].Safe(), n.below, int(n.chars)-chars); safe != nil {
				added += t.addTo(set, n, i, chars+safe.Chars)
				i = int(n.skip)
				continue
			}
		}
		from := int(n.text &^ startsInside)
		for _, b := range t.text[from : from+int(n.size)] {
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
		if n.token >= 0 {
			set[n.token>>6] |= 1 << (n.token & 63)
			added++
		}
		if i++; i == int(n.skip) {
			continue
		}
		chars += int(n.runes)
		if t.nodes[i].first() {
			list := rows[at].Safe()
			if list == nil && int(n.skip)-i > fewNodes {
				list = k.m.Safe(at)
				rows = k.m.Rows()
			}
			if safe := safeFor(list, t.behind[i-1], int(n.chars)-chars); safe != nil {
				added += t.addTo(set, n, i, chars+safe.Chars)
				i = int(n.skip)
				continue
			}
		}
		levels[n.depth+1] = safeLevel[L]{at, chars}
	}
	return added
}

// safeFor returns what of safe tells of all strings of classes of up to n characters
// whether they may come, nil if nothing does.
func safeFor(safe []regex.Safe, classes regex.Classes, n int) *regex.Safe {
	for i := range safe {
		if s := &safe[i]; classes&^s.Classes == 0 && (n <= s.Chars || s.Exact) {
			return s
		}
	}
	return nil
}

// addTo adds to set the tokens of up to most characters from node i on that are below n,
// and returns how many there are of any length.
func (t *classTrie) addTo(set []uint64, n *classNode, i, most int) int {
	from, to := t.from[i], t.from[n.skip]
	if int(n.chars) <= most {
		for _, id := range t.order[from:to] {
			set[id>>6] |= 1 << (id & 63)
		}
		return int(to - from)
	}
	for at := from; at < to; at++ {
		if int(t.chars[at]) <= most {
			id := t.order[at]
			set[id>>6] |= 1 << (id & 63)
		}
	}
	return int(to - from)
}

// restricted is inText for a text that may not be anything.
func (k *Masks[S, L]) restricted(text L) *Set {
	x := &k.t.text
	if !k.m.Between(text) {
		k.runText(x.plain, text)
		return k.t.union(nil, k.ids)
	}
	known, dense, own := x.base(k.m.Safe(text))
	set := dense
	if !own {
		set = k.scratch
		clear(set[copy(set, dense):])
	}
	added := k.runClasses(text, known, set)
	switch {
	case own:
	case added >= denseFrom:
		dense, own = slices.Clone(set), true
	default:
		for i, w := range set {
			if dense != nil {
				w &^= dense[i]
			}
			for ; w != 0; w &= w - 1 {
				k.ids = append(k.ids, int32(i<<6+bits.TrailingZeros64(w)))
			}
		}
	}
	k.runText(x.beyond, text)
	if !own {
		return k.t.union(dense, k.ids)
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
