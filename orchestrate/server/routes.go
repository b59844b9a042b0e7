package server

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"orchrt/orchestrate/hosted"
	"orchrt/orchestrate/openai"
	"orchrt/runtime"
)

// handler answers one request; an error that it returns before the header is
// out becomes the answer.
type handler func(w *recorder, r *http.Request, e *entry) *openai.Error

// route is one path of the server.
type route struct {
	methods map[string]handler
	open    bool // no API key
	errors  errorForm
}

// errorForm makes the body of an error for the request id; nil is OpenAI's.
type errorForm func(err *openai.Error, id string) any

// table lists every route. The names with {id}, and the one that ends in "/"
// other than the root, stand for paths that find takes apart.
func (s *Server) table() map[string]route {
	get := func(h handler) route { return route{methods: map[string]handler{"GET": h}} }
	post := func(h handler) route { return route{methods: map[string]handler{"POST": h}} }
	return map[string]route{
		"/v1/chat/completions": post(s.chat),
		"/v1/completions":      post(s.completion),
		responsesRoute:         post(s.responses),
		responseRoute:          {methods: map[string]handler{"GET": s.storedResponse, "DELETE": s.deleteResponse}},
		messagesRoute:          messagesPost(s.messages),
		countRoute:             messagesPost(s.countTokens),
		"/v1/models":           get(s.models),
		"/v1/models/":          get(s.model),
		approvalsRoute:         get(s.listApprovals),
		approvalRoute:          post(s.answerApproval),
		"/tokenize":            post(s.tokenize),
		"/detokenize":          post(s.detokenize),
		"/metrics":             get(s.prometheus),
		"/health":              {methods: map[string]handler{"GET": s.health}, open: true},
		"/":                    get(s.page),
	}
}

// find returns the route of a path and its name in logs and metrics.
func (s *Server) find(path string) (route, string) {
	if rt, ok := s.routes[path]; ok && path != "/v1/models/" {
		return rt, path
	}
	if id, ok := strings.CutPrefix(path, "/v1/models/"); ok && id != "" {
		return s.routes["/v1/models/"], "/v1/models/"
	}
	if id, ok := strings.CutPrefix(path, responsesRoute+"/"); ok && id != "" && !strings.Contains(id, "/") {
		return s.routes[responseRoute], responseRoute
	}
	if id, ok := strings.CutPrefix(path, approvalsRoute+"/"); ok && id != "" && !strings.Contains(id, "/") {
		return s.routes[approvalRoute], approvalRoute
	}
	return route{}, "other"
}

// ServeHTTP answers one request: header checks, the route, one line of log. A
// panic ends the request and nothing else.
func (s *Server) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	rt, name := s.find(r.URL.Path)
	e := &entry{route: name, start: time.Now(), id: requestID(r)}
	w := &recorder{ResponseWriter: out, id: e.id, errors: rt.errors}
	w.Header().Set("X-Request-Id", e.id)
	if rt.errors != nil {
		w.Header().Set("Request-Id", e.id) // where Anthropic's clients look
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	// The deadlines of the connection's last request must not hold for this one.
	// That for reading counts where a body is not read here: net/http waits for it.
	rc := http.NewResponseController(w)
	rc.SetWriteDeadline(time.Now().Add(s.opt.WriteIdle))
	rc.SetReadDeadline(time.Now().Add(s.opt.BodyIdle))
	defer func() {
		if p := recover(); p != nil {
			s.panicked(w, e, p)
		}
		s.metrics.response(name, w.status)
		s.logRequest(r, w, e)
	}()
	if err := s.admit(w, r, rt); err != nil {
		e.err = err
		s.refuse(w, r, err)
		return
	}
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if err := rt.handler(r.Method)(w, r, e); err != nil {
		e.err = err
		if !w.wrote() {
			s.refuse(w, r, err)
		}
	}
}

// handler is the route's handler for a method, nil where it has none.
func (rt route) handler(method string) handler {
	if h := rt.methods[method]; h != nil || method != http.MethodHead {
		return h
	}
	return rt.methods[http.MethodGet]
}

