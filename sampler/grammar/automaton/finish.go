package automaton

import (
	"math"
	"strings"

	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/number"
	"orchrt/sampler/grammar/regex"
	"orchrt/sampler/grammar/value"
)

// Shortest appends a completion to dst: bytes that Step allows one after the
// other and that end in a Final state. It is short, and the shortest one in
// documents without many alternatives. A state's completion is always the same,
// and that of the state after its first byte need not be its remainder: a caller
// who is short of room goes through with the one it has.
func (s *State) Shortest(dst []byte) []byte {
	text, _ := s.completion()
	return append(dst, text...)
}

// Far is the Distance of a state for which no completion of a megabyte was found
// with the work that may be spent on it. Shortest appends nothing there.
const Far = math.MaxInt32

// Distance returns the number of bytes of Shortest, 0 exactly if Final, or Far.
func (s *State) Distance() int {
	text, ok := s.completion()
	if !ok {
		return Far
	}
	return len(text)
}

// completion returns Shortest. ok is false if it is not known: looking for it was
// more work than it may be, or it is too long.
func (s *State) completion() (text string, ok bool) {
	if s.rest != nil {
		return *s.rest, true
	}
	if s.Final() {
		return "", true
	}
	if s.finishing || s.far {
		return "", false
	}
	m := s.m
	all := true // the steps that a completion may take
	switch outer := s.c != nil && m.finishing == 0; {
	case outer && m.metered:
		b := s.c.sp.Budget()
		steps, before := min(m.finishLeft, b.Left()), b.Spent()
		if all = steps >= m.finishSteps(); steps <= 0 {
			return "", false
		}
		s.c.sp.Spending(steps, func() { text, ok = s.tryCompletion() })
		m.finishLeft -= b.Spent() - before
	case outer:
		s.c.sp.Resume(m.finishSteps())
		fallthrough
	default:
		text, ok = s.tryCompletion()
	}
	switch {
	case ok:
		s.rest = &text
	case m.finishing == 0 && all:
		s.far = true
	}
	return text, ok
}

// tryCompletion looks for a completion with the steps that there are.
func (s *State) tryCompletion() (string, bool) {
	s.finishing = true
	s.m.finishing++
	text, ok := s.findCompletion()
	s.m.finishing--
	s.finishing = false
	if !ok || s.c != nil && s.c.sp.Err() != nil {
		return "", false
	}
	return text, true
}

// finishSteps is what a completion may take: more than a transition where that may
// take little.
func (m *Machine) finishSteps() int64 { return min(8*m.opt.StepBudget, DefaultStepBudget) }

// findCompletion looks for one.
func (s *State) findCompletion() (string, bool) {
	c := s.c
	switch s.mode {
	case inLiteral:
		return s.completeLiteral()
	case inTail:
		return c.tail[s.at:], true
	case lastResort:
		return s.text, true
	case inKey:
		return s.completeKey()
	case afterKey:
		return s.by(":")
	case afterColon:
		if s.ws == wsMust {
			return s.by(" ")
		}
		return s.through(s.named(), "")
	}
	if s.in.recorded() {
		return s.completeRecorded()
	}
	var best string
	found := false
	for _, t := range s.threads {
		text, next, ok := s.finish(t)
		if !ok {
			continue
		}
		if !found || len(text)+c.distance(next) < len(best) {
			best, found = text+c.tails(next), true
		}
	}
	return best, found
}

// by completes by way of the bytes of text.
func (s *State) by(text string) (string, bool) { return s.through(s.steps(text), text) }

// through completes by way of t, the state after text.
func (s *State) through(t *State, text string) (string, bool) {
	if t == nil {
		return "", false
	}
	rest, ok := t.completion()
	return text + rest, ok
}

// completeKey takes the shortest key, or one that the object needs anyway.
func (s *State) completeKey() (string, bool) {
	best, found := s.by(s.c.lex.Shortest(regex.State(s.at)) + `"`)
	text := s.spelled(func(t *State) bool { return t.mode != inKey })
	tried := 0
	for _, t := range s.threads {
		for _, name := range s.c.sp.Wanted(formula.Cond(t.f)) {
			quoted := string(value.AppendString(nil, name))
			if tried >= maxKeys || !strings.HasPrefix(quoted, text) {
				continue
			}
			tried++
			if full, ok := s.by(quoted[len(text):]); ok && (!found || len(full) < len(best)) {
				best, found = full, true
			}
		}
	}
	return best, found
}

