package tools

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"orchrt/orchestrate"
	"orchrt/tokenizer/chat"
)

// chunk is one event of a stream.
func chunk(w http.ResponseWriter, text, finish string) {
	b, _ := json.Marshal(map[string]any{"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
		"choices": []any{map[string]any{"index": 0, "delta": map[string]any{"content": text}, "finish_reason": map[bool]any{true: nil, false: finish}[finish == ""]}}})
	fmt.Fprintf(w, "data: %s\n\n", b)
	w.(http.Flusher).Flush()
}

// endpointServer answers, or fails in the way that the model's name says.
func endpointServer(t *testing.T, last *atomic.Value) *httptest.Server {
	t.Helper()
	counts := new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/models" {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"object":"list","data":[{"id":"good","object":"model","created":1,"owned_by":"x"}]}`)
			return
		}
		body, _ := io.ReadAll(r.Body)
		last.Store(string(body) + " " + r.Header.Get("Authorization"))
		var q struct{ Model string }
		json.Unmarshal(body, &q)
		switch q.Model {
		case "denied":
			w.WriteHeader(401)
			fmt.Fprintf(w, `{"error":{"message":"bad key %s"}}`, r.Header.Get("Authorization"))
			return
		case "flaky":
			if counts.Add(1)%3 != 0 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(429)
				return
			}
		case "down":
			w.WriteHeader(500)
			return
		case "later":
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(429)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		chunk(w, "Hello", "")
		switch q.Model {
		case "hangs":
			<-r.Context().Done()
			return
		case "breaks":
			return
		}
		chunk(w, " world", "stop")
		if q.Model != "uncounted" {
			fmt.Fprint(w, `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4}}}`+"\n\n")
		}
		fmt.Fprint(w, "data: [DONE]\n\n")
	}))
	t.Cleanup(s.Close)
	return s
}

