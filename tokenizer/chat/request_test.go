package chat

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseRequest(t *testing.T) {
	body := `{"model": "m", "stream": true, "messages": [
		{"role": "developer", "content": "be brief"},
		{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
		{"role": "assistant", "content": null, "reasoning": "hm", "tool_calls": [
			{"id": "c1", "type": "function", "function": {"name": "f", "arguments": {"z": 1E5, "a": "é"}}},
			{"function": {"name": "g", "arguments": "{\"b\":1,\"a\":2}"}},
			{"function": {"name": "h"}}]},
		{"role": "tool", "tool_call_id": "c1", "content": "42"}],
		"tools": [{"type": "function", "function": {"name": "f", "z": 1, "a": 2}}],
		"chat_template_kwargs": {"enable_thinking": false, "x": [1]}}`
	r, err := ParseRequest([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	hm, off := "hm", false
	want := Request{
		AddGenerationPrompt: true, EnableThinking: &off,
		Kwargs: map[string]json.RawMessage{"x": json.RawMessage("[1]")},
		Tools:  []Tool{Tool(`{"type": "function", "function": {"name": "f", "z": 1, "a": 2}}`)},
		Messages: []Message{
			{Role: "developer", Content: Text("be brief")},
			{Role: "user", Content: MessageContent{Kind: ContentParts, Parts: []string{"a", "b"}}},
			{Role: "assistant", Content: MessageContent{Kind: ContentNull}, ReasoningContent: &hm, ToolCalls: []ToolCall{
				{ID: "c1", Name: "f", Arguments: `{"z": 100000.0, "a": "é"}`}, {Name: "g", Arguments: `{"b":1,"a":2}`}, {Name: "h"}}},
			{Role: "tool", ToolCallID: "c1", Content: Text("42")},
		},
	}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
	p, err := Qwen3().Render(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"<|im_start|>system\nbe brief\n\n# Tools", `{"type": "function", "function": {"name": "f", "z": 1, "a": 2}}`,
		"user\nab<|im_end|>", "<think>\nhm\n</think>\n\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"z\": 100000.0, \"a\": \"é\"}}\n</tool_call>\n<tool_call>",
		`{"name": "g", "arguments": {"b": 1, "a": 2}}`, `{"name": "h", "arguments": {}}`} {
		if !strings.Contains(p.String(), part) {
			t.Errorf("%q is missing in\n%s", part, p)
		}
	}
	if !strings.HasSuffix(p.String(), "<|im_start|>assistant\n<think>\n\n</think>\n\n") {
		t.Error("thinking is not off")
	}
}

func TestRequestErrors(t *testing.T) {
	user := `{"role": "user", "content": "x"}`
	messages := func(m string) string { return `{"messages": [` + user + `, ` + m + `]}` }
	cases := []struct{ body, field, reason string }{
		{"", "", "JSON"},
		{"[]", "", "JSON object"},
		{"null", "messages", "missing"},
		{"{}", "messages", "missing"},
		{`{"messages": null}`, "messages", "array"},
		{`{"messages": {}}`, "messages", "array"},
		{`{"messages": []}`, "messages", "at least one"},
		{`{"messages": [1]}`, "messages[0]", "object"},
		{`{"messages": [null]}`, "messages[0]", "object"},
		{"{\"messages\": [{\"role\": \"user\", \"content\": \"a\xff\"}]}", "", "invalid UTF-8 at byte 44"},
		{messages(`{"role": "user", "content": "\ud800"}`), "messages[1]", "lone surrogate"},
		{messages(`{"content": "x"}`), "messages[1].role", "missing"},
		{messages(`{"role": null, "content": "x"}`), "messages[1].role", "missing"},
		{messages(`{"role": 5, "content": "x"}`), "messages[1].role", "string"},
		{messages(`{"role": "function", "content": "x"}`), "messages[1].role", "unknown role"},
		{messages(`{"role": "<|im_end|>", "content": "x"}`), "messages[1].role", "unknown role"},
		{messages(`{"role": "user"}`), "messages[1].content", "missing"},
		{messages(`{"role": "user", "content": null}`), "messages[1].content", "null"},
		{messages(`{"role": "system"}`), "messages[1].content", "missing"},
		{messages(`{"role": "tool"}`), "messages[1].content", "missing"},
		{messages(`{"role": "tool", "tool_call_id": "x", "content": null}`), "messages[1].content", "null"},
		{messages(`{"role": "assistant"}`), "messages[1].content", "missing"},
		{messages(`{"role": "assistant", "tool_calls": []}`), "messages[1].content", "missing"},
		{messages(`{"role": "user", "content": 5}`), "messages[1].content", "string"},
		{messages(`{"role": "user", "content": {"type": "text"}}`), "messages[1].content", "string"},
		{messages(`{"role": "user", "content": ["x"]}`), "messages[1].content[0]", "object"},
		{messages(`{"role": "user", "content": [{"text": "x"}]}`), "messages[1].content[0].type", "missing"},
		{messages(`{"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "image_url", "image_url": {}}]}`), "messages[1].content[1].type", `"image_url" is not supported`},
		{messages(`{"role": "user", "content": [{"type": "text"}]}`), "messages[1].content[0].text", "string"},
		{messages(`{"role": "user", "content": "x", "name": 1}`), "messages[1].name", "string"},
		{messages(`{"role": "user", "content": "x", "tool_calls": [{"function": {"name": "f"}}]}`), "messages[1].tool_calls", "assistant"},
		{messages(`{"role": "assistant", "content": "x", "reasoning_content": 1}`), "messages[1].reasoning_content", "string"},
		{messages(`{"role": "assistant", "tool_calls": {}}`), "messages[1].tool_calls", "array"},
		{messages(`{"role": "assistant", "tool_calls": [1]}`), "messages[1].tool_calls[0]", "object"},
		{messages(`{"role": "assistant", "tool_calls": [{}]}`), "messages[1].tool_calls[0].function", "object"},
		{messages(`{"role": "assistant", "tool_calls": [{"type": "x", "function": {"name": "f"}}]}`), "messages[1].tool_calls[0].type", "function"},
		{messages(`{"role": "assistant", "tool_calls": [{"function": {"arguments": "{}"}}]}`), "messages[1].tool_calls[0].function.name", "non-empty"},
		{messages(`{"role": "assistant", "tool_calls": [{"function": {"name": 5}}]}`), "messages[1].tool_calls[0].function.name", "string"},
		{messages(`{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": [1]}}]}`), "messages[1].tool_calls[0].function.arguments", "string or an object"},
		{`{"messages": [` + user + `], "tools": {}}`, "tools", "array"},
		{`{"messages": [` + user + `], "tools": [1]}`, "tools[0]", "object"},
		{`{"messages": [` + user + `], "tools": [{"type": "x"}]}`, "tools[0].type", "function"},
		{`{"messages": [` + user + `], "tools": [{"type": "function"}]}`, "tools[0].function", "object"},
		{`{"messages": [` + user + `], "tools": [{"type": "function", "function": {"name": ""}}]}`, "tools[0].function.name", "non-empty"},
		{`{"messages": [` + user + `], "tools": [{"type": "function", "function": {"name": "f", "x": "\udc00"}}]}`, "tools[0]", "lone surrogate"},
		{`{"messages": [` + user + `], "enable_thinking": "no"}`, "enable_thinking", "true or false"},
		{`{"messages": [` + user + `], "add_generation_prompt": 1}`, "add_generation_prompt", "true or false"},
		{`{"messages": [` + user + `], "chat_template_kwargs": 1}`, "chat_template_kwargs", "object"},
		{`{"messages": [` + user + `], "chat_template_kwargs": {"enable_thinking": 0}}`, "chat_template_kwargs.enable_thinking", "true or false"},
		{`{"messages": [` + user + `], "chat_template_kwargs": {"messages": []}}`, "chat_template_kwargs.messages", "may not be set"},
		{`{"messages": [{"role": "user", "content": ` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + `}]}`, "messages[0]", "nested"},
	}
	for _, c := range cases {
		_, err := ParseRequest([]byte(c.body))
		var f *FieldError
		if !errors.As(err, &f) || f.Field != c.field || !strings.Contains(f.Reason, c.reason) {
			t.Errorf("%.200s:\n got %v\nwant %s: … %s …", c.body, err, c.field, c.reason)
		}
	}
}

// TestRenderValidates: requests made in Go are checked as well.
func TestRenderValidates(t *testing.T) {
	bad := "a\xff"
	for field, r := range map[string]Request{
		"messages":                                     {},
		"messages[0].role":                             {Messages: []Message{{Content: Text("x")}}},
		"messages[0].content":                          {Messages: []Message{{Role: "user", Content: Text(bad)}}},
		"messages[0].reasoning_content":                {Messages: []Message{{Role: "assistant", Content: Text(""), ReasoningContent: &bad}}},
		"messages[0].tool_calls[0].function.arguments": {Messages: []Message{{Role: "assistant", ToolCalls: []ToolCall{{Name: "f", Arguments: bad}}}}},
		"tools[0]":                                     {Messages: []Message{{Role: "user", Content: Text("x")}}, Tools: []Tool{Tool("{")}},
		"chat_template_kwargs.k":                       {Messages: []Message{{Role: "user", Content: Text("x")}}, Kwargs: map[string]json.RawMessage{"k": json.RawMessage("{")}},
		"chat_template_kwargs.add_generation_prompt":   {Messages: []Message{{Role: "user", Content: Text("x")}}, Kwargs: map[string]json.RawMessage{"add_generation_prompt": json.RawMessage("1")}},
	} {
		_, err := Qwen3().Render(r)
		var f *FieldError
		if !errors.As(err, &f) || f.Field != field {
			t.Errorf("got %v, want an error of %s", err, field)
		}
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}, {"role": "assistant", "content": "<think>\nx\n</think>\n\ny", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1e5}"}}]}, {"role": "tool", "content": "z", "tool_call_id": "1"}], "tools": [{"type": "function", "function": {"name": "f"}}]}`))
	f.Add([]byte(`{"messages": [{"role": "developer", "content": "<|im_end|>"}, {"role": "assistant", "content": null, "reasoning_content": "r"}], "chat_template_kwargs": {"enable_thinking": false, "x": {"a": 1}}}`))
	f.Add([]byte(`{"messages": [{"role": "user", "content": "\ud83d\ude00\u2028"}], "add_generation_prompt": false}`))
	interpreted := interpret(f, "qwen3-2025-07.jinja")
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := ParseRequest(body)
		if err != nil {
			var fe *FieldError
			if !errors.As(err, &fe) || !utf8.ValidString(err.Error()) {
				t.Fatalf("error %q", err)
			}
			return
		}
		native, err := Qwen3().Render(r)
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.ValidString(native.String()) {
			t.Fatal("the prompt is invalid UTF-8")
		}
		p, err := interpreted.Render(r)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(p, native) {
			t.Fatalf("native      %v\ninterpreted %v", native.Segments, p.Segments)
		}
	})
}
