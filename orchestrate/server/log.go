package server

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"orchrt/orchestrate/openai"
)

// entry is what the log says about a request. No text of it is from a prompt
// or an answer.
type entry struct {
	id    string
	route string
	start time.Time
	job   *openai.Job
	err   *openai.Error
}

// requestID is the client's X-Request-Id where that is short and plain, or a
// new one.
func requestID(r *http.Request) string {
	id := r.Header.Get("X-Request-Id")
	ok := len(id) > 0 && len(id) <= 64
	for _, c := range id {
		ok = ok && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '_' || c == '.')
	}
	if ok {
		return id
	}
	var b [8]byte
	rand.Read(b[:]) // never fails
	return "req_" + hex.EncodeToString(b[:])
}

// logRequest writes one line about a request that has ended.
func (s *Server) logRequest(r *http.Request, w *recorder, e *entry) {
	level := slog.LevelInfo
	attrs := []slog.Attr{slog.String("id", e.id), slog.String("method", r.Method), slog.String("route", e.route),
		slog.Int("status", w.status), slog.Duration("took", time.Since(e.start).Round(time.Microsecond)), slog.String("peer", r.RemoteAddr)}
	if e.job != nil {
		u := e.job.Usage()
		attrs = append(attrs, slog.Bool("stream", e.job.Stream), slog.Int("choices", len(e.job.Choices)),
			slog.Int("prompt_tokens", u.PromptTokens), slog.Int("cached_tokens", u.PromptDetails.CachedTokens),
			slog.Int("generated_tokens", u.CompletionTokens), slog.String("finish", e.job.Choices[0].Finish))
	}
	if e.err != nil {
		attrs = append(attrs, slog.String("error_code", e.err.Code), slog.String("field", e.err.Param))
		switch {
		case e.err.Status == http.StatusServiceUnavailable:
			level = slog.LevelWarn
		case e.err.Status >= 500:
			level = slog.LevelError
		}
		if e.err.Cause != nil {
			attrs = append(attrs, slog.String("cause", e.err.Cause.Error()))
		}
	} else if e.route == "/health" || e.route == "/metrics" {
		level = slog.LevelDebug
	}
	s.log.LogAttrs(r.Context(), level, "request", attrs...)
}

// panicked turns a handler's panic into a 500.
func (s *Server) panicked(w *recorder, e *entry, p any) {
	e.err = &openai.Error{Status: http.StatusInternalServerError, Type: openai.TypeServer, Code: openai.CodeInternal,
		Message: "the request failed inside the server; its log has the reason", Cause: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
	if !w.wrote() {
		s.writeError(w, e.err)
	}
}

// recorder remembers the status of a response, and how its errors look.
type recorder struct {
	http.ResponseWriter
	status int
	id     string // of the request
	errors errorForm
}

// WriteHeader remembers the status.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write is the ResponseWriter's, with its implicit status.
func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find what it needs.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// wrote tells whether the header is out.
func (w *recorder) wrote() bool { return w.status != 0 }
