package grammar

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"orchrt/sampler/grammar/automaton"
	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/number"
	"orchrt/sampler/grammar/regex"
	"orchrt/sampler/grammar/schema"
	"orchrt/sampler/grammar/value"
	"orchrt/sampler/grammar/vocab"
)

// Bounds on one unit.
const (
	compileSteps = 850_000   // of budget.Budget: some 40 ms
	maskSteps    = 1_100_000 // for one mask, its completions included
	maxValues    = 1 << 17   // in the text of a schema
	maxStates    = 1 << 15   // that its machine remembers
	maxMasks     = 4 << 20   // bytes of masks
	maxLanguages = 32 << 20  // bytes of string languages: a unit with more is made anew
	maxSpace     = 64 << 20  // bytes of languages and formulas: a document is then completed
)

// state is a state of a schema's automaton.
type state = *automaton.State

// unit is the automaton of the documents of one schema with its masks. All
// turns with that schema share it, one at a time.
type unit struct {
	v       *Vocabulary
	key     string   // in the cache
	warning *Warning // what is not enforced; Tool is not set

	slack int // what slack estimates

	size atomic.Int64 // bytes that what follows holds, about, when a mask was last made

	mu     sync.Mutex // guards what follows
	sp     *formula.Space
	m      *automaton.Machine
	start  state
	masks  *vocab.Masks[state, regex.State]
	only   map[state]int16 // the byte that must follow a state, -1 if there is a choice
	failed bool            // the machine failed and settle was called
	spent  error           // a mask took more: from then on only what Shortest writes may come
}

// spec is what a unit is made from, and its key in the cache.
type spec struct {
	schema string // JSON; empty: any value of the kinds
	kinds  formula.Kinds
	empty  bool // only {}: schema is ignored
	style  automaton.Style
	suffix string
	strict bool
}

// compile builds the unit of a spec. The error is *SchemaError without a Tool.
func (v *Vocabulary) compile(s spec) (*unit, error) {
	r := readings{strict: s.strict}
	u, err := v.build(s, schema.Options{Nullable: r.nullable})
	if err == nil {
		u.warning = r.warning
		return u, nil
	}
	fault := describe(err)
	var syntax *value.SyntaxError
	if s.strict || errors.As(err, &syntax) {
		return nil, fault
	}
	if fault.Keyword == "type" || fault.Keyword == "required" {
		r = readings{}
		if u, err := v.build(s, schema.Options{Lenient: r.misspelt, Nullable: r.nullable}); err == nil {
			u.warning = r.warning
			return u, nil
		}
	}
	generic := s
	generic.schema = ""
	if u, err = v.build(generic, schema.Options{}); err != nil {
		return nil, describe(err)
	}
	u.warning = &Warning{Path: fault.Path, Keyword: fault.Keyword, Reason: fault.Reason}
	return u, nil
}

// readings notes which keywords of a schema are read as something else.
type readings struct {
	strict  bool
	warning *Warning // of the first one, nil if there is none
}

func (r *readings) note(e *schema.Error, meaning string) {
	if r.warning == nil {
		r.warning = &Warning{Path: e.Path, Keyword: e.Keyword, Reason: e.Reason, Meaning: meaning}
	} else {
		r.warning.More++
	}
}

func (r *readings) misspelt(m *schema.Misspelling) { r.note(&m.Error, m.Meaning) }

// nullable has null allowed where a schema is not strict, and JSON Schema's meaning
// kept where it is.
func (r *readings) nullable(e *schema.Error) bool {
	if r.strict {
		r.note(e, "an annotation, so that null is refused")
	} else {
		r.note(e, `"null" among the types`)
	}
	return !r.strict
}

// describe makes a *SchemaError of an error of build.
func describe(err error) *SchemaError {
	var e *schema.Error
	if errors.As(err, &e) {
		return &SchemaError{Path: e.Path, Keyword: e.Keyword, Reason: e.Reason}
	}
	return &SchemaError{Reason: err.Error(), Unsatisfiable: errors.Is(err, automaton.ErrUnsatisfiable)}
}

