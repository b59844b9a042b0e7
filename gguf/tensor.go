package gguf

import (
	"errors"
	"io"
	"sync/atomic"
)

// Tensor is a tensor's entry in the directory.
type Tensor struct {
	Name   string
	Dims   []int64 // fastest first: a weight [out, in] is {in, out}
	Type   Type
	Offset int64 // of the first byte, from the start of the shard's file
	Size   int64 // bytes
	Shard  int   // index in File.Shards

	sh    *shard
	entry int64 // offset of the dimensions in the directory
}

// Rows is the number of rows of Dims[0] values.
func (t *Tensor) Rows() int64 {
	n := int64(1)
	for _, d := range t.Dims[1:] {
		n *= d
	}
	return n
}

// Values is the number of values.
func (t *Tensor) Values() int64 { return t.Dims[0] * t.Rows() }

// Reader reads the tensor's Size bytes. It may be used by several goroutines,
// until the file is closed. A failure is an *Error that names the tensor; it
// wraps ErrChanged where the file shrank.
func (t *Tensor) Reader() io.ReaderAt { return &tensorReader{t: t} }

// Release lets the tensor's pages, where any are mapped, leave the process's
// memory. They can still be read.
func (t *Tensor) Release() { t.sh.src.release(t.Offset, t.Size) }

// tensorReader copies a tensor's bytes and asks the disk for what follows.
type tensorReader struct {
	t     *Tensor
	asked atomic.Int64 // bytes of the tensor, and beyond, that the disk was asked for
}

var errNegative = errors.New("a read at a negative offset")

// tensorAhead is how far the disk is kept ahead of the reader.
const tensorAhead = 8 << 20

// ReadAt copies from off, as io.ReaderAt asks.
func (r *tensorReader) ReadAt(p []byte, off int64) (int, error) {
	t := r.t
	switch {
	case off < 0:
		return 0, t.sh.wrap(errNegative, "", t.Name)
	case off >= t.Size:
		return 0, io.EOF
	}
	want := min(int64(len(p)), t.Size-off)
	r.ahead(off + want)
	n, err := t.sh.src.ReadAt(p[:want], t.Offset+off)
	if err != nil {
		return n, t.sh.wrap(err, "", t.Name)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// ahead asks the disk for what follows end, half of tensorAhead or more at a
// time, beyond the tensor too: the next one is mostly read next.
func (r *tensorReader) ahead(end int64) {
	asked := r.asked.Load()
	if end+tensorAhead/2 <= asked || !r.asked.CompareAndSwap(asked, end+tensorAhead) {
		return
	}
	r.t.sh.src.ahead(r.t.Offset+asked, end+tensorAhead-asked)
}
