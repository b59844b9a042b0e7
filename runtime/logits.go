package runtime

import (
	"fmt"

	"orchrt/kernels"
)

// Rows of one call of the device in Logits.
const (
	logitsChunk = 512
	logitsRows  = 32 // whose logits are held at once
)

// Logits is LogitsBy with a float32 KV cache and as many rows in a step as serve well.
func (m *Model) Logits(ids []int32, each func(pos int, row []float32) error) error {
	return m.LogitsBy(ids, logitsChunk, kernels.CacheF32, each)
}

// LogitsBy runs one sequence through the model, `step` tokens at a time (1: as in
// decoding), with a KV cache of the type given, and calls
// each with the logits [vocab] at every position, in order; row is reused. An
// error of each ends the run and is returned. No engine may run on the model
// meanwhile.
func (m *Model) LogitsBy(ids []int32, step int, cache kernels.CacheType, each func(pos int, row []float32) error) error {
	if step < 1 {
		panic("runtime: LogitsBy with steps of no tokens")
	}
	if len(ids) == 0 {
		return nil
	}
	if len(ids) > m.Context {
		return &LimitError{"tokens", len(ids), m.Context, fmt.Sprintf("%d are more than the context of %d", len(ids), m.Context)}
	}
	if err := checkIDs("tokens", ids, m.Config.Vocab); err != nil {
		return err
	}
	pages := pagesFor(len(ids))
	kv, err := m.newCaches(cache, pages)
	if err != nil {
		return err
	}
	defer m.freeCaches(kv)
	rows := min(step, len(ids))
	scratch, err := m.NewScratch(rows, logitsRows)
	if err != nil {
		return err
	}
	defer scratch.Free()
	batch, err := newBatchBuilder(m.dev, rows, rows, 1, pages)
	if err != nil {
		return err
	}
	defer batch.free()
	table := make([]int32, pages)
	for i := range table {
		table[i] = int32(i)
	}
	for at := 0; at < len(ids); at += rows {
		n := min(rows, len(ids)-at)
		batch.reset()
		batch.add(ids[at:at+n], at, table[:pagesFor(at+n)])
		if err := m.chunkLogits(scratch, kv, batch, at, each); err != nil {
			return err
		}
	}
	return nil
}

// chunkLogits runs the batch, whose first row has position at, and reads the
// logits of all its rows, some at a time.
func (m *Model) chunkLogits(s *Scratch, kv []kernels.Cache, b *batchBuilder, at int, each func(int, []float32) error) error {
	n, vocab := len(b.ids), m.Config.Vocab
	for i := range n {
		b.want = append(b.want, int32(i))
	}
	step := b.upload(false)
	wants := step.Want
	step.Wants = 0
	m.Forward(s, kv, step)
	host := make([]float32, min(logitsRows, n)*vocab)
	for first := 0; first < n; first += logitsRows {
		k := min(logitsRows, n-first)
		y := s.logits.rows(k)
		m.dev.NormLogits(y, s.x.rows(n), &m.head, wants.Slice(int64(4*first), int64(4*k)))
		if err := m.dev.Read(bytesOf(host[:k*vocab]), y.Buf); err != nil {
			return &DeviceError{Device: m.dev.Name(), Err: err}
		}
		for i := range k {
			if err := each(at+first+i, host[i*vocab:(i+1)*vocab]); err != nil {
				return err
			}
		}
	}
	return nil
}
