package openai

import (
	"reflect"
	"strings"
	"testing"

	"orchrt/sampler/grammar"
)

// toolBody is a chat request with the tools a and b and the fields given.
func toolBody(extra string) string {
	if extra != "" {
		extra = "," + extra
	}
	return chatBody(`"tools":[{"type":"function","function":{"name":"a","parameters":{"type":"object"},"strict":true}},` +
		`{"type":"function","function":{"name":"b"}}]` + extra)
}

func TestParseTools(t *testing.T) {
	tools := []grammar.Tool{{Name: "a", Parameters: []byte(`{"type":"object"}`), Strict: true}, {Name: "b"}}
	for body, want := range map[string]grammar.Config{
		chatBody(""): {},
		chatBody(`"tools":[],"tool_choice":"auto"`):          {Tools: []grammar.Tool{}},
		chatBody(`"tool_choice":"none"`):                     {Choice: grammar.None},
		chatBody(`"response_format":null`):                   {},
		chatBody(`"response_format":{"type":"text"}`):        {},
		chatBody(`"response_format":{"type":"json_object"}`): {Response: &grammar.Response{}},
		chatBody(`"response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","schema":{"a":[1]},"strict":true}}`): {
			Response: &grammar.Response{Schema: []byte(`{"a":[1]}`), Strict: true}},
		chatBody(`"response_format":{"type":"json_schema","json_schema":{"name":"n","strict":null}}`): {Response: &grammar.Response{}},
		toolBody(""):                                                          {Tools: tools},
		toolBody(`"tool_choice":"auto"`):                                      {Tools: tools},
		toolBody(`"tool_choice":"none"`):                                      {Tools: tools, Choice: grammar.None},
		toolBody(`"tool_choice":"required"`):                                  {Tools: tools, Choice: grammar.Required},
		toolBody(`"parallel_tool_calls":false`):                               {Tools: tools, Single: true},
		toolBody(`"tool_choice":{"type":"function","function":{"name":"b"}}`): {Tools: tools, Choice: grammar.Named, Name: "b"},
		toolBody(`"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"b"}}]}}`): {
			Tools: tools, Allowed: []string{"b"}},
		toolBody(`"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"b"}},{"type":"function","function":{"name":"a"}}]}}`): {
			Tools: tools, Choice: grammar.Required, Allowed: []string{"b", "a"}},
	} {
		r, err := ParseChat([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
		} else if !reflect.DeepEqual(r.Turn, want) {
			t.Errorf("%s: read %+v, want %+v", body, r.Turn, want)
		}
	}
}

func TestParseToolsRefuses(t *testing.T) {
	allowed := func(fields string) string {
		return toolBody(`"tool_choice":{"type":"allowed_tools","allowed_tools":{` + fields + `}}`)
	}
	named := func(name string) string {
		return chatBody(`"tools":[{"type":"function","function":{"name":` + name + `}}]`)
	}
	format := func(fields string) string { return chatBody(`"response_format":{` + fields + `}`) }
	for _, tt := range []struct{ body, param, code, text string }{
		{named(`""`), "tools[0].function.name", CodeInvalidValue, "1 to 256 bytes"},
		{named(`"` + strings.Repeat("n", 10_000) + `"`), "tools[0].function.name", CodeInvalidValue, "1 to 256 bytes"},
		{named(`"a b"`), "tools[0].function.name", CodeInvalidValue, "letters"},
		{named(`"a\nb"`), "tools[0].function.name", CodeInvalidValue, "letters"},
		{named(`"a\"b"`), "tools[0].function.name", CodeInvalidValue, "letters"},
		{named(`"</tool_call>"`), "tools[0].function.name", CodeInvalidValue, "letters"},
		{named(`"a\u200bb"`), "tools[0].function.name", CodeInvalidValue, "letters"},
		{named(`7`), "tools[0].function.name", CodeInvalidType, ""},
		{chatBody(`"tool_choice":"required"`), "tool_choice", CodeInvalidValue, `no "tools"`},
		{chatBody(`"tool_choice":{"type":"function","function":{"name":"a"}}`), "tool_choice", CodeInvalidValue, `no "tools"`},
		{toolBody(`"tool_choice":"any"`), "tool_choice", CodeInvalidValue, "any"},
		{toolBody(`"tool_choice":3`), "tool_choice", CodeInvalidType, "a string or an object"},
		{toolBody(`"tool_choice":{"type":"custom","custom":{"name":"a"}}`), "tool_choice.type", CodeInvalidValue, "allowed_tools"},
		{toolBody(`"tool_choice":{"type":"function","function":{"name":"c"}}`), "tool_choice.function.name", CodeInvalidValue, `"c"`},
		{toolBody(`"tool_choice":{"type":"function","function":{}}`), "tool_choice.function.name", CodeMissing, ""},
		{toolBody(`"tool_choice":{"type":"function","name":"a"}`), "tool_choice.function", CodeInvalidType, ""},
		{toolBody(`"tool_choice":{"type":"function","function":{"name":"a","x":1}}`), "tool_choice.function.x", CodeUnknownField, ""},
		{toolBody(`"tool_choice":{"type":"function","function":{"name":"a"},"x":1}`), "tool_choice.x", CodeUnknownField, ""},
		{toolBody(`"tool_choice":{"type":"allowed_tools"}`), "tool_choice.allowed_tools", CodeInvalidType, ""},
		{allowed(`"mode":"some","tools":[]`), "tool_choice.allowed_tools.mode", CodeInvalidValue, ""},
		{allowed(`"mode":"auto","tools":[]`), "tool_choice.allowed_tools.tools", CodeInvalidValue, "empty"},
		{allowed(`"mode":"auto"`), "tool_choice.allowed_tools.tools", CodeInvalidType, ""},
		{allowed(`"mode":"auto","tools":[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"c"}}]`),
			"tool_choice.allowed_tools.tools[1].function.name", CodeInvalidValue, ""},
		{allowed(`"mode":"auto","tools":[{"type":"mcp","function":{"name":"a"}}]`), "tool_choice.allowed_tools.tools[0].type", CodeInvalidValue, ""},
		{toolBody(`"parallel_tool_calls":"no"`), "parallel_tool_calls", CodeInvalidType, ""},
		{format(`"type":"xml"`), "response_format.type", CodeInvalidValue, "json_schema"},
		{format(`"type":"json_object","schema":{}`), "response_format.schema", CodeUnknownField, ""},
		{format(`"type":"json_schema"`), "response_format.json_schema", CodeInvalidType, ""},
		{format(`"type":"json_schema","json_schema":{"schema":{}}`), "response_format.json_schema.name", CodeInvalidValue, ""},
		{format(`"type":"json_schema","json_schema":{"name":"n","schema":[]}`), "response_format.json_schema.schema", CodeInvalidType, ""},
		{format(`"type":"json_schema","json_schema":{"name":"n","schema":{},"x":1}`), "response_format.json_schema.x", CodeUnknownField, ""},
	} {
		_, err := ParseChat([]byte(tt.body))
		if err == nil {
			t.Errorf("%.200s: accepted", tt.body)
		} else if err.Status != 400 || err.Param != tt.param || err.Code != tt.code || !strings.Contains(err.Message, tt.text) {
			t.Errorf("%.200s: param %q, code %q: %s\nwant param %q, code %q, text with %q", tt.body, err.Param, err.Code, err.Message, tt.param, tt.code, tt.text)
		}
	}
}
