package runtime

import (
	"encoding/binary"
	"math"

	"orchrt/kernels"
	"orchrt/sampler"
)

// Going ahead: while a step runs, the next one is queued behind it, for sequences
// that each add the token which the device draws from this one. The host reads
// this step's tokens, delivers them and asks the masks while the next one runs already, so
// that the device never waits for the host.
//
// The host draws again and its token is the one that counts. Where the device drew
// another (its exponential is not the same to the last bit), where the mask forces tokens,
// or the sequence has ended, the row of the next step is of no use or of another: a row for
// a wrong token is passed over and computed anew; what it has written lies behind the
// sequence's tokens and is written again, or in pages that are free, before anyone reads it: the
// device does what is queued in order.

// mayGoAhead reports that the next step is known but for its tokens: each
// sequence draws in this one, the device can draw for it, nobody waits to come in, and there
// are pages. It gives them.
func (e *Engine) mayGoAhead() bool {
	room := len(e.running) < e.opt.Parallel
	if room && len(e.waiting)+len(e.submit) > 0 {
		return false
	}
	need, any := 0, false
	for _, s := range e.running {
		if !s.draws() || s.failed != nil {
			return false
		}
		if _, ok := s.sampler.Ahead(); !ok {
			return false
		}
		if s.goesOn() {
			any = true
			if len(s.pages)*kernels.PageTokens <= len(s.tokens) {
				need++
			}
		}
	}
	// Every row of the step is in choice.list, in the order of running.
	if !any || len(e.choice.list) != len(e.running) || need > e.pool.available() {
		return false
	}
	for _, s := range e.running {
		if s.goesOn() && len(s.pages)*kernels.PageTokens <= len(s.tokens) {
			page, _ := e.pool.alloc()
			s.pages = append(s.pages, page)
		}
	}
	return true
}

// goesOn reports that the token which this step draws may not be the last.
func (s *sequence) goesOn() bool { return len(s.tokens)+1 < s.limit }

// goAhead lets the device draw from top, this step's tokens, and queues the next
// step; the function returned reads what was found.
func (e *Engine) goAhead(dev kernels.Drawer, top kernels.Buf) func([]byte) error {
	c, b := e.choice, e.batch
	b.reset()
	var draws []byte
	for i, s := range c.list {
		if !s.goesOn() {
			continue
		}
		a, _ := s.sampler.Ahead()
		draws = appendDraw(draws, a, i)
		b.add([]int32{0}, len(s.tokens), s.pages)
		s.next, s.ahead = b.wantLast(), true
	}
	params := c.buf.Slice(int64(align64(c.used)), int64(len(draws)))
	dev.Write(params, draws)
	dev.Draw(b.buf.Slice(0, int64(4*len(b.ids))), top, c.k, params)
	read := dev.Later(top)
	e.ahead, _ = e.model.Forward(e.scratch, e.kv, b.upload(true))
	e.count()
	e.aheads++
	return read
}

// appendDraw appends kernels.DrawParams for row i of Top's output.
func appendDraw(b []byte, a sampler.Ahead, i int) []byte {
	for _, v := range []float64{a.Temperature, a.TopP, a.MinP, a.U} {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(i))
	return binary.LittleEndian.AppendUint32(b, uint32(a.K))
}

// resume makes the step that was queued ahead the one at work; false means
// that there is none that anybody needs.
func (e *Engine) resume() bool {
	e.queued = false
	for _, s := range e.running {
		s.rows = 0
		if s.ahead && s.tokens[s.done] == s.guess {
			s.rows, s.row, e.queued = 1, s.next, true
		} else if s.ahead {
			e.misdrawn++
		}
		s.ahead = false
	}
	e.y = e.ahead
	return e.queued
}

// stay forgets the step that was queued ahead.
func (e *Engine) stay() {
	for _, s := range e.running {
		s.ahead = false
	}
}
