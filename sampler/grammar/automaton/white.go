package automaton

import "orchrt/sampler/grammar/regex"

// White sorts states by the white space that may come: from two states of one
// machine with equal classes, the same sequences of white space are allowed. ok
// is false where that cannot be told without trying.
func (s *State) White() (class int, ok bool) {
	if s.mode == inWord || s.mode == inNumber || s.m.err != nil {
		return 0, false
	}
	return int(s.ws), s.structural()
}

// Refuses reports that b may not come, where that is seen at once: it is no
// byte of JSON outside of strings.
func (s *State) Refuses(b byte) bool { return !structure[b] && s.structural() }

// Outside reports that s is in no string and that, from here to the end of the
// text, only bytes of JSON may stand outside of strings.
func (s *State) Outside() bool { return s.structural() && s.c.plain && s.m.err == nil }

// structural reports that s is in none of the texts that may hold any bytes:
// strings, keys, and what stands before and behind the document.
func (s *State) structural() bool {
	switch s.mode {
	case inString, inKey, inTail, inLiteral, lastResort:
		return false
	case inNumber, inWord: // the document may end here, and what is behind it begin
		return s.in != nil || s.c.tail == ""
	}
	return true
}

// structure holds for the bytes of JSON outside of strings.
var structure = [256]bool{
	' ': true, '\t': true, '\r': true, '\n': true,
	'"': true, '{': true, '}': true, '[': true, ']': true, ',': true, ':': true,
	'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true, '8': true, '9': true,
	'+': true, '-': true, '.': true, 'E': true, 'e': true,
	'a': true, 'f': true, 'l': true, 'n': true, 'r': true, 's': true, 't': true, 'u': true,
}

// Texts appends to dst the states of the string automata inside a string, one
// for each alternative. A byte that does not close the string is allowed where
// one of them takes it by Lexer().Step.
func (s *State) Texts(dst []regex.State) []regex.State {
	if text, ok := s.Text(); ok {
		return append(dst, text)
	}
	if s.mode == inString {
		for _, t := range s.threads {
			dst = append(dst, regex.State(t.f))
		}
	}
	return dst
}

// Alike reports that s is in the text of a value and that the state behind the
// string is the same whatever its text.
func (s *State) Alike() bool {
	return s.mode == inString && len(s.threads) == 1 && !s.in.recorded() && s.m.err == nil
}

// Inner reports of a state in a string, no key, that the string stands in an object
// or array, and that, where its automaton accepts, the quote that closes it may come.
func (s *State) Inner() bool {
	return s.mode == inString && s.in != nil && len(s.threads) == 1 && s.m.err == nil
}

// Similar reports of a state in a string that is an item of an array whose items may
// have to differ: whatever the string is, the same may come behind it up to the
// first byte of another string. It may fail to see that.
func (s *State) Similar() bool {
	if !s.Inner() || !s.in.track || s.in.up.recorded() {
		return false
	}
	c := s.c
	c.resume()
	for _, r := range s.threads[0].k.rests {
		// No item has to follow, and if one may be a string, then one of several, of
		// which this one may be one. It makes no difference to items of other kinds.
		if !c.sp.Closes(r.cond) {
			return false
		}
		for _, a := range c.sp.Item(r.cond, s.in.fresh) {
			strings := c.sp.Content(c.sp.Resolved(a.Value)).Strings
			if !c.sp.Closes(a.Rest) || !c.sp.Regex.IsEmpty(strings) && !c.sp.Regex.Several(strings) {
				return false
			}
		}
	}
	return c.sp.Err() == nil
}
