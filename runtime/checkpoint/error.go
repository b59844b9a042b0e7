package checkpoint

import (
	"fmt"
	"strconv"
	"strings"
)

// Error says what is wrong with a checkpoint whose container is sound. Errors
// of the container itself are those of package gguf.
type Error struct {
	File   string // path as given to Open
	Key    string // the metadata key concerned, or ""
	Tensor string // the tensor concerned, or ""
	Reason string // what is wrong and what to do about it
	Err    error  // what it comes from, or nil
}

// Error is all fields in one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Key != "" {
		b.WriteString(": key " + strconv.Quote(e.Key))
	}
	if e.Tensor != "" {
		b.WriteString(": tensor " + strconv.Quote(e.Tensor))
	}
	b.WriteString(": " + e.Reason)
	return b.String()
}

// Unwrap is what the error comes from, or nil.
func (e *Error) Unwrap() error { return e.Err }

func badKey(file, key, format string, args ...any) error {
	return &Error{File: file, Key: key, Reason: fmt.Sprintf(format, args...)}
}

func badTensor(file, tensor, format string, args ...any) error {
	return &Error{File: file, Tensor: tensor, Reason: fmt.Sprintf(format, args...)}
}
