package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"orchrt/orchestrate/openai"
	"orchrt/orchestrate/server"
	"orchrt/orchestrate/telemetry"
)

// serveFlags are the flags of serve.
type serveFlags struct {
	model    modelFlags
	sampling samplingFlags
	host     string
	port     int
	names    []string
	keyFile  string
	cors     []string
	hosts    []string
	queue    int
	maxBody  int64
	choices  int
	grace    time.Duration
	template string
	logs     string
	tools    serveTools
}

// runServe answers requests until a signal ends it.
func runServe(ctx context.Context, args []string) int {
	var f serveFlags
	fs := newFlags("serve", "--model F",
		"Answers OpenAI requests over HTTP, and chats in a browser at /. SIGTERM and SIGINT let the\nrequests at work finish, a second signal ends at once. Sampling flags change the defaults of\nrequests that do not say otherwise.")
	f.model.add(fs, 4)
	fs.StringVar(&f.host, "host", "127.0.0.1", "address to listen at; 0.0.0.0 is every network")
	fs.IntVar(&f.port, "port", 8080, "port to listen at; 0 is any free one")
	fs.StringArrayVar(&f.names, "alias", nil, "name of the model in requests, in place of the file's; may be given several times")
	fs.StringVar(&f.keyFile, "api-key-file", "", "file of API keys, one a line; every route but /health then wants one")
	fs.StringSliceVar(&f.cors, "cors-origin", nil, "origins whose web pages may call, such as https://example.org; * is any")
	fs.StringSliceVar(&f.hosts, "allow-host", nil, "further names that the Host header may have")
	fs.IntVar(&f.queue, "queue", 64, "requests that may wait for a place; beyond that they get status 429")
	fs.Int64Var(&f.maxBody, "max-body", 32<<20, "largest request body in bytes")
	fs.IntVar(&f.choices, "max-choices", 16, "largest n of a request")
	fs.DurationVar(&f.grace, "drain", 30*time.Second, "time that requests at work have to finish after a signal")
	fs.StringVar(&f.template, "chat-template-file", "", "a chat template in place of the file's")
	fs.StringVar(&f.logs, "log", "text", "form of the log on standard error: text, json or off")
	f.tools.add(fs)
	f.sampling.add(fs)
	if code, done := parseFlags(fs, args, 0, 0); done {
		return code
	}
	if err := f.check(); err != nil {
		return usageError(fs, "%v", err)
	}
	if err := serve(ctx, &f); err != nil {
		return failed("serve", err)
	}
	return exitOK
}

// check reports wrong usage.
func (f *serveFlags) check() error {
	switch {
	case f.port < 0 || f.port > 65535:
		return fmt.Errorf("--port is %d, want 0 to 65535", f.port)
	case f.queue < 0 || f.queue > maxQueue:
		return fmt.Errorf("--queue is %d, want 0 to %d", f.queue, maxQueue)
	case f.maxBody < 1 || f.maxBody > maxBody:
		return fmt.Errorf("--max-body is %d, want 1 to %d bytes", f.maxBody, int64(maxBody))
	case f.choices < 1 || f.choices > maxChoices:
		return fmt.Errorf("--max-choices is %d, want 1 to %d", f.choices, maxChoices)
	case f.grace < 0:
		return fmt.Errorf("--drain is %v, want a time such as 30s", f.grace)
	case slices.Contains(f.names, ""):
		return errors.New("--alias is empty: a model needs a name")
	case f.logs != "text" && f.logs != "json" && f.logs != "off":
		return fmt.Errorf("--log is %q, want text, json or off", f.logs)
	}
	return cmp.Or(f.model.check(), f.sampling.check(), f.tools.check())
}

// The largest values of flags; their products stay within what an engine's
// queue can hold.
const (
	maxQueue   = 1 << 16
	maxChoices = 128
	maxBody    = 1 << 40
)

