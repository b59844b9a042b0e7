package runtime

import (
	"errors"
	"fmt"
)

var (
	// ErrBusy says that the queue is full: try again later.
	ErrBusy = errors.New("runtime: the queue is full")
	// ErrClosed says that the engine is closed or closing.
	ErrClosed = errors.New("runtime: the engine is closed")
)

// LimitError says which field of a request is over a limit. Such a request is
// refused before anything is computed.
type LimitError struct {
	Field  string // "prompt", "max_tokens", "stop_token_ids"
	Value  int    // what the request has: tokens, or the id that is no token
	Limit  int    // what is possible
	Reason string // in words, without the field's name
}

// Error names the field and the reason.
func (e *LimitError) Error() string { return e.Field + ": " + e.Reason }

// DeviceError says that the device failed in a step of the request.
type DeviceError struct {
	Device string
	Err    error
}

// Error names the device.
func (e *DeviceError) Error() string { return fmt.Sprintf("runtime: device %s: %v", e.Device, e.Err) }

// Unwrap is the device's own error.
func (e *DeviceError) Unwrap() error { return e.Err }

// PanicError says that the request ran into a programming error, which ended it
// and no other request than those of the same step.
type PanicError struct {
	Value any    // what was given to panic
	Stack []byte // where, for the log
}

// Error is the panic's value; the stack is left to the log.
func (e *PanicError) Error() string { return fmt.Sprintf("runtime: internal error: %v", e.Value) }
