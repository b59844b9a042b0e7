package anthropic

import (
	"net/http"

	"orchrt/orchestrate/openai"
)

// ErrorBody is the JSON of an error response, and of the event that ends a
// stream with an error.
type ErrorBody struct {
	Type      string      `json:"type"` // "error"
	Error     ErrorObject `json:"error"`
	RequestID string      `json:"request_id,omitempty"`
}

// ErrorObject is the object inside an ErrorBody.
type ErrorObject struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// Body is an error in Anthropic's form, for the request id.
func Body(err *openai.Error, id string) ErrorBody {
	return ErrorBody{Type: "error", Error: ErrorObject{Type: errorType(err.Status), Message: err.Message}, RequestID: id}
}

// errorType is Anthropic's name for the errors of a status.
func errorType(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "authentication_error"
	case http.StatusForbidden:
		return "permission_error"
	case http.StatusNotFound:
		return "not_found_error"
	case http.StatusRequestTimeout:
		return "timeout_error"
	case http.StatusRequestEntityTooLarge:
		return "request_too_large"
	case http.StatusTooManyRequests:
		return "rate_limit_error"
	case http.StatusServiceUnavailable:
		return "overloaded_error"
	}
	if status >= 500 {
		return "api_error"
	}
	return "invalid_request_error"
}
