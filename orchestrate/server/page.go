package server

import (
	_ "embed"
	"net/http"

	"orchrt/orchestrate/openai"
)

//go:embed page.html
var pageHTML []byte

// page answers with the built-in chat page, which loads nothing from elsewhere.
func (s *Server) page(w *recorder, _ *http.Request, _ *entry) *openai.Error {
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	s.write(w, http.StatusOK, "text/html; charset=utf-8", pageHTML)
	return nil
}
