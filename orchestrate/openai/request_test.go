package openai

import (
	"encoding/json"
	"strings"
	"testing"
)

// chatBody is a valid chat request with the fields given added or replaced.
func chatBody(extra string) string {
	if extra != "" {
		extra = "," + extra
	}
	return `{"model":"m","messages":[{"role":"user","content":"hi"}]` + extra + `}`
}

// TestCheckJSON: a text that is no request may be as long as it likes.
func TestCheckJSON(t *testing.T) {
	if err := CheckJSON([]byte("[" + strings.Repeat("1,", maxValues) + "1]")); err != nil {
		t.Error(err)
	}
	if CheckJSON([]byte(`{"a":1,"a":2}`)) == nil {
		t.Error("a key passes twice")
	}
}

func TestParseChatRefuses(t *testing.T) {
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	many := func(n int, item string) string {
		return "[" + strings.TrimSuffix(strings.Repeat(item+",", n), ",") + "]"
	}
	tests := []struct{ name, body, param, code, text string }{
		{"empty", "", "", CodeInvalidJSON, "empty"},
		{"not json", "hello", "", CodeInvalidJSON, "at byte 0"},
		{"cut", `{"model":"m"`, "model", CodeInvalidJSON, "at byte 12"},
		{"trailing", `{} x`, "", CodeInvalidJSON, "at byte 3"},
		{"array", `[]`, "", CodeInvalidType, "an array"},
		{"bom", "\xef\xbb\xbf{}", "", CodeInvalidJSON, "byte order mark"},
		{"utf8", "{\"model\":\"\xff\"}", "model", CodeInvalidJSON, "at byte 10, in \"model\": invalid UTF-8"},
		{"nul", "{\"model\":\"a\x00\"}", "model", CodeInvalidJSON, `\u0000`},
		{"lone surrogate", `{"model":"\ud800"}`, "model", CodeInvalidJSON, "surrogate"},
		{"low surrogate", `{"model":"\udc00x"}`, "model", CodeInvalidJSON, "surrogate"},
		{"escape", `{"model":"\x"}`, "model", CodeInvalidJSON, "escape"},
		{"duplicate", `{"model":"m","model":"n"}`, "", CodeInvalidJSON, "twice"},
		{"escaped duplicate", `{"model":"m","mode\u006c":"n"}`, "", CodeInvalidJSON, "twice"},
		{"deep", `{"messages":` + deep + `}`, "messages[0][0][0][0][0][0][0]", CodeInvalidJSON, "nesting"},
		{"many values", `{"messages":` + many(maxValues, "1") + `}`, "messages[524286]", CodeInvalidJSON, "more than 524288 values"},
		{"1e400", chatBody(`"temperature":1e400`), "temperature", CodeInvalidJSON, "64-bit float"},
		{"NaN", chatBody(`"temperature":NaN`), "temperature", CodeInvalidJSON, "want a value"},
		{"leading zero", chatBody(`"temperature":01`), "temperature", CodeInvalidJSON, "want ','"},
		{"no model", `{"messages":[{"role":"user","content":"hi"}]}`, "model", CodeMissing, ""},
		{"model type", `{"model":3,"messages":[]}`, "model", CodeInvalidType, "the number 3"},
		{"no messages", `{"model":"m"}`, "messages", CodeMissing, ""},
		{"null messages", `{"model":"m","messages":null}`, "messages", CodeMissing, ""},
		{"no message", `{"model":"m","messages":[]}`, "messages", CodeInvalidValue, "not 0"},
		{"too many messages", `{"model":"m","messages":` + many(100_001, "0") + `}`, "messages", CodeInvalidValue, "100001"},
		{"message type", `{"model":"m","messages":["hi"]}`, "messages[0]", CodeInvalidType, "a string"},
		{"no role", `{"model":"m","messages":[{"content":"hi"}]}`, "messages[0].role", CodeMissing, ""},
		{"role", `{"model":"m","messages":[{"role":"king","content":"hi"}]}`, "messages[0].role", CodeInvalidValue, "king"},
		{"content type", `{"model":"m","messages":[{"role":"user","content":3}]}`, "messages[0].content", CodeInvalidValue, ""},
		{"user without content", `{"model":"m","messages":[{"role":"user"}]}`, "messages[0].content", CodeInvalidValue, "missing"},
		{"message field", `{"model":"m","messages":[{"role":"user","content":"a","colour":1}]}`, "messages[0].colour", CodeUnknownField, ""},
		{"image", `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}`, "messages[0].content[0].type", CodeUnsupported, "text only"},
		{"part field", `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x","cache":1}]}]}`, "messages[0].content[0].cache", CodeUnknownField, ""},
		{"calls of a user", `{"model":"m","messages":[{"role":"user","content":"a","tool_calls":[{"function":{"name":"f"}}]}]}`, "messages[0].tool_calls", CodeInvalidValue, ""},
		{"call without name", `{"model":"m","messages":[{"role":"assistant","tool_calls":[{"function":{}}]}]}`, "messages[0].tool_calls[0].function.name", CodeInvalidValue, ""},
		{"unknown", chatBody(`"colour":"red"`), "colour", CodeUnknownField, ""},
		{"unknown null", chatBody(`"colour":null`), "colour", CodeUnknownField, ""},
		{"temperature type", chatBody(`"temperature":"hot"`), "temperature", CodeInvalidType, "a string"},
		{"top_k fraction", chatBody(`"top_k":1.5`), "top_k", CodeInvalidType, "1.5"},
		{"top_k", chatBody(`"top_k":-5`), "top_k", CodeInvalidValue, ""},
		{"n zero", chatBody(`"n":0`), "n", CodeInvalidValue, ""},
		{"n huge", chatBody(`"n":1000000000`), "n", CodeInvalidValue, ""},
		{"max_tokens zero", chatBody(`"max_tokens":0`), "max_tokens", CodeInvalidValue, ""},
		{"max_tokens negative", chatBody(`"max_tokens":-1`), "max_tokens", CodeInvalidValue, ""},
		{"max_tokens huge", chatBody(`"max_tokens":2147483648`), "max_tokens", CodeInvalidValue, ""},
		{"max_tokens 2^63", chatBody(`"max_tokens":9223372036854775808`), "max_tokens", CodeInvalidValue, ""},
		{"two limits", chatBody(`"max_tokens":5,"max_completion_tokens":6`), "max_tokens", CodeInvalidValue, "send one"},
		{"seed", chatBody(`"seed":1180591620717411303424`), "seed", CodeInvalidValue, ""},
		{"bias key", chatBody(`"logit_bias":{"x":1}`), "logit_bias", CodeInvalidValue, "token id"},
		{"bias value", chatBody(`"logit_bias":{"1":200}`), "logit_bias", CodeInvalidValue, "-100 to 100"},
		{"bias twice", chatBody(`"logit_bias":{"1":2,"01":3}`), "logit_bias", CodeInvalidValue, "twice"},
		{"top_logprobs alone", chatBody(`"top_logprobs":3`), "top_logprobs", CodeInvalidValue, ""},
		{"stop empty", chatBody(`"stop":""`), "stop", CodeInvalidValue, ""},
		{"stop type", chatBody(`"stop":[1]`), "stop", CodeInvalidType, ""},
		{"stop many", chatBody(`"stop":` + many(100_000, `"a"`)), "stop", CodeInvalidValue, "100000"},
		{"stop long", chatBody(`"stop":"` + strings.Repeat("a", 1<<20) + `"`), "stop", CodeInvalidValue, ""},
		{"stop ids", chatBody(`"stop_token_ids":[-1]`), "stop_token_ids[0]", CodeInvalidValue, ""},
		{"stream type", chatBody(`"stream":"yes"`), "stream", CodeInvalidType, ""},
		{"stream_options alone", chatBody(`"stream_options":{"include_usage":true}`), "stream_options", CodeInvalidValue, ""},
		{"stream_options field", chatBody(`"stream":true,"stream_options":{"x":1}`), "stream_options.x", CodeUnknownField, ""},
		{"tool type", chatBody(`"tools":[{"type":"x","function":{"name":"f"}}]`), "tools[0].type", CodeInvalidValue, ""},
		{"tool without name", chatBody(`"tools":[{"type":"function","function":{}}]`), "tools[0].function.name", CodeInvalidValue, ""},
		{"tool twice", chatBody(`"tools":` + many(2, `{"type":"function","function":{"name":"f"}}`)), "tools[1].function.name", CodeInvalidValue, "twice"},
		{"tools many", chatBody(`"tools":` + many(10_000, "0")), "tools", CodeInvalidValue, "10000"},
		{"strict type", chatBody(`"tools":[{"type":"function","function":{"name":"f","strict":1}}]`), "tools[0].function.strict", CodeInvalidType, ""},
		{"parameters type", chatBody(`"tools":[{"type":"function","function":{"name":"f","parameters":[]}}]`), "tools[0].function.parameters", CodeInvalidType, "an array"},
		{"store", chatBody(`"store":true`), "store", CodeUnsupported, ""},
		{"modalities", chatBody(`"modalities":["audio"]`), "modalities", CodeUnsupported, ""},
		{"effort", chatBody(`"reasoning_effort":"loud"`), "reasoning_effort", CodeInvalidValue, "minimal"},
		{"effort against switch", chatBody(`"reasoning_effort":"low","chat_template_kwargs":{"enable_thinking":false}`), "reasoning_effort", CodeInvalidValue, "contradicts"},
		{"cache control", `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"x"}}]}]}`, "messages[0].content[0].cache_control.type", CodeInvalidValue, ""},
		{"kwargs type", chatBody(`"chat_template_kwargs":{"enable_thinking":"no"}`), "chat_template_kwargs.enable_thinking", CodeInvalidType, ""},
		{"metadata", chatBody(`"metadata":{"a":1}`), "metadata.a", CodeInvalidType, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseChat([]byte(tt.body))
			if err == nil {
				t.Fatal("accepted")
			}
			if err.Status != 400 || err.Param != tt.param || err.Code != tt.code || !strings.Contains(err.Message, tt.text) {
				t.Errorf("status %d, param %q, code %q: %s\nwant param %q, code %q, text with %q",
					err.Status, err.Param, err.Code, err.Message, tt.param, tt.code, tt.text)
			}
			if len(err.Message) > 400 {
				t.Errorf("the message has %d bytes", len(err.Message))
			}
		})
	}
}

