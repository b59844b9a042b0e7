package gguf

import (
	"errors"
	"io"
	"os"
)

// source is the bytes of one shard.
type source interface {
	io.ReaderAt
	// bytes is the whole content, or nil where it must be read with ReadAt.
	// It may be touched only inside hold.
	bytes() []byte
	// hold runs f while bytes stays valid. A failure of the memory behind
	// bytes ends f and is returned as an error that wraps ErrChanged.
	hold(f func() error) error
	// ahead says that n bytes from off will soon be read.
	ahead(off, n int64)
	// release says that n bytes from off will not be read again soon.
	release(off, n int64)
	Close() error
}

// memory is a source that lies in ordinary memory.
type memory []byte

func (m memory) bytes() []byte             { return m }
func (m memory) hold(f func() error) error { return f() }
func (m memory) ahead(off, n int64)        {}
func (m memory) release(off, n int64)      {}
func (m memory) Close() error              { return nil }

// ReadAt copies from off, as io.ReaderAt asks.
func (m memory) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off > int64(len(m)) {
		return 0, io.EOF
	}
	n := copy(p, m[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// stream is a source that is read piece by piece.
type stream struct {
	r io.ReaderAt
	c io.Closer // may be nil
}

func (s stream) bytes() []byte             { return nil }
func (s stream) hold(f func() error) error { return f() }
func (s stream) ahead(off, n int64)        {}
func (s stream) release(off, n int64)      {}

// ReadAt reports an end of file inside p, which the caller knows to lie within
// the file's first size, as a file that shrank.
func (s stream) ReadAt(p []byte, off int64) (int, error) {
	n, err := s.r.ReadAt(p, off)
	if n == len(p) {
		return n, nil
	}
	if errors.Is(err, os.ErrClosed) {
		return n, ErrClosed
	}
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errShrunk
	}
	return n, err
}

func (s stream) Close() error {
	if s.c == nil {
		return nil
	}
	return s.c.Close()
}

// changedError is a failure of the storage under an open file.
type changedError string

func (e changedError) Error() string { return string(e) }
func (e changedError) Unwrap() error { return ErrChanged }

const (
	errShrunk    = changedError("the file became shorter while it was open: open it again once it is complete")
	errFault     = changedError("the file could not be read through its mapping: it became shorter, or its disk failed")
	errRewritten = changedError("the file was rewritten while it was open: open it again once it is complete")
)
