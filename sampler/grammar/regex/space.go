package regex

import (
	"math"
	"math/bits"
	"slices"

	"orchrt/sampler/grammar/budget"
)

// Lang is a language of one Space. Equal values are equal languages; different
// values may be equal languages too. The zero Lang is the empty language.
type Lang int32

// The languages that every Space begins with.
const (
	none   Lang = iota // no string
	empty              // the empty string alone
	anyOne             // every string of one code point
	all                // every string
)

type kind uint8

const (
	kNone kind = iota
	kEmpty
	kClass  // one code point of set x
	kLit    // text, at least one code point
	kTrie   // the strings [min,max) of table x from byte y on
	kConcat // x then y; x is no concatenation
	kUnion  // any of list
	kInter  // all of list
	kNot    // not x
	kRepeat // min to max times x, max may be Unbounded
	kRef    // a recursive definition: the language list[0], set later
	kLazy   // the language that thunk x makes when it is needed
)

// Unbounded stands for a missing upper bound.
const Unbounded = math.MaxInt64

// node is a term. Its first part identifies it, the rest is derived.
type node struct {
	kind     kind
	x, y     int32
	min, max int64
	list     []Lang
	text     string

	hash  uint64
	null  tri  // whether the empty string is in it
	alive tri  // whether any string is in it
	plain bool // no intersection, complement or recursion below: not empty, costs exact
	open  bool // made while a recursive definition below it was still missing
	done  bool // edges is set
	exact bool // low is the cost of the string that Shortest gives
	step  bool // via is its first edge
	via   edge

	prefixes bool  // every string begins one of its strings
	ideal    bool  // it has all strings that some string stands in
	tail     bool  // it ends in All
	with     ascii // every string of it has these
	without  ascii // no string of it has these

	edges       []edge
	parted      *parted // the same by parts, where they are many
	low         int64   // until exact: at most the cost of that string (see cost.go)
	span        int64   // of strings with more repetitions than one of its bounds allows (see relax.go)
	short, long int64   // bounds of the lengths of its strings
	lens        []span  // their exact set, or nil where it is not known
}

// tri is a truth value that may not be known yet.
type tri int8

const (
	unknown tri = iota
	yes
	no
)

func truth(b bool) tri {
	if b {
		return yes
	}
	return no
}

// edge leads from a language to its derivative by any character of [lo,hi].
// The edges of a node are sorted and disjoint; characters without an edge lead
// to the empty language.
type edge struct {
	lo, hi rune
	to     Lang
}

const chunk = 32

// Space owns languages. It is not safe for concurrent use.
type Space struct {
	budget *budget.Budget
	err    error

	chunks    [][]node
	count     int
	index     []Lang // open addressing by hash; 0 is free
	sets      setTable
	tables    []*table
	thunks    []func() Lang
	parts     partitions
	folded    map[string]int32 // contents of a table → its number
	covers    map[coverKey]int16
	farthests map[Lang]int64
	most      map[Lang]int64 // see atMost
	passages  map[Lang]passage
	safes     map[Lang]safety
	format    map[string]Lang
	bytes     int64
	spent     int64  // steps
	swept     []edge // what calls of sweep have found, each behind those that called it
	patience  int64  // steps of a search for the cheapest string
	active    int    // definitions that are being made

	portable bool
}

// NewSpace returns a Space whose work is counted in b.
func NewSpace(b *budget.Budget) *Space {
	s := &Space{budget: b, index: make([]Lang, 128), patience: maxSearch}
	s.sets.init()
	for _, n := range []node{
		{kind: kNone, null: no, alive: no, plain: false, exact: true, low: farAway, short: farAway},
		{kind: kEmpty, null: yes, alive: yes, plain: true, exact: true, lens: []span{{0, 0}}},
	} {
		n.done = true
		s.add(n)
	}
	s.add(s.derive(node{kind: kClass, x: fullSet}))
	s.add(s.derive(node{kind: kRepeat, x: int32(anyOne), max: Unbounded}))
	for l := empty; l <= all; l++ {
		s.enter(l)
	}
	return s
}

