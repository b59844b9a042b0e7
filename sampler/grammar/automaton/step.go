package automaton

import (
	"strings"

	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/number"
	"orchrt/sampler/grammar/regex"
	"orchrt/sampler/grammar/value"
)

// words are the literals; a state's at is place*8+the bytes read.
var words = [...]struct {
	text string
	kind formula.Kinds
}{{"null", formula.Null}, {"true", formula.True}, {"false", formula.False}}

// next finds out where b leads. States of a recorded value are in no table and
// get their text here.
func (s *State) next(b byte) *State {
	switch s.mode {
	case inLiteral:
		return s.nextLiteral(b)
	case inTail:
		if int(s.at) < len(s.c.tail) && s.c.tail[s.at] == b {
			return s.c.stateAt(inTail, wsDone, s.at+1, nil, nil)
		}
		return nil
	case behindValue:
		return nil
	case lastResort:
		if s.text == "" || s.text[0] != b {
			return nil
		}
		return &State{m: s.m, mode: lastResort, gen: s.m.gen, text: s.text[1:]}
	}
	if t, ok := s.white(b); ok {
		return t
	}
	t := s.token(b)
	if t != nil && t.prev == nil && t.mode != inTail && t.in.recorded() {
		s.extend(t, b)
	}
	return t
}

// nextLiteral narrows the choices to those that go on with b.
func (s *State) nextLiteral(b byte) *State {
	lo, hi, at := int(s.lo), int(s.hi), int(s.at)
	for lo < hi && s.m.choices[lo].text[at] != b {
		lo++
	}
	for hi > lo && s.m.choices[hi-1].text[at] != b {
		hi--
	}
	if lo == hi {
		return nil
	}
	return s.m.literal(lo, hi, at+1)
}

// white steps white space; ok is false if b is to be read as a token.
func (s *State) white(b byte) (t *State, ok bool) {
	if s.mode == inWord || s.mode == inNumber || s.mode == inString || s.mode == inKey {
		return nil, false
	}
	blank := b == ' ' || b == '\n' || b == '\t'
	var ws white
	switch {
	case s.ws == wsMust && b != ' ':
		return nil, true
	case s.ws == wsMust:
		ws = wsDone
		if s.mode == afterColon {
			return s.named(), true
		}
	case !blank:
		return nil, false
	case s.ws == wsAny && b == ' ':
		ws = wsDone
	case s.ws == wsAny && b == '\n':
		ws = wsIndent0
	case s.ws >= wsIndent0 && s.ws < maxIndent && b != '\n':
		ws = s.ws + 1
	default:
		return nil, true
	}
	if s.key != "" || s.mode == afterKey || s.mode == afterColon || s.in.recorded() {
		t = s.c.newState(s.mode, ws, s.at, s.in, s.threads)
		t.key = s.key
		return s.extend(t, b), true
	}
	return s.c.stateAt(s.mode, ws, s.at, s.in, s.threads), true
}

// between is the white space that may come before a token that follows none.
func (c *core) between() white {
	if c.m.opt.Style == Flexible {
		return wsAny
	}
	return wsDone
}

// afterMark is the white space after a comma or a colon.
func (c *core) afterMark() white {
	if c.m.opt.Style == Flexible {
		return wsAny
	}
	return wsMust
}