// admit checks what can be checked without the body.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, rt route) *openai.Error {
	if err := s.guard.check(w, r, rt.open); err != nil {
		return err
	}
	if rt.methods == nil {
		return &openai.Error{Status: http.StatusNotFound, Type: openai.TypeInvalidRequest, Code: "unknown_url",
			Message: "there is nothing at this path"}
	}
	preflight := r.Method == http.MethodOptions && s.guard.allowed(r.Header.Get("Origin"))
	if preflight || rt.handler(r.Method) != nil {
		return nil
	}
	methods := strings.Join(slices.Sorted(maps.Keys(rt.methods)), ", ")
	w.Header().Set("Allow", methods)
	return &openai.Error{Status: http.StatusMethodNotAllowed, Type: openai.TypeInvalidRequest, Code: "method_not_allowed",
		Message: "this path takes " + methods + " only"}
}

// refuse answers with an error. Where a large body may still be on its way the
// answer goes out first and the body is dropped as it comes.
func (s *Server) refuse(w *recorder, r *http.Request, err *openai.Error) {
	large := err.Status == http.StatusRequestEntityTooLarge || r.ContentLength > 256<<10
	if large && w.Header().Get("Connection") == "" {
		w.Header().Set("Connection", "close")
		http.NewResponseController(w).EnableFullDuplex()
		s.writeError(w, err)
		http.NewResponseController(w).Flush()
		if r.Header.Get("Expect") == "" { // reading would call for a body that has not been sent
			discard(w, r)
		}
		return
	}
	s.writeError(w, err)
}

func (s *Server) chat(w *recorder, r *http.Request, e *entry) *openai.Error {
	return s.generate(w, r, e, func(ctx context.Context, b *openai.Backend, body []byte) (openai.Answer, *openai.Error) {
		parse := openai.ParseChat
		if s.hosted.Load() != nil {
			parse = openai.ParseServed
		}
		req, err := parse(body)
		if err != nil {
			return nil, err
		}
		return answer(s.prepare(ctx, b, req, hosted.Client{Owner: owner(r)}))
	})
}

func (s *Server) completion(w *recorder, r *http.Request, e *entry) *openai.Error {
	return s.generate(w, r, e, func(ctx context.Context, b *openai.Backend, body []byte) (openai.Answer, *openai.Error) {
		req, err := openai.ParseCompletion(body)
		if err != nil {
			return nil, err
		}
		return answer(b.Completion(ctx, req))
	})
}

// answer is the plain answer of a job.
func answer(job *openai.Job, err *openai.Error) (openai.Answer, *openai.Error) {
	if err != nil {
		return nil, err
	}
	return job.Answer(), nil
}

// receive reads the body of a request and takes a place for it, for which the
// caller calls end. The place comes after the body: clients that stall hold none.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) (*openai.Backend, []byte, *openai.Error) {
	b, err := s.ready()
	if err != nil {
		return nil, nil, err
	}
	s.mu.Lock()
	err = s.turnedAway()
	s.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	body, err := s.readBody(w, r)
	if err == nil {
		err = s.begin()
	}
	return b, body, err
}

// generate runs one generation request: the body, a place, the job, the answer.
// Its context ends with the client's connection or with the drain's deadline.
func (s *Server) generate(w *recorder, r *http.Request, e *entry,
	prepare func(context.Context, *openai.Backend, []byte) (openai.Answer, *openai.Error)) *openai.Error {
	b, body, err := s.receive(w, r)
	if err != nil {
		return err
	}
	defer s.end()
	ctx, cancel := s.bound(r)
	defer cancel()
	a, err := prepare(ctx, b, body)
	if err != nil {
		return s.reason(ctx, err)
	}
	job := a.Job()
	warn(w, job.Warnings)
	ctx, ended := s.span(ctx, r, b, job)
	defer func() { ended(e) }()
	job.OnToken = s.metrics.token
	events := job.Run(ctx)
	defer func() { // the sequences are gone when the request is
		cancel()
		for range events {
		}
	}()
	err = s.reply(ctx, w, a, events)
	e.job = job
	s.metrics.finished(job, err, time.Since(e.start))
	return err
}

