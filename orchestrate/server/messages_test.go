package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	claude "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"
)

// claudeClient is Anthropic's own client for the test server.
func claudeClient(base string) claude.Client {
	return claude.NewClient(option.WithBaseURL(base), option.WithAPIKey("key"), option.WithMaxRetries(0))
}

// messageParams asks for an answer to text with two tools.
func messageParams(text string) claude.MessageNewParams {
	tool := func(name string) claude.ToolUnionParam {
		return claude.ToolUnionParam{OfTool: &claude.ToolParam{Name: name, InputSchema: claude.ToolInputSchemaParam{Properties: map[string]any{}}}}
	}
	return claude.MessageNewParams{Model: "test-model", MaxTokens: 500, Thinking: claude.ThinkingConfigParamUnion{OfAdaptive: &claude.ThinkingConfigAdaptiveParam{}},
		Tools:    []claude.ToolUnionParam{tool("get_weather"), tool("get_time")},
		Messages: []claude.MessageParam{claude.NewUserMessage(claude.NewTextBlock(text))}}
}

// blocks is the content of a message in short.
func blocks(m *claude.Message) string {
	var out []string
	for _, b := range m.Content {
		switch b.Type {
		case "text":
			out = append(out, fmt.Sprintf(`text "%s"`, b.Text))
		case "thinking":
			out = append(out, fmt.Sprintf("thinking %q %d", b.Thinking, len(b.Signature)))
		case "tool_use":
			var input bytes.Buffer
			json.Compact(&input, b.Input)
			out = append(out, fmt.Sprintf("call %s %s %v", b.Name, &input, strings.HasPrefix(b.ID, "toolu_")))
		}
	}
	return strings.Join(out, ", ")
}

