package automaton

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/number"
	"orchrt/sampler/grammar/regex"
	"orchrt/sampler/grammar/value"
)

// Style says which white space a document has between its tokens. Strings and
// numbers may be spelled in any way in either style.
type Style uint8

const (
	// Trained is the form that Python's json.dumps(ensure_ascii=False) writes:
	// one space after each comma and colon, no other white space.
	Trained Style = iota
	// Flexible allows, wherever JSON allows white space, nothing, or a space, or
	// a newline and up to 120 spaces and tabs. Before and after the document it
	// allows none.
	Flexible
)

// maxIndent is how many spaces and tabs may follow a newline.
const maxIndent = 120

// Options are the settings of a Machine.
type Options struct {
	Style          Style
	Prefix, Suffix string // literal bytes before and after the document
	// Numbers and Strings say which texts of a number and of a string there are.
	Numbers number.Form
	Strings regex.Spelling
	// MaxStates bounds the states that the machine remembers, and 128 times that
	// many bytes what their completions add; 0 stands for DefaultMaxStates. Beyond
	// it the machine forgets all and makes anew those that are needed. States in
	// use stay valid.
	MaxStates int
	// StepBudget bounds the work of one transition that is not remembered, in
	// steps of budget.Budget; 0 stands for DefaultStepBudget.
	StepBudget int64
}

// The defaults of Options.
const (
	DefaultMaxStates  = 1 << 17
	DefaultStepBudget = 2_000_000
)

// maxThreads bounds the alternatives of one state.
const maxThreads = 1 << 12

// ErrUnsatisfiable says that no JSON value satisfies the formula.
var ErrUnsatisfiable = errors.New("no JSON value satisfies the schema")

// AmbiguityError says that a document can be read in too many ways at once.
type AmbiguityError struct{ Limit int }

func (e *AmbiguityError) Error() string {
	return fmt.Sprintf("the schema has more than %d alternatives that one value may satisfy: make them differ earlier", e.Limit)
}

// Machine reads the texts of one formula, or of one of several calls.
type Machine struct {
	opt     Options
	choices []choice // ascending by text
	start   *State
	err     error

	finishing int  // completions being looked for, one inside the other
	metered   bool // transitions and completions are granted no steps of their own
	// finishLeft are the steps that completions may take while metered.
	finishLeft int64

	made  []*State // since the last flush
	texts int64    // bytes of the texts that close containers, since then
	gen   int32    // counts the flushes
}

// choice is a literal beginning and the document that follows it.
type choice struct {
	text string
	open func() (*formula.Space, formula.F, error)
	tail string
	core *core
}

// New returns the machine of the texts of f. It returns ErrUnsatisfiable if
// there are none, and the Space's error if that cannot be told. It uses sp, and
// renews its budget, from then on.
func New(sp *formula.Space, f formula.F, opt Options) (*Machine, error) {
	ok, err := sp.Satisfiable(f)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, ErrUnsatisfiable
	}
	open := func() (*formula.Space, formula.F, error) { return sp, f, nil }
	return newMachine([]choice{{text: opt.Prefix, open: open, tail: opt.Suffix}}, opt), nil
}

// Call is one of the documents of NewCalls.
type Call struct {
	Name string
	// Arguments returns the formula of the arguments, which must be satisfiable,
	// and its Space. It is called at most once, when the name has been read or a
	// completion is asked for. Calls may share a Space. Its error ends up in
	// Machine.Err.
	Arguments func() (*formula.Space, formula.F, error)
}

// NewCalls returns the machine of the texts {"name": NAME, "arguments": ARGUMENTS}
// of any of calls, whose names must differ. The form around the arguments is
// that of the style Trained, with the keys in this order.
func NewCalls(calls []Call, opt Options) (*Machine, error) {
	if len(calls) == 0 {
		return nil, ErrUnsatisfiable
	}
	choices := make([]choice, len(calls))
	for i, call := range calls {
		text := value.AppendString([]byte(opt.Prefix+`{"name": `), call.Name)
		choices[i] = choice{text: string(text) + `, "arguments": `, open: call.Arguments, tail: "}" + opt.Suffix}
	}
	sort.Slice(choices, func(i, j int) bool { return choices[i].text < choices[j].text })
	for i := 1; i < len(choices); i++ {
		if choices[i].text == choices[i-1].text {
			return nil, fmt.Errorf("two calls have the name in %q", choices[i].text)
		}
	}
	return newMachine(choices, opt), nil
}

func newMachine(choices []choice, opt Options) *Machine {
	if opt.MaxStates == 0 {
		opt.MaxStates = DefaultMaxStates
	}
	if opt.StepBudget == 0 {
		opt.StepBudget = DefaultStepBudget
	}
	return &Machine{opt: opt, choices: choices}
}

// Start returns the state before the first byte.
func (m *Machine) Start() *State {
	if m.start == nil {
		m.start = m.literal(0, len(m.choices), 0)
	}
	return m.start
}

