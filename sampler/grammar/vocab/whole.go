package vocab

import (
	"math"

	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/regex"
)

// whole is what strings that may be anything allow: the same in every schema.
type whole struct {
	set     *Set // of the tokens that stay within the string
	closers closers[regex.State]
	rests   []opened
}

// newWhole finds out what strings of a spelling allow.
func newWhole(t *Table, as regex.Spelling) *whole {
	m := text{lex: regex.NewLexerOf(regex.NewSpace(budget.New(math.MaxInt64)), as)}
	k := NewMasks(t, m, math.MaxInt)
	w := &whole{
		set:     k.inText(m.Anything()),
		closers: *k.closersOf(m.Anything()),
		rests:   k.openingsOf(m.Anything()).rests,
	}
	w.set.lent, w.set.own = true, false
	return w
}

// text is a Machine of which only the texts are asked.
type text struct {
	Machine[struct{}, regex.State]
	lex *regex.Lexer
}

func (m text) StepText(text regex.State, b byte) (regex.State, bool) {
	next := m.lex.Step(text, b)
	return next, next != 0
}

func (m text) Accepts(text regex.State) bool { return m.lex.Accepts(text) }

func (m text) Remaining(text regex.State, limit int) ([]string, bool, bool) {
	return m.lex.Remaining(text, limit)
}

func (m text) Free(text regex.State, limit int) (int, bool) { return m.lex.Free(text, limit) }

func (m text) Anything() regex.State { return m.lex.Anything() }

func (m text) Spelling() regex.Spelling { return m.lex.Spelling() }
