package grammar

import (
	"fmt"
	"slices"
)

// Phase is a part of a turn.
type Phase int

// The phases.
const (
	Opening  Phase = iota // nothing was written yet
	Thinking              // between <think> and </think>
	Text                  // an answer in free text, or between thinking and what follows
	Call                  // between <tool_call> and </tool_call>
	Answer                // in the JSON document of a Response
	Closing               // behind a call: another one or the end of turn can come
	Ended                 // the end-of-turn token was accepted
)

// Matcher follows one turn. It implements sampler.Mask and sampler.Forcer. It
// is not safe for concurrent use, but matchers of one Turn may be used at the
// same time, forks among them.
type Matcher struct {
	t     *Turn
	path  []step // the steps of the prompt, then those of the turn
	start int    // how many are the prompt's, at least one
	count int    // tokens accepted
	max   int    // tokens that there may be; 0: any number
}

// step is a spot of the turn and how it was reached.
type step struct {
	spot spot
	id   int32 // the token that led here
	// run counts the tokens that were accepted here: one, and those that led
	// back to the same spot of thinking or text. The first step has none, those
	// of the prompt need none.
	run int32
	// plan, near the limit, is a completion that is known to fit.
	plan []int32
}

func (m *Matcher) top() *step { return &m.path[len(m.path)-1] }

// left is the number of tokens that may still come, where there is a limit.
func (m *Matcher) left() int { return m.max - m.count }

// Allowed returns the set of tokens that may come next: bit i%64 of word i/64
// stands for token i. It is buf, all of whose words were written, or a set that
// is shared and must not be written to. It is empty once the turn has ended.
func (m *Matcher) Allowed(buf []uint64) []uint64 {
	p := m.top().spot
	t := m.t
	x := m.extras(p)
	switch p.stage {
	case thinking:
		if m.max > 0 && !t.fits(p, m.left()-1) {
			return t.just(buf, x)
		}
		return t.freeSet(x)
	case opening:
		if t.owes() {
			return m.within(buf, t.answer(), x)
		}
		return t.freeSet(x)
	case fresh, text:
		return t.freeSet(x)
	case gap, calling, document:
		if x&withEndCall != 0 { // nothing else may follow
			return t.just(buf, x)
		}
		return m.within(buf, p, x)
	case called:
		buf = t.just(buf, x)
		if !t.single && (m.max == 0 || t.fits(spot{stage: again}, m.left()-1)) {
			buf[t.v.newline>>6] |= 1 << (t.v.newline & 63)
		}
		return buf
	}
	return t.just(buf, x)
}

// extras returns the added tokens that may come within the limit.
func (m *Matcher) extras(p spot) extra {
	t := m.t
	x := t.extras(p)
	if m.max == 0 {
		return x
	}
	left := m.left() - 1
	if x&withThink != 0 && !t.fits(spot{stage: thinking}, left) {
		x &^= withThink
	}
	if x&withCall != 0 && left < t.needCall() {
		x &^= withCall
	}
	if left < 0 {
		x = 0
	}
	return x
}

// within returns the tokens at a cursor and those of x.
func (m *Matcher) within(buf []uint64, p spot, x extra) []uint64 {
	bits := buf
	if !p.cursor.u.stopped() {
		bits = m.follow(buf, p, x)
	}
	if p.cursor.u.stopped() {
		clear(buf)
		bits = buf
		if plan := m.plan(); len(plan) > 0 {
			buf[plan[0]>>6] |= 1 << (plan[0] & 63)
		}
	}
	if x == 0 {
		return bits
	}
	if &bits[0] != &buf[0] {
		copy(buf, bits)
	}
	x.add(m.t, buf)
	return buf
}

// follow returns the ordinary tokens at a cursor, where its unit has not stopped.
func (m *Matcher) follow(buf []uint64, p spot, x extra) []uint64 {
	if m.max == 0 {
		return m.t.tokens(p.cursor).Fill(buf)
	}
	bits, all := m.t.limited(buf, p, m.left()-1)
	if all {
		return bits
	}
	if plan := m.plan(); len(plan) > 0 {
		buf[plan[0]>>6] |= 1 << (plan[0] & 63)
	} else if x == 0 && p.cursor.u != nil && empty(buf) { // no completion is known: go on without the limit
		return m.t.tokens(p.cursor).Fill(buf)
	}
	return bits
}

