package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	goruntime "runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func unquoteJSON(t *testing.T, raw string) (s string) {
	t.Helper()
	if err := json.Unmarshal([]byte(raw), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func decodeMap(t *testing.T, raw string) (m map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(raw), &m); err != nil {
		t.Fatalf("%v in %q", err, raw)
	}
	return m
}

func equal(a, b []string) bool { return slices.Equal(a, b) }

// do sends one request and returns the response with its body.
func do(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// errorOf checks that a body is an error object and returns its code.
func errorOf(t *testing.T, body string) string {
	t.Helper()
	e, ok := decodeMap(t, body)["error"].(map[string]any)
	if !ok || e["message"] == "" || e["type"] == "" {
		t.Fatalf("not an error object: %s", body)
	}
	for _, k := range []string{"param", "code"} {
		if kind, _ := e["type"].(string); decodeMap(t, body)["type"] == "error" { // Anthropic's have no code
			return kind
		}
		if _, ok := e[k]; !ok {
			t.Fatalf("error object without %q: %s", k, body)
		}
	}
	code, _ := e["code"].(string)
	return code
}

const helloBody = `{"model":"test-model","messages":[{"role":"user","content":"hello"}]}`
const helloMessage = `{"model":"test-model","max_tokens":50,"messages":[{"role":"user","content":"hello"}]}`
const endlessBody = `{"model":"test-model","messages":[{"role":"user","content":"count endless"}],"stream":true}`

// TestKeys goes over every route: without a key none but /health answers.
func TestKeys(t *testing.T) {
	s, hs := start(t, &script{}, Options{APIKeys: []string{"secret-1", "secret-2"}})
	for _, path := range append(slices.Sorted(maps.Keys(s.routes)), "/nowhere", "/v1/models/test-model") {
		for _, auth := range []string{"", "Bearer ", "Bearer secret", "Bearer secret-11", "Basic secret-1", "secret-1", "Bearer secret-1,secret-2"} {
			for _, method := range []string{"GET", "POST", "OPTIONS"} {
				resp, body := do(t, method, hs.URL+path+"?api_key=secret-1", "{}", "Authorization", auth)
				if path == "/health" {
					continue
				}
				if code := errorOf(t, body); resp.StatusCode != 401 || code != "invalid_api_key" && code != "authentication_error" {
					t.Errorf("%s %s with %q: %d %s", method, path, auth, resp.StatusCode, body)
				}
			}
		}
	}
	if resp, _ := do(t, "GET", hs.URL+"/health", ""); resp.StatusCode != 200 {
		t.Errorf("/health: %d", resp.StatusCode)
	}
	for key, status := range map[string]int{"secret-2": 200, "secret": 401, "": 401} {
		if resp, body := do(t, "POST", hs.URL+"/v1/messages", helloMessage, "X-Api-Key", key); resp.StatusCode != status {
			t.Errorf("X-Api-Key %q: %d %s", key, resp.StatusCode, body)
		}
	}
	for _, auth := range []string{"Bearer secret-1", "bearer secret-2", "Basic dXNlcjpzZWNyZXQtMQ=="} {
		if resp, body := do(t, "GET", hs.URL+"/", "", "Authorization", auth); resp.StatusCode != 200 || !strings.Contains(body, "<html") {
			t.Errorf("%s: %d", auth, resp.StatusCode)
		}
	}
}

func TestRoutes(t *testing.T) {
	_, hs := start(t, &script{}, Options{})
	for _, tt := range []struct {
		method, path, body string
		status             int
		code               string
	}{
		{"GET", "/nowhere", "", 404, "unknown_url"},
		{"GET", "/v1/models/", "", 404, "unknown_url"},
		{"GET", "/v1/models/../../etc/passwd", "", 404, "model_not_found"},
		{"GET", "/v1/chat/completions", "", 405, "method_not_allowed"},
		{"DELETE", "/v1/models", "", 405, "method_not_allowed"},
		{"OPTIONS", "/v1/models", "", 405, "method_not_allowed"},
		{"POST", "/health", "", 405, "method_not_allowed"},
		{"POST", "/v1/chat/completions", "", 400, "invalid_json"},
		{"POST", "/tokenize", `{"text":"a"}`, 400, "missing_required_parameter"},
		{"POST", "/detokenize", `{"tokens":[999999]}`, 400, "invalid_value"},
	} {
		resp, body := do(t, tt.method, hs.URL+tt.path, tt.body)
		if resp.StatusCode != tt.status || errorOf(t, body) != tt.code {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, resp.StatusCode, body)
		}
		if resp.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s %s: no request id", tt.method, tt.path)
		}
	}
	resp, body := do(t, "POST", hs.URL+"/v1/chat/completions", helloBody, "Content-Encoding", "gzip")
	if resp.StatusCode != 415 {
		t.Errorf("a compressed body: %d %s", resp.StatusCode, body)
	}
}

