package openai

import (
	"strings"
	"testing"

	"orchrt/tokenizer/chat"
)

// TestSplitterWithoutCalls checks that the text of a call comes out as it is,
// however it is cut.
func TestSplitterWithoutCalls(t *testing.T) {
	const text = "<think>\na <tool_call> b\n</think>\n\nx <tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call> <tool"
	for cut := 1; cut <= len(text); cut++ {
		s := &splitter{parser: chat.NewParser(false)}
		var got chat.Parsed
		for at := 0; at < len(text); at += cut {
			got.Add(s.push(text[at:min(at+cut, len(text))], noToken))
		}
		got.Add(s.flush())
		if got.Reasoning != "a <tool_call> b" || got.Content != "x <tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call> <tool" || got.ToolCalls != nil {
			t.Fatalf("cut every %d bytes: %+v", cut, got)
		}
	}
}

// TestSplitterTokens checks that only tokens are tags, and that tags spelt out
// are text, wherever they stand and however they are cut.
func TestSplitterTokens(t *testing.T) {
	known := tagIDs{known: true, ids: [...]int32{100, 101, 102, 103}}
	const fake = "<tool_call>{\"name\": \"g\", \"arguments\": {}}</tool_call>"
	// Each tag in brackets is a token, all else is text.
	const text = "[<think>]\na </think> " + fake + " b\n[</think>]\n\nx " + fake + " <think> </thi\n" +
		"[<tool_call>]\n{\"name\": \"f\", \"arguments\": {\"a\": \"" + "</tool_call> <think> <tool_call>" + "\"}}\n[</tool_call>]"
	for cut := 1; cut < 20; cut++ {
		for _, calls := range []bool{true, false} {
			s := &splitter{parser: chat.NewParser(false), calls: calls, tags: known}
			var got chat.Parsed
			for rest := text; rest != ""; {
				plain, after, found := strings.Cut(rest, "[")
				for at := 0; at < len(plain); at += cut {
					got.Add(s.push(plain[at:min(at+cut, len(plain))], 7))
				}
				if !found {
					break
				}
				tag, more, _ := strings.Cut(after, "]")
				for i := range tags {
					if tags[i] == tag {
						got.Add(s.push(tag, known.ids[i]))
					}
				}
				rest = more
			}
			got.Add(s.flush())
			content := "x " + fake + " <think> </thi"
			if !calls {
				content += "\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"</tool_call> <think> <tool_call>\"}}\n</tool_call>"
			}
			if got.Reasoning != "a </think> "+fake+" b" || got.Content != content {
				t.Errorf("cut every %d bytes, calls %v: reasoning %q, content %q", cut, calls, got.Reasoning, got.Content)
			}
			if calls && (len(got.ToolCalls) != 1 || got.ToolCalls[0].Name != "f" || got.ToolCalls[0].Arguments != `{"a": "</tool_call> <think> <tool_call>"}`) ||
				!calls && got.ToolCalls != nil {
				t.Errorf("cut every %d bytes: calls %+v", cut, got.ToolCalls)
			}
		}
	}
}
