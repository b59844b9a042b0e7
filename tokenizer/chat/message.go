package chat

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"orchrt/tokenizer/chat/pyjson"
)

// Message is one turn of a conversation.
type Message struct {
	Role             string // system, developer, user, assistant or tool
	Content          MessageContent
	ReasoningContent *string    // an assistant's thinking; nil: not given
	ToolCalls        []ToolCall // an assistant's
	ToolCallID, Name string
}

// ContentKind says which form a message's content has.
type ContentKind int

// The forms of content.
const (
	ContentMissing ContentKind = iota // no such key
	ContentNull                       // null
	ContentText                       // a string
	ContentParts                      // an array of text parts
)

// MessageContent is a message's content: missing, null, a string or text parts.
type MessageContent struct {
	Kind  ContentKind
	Text  string   // of ContentText
	Parts []string // the texts of ContentParts
}

// Text returns content that is the string s.
func Text(s string) MessageContent { return MessageContent{Kind: ContentText, Text: s} }

// String returns what a template renders: the text, the concatenated parts, or
// "" where there is no content.
func (c MessageContent) String() string {
	if c.Kind == ContentParts {
		return strings.Join(c.Parts, "")
	}
	return c.Text
}

// ToolCall is one call an assistant made.
type ToolCall struct {
	ID, Name  string
	Arguments string // JSON text with key order kept; any text a client sent as a string
}

// UnmarshalJSON reads a message of an OpenAI request. "reasoning" is accepted
// for "reasoning_content". Errors are *FieldError with the field inside the
// message; invalid UTF-8 and lone surrogates are such errors.
func (m *Message) UnmarshalJSON(data []byte) error {
	v, err := pyjson.Parse(data)
	if err != nil {
		return fieldError("", "%v", err)
	}
	o, ok := v.(*pyjson.Object)
	if !ok {
		return fieldError("", "must be an object")
	}
	*m = Message{}
	if m.Content, err = readContent(o); err != nil {
		return err
	}
	for _, f := range []struct {
		key  string
		into *string
	}{{"role", &m.Role}, {"tool_call_id", &m.ToolCallID}, {"name", &m.Name}} {
		if err := readString(o, f.key, f.into); err != nil {
			return err
		}
	}
	for _, key := range []string{"reasoning", "reasoning_content"} {
		if v, ok := o.Get(key); ok && v != nil {
			s, ok := v.(string)
			if !ok {
				return fieldError(key, "must be a string or null")
			}
			m.ReasoningContent = &s
		}
	}
	if m.ToolCalls, err = readToolCalls(o); err != nil {
		return err
	}
	return m.Validate()
}

// readString reads a string or null.
func readString(o *pyjson.Object, key string, into *string) error {
	v, ok := o.Get(key)
	if !ok || v == nil {
		return nil
	}
	s, ok := v.(string)
	if !ok {
		return fieldError(key, "must be a string")
	}
	*into = s
	return nil
}

func readContent(o *pyjson.Object) (MessageContent, error) {
	v, ok := o.Get("content")
	if !ok {
		return MessageContent{}, nil
	}
	switch v := v.(type) {
	case nil:
		return MessageContent{Kind: ContentNull}, nil
	case string:
		return Text(v), nil
	case []any:
		c := MessageContent{Kind: ContentParts, Parts: make([]string, len(v))}
		for i, part := range v {
			text, err := readPart(part)
			if err != nil {
				return c, within(fmt.Sprintf("content[%d]", i), err)
			}
			c.Parts[i] = text
		}
		return c, nil
	}
	return MessageContent{}, fieldError("content", "must be a string, null or an array of text parts")
}

func readPart(v any) (string, error) {
	o, ok := v.(*pyjson.Object)
	if !ok {
		return "", fieldError("", "must be an object")
	}
	kind, ok := o.Get("type")
	if !ok {
		return "", fieldError("type", "missing")
	}
	if kind != "text" {
		return "", fieldError("type", "%s is not supported; only text parts are", pyjson.Append(nil, kind))
	}
	text, _ := o.Get("text")
	s, ok := text.(string)
	if !ok {
		return "", fieldError("text", "must be a string")
	}
	return s, nil
}