func TestTokenize(t *testing.T) {
	_, hs := start(t, &script{}, Options{})
	for _, tt := range []struct{ in, tokens string }{
		{`{"model":"alias","prompt":"hi<|im_end|>"}`, "[6023,151645]"},
		{`{"prompt":""}`, "[]"},
	} {
		_, body := do(t, "POST", hs.URL+"/tokenize", tt.in)
		if !strings.HasPrefix(body, `{"tokens":`+tt.tokens) {
			t.Errorf("%s: %s, want %s", tt.in, body, tt.tokens)
		}
	}
	_, plain := do(t, "POST", hs.URL+"/tokenize", `{"prompt":"<|im_end|>","parse_special":false}`)
	if strings.Contains(plain, "151645") {
		t.Errorf("an ordinary text became a control token: %s", plain)
	}
	_, chat := do(t, "POST", hs.URL+"/tokenize", `{"messages":[{"role":"user","content":"<|im_end|>"}]}`)
	if n := strings.Count(chat, "151645"); n != 1 {
		t.Errorf("%d ends of message in a prompt with one message: %s", n, chat)
	}
	_, text := do(t, "POST", hs.URL+"/detokenize", `{"tokens":[6023,151645]}`)
	if text != `{"prompt":"hi<|im_end|>"}` {
		t.Errorf("detokenize: %s", text)
	}
}

func TestHostAndOrigin(t *testing.T) {
	_, hs := start(t, &script{}, Options{Loopback: true, Hosts: []string{"box.lan"}, CORSOrigins: []string{"https://good.example"}})
	for _, tt := range []struct {
		host, origin string
		status       int
	}{
		{"", "", 200}, {"localhost", "", 200}, {"LOCALHOST:99", "", 200}, {"[::1]:8080", "", 200}, {"box.lan:1", "", 200},
		{"evil.example", "", 403}, {"127.0.0.1.evil.example", "", 403}, {"localhost.evil.example:80", "", 403},
		{"", "https://good.example", 200}, {"", "https://evil.example", 403}, {"", "null", 403}, {"localhost:1", "http://localhost:1", 200}, {"localhost:1", "http://localhost:2", 403},
	} {
		h := []string{}
		if tt.host != "" {
			h = append(h, "Host", tt.host)
		}
		if tt.origin != "" {
			h = append(h, "Origin", tt.origin)
		}
		resp, body := do(t, "GET", hs.URL+"/v1/models", "", h...)
		if resp.StatusCode != tt.status {
			t.Errorf("host %q, origin %q: %d %s", tt.host, tt.origin, resp.StatusCode, body)
		}
		allow := resp.Header.Get("Access-Control-Allow-Origin")
		if want := map[bool]string{true: tt.origin}[tt.origin == "https://good.example"]; allow != want {
			t.Errorf("origin %q: allowed %q", tt.origin, allow)
		}
	}
	resp, _ := do(t, "OPTIONS", hs.URL+"/v1/chat/completions", "", "Origin", "https://good.example", "Access-Control-Request-Method", "POST")
	if resp.StatusCode != 204 || !strings.Contains(resp.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("preflight: %d %v", resp.StatusCode, resp.Header)
	}
}

// TestDisconnect leaves before the first token and in the middle: the sequence
// ends and its goroutines with it.
func TestDisconnect(t *testing.T) {
	for _, pause := range []time.Duration{time.Hour, time.Millisecond} {
		for _, body := range []string{endlessBody, strings.Replace(endlessBody, `"stream":true`, `"stream":false,"n":3`, 1)} {
			g := &script{pause: pause, started: make(chan struct{}, 3)}
			s, hs := start(t, g, Options{})
			ctx, cancel := context.WithCancel(context.Background())
			req, _ := http.NewRequestWithContext(ctx, "POST", hs.URL+"/v1/chat/completions", strings.NewReader(body))
			done := make(chan struct{})
			go func() {
				defer close(done)
				if resp, err := http.DefaultClient.Do(req); err == nil {
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			}()
			<-g.started
			time.Sleep(20 * time.Millisecond)
			cancel()
			<-done
			eventually(t, "the sequence ends", func() bool { return g.active.Load() == 0 })
			eventually(t, "the place is free", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.active == 0 })
		}
	}
}