// reply sends what the job generates, as a stream or whole.
func (s *Server) reply(ctx context.Context, w *recorder, a openai.Answer, events <-chan openai.Event) *openai.Error {
	if a.Job().Stream {
		return s.stream(ctx, w, a, events)
	}
	v, err := a.Whole(events)
	if err != nil || ctx.Err() != nil {
		return s.reason(ctx, err)
	}
	s.writeJSON(w, http.StatusOK, v)
	return nil
}

// bound is a context that ends with the client's connection or with the drain's deadline.
func (s *Server) bound(r *http.Request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(r.Context())
	unhook := context.AfterFunc(s.stop, cancel)
	return ctx, func() {
		unhook()
		cancel()
	}
}

// reason is why a request whose context is ctx came to err: where ctx has ended, because of that.
func (s *Server) reason(ctx context.Context, err *openai.Error) *openai.Error {
	switch {
	case s.stop.Err() != nil && err != nil:
		return unavailable("the server was shut down before the answer was complete")
	case ctx.Err() != nil:
		return clientGone(context.Cause(ctx))
	}
	return err
}

func (s *Server) models(w *recorder, _ *http.Request, _ *entry) *openai.Error {
	b, err := s.ready()
	if err != nil {
		return err
	}
	s.writeJSON(w, http.StatusOK, b.Models())
	return nil
}

func (s *Server) model(w *recorder, r *http.Request, _ *entry) *openai.Error {
	b, err := s.ready()
	if err != nil {
		return err
	}
	m, err := b.Model(strings.TrimPrefix(r.URL.Path, "/v1/models/"))
	if err != nil {
		return err
	}
	s.writeJSON(w, http.StatusOK, m)
	return nil
}

func (s *Server) tokenize(w *recorder, r *http.Request, _ *entry) *openai.Error {
	return s.convert(w, r, func(ctx context.Context, b *openai.Backend, body []byte) (any, *openai.Error) {
		v, err := b.Tokenize(ctx, body)
		return v, err
	})
}

func (s *Server) detokenize(w *recorder, r *http.Request, _ *entry) *openai.Error {
	return s.convert(w, r, func(ctx context.Context, b *openai.Backend, body []byte) (any, *openai.Error) {
		v, err := b.Detokenize(body)
		return v, err
	})
}

// convert answers a request that needs no engine.
func (s *Server) convert(w *recorder, r *http.Request, f func(context.Context, *openai.Backend, []byte) (any, *openai.Error)) *openai.Error {
	b, body, err := s.receive(w, r)
	if err != nil {
		return err
	}
	defer s.end()
	ctx, cancel := s.bound(r)
	defer cancel()
	v, err := f(ctx, b, body)
	if err != nil {
		return s.reason(ctx, err)
	}
	s.writeJSON(w, http.StatusOK, v)
	return nil
}

// health answers 200 while requests are welcome.
func (s *Server) health(w *recorder, _ *http.Request, _ *entry) *openai.Error {
	state, status := "ok", http.StatusOK
	switch {
	case s.isDraining():
		state, status = "draining", http.StatusServiceUnavailable
	case s.backend.Load() == nil:
		state, status = "loading", http.StatusServiceUnavailable
	case s.deviceFailed():
		state, status = "device failed", http.StatusServiceUnavailable
	}
	s.writeJSON(w, status, map[string]string{"status": state, "version": s.opt.Version})
	return nil
}

func (s *Server) prometheus(w *recorder, _ *http.Request, _ *entry) *openai.Error {
	s.mu.Lock()
	active := s.active
	s.mu.Unlock()
	s.write(w, http.StatusOK, "text/plain; version=0.0.4; charset=utf-8", s.metrics.render(active, s.engineStats()))
	return nil
}

// engineStats is the engine's state, nil where it is not known.
func (s *Server) engineStats() *runtime.Stats {
	p := s.stats.Load()
	if p == nil {
		return nil
	}
	v := (*p).Stats()
	return &v
}

// deviceFailed tells whether the device has failed, which it does for good.
func (s *Server) deviceFailed() bool {
	stats := s.engineStats()
	var failure *runtime.DeviceError
	return stats != nil && errors.As(stats.Failure, &failure)
}
