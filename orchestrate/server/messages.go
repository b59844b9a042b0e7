package server

import (
	"net/http"

	"orchrt/orchestrate/anthropic"
	"orchrt/orchestrate/openai"
)

// The routes of the Messages API.
const (
	messagesRoute = "/v1/messages"
	countRoute    = "/v1/messages/count_tokens"
)

// anthropicVersion is the version of Anthropic's API that is spoken here.
const anthropicVersion = "2023-06-01"

// anthropicError is the errorForm of the Messages API.
func anthropicError(err *openai.Error, id string) any { return anthropic.Body(err, id) }

// messagesPost is a route of the Messages API.
func messagesPost(h handler) route {
	checked := func(w *recorder, r *http.Request, e *entry) *openai.Error {
		if v := r.Header.Get("Anthropic-Version"); v != "" && v != anthropicVersion {
			return &openai.Error{Status: http.StatusBadRequest, Type: openai.TypeInvalidRequest, Code: openai.CodeUnsupported,
				Message: "the header anthropic-version may only be " + anthropicVersion}
		}
		return h(w, r, e)
	}
	return route{methods: map[string]handler{"POST": checked}, errors: anthropicError}
}

func (s *Server) messages(w *recorder, r *http.Request, e *entry) *openai.Error {
	return s.generate(w, r, e, func(b *openai.Backend, body []byte) (openai.Answer, *openai.Error) {
		req, err := anthropic.Parse(body)
		if err != nil {
			return nil, err
		}
		return anthropic.Prepare(b, req, e.id)
	})
}

// countTokens counts the tokens of a prompt.
func (s *Server) countTokens(w *recorder, r *http.Request, _ *entry) *openai.Error {
	return s.convert(w, r, func(b *openai.Backend, body []byte) (any, *openai.Error) {
		req, err := anthropic.ParseCount(body)
		if err != nil {
			return nil, err
		}
		return anthropic.CountTokens(b, req)
	})
}
