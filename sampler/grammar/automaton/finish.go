package automaton

import (
	"math"
	"slices"
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
	r, ok := s.completion()
	if !ok {
		return dst
	}
	return r.appendTo(dst)
}

// Far is the Distance of a state for which no completion of a megabyte was found
// with the work that may be spent on it. Shortest appends nothing there.
const Far = math.MaxInt32

// Distance returns the number of bytes of Shortest, 0 exactly if Final, or Far.
func (s *State) Distance() int {
	r, ok := s.completion()
	if !ok {
		return Far
	}
	return r.size
}

// completion is Shortest in parts, which the completions of many states share:
// near the end of a long document each state has one, and they differ in their
// first bytes.
type completion struct {
	text string
	next *completion // what follows the text
	size int         // bytes in all
	cost int         // one more than what Cost counts; 0: not counted
}

// empty is the completion of a Final state.
var empty = &completion{cost: 1}

// Parts calls f with the parts of Shortest, in order.
func (s *State) Parts(f func(text string)) {
	r, _ := s.completion()
	for ; r != nil; r = r.next {
		if r.text != "" {
			f(r.text)
		}
	}
}

// Cost returns the sum of what count returns for the parts of Shortest. It counts
// each part once, also where the completions of many states share it: count must
// always be the same function. ok is false if no completion is known.
func (s *State) Cost(count func(text string) int) (n int, ok bool) {
	r, ok := s.completion()
	if !ok {
		return 0, false
	}
	var parts []*completion
	for ; r != nil && r.cost == 0; r = r.next {
		parts = append(parts, r)
	}
	if r != nil {
		n = r.cost - 1
	}
	for _, r := range slices.Backward(parts) {
		if r.text != "" {
			n += count(r.text)
		}
		r.cost = n + 1
	}
	return n, true
}

// appendTo appends the bytes to dst.
func (r *completion) appendTo(dst []byte) []byte {
	for ; r != nil; r = r.next {
		dst = append(dst, r.text...)
	}
	return dst
}

// before is the completion by text and then r.
func (r *completion) before(text string) *completion {
	return &completion{text: text, next: r, size: len(text) + r.size}
}

// textOnly is the completion by text, and nothing behind it.
func textOnly(text string) *completion { return &completion{text: text, size: len(text)} }

// completion returns Shortest. ok is false if it is not known: looking for it was
// more work than it may be, or it is too long.
func (s *State) completion() (r *completion, ok bool) {
	if s.rest != nil {
		return s.rest, true
	}
	if s.Final() {
		return empty, true
	}
	if s.finishing || s.far {
		return nil, false
	}
	m := s.m
	all := true // the steps that a completion may take
	switch outer := s.c != nil && m.finishing == 0; {
	case outer && m.metered:
		b := s.c.sp.Budget()
		steps, before := min(m.finishLeft, b.Left()), b.Spent()
		if all = steps >= m.finishSteps(); steps <= 0 {
			return nil, false
		}
		s.c.sp.Spending(steps, func() { r, ok = s.tryCompletion() })
		m.finishLeft -= b.Spent() - before
	case outer:
		s.c.sp.Resume(m.finishSteps())
		fallthrough
	default:
		r, ok = s.tryCompletion()
	}
	switch {
	case ok:
		s.rest = r
	case m.finishing == 0 && all:
		s.far = true
	}
	return r, ok
}

// tryCompletion looks for a completion with the steps that there are.
func (s *State) tryCompletion() (*completion, bool) {
	s.finishing = true
	s.m.finishing++
	r, ok := s.findCompletion()
	s.m.finishing--
	s.finishing = false
	if !ok || s.c != nil && s.c.sp.Err() != nil {
		return nil, false
	}
	return r, true
}

// finishSteps is what a completion may take: more than a transition where that may
// take little.
func (m *Machine) finishSteps() int64 { return min(8*m.opt.StepBudget, DefaultStepBudget) }

// findCompletion looks for one.
func (s *State) findCompletion() (*completion, bool) {
	c := s.c
	switch s.mode {
	case inLiteral:
		return s.completeLiteral()
	case inTail:
		return textOnly(c.tail[s.at:]), true
	case lastResort:
		return textOnly(s.text), true
	case inKey:
		return s.completeKey()
	case afterKey:
		return s.by(":")
	case afterColon:
		if s.chooses() {
			return s.completeMember()
		}
		if s.ws == wsMust {
			return s.by(" ")
		}
		return s.through(s.named(), "")
	}
	if s.in.recorded() {
		return s.completeRecorded()
	}
	var best *completion
	for _, t := range s.threads {
		text, next, ok := s.finish(t)
		if !ok {
			continue
		}
		if r := c.closing(next); best == nil || len(text)+r.size < best.size {
			best = r.before(text)
		}
	}
	return best, best != nil
}