// build makes the unit of a spec, whose schema is read as opt says.
func (v *Vocabulary) build(s spec, opt schema.Options) (*unit, error) {
	sp := formula.NewSpace(budget.New(compileSteps))
	l, err := s.language(sp, opt)
	if err != nil {
		return nil, err
	}
	m, err := automaton.New(sp, l.f, s.options())
	if err == nil {
		_, _, err = sp.Witness(l.f)
	}
	switch {
	case errors.Is(err, automaton.ErrUnsatisfiable):
		return nil, err
	case err != nil:
		within := sp.Within()
		sp.Resume(compileSteps)
		return nil, l.origins.Blame(sp, err, within)
	}
	m.Meter(sp.Budget().Left())
	u := &unit{v: v, slack: l.slack, sp: sp, m: m, start: m.Start(), only: map[state]int16{}}
	far := u.start.Distance() == automaton.Far
	if m.Unmeter(); far {
		return nil, l.origins.Blame(sp, &budget.ExceededError{Limit: compileSteps}, []formula.F{l.f})
	}
	u.masks = vocab.NewMasks(v.table, reader{u, u.start.Lexer()}, maxMasks)
	u.weigh()
	return u, nil
}

// language is what a spec asks for.
type language struct {
	f       formula.F
	slack   int // see unit
	origins schema.Origins
}

// options returns how documents are spelt. In the trained style that is as
// json.dumps writes them, and an integer in digits: calls are decoded by programs
// with types. Elsewhere any escape may stand, and exponents where
// writers put them.
func (s spec) options() automaton.Options {
	o := automaton.Options{Style: s.style, Suffix: s.suffix, MaxStates: maxStates, Numbers: number.Normal, Strings: regex.Any}
	if s.style == automaton.Trained {
		o.Numbers, o.Strings = number.Written, regex.Written
	}
	return o
}

// language returns what the documents are.
func (s spec) language(sp *formula.Space, opt schema.Options) (l language, err error) {
	l.slack = minSlack
	if s.empty {
		l.f = sp.And(sp.Kinds(formula.Object), sp.Members(0, 0))
		return l, nil
	}
	l.f = sp.Kinds(s.kinds)
	if s.schema == "" {
		return l, nil
	}
	sp.Budget().Spend(len(s.schema) / 32)
	doc, err := value.Parse([]byte(s.schema), value.Limits{Values: maxValues})
	if err != nil {
		return l, err
	}
	opt.Origins = &l.origins
	g, err := schema.Compile(sp, doc, opt)
	if err != nil {
		return l, err
	}
	l.f, l.slack = sp.And(l.f, g), slack(&doc)
	return l, sp.Err()
}

// worn reports that new turns should have a new unit: the machine failed,
// which stays, or it has taken up much memory.
func (u *unit) worn() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err() != nil || u.sp.Regex.Bytes() > maxLanguages
}

// settle forgets masks that were made before the machine failed: fewer bytes
// may come since. The unit is locked.
func (u *unit) settle() {
	if u.m.Err() != nil && !u.failed {
		u.failed = true
		u.masks.Reset()
		clear(u.only)
	}
}

// set returns the tokens that s allows. The unit is locked.
func (u *unit) set(s state) *vocab.Set {
	u.settle()
	if set := u.masks.Known(s); set != nil {
		return set
	}
	var set *vocab.Set
	u.metered(func() { set = u.masks.Of(s) })
	if u.m.Err() != nil && !u.failed { // on the way: some tokens may come no more
		u.settle()
		set = u.masks.Of(s)
	}
	return set
}

// weigh finds out size, and ends the choice where the schema takes too much.
func (u *unit) weigh() {
	u.size.Store(u.m.Bytes() + int64(u.masks.Bytes()))
	if u.sp.Bytes() > maxSpace && u.spent == nil {
		u.spent = fmt.Errorf("the schema takes more than %d MB of memory: simplify it", maxSpace>>20)
	}
}

// metered does what a mask takes with the steps that one may take, half of them for
// completions at most.
func (u *unit) metered(do func()) {
	u.sp.Resume(maskSteps)
	u.m.Meter(maskSteps / 2)
	do()
	u.m.Unmeter()
	u.weigh()
}

