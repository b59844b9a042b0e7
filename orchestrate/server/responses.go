package server

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"orchrt/orchestrate/hosted"
	"orchrt/orchestrate/openai"
)

// The routes below /v1/responses.
const (
	responsesRoute = "/v1/responses"
	responseRoute  = "/v1/responses/{id}"
)

func (s *Server) responses(w *recorder, r *http.Request, e *entry) *openai.Error {
	return s.generate(w, r, e, func(ctx context.Context, b *openai.Backend, body []byte) (openai.Answer, *openai.Error) {
		parse := openai.ParseResponses
		if s.hosted.Load() != nil {
			parse = openai.ParseServedResponses
		}
		req, err := parse(body)
		if err != nil {
			return nil, err
		}
		return b.Responses(req, s.stored, owner(r), func(c *openai.ChatRequest) (*openai.Job, *openai.Error) {
			return s.prepare(ctx, b, c, hosted.Client{Owner: owner(r), Defers: true})
		})
	})
}

// storedResponse answers with a response that was stored.
func (s *Server) storedResponse(w *recorder, r *http.Request, _ *entry) *openai.Error {
	if r.URL.RawQuery != "" {
		return &openai.Error{Status: http.StatusBadRequest, Type: openai.TypeInvalidRequest, Code: openai.CodeUnsupported,
			Message: "a stored response comes whole and as it was: leave the query out"}
	}
	body, err := s.stored.Get(owner(r), responseID(r))
	if err != nil {
		return err
	}
	s.write(w, http.StatusOK, "application/json", body)
	return nil
}

// deleteResponse forgets a stored response.
func (s *Server) deleteResponse(w *recorder, r *http.Request, _ *entry) *openai.Error {
	v, err := s.stored.Delete(owner(r), responseID(r))
	if err != nil {
		return err
	}
	s.writeJSON(w, http.StatusOK, v)
	return nil
}

// responseID is the last element of the path.
func responseID(r *http.Request) string { return strings.TrimPrefix(r.URL.Path, responsesRoute+"/") }

// owner stands for the API key of a request, "" for none: what is stored with
// one key is not there for another.
func owner(r *http.Request) string {
	key, ok := apiKey(r)
	if !ok {
		return ""
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}
