package grammar

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"orchrt/testdata"
	"orchrt/tokenizer"
)

// qwen is Qwen3's tokenizer with the rows of the model's embedding.
var qwen = sync.OnceValue(func() *tokenizer.Tokenizer {
	r, err := testdata.Qwen3Tokenizer()
	if err != nil {
		panic(err)
	}
	defer r.Close()
	v, err := tokenizer.ParseJSON(r)
	if err != nil {
		panic(err)
	}
	v.Pad(151936)
	t, err := tokenizer.New(v)
	if err != nil {
		panic(err)
	}
	return t
})

var qwenVocabulary = sync.OnceValue(func() *Vocabulary {
	v, err := NewVocabulary(qwen())
	if err != nil {
		panic(err)
	}
	return v
})

const (
	imEnd     = 151645
	endOfText = 151643
)

// The tools of the tests.
var (
	weather = Tool{Name: "get_weather", Parameters: json.RawMessage(`{
		"type": "object",
		"properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}, "days": {"type": "integer", "minimum": 1, "maximum": 14}},
		"required": ["city"],
		"additionalProperties": false
	}`), Strict: true}
	weatherMap = Tool{Name: "get_weather_map", Parameters: json.RawMessage(`{"type": "object", "properties": {"zoom": {"type": "integer"}}}`)}
	now        = Tool{Name: "now"}
	tools      = []Tool{weather, weatherMap, now}
)

// Prompts, as templates end them.
const (
	asked      = "<|im_start|>user\nIs it <think> raining in Paris?<|im_end|>\n<|im_start|>assistant\n"
	noThinking = asked + "<think>\n\n</think>\n\n"
	inThinking = asked + "<think>\n"
)

const (
	callParis = "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\"}}\n</tool_call>"
	callNow   = "<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>"
	callMap   = "<tool_call>\n{\"name\": \"get_weather_map\", \"arguments\": {\"zoom\": 3, \"layer\": \"rain\"}}\n</tool_call>"
	thought   = "<think>\nThe user asks about <tool_call> in Paris.\n</think>\n\n"
	end       = "<|im_end|>"
)

var answerSchema = &Response{Schema: json.RawMessage(`{"type": "object", "properties": {"rain": {"type": "boolean"}}, "required": ["rain"], "additionalProperties": false}`), Strict: true}

