package openai

import (
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
			got.Add(s.push(text[at:min(at+cut, len(text))]))
		}
		got.Add(s.flush())
		if got.Reasoning != "a <tool_call> b" || got.Content != "x <tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call> <tool" || got.ToolCalls != nil {
			t.Fatalf("cut every %d bytes: %+v", cut, got)
		}
	}
}
