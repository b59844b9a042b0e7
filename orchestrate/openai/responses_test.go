package openai

import (
	"fmt"
	"strings"
	"testing"

	"orchrt/tokenizer/chat"
)

// responsesBody is a valid Responses request with the fields given added.
func responsesBody(extra string) string {
	if extra != "" {
		extra = "," + extra
	}
	return `{"model":"m","input":"hi"` + extra + `}`
}

func TestParseResponsesRefuses(t *testing.T) {
	item := func(s string) string { return `{"model":"m","input":[` + s + `]}` }
	const tool = `"tools":[{"type":"function","name":"f","parameters":{}}]`
	for _, tt := range []struct{ name, body, param, code string }{
		{"not json", "hello", "", CodeInvalidJSON},
		{"no model", `{"input":"hi"}`, "model", CodeMissing},
		{"no input", `{"model":"m"}`, "input", CodeMissing},
		{"null input", `{"model":"m","input":null}`, "input", CodeMissing},
		{"input type", `{"model":"m","input":1}`, "input", CodeInvalidType},
		{"no item", item(""), "input", CodeInvalidValue},
		{"item type", item("1"), "input[0]", CodeInvalidType},
		{"item kind", item(`{"type":"web_search_call"}`), "input[0].type", CodeUnsupported},
		{"item reference", item(`{"type":"item_reference","id":"x"}`), "input[0].type", CodeUnsupported},
		{"item without type", item(`{"id":"x"}`), "input[0].type", CodeMissing},
		{"status", item(`{"role":"user","content":"a","status":"x"}`), "input[0].status", CodeInvalidValue},
		{"role", item(`{"role":"tool","content":"a"}`), "input[0].role", CodeInvalidValue},
		{"role missing", item(`{"type":"message","content":"a"}`), "input[0].role", CodeMissing},
		{"content missing", item(`{"role":"user"}`), "input[0].content", CodeMissing},
		{"content type", item(`{"role":"user","content":1}`), "input[0].content", CodeInvalidType},
		{"image", item(`{"role":"user","content":[{"type":"input_image"}]}`), "input[0].content[0].type", CodeUnsupported},
		{"refusal", item(`{"role":"assistant","content":[{"type":"refusal","refusal":"no"}]}`), "input[0].content[0].type", CodeUnsupported},
		{"part text", item(`{"role":"user","content":[{"type":"input_text"}]}`), "input[0].content[0].text", CodeMissing},
		{"part field", item(`{"role":"user","content":[{"type":"input_text","text":"a","x":1}]}`), "input[0].content[0].x", CodeUnknownField},
		{"annotations", item(`{"role":"assistant","content":[{"type":"output_text","text":"a","annotations":[1]}]}`), "input[0].content[0].annotations", CodeUnsupported},
		{"message field", item(`{"role":"user","content":"a","colour":1}`), "input[0].colour", CodeUnknownField},
		{"phase", item(`{"role":"assistant","content":"a","phase":"commentary"}`), "input[0].phase", CodeUnsupported},
		{"encrypted", item(`{"type":"reasoning","id":"r","summary":[],"encrypted_content":"x"}`), "input[0].encrypted_content", CodeUnsupported},
		{"summary", item(`{"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":"a"}]}`), "input[0].summary", CodeUnsupported},
		{"reasoning part", item(`{"type":"reasoning","content":[{"type":"output_text","text":"a"}]}`), "input[0].content[0].type", CodeUnsupported},
		{"call without id", item(`{"type":"function_call","name":"f","arguments":"{}"}`), "input[0].call_id", CodeMissing},
		{"call without name", item(`{"type":"function_call","call_id":"c","name":"","arguments":"{}"}`), "input[0].name", CodeMissing},
		{"arguments", item(`{"type":"function_call","call_id":"c","name":"f","arguments":{}}`), "input[0].arguments", CodeInvalidType},
		{"output missing", item(`{"type":"function_call_output","call_id":"c"}`), "input[0].output", CodeMissing},
		{"output id", item(`{"type":"function_call_output","output":"a"}`), "input[0].call_id", CodeMissing},
		{"instructions", responsesBody(`"instructions":["a"]`), "instructions", CodeInvalidType},
		{"limit", responsesBody(`"max_output_tokens":0`), "max_output_tokens", CodeInvalidValue},
		{"max_tokens", responsesBody(`"max_tokens":5`), "max_tokens", CodeUnknownField},
		{"messages", responsesBody(`"messages":[]`), "messages", CodeUnknownField},
		{"n", responsesBody(`"n":1`), "n", CodeUnknownField},
		{"effort", responsesBody(`"reasoning":{"effort":"loud"}`), "reasoning.effort", CodeInvalidValue},
		{"effort type", responsesBody(`"reasoning":{"effort":1}`), "reasoning.effort", CodeInvalidType},
		{"reasoning type", responsesBody(`"reasoning":"high"`), "reasoning", CodeInvalidType},
		{"reasoning summary", responsesBody(`"reasoning":{"summary":"auto"}`), "reasoning.summary", CodeUnsupported},
		{"reasoning field", responsesBody(`"reasoning":{"x":1}`), "reasoning.x", CodeUnknownField},
		{"include", responsesBody(`"include":["file_search_call.results"]`), "include[0]", CodeUnsupported},
		{"include type", responsesBody(`"include":"x"`), "include", CodeInvalidType},
		{"top_logprobs", responsesBody(`"top_logprobs":3`), "top_logprobs", CodeInvalidValue},
		{"stream", responsesBody(`"stream":"yes"`), "stream", CodeInvalidType},
		{"stream_options", responsesBody(`"stream_options":{"include_usage":true}`), "stream_options.include_usage", CodeUnknownField},
		{"store", responsesBody(`"store":1`), "store", CodeInvalidType},
		{"background", responsesBody(`"background":true`), "background", CodeUnsupported},
		{"truncation", responsesBody(`"truncation":"auto"`), "truncation", CodeUnsupported},
		{"conversation", responsesBody(`"conversation":"c"`), "conversation", CodeUnsupported},
		{"prompt", responsesBody(`"prompt":{"id":"p"}`), "prompt", CodeUnsupported},
		{"max_tool_calls", responsesBody(`"max_tool_calls":0`), "max_tool_calls", CodeInvalidValue},
		{"metadata", responsesBody(`"metadata":{"a":1}`), "metadata.a", CodeInvalidType},
		{"previous", responsesBody(`"previous_response_id":1`), "previous_response_id", CodeInvalidType},
		{"text type", responsesBody(`"text":"a"`), "text", CodeInvalidType},
		{"verbosity", responsesBody(`"text":{"verbosity":"low"}`), "text.verbosity", CodeUnsupported},
		{"text field", responsesBody(`"text":{"x":1}`), "text.x", CodeUnknownField},
		{"format type", responsesBody(`"text":{"format":"json"}`), "text.format", CodeInvalidType},
		{"format field", responsesBody(`"text":{"format":{"type":"json_schema","name":"n","schema":{},"x":1}}`), "text.format.x", CodeUnknownField},
		{"tools type", responsesBody(`"tools":{}`), "tools", CodeInvalidType},
		{"tool type", responsesBody(`"tools":["f"]`), "tools[0]", CodeInvalidType},
		{"built-in tool", responsesBody(`"tools":[{"type":"web_search"}]`), "tools[0].type", CodeUnsupported},
		{"nested tool", responsesBody(`"tools":[{"type":"function","function":{"name":"f"}}]`), "tools[0].function", CodeUnknownField},
		{"tool name", responsesBody(`"tools":[{"type":"function","name":1}]`), "tools[0].name", CodeInvalidType},
		{"tool without name", responsesBody(`"tools":[{"type":"function","parameters":{}}]`), "tools[0].name", CodeInvalidValue},
		{"parameters", responsesBody(`"tools":[{"type":"function","name":"f","parameters":[]}]`), "tools[0].parameters", CodeInvalidType},
		{"strict", responsesBody(`"tools":[{"type":"function","name":"f","strict":"yes"}]`), "tools[0].strict", CodeInvalidType},
		{"choice", responsesBody(tool + `,"tool_choice":{"type":"web_search"}`), "tool_choice.type", CodeUnsupported},
		{"choice type", responsesBody(tool + `,"tool_choice":1`), "tool_choice", CodeInvalidType},
		{"choice field", responsesBody(tool + `,"tool_choice":{"type":"function","function":{"name":"f"}}`), "tool_choice.function", CodeUnknownField},
		{"allowed", responsesBody(tool + `,"tool_choice":{"type":"allowed_tools","mode":"auto"}`), "tool_choice.tools", CodeMissing},
		{"allowed tool", responsesBody(tool + `,"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"mcp"}]}`), "tool_choice.tools[0].type", CodeInvalidValue},
		{"parallel", responsesBody(`"parallel_tool_calls":"no"`), "parallel_tool_calls", CodeInvalidType},
		{"unknown", responsesBody(`"colour":null`), "colour", CodeUnknownField},
	} {
		_, err := ParseResponses([]byte(tt.body))
		if err == nil {
			t.Errorf("%s: accepted", tt.name)
			continue
		}
		if err.Status != 400 || err.Param != tt.param || err.Code != tt.code || !strings.Contains(err.Message, tt.param) || len(err.Message) > 400 {
			t.Errorf("%s: status %d, param %q, code %q: %s\nwant param %q, code %q", tt.name, err.Status, err.Param, err.Code, err.Message, tt.param, tt.code)
		}
	}
}