var turns = []struct {
	name   string
	config Config
	prompt string
	output string // "␄" before the token that is refused; all of it is accepted where there is none
}{
	{"text", Config{Tools: tools}, asked, "It is raining." + end},
	{"text after thinking", Config{Tools: tools}, asked, think("hm") + "It is raining." + end},
	{"text, no tools", Config{}, asked, think("hm") + "It is raining." + end},
	{"other end of turn", Config{}, asked, "It is raining.<|endoftext|>"},
	{"empty answer", Config{}, asked, end},
	{"nothing behind the end", Config{}, asked, "Yes." + end + "␄\n"},
	{"turn of another", Config{}, asked, "Yes.␄<|im_start|>"},
	{"fill in the middle", Config{}, asked, "Yes.␄<|fim_prefix|>"},
	{"image", Config{}, asked, think("hm") + "␄<|vision_start|>"},
	{"control token in thinking", Config{}, asked, "<think>\n␄<|im_start|>"},
	{"thinks twice", Config{}, asked, think("hm") + "␄<think>"},
	{"thinks after text", Config{}, asked, "Yes␄<think>"},
	{"ends what did not begin", Config{}, asked, "␄</think>"},
	{"ends in thinking", Config{}, asked, "<think>hm␄" + end},
	{"ends straight after thinking", Config{}, asked, "<think>hm</think>␄" + end},
	{"ends after thinking and newlines", Config{}, asked, "<think>hm</think>\n\n" + end},
	{"call", Config{Tools: tools}, asked, callParis + end},
	{"call after thinking", Config{Tools: tools}, asked, think("hm") + callParis + end},
	{"call straight after thinking", Config{Tools: tools}, asked, "<think>hm</think>" + callParis + end},
	{"call after text", Config{Tools: tools}, asked, "Let me look.\n" + callParis + end},
	{"calls", Config{Tools: tools}, asked, callParis + "\n" + callNow + "\n" + callMap + end},
	{"calls run together", Config{Tools: tools}, asked, callParis + "␄" + callNow},
	{"text after call", Config{Tools: tools}, asked, callParis + "␄Done." + end},
	{"text after call and newline", Config{Tools: tools}, asked, callParis + "\n␄Done." + end},
	{"end after call and newline", Config{Tools: tools}, asked, callParis + "\n␄" + end},
	{"one call at most", Config{Tools: tools, Single: true}, asked, callParis + "␄\n" + callNow},
	{"one call", Config{Tools: tools, Single: true}, asked, callParis + end},
	{"unfinished call", Config{Tools: tools}, asked, "<tool_call>\n{\"name\": \"now\", \"arguments\": {}␄" + end},
	{"call closed early", Config{Tools: tools}, asked, "<tool_call>\n{\"name\": \"now\"␄</tool_call>"},
	{"control token in a string", Config{Tools: tools}, asked, "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"␄<|im_end|>"},
	{"tag in a string", Config{Tools: tools}, asked, "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"␄</tool_call>"},
	{"unknown tool", Config{Tools: tools}, asked, "<tool_call>\n{\"name\": \"get␄_time"},
	{"no such member", Config{Tools: tools}, asked, "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\", \"␄country"},
	{"missing member", Config{Tools: tools}, asked, "<tool_call>\n{\"name\": \"get_weather\", \"arguments\":␄ {}"},
	{"any order", Config{Tools: tools}, asked, "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"days\": 3, \"unit\": \"celsius\", \"city\": \"Paris\"}}\n</tool_call>" + end},
	{"too large", Config{Tools: tools}, asked, "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"days\": 1␄5"},
	{"no calls without tools", Config{}, asked, "␄<tool_call>"},
	{"no calls by choice", Config{Tools: tools, Choice: None}, asked, "Let me look.␄<tool_call>"},
	{"no calls by choice after thinking", Config{Tools: tools, Choice: None}, asked, think("hm") + "␄<tool_call>"},
	{"no call may be allowed", Config{Tools: tools, Allowed: []string{}}, asked, "␄<tool_call>"},
	{"an allowed tool", Config{Tools: tools, Allowed: []string{"now"}}, asked, callNow + end},
	{"a tool that is not allowed", Config{Tools: tools, Allowed: []string{"now"}}, asked, "<tool_call>\n{\"name\": \"␄get"},
	{"tag spelt in text", Config{}, asked, "The tag is <tool" + "_call >." + end},
	{"call in thinking", Config{Tools: tools}, asked, "<think>hm␄<tool_call>"},
	{"call in thinking, allowed", Config{Tools: tools, CallsWhileThinking: true}, asked, "<think>hm" + callNow + end},
	{"required", Config{Tools: tools, Choice: Required}, asked, callParis + end},
	{"required, two", Config{Tools: tools, Choice: Required}, asked, callParis + "\n" + callNow + end},
	{"required after thinking", Config{Tools: tools, Choice: Required}, asked, think("hm") + callParis + end},
	{"required, straight after thinking", Config{Tools: tools, Choice: Required}, asked, "<think>hm</think>" + callNow + end},
	{"required, text", Config{Tools: tools, Choice: Required}, asked, "␄Let me look."},
	{"required, text after thinking", Config{Tools: tools, Choice: Required}, asked, think("hm") + "␄Let"},
	{"required, end", Config{Tools: tools, Choice: Required}, asked, "␄" + end},
	{"required, end after thinking", Config{Tools: tools, Choice: Required}, asked, think("hm") + "␄" + end},
	{"required, many newlines", Config{Tools: tools, Choice: Required}, asked, "<think>hm</think>\n\n␄\n"},
	{"named", Config{Tools: tools, Choice: Named, Name: "now"}, asked, think("hm") + callNow + end},
	{"named, once", Config{Tools: tools, Choice: Named, Name: "now"}, asked, callNow + "␄\n"},
	{"named, repeated", Config{Tools: tools, Choice: Named, Name: "now", Repeat: true}, asked, callNow + "\n" + callNow + end},
	{"named, other", Config{Tools: tools, Choice: Named, Name: "now"}, asked, "<tool_call>\n{\"name\": \"␄get"},
	{"named, a name that goes on", Config{Tools: tools, Choice: Named, Name: "get_weather"}, asked, "<tool_call>\n{\"name\": \"get_weather␄_map"},
	{"prompt closed thinking: text", Config{Tools: tools}, noThinking, "It is raining." + end},
	{"prompt closed thinking: call", Config{Tools: tools}, noThinking, callParis + end},
	{"prompt closed thinking: required", Config{Tools: tools, Choice: Required}, noThinking, callParis + end},
	{"prompt closed thinking: no more", Config{Tools: tools}, noThinking, "␄<think>"},
	{"prompt closed thinking: document", Config{Response: answerSchema}, noThinking, "{\"rain\": true}" + end},
	{"prompt opened thinking: text", Config{Tools: tools}, inThinking, "hm\n</think>\n\nIt is raining." + end},
	{"prompt opened thinking: call", Config{Tools: tools}, inThinking, "hm\n</think>\n\n" + callParis + end},
	{"prompt opened thinking: call inside", Config{Tools: tools}, inThinking, "hm\n␄<tool_call>"},
	{"prompt opened thinking: not again", Config{Tools: tools}, inThinking, "␄<think>"},
	{"prompt opened thinking: required", Config{Tools: tools, Choice: Required}, inThinking, "It is {\"a\": 1}\n</think>\n\n" + callParis + end},
	{"prompt opened thinking: document", Config{Response: answerSchema}, inThinking, "{\"no\": 1}</think>\n\n{\"rain\": false}" + end},
	{"earlier turns thought", Config{Tools: tools}, "<|im_start|>assistant\n<think>\nhm<|im_end|>\n" + asked, think("hm") + "Yes." + end},
	{"prompt began the answer", Config{Tools: tools}, noThinking + "It is", " raining." + end},
	{"prompt began a call", Config{Tools: tools}, noThinking + "<tool_call>\n{\"name\": \"get", "_weather_map\", \"arguments\": {}}\n</tool_call>" + end},
	{"prompt made a call", Config{Tools: tools}, noThinking + callNow, "\n" + callParis + end},
	{"finished prompt", Config{Tools: tools}, noThinking + "Yes.<|im_end|>\n", think("hm") + "Yes." + end},
	{"no turns in the prompt", Config{Tools: tools}, "Once upon a time", " there was" + end},
	{"no turns, thinking", Config{Tools: tools}, "Once <think> upon", " a time</think>there was" + end},
	{"object", Config{Response: &Response{}}, asked, think("hm") + "{\"any\": [1, {\"a\": null}]}" + end},
	{"object, not array", Config{Response: &Response{}}, asked, "␄[1"},
	{"object, indented", Config{Response: &Response{}}, asked, "{\n  \"a\": 1\n}" + end},
	{"document, text", Config{Response: answerSchema}, asked, think("hm") + "␄The"},
	{"document, end", Config{Response: answerSchema}, asked, think("hm") + "␄" + end},
	{"document, text behind", Config{Response: answerSchema}, asked, "{\"rain\": true}␄ is"},
	{"document, wrong", Config{Response: answerSchema}, asked, "{\"rain\": ␄1"},
	{"document, or a call", Config{Response: answerSchema, Tools: tools}, asked, think("hm") + callNow + end},
	{"document and tools", Config{Response: answerSchema, Tools: tools}, asked, think("hm") + "{\"rain\":true}" + end},
	{"document, call required", Config{Response: answerSchema, Tools: tools, Choice: Required}, asked, think("hm") + "␄{\""},
	{"document, no calls", Config{Response: answerSchema, Tools: tools, Choice: None}, asked, "␄<tool_call>"},
}

func think(s string) string { return "<think>\n" + s + "\n</think>\n\n" }

// encode returns the tokens of rendered text.
func encode(t testing.TB, text string) []int32 {
	t.Helper()
	ids, err := qwen().Encode(text, true)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func compile(t testing.TB, c Config) *Turn {
	t.Helper()
	if c.EOS == nil {
		c.EOS = []int32{imEnd, endOfText}
	}
	turn, err := qwenVocabulary().Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	return turn
}

// allows reports whether the set of tokens allowed next has id, and checks what
// holds for every set.
func allows(t testing.TB, m *Matcher, id int32) bool {
	t.Helper()
	buf := make([]uint64, (qwenVocabulary().Size()+63)/64)
	for i := range buf {
		buf[i] = 0xaaaa_aaaa_aaaa_aaaa
	}
	set := m.Allowed(buf)
	for padding := int32(151669); padding < 151936; padding++ {
		if set[padding>>6]>>(padding&63)&1 != 0 {
			t.Fatalf("padding row %d is allowed", padding)
		}
	}
	return set[id>>6]>>(id&63)&1 != 0
}

func TestTurns(t *testing.T) {
	for _, c := range turns {
		t.Run(c.name, func(t *testing.T) {
			m, err := compile(t, c.config).Matcher(encode(t, c.prompt), 0)
			if err != nil {
				t.Fatal(err)
			}
			good, bad, refused := strings.Cut(c.output, "␄")
			for _, id := range encode(t, good) {
				if m.Done() {
					t.Fatal("the turn has ended")
				}
				if !allows(t, m, id) {
					t.Fatalf("%q is not allowed, stage %v", qwen().Bytes(id), m.Phase())
				}
				if err := m.Accept(id); err != nil {
					t.Fatal(err)
				}
			}
			if refused {
				id := encode(t, bad)[0]
				if allows(t, m, id) {
					t.Errorf("%q is allowed", qwen().Bytes(id))
				}
				if m.Accept(id) == nil {
					t.Errorf("%q is accepted", qwen().Bytes(id))
				}
				return
			}
			if !m.Done() {
				t.Error("the turn has not ended")
			}
		})
	}
}
