package synth

import (
	"io"
	"sync"

	"orchrt/kernels"
)

// chunkBytes bounds a chunk, the unit of work and of seeding.
const chunkBytes = 1 << 20

// chunk is a run of whole blocks of one tensor.
type chunk struct {
	gen  *generator
	key  [4]uint64 // seed, tensor, chunk of the tensor
	data []byte
	done chan struct{} // closed when data is filled
}

// stream generates the tensors' bytes ahead of their reader. What a chunk holds
// depends on its key alone, so the number of workers does not matter.
type stream struct {
	order chan *chunk // in the order of the file
	quit  chan struct{}
	free  sync.Pool
	wg    sync.WaitGroup
}

// newStream starts workers on the data of ts; close ends them. gens holds a
// generator for each kind.
func newStream(ts []tensor, gens map[kind]*generator, seed uint64, workers int) *stream {
	s := &stream{order: make(chan *chunk, 4*workers), quit: make(chan struct{})}
	s.free.New = func() any { return make([]byte, chunkBytes) }
	jobs := make(chan *chunk)
	s.wg.Go(func() { s.plan(jobs, ts, gens, seed) })
	for range workers {
		s.wg.Go(func() {
			for c := range jobs {
				c.gen.fill(c.data, c.key)
				close(c.done)
			}
		})
	}
	return s
}

// plan cuts the tensors into chunks and hands them to the workers.
func (s *stream) plan(jobs chan<- *chunk, ts []tensor, gens map[kind]*generator, seed uint64) {
	defer close(jobs)
	defer close(s.order)
	for i, t := range ts {
		g := gens[kindOf(t)]
		most := int64(chunkBytes / g.bytes * g.bytes)
		for n, left := uint64(0), t.bytes(); left > 0; n++ {
			size := min(left, most)
			left -= size
			c := &chunk{gen: g, key: [4]uint64{seed, uint64(i), n}, data: s.free.Get().([]byte)[:size], done: make(chan struct{})}
			select {
			case s.order <- c:
			case <-s.quit:
				return
			}
			jobs <- c
		}
	}
}

// close ends the workers. The stream must not be read any more.
func (s *stream) close() {
	close(s.quit)
	for range s.order { // let plan, which may wait to send, go on to quit
	}
	s.wg.Wait()
}

// tensorReader reads the next size bytes of a stream, which must be whole chunks.
type tensorReader struct {
	s    *stream
	size int64 // left
	cur  *chunk
	off  int // read of cur
}

// next makes cur a chunk with something left in it, or returns io.EOF.
func (r *tensorReader) next() error {
	if r.cur != nil && r.off < len(r.cur.data) {
		return nil
	}
	if r.cur != nil {
		r.s.free.Put(r.cur.data[:cap(r.cur.data)])
		r.cur = nil
	}
	if r.size == 0 {
		return io.EOF
	}
	c, ok := <-r.s.order
	if !ok {
		return io.ErrUnexpectedEOF
	}
	<-c.done
	r.cur, r.off = c, 0
	r.size -= int64(len(c.data))
	return nil
}

// Read implements io.Reader.
func (r *tensorReader) Read(p []byte) (int, error) {
	if err := r.next(); err != nil {
		return 0, err
	}
	n := copy(p, r.cur.data[r.off:])
	r.off += n
	return n, nil
}

// WriteTo implements io.WriterTo: whole chunks, not copied.
func (r *tensorReader) WriteTo(w io.Writer) (total int64, err error) {
	for {
		switch err := r.next(); err {
		case nil:
		case io.EOF:
			return total, nil
		default:
			return total, err
		}
		n, err := w.Write(r.cur.data[r.off:])
		r.off += n
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
}

// kind is what a generator is made for.
type kind struct {
	typ  kernels.Type
	norm bool
}

func kindOf(t tensor) kind { return kind{t.typ, t.role == roleNorm} }

// The distributions: matrices around 0, norms around 1.
const (
	weightStd = 0.02
	normStd   = 0.05
)

// newGenerators makes a generator for each kind among ts.
func newGenerators(ts []tensor) (map[kind]*generator, error) {
	gens := make(map[kind]*generator)
	for _, t := range ts {
		k := kindOf(t)
		if gens[k] != nil {
			continue
		}
		mean, std := 0.0, weightStd
		if k.norm {
			mean, std = 1, normStd
		}
		g, err := newGenerator(t.typ, mean, std)
		if err != nil {
			return nil, err
		}
		gens[k] = g
	}
	return gens, nil
}
