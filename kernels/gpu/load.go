package gpu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"sync"

	"orchrt/kernels"
)

// Weights go from their file into page-locked memory, from there to the device as they are, and are packed there (pack.cu): the
// host does nothing but read(2). Spans of rows of all matrices follow one another through a Ring, so that the reading, which several
// threads do, the copying and the packing of different spans go on at the same time; nothing waits between
// matrices. A thread reads some 8 GB/s out of the page cache, PCI Express 5 takes 50, pack.cu packs 100 and more.
const (
	loadBytes   = 4 << 20 // about the size of a span
	loadSlots   = 16      // spans on their way: those that are read, and some that are copied and packed
	loadReaders = 12      // threads that read, at most
)

// Pack implements kernels.Device. in must be a multiple of 32 and of the format's block; src must allow concurrent ReadAt, as
// files and mappings do. Where weights may be too large for f16, Scale of the result is a power of two that takes care of it.
func (d *Device) Pack(t kernels.Type, out, in int, src io.ReaderAt) (kernels.Weight, error) {
	w, err := d.PackAll([]kernels.Matrix{{Type: t, Out: out, In: in, Src: src}}, nil)
	if e := (*kernels.PackError)(nil); errors.As(err, &e) {
		return kernels.Weight{}, e.Err
	} else if err != nil {
		return kernels.Weight{}, err
	}
	return w[0], nil
}

// PackAll implements kernels.Packer.
func (d *Device) PackAll(ms []kernels.Matrix, progress func(bytes int64) error) ([]kernels.Weight, error) {
	return d.packAll(ms, progress, loadBytes)
}

// packAll is PackAll with spans of about so many bytes.
func (d *Device) packAll(ms []kernels.Matrix, progress func(bytes int64) error, size int64) ([]kernels.Weight, error) {
	p := packing{d: d, ms: ms, weights: make([]kernels.Weight, len(ms)), progress: progress}
	if err := p.plan(size); err != nil || len(ms) == 0 {
		return nil, err
	}
	if err := p.run(); err != nil {
		for _, w := range p.weights {
			if w.Buf.Size > 0 {
				d.Free(w.Buf)
			}
		}
		return nil, err
	}
	return p.weights, nil
}

// packing is one PackAll at work.
type packing struct {
	d        *Device
	ms       []kernels.Matrix
	weights  []kernels.Weight
	progress func(bytes int64) error

	spans  []packSpan
	most   kernels.Buf // [matrices] u64: what pack.cu calls most
	ring   Ring
	slots  int
	queue  chan int     // spans to read
	filled []chan error // [slots]: a span has been read
}

// packSpan is rows [row, row+n) of a matrix.
type packSpan struct{ matrix, row, n int }

// plan cuts the matrices into spans of about so many bytes, of whole tiles of rows.
func (p *packing) plan(size int64) error {
	for i, m := range p.ms {
		f, ok := m.Type.Format()
		if !ok {
			return &kernels.PackError{Index: i, Err: fmt.Errorf("gpu: weights of %v are not supported", m.Type)}
		}
		if m.Out <= 0 || m.In <= 0 || m.In%32 != 0 || m.In%f.Values != 0 {
			panic(fmt.Sprintf("gpu: Pack: [%d, %d] in %v: columns must be a multiple of 32 and of the block", m.Out, m.In, m.Type))
		}
		step := max(int(size/m.Type.RowBytes(m.In))/tileRows, 1) * tileRows
		for row := 0; row < m.Out; row += step {
			p.spans = append(p.spans, packSpan{i, row, min(step, m.Out-row)})
		}
	}
	return nil
}

// bytes is the size of a span's blocks.
func (p *packing) bytes(s packSpan) int64 {
	return int64(s.n) * p.ms[s.matrix].Type.RowBytes(p.ms[s.matrix].In)
}

// run packs all spans and settles the scales.
func (p *packing) run() (err error) {
	var largest int64
	for _, s := range p.spans {
		largest = max(largest, p.bytes(s))
	}
	if p.most, err = p.d.Alloc(8 * int64(len(p.ms))); err != nil {
		return &kernels.PackError{Err: err}
	}
	defer func() { p.d.Free(p.most) }()
	p.slots = min(loadSlots, len(p.spans)+1)
	if p.ring, err = p.d.drv.Ring(p.slots, largest); err != nil {
		return &kernels.PackError{Err: err}
	}
	at, err := p.stream()
	if closed := p.ring.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = p.settle()
	}
	if err != nil {
		return &kernels.PackError{Index: at, Err: err}
	}
	return nil
}

