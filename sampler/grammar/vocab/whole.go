package vocab

import (
	"math"

	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/regex"
)

// whole is what strings that may be anything allow: the same in every schema.
type whole struct {
	set     *Set      // of the tokens that stay within the string
	unsure  []counted // those of them that textSlices leaves open
	closers closers[regex.State]
	rests   []opened

	// By closers.within, closers.tokens and rests: the characters before the quotation
	// mark that closes the string, or of all.
	withinChars, tokenChars, restChars []uint8

	most int // the greatest of these
}

// counted is a token that writes so many characters.
type counted struct {
	id    int32
	chars uint8
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
	k.ids = k.ids[:0]
	k.runText(t.text.unsure, m.Anything())
	for _, id := range k.ids {
		w.unsure = append(w.unsure, counted{id, w.count(t.bytes[id])})
	}
	for _, id := range w.closers.within {
		w.withinChars = append(w.withinChars, w.count(t.bytes[id]))
	}
	for _, c := range w.closers.tokens {
		w.tokenChars = append(w.tokenChars, w.count(t.before(c)))
	}
	for rest, f := range w.rests {
		b := t.quoted.rests.texts[rest]
		if f >= 0 {
			b = t.quoted.beforeTail(b, int32(f))
		}
		n := uint8(0)
		if f != restRefused {
			n = w.count(b)
		}
		w.restChars = append(w.restChars, n)
	}
	return w
}

// count is the number of characters of a part of a token.
func (w *whole) count(b []byte) uint8 {
	n := written(b)
	w.most = max(w.most, n)
	return uint8(n) // it has no more bytes
}

// before is what a token has before the quotation mark that closes the string.
func (t *Table) before(c closer) []byte { return t.quoted.beforeTail(t.bytes[c.id], c.tail) }

// beforeTail is what stands before the quotation mark before a tail of b.
func (q *quotedTokens) beforeTail(b []byte, tail int32) []byte {
	return b[:len(b)-len(q.tails.texts[tail])-1]
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

func (m text) Rows() []regex.Row { return m.lex.Rows() }

func (m text) Accepts(text regex.State) bool { return m.lex.Accepts(text) }

func (m text) Remaining(text regex.State, limit int) ([]string, bool, bool) {
	return m.lex.Remaining(text, limit)
}

func (m text) Free(text regex.State, limit int) (int, bool) { return m.lex.Free(text, limit) }

func (m text) Unbounded(text regex.State, _ int) regex.State { return text }

func (m text) Bounded(regex.State, int) (free regex.State, most int, ok bool) { return 0, 0, false }

func (m text) Lengths(text regex.State, limit int) (least, most int, ok bool) {
	return m.lex.Lengths(text, limit)
}

func (m text) Anything() regex.State { return m.lex.Anything() }

func (m text) Spelling() regex.Spelling { return m.lex.Spelling() }
