package chat

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func call(name, args string) ToolCall { return ToolCall{Name: name, Arguments: args} }

var parserCases = []struct {
	name       string
	text       string
	inThinking bool
	want       Parsed
}{
	{name: "plain", text: "Hello.", want: Parsed{Content: "Hello."}},
	{name: "empty"},
	{name: "thinking", text: "<think>\nplan\n</think>\n\nHello.\n", want: Parsed{Reasoning: "plan", Content: "Hello.\n"}},
	{name: "empty thinking", text: "<think>\n\n</think>\n\nHi", want: Parsed{Content: "Hi"}},
	{name: "white space before thinking", text: "\n <think>a</think>b", want: Parsed{Reasoning: "a", Content: "b"}},
	{name: "opened by the prompt", text: "plan\n</think>\n\nHello.", inThinking: true, want: Parsed{Reasoning: "plan", Content: "Hello."}},
	{name: "thinking without end", text: "<think>\nplan < b", want: Parsed{Reasoning: "plan < b"}},
	{name: "think later is text", text: "The <think> tag", want: Parsed{Content: "The <think> tag"}},
	{name: "stray close is text", text: "a</think>b", want: Parsed{Content: "a</think>b"}},
	{name: "call", text: "<think>\nx\n</think>\n\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>",
		want: Parsed{Reasoning: "x", ToolCalls: []ToolCall{call("f", `{"a": 1}`)}}},
	{name: "content and call", text: "Let me see.\n\n<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>\n",
		want: Parsed{Content: "Let me see.", ToolCalls: []ToolCall{call("f", `{}`)}}},
	{name: "several calls", text: "<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>\n<tool_call>{\"name\":\"g\",\"arguments\":{\"b\":[1,{\"c\":\"}\"}]}}</tool_call>",
		want: Parsed{ToolCalls: []ToolCall{call("f", `{}`), call("g", `{"b":[1,{"c":"}"}]}`)}}},
	{name: "two objects in one tag", text: "<tool_call>\n{\"name\":\"f\",\"arguments\":{}}\n{\"name\":\"g\",\"arguments\":{}}\n</tool_call>",
		want: Parsed{ToolCalls: []ToolCall{call("f", `{}`), call("g", `{}`)}}},
	{name: "call before </think>", text: "<think>\nI call.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>\n</think>\n\nDone.",
		want: Parsed{Reasoning: "I call.", Content: "Done.", ToolCalls: []ToolCall{call("f", `{}`)}}},
	{name: "closing tag missing", text: "<tool_call>\n{\"name\": \"f\", \"arguments\": {}}", want: Parsed{ToolCalls: []ToolCall{call("f", `{}`)}}},
	{name: "closing tag missing before a call", text: "<tool_call>{\"name\":\"f\",\"arguments\":{}}<tool_call>{\"name\":\"g\",\"arguments\":{}}",
		want: Parsed{ToolCalls: []ToolCall{call("f", `{}`), call("g", `{}`)}}},
	{name: "closing tag missing before text", text: "<tool_call>{\"name\":\"f\",\"arguments\":{}}\nsome text",
		want: Parsed{Content: "some text", ToolCalls: []ToolCall{call("f", `{}`)}}},
	{name: "text after a call", text: "<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>\nand more",
		want: Parsed{Content: "and more", ToolCalls: []ToolCall{call("f", `{}`)}}},
	{name: "no arguments", text: "<tool_call>{\"name\":\"f\"}</tool_call>", want: Parsed{ToolCalls: []ToolCall{call("f", `{}`)}}},
	{name: "arguments first", text: "<tool_call>{\"arguments\":{\"x\":\"y\"},\"name\":\"f\"}</tool_call>", want: Parsed{ToolCalls: []ToolCall{call("f", `{"x":"y"}`)}}},
	{name: "further keys", text: "<tool_call>{\"id\":{\"a\":[]},\"name\":\"f\",\"n\":-1.5e3,\"arguments\":{\"x\":1},\"z\":null}</tool_call>",
		want: Parsed{ToolCalls: []ToolCall{call("f", `{"x":1}`)}}},
	{name: "raw text of arguments", text: "<tool_call>{\"name\":\"\\u0066\",\"arguments\":  { \"a\" :1E5 , \"b\":\"\\u00e9\\\"}\" }  }</tool_call>",
		want: Parsed{ToolCalls: []ToolCall{call("f", `{ "a" :1E5 , "b":"\u00e9\"}" }`)}}},
	{name: "tag in prose", text: "Use <tool_call> tags.", want: Parsed{Content: "Use <tool_call> tags."}},
	{name: "tag in thinking prose", text: "<think>Use <tool_call> tags.</think>ok", want: Parsed{Reasoning: "Use <tool_call> tags.", Content: "ok"}},
	{name: "not JSON", text: "a\n<tool_call>\n{name: f}\n</tool_call>", want: Parsed{Content: "a\n<tool_call>\n{name: f}\n</tool_call>"}},
	{name: "no name", text: "<tool_call>{\"arguments\":{}}</tool_call>", want: Parsed{Content: "<tool_call>{\"arguments\":{}}</tool_call>"}},
	{name: "arguments no object", text: "<tool_call>{\"name\":\"f\",\"arguments\":[1]}</tool_call>", want: Parsed{Content: "<tool_call>{\"name\":\"f\",\"arguments\":[1]}</tool_call>"}},
	{name: "arguments a string", text: "<tool_call>{\"name\":\"f\",\"arguments\":\"{}\"}</tool_call>", want: Parsed{Content: "<tool_call>{\"name\":\"f\",\"arguments\":\"{}\"}</tool_call>"}},
	{name: "name no string", text: "<tool_call>{\"name\":5,\"arguments\":{}}</tool_call>", want: Parsed{Content: "<tool_call>{\"name\":5,\"arguments\":{}}</tool_call>"}},
	{name: "name twice", text: "<tool_call>{\"name\":\"f\",\"name\":\"g\"}", want: Parsed{Content: "<tool_call>{\"name\":\"f\",\"name\":\"g\"}"}},
	{name: "breaks before the name", text: "<tool_call>\n{\"na", want: Parsed{Content: "<tool_call>\n{\"na"}},
	{name: "breaks in the arguments", text: "<tool_call>{\"name\":\"f\",\"arguments\":{\"a\": \"xy", want: Parsed{ToolCalls: []ToolCall{call("f", `{"a": "xy`)}}},
	{name: "arguments malformed", text: "<tool_call>{\"name\":\"f\",\"arguments\":{\"a\": 01}}</tool_call> tail",
		want: Parsed{Content: "1}}</tool_call> tail", ToolCalls: []ToolCall{call("f", `{"a": 0`)}}},
	{name: "malformed after the arguments", text: "<tool_call>{\"name\":\"f\",\"arguments\":{\"a\":1} oops}</tool_call>",
		want: Parsed{Content: " oops}</tool_call>", ToolCalls: []ToolCall{call("f", `{"a":1}`)}}},
	{name: "partial tag at the end", text: "a <tool_c", want: Parsed{Content: "a <tool_c"}},
	{name: "call after a broken one", text: "<tool_call>x<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>",
		want: Parsed{Content: "<tool_call>x", ToolCalls: []ToolCall{call("f", `{}`)}}},
	{name: "bare object is text", text: "{\"name\":\"f\",\"arguments\":{}}", want: Parsed{Content: "{\"name\":\"f\",\"arguments\":{}}"}},
	{name: "end of thinking in a broken call", text: "<think>a<tool_call>{\"name\":\"</think>b", want: Parsed{Reasoning: "a<tool_call>{\"name\":\"", Content: "b"}},
}