// check ends the choice where the texts' automaton said no for want of steps: the
// mask lacks tokens.
func (u *unit) check() {
	if err := u.sp.Regex.Err(); err != nil && u.spent == nil {
		u.spent = err
	}
}

// stopped reports that only what Shortest writes may come, as a mask could not
// be made. It is false for the nil unit of a wrapper.
func (u *unit) stopped() bool {
	if u == nil {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.spent != nil
}

// err is what ended the work on the schema before the document's end.
func (u *unit) err() error {
	if u.spent != nil {
		return u.spent
	}
	return u.m.Err()
}

// reader adapts a machine to package vocab.
type reader struct {
	*unit
	lex *regex.Lexer
}

func (reader) Step(s state, b byte) (state, bool) {
	if s.Refuses(b) {
		return nil, false
	}
	next := s.Step(b)
	return next, next != nil
}

// Text knows nothing once the machine has failed: then only the bytes of
// Shortest may come.
func (r reader) Text(s state) (regex.State, bool) {
	text, ok := s.Text()
	return text, ok && r.m.Err() == nil
}

func (r reader) Texts(dst []regex.State, s state) []regex.State {
	if r.m.Err() != nil {
		return dst
	}
	return s.Texts(dst)
}

func (r reader) StepText(text regex.State, b byte) (regex.State, bool) {
	next := r.lex.Step(text, b)
	if next == 0 {
		r.check()
	}
	return next, next != 0
}

func (r reader) Rows() []regex.Row { return r.lex.Rows() }

func (r reader) Close(s state, read []byte, text regex.State) (state, bool) {
	next := s.Close(read, text)
	return next, next != nil
}

func (reader) Named(s state) bool { return s.Key() }

func (reader) Alike(s state) bool { return s.Alike() }

func (reader) Inner(s state) bool { return s.Inner() }

func (reader) Similar(s state) bool { return s.Similar() }

func (r reader) Between(text regex.State) bool {
	_, ok := r.lex.Residual(text)
	return ok
}

func (reader) Value(s state) (alone, behind state, ok bool) { return s.Value() }

func (reader) Over(s state, b byte) bool { return s.Over(b) }

func (reader) Outside(s state) bool { return s.Outside() }

func (reader) White(s state) (int, bool) { return s.White() }

func (r reader) Accepts(text regex.State) bool {
	ok := r.lex.Accepts(text)
	if !ok {
		r.check()
	}
	return ok
}

func (r reader) Safe(text regex.State) []regex.Safe { return r.lex.Safe(text) }

func (r reader) Remaining(text regex.State, limit int) ([]string, bool, bool) {
	return r.lex.Remaining(text, limit)
}

func (r reader) Anything() regex.State { return r.lex.Anything() }

func (r reader) Spelling() regex.Spelling { return r.lex.Spelling() }

func (reader) AnyMember(s state, head []byte) (alone, behind state, ok bool) {
	return s.AnyMember(head)
}

func (reader) Distance(s state) int { return s.Distance() }

func (r reader) Free(text regex.State, limit int) (int, bool) { return r.lex.Free(text, limit) }

func (r reader) Unbounded(text regex.State, chars int) regex.State {
	return r.lex.Unbounded(text, chars)
}

func (r reader) Bounded(text regex.State, limit int) (free regex.State, most int, ok bool) {
	return r.lex.Bounded(text, limit)
}

func (r reader) Lengths(text regex.State, limit int) (least, most int, ok bool) {
	return r.lex.Lengths(text, limit)
}

func (r reader) TextDistance(text regex.State) int { return r.lex.Distance(text) }

func (r reader) TextMost(text regex.State) (int, bool) { return r.lex.Most(text) }

func (r reader) Rest(s state) int {
	text, ok := s.Text()
	if !ok {
		panic("grammar: not in a string")
	}
	return s.Distance() - r.lex.Distance(text)
}

// key returns a string that specs share only if they are equal.
func (s spec) key() string {
	k, err := json.Marshal([]any{s.kinds, s.empty, s.style, s.suffix, s.strict})
	if err != nil {
		panic(err) // nothing of these types fails
	}
	return string(k) + s.schema
}
