package anthropic

import (
	"encoding/json"
	"strconv"

	"orchrt/orchestrate/openai"
	"orchrt/tokenizer/chat"
)

// readMessages reads the conversation. Messages of one role that follow each
// other are one message, as if all blocks stood in the first.
func (r *Request) readMessages(o openai.Reader) {
	raw, ok := o.Raw("messages")
	if !ok {
		o.Fail(openai.Invalid("messages", openai.CodeMissing, `"messages" is missing`))
		return
	}
	items, err := openai.ReadArray("messages", raw)
	if err == nil && (len(items) == 0 || len(items) > maxMessages) {
		err = openai.Invalid("messages", openai.CodeInvalidValue, "%q must have from 1 to %d messages, not %d", "messages", maxMessages, len(items))
	}
	if err != nil {
		o.Fail(err)
		return
	}
	c := conversation{messages: r.Chat.Messages}
	for i, it := range items {
		if err := c.message("messages["+strconv.Itoa(i)+"]", it); err != nil {
			o.Fail(err)
			return
		}
	}
	if c.role == "assistant" {
		o.Fail(openai.Invalid("messages", openai.CodeUnsupported, `"messages" may not end with a message of the assistant: an answer that has been begun is not continued`))
	}
	c.end()
	r.Chat.Messages = c.messages
}

// conversation collects messages in chat completions' form.
type conversation struct {
	messages []chat.Message
	role     string // of the message at work

	texts    []string // of it
	thinking []string
	calls    []chat.ToolCall
}

// end completes the message at work.
func (c *conversation) end() {
	m := chat.Message{Role: c.role, ToolCalls: c.calls}
	if len(c.thinking) > 0 {
		text := join(c.thinking)
		m.ReasoningContent = &text
	}
	switch {
	case len(c.texts) > 0:
		m.Content = parts(c.texts)
	case c.role != "assistant":
		return // results only, which are messages of their own
	default:
		m.Content.Kind = chat.ContentNull
	}
	c.messages = append(c.messages, m)
	c.texts, c.thinking, c.calls = nil, nil, nil
}

// join puts the texts of several thinking blocks on lines of their own.
func join(texts []string) string {
	s := texts[0]
	for _, t := range texts[1:] {
		s += "\n" + t
	}
	return s
}

// parts is content of one text, or of several.
func parts(texts []string) chat.MessageContent {
	if len(texts) == 1 {
		return chat.Text(texts[0])
	}
	return chat.MessageContent{Kind: chat.ContentParts, Parts: texts}
}

// message reads one message.
func (c *conversation) message(path string, raw json.RawMessage) *openai.Error {
	o, err := openai.ReadObject(path, raw)
	if err != nil {
		return err
	}
	role, ok := o.String("role")
	switch {
	case !ok:
		o.Fail(openai.Invalid(o.In("role"), openai.CodeMissing, "%q is missing", o.In("role")))
	case role != "user" && role != "assistant" && role != "system":
		o.Fail(openai.Invalid(o.In("role"), openai.CodeInvalidValue, "%q: unknown role %q; use user, assistant or system", o.In("role"), openai.Clip(role)))
	case role != c.role:
		if c.role != "" {
			c.end()
		}
		c.role = role
	}
	content, ok := o.Raw("content")
	switch {
	case !ok:
		o.Fail(openai.Invalid(o.In("content"), openai.CodeMissing, "%q is missing", o.In("content")))
	case content[0] == '"':
		c.texts = append(c.texts, openai.Unquote(content))
	case content[0] == '[':
		o.Fail(c.blocks(o.In("content"), content))
	default:
		o.Fail(openai.WrongType(o.In("content"), "a string or an array of content blocks", content))
	}
	return o.Done()
}

// blocks reads the content blocks of a message.
func (c *conversation) blocks(path string, raw json.RawMessage) *openai.Error {
	items, err := openai.ReadArray(path, raw)
	if err != nil {
		return err
	}
	if len(items) == 0 {
		return openai.Invalid(path, openai.CodeInvalidValue, "%q is empty: it needs one content block at least", path)
	}
	for i, it := range items {
		if err := c.block(path+"["+strconv.Itoa(i)+"]", it); err != nil {
			return err
		}
	}
	return nil
}

