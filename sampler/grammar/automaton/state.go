package automaton

import (
	"encoding/binary"
	"slices"
	"strings"

	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/regex"
)

type mode uint8

const (
	inLiteral   mode = iota // of the machine: at bytes of a choice's text are read
	inValue                 // before a value; threads hold a formula.F
	inWord                  // in a literal, at is its place in words
	inNumber                // threads hold a number.State
	inString                // threads hold a regex.State
	inKey                   // in an object's key: threads hold the object's Cond, at is a regex.State
	afterKey                // before the colon; key is set
	afterColon              // before the value; key is set
	inObject                // after the brace; threads hold a Cond
	afterMember             // after a member
	beforeKey               // after a comma in an object
	inArray                 // after the bracket; threads hold a Cond
	afterItem               // after an item
	beforeItem              // after a comma in an array
	inTail                  // at bytes of what follows the document are read
	behindValue             // behind a value alone (Value), where nothing comes
	lastResort              // the machine failed: the bytes of text are all that may follow
)

// white is where a state stands in the white space before its token: the number
// of spaces and tabs after a newline, or one of these.
type white int8

const (
	wsIndent0 white = 0   // after a newline
	wsDone    white = 127 // no white space may come
	wsAny     white = 126 // white space may begin
	wsMust    white = 125 // one space must come
)

// State is what a Machine knows after some bytes. It does not change as far as
// its methods show.
type State struct {
	m       *Machine
	c       *core
	mode    mode
	ws      white
	gen     int32
	at      int32
	lo, hi  int32 // inLiteral: the range of choices
	in      *level
	threads []thread

	// Keys, and values whose text matters, are spelled by the chain of states
	// that read them: text is what this one adds to that of prev.
	prev *State
	text string
	key  string // afterKey, afterColon: the key

	known [4]uint64 // bytes whose transition is in edges, or refused if it is not
	edges []edge
	table *[256]*State // replaces edges where there are many

	inner *State // afterColon, beforeItem: the state before the value, once it was asked for

	rest      *completion // Shortest, once it was asked for
	finishing bool        // it is being looked for
	far       bool        // it was not found

	only  [1]thread // room for threads
	first [2]edge   // room for edges
}

type edge struct {
	b  byte
	to *State
}

type stateKey struct {
	mode mode
	ws   white
	at   int32
	in   *level
	t    thread
}

// manyEdges is how many edges are searched one by one.
const manyEdges = 8

// state returns the state with these threads, nil if there are none. It may
// change ts.
func (c *core) state(md mode, ws white, in *level, ts []thread) *State {
	return c.stateAt(md, ws, 0, in, ts)
}

func (c *core) stateAt(md mode, ws white, at int32, in *level, ts []thread) *State {
	ts = c.merge(ts)
	if len(ts) == 0 && md != inTail && md != behindValue {
		return nil
	}
	if len(ts) > maxThreads {
		c.m.fail(&AmbiguityError{Limit: maxThreads})
		return nil
	}
	if in.recorded() {
		return c.newState(md, ws, at, in, ts)
	}
	if len(ts) <= 1 {
		k := stateKey{mode: md, ws: ws, at: at, in: in}
		if len(ts) == 1 {
			k.t = ts[0]
		}
		if s, ok := c.states[k]; ok {
			return s
		}
		s := c.newState(md, ws, at, in, ts)
		c.states[k] = s
		return s
	}
	b := append(c.buf[:0], byte(md), byte(ws))
	b = binary.LittleEndian.AppendUint32(b, uint32(at))
	id := int32(0)
	if in != nil {
		id = in.id
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(id))
	for _, t := range ts {
		b = binary.LittleEndian.AppendUint32(b, uint32(t.f))
		b = binary.LittleEndian.AppendUint32(b, uint32(t.k.id))
	}
	c.buf = b
	if s, ok := c.many[string(b)]; ok {
		return s
	}
	s := c.newState(md, ws, at, in, ts)
	c.many[string(b)] = s
	return s
}

// newState makes a state that is in no table.
func (c *core) newState(md mode, ws white, at int32, in *level, ts []thread) *State {
	s := &State{m: c.m, c: c, mode: md, ws: ws, at: at, in: in, gen: c.m.gen}
	s.edges = s.first[:0]
	c.m.made = append(c.m.made, s)
	switch len(ts) {
	case 0:
	case 1:
		s.only[0] = ts[0]
		s.threads = s.only[:]
	default:
		s.threads = slices.Clone(ts)
	}
	return s
}

// Step returns the state after b, nil if b may not come.
func (s *State) Step(b byte) *State {
	s.renew()
	if s.known[b>>6]>>(b&63)&1 != 0 {
		if s.table != nil {
			return s.table[b]
		}
		for i := range s.edges {
			if s.edges[i].b == b {
				return s.edges[i].to
			}
		}
		return nil
	}
	return s.explore(b)
}

// renew makes a state that the machine forgot one that it remembers: without the
// transitions, which led to others that it forgot.
func (s *State) renew() {
	if s.gen == s.m.gen {
		return
	}
	s.forget()
	s.m.made = append(s.m.made, s)
}

