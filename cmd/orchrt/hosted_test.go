package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector takes spans as OpenTelemetry's own types read them.
type collector struct {
	mu    sync.Mutex
	spans []*tracepb.Span
	*httptest.Server
}

func newCollector(t *testing.T) *collector {
	c := &collector{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var d tracepb.TracesData // an ExportTraceServiceRequest has the same one field
		if err := proto.Unmarshal(body, &d); err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("X-Key") != "a b" {
			t.Errorf("%s with header %q: %v", r.URL, r.Header.Get("X-Key"), err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, rs := range d.ResourceSpans {
			for _, ss := range rs.ScopeSpans {
				c.spans = append(c.spans, ss.Spans...)
			}
		}
	}))
	t.Cleanup(c.Close)
	return c
}

// paths are the spans of one trace, each with the names of those above it.
func (c *collector) paths(trace []byte) map[string]*tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	byID := make(map[string]*tracepb.Span)
	for _, s := range c.spans {
		byID[string(s.SpanId)] = s
	}
	out := make(map[string]*tracepb.Span)
	for _, s := range c.spans {
		if !bytes.Equal(s.TraceId, trace) {
			continue
		}
		path := s.Name
		for p := byID[string(s.ParentSpanId)]; p != nil; p = byID[string(p.ParentSpanId)] {
			path = p.Name + " / " + path
		}
		out[path] = s
	}
	return out
}

// attribute is an attribute of a span as text.
func attribute(s *tracepb.Span, key string) string {
	for _, kv := range s.GetAttributes() {
		if kv.Key == key {
			return fmt.Sprint(kv.Value)
		}
	}
	return ""
}

// toolsFile describes one tool of each kind, all of them real: a second orchrt
// serve, a local HTTP server, the SDK's MCP server over both transports, code in
// the sandbox, a command and built-ins. The random model can say but one thing
// to each.
func toolsFile(t *testing.T, expert string) string {
	t.Helper()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"current":{"summary":"rain in %s"}}`, r.URL.Query().Get("town"))
	}))
	t.Cleanup(api.Close)
	remote := httptest.NewServer(mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return mcpServer() }, nil))
	t.Cleanup(remote.Close)
	one := func(name, value string) string {
		return fmt.Sprintf(`{type: object, properties: {%s: {enum: [%q]}}, required: [%s], additionalProperties: false}`, name, value, name)
	}
	text := fmt.Sprintf(`
models:
  expert: {base_url: %s/v1, model: expert, max_tokens: 8, price: {input_cost_per_token: 1e-6, output_cost_per_token: 1e-5}}
tools:
  - {type: calculator, grammar: %s}
  - {type: clock}
  - {name: ask_expert, type: model, model: expert, description: Asks another model, parameters: %s}
  - {name: weather, type: http, description: The weather, url: "%s/now?town={town}", result: $.current.summary, parameters: %s}
  - {name: local, type: mcp, command: [%q], env: {ORCHRT_TEST_MCP: "1"}, approval: auto}
  - {name: remote, type: mcp, url: %q, approval: auto}
  - {name: python, type: code, language: python, description: Runs Python, approval: auto, timeout: 60s, grammar: %s}
  - {name: say, type: command, command: [echo, "{word}"], description: Says it, approval: auto, parameters: %s}