func TestParser(t *testing.T) {
	for _, c := range parserCases {
		t.Run(c.name, func(t *testing.T) {
			if got := Parse(c.text, c.inThinking); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+q\nwant %+q", got, c.want)
			}
			checkSplits(t, c.text, c.inThinking, rand.New(rand.NewPCG(1, 2)), 40)
		})
	}
}

// checkSplits checks that any cutting of the text gives the same result, with
// well-formed events.
func checkSplits(t *testing.T, text string, inThinking bool, r *rand.Rand, n int) {
	t.Helper()
	want := Parse(text, inThinking)
	for i := range n {
		p := NewParser(inThinking)
		var events []Event
		for rest := text; rest != ""; {
			k := 1 // the first time one character at a time
			if i > 0 {
				k = 1 + r.IntN(len(rest))
				if r.IntN(2) == 0 {
					k = 1 + r.IntN(min(len(rest), 5))
				}
			}
			for k < len(rest) && !utf8.RuneStart(rest[k]) {
				k++
			}
			events = append(events, p.Push(rest[:k])...)
			rest = rest[k:]
		}
		events = append(events, p.Flush()...)
		var got Parsed
		got.Add(events)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q\ncut:   %+q\nwhole: %+q", text, got, want)
		}
		checkEvents(t, events)
	}
}

