package automaton

import (
	"strings"

	"orchrt/sampler/grammar/formula"
)

// Value reports that s stands before a value of an object or array, or in a
// number that is one. alone is the same state where nothing may follow the value,
// which all such values share that may be the same and may have the same white
// space before them; behind is the state after the value in s. ok is false, too,
// where what follows the value depends on it.
func (s *State) Value() (alone, behind *State, ok bool) {
	if s.m.err != nil {
		return nil, nil, false
	}
	c, v, md := s.c, s, inValue
	switch s.mode {
	case inValue:
	case inNumber:
		md = inNumber
	case afterColon, beforeItem:
		c.resume()
	default:
		return nil, nil, false
	}
	switch s.mode {
	case afterColon:
		v = s.named()
	case beforeItem:
		v = s.item()
	}
	if v == nil || len(v.threads) != 1 || v.in == nil || v.in.recorded() {
		return nil, nil, false
	}
	t := v.threads[0]
	if behind = c.complete(v, t.k); behind == nil {
		return nil, nil, false
	}
	alone = c.stateAt(md, s.ws, 0, nil, []thread{{t.f, c.nothing}})
	return alone, behind, s.m.err == nil && c.sp.Err() == nil
}

// Over reports that s was reached from a value alone, which ends before b if b
// comes next: what follows the value has to take b.
func (s *State) Over(b byte) bool {
	switch s.mode {
	case behindValue:
		return true
	case inNumber:
		return s.in == nil && s.threads[0].k == s.c.nothing && !ofNumber(b) && len(s.accepted()) > 0
	}
	return false
}

// ofNumber reports that b may go on a number.
func ofNumber(b byte) bool {
	return b >= '0' && b <= '9' || b == '.' || b == 'e' || b == 'E' || b == '+' || b == '-'
}

// memberKey stands for the members of an object whose names a condition does not
// tell apart.
type memberKey struct {
	t    thread
	part int
}

// member is one of them: the state before its value, alone, and that after it.
type member struct{ alone, behind *State }

// AnyMember is asked of a state in a key that may be what was read and then head.
// It reports that such a member is like others whose names nothing tells apart,
// and returns what Value returns before the value of one of them. What differs
// in behind is only that another name was seen, where infinitely many may come.
func (s *State) AnyMember(head []byte) (alone, behind *State, ok bool) {
	if s.mode != inKey || len(s.threads) != 1 || s.in.recorded() || s.m.err != nil {
		return nil, nil, false
	}
	c, t := s.c, s.threads[0]
	text := s.spelled(func(t *State) bool { return t.mode != inKey })
	if text += string(head); strings.IndexByte(text, '\\') >= 0 {
		return nil, nil, false
	}
	part, ok := c.sp.Plan(formula.Cond(t.f)).Unnamed(text[1:])
	if !ok {
		return nil, nil, false
	}
	k := memberKey{t, part}
	m, ok := c.members[k]
	if !ok {
		m = s.findMember(text[1:])
		if c.sp.Err() != nil || s.m.err != nil {
			return nil, nil, false
		}
		c.members[k] = m
	}
	return m.alone, m.behind, m.alone != nil
}

// findMember finds the member with a key.
func (s *State) findMember(key string) (m member) {
	c := s.c
	c.resume()
	t := c.newState(afterColon, c.afterMark(), 0, s.in, s.threads)
	t.key = key
	alone, behind, ok := t.Value()
	if !ok || len(behind.threads) != 1 || !c.sp.Plan(formula.Cond(behind.threads[0].f)).Endless() {
		return m
	}
	return member{alone, behind}
}
