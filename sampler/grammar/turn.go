package grammar

import (
	"slices"
	"sync"
	"sync/atomic"

	"orchrt/sampler/grammar/vocab"
)

// Turn is the automaton of a turn. It does not change and is safe for
// concurrent use.
type Turn struct {
	v        *Vocabulary
	warnings []Warning
	units    []*unit // of all tools and the response

	calls  *wrapper // nil: no calls
	single bool
	early  bool // a call may end the thinking
	// gap is what stands between the thinking and what is owed, a call or a
	// document. nil: free text, nothing is owed.
	gap *wrapper
	eos []int32

	free [1 << extras]atomic.Pointer[[]uint64] // the ordinary tokens, and those of some extras

	mu   sync.Mutex
	sets map[cursor]*vocab.Set // of places in wrappers

	// Tokens that suffice behind <tool_call> and for the answer; 0: not known yet.
	shortestCall, shortestAnswer atomic.Int64
}

// extra is a set of added tokens that may be allowed besides ordinary ones.
type extra int

const (
	withThink extra = 1 << iota
	withEndThink
	withCall
	withEndCall
	withEOS
	extras = iota
)

// stage is where a turn stands, but for the place in a document.
type stage uint8

const (
	opening  stage = iota // nothing was written
	thinking              // behind <think>
	fresh                 // free text, straight behind </think>
	text                  // free text
	gap                   // at cursor, before what is owed or in a document that has not begun
	calling               // behind <tool_call>, at cursor
	document              // in the document, at cursor
	called                // behind </tool_call>
	again                 // behind the newline after that: another call must follow
	ended                 // behind the end of turn
)

// spot is a state of the automaton. Equal spots are the same state.
type spot struct {
	stage  stage
	cursor cursor // in gap, calling and document
}

// owes reports that the turn has to contain a call or a document.
func (t *Turn) owes() bool { return t.gap != nil }

// answer is the spot at which the answer begins, behind </think>.
func (t *Turn) answer() spot {
	if t.owes() {
		return spot{gap, t.gap.begin()}
	}
	return spot{stage: fresh}
}

// next moves past a token; ok is false where it may not come.
func (t *Turn) next(p spot, id int32) (_ spot, ok bool) {
	if b := t.v.table.Bytes(id); b != nil {
		return t.nextBytes(p, id, b)
	}
	if id < 0 || !t.extras(p).has(t, id) {
		return p, false
	}
	switch id {
	case t.v.think:
		return spot{stage: thinking}, true
	case t.v.endThink:
		return t.answer(), true
	case t.v.call:
		return spot{calling, t.calls.begin()}, true
	case t.v.endCall:
		return spot{stage: called}, true
	}
	return spot{stage: ended}, true
}

// nextBytes is next for an ordinary token.
func (t *Turn) nextBytes(p spot, id int32, b []byte) (_ spot, ok bool) {
	switch p.stage {
	case thinking:
		return p, true
	case opening:
		if t.owes() {
			return t.nextBytes(t.answer(), id, b)
		}
		return spot{stage: text}, true
	case fresh, text:
		return spot{stage: text}, true
	case gap, calling, document:
		c, ok := p.cursor.advance(b)
		if p.stage == gap && c.u != nil {
			p.stage = document
		}
		return spot{p.stage, c}, ok
	case called:
		return spot{stage: again}, id == t.v.newline && !t.single
	}
	return p, false
}

// extras returns the added tokens that may come.
func (t *Turn) extras(p spot) (x extra) {
	call := extra(0)
	if t.calls != nil {
		call = withCall
	}
	switch p.stage {
	case opening:
		x = call | withThink
		if !t.owes() {
			x |= withEOS
		}
	case thinking:
		x = withEndThink
		if t.early {
			x |= call
		}
	case fresh, again:
		x = call
	case gap:
		x = call
	case text:
		x = call | withEOS
	case calling:
		if p.cursor.final() {
			x = withEndCall
		}
	case document:
		if p.cursor.final() {
			x = withEOS
		}
	case called:
		x = withEOS
	}
	return x
}

// has reports whether an added token is among those of x.
func (x extra) has(t *Turn, id int32) bool {
	switch id {
	case t.v.think:
		return x&withThink != 0
	case t.v.endThink:
		return x&withEndThink != 0
	case t.v.call:
		return x&withCall != 0
	case t.v.endCall:
		return x&withEndCall != 0
	}
	return x&withEOS != 0 && slices.Contains(t.eos, id)
}

// add sets the bits of the tokens of x.
func (x extra) add(t *Turn, bits []uint64) {
	set := func(id int32) {
		if id >= 0 {
			bits[id>>6] |= 1 << (id & 63)
		}
	}
	for i, id := range [...]int32{t.v.think, t.v.endThink, t.v.call, t.v.endCall} {
		if x>>i&1 != 0 {
			set(id)
		}
	}
	if x&withEOS != 0 {
		for _, id := range t.eos {
			set(id)
		}
	}
}

// freeSet returns the set of all ordinary tokens and those of x, which is shared.
func (t *Turn) freeSet(x extra) []uint64 {
	if set := t.free[x].Load(); set != nil {
		return *set
	}
	set := slices.Clone(t.v.table.Ordinary())
	x.add(t, set)
	t.free[x].Store(&set)
	return set
}

// tokens returns the set of ordinary tokens at a cursor.
func (t *Turn) tokens(c cursor) *vocab.Set {
	if c.u != nil {
		c.u.mu.Lock()
		defer c.u.mu.Unlock()
		return c.u.set(c.s)
	}
	t.mu.Lock()
	set, ok := t.sets[c]
	t.mu.Unlock()
	if ok {
		return set
	}
	var ids []int32
	vocab.Walk(t.v.table.Trie(), c, cursor.step, func(id int32, _ cursor) { ids = append(ids, id) })
	set = t.v.table.Set(ids)
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.sets) >= maxWrapperSets {
		clear(t.sets)
	}
	t.sets[c] = set
	return set
}

// maxWrapperSets bounds the sets that a turn keeps: they are small.
const maxWrapperSets = 4096

// worn reports that one of the units is.
func (t *Turn) worn() bool { return slices.ContainsFunc(t.units, (*unit).worn) }

// Warnings lists the schemas that are not enforced.
func (t *Turn) Warnings() []Warning { return t.warnings }

// where names a stage in an error.
func (s stage) where() string {
	names := [...]string{
		opening: "at the beginning of the turn", thinking: "in the thinking", fresh: "straight after the thinking",
		text: "in the text", gap: "before the call or document that must follow", calling: "in a call", document: "in the document",
		called: "after a call", again: "where another call must follow", ended: "after the end of the turn",
	}
	return names[s]
}

func (s stage) error(id int32) *TokenError { return &TokenError{ID: id, Where: s.where()} }