func TestModel(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-of-the-environment")
	t.Setenv("OPENAI_BASE_URL", "http://203.0.113.1/")
	last := new(atomic.Value)
	h := endpointServer(t, last)
	var b strings.Builder
	b.WriteString("models:\n")
	for _, name := range []string{"good", "denied", "flaky", "down", "later", "hangs", "breaks", "uncounted"} {
		fmt.Fprintf(&b, "  %s: {base_url: %q, model: %s, api_key: \"${KEY}\", system: Be brief., max_tokens: 50, backoff: 1ms, idle_timeout: 200ms, price: {input_cost_per_token: 0.01, output_cost_per_token: 0.1}, extra: {top_k: 5}}\n", name, h.URL+"/v1", name)
	}
	fmt.Fprintf(&b, "  rescued: {base_url: %q, model: down, backoff: 1ms, fallback: [denied, breaks, good]}\ntools:\n", h.URL+"/v1")
	for _, name := range []string{"good", "denied", "flaky", "down", "later", "hangs", "breaks", "uncounted", "rescued"} {
		fmt.Fprintf(&b, "- {name: %s, type: model, model: %s, description: d, timeout: 5s}\n", name, name)
	}
	fmt.Fprint(&b, "- {name: answer, type: experts, role: answer, experts: [{alias: a-1, model: good, max_tokens: 7}]}\n")
	s := open(t, b.String(), "KEY", "sk-configured")
	for _, name := range []string{"good", "flaky", "uncounted", "rescued"} {
		r, err := call1(t, s, name, `{"prompt":"Hi"}`)
		if err != nil || r.Text != "Hello world" || len(r.Usage) == 0 {
			t.Errorf("%s: %+v, %v", name, r, err)
			continue
		}
		u := r.Usage[len(r.Usage)-1]
		if name != "uncounted" && (u.Input != 10 || u.Output != 2 || u.Cached != 4) || u.Input == 0 || u.Price == nil {
			t.Errorf("%s: usage %+v", name, u)
		}
	}
	if _, err := call1(t, s, "good", `{"prompt":"Hi"}`); err != nil {
		t.Error(err)
	}
	got := last.Load().(string)
	for _, want := range []string{`"Be brief."`, `"max_tokens":50`, `"top_k":5`, `"include_usage":true`, `"stream":true`, " Bearer sk-configured"} {
		if !strings.Contains(got, want) {
			t.Errorf("the request %s lacks %s", got, want)
		}
	}
	start := time.Now()
	for name, want := range map[string]struct {
		kind orchestrate.ErrorKind
		text string
	}{
		"denied": {orchestrate.Failed, "the key is missing"}, "down": {orchestrate.Unavailable, "after 3 attempts"},
		"later": {orchestrate.Unavailable, "429"}, "hangs": {orchestrate.Timeout, "sent nothing"}, "breaks": {orchestrate.Unavailable, "broke off"},
	} {
		_, err := call1(t, s, name, `{"prompt":"Hi"}`)
		fails(t, err, want.kind, want.text)
		if err != nil && strings.Contains(err.Error(), "sk-") {
			t.Errorf("%s: the key is in the error %v", name, err)
		}
		if told, _ := err.(*orchestrate.ToolError); (name == "hangs" || name == "breaks") && (told == nil || len(told.Usage) != 1 || told.Usage[0].Output == 0) {
			t.Errorf("%s: what was begun is not counted", name)
		}
	}
	if took := time.Since(start); took > time.Minute { // a server may ask to wait longer than that
		t.Errorf("the failures took %v", took)
	}
	if c := tool(t, s, "good").Worst(json.RawMessage(`{"prompt":"Hi"}`)); c.USD < 10*0.01+50*0.1 {
		t.Errorf("the worst cost is %v", c)
	}
	x := tool(t, s, "answer").Experts[0]
	r, err := x.Model.Chat(t.Context(), orchestrate.ModelRequest{MaxTokens: 7, Tools: []json.RawMessage{json.RawMessage(`{"type":"function","function":{"name":"f"}}`)}, Messages: []chat.Message{
		{Role: "system", Content: chat.Text("S")}, {Role: "user", Content: chat.Text("U")},
		{Role: "assistant", ToolCalls: []chat.ToolCall{{ID: "1", Name: "f", Arguments: "{}"}}}, {Role: "tool", ToolCallID: "1", Content: chat.Text("R")}}})
	if err != nil || r.Content != "Hello world" || x.MaxTokens != 7 {
		t.Errorf("%+v, %v", r, err)
	}
	for _, want := range []string{`"max_tokens":7`, `"tool_call_id":"1"`, `"arguments":"{}"`, `"tools":[{"type":"function","function":{"name":"f"}}]`} {
		if got := last.Load().(string); !strings.Contains(got, want) {
			t.Errorf("the request %s lacks %s", got, want)
		}
	}
}

func TestModelCheck(t *testing.T) {
	h := endpointServer(t, new(atomic.Value))
	for model, want := range map[string]string{"good": "serves good", "other": "correct model"} {
		r := parse(t, fmt.Sprintf("models: {m: {base_url: %q, model: %s}}\ntools: [{name: x, type: model, description: d, model: m}]", h.URL+"/v1", model)).Check(t.Context(), Env{})
		if r[0].OK != (model == "good") || !strings.Contains(r[0].Detail, want) {
			t.Errorf("%s: %+v", model, r[0])
		}
	}
	h.Close()
	r := parse(t, fmt.Sprintf("models: {m: {base_url: %q, model: x, retries: 0}}\ntools: [{name: x, type: model, description: d, model: m}]", h.URL+"/v1")).Check(t.Context(), Env{})
	if r[0].OK || !strings.Contains(r[0].Detail, "is the server running") {
		t.Errorf("%+v", r[0])
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for in, want := range map[string]time.Duration{"": -1, "2": 2 * time.Second, "0.5": 500 * time.Millisecond, "-1": -1, "x": -1,
		"Fri, 02 Jan 2026 03:04:15 GMT": 10 * time.Second, "Fri, 02 Jan 2026 03:04:00 GMT": 0} {
		if got := retryAfter(in, now); got != want {
			t.Errorf("%q: %v, want %v", in, got, want)
		}
	}
}
