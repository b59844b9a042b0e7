package profile

import (
	"encoding/json"
	"strconv"
	"strings"

	"orchrt/orchestrate"
	"orchrt/tokenizer/chat"
)

// The marks between which the number of a message stands when a conversation is
// counted. The release draws them anew each time.
const (
	markOpen  = "k8#Qz2@Lw5^Td7m"
	markClose = "v3&Hn9!Bx6*Rj1p"
)

// middle leaves out messages of the middle until tools and messages have at most
// limit tokens, counted as the release does: as Python prints them. Messages
// whose text is complete in the first half of the tokens stay, and those of
// which the second half has the end.
func middle(tok orchestrate.Tokenizer, messages []chat.Message, tools []json.RawMessage, limit int) ([]chat.Message, error) {
	list, err := pyTools(tools)
	if err != nil {
		return nil, err
	}
	n, err := count(tok, list)
	if err != nil {
		return nil, err
	}
	limit -= n
	var b strings.Builder
	for i, m := range messages {
		b.WriteString(pyMessage(m) + markOpen + strconv.Itoa(i) + markClose)
	}
	ids, err := tok.Encode(b.String(), false)
	if err != nil || len(ids) <= limit {
		return messages, err
	}
	// As Python divides: [:n//2] and [-n//2:], the latter of -n.
	half := max(limit/2, 0)
	back := max((limit+1)/2, 0)
	first, last := 0, len(messages)-1 // what stays of the ends in any case
	if _, after, ok := lastCut(decode(tok, ids[:half]), markOpen); ok {
		if i, ok := digits(after); ok && i < len(messages) {
			first = i
		}
	}
	before, _, ok := strings.Cut(decode(tok, ids[len(ids)-back:]), markClose)
	if _, number, found := lastCut(before, markOpen); ok && found {
		if i, ok := digits(number); ok && i < len(messages) {
			last = i
		}
	}
	last = max(last, first+1)
	out := append([]chat.Message(nil), messages[:first+1]...)
	return append(out, messages[min(last, len(messages)):]...), nil
}

// decode is the text of tokens.
func decode(tok orchestrate.Tokenizer, ids []int32) string {
	var b []byte
	for _, id := range ids {
		b = append(b, tok.Bytes(id)...)
	}
	return string(b)
}

// pyMessage is a message as the release prints it.
func pyMessage(m chat.Message) string {
	content := pyString(m.Content.String())
	if m.Content.Kind < chat.ContentText {
		content = "None"
	}
	s := "{'role': " + pyString(m.Role) + ", 'content': " + content
	switch m.Role {
	case "assistant":
		s += ", 'tool_calls': "
		if len(m.ToolCalls) == 0 {
			return s + "None}"
		}
		for i, c := range m.ToolCalls {
			sep := ", "
			if i == 0 {
				sep = "["
			}
			name := pyString(c.Name)
			s += sep + "{'id': " + pyString(c.ID) + ", 'name': " + name + ", 'function': {'name': " + name + ", 'arguments': " +
				pyString(pyASCII(c.Arguments)) + "}, 'type': 'function'}"
		}
		return s + "]}"
	case "tool":
		return s + ", 'tool_call_id': " + pyString(m.ToolCallID) + "}"
	}
	return s + "}"
}