func TestParseChatAccepts(t *testing.T) {
	body := `{"model":"m","messages":[
		{"role":"system","content":"s"},
		{"role":"user","content":[{"type":"text","text":"a\u0000\ud83d\ude00","cache_control":{"type":"ephemeral"}}],"name":"n"},
		{"role":"assistant","content":null,"refusal":null,"audio":null,"function_call":null,"annotations":[],
		 "reasoning_content":"r","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{not json"}}]},
		{"role":"tool","tool_call_id":"nobody","content":"x"}],
		"temperature":-0,"top_p":0.5,"min_p":0.1,"typical_p":0.9,"top_k":-1,"repetition_penalty":1.1,
		"presence_penalty":1,"frequency_penalty":-1,"logit_bias":{"5":-100},"seed":-9223372036854775808,
		"n":2.0,"max_completion_tokens":7,"max_tokens":7,"stop":["a","b"],"stop_token_ids":[3],"ignore_eos":true,
		"logprobs":true,"top_logprobs":2,"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false},
		"user":"u","metadata":{"k":"v"},"store":false,"service_tier":"auto","modalities":["text"],"parallel_tool_calls":false,
		"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"},"strict":false}}],
		"tool_choice":"auto","response_format":{"type":"text"},"reasoning_effort":"none",
		"chat_template_kwargs":{"enable_thinking":false,"other":1},"return_token_ids":true,"prediction":null}`
	r, err := ParseChat([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if r.Messages[1].Content.String() != "a\x00😀" || r.N != 2 || *r.Sampling.Seed != -1<<63 || !r.Turn.Single || *r.Thinking ||
		r.Limits.MaxTokens != 7 || len(r.Limits.Stop) != 2 || !r.IncludeUsage || !r.TokenIDs || *r.Sampling.TopLogprobs != 2 ||
		r.Sampling.LogitBias[5] != -100 || string(r.Kwargs["other"]) != "1" || !*r.Sampling.IgnoreEOS {
		t.Errorf("read %+v", r)
	}
}

func TestParseCompletion(t *testing.T) {
	tests := []struct {
		prompt, param string
		prompts, ids  int
	}{
		{`"hi"`, "", 1, 0},
		{`["a","b"]`, "", 2, 0},
		{`[1,2,3]`, "", 1, 3},
		{`[[1,2],[3,4]]`, "", 2, 2},
		{`[]`, "prompt", 0, 0},
		{`["a",1]`, "prompt[1]", 0, 0},
		{`[1,"a"]`, "prompt[1]", 0, 0},
		{`[[1],["a"]]`, "prompt[1][0]", 0, 0},
		{`[-1]`, "prompt[0]", 0, 0},
		{`[4294967296]`, "prompt[0]", 0, 0},
		{`{}`, "prompt", 0, 0},
		{`null`, "prompt", 0, 0},
		{`[null]`, "prompt[0]", 0, 0},
		{`[{}]`, "prompt[0]", 0, 0},
	}
	for _, tt := range tests {
		r, err := ParseCompletion([]byte(`{"model":"m","prompt":` + tt.prompt + `}`))
		if tt.param != "" {
			if err == nil || err.Param != tt.param {
				t.Errorf("%s: error %v, want one about %s", tt.prompt, err, tt.param)
			}
			continue
		}
		if err != nil || len(r.Prompts) != tt.prompts || len(r.Prompts[0].IDs) != tt.ids || r.Limits.MaxTokens != 16 {
			t.Errorf("%s: %+v, %v", tt.prompt, r, err)
		}
	}
	for body, param := range map[string]string{
		`{"model":"m","prompt":"a","suffix":"b"}`:               "suffix",
		`{"model":"m","prompt":"a","best_of":2}`:                "best_of",
		`{"model":"m","prompt":"a","echo":true,"logprobs":1}`:   "echo",
		`{"model":"m","prompt":"a","messages":[]}`:              "messages",
		`{"model":"m","prompt":"a","logprobs":21}`:              "logprobs",
		`{"model":"m","prompt":"a","logprobs":true}`:            "logprobs",
		`{"model":"m","prompt":"a","max_completion_tokens":10}`: "max_completion_tokens",
	} {
		if _, err := ParseCompletion([]byte(body)); err == nil || err.Param != param {
			t.Errorf("%s: error %v, want one about %s", body, err, param)
		}
	}
}

// FuzzParse checks that no body crashes the readers, that what checkJSON passes
// is JSON to encoding/json too, and that errors are complete.
func FuzzParse(f *testing.F) {
	for _, s := range []string{chatBody(""), chatBody(`"logit_bias":{"5":1e2},"stop":["a"],"tools":[]`), `{"model":"m","prompt":[[1,2],[3]]}`,
		`{"a":"\ud83d\ude00\u0000","b":[-0.5e-3,true,null,{}]}`, `{"model":"m","messages":[{"role":"tool","content":[{"type":"text","text":"x"}]}]}`,
		"{\"a\":\"\xff\"}", `{"a":1,"a":2}`, `[`, `"\u12`, `1e999`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if err := checkJSON(body); err == nil {
			if !json.Valid(body) {
				t.Fatalf("passed, but is not JSON: %q", body)
			}
		} else if err.Status != 400 || err.Message == "" || err.Type == "" {
			t.Fatalf("incomplete error %+v", err)
		}
		_, e1 := ParseChat(body)
		_, e2 := ParseCompletion(body)
		for _, err := range []*Error{e1, e2} {
			if err == nil {
				continue
			}
			if _, merr := Marshal(err.Body()); merr != nil || err.Status != 400 || err.Message == "" || err.Code == "" {
				t.Fatalf("incomplete error %+v", err)
			}
		}
	})
}

// TestEffort: none turns thinking off, the lower efforts bound it, the others
// and no effort do not.
func TestEffort(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		body   string
		think  *bool
		budget int
	}{
		{`"n":1`, nil, 0}, {`"reasoning_effort":null`, nil, 0}, {`"reasoning_effort":"none"`, &no, 0},
		{`"reasoning_effort":"minimal"`, &yes, 256}, {`"reasoning_effort":"low"`, &yes, 2048},
		{`"reasoning_effort":"medium"`, &yes, 0}, {`"reasoning_effort":"high"`, &yes, 0}, {`"reasoning_effort":"xhigh"`, &yes, 0},
	} {
		r, err := ParseChat([]byte(chatBody(tt.body)))
		if err != nil {
			t.Fatal(err)
		}
		if (r.Thinking == nil) != (tt.think == nil) || r.Thinking != nil && *r.Thinking != *tt.think || r.Budget != tt.budget {
			t.Errorf("%s: thinking %v, at most %d tokens", tt.body, r.Thinking, r.Budget)
		}
	}
}

