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
	free  sync.Pool // of *chunk, read and done with
	wg    sync.WaitGroup

	cur *chunk // being read
	off int    // read of cur
}

// newStream starts workers on the data of ts; close ends them. gens holds a
// generator for each kind. At most 4 chunks a worker wait for the reader.
func newStream(ts []tensor, gens map[kind]*generator, seed uint64, workers int) *stream {
	s := &stream{order: make(chan *chunk, 4*workers), quit: make(chan struct{})}
	s.free.New = func() any { return &chunk{data: make([]byte, chunkBytes)} }
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
			c := s.free.Get().(*chunk)
			*c = chunk{gen: g, key: [4]uint64{seed, uint64(i), n}, data: c.data[:size], done: make(chan struct{})}
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

// Read implements io.Reader over the tensors' bytes, without padding.
func (s *stream) Read(p []byte) (int, error) {
	if s.cur != nil && s.off == len(s.cur.data) {
		s.free.Put(s.cur)
		s.cur = nil
	}
	if s.cur == nil {
		c, ok := <-s.order
		if !ok {
			return 0, io.EOF
		}
		<-c.done
		s.cur, s.off = c, 0
	}
	n := copy(p, s.cur.data[s.off:])
	s.off += n
	return n, nil
}

// kind is what a generator is made for.
type kind struct {
	typ  kernels.Type
	role role // roleNorm, roleScale or, for all matrices, roleEmbed
}

func kindOf(t tensor) kind {
	if t.role == roleNorm || t.role == roleScale {
		return kind{t.typ, t.role}
	}
	return kind{t.typ, roleEmbed}
}

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
		switch k.role {
		case roleNorm:
			mean, std = 1, normStd
		case roleScale:
			blocks, err := newGenerator(kernels.NVFP4, 0, weightStd)
			if err != nil {
				return nil, err
			}
			mean, std = blocks.scale, 0
		}
		g, err := newGenerator(t.typ, mean, std)
		if err != nil {
			return nil, err
		}
		gens[k] = g
	}
	return gens, nil
}