// forget drops the transitions.
func (s *State) forget() {
	s.gen, s.known, s.first, s.table, s.inner = s.m.gen, [4]uint64{}, [2]edge{}, nil, nil
	s.edges = s.first[:0]
}

// explore finds out where b leads and remembers it.
func (s *State) explore(b byte) *State {
	m := s.m
	if m.err != nil && m.finishing == 0 {
		return s.resort(b)
	}
	if m.full() && m.finishing == 0 {
		m.flush()
		s.renew()
	}
	failed := m.err
	if s.c != nil && m.finishing == 0 {
		s.c.resume()
	}
	t := s.next(b)
	if s.c != nil {
		if err := s.c.sp.Err(); err != nil {
			if m.finishing > 0 {
				return nil // what it is for is not found
			}
			m.fail(err)
		}
	}
	if m.err != failed {
		return s.resort(b)
	}
	s.remember(b, t)
	return t
}

func (s *State) remember(b byte, t *State) {
	s.known[b>>6] |= 1 << (b & 63)
	switch {
	case t == nil:
	case s.table != nil:
		s.table[b] = t
	case len(s.edges) < manyEdges:
		s.edges = append(s.edges, edge{b, t})
	default:
		s.table = new([256]*State)
		for _, e := range s.edges {
			s.table[e.b] = e.to
		}
		s.table[b] = t
		s.edges = nil
	}
}

// resort goes on with the bytes of Shortest alone, after the machine failed.
func (s *State) resort(b byte) *State {
	r, ok := s.completion()
	if !ok || r.size == 0 {
		return nil
	}
	if r.next != nil { // it is asked for each byte that might come
		r = textOnly(string(r.appendTo(nil)))
		s.rest = r
	}
	text := r.text
	if text[0] != b {
		return nil
	}
	return &State{m: s.m, mode: lastResort, gen: s.m.gen, text: text[1:]}
}

// Final reports whether the whole text, with what follows the document, may end
// here.
func (s *State) Final() bool {
	switch s.mode {
	case inTail:
		return int(s.at) == len(s.c.tail)
	case inNumber:
		return s.in == nil && s.c.tail == "" && len(s.accepted()) > 0
	case lastResort:
		return s.text == ""
	}
	return false
}

// Text returns the state of the string automaton inside the text of a string, a
// key or a value, if all alternatives share one. Then bytes that do not close
// the string move only that state, by Lexer().Step (a quote after a backslash is
// one of them), and the quote that closes it is allowed where Lexer().Accepts says
// so.
func (s *State) Text() (regex.State, bool) {
	switch {
	case s.mode == inKey:
		return regex.State(s.at), true
	case s.mode == inString && len(s.threads) == 1:
		return regex.State(s.threads[0].f), true
	}
	return 0, false
}

// Key reports whether s is inside the text of a key. Then a quote, a colon and in
// the style Trained a space must follow the text, whatever the key.
func (s *State) Key() bool { return s.mode == inKey }

// Lexer returns the string automaton of Text, nil outside of a document.
func (s *State) Lexer() *regex.Lexer {
	if s.c == nil {
		return nil
	}
	return s.c.lex
}

// Close returns the state after text and the quote that closes the string, from
// a state of which Text reports true. The Lexer must have come by text from Text's
// state to lex, and lex must accept. It is Step over these bytes, but makes no
// states on the way.
func (s *State) Close(text []byte, lex regex.State) *State {
	if s.m.err != nil && s.m.finishing == 0 {
		return s.steps(string(text) + `"`)
	}
	if s.mode == inString && !s.in.recorded() {
		if len(s.threads) != 1 || !s.c.lex.Accepts(lex) {
			return nil
		}
		return s.c.complete(s, s.threads[0].k)
	}
	if len(text) == 0 {
		return s.Step('"')
	}
	t := s.c.newState(s.mode, s.ws, s.at, s.in, s.threads)
	if s.mode == inKey {
		t.at = int32(lex)
	} else {
		t.threads[0].f = int32(lex)
	}
	t.prev, t.text = s, string(text)
	return t.Step('"')
}

// steps follows the bytes of text.
func (s *State) steps(text string) *State {
	for i := 0; i < len(text) && s != nil; i++ {
		s = s.Step(text[i])
	}
	return s
}

// spelled returns the text that was read since the state from, which is before
// s on its chain.
func (s *State) spelled(from func(*State) bool) string {
	var parts []string
	for ; s != nil && !from(s); s = s.prev {
		parts = append(parts, s.text)
	}
	var b strings.Builder
	for i := len(parts) - 1; i >= 0; i-- {
		b.WriteString(parts[i])
	}
	return b.String()
}

// extend makes t, a state that s led to by b and that is in no table, remember
// its text.
func (s *State) extend(t *State, b byte) *State {
	if t != nil {
		t.prev, t.text = s, string([]byte{b})
	}
	return t
}

// filter returns the threads whose conditions pick holds for.
func (s *State) filter(pick func(formula.Cond) bool) []thread {
	out := make([]thread, 0, len(s.threads))
	for _, t := range s.threads {
		if pick(formula.Cond(t.f)) {
			out = append(out, t)
		}
	}
	return out
}
