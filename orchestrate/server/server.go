// Package server answers OpenAI's and Anthropic's requests over HTTP.
//
// A Server exists before its model does: until SetBackend it answers /health
// with 503 and turns every request away, so that a load balancer can watch the
// loading. Its parts: routes.go is the table of routes, guard.go decides who
// may ask at all, body.go and write.go hold slow and oversized peers off,
// stream.go is the event stream, metrics.go the figures for Prometheus, tools.go
// the requests whose tools are executed here.
//
// One request can end itself only: a panic in a handler becomes a 500, a client
// that leaves cancels its own sequences, a reader that does not read runs into a
// deadline for each write. Prompts and answers never reach the log.
package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"orchrt/orchestrate/hosted"
	"orchrt/orchestrate/openai"
	"orchrt/runtime"
)

// Options are the limits and the security of a Server. Zero values stand for
// the defaults named.
type Options struct {
	Version string
	Log     *slog.Logger // default: no log

	APIKeys     []string // where there are any, every route but /health wants one
	CORSOrigins []string // origins whose pages may call; "*" is any; none by default
	Hosts       []string // further names for the Host header
	Loopback    bool     // bound to loopback: only local names in the Host header

	MaxBody     int64         // bytes of a request body, to 1 TiB; 32 MiB
	MaxRequests int           // requests at work or waiting; 256
	BodyIdle    time.Duration // longest pause inside a body; 30 s
	BodyTotal   time.Duration // longest time for a whole body; 5 min
	WriteIdle   time.Duration // longest time for one write to a client; 30 s
	KeepAlive   time.Duration // silence after which a stream sends a comment; 10 s

	Tracer trace.Tracer // of spans; nil: none

	StoredResponses int   // responses kept for previous_response_id; 1,000; negative: none
	StoredBytes     int64 // what they may take together; 64 MiB
}

// Stats gives the state of an engine for /metrics; *runtime.Engine has it.
type Stats interface{ Stats() runtime.Stats }

// Server is an http.Handler with the state of its requests.
type Server struct {
	opt     Options
	log     *slog.Logger
	guard   *guard
	backend atomic.Pointer[openai.Backend]
	stats   atomic.Pointer[Stats]
	metrics *metrics
	routes  map[string]route

	mu       sync.Mutex
	draining bool
	active   int           // generation requests
	idle     chan struct{} // closed while draining when active falls to 0

	stored *openai.ResponseStore // nil: none
	hosted atomic.Pointer[hosted.Service]

	bodies atomic.Int64 // bytes that bodies being read have taken

	stop    context.Context // ends the requests that a drain gave up on
	stopNow context.CancelFunc
}

// New returns a server without a model.
func New(opt Options) *Server {
	defaults(&opt)
	s := &Server{opt: opt, log: opt.Log, guard: newGuard(opt), metrics: newMetrics(), idle: make(chan struct{})}
	s.stop, s.stopNow = context.WithCancel(context.Background())
	if opt.StoredResponses > 0 {
		s.stored = openai.NewResponseStore(opt.StoredResponses, opt.StoredBytes)
	}
	s.routes = s.table()
	return s
}

// defaults fills in what opt leaves open.
func defaults(opt *Options) {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.MaxBody == 0 {
		opt.MaxBody = 32 << 20
	}
	if opt.MaxRequests == 0 {
		opt.MaxRequests = 256
	}
	if opt.StoredResponses == 0 {
		opt.StoredResponses = 1000
	}
	if opt.StoredBytes == 0 {
		opt.StoredBytes = 64 << 20
	}
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{{&opt.BodyIdle, 30 * time.Second}, {&opt.BodyTotal, 5 * time.Minute}, {&opt.WriteIdle, 30 * time.Second}, {&opt.KeepAlive, 10 * time.Second}} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
}

// SetBackend makes the server ready: requests go to b, and /metrics shows the
// state of stats, which may be nil.
func (s *Server) SetBackend(b *openai.Backend, stats Stats) {
	if stats != nil {
		s.stats.Store(&stats)
	}
	s.metrics.setModel(b.Names[0], b.Context)
	s.backend.Store(b)
}

// Serve answers on l until ctx ends, then drains: new generation requests get
// 503, those at work may finish within grace, after which they are cut off. It
// returns nil after a drain, and an error where l failed or requests were cut off.
func (s *Server) Serve(ctx context.Context, l net.Listener, grace time.Duration) error {
	hs := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- hs.Serve(l) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	err := s.drain(grace)
	closing, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if hs.Shutdown(closing) != nil {
		hs.Close()
	}
	return err
}

// ErrCut reports that a drain had to end requests before they were complete.
var ErrCut = errors.New("the drain's deadline passed: requests were cut off")

// drain turns new requests away and waits for those at work.
func (s *Server) drain(grace time.Duration) error {
	s.mu.Lock()
	if !s.draining {
		s.draining = true
		if s.active == 0 {
			close(s.idle)
		}
	}
	n := s.active
	s.mu.Unlock()
	s.log.Info("draining", "requests", n, "grace", grace)
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-s.idle:
		s.stopNow()
		return nil
	case <-t.C:
	}
	s.stopNow() // ends their contexts; they answer with an error and return
	select {
	case <-s.idle:
	case <-time.After(2 * time.Second):
	}
	return ErrCut
}

// begin counts a generation request in, or gives the error that turns it away.
func (s *Server) begin() *openai.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.turnedAway()
	if err == nil {
		s.active++
	}
	return err
}

// turnedAway is the error for a request that there is no place for; the caller
// holds mu.
func (s *Server) turnedAway() *openai.Error {
	switch {
	case s.draining:
		return unavailable("the server is shutting down")
	case s.active >= s.opt.MaxRequests:
		return busy("all places in the queue are taken")
	}
	return nil
}

// end counts a generation request out.
func (s *Server) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active--
	if s.draining && s.active == 0 {
		close(s.idle)
	}
}

// ready returns the backend, or the error that says why there is none.
func (s *Server) ready() (*openai.Backend, *openai.Error) {
	if b := s.backend.Load(); b != nil {
		return b, nil
	}
	return nil, unavailable("the model is still loading")
}

// isDraining tells whether the server is on its way down.
func (s *Server) isDraining() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

// busy is the error for what would have worked at a quieter time.
func busy(why string) *openai.Error {
	return &openai.Error{Status: http.StatusTooManyRequests, Type: openai.TypeRateLimit, Code: openai.CodeBusy, RetryAfter: 1,
		Message: why + "; try again later"}
}

func unavailable(why string) *openai.Error {
	return &openai.Error{Status: http.StatusServiceUnavailable, Type: openai.TypeServer, Code: openai.CodeUnavailable, RetryAfter: 5,
		Message: why + "; try again later"}
}