// by completes by way of the bytes of text.
func (s *State) by(text string) (*completion, bool) { return s.through(s.steps(text), text) }

// through completes by way of t, the state after text.
func (s *State) through(t *State, text string) (*completion, bool) {
	if t == nil {
		return nil, false
	}
	rest, ok := t.completion()
	if !ok {
		return nil, false
	}
	return rest.before(text), true
}

// completeKey takes the shortest key, or one that the object needs anyway.
func (s *State) completeKey() (*completion, bool) {
	best, found := s.by(s.c.lex.Shortest(regex.State(s.at)) + `"`)
	text := s.spelled(func(t *State) bool { return t.mode != inKey })
	tried := 0
	for _, t := range s.threads {
		names := s.c.wanted(formula.Cond(t.f))
		first, _ := slices.BinarySearch(names, text)
		for _, quoted := range names[first:] {
			if tried >= maxKeys || !strings.HasPrefix(quoted, text) {
				break
			}
			tried++
			if full, ok := s.by(quoted[len(text):]); ok && (!found || full.size < best.size) {
				best, found = full, true
			}
		}
	}
	return best, found
}

// wanted returns the names that a condition asks for, quoted and in ascending order.
func (c *core) wanted(k formula.Cond) []string {
	names, ok := c.names[k]
	if !ok {
		for _, name := range c.sp.Wanted(k) {
			names = append(names, string(value.AppendString(nil, name)))
		}
		slices.Sort(names)
		names = slices.Compact(names)
		c.names[k] = names
	}
	return names
}

// maxKeys bounds the keys that completeKey tries.
const maxKeys = 4

// chooses reports that what the value of a member may be is not to be found out just
// to complete the object.
func (s *State) chooses() bool {
	return !s.in.recorded() && slices.ContainsFunc(s.threads, func(t thread) bool {
		return s.c.sp.Plan(formula.Cond(t.f)).Chooses()
	})
}

// completeMember completes an object from before the value of a member.
func (s *State) completeMember() (best *completion, found bool) {
	lead := ""
	if s.ws == wsMust {
		lead = " "
	}
	for _, t := range s.threads {
		text, rest, ok := s.c.sp.Plan(formula.Cond(t.f)).Text(s.key, s.in.keys)
		if !ok {
			continue
		}
		if r := s.c.endMembers(rest, t.k).before(lead + text); !found || r.size < best.size {
			best, found = r, true
		}
	}
	return best, found
}

// endMembers is the completion by members behind one, which may be none, and how what
// encloses the object goes on.
func (c *core) endMembers(members string, k *conts) *completion {
	e := endKey{members, k}
	r, ok := c.ends[e]
	if !ok {
		if members != "" {
			members = ", " + members
		}
		r = c.closing(k).before(members + "}")
		c.m.texts += int64(len(r.text))
		if c.sp.Err() == nil {
			c.ends[e] = r
		}
	}
	return r
}

// completeLiteral takes the choice that is completed soonest.
func (s *State) completeLiteral() (best *completion, found bool) {
	for i := s.lo; i < s.hi; i++ {
		c := s.m.open(int(i))
		if c == nil {
			return nil, false
		}
		c.sp.Resume(s.m.finishSteps())
		if r, ok := s.through(c.begin(), s.m.choices[i].text[s.at:]); ok && (!found || r.size < best.size) {
			best, found = r, true
		}
	}
	return best, found
}

// completeRecorded completes the innermost value and goes on from there, since
// what may follow depends on the value's text.
func (s *State) completeRecorded() (best *completion, found bool) {
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
			if full, ok := s.through(end, text); ok && (!found || full.size < best.size) {
				best, found = full, true
			}
			continue
		}
		if full, ok := s.by(text); ok && (!found || full.size < best.size) {
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
	text += end
	c.m.texts += int64(len(text))
	return text, ok
}

// closing returns how what k goes on with is completed, empty where that is not
// found.
func (c *core) closing(k *conts) *completion {
	if k.closing != nil {
		return k.closing
	}
	var best *completion
	if k == c.bottom {
		best = textOnly(c.tail)
	}
	for _, r := range k.rests {
		text, ok := c.close(r.cond, k.at)
		if !ok {
			continue
		}
		if up := c.closing(r.up); best == nil || len(text)+up.size < best.size {
			best = up.before(text)
		}
	}
	if best == nil {
		best = empty
	}
	if c.sp.Err() == nil {
		k.closing = best
	}
	return best
}