// Meter has all transitions and completions share the steps that the Spaces were
// granted last, of which the completions may take some: a state whose completion
// takes more is Far for the time being.
func (m *Machine) Meter(completions int64) { m.metered, m.finishLeft = true, completions }

// Unmeter grants each transition and completion steps of its own again.
func (m *Machine) Unmeter() { m.metered = false }

// resume grants the steps of a transition.
func (c *core) resume() {
	if !c.m.metered {
		c.sp.Resume(c.m.opt.StepBudget)
	}
}

// Err returns what stopped the machine from exploring, such as an
// *budget.ExceededError. From then on it offers, where it does not remember
// more, only the bytes of Shortest, so that what it accepts stays valid.
func (m *Machine) Err() error { return m.err }

func (m *Machine) fail(err error) {
	if m.err == nil {
		m.err = err
	}
}

// Bytes estimates the memory that the machine holds. Flushing states does not give
// back what the Spaces and their automata remember: an owner who wants that back
// makes a new Space and machine.
func (m *Machine) Bytes() int64 {
	n := int64(len(m.made))*stateBytes + m.texts
	for i := range m.choices {
		if c := m.choices[i].core; c != nil {
			n += c.sp.Bytes() + int64(c.num.Size())
		}
	}
	return n
}

// stateBytes is about what a state and its place in the tables take.
const stateBytes = 400

// States returns how many states the machine has made since it last forgot
// them, a measure of its memory.
func (m *Machine) States() int { return len(m.made) }

// full reports that the machine remembers as much as it may.
func (m *Machine) full() bool {
	return len(m.made) > m.opt.MaxStates || m.texts > textBytes*int64(m.opt.MaxStates)
}

// textBytes is how much the texts that close containers may take for each state
// that there may be.
const textBytes = 128

// flush forgets all states. A state in use, such as one that a turn may be rolled
// back to, keeps no other alive.
func (m *Machine) flush() {
	for _, s := range m.made {
		s.forget()
	}
	m.gen++
	m.made, m.texts = nil, 0
	m.start = nil
	for i := range m.choices {
		if c := m.choices[i].core; c != nil {
			c.flush()
		}
	}
}

// literal returns the state after at bytes of the choices from lo to hi, which
// agree on them: the start of a document where that is all of the first one.
func (m *Machine) literal(lo, hi, at int) *State {
	if at == len(m.choices[lo].text) {
		c := m.open(lo)
		if c == nil {
			return nil
		}
		c.resume()
		return c.begin()
	}
	s := &State{m: m, mode: inLiteral, gen: m.gen, lo: int32(lo), hi: int32(hi), at: int32(at)}
	m.made = append(m.made, s)
	return s
}

// open returns the core of a choice, nil if it has none.
func (m *Machine) open(i int) *core {
	ch := &m.choices[i]
	if ch.core == nil {
		sp, f, err := ch.open()
		if err != nil {
			m.fail(err)
			return nil
		}
		ch.core = newCore(m, sp, f, ch.tail)
	}
	return ch.core
}

// core reads documents of one formula.
type core struct {
	m    *Machine
	sp   *formula.Space
	lex  *regex.Lexer
	num  *number.Lexer
	root formula.F
	tail string // what follows the document
	// plain says that tail has only bytes that JSON has outside of strings, but
	// no letters.
	plain bool

	levels  map[levelKey]*level
	one     map[contKey]*conts
	several map[string]*conts
	bottom  *conts
	nothing *conts // behind a value alone
	nextID  int32

	states  map[stateKey]*State
	many    map[string]*State // states of several threads
	offers  map[offerKey]regex.Lang
	members map[memberKey]member
	ends    map[endKey]*completion
	names   map[formula.Cond][]string
	buf     []byte
}

type endKey struct {
	members string
	k       *conts
}

type offerKey struct {
	cond formula.Cond
	keys *formula.KeySet
}

func newCore(m *Machine, sp *formula.Space, f formula.F, tail string) *core {
	c := &core{m: m, sp: sp, lex: regex.NewLexerOf(sp.Regex, m.opt.Strings), num: number.NewLexerOf(m.opt.Numbers), root: f, tail: tail}
	c.plain = strings.Trim(tail, " \t\r\n{}[],:") == ""
	c.flush()
	return c
}

// flush forgets all states.
func (c *core) flush() {
	c.levels = map[levelKey]*level{}
	c.one = map[contKey]*conts{}
	c.several = map[string]*conts{}
	c.states = map[stateKey]*State{}
	c.many = map[string]*State{}
	c.offers = map[offerKey]regex.Lang{}
	c.members = map[memberKey]member{}
	c.ends = map[endKey]*completion{}
	c.names = map[formula.Cond][]string{}
	if c.bottom == nil { // states in use may hold it
		c.nextID++
		c.bottom = &conts{id: c.nextID}
		c.nextID++
		c.nothing = &conts{id: c.nextID, closing: empty}
	}
	c.sp.ForgetKeys()
}

// begin returns the state before the document.
func (c *core) begin() *State {
	f := c.sp.Resolved(c.root)
	return c.state(inValue, wsDone, nil, []thread{{int32(f), c.bottom}})
}
