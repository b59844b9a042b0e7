package automaton

// White sorts states by the white space that may come: from two states of one
// machine with equal classes, the same sequences of white space are allowed. ok
// is false where that cannot be told without trying.
func (s *State) White() (class int, ok bool) {
	switch s.mode {
	case inWord, inNumber, inString, inKey, inTail, inLiteral, lastResort:
		return 0, false
	}
	return int(s.ws), s.m.err == nil
}