func readToolCalls(o *pyjson.Object) ([]ToolCall, error) {
	v, ok := o.Get("tool_calls")
	if !ok || v == nil {
		return nil, nil
	}
	list, ok := v.([]any)
	if !ok {
		return nil, fieldError("tool_calls", "must be an array")
	}
	calls := make([]ToolCall, len(list))
	for i, c := range list {
		var err error
		if calls[i], err = readToolCall(c); err != nil {
			return nil, within(fmt.Sprintf("tool_calls[%d]", i), err)
		}
	}
	return calls, nil
}

func readToolCall(v any) (ToolCall, error) {
	var call ToolCall
	o, ok := v.(*pyjson.Object)
	if !ok {
		return call, fieldError("", "must be an object")
	}
	if err := readString(o, "id", &call.ID); err != nil {
		return call, err
	}
	if kind, ok := o.Get("type"); ok && kind != nil && kind != "function" {
		return call, fieldError("type", `must be "function"`)
	}
	f, _ := o.Get("function")
	fn, ok := f.(*pyjson.Object)
	if !ok {
		return call, fieldError("function", "must be an object")
	}
	if err := readString(fn, "name", &call.Name); err != nil {
		return call, within("function", err)
	}
	switch args := fn.Values["arguments"].(type) {
	case nil:
	case string:
		call.Arguments = args
	case *pyjson.Object:
		call.Arguments = string(pyjson.Append(nil, args))
	default:
		return call, fieldError("function.arguments", "must be a string or an object")
	}
	return call, nil
}

// Validate reports the first fault of the message as a *FieldError with the
// field inside the message.
func (m *Message) Validate() error {
	switch m.Role {
	case "system", "developer", "user", "assistant", "tool":
	case "":
		return fieldError("role", "missing")
	default:
		return fieldError("role", "unknown role %q; use system, developer, user, assistant or tool", m.Role)
	}
	if err := m.validateContent(); err != nil {
		return err
	}
	if m.Role != "assistant" && len(m.ToolCalls) > 0 {
		return fieldError("tool_calls", "only an assistant message can have tool calls, not one of role %q", m.Role)
	}
	for i, c := range m.ToolCalls {
		if c.Name == "" {
			return fieldError(fmt.Sprintf("tool_calls[%d].function.name", i), "must be a non-empty string")
		}
	}
	return m.validateText()
}

// validateContent checks that there is content where there must be: everywhere
// but in an assistant's message with tool calls or with an explicit null.
func (m *Message) validateContent() error {
	switch {
	case m.Content.Kind >= ContentText:
		return nil
	case m.Role != "assistant" && m.Content.Kind == ContentNull:
		return fieldError("content", "null; a message of role %q needs content", m.Role)
	case m.Role == "assistant" && (m.Content.Kind == ContentNull || len(m.ToolCalls) > 0):
		return nil
	}
	return fieldError("content", "missing")
}

// validateText checks that every text is valid UTF-8, which a message made in
// Go need not be.
func (m *Message) validateText() error {
	for _, f := range []struct{ field, text string }{{"content", m.Content.Text}, {"name", m.Name}, {"tool_call_id", m.ToolCallID}} {
		if !utf8.ValidString(f.text) {
			return fieldError(f.field, "invalid UTF-8")
		}
	}
	for i, part := range m.Content.Parts {
		if !utf8.ValidString(part) {
			return fieldError(fmt.Sprintf("content[%d].text", i), "invalid UTF-8")
		}
	}
	if m.ReasoningContent != nil && !utf8.ValidString(*m.ReasoningContent) {
		return fieldError("reasoning_content", "invalid UTF-8")
	}
	for i, c := range m.ToolCalls {
		for _, f := range []struct{ field, text string }{{"id", c.ID}, {"function.name", c.Name}, {"function.arguments", c.Arguments}} {
			if !utf8.ValidString(f.text) {
				return fieldError(fmt.Sprintf("tool_calls[%d].%s", i, f.field), "invalid UTF-8")
			}
		}
	}
	return nil
}

// role returns the role that templates know.
func (m *Message) role() string {
	if m.Role == "developer" {
		return "system"
	}
	return m.Role
}

// arguments returns a call's arguments as an object, or, where they are no
// JSON object, as the text they are.
func (c *ToolCall) arguments() (*pyjson.Object, string) {
	if strings.Trim(c.Arguments, " \t\r\n") == "" {
		return pyjson.NewObject(), ""
	}
	if v, err := pyjson.ParsePython(c.Arguments); err == nil {
		if o, ok := v.(*pyjson.Object); ok {
			return o, ""
		}
	}
	return nil, c.Arguments
}