func TestParseResponsesAccepts(t *testing.T) {
	r, err := ParseResponses([]byte(responsesBody(`"instructions":"i","max_output_tokens":9,"temperature":0.5,"top_p":0.9,"top_k":3,
		"stream":true,"stream_options":{"include_obfuscation":false},"store":false,"background":false,"truncation":"disabled","metadata":{"k":"v"},
		"reasoning":{"effort":"none","summary":null},"text":{"format":{"type":"text"},"verbosity":"medium"},"user":"u",
		"include":["reasoning.encrypted_content","message.output_text.logprobs"],"top_logprobs":2,"previous_response_id":"resp_1",
		"tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":false}],"tool_choice":"auto","parallel_tool_calls":false`)))
	if err != nil {
		t.Fatal(err)
	}
	c := &r.Chat
	if *r.Instructions != "i" || r.Store || !c.Stream || *c.Thinking || c.Limits.MaxTokens != 9 || *c.Sampling.TopLogprobs != 2 || r.PreviousID != "resp_1" ||
		len(c.Tools) != 1 || r.echo.Parallel || r.echo.Metadata["k"] != "v" || *r.echo.User != "u" {
		t.Errorf("read %+v", r)
	}
	const want = `{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":false}}`
	if string(c.Tools[0]) != want {
		t.Errorf("tool %s\nwant %s", c.Tools[0], want)
	}
}

