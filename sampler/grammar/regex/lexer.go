package regex

import "unicode/utf8"

// State is a position in the JSON text of a string, between its quotes. The
// zero State is dead: no string of the language goes on that way.
type State int32

// unresolved marks a transition that was not followed yet.
const unresolved State = -1

// Spelling says which JSON texts of a string a Lexer takes.
type Spelling uint8

const (
	// Any is every text of RFC 8259, section 7: characters as they are, except
	// for quote, backslash and the control characters, and every escape. Escaped
	// surrogates come in pairs.
	Any Spelling = iota
	// Written is the one text that Python's json.dumps writes without
	// ensure_ascii: characters as they are, except for the same, which have the
	// escape of two characters where there is one and else \u00 with two
	// lower-case digits.
	Written
)

// Lexer is the automaton of the JSON texts of the strings of languages. A State
// that Step returns can always be completed.
//
// States and transitions are made when they are reached and then kept. A Lexer
// shares its Space's lock.
type Lexer struct {
	s      *Space
	as     Spelling
	hot    []Row
	cold   []coldState
	chars  map[Lang]State
	parts  map[string]State
	shapes map[shape]*shape
	blank  *shape

	unbounded map[Lang]Lang // see Unbounded; none: there is no other
}

// shape numbers the 256 bytes by what they lead to; 0 is dead. States that
// differ only in where they lead share it.
type shape [256]uint8

// Row is what Step reads of a state: the byte's number, then the state for it. With
// it is what Safe has found.
type Row struct {
	shape *shape
	next  []State
	safe  []Safe
	asked bool
}

// To returns the state that a byte leads to, negative if only Step can tell.
func (r *Row) To(b byte) State { return r.next[r.shape[b]] }

// Safe returns what Lexer.Safe has returned before, nil if it was not asked for.
func (r *Row) Safe() []Safe { return r.safe }

// Rows returns the rows of all states, in their order. They are not to be written,
// and hold until something else is called.
func (x *Lexer) Rows() []Row { return x.hot }

type mode uint8

const (
	inChars   mode = iota // between characters
	inUTF                 // left bytes of a UTF-8 sequence are missing
	inEscape              // after a backslash
	inUnit                // left hex digits of \uXXXX are missing, surrogates among them
	inHex                 // the same, no surrogates among them
	inLowMark             // after an escaped high surrogate: the backslash, u, and first digits of a low one
)

// coldState is what a State stands for.
type coldState struct {
	mode  mode
	left  uint8
	lang  Lang   // inChars, inEscape, inUnit
	start rune   // inUnit: the unit's value so far, shifted to its place
	edges []edge // live edges; inUTF, inHex, inLowMark: relative to the block of what is missing
	goals []goal // by number of shape
	dist  int64  // bytes of the shortest completion, -1 if unknown
}

// goal says where a byte leads, before the state for it is made.
type goal struct {
	mode  mode
	left  uint8
	whole bool // every character of the block leads to lang
	lang  Lang
	start rune // first character of the block
}

// NewLexer returns a Lexer for the languages of s that takes Any text.
func NewLexer(s *Space) *Lexer { return NewLexerOf(s, Any) }

// NewLexerOf returns a Lexer of the given spelling.
func NewLexerOf(s *Space, as Spelling) *Lexer {
	x := &Lexer{s: s, as: as, chars: make(map[Lang]State), parts: make(map[string]State), shapes: make(map[shape]*shape), blank: new(shape), unbounded: make(map[Lang]Lang)}
	x.add(coldState{})
	x.hot[0] = Row{shape: x.blank, next: []State{0}}
	return x
}

// add makes a state whose transitions are not known yet.
func (x *Lexer) add(c coldState) State {
	c.dist = -1
	x.cold = append(x.cold, c)
	x.hot = append(x.hot, Row{shape: x.blank, next: toBuild})
	x.s.bytes += 192
	return State(len(x.cold) - 1)
}

// toBuild is the row of a state whose transitions are not known yet. It is
// never written.
var toBuild = []State{unresolved}

// Start returns the state before the first character of a string of l, 0 if l
// is empty.
func (x *Lexer) Start(l Lang) State {
	if !x.s.live(l) {
		return 0
	}
	return x.char(l)
}

// char returns the state in which a string of l, not empty, may follow.
func (x *Lexer) char(l Lang) State {
	st, ok := x.chars[l]
	if !ok {
		if !x.s.spend(4) {
			return 0
		}
		st = x.add(coldState{mode: inChars, lang: l})
		x.chars[l] = st
	}
	return st
}

