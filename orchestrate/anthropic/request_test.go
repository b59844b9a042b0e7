package anthropic

import (
	"strings"
	"testing"

	"orchrt/orchestrate/openai"
)

// body is a valid request with the fields given added.
func body(extra string) string {
	if extra != "" {
		extra = "," + extra
	}
	return `{"model":"m","max_tokens":2000,"messages":[{"role":"user","content":"hi"}]` + extra + `}`
}

// said is a request with one message of a role that has the blocks.
func said(role, blocks string) string {
	return `{"model":"m","max_tokens":2000,"messages":[{"role":"` + role + `","content":[` + blocks + `]},{"role":"user","content":"a"}]}`
}

func TestParseRefuses(t *testing.T) {
	const tool = `"tools":[{"name":"f","input_schema":{"type":"object"}`
	for _, tt := range []struct{ name, body, param, code string }{
		{"not json", "hello", "", openai.CodeInvalidJSON},
		{"array", "[]", "", openai.CodeInvalidType},
		{"deep", body(`"system":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000)), "system[0][0][0][0][0][0][0]", openai.CodeInvalidJSON},
		{"no model", `{"max_tokens":1,"messages":[{"role":"user","content":"hi"}]}`, "model", openai.CodeMissing},
		{"no max_tokens", `{"model":"m","messages":[{"role":"user","content":"hi"}]}`, "max_tokens", openai.CodeMissing},
		{"null max_tokens", `{"model":"m","max_tokens":null,"messages":[{"role":"user","content":"hi"}]}`, "max_tokens", openai.CodeMissing},
		{"max_tokens zero", `{"model":"m","max_tokens":0,"messages":[{"role":"user","content":"hi"}]}`, "max_tokens", openai.CodeInvalidValue},
		{"no messages", `{"model":"m","max_tokens":1}`, "messages", openai.CodeMissing},
		{"messages type", `{"model":"m","max_tokens":1,"messages":"hi"}`, "messages", openai.CodeInvalidType},
		{"no message", `{"model":"m","max_tokens":1,"messages":[]}`, "messages", openai.CodeInvalidValue},
		{"message type", `{"model":"m","max_tokens":1,"messages":[1]}`, "messages[0]", openai.CodeInvalidType},
		{"no role", `{"model":"m","max_tokens":1,"messages":[{"content":"a"}]}`, "messages[0].role", openai.CodeMissing},
		{"role", `{"model":"m","max_tokens":1,"messages":[{"role":"tool","content":"a"}]}`, "messages[0].role", openai.CodeInvalidValue},
		{"no content", `{"model":"m","max_tokens":1,"messages":[{"role":"user"}]}`, "messages[0].content", openai.CodeMissing},
		{"content type", `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":{}}]}`, "messages[0].content", openai.CodeInvalidType},
		{"content empty", `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[]}]}`, "messages[0].content", openai.CodeInvalidValue},
		{"message field", `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a","name":"n"}]}`, "messages[0].name", openai.CodeUnknownField},
		{"prefill", `{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":"a"}]}`, "messages", openai.CodeUnsupported},
		{"image", said("user", `{"type":"image","source":{}}`), "messages[0].content[0].type", openai.CodeUnsupported},
		{"block type", said("user", `{"text":"a"}`), "messages[0].content[0].type", openai.CodeMissing},
		{"block field", said("user", `{"type":"text","text":"a","colour":1}`), "messages[0].content[0].colour", openai.CodeUnknownField},
		{"text type", said("user", `{"type":"text","text":1}`), "messages[0].content[0].text", openai.CodeInvalidType},
		{"citations", said("user", `{"type":"text","text":"a","citations":[{}]}`), "messages[0].content[0].citations", openai.CodeUnsupported},
		{"thinking of a user", said("user", `{"type":"thinking","thinking":"a","signature":""}`), "messages[0].content[0].type", openai.CodeInvalidValue},
		{"thinking missing", said("assistant", `{"type":"thinking","signature":""}`), "messages[0].content[0].thinking", openai.CodeMissing},
		{"input type", said("assistant", `{"type":"tool_use","id":"i","name":"f","input":"{}"}`), "messages[0].content[0].input", openai.CodeInvalidType},
		{"input missing", said("assistant", `{"type":"tool_use","id":"i","name":"f"}`), "messages[0].content[0].input", openai.CodeMissing},
		{"name empty", said("assistant", `{"type":"tool_use","id":"i","name":"","input":{}}`), "messages[0].content[0].name", openai.CodeInvalidValue},
		{"result of the assistant", said("assistant", `{"type":"tool_result","tool_use_id":"i"}`), "messages[0].content[0].type", openai.CodeInvalidValue},
		{"result id", said("user", `{"type":"tool_result"}`), "messages[0].content[0].tool_use_id", openai.CodeMissing},
		{"result image", said("user", `{"type":"tool_result","tool_use_id":"i","content":[{"type":"image"}]}`), "messages[0].content[0].content[0].type", openai.CodeUnsupported},
		{"result error type", said("user", `{"type":"tool_result","tool_use_id":"i","is_error":"no"}`), "messages[0].content[0].is_error", openai.CodeInvalidType},
		{"system type", body(`"system":1`), "system", openai.CodeInvalidType},
		{"system image", body(`"system":[{"type":"image"}]`), "system[0].type", openai.CodeUnsupported},
		{"cache", body(`"cache_control":{"type":"ephemeral","ttl":"1h"}`), "cache_control.ttl", openai.CodeUnsupported},
		{"cache type", body(`"cache_control":{"type":"x"}`), "cache_control.type", openai.CodeInvalidValue},
		{"thinking type", body(`"thinking":{"type":"deep"}`), "thinking.type", openai.CodeInvalidValue},
		{"budget missing", body(`"thinking":{"type":"enabled"}`), "thinking.budget_tokens", openai.CodeMissing},
		{"budget small", body(`"thinking":{"type":"enabled","budget_tokens":100}`), "thinking.budget_tokens", openai.CodeInvalidValue},
		{"budget large", body(`"thinking":{"type":"enabled","budget_tokens":2000}`), "thinking.budget_tokens", openai.CodeInvalidValue},
		{"budget of adaptive", body(`"thinking":{"type":"adaptive","budget_tokens":2000}`), "thinking.budget_tokens", openai.CodeUnknownField},
		{"display", body(`"thinking":{"type":"adaptive","display":"omitted"}`), "thinking.display", openai.CodeUnsupported},
		{"stop type", body(`"stop_sequences":"a"`), "stop_sequences", openai.CodeInvalidType},
		{"stop empty", body(`"stop_sequences":[""]`), "stop_sequences", openai.CodeInvalidValue},
		{"stream type", body(`"stream":1`), "stream", openai.CodeInvalidType},
		{"temperature type", body(`"temperature":"hot"`), "temperature", openai.CodeInvalidType},
		{"top_k", body(`"top_k":1.5`), "top_k", openai.CodeInvalidType},
		{"metadata", body(`"metadata":{"user":"u"}`), "metadata.user", openai.CodeUnknownField},
		{"service_tier", body(`"service_tier":"priority"`), "service_tier", openai.CodeUnsupported},
		{"speed", body(`"speed":"fast"`), "speed", openai.CodeUnsupported},
		{"container", body(`"container":"c"`), "container", openai.CodeUnsupported},
		{"servers", body(`"mcp_servers":[{}]`), "mcp_servers", openai.CodeUnsupported},
		{"effort", body(`"output_config":{"effort":"low"}`), "output_config.effort", openai.CodeUnsupported},
		{"format", body(`"output_config":{"format":{"type":"text"}}`), "output_config.format.type", openai.CodeInvalidValue},
		{"format schema", body(`"output_config":{"format":{"type":"json_schema"}}`), "output_config.format.schema", openai.CodeMissing},
		{"tools type", body(`"tools":{}`), "tools", openai.CodeInvalidType},
		{"tool type", body(`"tools":[1]`), "tools[0]", openai.CodeInvalidType},
		{"server tool", body(`"tools":[{"type":"bash_20250124","name":"bash"}]`), "tools[0].type", openai.CodeUnsupported},
		{"no schema", body(`"tools":[{"name":"f"}]`), "tools[0].input_schema", openai.CodeMissing},
		{"schema type", body(`"tools":[{"name":"f","input_schema":[]}]`), "tools[0].input_schema", openai.CodeInvalidType},
		{"no name", body(`"tools":[{"input_schema":{}}]`), "tools[0].name", openai.CodeInvalidValue},
		{"name twice", body(tool + `},{"name":"f","input_schema":{}}]`), "tools[1].name", openai.CodeInvalidValue},
		{"examples", body(tool + `,"input_examples":[{}]}]`), "tools[0].input_examples", openai.CodeUnsupported},
		{"tool field", body(tool + `,"colour":1}]`), "tools[0].colour", openai.CodeUnknownField},
		{"choice type", body(tool + `}],"tool_choice":"auto"`), "tool_choice", openai.CodeInvalidType},
		{"choice kind", body(tool + `}],"tool_choice":{"type":"required"}`), "tool_choice.type", openai.CodeInvalidValue},
		{"choice name", body(tool + `}],"tool_choice":{"type":"tool"}`), "tool_choice.name", openai.CodeMissing},
		{"choice field", body(tool + `}],"tool_choice":{"type":"auto","name":"f"}`), "tool_choice.name", openai.CodeUnknownField},
		{"parallel", body(tool + `}],"tool_choice":{"type":"auto","disable_parallel_tool_use":1}`), "tool_choice.disable_parallel_tool_use", openai.CodeInvalidType},
		{"unknown", body(`"colour":"red"`), "colour", openai.CodeUnknownField},
		{"unknown null", body(`"colour":null`), "colour", openai.CodeUnknownField},
		{"max_completion_tokens", body(`"max_completion_tokens":5`), "max_completion_tokens", openai.CodeUnknownField},
	} {
		_, err := Parse([]byte(tt.body))
		if err == nil {
			t.Errorf("%s: accepted", tt.name)
			continue
		}
		if err.Status != 400 || err.Param != tt.param || err.Code != tt.code || err.Message == "" || len(err.Message) > 400 {
			t.Errorf("%s: status %d, param %q, code %q: %s\nwant param %q, code %q", tt.name, err.Status, err.Param, err.Code, err.Message, tt.param, tt.code)
		}
		if !strings.Contains(err.Message, tt.param) {
			t.Errorf("%s: the message does not name %q: %s", tt.name, tt.param, err.Message)
		}
	}
}

func TestParseAccepts(t *testing.T) {
	r, err := Parse([]byte(`{"model":"m","max_tokens":4000,"stream":true,"temperature":0.5,"top_p":0.9,"top_k":5,"min_p":0.1,"seed":7,
		"stop_sequences":["a","b"],"metadata":{"user_id":"u"},"service_tier":"auto","cache_control":{"type":"ephemeral"},"container":null,
		"thinking":{"type":"enabled","budget_tokens":1024,"display":"summarized"},"system":"s","output_config":{"effort":"high"},
		"tools":[{"type":"custom","name":"f","description":"d","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral","ttl":"5m"},
			"eager_input_streaming":true,"defer_loading":false,"allowed_callers":["direct"]}],
		"tool_choice":{"type":"auto","disable_parallel_tool_use":true},
		"messages":[{"role":"user","content":"a"},{"role":"system","content":"b"},
			{"role":"assistant","content":[{"type":"tool_use","id":"i","name":"f","input":{},"caller":{"type":"direct"}}]},
			{"role":"assistant","content":[{"type":"text","text":"t","citations":null}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"i"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	c := &r.Chat
	var roles []string
	for i := range c.Messages {
		roles = append(roles, c.Messages[i].Role)
	}
	if got := strings.Join(roles, " "); got != "system user system assistant tool" {
		t.Errorf("messages of %s", got)
	}
	if r.Budget != 1024 || !c.Stream || !*c.Thinking || *c.Sampling.TopK != 5 || *c.Sampling.Seed != 7 || len(c.Limits.Stop) != 2 || c.Limits.MaxTokens != 4000 ||
		len(c.Tools) != 1 || c.Messages[3].Content.String() != "t" || len(c.Messages[3].ToolCalls) != 1 || c.Messages[4].Content.String() != "" {
		t.Errorf("read %+v", r)
	}
	if r, err = Parse([]byte(body(""))); err != nil || *r.Chat.Thinking {
		t.Errorf("without thinking: %+v, %v", r, err)
	}
}

// FuzzParse checks that no body crashes the readers and that errors are complete.
func FuzzParse(f *testing.F) {
	for _, s := range []string{body(""), said("user", `{"type":"tool_result","tool_use_id":"i","content":[{"type":"text","text":"x"}]}`),
		said("assistant", `{"type":"tool_use","id":"i","name":"f","input":{}},{"type":"thinking","thinking":"a"}`),
		body(`"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"tool","name":"f"}`), body(`"output_config":{"format":{"type":"json_schema","schema":{}}}`)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, e1 := Parse(raw)
		_, e2 := ParseCount(raw)
		for _, err := range []*openai.Error{e1, e2} {
			if err != nil && (err.Status != 400 || err.Message == "" || err.Code == "") {
				t.Fatalf("incomplete error %+v", err)
			}
		}
	})
}
