package server

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"orchrt/orchestrate/openai"
)

// The first bytes of a body are free. What bodies take beyond them while they
// are read has one limit for all together, so that clients which stall can
// neither fill the memory nor keep ordinary requests out.
const (
	freeBytes = 64 << 10
	bodyShare = 16 // times the largest body
)

// A client whose body is refused is heard out up to these limits, so that it
// reads the answer instead of an aborted connection.
const (
	discardBytes = 1 << 30
	discardTime  = 10 * time.Second
)

// readBody reads a request's body whole, within the limits on size and time.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, *openai.Error) {
	if enc := r.Header.Get("Content-Encoding"); enc != "" && enc != "identity" {
		return nil, &openai.Error{Status: http.StatusUnsupportedMediaType, Type: openai.TypeInvalidRequest, Code: "unsupported_encoding",
			Message: "compressed bodies are not accepted; send the JSON as it is"}
	}
	if r.ContentLength > s.opt.MaxBody {
		return nil, tooLarge(s.opt.MaxBody)
	}
	in := &pacedReader{r: r.Body, rc: http.NewResponseController(w), idle: s.opt.BodyIdle, end: time.Now().Add(s.opt.BodyTotal)}
	body, err := s.readUpTo(in, r.ContentLength)
	var own *openai.Error
	switch {
	case err == nil:
		in.rc.SetReadDeadline(time.Time{}) // left behind it would end the answer
		return body, nil
	case errors.As(err, &own):
		return nil, own
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return nil, &openai.Error{Status: http.StatusRequestTimeout, Type: openai.TypeInvalidRequest, Code: "body_timeout",
			Message: "the request body came too slowly"}
	}
	w.Header().Set("Connection", "close")
	return nil, &openai.Error{Status: http.StatusBadRequest, Type: openai.TypeInvalidRequest, Code: "body_unreadable",
		Message: "the request body could not be read to its end", Cause: err}
}

// readUpTo reads r to its end, which must come within the limits. A length
// announced is a hint only: memory grows with what arrives.
func (s *Server) readUpTo(r io.Reader, announced int64) ([]byte, error) {
	limit, taken := s.opt.MaxBody, int64(0)
	defer func() { s.bodies.Add(-taken) }()
	body := make([]byte, 0, min(max(announced+1, 512), freeBytes))
	for {
		n, err := r.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > limit:
			return nil, tooLarge(limit)
		case err == io.EOF:
			return body, nil
		case err != nil:
			return nil, err
		case len(body) == cap(body):
			size := min(2*int64(cap(body)), limit+1)
			more := size - int64(cap(body))
			taken += more
			if s.bodies.Add(more) > bodyShare*limit {
				return nil, busy("too many large requests are arriving at once")
			}
			grown := make([]byte, len(body), size)
			copy(grown, body)
			body = grown
		}
	}
}

func tooLarge(limit int64) *openai.Error {
	return &openai.Error{Status: http.StatusRequestEntityTooLarge, Type: openai.TypeInvalidRequest, Code: "body_too_large",
		Message: fmt.Sprintf("the request body is larger than the %d bytes that this server accepts", limit)}
}

// pacedReader gives each read a deadline: idle from now, but not after end.
type pacedReader struct {
	r    io.Reader
	rc   *http.ResponseController
	idle time.Duration
	end  time.Time
}

// Read reads before the deadline.
func (p *pacedReader) Read(b []byte) (int, error) {
	deadline := time.Now().Add(p.idle)
	if deadline.After(p.end) {
		deadline = p.end
	}
	p.rc.SetReadDeadline(deadline)
	return p.r.Read(b)
}

// discard reads and drops what is left of a refused body, within its limits.
func discard(w http.ResponseWriter, r *http.Request) {
	rc := http.NewResponseController(w)
	rc.SetReadDeadline(time.Now().Add(discardTime))
	io.CopyN(io.Discard, r.Body, discardBytes)
}