// empty reports that a set has no tokens.
func empty(bits []uint64) bool {
	return !slices.ContainsFunc(bits, func(w uint64) bool { return w != 0 })
}

// plan returns tokens that complete the document, within the limit if nothing
// else does.
func (m *Matcher) plan() []int32 {
	if top := m.top(); top.plan != nil {
		return top.plan
	}
	return m.t.plan(m.top().spot)
}

// Complete appends the ordinary tokens of a short completion of the call or
// document that has begun, or that is owed at once, to dst; what closes it may
// follow. ok is false where there is none, or none is known.
func (m *Matcher) Complete(dst []int32) (_ []int32, ok bool) {
	ids := m.plan()
	return append(dst, ids...), len(ids) > 0
}

// just returns the set of the tokens of x.
func (t *Turn) just(buf []uint64, x extra) []uint64 {
	clear(buf)
	x.add(t, buf)
	return buf
}

// Accept moves on past token id. The error is *TokenError; the matcher is then
// where it was.
func (m *Matcher) Accept(id int32) error {
	top := m.top()
	next, ok := m.t.next(top.spot, id)
	if !ok {
		return top.spot.stage.error(id)
	}
	if m.max > 0 && m.count == m.max {
		return &TokenError{ID: id, Where: "behind the last token that there may be"}
	}
	var plan []int32
	stopped := top.spot.cursor.u.stopped() && m.t.v.table.IsOrdinary(id)
	if stopped || m.max > 0 && !m.t.fits(next, m.left()-1) && m.tight() {
		plan = m.plan()
		switch {
		case len(plan) > 0 && plan[0] == id:
			plan = plan[1:]
		case len(plan) > 0 || stopped || top.spot.cursor.u == nil:
			why := ": the rest would not fit into the tokens left"
			if stopped {
				why = ": the schema takes more work than it may, and the document is completed in the shortest way"
			}
			return &TokenError{ID: id, Where: top.spot.stage.where() + why}
		}
	}
	m.push(next, id, plan)
	return nil
}

// tight reports that a token behind which the turn does not fit is one that the
// limit leaves out. It is not where that was not worked out.
func (m *Matcher) tight() bool {
	p := m.top().spot
	u := p.cursor.u
	if u == nil {
		return true
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.near(p.cursor.s, m.left()-1-p.stage.closers())
}

// push records a token.
func (m *Matcher) push(next spot, id int32, plan []int32) {
	m.count++
	top := m.top()
	if next == top.spot && (next.stage == thinking || next.stage == text) {
		top.run++
		return
	}
	m.path = append(m.path, step{spot: next, id: id, run: 1, plan: plan})
}

// Rollback takes back the last n tokens. The error says that fewer were
// accepted.
func (m *Matcher) Rollback(n int) error {
	if n < 0 || n > m.count {
		return fmt.Errorf("grammar: %d tokens cannot be taken back: %d were accepted", n, m.count)
	}
	m.count -= n
	for n > 0 {
		top := m.top()
		back := min(n, int(top.run))
		top.run -= int32(back)
		n -= back
		if top.run == 0 && len(m.path) > m.start {
			m.path = m.path[:len(m.path)-1]
		}
	}
	return nil
}

// Fork returns a matcher that stands where m does and goes its own way.
func (m *Matcher) Fork() *Matcher {
	fork := *m
	fork.path = slices.Clone(m.path)
	return &fork
}

// Done reports that the turn has ended.
func (m *Matcher) Done() bool { return m.top().spot.stage == ended }

// Phase tells which part of the turn the next token belongs to.
func (m *Matcher) Phase() Phase {
	return [...]Phase{
		opening: Opening, thinking: Thinking, fresh: Text, text: Text, gap: Text,
		calling: Call, document: Answer, called: Closing, again: Closing, ended: Ended,
	}[m.top().spot.stage]
}

// Err reports that following a schema took more work than it may. The
// document is then completed in a shortest way, and remains valid.
func (m *Matcher) Err() error {
	u := m.top().spot.cursor.u
	if u == nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err()
}