// serve listens at once, so that /health can tell of the loading, then loads
// the model and answers until ctx ends and the requests at work are done.
func serve(ctx context.Context, f *serveFlags) (err error) {
	keys, err := readKeys(f.keyFile)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(f.host, strconv.Itoa(f.port)))
	if err != nil {
		return err
	}
	defer l.Close()
	log := f.logger()
	ip := l.Addr().(*net.TCPAddr).IP
	if !ip.IsLoopback() && len(keys) == 0 {
		log.Warn("anyone who reaches this address can use the model: --api-key-file asks for keys", "address", l.Addr().String())
	}
	tracer, stopTracing, err := telemetry.Open(ctx, os.Getenv, version())
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, stopTracing()) }()
	s := server.New(server.Options{Tracer: tracer, Version: version(), Log: log, APIKeys: keys, CORSOrigins: f.cors, Hosts: f.hosts,
		Loopback: ip.IsLoopback(), MaxBody: f.maxBody, MaxRequests: f.model.parallel + f.queue})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l, f.grace) }()

	type result struct {
		m   *serveModel
		err error
	}
	loading := make(chan result, 1)
	go func() {
		m, err := f.start(ctx, s, log, tracer)
		loading <- result{m, err}
	}()
	var m *serveModel
	select {
	case err := <-done: // a signal, or the listener failed: nobody waits for the model
		return err
	case r := <-loading:
		if m = r.m; r.err != nil {
			cancel()
			return errors.Join(r.err, <-done)
		}
	}
	defer m.close()
	defer m.closeTools()
	log.Info("ready", "url", "http://"+l.Addr().String(), "model", f.model.model, "device", m.dev.Name(),
		"context", m.context, "parallel", f.model.parallel, "kv", f.model.kv)
	select {
	case err := <-done:
		return err
	case <-m.engine.Failed():
		// CUDA's contexts do not recover: the process must end (driver API, CUDA_ERROR_ILLEGAL_ADDRESS). Whoever watches it starts another.
		failure := m.engine.Stats().Failure
		log.Error("the device failed: the server ends", "error", failure)
		cancel()
		return errors.Join(failure, <-done)
	}
}

// serveModel is a model that is served, and its tools.
type serveModel struct {
	*loaded
	closeTools func()
}

// start opens the tools, loads the model and gives both to the server.
func (f *serveFlags) start(ctx context.Context, s *server.Server, log *slog.Logger, tracer trace.Tracer) (*serveModel, error) {
	h, closeTools, err := f.tools.open(ctx, log, tracer)
	if err != nil {
		return nil, err
	}
	if h != nil {
		s.SetTools(h)
	}
	m, err := f.loadModel(ctx, s)
	if err != nil {
		closeTools()
		return nil, err
	}
	return &serveModel{m, closeTools}, nil
}

// loadModel loads the model and gives it to the server.
func (f *serveFlags) loadModel(ctx context.Context, s *server.Server) (*loaded, error) {
	var template string
	if f.template != "" {
		b, err := os.ReadFile(f.template)
		if err != nil {
			return nil, err
		}
		template = string(b)
	}
	// The server counts requests; the engine's queue holds all their sequences.
	m, err := load(ctx, &f.model, (f.model.parallel+f.queue)*f.choices)
	if err != nil {
		return nil, err
	}
	b, err := openai.NewBackend(m.ck, m.engine, openai.ModelOptions{File: f.model.model, Names: f.names, Context: m.context,
		Overrides: f.sampling.settings(), MaxChoices: f.choices, Template: template, Version: version()})
	if err != nil {
		m.close()
		return nil, err
	}
	go b.Grammar() // so that the first request with tools need not wait for it
	s.SetBackend(b, m.engine)
	return m, nil
}

// logger writes to standard error in the form that --log names.
func (f *serveFlags) logger() *slog.Logger {
	switch f.logs {
	case "json":
		return slog.New(slog.NewJSONHandler(os.Stderr, nil))
	case "off":
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, nil))
}

// readKeys reads API keys, one a line; empty lines and those that begin with #
// do not count. A file without a key is an error: it would open the server.
func readKeys(name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var keys []string
	for line := range strings.Lines(string(b)) {
		if key := strings.TrimSpace(line); key != "" && key[0] != '#' {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("%s holds no API key", name)
	}
	return keys, nil
}