// token steps a byte that is not white space between tokens.
func (s *State) token(b byte) *State {
	c := s.c
	switch s.mode {
	case inValue:
		return s.value(b)
	case inWord:
		text := words[s.at>>3].text
		i := s.at & 7
		switch {
		case text[i] != b:
			return nil
		case int(i)+1 < len(text):
			return c.stateAt(inWord, wsDone, s.at+1, s.in, s.threads)
		}
		return s.completeAll(b, s.threads)
	case inNumber:
		return s.number(b)
	case inString:
		return s.string(b)
	case inKey:
		return s.inKey(b)
	case afterKey:
		if b != ':' {
			return nil
		}
		t := c.newState(afterColon, c.afterMark(), 0, s.in, s.threads)
		t.key = s.key
		return s.extend(t, b)
	case afterColon: // only in the style Flexible
		return s.named().then(b)
	case inObject, beforeKey:
		switch {
		case b == '"':
			return s.openKey()
		case b == '}' && s.mode == inObject:
			return s.completeAll(b, s.filter(c.sp.Closes))
		}
	case afterMember:
		switch b {
		case ',':
			return c.state(beforeKey, c.afterMark(), s.in, s.filter(func(k formula.Cond) bool {
				return c.lex.Start(c.offer(k, s.in.keys)) != 0
			}))
		case '}':
			return s.completeAll(b, s.filter(c.sp.Closes))
		}
	case inArray, beforeItem:
		if b == ']' && s.mode == inArray {
			return s.completeAll(b, s.filter(c.sp.Closes))
		}
		return s.item().then(b)
	case afterItem:
		switch b {
		case ',':
			return c.state(beforeItem, c.afterMark(), s.in, s.filter(func(k formula.Cond) bool {
				return len(c.sp.Item(k, s.in.fresh)) > 0
			}))
		case ']':
			return s.completeAll(b, s.filter(c.sp.Closes))
		}
	}
	return nil
}

// then steps from a state that was made on the way.
func (s *State) then(b byte) *State {
	if s == nil {
		return nil
	}
	return s.next(b)
}

// value steps the first byte of a value.
func (s *State) value(b byte) *State {
	c := s.c
	ts := make([]thread, 0, len(s.threads))
	switch {
	case b == '"':
		for _, t := range s.threads {
			if st := c.lex.Start(c.sp.Content(formula.F(t.f)).Strings); st != 0 {
				ts = append(ts, thread{int32(st), t.k})
			}
		}
		return c.state(inString, wsDone, s.in, ts)
	case b == '{' || b == '[':
		return s.open(b == '[')
	case b == '-' || b >= '0' && b <= '9':
		for _, t := range s.threads {
			set := c.sp.NumberSet(c.sp.Content(formula.F(t.f)).Numbers)
			if st := c.num.Step(c.num.Start(set), b); st != 0 {
				ts = append(ts, thread{int32(st), t.k})
			}
		}
		return c.state(inNumber, wsDone, s.in, ts)
	}
	for i, w := range words {
		if w.text[0] != b {
			continue
		}
		for _, t := range s.threads {
			if c.sp.Content(formula.F(t.f)).Literals&w.kind != 0 {
				ts = append(ts, thread{0, t.k})
			}
		}
		return c.stateAt(inWord, wsDone, int32(i*8+1), s.in, ts)
	}
	return nil
}

// open begins an object or array.
func (s *State) open(array bool) *State {
	c := s.c
	md, l := inObject, levelKey{up: s.in, array: array, fresh: c.sp.True(), record: s.in.recorded()}
	if array {
		md = inArray
	} else {
		l.keys = c.sp.NoKeys()
	}
	ts := make([]thread, 0, len(s.threads))
	for _, t := range s.threads {
		content := c.sp.Content(formula.F(t.f))
		cond, ok := content.Object, false
		if array {
			cond = content.Array
			_, ok = c.sp.SomeItems(cond, l.fresh, false)
			l.track = l.track || ok && c.sp.Compares(cond)
		} else {
			_, ok = c.sp.SomeMembers(cond, l.keys, false)
		}
		if ok {
			ts = append(ts, thread{int32(cond), t.k})
		}
	}
	if len(ts) == 0 {
		return nil
	}
	l.record = l.record || l.track
	return c.state(md, c.between(), c.level(l), ts)
}

// offer is the language of the keys that may come next.
func (c *core) offer(k formula.Cond, keys *formula.KeySet) regex.Lang {
	o := offerKey{k, keys}
	l, ok := c.offers[o]
	if !ok {
		l = c.sp.Plan(k).Keys(keys)
		if c.sp.Err() == nil {
			c.offers[o] = l
		}
	}
	return l
}