// FuzzParseResponses checks that no body crashes the reader and that errors are
// complete.
func FuzzParseResponses(f *testing.F) {
	for _, s := range []string{responsesBody(""), responsesBody(`"tools":[{"type":"function","name":"f"}],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"f"}]}`),
		responsesBody(`"text":{"format":{"type":"json_schema","name":"n","schema":{}}}`),
		`{"model":"m","input":[{"type":"reasoning","content":[{"type":"reasoning_text","text":"a"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"a"}]}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if _, err := ParseResponses(raw); err != nil && (err.Status != 400 || err.Message == "" || err.Code == "") {
			t.Fatalf("incomplete error %+v", err)
		}
	})
}

// TestResponseStore checks its bounds, its order and its owners.
func TestResponseStore(t *testing.T) {
	said := []chat.Message{{Role: "user", Content: chat.Text(strings.Repeat("a", 1000))}}
	one := storedSize([]byte("{}"), said)
	s := NewResponseStore(3, 10*one)
	for i := range 3 {
		s.put("me", fmt.Sprint(i), []byte("{}"), said)
	}
	s.conversation("me", "0")   // used last
	s.conversation("you", "1")  // not theirs: does not count
	s.put("me", "3", nil, said) // makes room for itself
	for id, want := range map[string]bool{"0": true, "1": false, "2": true, "3": true} {
		if _, ok := s.conversation("me", id); ok != want {
			t.Errorf("response %s is stored: %v, want %v", id, ok, want)
		}
	}
	if _, err := s.Get("you", "0"); err == nil || err.Status != 404 {
		t.Errorf("somebody else's response: %v", err)
	}
	if _, err := s.Delete("you", "0"); err == nil {
		t.Error("somebody else's response is deleted")
	}
	if d, err := s.Delete("me", "0"); err != nil || !d.Deleted || s.used != 2*one-2 {
		t.Errorf("deleted %+v, %v; %d bytes are left, want %d", d, err, s.used, 2*one-2)
	}
	if s.put("me", "4", make([]byte, 11*one), said) || s.last.Len() != 2 {
		t.Error("a response larger than the store is stored")
	}
	if s.put("me", "5", make([]byte, 9*one-512), nil) != true || s.last.Len() != 2 || s.used > 10*one {
		t.Errorf("%d responses of %d bytes in a store of %d", s.last.Len(), s.used, 10*one)
	}
	var none *ResponseStore
	if _, err := none.Get("me", "0"); err == nil || none.put("me", "0", nil, nil) {
		t.Error("no store holds something")
	}
}
