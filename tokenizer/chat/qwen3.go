package chat

import (
	"strings"

	"orchrt/tokenizer/chat/pyjson"
)

// Literal text of Qwen3's template (Apache-2.0, Qwen).
const (
	qwenStart = "<|im_start|>"
	qwenEnd   = "<|im_end|>\n"

	qwenToolsHead = "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n" +
		"You are provided with function signatures within <tools></tools> XML tags:\n<tools>"
	qwenToolsTail = "\n</tools>\n\nFor each function call, return a json object with function name and arguments " +
		"within <tool_call></tool_call> XML tags:\n<tool_call>\n" +
		`{"name": <function-name>, "arguments": <args-json-object>}` + "\n</tool_call>" + qwenEnd
)

// qwen3 renders one request as Qwen3's template does. Its two revisions differ
// only in what they make of content that is no string, which never arrives here.
type qwen3 struct {
	builder
	r    *Request
	last int // index of the last real user message; thinking after it is kept
}

func renderQwen3(r *Request, added spellings) Prompt {
	q := &qwen3{builder: builder{added: added}, r: r}
	q.system()
	q.last = lastQuery(r.Messages)
	for i := range r.Messages {
		switch m := &r.Messages[i]; m.role() {
		case "user":
			q.turn("user", m.Content.String())
		case "system":
			if i > 0 {
				q.turn("system", m.Content.String())
			}
		case "assistant":
			q.assistant(i, m)
		case "tool":
			q.toolResponse(i, m)
		}
	}
	if r.AddGenerationPrompt {
		q.control(qwenStart + "assistant\n")
		if r.EnableThinking != nil && !*r.EnableThinking {
			q.control("<think>\n\n</think>\n\n")
		}
	}
	return q.prompt()
}

// system writes the first turn: a leading system message and the tools.
func (q *qwen3) system() {
	first := &q.r.Messages[0]
	given := first.role() == "system"
	if len(q.r.Tools) == 0 {
		if given {
			q.turn("system", first.Content.String())
		}
		return
	}
	q.control(qwenStart + "system\n")
	if given {
		q.user(first.Content.String())
		q.control("\n\n")
	}
	q.control(qwenToolsHead)
	for _, t := range q.r.Tools {
		q.control("\n")
		text, _ := pyjson.Reformat(t) // Validate has parsed it
		q.user(text)
	}
	q.control(qwenToolsTail)
}

func (q *qwen3) turn(role, content string) {
	q.control(qwenStart + role + "\n")
	q.user(content)
	q.control(qwenEnd)
}

// lastQuery returns the index of the last user message that is no wrapped tool
// response, or of the last message where there is none.
func lastQuery(messages []Message) int {
	for i := len(messages) - 1; i >= 0; i-- {
		if messages[i].Role != "user" {
			continue
		}
		s := messages[i].Content.String()
		if !strings.HasPrefix(s, "<tool_response>") || !strings.HasSuffix(s, "</tool_response>") {
			return i
		}
	}
	return len(messages) - 1
}

func (q *qwen3) assistant(i int, m *Message) {
	content, reasoning := m.Content.String(), ""
	if m.ReasoningContent != nil {
		reasoning = *m.ReasoningContent
	} else {
		reasoning, content = splitThinking(content)
	}
	q.control(qwenStart + "assistant\n")
	if i > q.last && (i == len(q.r.Messages)-1 || reasoning != "") {
		q.control("<think>\n")
		q.user(strings.Trim(reasoning, "\n"))
		q.control("\n</think>\n\n")
		q.user(strings.TrimLeft(content, "\n"))
	} else {
		q.user(content)
	}
	for j := range m.ToolCalls {
		if j > 0 || content != "" {
			q.control("\n")
		}
		q.toolCall(&m.ToolCalls[j])
	}
	q.control(qwenEnd)
}

// splitThinking takes apart content that holds its own thinking: the text
// before the first </think>, from its last <think> on, and the text after the
// last </think>.
func splitThinking(content string) (reasoning, rest string) {
	const open, closed = "<think>", "</think>"
	first := strings.Index(content, closed)
	if first < 0 {
		return "", content
	}
	reasoning = strings.TrimRight(content[:first], "\n")
	if i := strings.LastIndex(reasoning, open); i >= 0 {
		reasoning = reasoning[i+len(open):]
	}
	rest = content[strings.LastIndex(content, closed)+len(closed):]
	return strings.TrimLeft(reasoning, "\n"), strings.TrimLeft(rest, "\n")
}

func (q *qwen3) toolCall(c *ToolCall) {
	q.control("<tool_call>\n{\"name\": \"")
	q.user(c.Name)
	q.control("\", \"arguments\": ")
	object, text := c.arguments()
	if object != nil {
		text = string(pyjson.Append(nil, object))
	}
	q.user(text)
	q.control("}\n</tool_call>")
}

// toolResponse writes a tool's result; neighbouring ones share a user turn.
func (q *qwen3) toolResponse(i int, m *Message) {
	if i == 0 || q.r.Messages[i-1].Role != "tool" {
		q.control(qwenStart + "user")
	}
	q.control("\n<tool_response>\n")
	q.user(m.Content.String())
	q.control("\n</tool_response>")
	if i == len(q.r.Messages)-1 || q.r.Messages[i+1].Role != "tool" {
		q.control(qwenEnd)
	}
}