// TestSyntaxErrorsNameTheField: so do errors in the text of the body itself.
func TestSyntaxErrorsNameTheField(t *testing.T) {
	for _, tt := range []struct{ body, param string }{
		{"", ""}, {"x", ""}, {"{", ""}, {`{"a`, ""}, {`{"a":`, "a"}, {`{"a":tru}`, "a"}, {`{"a":1,"b":01}`, "b"}, {`{"a":1,x`, ""},
		{`{"a":[1,{"b":[[],"` + "\xff" + `"]}]}`, "a[1].b[1]"}, {`{"a":{"b\"{":"\ud800"}}`, `a.b\"{`},
		{`{"a":{"b":{},"c":[` + "\x01]}}", "a.c[0]"}, {`{"a":"}]","b":[1,2,1e999]}`, "b[2]"}, {`{"a":{"b":1,"b":2}}`, "a"},
		{"[[[\"\xff", "[0][0][0]"}, {"}}]]{\"\xff", ""}, {`{"a` + "\xff" + `":1}`, ""},
	} {
		_, err := parseBody([]byte(tt.body))
		if err == nil || err.Code != CodeInvalidJSON || err.Param != tt.param {
			t.Errorf("%q: %+v, want param %q", tt.body, err, tt.param)
		}
	}
}
