package gguf

import (
	"errors"
	"strconv"
	"strings"
)

// The classes of failure, for errors.Is.
var (
	ErrNotGGUF   = errors.New("gguf: not a GGUF file")
	ErrVersion   = errors.New("gguf: version or byte order not supported")
	ErrTruncated = errors.New("gguf: the file ends too early")
	ErrFormat    = errors.New("gguf: the file breaks the format's rules")
	ErrLimit     = errors.New("gguf: over a limit")
	ErrMissing   = errors.New("gguf: no such key")
	ErrKind      = errors.New("gguf: the value is of another kind")
	ErrSplit     = errors.New("gguf: the shards of the file do not fit together")
	ErrNotModel  = errors.New("gguf: the file holds no model")
	ErrChanged   = errors.New("gguf: the file changed while it was open")
	ErrClosed    = errors.New("gguf: the file is closed")
)

// Error says what is wrong with a file.
type Error struct {
	File   string // path of the file, or of the shard
	Key    string // the metadata key concerned, or ""
	Tensor string // the tensor concerned, or ""
	Offset int64  // byte offset in File, or -1 where none applies
	Reason string // what is wrong and what to do about it
	Err    error  // class of the failure, one of the Err… above, or the system's error
}

// Error is all fields in one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("gguf: ")
	b.WriteString(e.File)
	if e.Key != "" {
		b.WriteString(": key " + strconv.Quote(e.Key))
	}
	if e.Tensor != "" {
		b.WriteString(": tensor " + strconv.Quote(e.Tensor))
	}
	if e.Offset >= 0 {
		b.WriteString(" (at byte " + strconv.FormatInt(e.Offset, 10) + ")")
	}
	b.WriteString(": ")
	b.WriteString(e.Reason)
	return b.String()
}

// Unwrap is the class of the failure, or the system's error.
func (e *Error) Unwrap() error { return e.Err }