// openKey begins a key.
func (s *State) openKey() *State {
	c := s.c
	lang := c.sp.Regex.None()
	for _, t := range s.threads {
		lang = c.sp.Regex.Union(lang, c.offer(formula.Cond(t.f), s.in.keys))
	}
	st := c.lex.Start(lang)
	if st == 0 {
		return nil
	}
	return s.extend(c.newState(inKey, wsDone, int32(st), s.in, s.threads), '"')
}

func (s *State) inKey(b byte) *State {
	c := s.c
	if b != '"' || !c.atChar(s.at) {
		st := c.lex.Step(regex.State(s.at), b)
		if st == 0 {
			return nil
		}
		return s.extend(c.newState(inKey, wsDone, int32(st), s.in, s.threads), b)
	}
	if !c.lex.Accepts(regex.State(s.at)) {
		return nil
	}
	text := s.spelled(func(t *State) bool { return t.mode != inKey }) + `"`
	key := text[1 : len(text)-1]
	if strings.IndexByte(key, '\\') >= 0 {
		v, err := value.Parse([]byte(text), value.Limits{})
		if err != nil {
			c.m.fail(err)
			return nil
		}
		key = v.Text
	}
	t := c.newState(afterKey, c.between(), 0, s.in, s.threads)
	t.key = key
	return s.extend(t, '"')
}

// named returns the state before the value of the member whose key was read.
func (s *State) named() *State { return s.before((*State).findNamed) }

// item returns the state before the next item of the array.
func (s *State) item() *State { return s.before((*State).findItem) }

// before returns the state that find finds, and remembers it.
func (s *State) before(find func(*State) *State) *State {
	s.renew()
	if s.inner != nil {
		return s.inner
	}
	t := find(s)
	if s.c.sp.Err() == nil {
		s.inner = t
	}
	return t
}

func (s *State) findNamed() *State {
	c := s.c
	l := s.in.levelKey
	seen := l.keys
	l.keys = seen.With(s.key)
	in := c.level(l)
	ts := make([]thread, 0, len(s.threads))
	alts := make([]valueRest, 0, len(s.threads))
	for _, t := range s.threads {
		for _, a := range c.sp.Plan(formula.Cond(t.f)).Member(s.key, seen) {
			alts = append(alts, valueRest{c.sp.Resolved(a.Value), rest{a.Rest, t.k}})
		}
	}
	ts = c.branch(ts, in, alts)
	t := c.state(inValue, wsDone, in, ts)
	if t != nil && in.recorded() {
		s.extend(t, ' ')
		if c.m.opt.Style == Flexible {
			t.text = ""
		}
	}
	return t
}

// valueRest is an alternative for a value: what it satisfies, and what follows.
type valueRest struct {
	f formula.F
	r rest
}

// branch appends a thread for each formula of alts, and makes one thread of
// those that go on alike.
func (c *core) branch(ts []thread, in *level, alts []valueRest) []thread {
	if len(alts) == 1 {
		return append(ts, thread{int32(alts[0].f), c.goOn(in, []rest{alts[0].r})})
	}
	done := make([]bool, len(alts))
	for i, a := range alts {
		if done[i] {
			continue
		}
		rests := []rest{a.r}
		for j := i + 1; j < len(alts); j++ {
			if alts[j].f == a.f {
				done[j] = true
				rests = append(rests, alts[j].r)
			}
		}
		k := c.goOn(in, rests)
		merged := false
		for n := range ts {
			if ts[n].k == k {
				ts[n].f = int32(c.sp.Resolved(c.sp.Or(formula.F(ts[n].f), a.f)))
				merged = true
			}
		}
		if !merged {
			ts = append(ts, thread{int32(a.f), k})
		}
	}
	return ts
}

func (s *State) findItem() *State {
	c := s.c
	alts := make([]valueRest, 0, len(s.threads))
	for _, t := range s.threads {
		for _, a := range c.sp.Item(formula.Cond(t.f), s.in.fresh) {
			alts = append(alts, valueRest{c.sp.Resolved(a.Value), rest{a.Rest, t.k}})
		}
	}
	t := c.state(inValue, wsDone, s.in, c.branch(nil, s.in, alts))
	if t != nil && s.in.recorded() {
		t.prev = s
	}
	return t
}

