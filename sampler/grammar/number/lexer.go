package number

// MinExponent and MaxExponent bound the exponents of the texts that a Lexer
// takes, however long the mantissa before them is. Writers of 64-bit floats stay
// within -324 and 308. Zeros may stand before an exponent's digits, as in 1e-05.
const (
	MinExponent = -400
	MaxExponent = 308
)

// Form is which texts of a number a Lexer takes.
type Form uint8

const (
	// Any is every text of RFC 8259 whose exponent is within the bounds.
	Any Form = iota
	// Normal takes an exponent only after a mantissa with one digit, not 0,
	// before the point, as in 1.5e-07, which is where Python's json.dumps,
	// JavaScript's JSON.stringify, Go's encoding/json and C's printf write one,
	// and after a mantissa that is 0. All numbers keep a text. Unlike Any it does
	// not let a digit too many be made good: with a maximum of 10, Any takes
	// 200e-1, and so another 0 after 20, and another.
	Normal
	// Written is Normal with a small e alone, and with digits alone where all
	// members of the Set are integers: the text that programs decode into one.
	Written
)

// A State is a text's beginning that some member's text completes. States of one
// Lexer are equal only if the same may follow. The zero State is none.
type State int32

// A Lexer recognises the JSON texts of the numbers in a Set, byte by byte. It
// makes states when they are first reached, at most a few hundred for each digit
// of the bounds and a few for each remainder of the moduli that texts arrive at.
// It is not safe for concurrent use.
type Lexer struct {
	form  Form
	class *[256]uint8
	next  []row
	cold  []state
	lines map[string]*line // by Key of the Set: the side above 0
	heads map[mantissa]State
	tails map[exponent]State
	sets  []exponents
	setID map[exponents]int32
	short map[State]string
}

// row is where the bytes lead, by their class.
type row [16]State

const unknown State = -1

// The classes of bytes after those of the ten digits.
const (
	minus = 10 + iota
	plus
	point
	exp
	refused
)

var classes, smallClasses = classTable(true), classTable(false)

func classTable(capital bool) (t [256]uint8) {
	for i := range t {
		t[i] = refused
	}
	for i := range uint8(10) {
		t['0'+i] = i
	}
	t['-'], t['+'], t['.'], t['e'] = minus, plus, point, exp
	if capital {
		t['E'] = exp
	}
	return t
}

// alphabet has a byte of each class.
const alphabet = "0123456789-+.e"

// state is what a State stands for: a mantissa, unless the exponent has begun.
type state struct {
	mantissa
	exponent
	from    State // where it was first reached from, by the byte via
	via     byte
	accepts bool
}

// NewLexer returns a Lexer that takes Any text.
func NewLexer() *Lexer { return NewLexerOf(Any) }

// NewLexerOf returns a Lexer of the given form.
func NewLexerOf(form Form) *Lexer {
	x := &Lexer{form: form, class: &classes}
	if form == Written {
		x.class = &smallClasses
	}
	x.Reset()
	return x
}

// Reset forgets all states, which must not be used any more.
func (x *Lexer) Reset() {
	*x = Lexer{
		form:  x.form,
		class: x.class,
		next:  make([]row, 1, 16),
		cold:  make([]state, 1, 16),
		lines: map[string]*line{},
		heads: map[mantissa]State{},
		tails: map[exponent]State{},
		setID: map[exponents]int32{},
		short: map[State]string{},
	}
}

// Size returns about how many bytes the Lexer holds.
func (x *Lexer) Size() int {
	n := 512*len(x.cold) + 256*len(x.sets)
	for _, l := range x.lines {
		n += 64 * (len(l.bounds) + len(l.other.bounds))
	}
	return n
}

// States returns how many states there are.
func (x *Lexer) States() int { return len(x.cold) }

// Start returns the state before the first byte of a number in s, 0 if s is
// empty (or has an Err).
func (x *Lexer) Start(s Set) State {
	if s.IsEmpty() {
		return 0
	}
	l := x.lines[s.Key()]
	if l == nil {
		a := s.get()
		l = newLine(a.sides[0], a.zero)
		l.other = newLine(a.sides[1], a.zero)
		l.plain = a.digits || x.form == Written && s.integers()
		l.other.plain = l.plain
		x.lines[s.Key()] = l
	}
	return x.head(mantissa{line: l}, 0, 0)
}

// Step returns the state after byte b, 0 if no text of a member goes on with it.
func (x *Lexer) Step(st State, b byte) State {
	if n := x.next[st][x.class[b]&15]; n >= 0 {
		return n
	}
	return x.resolve(st, b)
}

// Accepts reports whether the text so far is that of a member.
func (x *Lexer) Accepts(st State) bool { return x.cold[st].accepts }

// resolve works out and keeps where b leads.
func (x *Lexer) resolve(st State, b byte) State {
	c := x.class[b]
	s := &x.cold[st]
	var n State
	if s.mantissa.line == nil {
		if e, ok := s.exponent.step(c); ok {
			n = x.tail(e, st, b)
		}
	} else if c != exp {
		if m, ok := x.step(&s.mantissa, c); ok {
			n = x.head(m, st, b)
		}
	} else if x.mayScale(&s.mantissa) {
		if set := s.mantissa.exponents(); set != (exponents{}) {
			n = x.tail(exponent{set: x.setOf(set), value: noDigits}, st, b)
		}
	}
	x.next[st][c] = n
	return n
}

// head returns the state of a mantissa, 0 if nothing completes it.
func (x *Lexer) head(m mantissa, from State, via byte) State {
	st, ok := x.heads[m]
	if !ok {
		if x.live(&m, from, via) {
			st = x.add(state{mantissa: m, from: from, via: via, accepts: m.ends() && m.member(0)})
		}
		x.heads[m] = st
	}
	return st
}

// tail returns the state of an exponent, 0 if nothing completes it.
func (x *Lexer) tail(e exponent, from State, via byte) State {
	st, ok := x.tails[e]
	if !ok {
		set := &x.sets[e.set]
		if e.live(set) {
			st = x.add(state{exponent: e, from: from, via: via, accepts: e.ends(set)})
		}
		x.tails[e] = st
	}
	return st
}

func (x *Lexer) add(s state) State {
	r := row{}
	for i := range refused {
		r[i] = unknown
	}
	x.next = append(x.next, r)
	x.cold = append(x.cold, s)
	return State(len(x.cold) - 1)
}

func (x *Lexer) setOf(set exponents) int32 {
	id, ok := x.setID[set]
	if !ok {
		id = int32(len(x.sets))
		x.sets = append(x.sets, set)
		x.setID[set] = id
	}
	return id
}