// Step returns the state after byte b, 0 if b may not come. The quote that ends
// the string is not stepped: see Accepts.
func (x *Lexer) Step(st State, b byte) State {
	h := &x.hot[st]
	if t := h.next[h.shape[b]]; t != unresolved {
		return t
	}
	return x.slowStep(st, b)
}

func (x *Lexer) slowStep(st State, b byte) State {
	if x.hot[st].shape == x.blank && !x.build(st) {
		return 0
	}
	h := &x.hot[st]
	i := h.shape[b]
	if h.next[i] == unresolved {
		t := x.resolve(st, x.cold[st].goals[i])
		if x.s.err != nil {
			return 0
		}
		x.hot[st].next[i] = t
	}
	return x.hot[st].next[i]
}

// Accepts reports whether the closing quote may come here.
func (x *Lexer) Accepts(st State) bool {
	c := &x.cold[st]
	return st != 0 && c.mode == inChars && x.s.Nullable(c.lang)
}

// Residual returns the language of what may still follow, if st lies between
// two characters.
func (x *Lexer) Residual(st State) (Lang, bool) {
	c := &x.cold[st]
	return c.lang, st != 0 && c.mode == inChars
}

// Space returns the Space that the Lexer belongs to.
func (x *Lexer) Space() *Space { return x.s }

// States returns how many states there are.
func (x *Lexer) States() int { return len(x.cold) }

// live returns the edges of l that lead to languages that are not empty.
func (x *Lexer) live(l Lang) []edge {
	x.s.expand(l)
	if p := x.s.at(l).parted; p != nil {
		return x.s.alive(*p).edges()
	}
	list := x.s.edges(l)
	for i, e := range list {
		if x.s.live(e.to) {
			continue
		}
		out := append([]edge(nil), list[:i]...)
		for _, e := range list[i+1:] {
			if x.s.live(e.to) {
				out = append(out, e)
			}
		}
		return out
	}
	return list
}

// Distance returns the number of bytes of Shortest, for a live state.
func (x *Lexer) Distance(st State) int {
	c := &x.cold[st]
	if c.dist < 0 {
		d := x.distance(st)
		if x.s.err != nil {
			return int(d)
		}
		x.cold[st].dist = d
	}
	return int(x.cold[st].dist)
}

func (x *Lexer) distance(st State) int64 {
	c := x.cold[st]
	switch c.mode {
	case inChars:
		return x.s.cost(c.lang)
	case inUTF, inHex:
		_, d := x.nearest(c.edges)
		return addCost(int64(c.left), d)
	case inLowMark:
		_, d := x.nearest(c.edges)
		return addCost(int64(c.left), d)
	}
	if x.hot[st].shape == x.blank && !x.build(st) {
		return farAway
	}
	_, d := x.nearestByte(st)
	return d
}

// nearest returns the edge whose target is cheapest.
func (x *Lexer) nearest(list []edge) (edge, int64) {
	var best edge
	cost := int64(farAway)
	for _, e := range list {
		if c := x.s.cost(e.to); c < cost {
			best, cost = e, c
		}
	}
	return best, cost
}

// nearestByte returns the byte that a shortest completion begins with, and its
// length.
func (x *Lexer) nearestByte(st State) (byte, int64) {
	var best byte
	cost := int64(farAway)
	seen := [256]bool{}
	for b := range 256 {
		i := x.hot[st].shape[b]
		if i == 0 || seen[i] {
			continue
		}
		seen[i] = true
		if t := x.Step(st, byte(b)); t != 0 {
			if d := addCost(1, int64(x.Distance(t))); d < cost {
				best, cost = byte(b), d
			}
		}
	}
	return best, cost
}

// Shortest returns a shortest completion of the string's JSON text from st on,
// without the closing quote.
func (x *Lexer) Shortest(st State) string {
	var out []byte
	for x.s.err == nil && st != 0 {
		c := &x.cold[st]
		if c.mode == inChars {
			text, _ := x.s.Shortest(c.lang)
			return string(appendEscaped(out, text))
		}
		if x.hot[st].shape == x.blank && !x.build(st) {
			break
		}
		b, _ := x.nearestByte(st)
		out = append(out, b)
		st = x.Step(st, b)
	}
	return string(out)
}

// appendEscaped appends the shortest JSON spelling of text.
func appendEscaped(dst []byte, text string) []byte {
	const hex = "0123456789abcdef"
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r >= 0x20:
			dst = utf8.AppendRune(dst, r)
		case r == '\b':
			dst = append(dst, `\b`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\f':
			dst = append(dst, `\f`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hex[r>>4], hex[r&15])
		}
	}
	return dst
}
