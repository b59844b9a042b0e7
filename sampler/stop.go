package sampler

import (
	"cmp"
	"slices"
	"strings"
)

// Stop finds stop strings in text that arrives in pieces. Text that can no
// longer be part of a stop string is let through at once; the rest is held
// back until it is decided. How the text is cut into pieces changes nothing.
//
// The first stop string to be complete ends the text; of several that end on
// the same byte the longest, which starts first. The automaton is Aho and
// Corasick's, with memory linear in the total length of the strings.
type Stop struct {
	auto    *automaton
	state   int32
	held    []byte // the text that state stands for
	matched string
	done    bool
}

// ValidateStop checks stop strings: an empty one would end every text before
// its first character. The error is a *ParamError for the field "stop".
func ValidateStop(stops []string) error {
	if slices.Contains(stops, "") {
		return &ParamError{"stop", `""`, "a stop string must not be empty"}
	}
	return nil
}

// NewStop returns a matcher for the stop strings. Empty strings, which
// ValidateStop refuses, match nothing.
func NewStop(stops []string) *Stop {
	return &Stop{auto: newAutomaton(stops)}
}

// Clone returns a matcher for the same strings at the start of another text.
// It shares the automaton, which is never written again.
func (s *Stop) Clone() *Stop { return &Stop{auto: s.auto} }

// Push adds text. emit is what is certain to precede any stop string; when a
// stop string is complete, done is true, matched is that string and emit ends
// just before it. After that Push returns "", the same string and true.
func (s *Stop) Push(text string) (emit string, matched string, done bool) {
	if s.done {
		return "", s.matched, true
	}
	for i := range len(text) {
		s.state = s.auto.step(s.state, text[i])
		if n := int(s.auto.nodes[s.state].match); n > 0 {
			return s.finish(text[:i+1], n)
		}
	}
	return s.release(text, int(s.auto.nodes[s.state].depth)), "", false
}

// release holds back the last n bytes of the held text and text, and returns
// what comes before.
func (s *Stop) release(text string, n int) string {
	if n == 0 && len(s.held) == 0 {
		return text
	}
	if n <= len(text) {
		cut := len(text) - n
		emit := string(s.held) + text[:cut]
		s.held = append(s.held[:0], text[cut:]...)
		return emit
	}
	s.held = append(s.held, text...)
	cut := len(s.held) - n
	emit := string(s.held[:cut])
	s.held = append(s.held[:0], s.held[cut:]...)
	return emit
}

// finish ends the text with the stop string of n bytes that text completes.
func (s *Stop) finish(text string, n int) (string, string, bool) {
	all := string(s.held) + text
	cut := len(all) - n
	s.held, s.matched, s.done = nil, strings.Clone(all[cut:]), true
	return all[:cut], s.matched, true
}

// Flush ends the text and returns what was held back. The matcher is then at
// the start of a new text.
func (s *Stop) Flush() string {
	out := string(s.held)
	s.held, s.state, s.matched, s.done = s.held[:0], 0, "", false
	return out
}

// automaton is a trie with failure links. Node 0 is the root.
type automaton struct {
	nodes []node
	root  [256]int32 // the root's children, 0 for none
}

// node stands for a prefix of some stop string. Its children are a list
// linked by sibling.
type node struct {
	child, sibling int32 // 0 for none
	fail           int32 // the longest proper suffix that is a node
	depth          int32 // length of the prefix in bytes
	match          int32 // length of the longest stop string that is a suffix of the prefix, 0 for none
	char           byte  // last byte of the prefix
}

func newAutomaton(stops []string) *automaton {
	a := &automaton{nodes: make([]node, 1)}
	for _, s := range stops {
		a.insert(s)
	}
	a.link()
	return a
}

func (a *automaton) insert(s string) {
	at := int32(0)
	for i := range len(s) {
		to := a.child(at, s[i])
		if to == 0 {
			to = int32(len(a.nodes))
			a.nodes = append(a.nodes, node{char: s[i], depth: int32(i + 1)})
			a.adopt(at, to)
		}
		at = to
	}
	a.nodes[at].match = int32(len(s))
}

// adopt makes node to a child of node at.
func (a *automaton) adopt(at, to int32) {
	if at == 0 {
		a.root[a.nodes[to].char] = to
		return
	}
	a.nodes[to].sibling, a.nodes[at].child = a.nodes[at].child, to
}

// child returns the child of node at for byte c, 0 for none.
func (a *automaton) child(at int32, c byte) int32 {
	if at == 0 {
		return a.root[c]
	}
	to := a.nodes[at].child
	for to != 0 && a.nodes[to].char != c {
		to = a.nodes[to].sibling
	}
	return to
}

// link sets the failure links, shortest prefixes first: a node's link leads to
// a shorter one.
func (a *automaton) link() {
	order := make([]int32, 0, len(a.nodes))
	for _, to := range a.root {
		if to != 0 {
			order = append(order, to)
		}
	}
	for i := 0; i < len(order); i++ {
		at := order[i]
		for to := a.nodes[at].child; to != 0; to = a.nodes[to].sibling {
			fail := a.step(a.nodes[at].fail, a.nodes[to].char)
			a.nodes[to].fail = fail
			a.nodes[to].match = cmp.Or(a.nodes[to].match, a.nodes[fail].match)
			order = append(order, to)
		}
	}
}

// step returns the node for the longest suffix of (at's prefix + c) that is a
// prefix of a stop string.
func (a *automaton) step(at int32, c byte) int32 {
	for {
		if to := a.child(at, c); to != 0 || at == 0 {
			return to
		}
		at = a.nodes[at].fail
	}
}