// stream sends every span through the ring; where that fails, it returns the matrix too.
func (p *packing) stream() (at int, err error) {
	p.queue = make(chan int, p.slots)
	p.filled = make([]chan error, p.slots)
	for i := range p.filled {
		p.filled[i] = make(chan error, 1)
	}
	var readers sync.WaitGroup
	for range min(max(runtime.GOMAXPROCS(0), 4), loadReaders, p.slots) {
		readers.Go(p.read)
	}
	defer readers.Wait() // before anyone frees what they fill
	defer close(p.queue)
	// A slot is asked for when the span before it there has been on its way for a few others.
	ahead := max(p.slots-3, 1)
	for i := range min(ahead, len(p.spans)) {
		if err := p.begin(i); err != nil {
			return 0, err
		}
	}
	for i, s := range p.spans {
		if next := i + ahead; next < len(p.spans) {
			if err := p.begin(next); err != nil {
				return s.matrix, err
			}
		}
		err := <-p.filled[i%p.slots]
		if err == nil {
			err = p.pack(i)
		}
		if err == nil && p.progress != nil {
			err = p.progress(p.bytes(s))
		}
		if err != nil {
			return s.matrix, err
		}
	}
	return 0, nil
}

// begin has span i read once its slot is free.
func (p *packing) begin(i int) error {
	if err := p.ring.Wait(i % p.slots); err != nil {
		p.d.fail(err)
		return err
	}
	p.queue <- i
	return nil
}

// read fills slots until there are no more spans.
func (p *packing) read() {
	for i := range p.queue {
		s := p.spans[i]
		m := p.ms[s.matrix]
		host, _ := p.ring.Slot(i % p.slots)
		n := p.bytes(s)
		got, err := m.Src.ReadAt(host[:n], int64(s.row)*m.Type.RowBytes(m.In))
		if int64(got) == n {
			err = nil
		} else if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			err = fmt.Errorf("gpu: reading rows %d to %d of a [%d, %d] matrix in %v: %w", s.row, s.row+s.n, m.Out, m.In, m.Type, err)
		}
		p.filled[i%p.slots] <- err
	}
}

// pack queues the copy of span i, which has been read, and its packing.
func (p *packing) pack(i int) error {
	d, s, slot := p.d, p.spans[i], i%p.slots
	m, w := p.ms[s.matrix], &p.weights[s.matrix]
	if s.row == 0 {
		buf, err := d.Alloc(packedBytes(m.Type, m.Out, m.In))
		if err != nil {
			return err
		}
		*w = kernels.Weight{Buf: buf, Type: m.Type, Out: m.Out, In: m.In}
	}
	if err := p.ring.Send(slot, p.bytes(s)); err != nil {
		d.fail(err)
		return err
	}
	_, src := p.ring.Slot(slot)
	down, across := tilesOf(s.n, m.In)
	launch(d, "pack", Grid{X: (down*across + 7) / 8, Threads: 256}, packArgs{
		dst: addr(w.Buf) + uint64(packedBytes(m.Type, s.row, m.In)), src: src, book: d.codebook(m.Type), most: addr(p.most) + 8*uint64(s.matrix),
		rows: uint32(s.n), in: uint32(m.In), typ: uint32(m.Type), tiles: uint32(down * across),
	})
	if d.err == nil {
		d.fail(p.ring.Done(slot))
	}
	return d.err
}

// settle waits for all launches, because kernels read weights before they wait for the launches before them
// (see griddep_wait), and sets Weight.Scale.
func (p *packing) settle() error {
	most := make([]byte, p.most.Size)
	if err := p.d.Read(most, p.most); err != nil {
		return err
	}
	tamed := false
	for i := range p.weights {
		w := &p.weights[i]
		largest := math.Float32frombits(binary.LittleEndian.Uint32(most[8*i:]))
		w.Scale = p.d.tame(w.Type, w.Buf, w.Out, w.In, largest)
		tamed = tamed || largest > packMost
	}
	if tamed {
		return p.d.Read(nil, p.most)
	}
	return p.d.err
}