// TestDisconnectEncoding leaves while the prompt is encoded, a word that takes seconds.
func TestDisconnectEncoding(t *testing.T) {
	var log bytes.Buffer
	var mu sync.Mutex
	s, hs := start(t, &script{}, Options{Log: slog.New(slog.NewJSONHandler(&lockedWriter{mu: &mu, w: &log}, nil))})
	word := strings.Repeat("ab", 4<<20)
	for path, body := range map[string]string{
		"/v1/chat/completions": `{"model":"m","messages":[{"role":"user","content":"` + word + `"}]}`,
		"/v1/completions":      `{"model":"m","prompt":"` + word + `"}`,
		"/v1/responses":        `{"model":"m","input":"` + word + `"}`,
		"/v1/messages":         `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"` + word + `"}]}`,
		"/tokenize":            `{"prompt":"` + word + `"}`,
	} {
		ctx, cancel := context.WithCancel(context.Background())
		req, _ := http.NewRequestWithContext(ctx, "POST", hs.URL+path, strings.NewReader(body))
		done := make(chan struct{})
		go func() {
			defer close(done)
			if resp, err := http.DefaultClient.Do(req); err == nil {
				resp.Body.Close()
			}
		}()
		active := func() int { s.mu.Lock(); defer s.mu.Unlock(); return s.active }
		eventually(t, "the request has its place", func() bool { return active() == 1 })
		cancel()
		<-done
		eventually(t, "the place is free", func() bool { return active() == 0 })
		eventually(t, path+" in the log as left by its client", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return strings.Contains(log.String(), `"route":"`+path+`","status":499`)
		})
	}
}

// TestStalledReader asks for an endless stream and never reads it.
func TestStalledReader(t *testing.T) {
	g := &script{started: make(chan struct{}, 1)}
	_, hs := start(t, g, Options{WriteIdle: 200 * time.Millisecond})
	conn, err := net.Dial("tcp", hs.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.(*net.TCPConn).SetReadBuffer(4096)
	fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(endlessBody), endlessBody)
	<-g.started
	eventually(t, "the sequence ends", func() bool { return g.active.Load() == 0 })
}

// TestKeepAlive waits for the first token of a long prefill.
func TestKeepAlive(t *testing.T) {
	_, hs := start(t, &script{pause: 60 * time.Millisecond}, Options{KeepAlive: 20 * time.Millisecond})
	body := strings.Replace(helloBody, `"model"`, `"stream":true,"max_tokens":1,"stream_options":{"include_usage":true},"model"`, 1)
	resp, text := do(t, "POST", hs.URL+"/v1/chat/completions", body)
	if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream" || !strings.HasPrefix(text, ": keep-alive\n\n") {
		t.Errorf("%s: %q", ct, text)
	}
	var events []string
	for _, block := range strings.Split(strings.TrimSuffix(text, "\n\n"), "\n\n") {
		if data, ok := strings.CutPrefix(block, "data: "); ok {
			events = append(events, data)
		}
	}
	for i, e := range events {
		if i == len(events)-1 {
			if e != "[DONE]" {
				t.Errorf("the last event is %q", e)
			}
			continue
		}
		m := decodeMap(t, e)
		if _, usage := m["usage"]; usage != (i == len(events)-2) {
			t.Errorf("event %d of %d: %s", i, len(events), e)
		}
	}
	if strings.Count(text, "[DONE]") != 1 {
		t.Errorf("not one end: %q", text)
	}
}