// maxKeys bounds the keys that completeKey tries.
const maxKeys = 4

// completeLiteral takes the choice that is completed soonest.
func (s *State) completeLiteral() (best string, found bool) {
	for i := s.lo; i < s.hi; i++ {
		c := s.m.open(int(i))
		if c == nil {
			return "", false
		}
		c.sp.Resume(s.m.finishSteps())
		if t, ok := s.through(c.begin(), s.m.choices[i].text[s.at:]); ok && (!found || len(t) < len(best)) {
			best, found = t, true
		}
	}
	return best, found
}

// completeRecorded completes the innermost value and goes on from there, since
// what may follow depends on the value's text.
func (s *State) completeRecorded() (best string, found bool) {
	for _, t := range s.threads {
		text, _, ok := s.finish(t)
		if !ok {
			continue
		}
		end := s
		if s.mode == inNumber {
			// The number ends with what comes after it.
			end = s.steps(text)
			if end == nil {
				continue
			}
			if end = end.completeAll(0, end.accepted()); end == nil {
				continue
			}
			if text, ok := s.through(end, text); ok && (!found || len(text) < len(best)) {
				best, found = text, true
			}
			continue
		}
		if full, ok := s.by(text); ok && (!found || len(full) < len(best)) {
			best, found = full, true
		}
	}
	return best, found
}

// finish returns the text that completes a thread's value or, between members or
// items, its container, and how it goes on after that.
func (s *State) finish(t thread) (text string, next *conts, ok bool) {
	c := s.c
	lead := ""
	if s.ws == wsMust {
		lead = " "
	}
	cond := formula.Cond(t.f)
	switch s.mode {
	case inValue:
		text, ok, _ = c.sp.Witness(formula.F(t.f))
	case inWord:
		text, ok = words[s.at>>3].text[s.at&7:], true
	case inNumber:
		text, ok = c.num.Shortest(number.State(t.f)), true
	case inString:
		text, ok = c.lex.Shortest(regex.State(t.f))+`"`, true
	case inObject:
		text, ok = c.sp.SomeMembers(cond, s.in.keys, true)
		text += "}"
	case beforeKey:
		text, ok = c.sp.SomeMembers(c.sp.NonEmpty(cond, true), s.in.keys, true)
		text += "}"
	case inArray:
		text, ok = c.sp.SomeItems(cond, s.in.fresh, true)
		text += "]"
	case beforeItem:
		text, ok = c.sp.SomeItems(c.sp.NonEmpty(cond, false), s.in.fresh, true)
		text += "]"
	case afterMember, afterItem:
		text, ok = c.close(cond, s.in)
	}
	return lead + text, t.k, ok
}

// close returns the text from after a member or item to the end of its container.
func (c *core) close(cond formula.Cond, in *level) (string, bool) {
	text, ok, end := "", false, "]"
	if in.array {
		text, ok = c.sp.SomeItems(cond, in.fresh, true)
	} else {
		text, ok = c.sp.SomeMembers(cond, in.keys, true)
		end = "}"
	}
	if text != "" {
		text = ", " + text
	}
	return text + end, ok
}

// settle chooses how k is completed.
func (c *core) settle(k *conts) {
	if k.finished {
		return
	}
	if k == c.bottom {
		k.finished, k.tail, k.distance = true, c.tail, len(c.tail)
		return
	}
	found := false
	for _, r := range k.rests {
		text, ok := c.close(r.cond, k.at)
		if !ok {
			continue
		}
		if d := len(text) + c.distance(r.up); !found || d < k.distance {
			k.tail, k.next, k.distance, found = text, r.up, d, true
		}
	}
	k.finished = c.sp.Err() == nil
}

func (c *core) distance(k *conts) int {
	c.settle(k)
	return k.distance
}

// tails returns the text that completes the document after a value.
func (c *core) tails(k *conts) string {
	if k == c.bottom {
		return c.tail
	}
	c.settle(k)
	text := k.tail
	for k.next != nil {
		k = k.next
		c.settle(k)
		text += k.tail
	}
	return text
}