// Err returns the *budget.ExceededError after the budget was spent, else nil.
func (s *Space) Err() error { return s.err }

// SetBudget gives the Space a new budget and clears Err.
func (s *Space) SetBudget(b *budget.Budget) { s.budget, s.err = b, nil }

// SetPortable makes Pattern keep to what ECMA-262 and Go's regexp both match:
// \s is then the five blanks of ASCII that both know, and where a pattern
// negates, \s and the dot stand for what either knows. Strings of such a
// language are valid for both kinds of validators; those of its complement need
// not be. It is off in a new Space.
func (s *Space) SetPortable(on bool) { s.portable = on }

// Bytes estimates the memory that the Space and its Lexers hold. It only
// grows; an owner who wants memory back makes a new Space.
func (s *Space) Bytes() int64 { return s.bytes }

// spend reports whether n more steps could be taken.
func (s *Space) spend(n int) bool {
	s.spent += int64(n)
	s.err = s.budget.Spend(n)
	return s.err == nil
}

func (s *Space) at(l Lang) *node { return &s.chunks[l/chunk][l%chunk] }

// None is the empty language.
func (s *Space) None() Lang { return none }

// Empty is the language of the empty string alone.
func (s *Space) Empty() Lang { return empty }

// All is the language of all strings.
func (s *Space) All() Lang { return all }

// add appends a node.
func (s *Space) add(n node) Lang {
	if s.count%chunk == 0 {
		s.chunks = append(s.chunks, make([]node, chunk))
	}
	l := Lang(s.count)
	s.count++
	n.hash = n.mix()
	*s.at(l) = n
	s.bytes += nodeBytes + int64(4*len(n.list)+len(n.text))
	return l
}

const nodeBytes = 288

// enter makes a node findable.
func (s *Space) enter(l Lang) {
	if s.count*2 > len(s.index) {
		old := s.index
		s.index = make([]Lang, 2*len(old))
		s.bytes += int64(4 * len(old))
		for _, o := range old {
			if o != none {
				s.place(o)
			}
		}
	}
	s.place(l)
}

func (s *Space) place(l Lang) {
	mask := uint64(len(s.index) - 1)
	i := s.at(l).hash & mask
	for s.index[i] != none {
		i = (i + 1) & mask
	}
	s.index[i] = l
}

// intern returns the node equal to n, made if necessary. It copies n.list.
func (s *Space) intern(n node) Lang {
	h := n.mix()
	mask := uint64(len(s.index) - 1)
	for i := h & mask; s.index[i] != none; i = (i + 1) & mask {
		if o := s.at(s.index[i]); o.hash == h && o.same(&n) {
			return s.index[i]
		}
	}
	if !s.spend(4 + (4*len(n.list)+len(n.text))/64) {
		return none
	}
	n.list = slices.Clone(n.list)
	l := s.add(s.derive(n))
	s.enter(l)
	return l
}

func (n *node) same(o *node) bool {
	if n.kind != o.kind || n.x != o.x || n.y != o.y || n.min != o.min || n.max != o.max ||
		n.text != o.text || len(n.list) != len(o.list) {
		return false
	}
	for i, l := range n.list {
		if o.list[i] != l {
			return false
		}
	}
	return true
}

// mix hashes what identifies a node.
func (n *node) mix() uint64 {
	h := mix2(uint64(n.kind)<<32|uint64(uint32(n.x)), uint64(uint32(n.y)))
	h = mix2(h^uint64(n.min), uint64(n.max)+0x9e37)
	for _, l := range n.list {
		h = mix2(h, uint64(l)+0x85eb)
	}
	for i := 0; i < len(n.text); i++ {
		h = (h ^ uint64(n.text[i])) * 0x100000001b3
	}
	return mix2(h, 0x2545)
}

func mix2(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^0x9e3779b97f4a7c15, b^0xbf58476d1ce4e5b9)
	return hi ^ lo
}