`, expert, one("expression", "17 * 23"), one("prompt", "Hello?"), api.URL, one("town", "Bonn"), os.Args[0], remote.URL, one("code", "print(6 * 7)"), one("word", "aloud"))
	file := filepath.Join(t.TempDir(), "tools.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestServerTools has a model of random weights call every kind of tool, over
// HTTP, with spans to a collector and traces that replay.
func TestServerTools(t *testing.T) {
	c := newCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
	model := tinyModel(t)
	expert, stopExpert := serving(t, "--model", model, "--ctx", "512", "--log", "off", "--alias", "expert")
	traces := t.TempDir()
	url, stop := serving(t, "--model", model, "--ctx", "4096", "--log", "off", "--alias", "tiny", "--tools", toolsFile(t, expert), "--trace-dir", traces,
		"--budget-seconds", "120")
	wants := map[string]string{"calculator": "391", "clock": "20", "weather": "rain in Bonn", "local_shout": "HEY!", "remote_shout": "HEY!", "python": "42", "say": "aloud", "ask_expert": ""}
	var trace string
	for name, want := range wants {
		body := fmt.Sprintf(`{"model":"tiny","messages":[{"role":"user","content":"Go."}],"max_tokens":80,"temperature":0,"orchrt":{"max_rounds":2,"tools":[%q]},
			"tool_choice":{"type":"function","function":{"name":%q}}}`, name, name)
		resp, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Orchrt struct {
				Run struct {
					ID    string
					Calls []struct {
						Name, Output, Error string
						USD                 float64
					}
				}
			}
			Error any
		}
		err = json.NewDecoder(resp.Body).Decode(&got)
		resp.Body.Close()
		calls := got.Orchrt.Run.Calls
		if err != nil || len(calls) == 0 || calls[0].Name != name || calls[0].Error != "" || !strings.Contains(calls[0].Output, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
			continue
		}
		if name == "ask_expert" {
			if trace = got.Orchrt.Run.ID; calls[0].USD <= 0 {
				t.Errorf("the expert cost $%v", calls[0].USD)
			}
		}
		replayFile(t, filepath.Join(traces, got.Orchrt.Run.ID+".jsonl"), model)
	}
	if n := metric(t, url, "tool_calls_total"); n != "1" {
		t.Errorf("calls of the first tool: %s", n)
	}
	if a, b := stop(), stopExpert(); a != exitOK || b != exitOK {
		t.Errorf("serve ended with status %d and %d", a, b)
	}
	c.checkExpert(t, trace)
}

// checkExpert checks the spans of a run that asked the expert: they lead from
// the client's request into the other server.
func (c *collector) checkExpert(t *testing.T, run string) {
	t.Helper()
	var id []byte
	for _, s := range c.spans {
		if s.Name == "invoke_agent orchrt" && strings.Contains(attribute(s, "gen_ai.conversation.id"), run) {
			id = s.TraceId
		}
	}
	paths := c.paths(id)
	for path, wants := range map[string]map[string]string{
		"chat tiny":                                                                             {"gen_ai.operation.name": "chat", "gen_ai.usage.output_tokens": ""},
		"chat tiny / invoke_agent orchrt":                                                       {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "orchrt"},
		"chat tiny / invoke_agent orchrt / chat tiny":                                           {"gen_ai.request.model": "tiny", "gen_ai.provider.name": "orchrt"},
		"chat tiny / invoke_agent orchrt / execute_tool ask_expert":                             {"gen_ai.tool.name": "ask_expert", "gen_ai.tool.call.id": "call_"},
		"chat tiny / invoke_agent orchrt / execute_tool ask_expert / chat expert":               {"gen_ai.usage.input_tokens": "", "server.address": "127.0.0.1"},
		"chat tiny / invoke_agent orchrt / execute_tool ask_expert / chat expert / chat expert": {},
	} {
		s := paths[path]
		if s == nil && strings.HasSuffix(path, "chat expert / chat expert") && paths[strings.TrimSuffix(path, " / chat expert")] != nil {
			continue // the two have one name: the map holds one of them
		}
		if s == nil {
			t.Errorf("trace %s has no span %q; it has %d", hex.EncodeToString(id), path, len(paths))
		}
		for key, want := range wants {
			if got := attribute(s, key); got == "" || !strings.Contains(got, want) {
				t.Errorf("%s: %s is %q, want %q", path, key, got, want)
			}
		}
	}
}

// replayFile replays a trace with the model's own tokenizer and template.
func replayFile(t *testing.T, file, model string) {
	t.Helper()
	var out bytes.Buffer
	if err := replay(model, file, true, &out); err != nil || bytes.Count(out.Bytes(), []byte("\n")) < 2 {
		t.Errorf("%s: %v, prompts %s", file, err, &out)
	}
}

// TestOrchestrateCommand answers a question on the command line with a real model
// of random weights and every kind of tool.
func TestOrchestrateCommand(t *testing.T) {
	model := tinyModel(t)
	expert, stop := serving(t, "--model", model, "--ctx", "512", "--log", "off", "--alias", "expert")
	defer stop()
	trace := filepath.Join(t.TempDir(), "run.jsonl")
	code := dispatch(context.Background(), []string{"orchestrate", "--model", model, "--tools", toolsFile(t, expert), "--budget-usd", "0.01", "--budget-seconds", "60",
		"-n", "40", "-q", "--trace", trace, "What is 17 * 23?"})
	if code != exitOK {
		t.Errorf("status %d", code)
	}
	b, err := os.ReadFile(trace)
	if err != nil || !strings.Contains(string(b), `"kind":"end"`) {
		t.Errorf("the trace: %v, %s", err, b)
	}
}
