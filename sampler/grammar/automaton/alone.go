package automaton

// Value reports that s stands before a value of an object or array. alone is
// the state before that value where nothing may follow it, which all such values
// share that may be the same and may have the same white space before them;
// behind is the state after the value in s. ok is false, too, where what follows
// the value depends on it.
func (s *State) Value() (alone, behind *State, ok bool) {
	if s.m.err != nil || s.mode != inValue && s.mode != afterColon && s.mode != beforeItem {
		return nil, nil, false
	}
	c, v := s.c, s
	c.sp.Resume(s.m.opt.StepBudget)
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
	alone = c.stateAt(inValue, s.ws, 0, nil, []thread{{t.f, c.nothing}})
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
