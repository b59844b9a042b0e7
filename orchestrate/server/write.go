package server

import (
	"net/http"
	"strconv"
	"time"

	"orchrt/orchestrate/openai"
)

// writeJSON answers with v as JSON.
func (s *Server) writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := openai.Marshal(v)
	if err != nil {
		s.log.Error("answer is not JSON", "error", err)
		status, body = http.StatusInternalServerError, []byte(`{"error":{"message":"internal error","type":"server_error","param":null,"code":"internal_error"}}`)
	}
	s.write(w, status, "application/json", body)
}

// write answers with a whole body, which the client must take in time.
func (s *Server) write(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	rc := http.NewResponseController(w)
	w.WriteHeader(status)
	const piece = 1 << 20 // each has its own deadline, so that slow is not taken for stalled
	for len(body) > 0 {
		n := min(len(body), piece)
		rc.SetWriteDeadline(time.Now().Add(s.opt.WriteIdle))
		if _, err := w.Write(body[:n]); err != nil {
			return
		}
		body = body[n:]
	}
}

// writeError answers with an error object in the form of the route.
func (s *Server) writeError(w *recorder, e *openai.Error) {
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.RetryAfter))
	}
	if w.errors != nil {
		s.writeJSON(w, e.Status, w.errors(e, w.id))
		return
	}
	s.writeJSON(w, e.Status, e.Body())
}
