package score

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math/bits"
	"slices"
	"unicode/utf8"

	"orchrt/sampler/grammar"
	"orchrt/sampler/grammar/value"
	"orchrt/sampler/grammar/vocab"
)

// FuzzOptions say how outputs are drawn.
type FuzzOptions struct {
	N      int  // outputs for each case
	Tokens int  // of an output, where the shortest one does not need more; 0 is 200
	Judge  bool // validate them
	// Limited is how many outputs there are to one that is drawn within a limit
	// on its tokens from the beginning, 0 for one. The others are drawn without
	// one, and after Tokens completed in a short way: masks near a limit are
	// dear, as each token's completion is looked for.
	Limited int
}

// Output is one output: a document that its grammar let random logits write.
type Output struct {
	Name   string          `json:"name"`   // of the case
	Schema json.RawMessage `json:"schema"` // that Text must be valid under
	Tool   string          `json:"tool,omitempty"`
	Text   string          `json:"text"`
}

// Fuzz draws outputs for every case and calls each with the results, in the
// order of the cases. They depend on nothing but the case, its place and
// Options.Seed.
//
// Of the tokens that a mask allows one is drawn uniformly; in 5 of 100 cases
// among those that open and close calls and end the turn, in 30 among those of
// brackets, quotation marks, commas, colons and white space alone, in 15 among
// those of a single byte, where the mask has such. A turn with tools has to call
// one of them and may call several: each call is an Output.
//
// On the way every mask is checked: it is not empty, has no added token inside
// JSON and is the same after going on and back; the output ends within its
// tokens, is UTF-8, and JSON without duplicate keys.
func (s *Scorer) Fuzz(ctx context.Context, cases []Case, opt FuzzOptions, each func(*Result)) error {
	if opt.Tokens == 0 {
		opt.Tokens = 200
	}
	return s.all(ctx, cases, func(a *attempt) { s.fuzz(a, opt) }, each)
}

func (s *Scorer) fuzz(a *attempt, opt FuzzOptions) {
	f := a.compile()
	if f == nil {
		return
	}
	for n := range opt.N {
		draw := a.draw
		if opt.Limited > 1 && a.rng.IntN(opt.Limited) > 0 {
			draw = a.drawFreely
		}
		ids, ok := draw(f, n, opt.Tokens)
		if a.Outcome == TimedOut {
			return
		}
		if !ok {
			continue
		}
		a.Tests++
		outputs, err := a.split(ids)
		if err != nil {
			a.fault(badOutput, n, string(bytesOf(s.src, ids)), "%v", err)
			continue
		}
		a.Outputs = append(a.Outputs, outputs...)
		if opt.Judge {
			a.judge(n, outputs)
		}
	}
}

// judge validates outputs.
func (a *attempt) judge(n int, outputs []Output) {
	for _, o := range outputs {
		judge := a.judges().of(o.Tool)
		if judge == nil {
			a.Unjudged++
			continue
		}
		a.Judged++
		if err := judge.Check([]byte(o.Text)); err != nil {
			a.InvalidAccepted++
			a.fault(badOutput, n, o.Text, "%v", err)
		}
	}
}

// judges returns the validators of the case.
func (a *attempt) judges() *judges {
	if a.judgesMade == nil {
		a.judgesMade = &judges{c: a.c}
	}
	return a.judgesMade
}

// draw writes one output of at most max tokens, or twice as many as the
// shortest one has if that is more.
func (a *attempt) draw(f follower, n, max int) (ids []int32, ok bool) {
	m, err := f.start(max)
	var short *grammar.BudgetError
	if errors.As(err, &short) {
		max = 2 * short.Need
		m, err = f.start(max)
	}
	if err != nil {
		a.fault(deadEnd, n, "", "%v", err)
		return nil, false
	}
	inCall := false
	for len(ids) < max {
		if a.late() {
			a.fail(TimedOut, errLate.Error())
			return nil, false
		}
		id, ok := a.step(m, n, ids, inCall, false)
		if !ok {
			return nil, false
		}
		if m.Done() {
			return ids, true
		}
		ids = append(ids, id)
		inCall = id == a.s.ids.call || inCall && id != a.s.ids.endCall
		if a.rng.IntN(32) == 0 && !a.backAndForth(m, n, ids, max-len(ids)) {
			return nil, false
		}
	}
	a.fault(endless, n, string(bytesOf(a.s.src, ids)), "%d tokens", len(ids))
	return nil, false
}

