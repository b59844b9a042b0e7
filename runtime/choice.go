package runtime

import (
	"encoding/binary"
	"fmt"
	"math"

	"orchrt/kernels"
	"orchrt/sampler"
)

// maxEdits bounds the edits of logits in a step, for each sequence on average.
const maxEdits = 4096

// choice lets a device find the tokens that may be drawn, so that only those
// are read. It belongs to the engine's goroutine.
type choice struct {
	dev     kernels.Chooser
	tokens  int // ids below it are tokens
	words   int // of a mask
	maxTop  int
	rows    int // most rows of a step
	buf     kernels.Buf
	host    []byte // what is copied to buf
	out     kernels.Buf
	results []byte // what is read of out

	list  []*sequence // the rows of this step, in order
	row   []int32     // the row of logits of each
	mask  []int32     // the mask of each, -1 for none
	masks [][]uint64
	first []int32 // [len(list)+1]
	edits []sampler.Edit
	k     int // tokens to find for each
	used  int // bytes of buf
}

// newChoice allocates what steps of up to rows rows of logits take; nil where
// the device does not choose among as many.
func newChoice(dev kernels.Chooser, rows, vocab, tokens int) (*choice, error) {
	c := &choice{dev: dev, tokens: tokens, words: (tokens + 63) / 64, maxTop: dev.MaxTop(tokens), rows: rows}
	if c.maxTop == 0 {
		return nil, nil
	}
	n := 2*section(rows) + section(rows+1) + align64(8*rows*c.words) + align64(kernels.LogitEditBytes*rows*maxEdits) + kernels.DrawParamsBytes*rows
	c.host = make([]byte, n)
	full := kernels.Choice{N: rows, K: c.maxTop}
	c.results = make([]byte, full.TopBytes())
	var err error
	if c.buf, err = dev.Alloc(int64(n)); err == nil {
		c.out, err = dev.Alloc(full.TopBytes())
	}
	if err != nil {
		c.free()
		return nil, fmt.Errorf("runtime: choosing among the logits of %d sequences: %w", rows, err)
	}
	return c, nil
}

func align64(n int) int { return (n + 63) &^ 63 }

func (c *choice) free() {
	for _, b := range []kernels.Buf{c.buf, c.out} {
		if b.Size > 0 {
			c.dev.Free(b)
		}
	}
}

// reset begins a step.
func (c *choice) reset() {
	clear(c.list)
	c.list, c.row, c.mask, c.masks = c.list[:0], c.row[:0], c.mask[:0], c.masks[:0]
	c.first, c.edits, c.k = append(c.first[:0], 0), c.edits[:0], 0
}

// add takes in a sequence whose logits are row number row; false means that
// all of them are needed.
func (c *choice) add(s *sequence, row int) bool {
	k, ok := s.sampler.Narrow()
	if !ok || k > c.maxTop {
		return false
	}
	from := len(c.edits)
	c.edits = s.sampler.Edits(c.edits)
	if len(c.edits) > c.rows*maxEdits {
		c.edits = c.edits[:from]
		return false
	}
	c.list = append(c.list, s)
	c.row = append(c.row, int32(row))
	c.k = max(c.k, k)
	c.first = append(c.first, int32(len(c.edits)))
	if s.allowed == nil {
		c.mask = append(c.mask, -1)
		return true
	}
	c.mask = append(c.mask, int32(len(c.masks)))
	c.masks = append(c.masks, s.allowed)
	return true
}

// upload copies the step's rows, masks and edits to the device.
func (c *choice) upload() kernels.Choice {
	off := 0
	put := func(n int) ([]byte, kernels.Buf) {
		host, buf := c.host[off:off+n], c.buf.Slice(int64(off), int64(n))
		off += align64(n)
		return host, buf
	}
	ints := func(v []int32) kernels.Buf {
		host, buf := put(4 * len(v))
		putInts(host, v)
		return buf
	}
	args := kernels.Choice{N: len(c.list), K: c.k, Vocab: c.tokens, Row: ints(c.row), Mask: ints(c.mask), First: ints(c.first)}
	var host []byte
	host, args.Masks = put(8 * c.words * len(c.masks))
	for i, m := range c.masks {
		for j, w := range m[:c.words] {
			binary.LittleEndian.PutUint64(host[8*(i*c.words+j):], w)
		}
	}
	host, args.Edits = put(kernels.LogitEditBytes * len(c.edits))
	for i, e := range c.edits {
		b := host[kernels.LogitEditBytes*i:]
		binary.LittleEndian.PutUint32(b, uint32(e.ID))
		for j, f := range []float32{e.Bias, e.Penalty, e.Less} {
			binary.LittleEndian.PutUint32(b[4+4*j:], math.Float32bits(f))
		}
	}
	c.used = min(off, len(c.host))
	c.dev.Write(c.buf, c.host[:c.used])
	return args
}

// take reads one row of Top's output.
func (c *choice) take(s *sequence, b []byte) {
	n := int32(binary.LittleEndian.Uint32(b))
	s.narrow, s.found, s.broken, s.guess = true, s.found[:0], nil, int32(binary.LittleEndian.Uint32(b[12:]))
	if n < 0 {
		s.broken = &sampler.LogitError{ID: int32(binary.LittleEndian.Uint32(b[4:])), Value: float(b[8:])}
		return
	}
	for b = b[kernels.TopHeadBytes:]; n > 0; n, b = n-1, b[kernels.TopTokenBytes:] {
		s.found = append(s.found, sampler.Candidate{ID: int32(binary.LittleEndian.Uint32(b)), Logit: float(b[4:])})
	}
}

func float(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }

// readLogits waits for the step and reads what the sequences draw from: of
// those for which the device can choose, the tokens found; of others the row.
// Where it can, it queues the next step before it waits.
func (e *Engine) readLogits(ran bool) error {
	dev, c, y := e.model.dev, e.choice, e.y
	if c == nil || !ran || y.Rows == 0 {
		return dev.Read(bytesOf(e.logits[:y.Rows*y.Cols]), y.Buf)
	}
	c.reset()
	var whole []*sequence
	for _, s := range e.running {
		if !s.draws() {
			continue
		}
		s.narrow = false
		if s.failed == nil && !c.add(s, s.row) {
			whole = append(whole, s)
		}
	}
	if err := e.choose(y); err != nil {
		return err
	}
	for _, s := range whole {
		part := e.logits[s.row*y.Cols : (s.row+1)*y.Cols]
		if err := dev.Read(bytesOf(part), y.Buf.Slice(int64(4*s.row*y.Cols), int64(4*y.Cols))); err != nil {
			return err
		}
	}
	return nil
}

// choose lets the device choose for the sequences added.
func (e *Engine) choose(y kernels.Mat) error {
	c := e.choice
	if len(c.list) == 0 {
		return c.dev.Read(nil, y.Buf)
	}
	args := c.upload()
	top := c.out.Slice(0, args.TopBytes())
	c.dev.Top(top, y, &args)
	out := c.results[:top.Size]
	if drawer, ok := c.dev.(kernels.Drawer); ok && e.mayGoAhead() {
		if err := e.goAhead(drawer, top)(out); err != nil {
			return err
		}
	} else if err := c.dev.Read(out, top); err != nil {
		return err
	}
	each := len(out) / args.N
	for i, s := range c.list {
		c.take(s, out[i*each:(i+1)*each])
	}
	return nil
}