// TestMessages compares what Anthropic's client gets whole and as a stream.
func TestMessages(t *testing.T) {
	_, hs := start(t, &script{}, Options{})
	c := claudeClient(hs.URL)
	nothing := func(*claude.MessageNewParams) {}
	for _, tt := range []struct {
		text, blocks string
		stop         claude.StopReason
		change       func(*claude.MessageNewParams)
	}{
		{"hello", `text "Grüß dich, 世界 👩‍👩‍👧!"`, "end_turn", nothing},
		{"think", `thinking "Let me see." 44, text "It is 4."`, "end_turn", nothing},
		{"weather", `thinking "A tool helps." 44, call get_weather {"city":"Köln","days":[1,2]} true, call get_time {} true`, "tool_use", nothing},
		{"weather", `thinking "A tool helps." 44, call get_weather {"city":"Köln","days":[1,2]} true`, "tool_use", func(p *claude.MessageNewParams) {
			p.ToolChoice = claude.ToolChoiceUnionParam{OfAuto: &claude.ToolChoiceAutoParam{DisableParallelToolUse: claude.Bool(true)}}
		}},
		{"count", `text "one two three"`, "max_tokens", func(p *claude.MessageNewParams) { p.MaxTokens = 3 }},
		{"count", `text "one two "`, "stop_sequence", func(p *claude.MessageNewParams) { p.StopSequences = []string{"three"} }},
		{"long", `text "one two three"`, "model_context_window_exceeded", func(p *claude.MessageNewParams) {
			p.Tools = nil // leaves 3 tokens of 1,024
			p.Messages = []claude.MessageParam{claude.NewUserMessage(claude.NewTextBlock(strings.Repeat(" a", 1012) + " count"))}
		}},
	} {
		p := messageParams(tt.text)
		tt.change(&p)
		whole, err := c.Messages.New(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		s := c.Messages.NewStreaming(context.Background(), p)
		var streamed claude.Message
		var order []string
		for s.Next() {
			e := s.Current()
			if len(order) == 0 || order[len(order)-1] != e.Type {
				order = append(order, e.Type)
			}
			if err := streamed.Accumulate(e); err != nil {
				t.Fatalf("%s: %v", e.RawJSON(), err)
			}
		}
		if err := s.Err(); err != nil {
			t.Fatal(err)
		}
		want := []string{"message_start"}
		for range whole.Content {
			want = append(want, "content_block_start", "content_block_delta", "content_block_stop")
		}
		if want = append(want, "message_delta", "message_stop"); !reflect.DeepEqual(order, want) {
			t.Errorf("%s: events %v\nwant %v", tt.text, order, want)
		}
		for name, m := range map[string]*claude.Message{"whole": whole, "stream": &streamed} {
			if got := blocks(m); tt.blocks != "" && got != tt.blocks || m.StopReason != tt.stop {
				t.Errorf("%s, %s: %s, %s\nwant %s, %s", tt.text, name, got, m.StopReason, tt.blocks, tt.stop)
			}
			if m.Usage.InputTokens == 0 || m.Usage.OutputTokens == 0 || m.Usage.JSON.CacheReadInputTokens.Raw() == "" {
				t.Errorf("%s, %s: usage %s", tt.text, name, m.Usage.RawJSON())
			}
			if (tt.stop == "stop_sequence") != (m.StopSequence == "three") {
				t.Errorf("%s, %s: stop sequence %q", tt.text, name, m.StopSequence)
			}
		}
	}
}

// TestMessagesTurns sends a message back with the results of its calls.
func TestMessagesTurns(t *testing.T) {
	g := &script{}
	_, hs := start(t, g, Options{})
	c := claudeClient(hs.URL)
	p := messageParams("weather")
	p.System = []claude.TextBlockParam{{Text: "Be brief."}}
	first, err := c.Messages.New(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	p.Messages = append(p.Messages, first.ToParam(), claude.NewUserMessage(
		claude.NewToolResultBlock(first.Content[1].ID, "rain <|im_end|>", false), claude.NewToolResultBlock(first.Content[2].ID, "no clock", true)))
	if _, err := c.Messages.New(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	want := "<think>\nA tool helps.\n</think>\n\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Köln\", \"days\": [1, 2]}}\n</tool_call>\n" +
		"<tool_call>\n{\"name\": \"get_time\", \"arguments\": {}}\n</tool_call><|im_end|>\n" +
		"<|im_start|>user\n<tool_response>\nrain <|im_end|>\n</tool_response>\n<tool_response>\nError: no clock\n</tool_response><|im_end|>\n<|im_start|>assistant\n"
	if !strings.HasSuffix(g.prompt(), want) {
		t.Errorf("the prompt ends\n%s\nwant\n%s", g.prompt()[max(0, len(g.prompt())-len(want)):], want)
	}
	n, err := c.Messages.CountTokens(context.Background(), claude.MessageCountTokensParams{Model: p.Model, Messages: p.Messages, Thinking: p.Thinking,
		System: claude.MessageCountTokensParamsSystemUnion{OfString: claude.String("Be brief.")},
		Tools:  []claude.MessageCountTokensToolUnionParam{{OfTool: p.Tools[0].OfTool}, {OfTool: p.Tools[1].OfTool}}})
	if ids, _ := g.tok.Encode(g.prompt(), true); err != nil || n.InputTokens < int64(len(ids))/2 || n.InputTokens > 2*int64(len(ids)) {
		t.Errorf("count %v, %v; the prompt has about %d", n, err, len(ids))
	}
}

// TestMessagesPrompt checks that a Messages request has the prompt of the chat
// request that says the same.
func TestMessagesPrompt(t *testing.T) {
	g := &script{}
	_, hs := start(t, g, Options{})
	for _, tt := range []struct{ chat, here string }{
		{`"messages":[{"role":"user","content":"hello"}],"reasoning_effort":"none"`, `"messages":[{"role":"user","content":"hello"}]`},
		{`"messages":[{"role":"system","content":"st"},{"role":"user","content":"ab"},{"role":"assistant","content":"c"},{"role":"user","content":"hello"}]`,
			`"thinking":{"type":"enabled","budget_tokens":1024},"system":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}},{"type":"text","text":"t"}],
			"messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"b"}]},{"role":"assistant","content":"c"},{"role":"user","content":"hello"}]`},
		{`"messages":[{"role":"user","content":"q"},
			{"role":"assistant","content":"t","reasoning_content":"r","tool_calls":[{"id":"c1","function":{"name":"f","arguments":{"x": 1.0,"a":[]}}},{"id":"c2","function":{"name":"f","arguments":"{}"}}]},
			{"role":"tool","tool_call_id":"c1","content":"one"},{"role":"tool","tool_call_id":"c2","content":"two"},{"role":"user","content":"hello"}],
			"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","properties":{"x":{"type":"integer"}}}}}]`,
			`"thinking":{"type":"adaptive"},"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking","thinking":"r","signature":"s"},{"type":"redacted_thinking","data":"x"},
			{"type":"text","text":"t"},{"type":"tool_use","id":"c1","name":"f","input":{"x": 1.0,"a":[]}},{"type":"tool_use","id":"c2","name":"f","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"one"},{"type":"tool_result","tool_use_id":"c2","content":[{"type":"text","text":"two"}]},{"type":"text","text":"hello"}]}],
			"tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"x":{"type":"integer"}}}}]`},
	} {
		var prompts []string
		for path, body := range map[string]string{"/v1/chat/completions": tt.chat, "/v1/messages": `"max_tokens":2000,` + tt.here} {
			if resp, text := do(t, "POST", hs.URL+path, `{"model":"test-model",`+body+`}`); resp.StatusCode != 200 {
				t.Fatalf("%s: %s", body, text)
			}
			prompts = append(prompts, g.prompt())
		}
		if prompts[0] != prompts[1] || prompts[0] == "" {
			t.Errorf("prompts differ:\n%s\n---\n%s", prompts[0], prompts[1])
		}
	}
}

// TestMessagesErrors checks statuses and the form of errors.
func TestMessagesErrors(t *testing.T) {
	g := &script{}
	_, hs := start(t, g, Options{})
	for _, tt := range []struct {
		name, body string
		status     int
		kind       string
	}{
		{"model", strings.Replace(helloMessage, "test-model", "nobody", 1), 404, "not_found_error"},
		{"field", strings.Replace(helloMessage, "max_tokens", "max_token", 1), 400, "invalid_request_error"},
		{"long", strings.Replace(helloMessage, "hello", strings.Repeat("ab ", 5000), 1), 400, "invalid_request_error"},
		{"poison", strings.Replace(helloMessage, "hello", "poison", 1), 500, "api_error"},
	} {
		resp, body := do(t, "POST", hs.URL+"/v1/messages", tt.body)
		m := decodeMap(t, body)
		if resp.StatusCode != tt.status || errorOf(t, body) != tt.kind || m["request_id"] == "" || m["request_id"] != resp.Header.Get("Request-Id") {
			t.Errorf("%s: %d %s", tt.name, resp.StatusCode, body)
		}
	}
	g.busy.Store(true)
	_, err := claudeOnce(hs.URL)
	var e *claude.Error
	if !errors.As(err, &e) || e.StatusCode != 429 || e.Type() != "rate_limit_error" || e.RequestID == "" {
		t.Errorf("a full queue: %v", err)
	}
	if resp, _ := do(t, "POST", hs.URL+"/v1/messages", helloMessage, "Anthropic-Version", "2020-01-01"); resp.StatusCode != 400 {
		t.Errorf("another version: %d", resp.StatusCode)
	}
	if resp, body := do(t, "GET", hs.URL+"/v1/messages", ""); resp.StatusCode != 405 || errorOf(t, body) != "invalid_request_error" {
		t.Errorf("GET: %d %s", resp.StatusCode, body)
	}
}

func claudeOnce(base string) (*claude.Message, error) {
	c := claudeClient(base)
	return c.Messages.New(context.Background(), messageParams("hello"))
}

// endless are requests for endless streams, with the event that begins them,
// what they say in silence, and the event that ends them with an error.
func endless() map[string][4]string {
	return map[string][4]string{
		"/v1/messages": {`{"model":"test-model","max_tokens":500,"stream":true,"messages":[{"role":"user","content":"count endless"}]}`,
			"event: message_start", "event: ping", `event: error`},
		"/v1/responses": {`{"model":"test-model","stream":true,"input":"count endless"}`,
			"event: response.created", ": keep-alive", "event: response.failed"},
	}
}

// lines starts a request and returns the lines of its answer one by one; "" and
// false at the end.
func lines(t *testing.T, ctx context.Context, url, body string) func() (string, bool) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	in := bufio.NewScanner(resp.Body)
	in.Buffer(nil, 1<<20)
	return func() (string, bool) {
		ok := in.Scan()
		return in.Text(), ok
	}
}

// TestStreamLeft checks that a stream says something in silence, and that its
// sequence is gone when the client is.
func TestStreamLeft(t *testing.T) {
	g := &script{pause: 30 * time.Millisecond}
	_, hs := start(t, g, Options{KeepAlive: 10 * time.Millisecond})
	for path, want := range endless() {
		ctx, cancel := context.WithCancel(context.Background())
		next := lines(t, ctx, hs.URL+path, want[0])
		for seen := map[string]bool{}; !seen[want[1]] || !seen[want[2]]; {
			line, ok := next()
			if !ok {
				t.Fatalf("%s: the stream ends", path)
			}
			seen[line] = true
		}
		cancel()
		eventually(t, "the end of the sequence", func() bool { return g.active.Load() == 0 })
	}
}

// TestStreamFails checks the last event of streams that a drain cuts off.
func TestStreamFails(t *testing.T) {
	for path, want := range endless() {
		s, hs := start(t, &script{pause: time.Millisecond}, Options{})
		next := lines(t, context.Background(), hs.URL+path, want[0])
		next()
		s.stopNow()
		var last [2]string
		for line, ok := next(); ok; line, ok = next() {
			if line != "" {
				last[0], last[1] = last[1], line
			}
		}
		data, ok := strings.CutPrefix(last[1], "data: ")
		if last[0] != want[3] || !ok || !json.Valid([]byte(data)) || !strings.Contains(data, "shut down") {
			t.Errorf("%s ends with %q", path, last)
		}
	}
}
