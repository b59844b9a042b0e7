package openai

import (
	"fmt"
	"net/http"
)

// The values of an error object's "type".
const (
	TypeInvalidRequest = "invalid_request_error"
	TypeAuthentication = "authentication_error"
	TypeRateLimit      = "rate_limit_error"
	TypeServer         = "server_error"
)

// The values of an error object's "code" that this package gives.
const (
	CodeInvalidJSON     = "invalid_json"
	CodeMissing         = "missing_required_parameter"
	CodeUnknownField    = "unknown_parameter"
	CodeInvalidType     = "invalid_type"
	CodeInvalidValue    = "invalid_value"
	CodeUnsupported     = "unsupported_parameter"
	CodeInvalidSchema   = "invalid_schema" // a JSON Schema that cannot be enforced
	CodeModelNotFound   = "model_not_found"
	CodeContextExceeded = "context_length_exceeded"
	CodeBusy            = "queue_full"
	CodeInternal        = "internal_error"
	CodeUnavailable     = "unavailable" // loading, or shutting down
	CodeCancelled       = "cancelled"   // the request's context ended
	CodeClientGone      = "client_gone" // only logs see it
)

// Error is an OpenAI error object together with the HTTP status that carries it.
// Param is the path of the field that is wrong, such as "messages[2].content".
type Error struct {
	Status     int    // HTTP status
	Message    string // what is wrong and what to do
	Type       string
	Param      string // "" for null
	Code       string // "" for null
	RetryAfter int    // seconds to wait before another try; 0 for no advice
	Cause      error  // for logs, not sent
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause, which clients do not see.
func (e *Error) Unwrap() error { return e.Cause }

// ErrorBody is the JSON of an error response.
type ErrorBody struct {
	Error ErrorObject `json:"error"`
}

// ErrorObject is the object inside an ErrorBody.
type ErrorObject struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    *string `json:"code"`
}

// Body is the error as it goes over the wire.
func (e *Error) Body() ErrorBody {
	b := ErrorBody{ErrorObject{Message: e.Message, Type: e.Type}}
	if e.Param != "" {
		b.Error.Param = &e.Param
	}
	if e.Code != "" {
		b.Error.Code = &e.Code
	}
	return b
}

// invalid is a 400 about the field param.
func invalid(param, code, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Type: TypeInvalidRequest, Param: param, Code: code,
		Message: fmt.Sprintf(format, args...)}
}

// internal is a 500 whose cause stays in the logs.
func internal(cause error) *Error {
	return &Error{Status: http.StatusInternalServerError, Type: TypeServer, Code: CodeInternal,
		Message: "the request failed inside the server; its log has the reason", Cause: cause}
}
