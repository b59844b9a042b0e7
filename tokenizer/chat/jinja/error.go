package jinja

import "fmt"

// Error is a template that cannot be read or run.
type Error struct {
	Line   int // 1-based; 0 if unknown
	Reason string
	// Raised says that the template itself refused the conversation, by
	// raise_exception.
	Raised bool
}

func (e *Error) Error() string {
	switch {
	case e.Raised:
		return e.Reason
	case e.Line > 0:
		return fmt.Sprintf("template line %d: %s", e.Line, e.Reason)
	}
	return "template: " + e.Reason
}

// throw leaves the interpreter with an *Error; catch turns it into a return
// value at the package's entrances.
func throw(format string, args ...any) {
	panic(&Error{Reason: fmt.Sprintf(format, args...)})
}

func catch(err *error) {
	switch p := recover().(type) {
	case nil:
	case *Error:
		*err = p
	default:
		panic(p)
	}
}