func TestBusy(t *testing.T) {
	g := &script{pause: time.Millisecond, started: make(chan struct{}, 8)}
	_, hs := start(t, g, Options{MaxRequests: 2})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for range 2 {
		req, _ := http.NewRequestWithContext(ctx, "POST", hs.URL+"/v1/chat/completions", strings.NewReader(endlessBody))
		go func() {
			if resp, err := http.DefaultClient.Do(req); err == nil {
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		}()
		<-g.started
	}
	resp, body := do(t, "POST", hs.URL+"/v1/chat/completions", helloBody)
	if resp.StatusCode != 429 || errorOf(t, body) != "queue_full" || resp.Header.Get("Retry-After") == "" {
		t.Errorf("server full: %d %s", resp.StatusCode, body)
	}
	cancel()
	eventually(t, "the sequences end", func() bool { return g.active.Load() == 0 })
	g.busy.Store(true)
	for _, b := range []string{helloBody, strings.Replace(helloBody, `"model"`, `"stream":true,"model"`, 1)} {
		resp, body = do(t, "POST", hs.URL+"/v1/chat/completions", b)
		if resp.StatusCode != 429 || errorOf(t, body) != "queue_full" || resp.Header.Get("Retry-After") == "" {
			t.Errorf("engine full: %d %s", resp.StatusCode, body)
		}
	}
}

// TestPoison panics in the generator and in a handler: others do not notice.
func TestPoison(t *testing.T) {
	var log bytes.Buffer
	var mu sync.Mutex
	s, hs := start(t, &script{}, Options{Log: slog.New(slog.NewJSONHandler(&lockedWriter{mu: &mu, w: &log}, nil))})
	for _, b := range []string{helloBody, strings.Replace(helloBody, `"model"`, `"stream":true,"model"`, 1)} {
		resp, body := do(t, "POST", hs.URL+"/v1/chat/completions", strings.Replace(b, "hello", "poison secret-prompt", 1))
		if resp.StatusCode != 500 || errorOf(t, body) != "internal_error" || strings.Contains(body, "poisoned") {
			t.Errorf("panic of the generator: %d %s", resp.StatusCode, body)
		}
	}
	s.backend.Load().Tokenizer = nil // the next handler runs into it
	if resp, body := do(t, "POST", hs.URL+"/tokenize", `{"prompt":"a"}`); resp.StatusCode != 500 || errorOf(t, body) != "internal_error" {
		t.Errorf("panic of a handler: %d %s", resp.StatusCode, body)
	}
	if resp, _ := do(t, "GET", hs.URL+"/health", ""); resp.StatusCode != 200 {
		t.Errorf("afterwards: %d", resp.StatusCode)
	}
	mu.Lock()
	defer mu.Unlock()
	if text := log.String(); !strings.Contains(text, "poisoned request") || strings.Contains(text, "secret-prompt") {
		t.Errorf("the log lacks the cause, or has the prompt: %s", text)
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// TestLoading asks before there is a model.
func TestLoading(t *testing.T) {
	s := New(Options{})
	hs := httptest.NewServer(s)
	defer hs.Close()
	for _, path := range []string{"/health", "/v1/models"} {
		if resp, body := do(t, "GET", hs.URL+path, ""); resp.StatusCode != 503 {
			t.Errorf("%s: %d %s", path, resp.StatusCode, body)
		}
	}
	resp, body := do(t, "POST", hs.URL+"/v1/chat/completions", helloBody)
	if resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" || errorOf(t, body) != "unavailable" {
		t.Errorf("chat: %d %s", resp.StatusCode, body)
	}
	if resp, _ := do(t, "GET", hs.URL+"/metrics", ""); resp.StatusCode != 200 {
		t.Errorf("/metrics: %d", resp.StatusCode)
	}
}

// TestDrain lets a request finish, turns others away, and cuts off an endless
// one at the deadline.
func TestDrain(t *testing.T) {
	for _, tt := range []struct {
		body  string
		grace time.Duration
		err   error
	}{{strings.Replace(endlessBody, " endless", "", 1), 10 * time.Second, nil}, {endlessBody, 300 * time.Millisecond, ErrCut}} {
		g := &script{tok: qwen3(t), texts: texts(), pause: 50 * time.Millisecond, started: make(chan struct{}, 1)}
		s := New(Options{})
		s.SetBackend(newBackend(g), nil)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		url := "http://" + l.Addr().String()
		ctx, cancel := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() { served <- s.Serve(ctx, l, tt.grace) }()
		text := make(chan string, 1)
		go func() {
			_, body := do(t, "POST", url+"/v1/chat/completions", tt.body)
			text <- body
		}()
		<-g.started
		cancel()
		eventually(t, "draining", s.isDraining)
		if resp, body := do(t, "GET", url+"/health", ""); resp.StatusCode != 503 || !strings.Contains(body, "draining") {
			t.Errorf("/health while draining: %d %s", resp.StatusCode, body)
		}
		if resp, body := do(t, "POST", url+"/v1/chat/completions", helloBody); resp.StatusCode != 503 || errorOf(t, body) != "unavailable" {
			t.Errorf("a new request while draining: %d %s", resp.StatusCode, body)
		}
		if err := <-served; err != tt.err {
			t.Errorf("Serve: %v, want %v", err, tt.err)
		}
		body := <-text
		if tt.err == nil && !strings.HasSuffix(body, "data: [DONE]\n\n") {
			t.Errorf("the request at work was not finished: %q", body)
		}
		if tt.err != nil && !strings.Contains(body, `"code":"unavailable"`) && !strings.Contains(body, `"code":"cancelled"`) {
			t.Errorf("the request that was cut off ends with %q", body[max(0, len(body)-300):])
		}
		if g.active.Load() != 0 {
			t.Error("a sequence outlives the server")
		}
	}
}

func TestMetrics(t *testing.T) {
	_, hs := start(t, &script{queued: 2 * time.Millisecond}, Options{})
	do(t, "POST", hs.URL+"/v1/chat/completions", strings.Replace(helloBody, `"model"`, `"n":2,"model"`, 1))
	do(t, "GET", hs.URL+"/made/up/path", "")
	_, body := do(t, "GET", hs.URL+"/metrics", "")
	for _, want := range []string{
		`orchrt:request_success_total{engine="0",model_name="test-model",finished_reason="stop"} 2`,
		`orchrt:time_to_first_token_seconds_bucket{engine="0",model_name="test-model",le="2560.0"} 2`,
		`orchrt:time_to_first_token_seconds_count{engine="0",model_name="test-model"} 2`,
		`orchrt:request_params_n_bucket{engine="0",model_name="test-model",le="1.0"} 0`,
		`orchrt:request_params_n_bucket{engine="0",model_name="test-model",le="2.0"} 1`,
		`orchrt:e2e_request_latency_seconds_bucket{engine="0",model_name="test-model",le="+Inf"} 1`,
		`orchrt:http_responses_total{route="other",status="404"} 1`,
		`# TYPE orchrt:inter_token_latency_seconds histogram`,
	} {
		if !has(body, want) {
			t.Errorf("no line %s", want)
		}
	}
	var sum float64
	_, rest, _ := strings.Cut(body, `orchrt:request_queue_time_seconds_sum{engine="0",model_name="test-model"} `)
	if fmt.Sscan(rest, &sum); sum < 0.004 || sum > 60 {
		t.Errorf("two choices waited for %v s, want 4 ms or more", sum)
	}
	for _, line := range strings.Split(strings.TrimSpace(body), "\n") {
		if !strings.HasPrefix(line, "# ") && !strings.HasPrefix(line, prefix) {
			t.Errorf("odd line %q", line)
		}
	}
}

// TestConcurrent runs many requests at once, a third of which leave early.
func TestConcurrent(t *testing.T) {
	before := goruntime.NumGoroutine()
	g := &script{pause: 200 * time.Microsecond}
	s, hs := start(t, g, Options{})
	var wg sync.WaitGroup
	for i := range 48 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			body := []string{helloBody, strings.Replace(helloBody, `"model"`, `"stream":true,"n":2,"model"`, 1), endlessBody}[i%3]
			req, _ := http.NewRequestWithContext(ctx, "POST", hs.URL+"/v1/chat/completions", strings.NewReader(body))
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if i%3 == 2 {
				io.ReadFull(resp.Body, make([]byte, 500))
				return
			}
			if b, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != 200 || !bytes.Contains(b, []byte("世界")) {
				t.Errorf("request %d: %d, %v: %s", i, resp.StatusCode, err, b)
			}
		})
	}
	wg.Wait()
	eventually(t, "all sequences end", func() bool { return g.active.Load() == 0 })
	eventually(t, "all places are free", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.active == 0 })
	hs.Close()
	http.DefaultClient.CloseIdleConnections()
	eventually(t, "goroutines are back to where they were", func() bool { return goruntime.NumGoroutine() <= before+5 })
}

// TestCompletionLimits: the default of max_tokens gives way to the context, a
// limit that the request names does not; errors name the field that was sent.
func TestCompletionLimits(t *testing.T) {
	_, hs := start(t, &script{}, Options{}) // the context has 1024 tokens
	almost := "[" + strings.TrimSuffix(strings.Repeat("40,", 1020), ",") + "]"
	nine := `["a","a","a","a","a","a","a","a","a"]`
	for _, tt := range []struct {
		fields string
		status int
		want   string
	}{
		{`"prompt":` + almost, 200, `"completion_tokens":4`},
		{`"max_tokens":16,"prompt":` + almost, 400, `"param":"max_tokens"`},
		{`"prompt":` + nine, 400, `"param":"prompt"`},
		{`"n":9,"prompt":"a"`, 400, `"param":"n"`},
	} {
		resp, body := do(t, "POST", hs.URL+"/v1/completions", `{"model":"test-model",`+tt.fields+`}`)
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.want) {
			t.Errorf("%.40s: %d %s, want %d with %s", tt.fields, resp.StatusCode, body, tt.status, tt.want)
		}
	}
}
