package vocab

import (
	"math/bits"
	"slices"
	"unicode/utf8"

	"orchrt/sampler/grammar/regex"
)

// classTrie holds the tokens of alphabets with what their characters are: where
// every string of some classes may come, the tokens of these need not be run.
type classTrie struct {
	Trie
	below []regex.Classes // by node: of all characters of its tokens from its own on
	whole []regex.Classes // by node: and of those before it
	order []int32         // the tokens, in the order of the nodes
	chars []uint8         // of each of them
	from  []int32         // by node, and behind the last: how many come before
}

// newClassTrie makes the trie of tokens, all of whose characters have a class;
// chars are their numbers of characters, by token.
func newClassTrie(tokens []entry, chars []byte) *classTrie {
	t := &classTrie{Trie: *newTrie(tokens)}
	t.below, t.whole = make([]regex.Classes, len(t.nodes)), make([]regex.Classes, len(t.nodes))
	t.from = make([]int32, len(t.nodes)+1)
	var open [maxTokenBytes + 1]int32 // the node of each depth on the way
	at := 0
	for i := range t.nodes {
		n := &t.nodes[i]
		open[n.depth] = int32(i)
		t.from[i] = int32(len(t.order))
		if n.token < 0 {
			continue
		}
		t.order, t.chars = append(t.order, n.token), append(t.chars, chars[n.token])
		b := tokens[at].bytes
		at++
		var all regex.Classes
		for _, r := range string(b) {
			all |= 1 << regex.ClassOf(r)
		}
		below := regex.Classes(0)
		for d := len(b); d > 0; d-- {
			if utf8.RuneStart(b[d-1]) {
				r, _ := utf8.DecodeRune(b[d-1:])
				below |= 1 << regex.ClassOf(r)
			}
			up := open[d]
			t.below[up] |= below
			t.whole[up] |= all
			t.nodes[up].chars = max(t.nodes[up].chars, chars[n.token])
		}
	}
	t.from[len(t.nodes)] = int32(len(t.order))
	return t
}

// fewNodes is up to how many nodes are run without asking what is safe.
const fewNodes = 8

// safeLevel is where runClasses stands behind a node.
type safeLevel[L ~int32] struct {
	text  L
	chars int // characters read
	asked bool
	safe  []regex.Safe
}

// runClasses appends to k.ids the tokens of alphabets that a text, between two
// characters, allows, but for those that dense has; of these, all tokens of known
// are among them.
func (k *Masks[S, L]) runClasses(text L, known regex.Safe, dense []uint64) {
	t, levels := k.t.text.classes, k.safeLevels
	levels[0] = safeLevel[L]{text: text}
	for i := 0; i < len(t.nodes); {
		n := &t.nodes[i]
		if t.whole[i]&^known.Classes == 0 && (known.Exact || int(n.chars) <= known.Chars) {
			i = int(n.skip)
			continue
		}
		before, chars := &levels[n.depth-1], 0
		if utf8.RuneStart(n.byte) {
			chars = 1
			if int(n.skip)-i > fewNodes && k.addSafe(before, i, dense) {
				i = int(n.skip)
				continue
			}
		}
		next, ok := k.m.StepText(before.text, n.byte)
		if !ok {
			i = int(n.skip)
			continue
		}
		levels[n.depth] = safeLevel[L]{text: next, chars: before.chars + chars}
		if n.token >= 0 {
			k.addNew(t.order[t.from[i]:t.from[i]+1], dense)
		}
		i++
	}
}

// addSafe appends to k.ids the tokens below node i that are allowed at the level
// before it, but for those that dense has, where that is known of all of them.
func (k *Masks[S, L]) addSafe(at *safeLevel[L], i int, dense []uint64) bool {
	if !at.asked {
		at.asked, at.safe = true, k.m.Safe(at.text)
	}
	t := k.t.text.classes
	n := &t.nodes[i]
	from, to := t.from[i], t.from[n.skip]
	for _, s := range at.safe {
		if t.below[i]&^s.Classes != 0 {
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
