package grammar

import "slices"

// maxForced bounds the bytes that are forced at once.
const maxForced = 4096

// Forced appends the tokens that must come next to dst, in the model's own
// tokenisation: none where there is a choice. The caller accepts as many of them
// as it takes. The end-of-turn token is never among them.
func (m *Matcher) Forced(dst []int32) []int32 {
	p := m.top().spot
	var begun, forced []int32
	switch p.stage {
	case again:
		forced = append(forced, m.t.v.call)
		p = spot{calling, m.t.calls.begin()}
	case calling, document:
		begun = m.document()
	default:
		return dst
	}
	end, more := m.t.forced(p, begun)
	forced = append(forced, more...)
	if end.stage == calling && end.cursor.final() {
		forced = append(forced, m.t.v.endCall)
		end = spot{stage: called}
	}
	if m.max > 0 && !m.t.fits(end, m.left()-len(forced)) {
		return dst
	}
	return append(dst, forced...)
}

// document returns the last tokens of the document or call that is being
// written, or all of them if they are few.
func (m *Matcher) document() []int32 {
	var ids []int32
	for i := len(m.path) - 1; i >= 0 && len(ids) < forcedContext; i-- {
		s := &m.path[i]
		if s.spot.stage != m.top().spot.stage || s.id == m.t.v.call || i == 0 {
			break
		}
		ids = append(ids, s.id)
	}
	slices.Reverse(ids)
	return ids
}

// forcedContext is how many tokens before forced text are looked at for a place
// where the tokenizer must have split the text.
const forcedContext = 48

// forced finds the tokens that must follow the tokens begun of a document at p,
// and the spot behind them.
func (t *Turn) forced(p spot, begun []int32) (spot, []int32) {
	bytes, end := p.cursor.mustRead()
	if len(bytes) == 0 {
		return p, nil
	}
	var context []byte
	starts := make([]int, len(begun))
	for i, id := range begun {
		starts[i] = len(context)
		context = append(context, t.v.table.Bytes(id)...)
	}
	var known []int32
	if len(begun) > 0 {
		first := splitBefore(context, starts, len(begun) == forcedContext)
		if first < 0 {
			return p, nil
		}
		known, context = begun[first:], context[starts[first]:]
	}
	behind, all := len(context), append(context, bytes...)
	cut := len(all)
	if !end.final() {
		cut = lastSplit(all, behind, end.mayRead())
	}
	if cut <= behind {
		return p, nil
	}
	ids, ok := t.v.table.Encode(nil, all[:cut])
	if !ok || len(ids) <= len(known) || !slices.Equal(ids[:len(known)], known) {
		return p, nil
	}
	c, ok := p.cursor.advance(all[behind:cut])
	if !ok {
		panic("grammar: forced bytes are refused")
	}
	return spot{p.stage, c}, ids[len(known):]
}

// mustRead returns the bytes that must come, and the place behind them.
func (c cursor) mustRead() ([]byte, cursor) {
	var bytes []byte
	for c.u == nil && !c.w.blank {
		b := c.w.texts[c.lo][c.pos]
		next, _ := c.step(b)
		if next.u == nil && next.hi-next.lo != c.hi-c.lo {
			return bytes, c
		}
		bytes, c = append(bytes, b), next
	}
	if c.u == nil {
		return bytes, c
	}
	c.u.mu.Lock()
	defer c.u.mu.Unlock()
	c.u.settle()
	for len(bytes) < maxForced {
		b := c.u.onlyByte(c.s)
		if b < 0 {
			break
		}
		bytes, c.s = append(bytes, byte(b)), c.s.Step(byte(b))
	}
	return bytes, c
}

// onlyByte returns the byte that must follow s, -1 if there is a choice or s is
// final.
func (u *unit) onlyByte(s state) int16 {
	if b, ok := u.only[s]; ok {
		return b
	}
	if len(u.only) >= maxStates {
		clear(u.only)
	}
	only := int16(-1)
	if !s.Final() {
		if rest := s.Shortest(nil); len(rest) > 0 && u.alone(s, rest[0]) {
			only = int16(rest[0])
		}
	}
	u.only[s] = only
	return only
}

// alone reports that no byte but b may follow s.
func (u *unit) alone(s state, b byte) bool {
	for i := range 256 {
		other := byte(i) ^ 'a' // text is most likely to show that there is a choice
		if other != b && s.Step(other) != nil {
			return false
		}
	}
	return true
}

// mayRead returns the bytes that may come in a document or its wrapper.
func (c cursor) mayRead() []byte {
	var bytes []byte
	if c.u != nil {
		c.u.mu.Lock()
		defer c.u.mu.Unlock()
		for b := range 256 {
			if c.s.Step(byte(b)) != nil {
				bytes = append(bytes, byte(b))
			}
		}
		return bytes
	}
	for b := range 256 {
		if _, ok := c.step(byte(b)); ok {
			bytes = append(bytes, byte(b))
		}
	}
	return bytes
}