// drawFreely writes one output of at most max tokens and those that complete it.
// All of these have to be in their masks.
func (a *attempt) drawFreely(f follower, n, max int) (ids []int32, ok bool) {
	m, err := f.start(0)
	if err != nil {
		a.fault(deadEnd, n, "", "%v", err)
		return nil, false
	}
	inCall := false
	var rest []int32 // of a completion
	for most := max; ; most-- {
		if a.late() {
			a.fail(TimedOut, errLate.Error())
			return nil, false
		}
		if most < -maxClosing {
			a.fault(endless, n, string(bytesOf(a.s.src, ids)), "%d tokens", len(ids))
			return nil, false
		}
		if most <= 0 && len(rest) == 0 {
			rest, _ = m.Complete(nil)
		}
		var id int32
		if len(rest) > 0 {
			id, rest = rest[0], rest[1:]
			ok = a.take(m, n, ids, inCall, id)
			most++
		} else {
			id, ok = a.step(m, n, ids, inCall, most <= 0)
		}
		if !ok {
			return nil, false
		}
		if m.Done() {
			return ids, true
		}
		ids = append(ids, id)
		inCall = id == a.s.ids.call || inCall && id != a.s.ids.endCall
		if len(rest) == 0 && most > 0 && a.rng.IntN(32) == 0 && !a.backAndForth(m, n, ids, most) {
			return nil, false
		}
	}
}

// maxClosing bounds the tokens around a completion.
const maxClosing = 8

// take moves on past a token of a completion, which its mask must have.
func (a *attempt) take(m matcher, n int, ids []int32, inCall bool, id int32) bool {
	if set := a.mask(m, n, ids, inCall); !has(set, id) {
		a.fault(inconsistent, n, string(bytesOf(a.s.src, ids)), "token %d completes it and is not in the mask", id)
		return false
	}
	if err := m.Accept(id); err != nil {
		a.fault(inconsistent, n, string(bytesOf(a.s.src, ids)), "token %d is in the mask; Accept: %v", id, err)
		return false
	}
	return true
}

// mask asks for a mask and checks that it has no added token inside JSON.
func (a *attempt) mask(m matcher, n int, ids []int32, inCall bool) []uint64 {
	t0 := clock()
	set := m.Allowed(a.set)
	a.masks = append(a.masks, a.ns(t0, clock()))
	if stray, ok := a.s.stray(set, a.c.hasCalls(), inCall); ok {
		a.fault(strayToken, n, string(bytesOf(a.s.src, ids)), "token %d", stray)
	}
	return set
}

// step draws a token and moves on past it. close draws one that ends a call or
// the turn, if there is one.
func (a *attempt) step(m matcher, n int, ids []int32, inCall, close bool) (id int32, ok bool) {
	text := func() string { return string(bytesOf(a.s.src, ids)) }
	set := a.mask(m, n, ids, inCall)
	if marks := a.s.parts.marks; close && set != nil && common(set, marks) > 0 {
		id, ok = nth(set, marks, 0), true
	} else {
		id, ok = a.pickToken(set)
	}
	if !ok {
		a.fault(deadEnd, n, text(), "the mask is empty")
		return 0, false
	}
	if err := m.Accept(id); err != nil {
		a.fault(inconsistent, n, text(), "token %d is in the mask; Accept: %v", id, err)
		return 0, false
	}
	return id, true
}

// backAndForth goes on by a few tokens and back, and compares the masks.
func (a *attempt) backAndForth(m matcher, n int, ids []int32, left int) bool {
	text := func() string { return string(bytesOf(a.s.src, ids)) }
	before := slices.Clone(m.Allowed(a.set))
	k := 0
	for k < min(left, 1+a.rng.IntN(8)) && !m.Done() {
		id, ok := a.pickToken(m.Allowed(a.set))
		if !ok || m.Accept(id) != nil {
			a.fault(deadEnd, n, text(), "%d tokens further", k)
			return false
		}
		k++
	}
	if err := m.Rollback(k); err != nil {
		a.fault(badRollback, n, text(), "%d tokens back: %v", k, err)
		return false
	}
	if !slices.Equal(before, m.Allowed(a.set)) {
		a.fault(badRollback, n, text(), "%d tokens", k)
		return false
	}
	return true
}

