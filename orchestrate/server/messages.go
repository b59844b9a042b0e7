package server

import (
	"context"
	"net/http"

	"orchrt/orchestrate/anthropic"
	"orchrt/orchestrate/openai"
)

// The routes of the Messages API.
const (
	messagesRoute = "/v1/messages"
	countRoute    = "/v1/messages/count_tokens"
)

// The versions of Anthropic's API, whose requests and answers look the same as
// far as this server goes.
const (
	anthropicVersion2023 = "2023-06-01"
	anthropicVersion2026 = "2026-10-21"
)

// anthropicError is the errorForm of the Messages API.
func anthropicError(err *openai.Error, id string) any { return anthropic.Body(err, id) }

// messagesPost is a route of the Messages API. What the header anthropic-beta
// names is of no account: a request's fields say what it wants, and those that
// are not known here are refused.
func messagesPost(h handler) route {
	checked := func(w *recorder, r *http.Request, e *entry) *openai.Error {
		if v := r.Header.Get("Anthropic-Version"); v != "" && v != anthropicVersion2023 && v != anthropicVersion2026 {
			return &openai.Error{Status: http.StatusBadRequest, Type: openai.TypeInvalidRequest, Code: openai.CodeUnsupported,
				Message: "the header anthropic-version may be " + anthropicVersion2023 + " or " + anthropicVersion2026}
		}
		return h(w, r, e)
	}
	return route{methods: map[string]handler{"POST": checked}, errors: anthropicError}
}

func (s *Server) messages(w *recorder, r *http.Request, e *entry) *openai.Error {
	return s.generate(w, r, e, func(ctx context.Context, b *openai.Backend, body []byte) (openai.Answer, *openai.Error) {
		req, err := anthropic.Parse(body)
		if err != nil {
			return nil, err
		}
		return anthropic.Prepare(ctx, b, req, e.id)
	})
}

// countTokens counts the tokens of a prompt.
func (s *Server) countTokens(w *recorder, r *http.Request, _ *entry) *openai.Error {
	return s.convert(w, r, func(ctx context.Context, b *openai.Backend, body []byte) (any, *openai.Error) {
		req, err := anthropic.ParseCount(body)
		if err != nil {
			return nil, err
		}
		return anthropic.CountTokens(ctx, b, req)
	})
}