// checkEvents checks order and contents of the events of one text.
func checkEvents(t *testing.T, events []Event) {
	t.Helper()
	open, next := false, 0
	args := ""
	for _, e := range events {
		switch e.Kind {
		case Reasoning, Content:
			if open || e.Text == "" {
				t.Fatalf("text %+v inside a call, or empty", e)
			}
		case ToolCallStart:
			if open || e.Index != next || e.Name == "" {
				t.Fatalf("bad start %+v", e)
			}
			open, args = true, ""
		case ToolCallArgs:
			if !open || e.Index != next || e.Text == "" {
				t.Fatalf("bad arguments %+v", e)
			}
			args += e.Text
		case ToolCallEnd:
			if !open || e.Index != next {
				t.Fatalf("bad end %+v", e)
			}
			if !e.Incomplete && !json.Valid([]byte(args)) {
				t.Fatalf("arguments %q are no JSON", args)
			}
			open = false
			next++
		}
	}
	if open {
		t.Fatal("a call has no end")
	}
}

// randomText strings together what matters to the parser.
func randomText(r *rand.Rand) string {
	pieces := []string{"<think>", "</think>", "<tool_call>", "</tool_call>", "\n", " ", "text", "<", "é🙂", "{", "}", `{"name": "f", "arguments": {"a": "<tool_call>"}}`,
		`{"name": "f", "arguments": `, `"arguments": {}`, `{"a": [1, 2.5e-3, true, null, "\u00e9\\\""]}`, `{"name"`, `: "g"`, `, `, "\"", `\`, "<tool", "_call>", "0", "-1"}
	var b strings.Builder
	for range r.IntN(14) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	return b.String()
}

func TestParserSplits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 4000 {
		text := randomText(r)
		checkSplits(t, text, r.IntN(2) == 0, r, 4)
	}
}

// TestParserLosesNothing: outside of calls, every byte but the tags and white
// space comes out again.
func TestParserLosesNothing(t *testing.T) {
	squeeze := strings.NewReplacer("<think>", "", "</think>", "", " ", "", "\n", "")
	r := rand.New(rand.NewPCG(5, 6))
	for range 4000 {
		text := randomText(r)
		got := Parse(text, false)
		if len(got.ToolCalls) > 0 {
			continue
		}
		if out := got.Reasoning + got.Content; squeeze.Replace(out) != squeeze.Replace(text) {
			t.Fatalf("%q came out as %+q", text, got)
		}
	}
}

// TestScanner compares the incremental scanner with encoding/json.
func TestScanner(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	pieces := []string{"{", "}", "[", "]", ",", ":", `"a"`, `"\n\u12aF\/"`, `"\x"`, "0", "-0.5", "1e9", "1E+", "01", "-", "true", "fals", "null", " ", "\n", "\"", `\`, "\x01"}
	valid := 0
	for range 200000 {
		text := "{"
		if r.IntN(2) == 0 {
			text = `{"k":`
		}
		for range r.IntN(8) {
			text += pieces[r.IntN(len(pieces))]
		}
		text += "}"
		var s jsonScanner
		ok, end := true, 0
		for i := 0; i < len(text) && s.state != scanDone; i++ {
			if ok = s.step(text[i]); !ok {
				break
			}
			end = i + 1
		}
		want := json.Valid([]byte(text[:end]))
		if got := ok && s.state == scanDone; got != want {
			t.Fatalf("%q: got %v, encoding/json says %v", text[:end], got, want)
		}
		if !ok && json.Valid([]byte(text)) {
			t.Fatalf("%q refused", text)
		}
		if want {
			valid++
		}
	}
	if valid < 1000 {
		t.Errorf("only %d valid texts", valid)
	}
}

func FuzzParser(f *testing.F) {
	for _, c := range parserCases {
		f.Add(c.text, c.inThinking, uint64(1))
	}
	f.Fuzz(func(t *testing.T, text string, inThinking bool, seed uint64) {
		if !utf8.ValidString(text) {
			return
		}
		checkSplits(t, text, inThinking, rand.New(rand.NewPCG(seed, 0)), 3)
	})
}

func BenchmarkParser(b *testing.B) {
	text := "<think>\n" + strings.Repeat("some words of thinking, ", 200) + "\n</think>\n\n<tool_call>\n{\"name\": \"search\", \"arguments\": {\"q\": \"" +
		strings.Repeat("words ", 200) + "\"}}\n</tool_call>"
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		p := NewParser(false)
		for i := 0; i < len(text); i += 4 {
			p.Push(text[i:min(i+4, len(text))])
		}
		p.Flush()
	}
}