// split takes the documents out of an output.
func (a *attempt) split(ids []int32) ([]Output, error) {
	if !a.c.hasCalls() {
		text := bytesOf(a.s.src, ids)
		return []Output{{Name: a.c.Name, Schema: a.c.Schema, Text: string(text)}}, checkText(text)
	}
	var list []Output
	for {
		from := slices.Index(ids, a.s.ids.call)
		if from < 0 {
			break
		}
		n := slices.Index(ids[from:], a.s.ids.endCall)
		if n < 0 {
			return nil, errors.New("a call does not end")
		}
		o, err := a.readCall(bytesOf(a.s.src, ids[from+1:from+n]))
		if err != nil {
			return nil, err
		}
		list = append(list, o)
		ids = ids[from+n+1:]
	}
	if len(list) == 0 {
		return nil, errors.New("the turn makes no call")
	}
	return list, nil
}

// readCall reads what stands between <tool_call> and </tool_call>.
func (a *attempt) readCall(text []byte) (Output, error) {
	o := Output{Name: a.c.Name}
	if err := checkText(text); err != nil {
		return o, err
	}
	v, err := parse(text)
	if err != nil {
		return o, err
	}
	if v.Kind != value.Object || len(v.Members) != 2 || v.Members[0].Key != "name" || v.Members[1].Key != "arguments" {
		return o, errors.New(`a call must have "name" and "arguments"`)
	}
	name, args := v.Members[0].Value, v.Members[1].Value
	o.Tool = name.Text
	var known bool
	if o.Schema, known = a.c.parameters(o.Tool); !known || name.Kind != value.String {
		return o, errors.New("a call of an unknown tool")
	}
	if args.Kind != value.Object {
		return o, errors.New("arguments that are no object")
	}
	o.Text = string(bytes.TrimSuffix(bytes.TrimSpace(text[args.Offset:]), []byte("}")))
	return o, nil
}

// checkText reports text that is not UTF-8 or not JSON, or has duplicate keys.
func checkText(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("not UTF-8")
	}
	_, err := parse(text)
	return err
}

// parts are sets of tokens that some outputs' tokens are drawn from.
type parts struct {
	marks, structure, bytes, text []uint64
}

func newParts(src vocab.Source, t ids) parts {
	n := words(src)
	p := parts{make([]uint64, n), make([]uint64, n), make([]uint64, n), make([]uint64, n)}
	for _, id := range []int32{t.eos, t.call, t.endCall} {
		if id >= 0 {
			p.marks[id/64] |= 1 << (id % 64)
			p.text[id/64] |= 1 << (id % 64)
		}
	}
	for id := range int32(src.Size()) {
		b := src.Bytes(id)
		if len(b) == 0 || src.IsControl(id) {
			continue
		}
		p.text[id/64] |= 1 << (id % 64)
		if len(bytes.Trim(b, "{}[]\",: \t\r\n")) == 0 {
			p.structure[id/64] |= 1 << (id % 64)
		}
		if len(b) == 1 {
			p.bytes[id/64] |= 1 << (id % 64)
		}
	}
	return p
}

// pickToken draws a token of a set; nil is every token that a text can have.
func (a *attempt) pickToken(set []uint64) (id int32, ok bool) {
	if set == nil {
		set = a.s.parts.text
	}
	var part []uint64
	switch r := a.rng.IntN(100); {
	case r < 5:
		part = a.s.parts.marks
	case r < 35:
		part = a.s.parts.structure
	case r < 50:
		part = a.s.parts.bytes
	}
	if part != nil {
		if n := common(set, part); n > 0 {
			return nth(set, part, a.rng.IntN(n)), true
		}
	}
	n := common(set, set)
	if n == 0 {
		return 0, false
	}
	return nth(set, set, a.rng.IntN(n)), true
}

// common counts the tokens that two sets have in common.
func common(x, y []uint64) (n int) {
	for i := range y {
		n += bits.OnesCount64(x[i] & y[i])
	}
	return n
}

// nth returns the n-th token that two sets have in common.
func nth(x, y []uint64, n int) int32 {
	for i := range y {
		w := x[i] & y[i]
		if k := bits.OnesCount64(w); n >= k {
			n -= k
			continue
		}
		for range n {
			w &= w - 1
		}
		return int32(i*64 + bits.TrailingZeros64(w))
	}
	panic("score: fewer tokens than counted")
}