// atChar reports whether a state of the string automaton is between characters,
// where a quote closes the string. All threads of a State agree on that.
func (c *core) atChar(st int32) bool {
	_, ok := c.lex.Residual(regex.State(st))
	return ok
}

// string steps inside a string's text.
func (s *State) string(b byte) *State {
	c := s.c
	var room [4]thread
	ts := room[:0]
	if b == '"' && c.atChar(s.threads[0].f) {
		for _, t := range s.threads {
			if c.lex.Accepts(regex.State(t.f)) {
				ts = append(ts, t)
			}
		}
		return s.completeAll(b, ts)
	}
	for _, t := range s.threads {
		if st := c.lex.Step(regex.State(t.f), b); st != 0 {
			ts = append(ts, thread{int32(st), t.k})
		}
	}
	return c.state(inString, wsDone, s.in, ts)
}

// accepted returns the threads whose number may end here.
func (s *State) accepted() []thread {
	var ts []thread
	for _, t := range s.threads {
		if s.c.num.Accepts(number.State(t.f)) {
			ts = append(ts, t)
		}
	}
	return ts
}

// number steps inside a number, or past its end.
func (s *State) number(b byte) *State {
	c := s.c
	if ofNumber(b) {
		var room [4]thread
		ts := room[:0]
		for _, t := range s.threads {
			if st := c.num.Step(number.State(t.f), b); st != 0 {
				ts = append(ts, thread{int32(st), t.k})
			}
		}
		return c.state(inNumber, wsDone, s.in, ts)
	}
	t := s.completeAll(0, s.accepted())
	if t == nil {
		return nil
	}
	return t.next(b)
}

// completeAll returns the state after a value that all of ts accept. The value's
// last byte is b, 0 if it was read before.
func (s *State) completeAll(b byte, ts []thread) *State {
	if len(ts) == 0 {
		return nil
	}
	k := ts[0].k
	for _, t := range ts[1:] {
		k = s.c.union(k, t.k)
	}
	if !k.at.recorded() {
		return s.c.complete(s, k)
	}
	end := s.c.newState(s.mode, s.ws, 0, s.in, nil)
	end.prev = s
	if b != 0 {
		end.text = string([]byte{b})
	}
	t := s.c.complete(end, k)
	if t != nil {
		t.prev = end
	}
	return t
}

// complete returns the state after a value that goes on with k; s is the chain
// of its text, if that matters.
func (c *core) complete(s *State, k *conts) *State {
	if k.after != nil && k.after.gen == c.m.gen {
		return k.after
	}
	if k == c.bottom {
		k.after = c.stateAt(inTail, wsDone, 0, nil, nil)
		return k.after
	}
	if k == c.nothing {
		k.after = c.stateAt(behindValue, wsDone, 0, nil, nil)
		return k.after
	}
	md, at := afterMember, k.at
	ts := make([]thread, 0, len(k.rests))
	for _, r := range k.rests {
		ts = append(ts, thread{int32(r.cond), r.up})
	}
	if at.array {
		md = afterItem
		if at.track {
			fresh := c.freshAfter(s, at)
			l := at.levelKey
			l.fresh = fresh
			at = c.level(l)
		}
	}
	t := c.state(md, c.between(), at, ts)
	if t != nil && !at.recorded() {
		k.after = t
	}
	return t
}

// freshAfter takes the item that ends with s from the values that later items of
// the array at may have.
func (c *core) freshAfter(s *State, at *level) formula.F {
	text := s.spelled(func(t *State) bool {
		return t.in == at && (t.mode == inArray || t.mode == beforeItem)
	})
	v, err := value.Parse([]byte(text), value.Limits{})
	if err != nil {
		c.m.fail(err)
		return at.fresh
	}
	return c.sp.And(at.fresh, c.sp.Not(c.sp.Const(v)))
}
