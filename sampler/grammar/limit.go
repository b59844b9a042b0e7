package grammar

import (
	"math"

	"orchrt/sampler/grammar/automaton"
	"orchrt/sampler/grammar/vocab"
)

// A turn with a limit on its tokens keeps one promise: what was begun and what
// is owed can be completed with the tokens left. A token may come only if what it
// leads to fits; the distance in bytes bounds the number of tokens, and only near
// the limit are the tokens of the shortest completion counted. As the tokens of
// a completion's rest need not be the rest of its tokens, the tokens that were
// counted are kept as a plan, whose next token may always come.

// Tokens behind a document.
const (
	closeCall     = 2 // </tool_call> and the end of turn
	closeDocument = 1 // the end of turn
)

// closers is the number of tokens behind the document in a stage.
func (s stage) closers() int {
	if s == calling {
		return closeCall
	}
	return closeDocument
}

// fits reports that a turn can be completed from p with left tokens.
func (t *Turn) fits(p spot, left int) bool {
	switch p.stage {
	case opening:
		return !t.owes() || left >= t.needAnswer()
	case thinking: // one token more, as the model writes newlines behind </think>
		return !t.owes() || left >= 2+t.needAnswer()
	case gap:
		return left >= t.needAnswer()
	case calling:
		return t.fitsCursor(p.cursor, left-closeCall)
	case document:
		return t.fitsCursor(p.cursor, left-closeDocument)
	case called:
		return left >= 1
	case again:
		return left >= 1+t.needCall()
	}
	return true
}

// fitsCursor reports that left tokens can complete a document.
func (t *Turn) fitsCursor(c cursor, left int) bool {
	if left < 0 {
		return false
	}
	d := c.distance()
	return d <= left || d <= left*maxTokenBytes && t.least(c) <= left
}

// complete returns the tokens of a shortest completion: those of the whole text,
// or those of its parts where these are fewer. ok is false if none is known.
func (t *Turn) complete(c cursor) (ids []int32, ok bool) {
	if c.distance() >= automaton.Far {
		return nil, false
	}
	ids = t.v.table.Spell(nil, c.shortest(nil))
	if c.u == nil {
		return ids, true
	}
	c.u.mu.Lock()
	defer c.u.mu.Unlock()
	if n, ok := c.s.Cost(t.v.spelled); ok && n < len(ids) {
		ids = ids[:0]
		c.s.Parts(func(text string) { ids = t.v.table.Spell(ids, []byte(text)) })
	}
	return ids, true
}

// spelled is the number of tokens that stand for text.
func (v *Vocabulary) spelled(text string) int { return len(v.table.Spell(nil, []byte(text))) }

// unknown is a number of tokens that no limit is as large as: no completion is
// known.
const unknown = math.MaxInt32 / 2

// least is the number of tokens of complete.
func (t *Turn) least(c cursor) int {
	ids, ok := t.complete(c)
	if !ok {
		return unknown
	}
	return len(ids)
}

// needCall is the number of tokens of a short call and what closes it, behind
// <tool_call>.
func (t *Turn) needCall() int {
	if n := t.shortestCall.Load(); n > 0 {
		return int(n)
	}
	n := t.least(t.calls.begin()) + closeCall
	t.shortestCall.Store(int64(n))
	return n
}

// needAnswer is the number of tokens of a short answer that is owed.
func (t *Turn) needAnswer() int {
	if n := t.shortestAnswer.Load(); n > 0 {
		return int(n)
	}
	n := 0
	if t.gap.units[0] != nil {
		n = t.least(t.gap.begin()) + closeDocument
	}
	if t.calls != nil && (n == 0 || 1+t.needCall() < n) {
		n = 1 + t.needCall()
	}
	t.shortestAnswer.Store(int64(n))
	return n
}

// need is the number of tokens of a short completion of a turn that starts at p.
func (t *Turn) need(p spot) int {
	switch {
	case !t.owes() && p.stage <= text:
		return 0
	case p.stage == thinking:
		return 1 + t.needAnswer()
	case p.stage <= gap:
		return t.needAnswer()
	case p.stage == calling:
		return t.least(p.cursor) + closeCall
	case p.stage == document:
		return t.least(p.cursor) + closeDocument
	case p.stage == again:
		return 1 + t.needCall()
	}
	return 1
}

// plan returns the tokens that complete the document at p, where it has begun
// or is what is owed: none if none is known.
func (t *Turn) plan(p spot) []int32 {
	switch {
	case p.stage == opening && t.owes():
		return t.plan(t.answer())
	case p.stage == gap && p.cursor.w.units[0] == nil, p.stage < gap, p.stage > document:
		return nil
	}
	ids, _ := t.complete(p.cursor)
	return ids
}

// limited returns the ordinary tokens at a cursor, in buf or a shared set, behind
// which a turn fits into left tokens; all, that none had to be left out. at
// is the spot that the cursor stands at.
func (t *Turn) limited(buf []uint64, at spot, left int) (bits []uint64, all bool) {
	if at.cursor.u == nil {
		return t.limitedWrapper(buf, at, left), false
	}
	left -= at.stage.closers()
	u, s := at.cursor.u, at.cursor.s
	u.mu.Lock()
	defer u.mu.Unlock()
	u.settle()
	near := u.near(s, left)
	if u.spent != nil { // stopped: the mask does not matter
		clear(buf)
		return buf, false
	}
	if near {
		u.metered(func() {
			u.masks.Near(buf, s, left, func(s state) bool { return t.fitsState(s, left) })
		})
		return buf, false
	}
	return u.set(s).Fill(buf), true
}

// near reports that some token may lead s too far for left tokens to suffice
// behind it. That is worked out only where it is close, by the slack.
func (u *unit) near(s state, left int) bool {
	switch {
	case left-u.slack >= s.Distance():
		return false
	case s.Key():
		return true
	}
	var reach int
	u.metered(func() { reach = u.masks.Reach(s) })
	return reach > left
}

// fitsState reports that left tokens can complete a document from s, whose unit is
// locked. Long completions are counted by their parts, which most states share:
// it may say no where the whole text would just fit.
func (t *Turn) fitsState(s state, left int) bool {
	d := s.Distance()
	switch {
	case left < 0 || d > left*maxTokenBytes:
		return false
	case d <= left:
		return true
	}
	n, ok := s.Cost(t.v.spelled)
	return ok && (n <= left || d <= maxSpelled && len(t.v.table.Spell(nil, s.Shortest(nil))) <= left)
}

// maxSpelled bounds the bytes of a completion whose tokens are counted for every
// state.
const maxSpelled = 256

// limitedWrapper is limited in a wrapper.
func (t *Turn) limitedWrapper(buf []uint64, at spot, left int) []uint64 {
	clear(buf)
	vocab.Walk(t.v.table.Trie(), at.cursor, cursor.step, func(id int32, next cursor) {
		p := spot{at.stage, next}
		if p.stage == gap && next.u != nil {
			p.stage = document
		}
		if t.fits(p, left) {
			buf[id>>6] |= 1 << (id & 63)
		}
	})
	return buf
}

// maxTokenBytes bounds the bytes of a token.
const maxTokenBytes = 255