// block reads one content block.
func (c *conversation) block(path string, raw json.RawMessage) *openai.Error {
	o, err := openai.ReadObject(path, raw)
	if err != nil {
		return err
	}
	typ, ok := o.String("type")
	if !ok {
		o.Fail(openai.Invalid(o.In("type"), openai.CodeMissing, "%q is missing", o.In("type")))
		return o.Err()
	}
	mine := map[string]string{"text": c.role, "tool_result": "user", "tool_use": "assistant", "thinking": "assistant", "redacted_thinking": "assistant"}
	switch role := mine[typ]; {
	case role == "":
		return openai.Invalid(o.In("type"), openai.CodeUnsupported,
			"%q: %q is not supported; blocks may be text, tool_use, tool_result and thinking, the model takes text only", o.In("type"), openai.Clip(typ))
	case role != c.role:
		return openai.Invalid(o.In("type"), openai.CodeInvalidValue, "%q: a %s block may only stand in a message of role %q", o.In("type"), typ, role)
	}
	switch typ {
	case "text":
		c.texts = append(c.texts, readText(o))
	case "thinking":
		c.thinking = append(c.thinking, need(o, "thinking"))
		o.String("signature")
	case "redacted_thinking":
		need(o, "data")
	case "tool_use":
		c.toolUse(o)
	case "tool_result":
		c.toolResult(o)
	}
	return o.Done()
}

// need reads a string that must be there.
func need(o openai.Reader, name string) string {
	s, ok := o.String(name)
	if !ok {
		o.Fail(openai.Invalid(o.In(name), openai.CodeMissing, "%q is missing", o.In(name)))
	}
	return s
}

// readText reads the fields of a text block.
func readText(o openai.Reader) string {
	text := need(o, "text")
	o.Only("citations", "the template has no place for them", "[]")
	openai.ReadCacheControl(o)
	return text
}

// toolUse reads a call.
func (c *conversation) toolUse(o openai.Reader) {
	call := chat.ToolCall{ID: need(o, "id"), Name: need(o, "name")}
	if call.Name == "" && o.Err() == nil {
		o.Fail(openai.Invalid(o.In("name"), openai.CodeInvalidValue, "%q is empty", o.In("name")))
	}
	input, ok := o.Raw("input")
	switch {
	case !ok:
		o.Fail(openai.Invalid(o.In("input"), openai.CodeMissing, "%q is missing", o.In("input")))
	case input[0] != '{':
		o.Fail(openai.WrongType(o.In("input"), "an object", input))
	}
	call.Arguments = string(input)
	o.Only("caller", "the model calls directly", `{"type":"direct"}`)
	o.Only("toolset_name", "there are no toolsets")
	openai.ReadCacheControl(o)
	c.calls = append(c.calls, call)
}

// toolResult reads the result of a call, which is a message of its own.
func (c *conversation) toolResult(o openai.Reader) {
	m := chat.Message{Role: "tool", ToolCallID: need(o, "tool_use_id"), Content: chat.Text("")}
	raw, ok := o.Raw("content")
	switch {
	case !ok:
	case raw[0] == '"':
		m.Content = chat.Text(openai.Unquote(raw))
	case raw[0] == '[':
		texts, err := readTexts(o.In("content"), raw)
		o.Fail(err)
		m.Content = parts(texts)
	default:
		o.Fail(openai.WrongType(o.In("content"), "a string or an array of text blocks", raw))
	}
	if o.Bool("is_error", false) {
		m.Content = chat.Text("Error: " + m.Content.String())
	}
	o.Only("toolset_name", "there are no toolsets")
	openai.ReadCacheControl(o)
	if len(c.texts) > 0 {
		c.end()
	}
	c.messages = append(c.messages, m)
}

// readTexts reads an array of text blocks.
func readTexts(path string, raw json.RawMessage) ([]string, *openai.Error) {
	items, err := openai.ReadArray(path, raw)
	if err != nil {
		return nil, err
	}
	texts := make([]string, len(items))
	for i, it := range items {
		o, err := openai.ReadObject(path+"["+strconv.Itoa(i)+"]", it)
		if err != nil {
			return nil, err
		}
		if typ, _ := o.String("type"); typ != "text" && o.Err() == nil {
			return nil, openai.Invalid(o.In("type"), openai.CodeUnsupported, "%q: %q is not supported here; the model takes text only", o.In("type"), openai.Clip(typ))
		}
		texts[i] = readText(o)
		if err := o.Done(); err != nil {
			return nil, err
		}
	}
	return texts, nil
}
