package tools

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"orchrt/orchestrate"
	"orchrt/orchestrate/netguard"
)

// failure makes an error that the model reads.
func failure(kind orchestrate.ErrorKind, cause error, format string, args ...any) *orchestrate.ToolError {
	return &orchestrate.ToolError{Kind: kind, Message: fmt.Sprintf(format, args...), Cause: cause}
}

// invalid is a failure for arguments that do not fit.
func invalid(format string, args ...any) *orchestrate.ToolError {
	return failure(orchestrate.Invalid, nil, format, args...)
}

// ended is the failure of a call whose context ended, nil for one that did not.
func ended(ctx context.Context, what string) *orchestrate.ToolError {
	switch err := context.Cause(ctx); {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return failure(orchestrate.Timeout, err, "%s took too long and was stopped", what)
	default:
		return failure(orchestrate.Cancelled, err, "%s was cancelled", what)
	}
}

// networkFailure is the failure of a request. The text of its cause, which may
// hold a URL with a key in it, stays out of the message.
func networkFailure(ctx context.Context, what string, err error) *orchestrate.ToolError {
	if e := ended(ctx, what); e != nil {
		return e
	}
	var refused *netguard.Error
	var large *netguard.TooLarge
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &refused):
		return failure(orchestrate.Refused, err, "%s: %s", what, refused.Error())
	case errors.As(err, &large):
		return failure(orchestrate.Failed, err, "%s: %s", what, large.Error())
	case errors.As(err, &dns):
		return failure(orchestrate.Unavailable, err, "%s: the host %s cannot be resolved", what, dns.Name)
	case errors.As(err, &timeout) && timeout.Timeout():
		return failure(orchestrate.Timeout, err, "%s took too long and was stopped", what)
	}
	return failure(orchestrate.Unavailable, err, "%s: the connection failed: %s", what, lastPart(err))
}

// lastPart is the innermost error's text: connection refused, EOF.
func lastPart(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			break
		}
		err = next
	}
	text, _ := orchestrate.CutText(strings.ToValidUTF8(err.Error(), "?"), 300)
	return text
}
