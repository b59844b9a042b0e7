package runtime

import (
	"errors"
	"fmt"

	"orchrt/kernels"
)

// Batch is one step: the rows to run and those whose logits are wanted.
type Batch struct {
	Rows  kernels.Rows
	IDs   kernels.Buf // [Rows.N] i32: the token of each row
	Want  kernels.Buf // [Wants] i32: rows whose logits are wanted
	Wants int

	// Stop, if set, is asked before each layer: true ends the step there, and
	// what it wrote is worth nothing. A step of a long prompt can take seconds.
	Stop func() bool
}

// Forward runs a step of rows through the decoder: it appends their keys and
// values to kv, one cache per layer, and returns the logits of the rows wanted,
// [Wants, vocab], which live in s until the next call; ok is false if Stop has
// ended it. Nothing waits: a failure of the device shows when the logits are
// read.
func (m *Model) Forward(s *Scratch, kv []kernels.Cache, b Batch) (logits kernels.Mat, ok bool) {
	logits = s.logits.rows(b.Wants) // [wants, vocab]
	if rec, ok := m.dev.(kernels.Recorder); ok && b.Rows.N <= maxRecorded {
		key := kernels.StepKey{Rows: b.Rows.N, Seqs: b.Rows.Seqs, Pages: b.Rows.Pages, Wants: b.Wants}
		b.Stop = nil
		rec.Step(key, func() { m.queue(s, kv, b, logits) })
		return logits, true
	}
	return logits, m.queue(s, kv, b, logits)
}

// maxRecorded is the most rows of steps that a device may record: those that
// generate, which come again and again and take no time worth stopping.
const maxRecorded = 64

// queue queues the operations of a step; false means that b.Stop has ended it.
func (m *Model) queue(s *Scratch, kv []kernels.Cache, b Batch, logits kernels.Mat) bool {
	n, dev := b.Rows.N, m.dev
	x := s.x.rows(n) // [n, hidden] the residual stream
	q := s.q.rows(n) // [n, heads*headDim]
	y := s.y.rows(n) // [n, heads*headDim]
	h := s.h.rows(n) // [n, ffn]

	dev.Embed(x, m.embed, b.IDs)
	for i := range m.layers {
		if b.Stop != nil && b.Stop() {
			return false
		}
		w := &m.layers[i]
		dev.NormQKV(q, kv[i], x, &w.attn, b.Rows)
		dev.Attend(y, q, kv[i], b.Rows)
		dev.MulAdd(x, y, w.out)
		dev.NormGateUp(h, x, &w.ffn)
		dev.MulAdd(x, h, w.down)
	}
	if b.Wants > 0 {
		dev.NormLogits(logits, x, &m.head, b.Want)
	}
	return true
}

// Scratch is the memory of the values between operations, for steps of up to a
// number of rows. It is allocated once.
type Scratch struct {
	dev             kernels.Device
	x, q, y, h      matrix // as in Forward
	logits          matrix // [wants, vocab] f32
	maxRows, wanted int
}

// matrix is a buffer for rows of cols float32 values.
type matrix struct {
	buf  kernels.Buf
	cols int
}

// rows is the matrix of the first n rows.
func (m matrix) rows(n int) kernels.Mat {
	return kernels.Mat{Buf: m.buf.Slice(0, 4*int64(n)*int64(m.cols)), Rows: n, Cols: m.cols}
}

// NewScratch allocates the memory for steps of up to rows rows, of which the
// logits of up to wants are wanted.
func (m *Model) NewScratch(rows, wants int) (*Scratch, error) {
	s := &Scratch{dev: m.dev, maxRows: rows, wanted: wants}
	for _, a := range s.parts(m, rows, wants) {
		buf, err := m.dev.Alloc(a.bytes())
		if err != nil {
			s.Free()
			return nil, fmt.Errorf("runtime: activations of %d rows: %w", rows, err)
		}
		*a.to = matrix{buf, a.cols}
	}
	return s, nil
}

// part is one matrix of a Scratch with its size.
type part struct {
	to         *matrix
	rows, cols int
}

func (p part) bytes() int64 { return 4 * int64(p.rows) * int64(p.cols) }

// parts lists what s consists of.
func (s *Scratch) parts(m *Model, rows, wants int) []part {
	c := &m.Config
	return []part{
		{&s.x, rows, c.Hidden},
		{&s.q, rows, c.Heads * c.HeadDim},
		{&s.y, rows, c.Heads * c.HeadDim},
		{&s.h, rows, c.FFN},
		{&s.logits, wants, c.Vocab},
	}
}

// scratchBytes is what NewScratch takes.
func (m *Model) scratchBytes(rows, wants int) (n int64) {
	for _, p := range new(Scratch).parts(m, rows, wants) {
		n += p.bytes()
	}
	return n
}

// Free gives the memory back.
func (s *Scratch) Free() {
	for _, m := range []*matrix{&s.x, &s.q, &s.y, &s.h, &s.logits} {
		if m.buf.Size > 0 {
			s.dev.Free(m.buf)
		}
		*m = matrix{}
	}
}

// newCaches allocates the KV cache of every layer.
func (m *Model) newCaches(t kernels.CacheType, pages int) ([]kernels.Cache, error) {
	if dev, ok := m.dev.(kernels.CacheChecker); ok {
		if err := dev.CheckCache(t); err != nil {
			return nil, err
		}
	}
	caches := make([]kernels.Cache, m.Config.Layers)
	for i := range caches {
		c := &caches[i]
		*c = kernels.Cache{Type: t, Pages: pages, Heads: m.Config.KVHeads, HeadDim: m.Config.HeadDim}
		values, scales := c.Sizes()
		if err := errors.Join(
			alloc(m.dev, &c.K, values), alloc(m.dev, &c.V, values),
			alloc(m.dev, &c.KScale, scales), alloc(m.dev, &c.VScale, scales),
		); err != nil {
			m.freeCaches(caches)
			return nil, fmt.Errorf("runtime: KV cache of %d pages: %w", pages, err)
		}
	}
	return caches, nil
}

// alloc sets buf to n new bytes; none for 0.
func alloc(dev kernels.Device, buf *kernels.Buf, n int64) (err error) {
	if n > 0 {
		*buf, err = dev.Alloc(n)
	}
	return err
}

func (m *Model) freeCaches(caches []kernels.Cache) {
	for _, c := range caches {
		for _, b := range []kernels.Buf{c.K, c.V, c.KScale, c.VScale} {
			if b.Size > 0 {
				m.dev.Free(b)
			}
		}
	}
}

// pageBytes is the size of one page over all layers.
func (m *Model) pageBytes(t kernels.CacheType) int64 {
	values, scales := kernels.Cache{Type: t, Pages: 1, Heads: m.Config.KVHeads, HeadDim: m.Config.HeadDim}.Sizes()
	return 2 * (values + scales) * int64(m.Config.Layers)
}
