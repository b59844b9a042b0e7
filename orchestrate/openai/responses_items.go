package openai

import (
	"encoding/json"
	"strconv"
	"strings"

	"orchrt/tokenizer/chat"
)

// readItems makes messages of the items of a Responses request. Reasoning, a
// message of the assistant and the calls that follow each other are one turn
// of the assistant, as the model wrote them; a second message of the assistant
// begins another one.
func readItems(path string, raw json.RawMessage) ([]chat.Message, []Decision, *Error) {
	items, err := elements(path, raw)
	if err != nil {
		return nil, nil, err
	}
	if len(items) == 0 || len(items) > maxMessages {
		return nil, nil, invalid(path, CodeInvalidValue, "%q must have from 1 to %d items, not %d", path, maxMessages, len(items))
	}
	var c conversation
	for i, it := range items {
		if err := c.item(path+"["+strconv.Itoa(i)+"]", it); err != nil {
			return nil, nil, err
		}
	}
	c.flush()
	return c.messages, c.decisions, nil
}

// conversation collects messages.
type conversation struct {
	messages  []chat.Message
	turn      bool           // the last message is an assistant's turn, which may go on
	results   []chat.Message // of calls of that turn that the server executed
	decisions []Decision
}

// Decision is what a request says about a call that waits for approval.
type Decision struct {
	Call    string // its id
	Approve bool
	Reason  string // where it does not
}

// flush ends the assistant's turn with the results of its calls.
func (c *conversation) flush() {
	if len(c.results) > 0 {
		c.messages, c.turn, c.results = append(c.messages, c.results...), false, nil
	}
}

// result adds the result of a call that the server executed.
func (c *conversation) result(id, output, failure string) {
	if failure != "" {
		output = failure
	}
	c.results = append(c.results, chat.Message{Role: "tool", ToolCallID: id, Content: chat.Text(output)})
}

// callItem adds a call that the server executed, or will.
func (c *conversation) callItem(id, name, arguments string) {
	c.call(chat.ToolCall{ID: id, Name: name, Arguments: arguments})
}

// seen tells whether the call that an approval was asked for is there already.
func (c *conversation) seen(approval string) bool {
	if approval == "" {
		return false
	}
	id := strings.TrimPrefix(approval, approvalPrefix)
	for _, m := range c.messages {
		for _, call := range m.ToolCalls {
			if call.ID == id {
				return true
			}
		}
	}
	return false
}

// add appends a message that is no part of an assistant's turn.
func (c *conversation) add(m chat.Message) {
	c.flush()
	c.messages, c.turn = append(c.messages, m), false
}

// assistant is the assistant's turn to add to.
func (c *conversation) assistant() *chat.Message {
	if !c.turn {
		c.messages = append(c.messages, chat.Message{Role: "assistant", Content: chat.MessageContent{Kind: chat.ContentNull}})
		c.turn = true
	}
	return &c.messages[len(c.messages)-1]
}

// say adds text of the assistant.
func (c *conversation) say(content chat.MessageContent) {
	c.flush()
	if c.turn && c.assistant().Content.Kind != chat.ContentNull {
		c.turn = false
	}
	c.assistant().Content = content
}

// think adds thinking of the assistant.
func (c *conversation) think(text string) {
	c.flush()
	m := c.assistant()
	if m.ReasoningContent != nil {
		text = *m.ReasoningContent + "\n" + text
	}
	m.ReasoningContent = &text
}

// call adds a call of the assistant.
func (c *conversation) call(call chat.ToolCall) {
	m := c.assistant()
	m.ToolCalls = append(m.ToolCalls, call)
}

// item adds one item.
func (c *conversation) item(path string, raw json.RawMessage) *Error {
	o, err := newObject(path, raw)
	if err != nil {
		return err
	}
	typ, ok := o.str("type")
	if _, role := o.raw("role"); !ok && role {
		typ = "message"
	}
	o.str("id")
	if s, ok := o.str("status"); ok && s != "completed" && s != "incomplete" && s != "in_progress" && s != "failed" && s != "calling" {
		o.fail(invalid(o.in("status"), CodeInvalidValue, "%q: %q is no status of an item", o.in("status"), clip(s)))
	}
	switch typ {
	case "message":
		c.message(o)
	case "reasoning":
		c.reasoning(o)
	case "function_call":
		c.functionCall(o)
	case "function_call_output":
		c.output(o)
	case "mcp_call":
		c.mcpCall(o)
	case "mcp_approval_request":
		c.mcpApproval(o)
	case "mcp_approval_response":
		c.mcpDecision(o)
	case "":
		o.fail(invalid(o.in("type"), CodeMissing, "%q is missing", o.in("type")))
	default:
		return invalid(o.in("type"), CodeUnsupported,
			"%q: %q is not supported; items may be message, reasoning, function_call, function_call_output, mcp_call, mcp_approval_request and mcp_approval_response", o.in("type"), clip(typ))
	}
	return o.done()
}

// message adds a message item.
func (c *conversation) message(o *object) {
	role, ok := o.str("role")
	switch {
	case !ok:
		o.fail(invalid(o.in("role"), CodeMissing, "%q is missing", o.in("role")))
	case role != "user" && role != "assistant" && role != "system" && role != "developer":
		o.fail(invalid(o.in("role"), CodeInvalidValue, "%q: unknown role %q; use system, developer, user or assistant", o.in("role"), clip(role)))
	}
	content := readParts(o, "content")
	o.only("phase", "the template has no place for it")
	if role == "assistant" {
		c.say(content)
		return
	}
	c.add(chat.Message{Role: role, Content: content})
}

// reasoning adds a reasoning item.
func (c *conversation) reasoning(o *object) {
	o.only("summary", "a summary is not the thinking; send \"content\"", "[]")
	o.only("encrypted_content", "only the server that made it could read it", `""`)
	raw, ok := o.raw("content")
	if !ok {
		return
	}
	parts, err := elements(o.in("content"), raw)
	if err != nil {
		o.fail(err)
	}
	var texts []string
	for i, p := range parts {
		text, err := readPart(o.in("content")+"["+strconv.Itoa(i)+"]", p, "reasoning_text")
		if err != nil {
			o.fail(err)
			return
		}
		texts = append(texts, text)
	}
	if len(texts) > 0 {
		c.think(strings.Join(texts, ""))
	}
}

// functionCall adds a function_call item.
func (c *conversation) functionCall(o *object) {
	var call chat.ToolCall
	for _, f := range []struct {
		name string
		into *string
	}{{"call_id", &call.ID}, {"name", &call.Name}, {"arguments", &call.Arguments}} {
		s, ok := o.str(f.name)
		if !ok || s == "" && f.name != "arguments" {
			o.fail(invalid(o.in(f.name), CodeMissing, "%q is missing", o.in(f.name)))
		}
		*f.into = s
	}
	o.only("namespace", "tools have no namespaces")
	o.only("caller", "the model calls directly", `{"type":"direct"}`)
	c.call(call)
}

// output adds a function_call_output item.
func (c *conversation) output(o *object) {
	m := chat.Message{Role: "tool", Content: readParts(o, "output")}
	id, ok := o.str("call_id")
	if !ok || id == "" {
		o.fail(invalid(o.in("call_id"), CodeMissing, "%q is missing", o.in("call_id")))
	}
	m.ToolCallID = id
	m.Name, _ = o.str("name")
	o.only("namespace", "tools have no namespaces")
	o.only("caller", "the model calls directly", `{"type":"direct"}`)
	c.add(m)
}

// readParts reads a text, or an array of texts.
func readParts(o *object, name string) chat.MessageContent {
	raw, ok := o.raw(name)
	switch {
	case !ok:
		o.fail(invalid(o.in(name), CodeMissing, "%q is missing", o.in(name)))
		return chat.MessageContent{}
	case raw[0] == '"':
		return chat.Text(unquote(raw))
	case raw[0] != '[':
		o.fail(wrongType(o.in(name), "a string or an array of parts", raw))
		return chat.MessageContent{}
	}
	items, err := elements(o.in(name), raw)
	if err != nil {
		o.fail(err)
	}
	content := chat.MessageContent{Kind: chat.ContentParts}
	for i, it := range items {
		text, err := readPart(o.in(name)+"["+strconv.Itoa(i)+"]", it, "input_text", "output_text")
		if err != nil {
			o.fail(err)
			break
		}
		content.Parts = append(content.Parts, text)
	}
	return content
}

// readPart reads a part that holds text, of one of the types.
func readPart(path string, raw json.RawMessage, types ...string) (string, *Error) {
	o, err := newObject(path, raw)
	if err != nil {
		return "", err
	}
	typ, ok := o.str("type")
	known := false
	for _, t := range types {
		known = known || t == typ
	}
	switch {
	case o.err != nil:
		return "", o.err
	case !ok:
		return "", invalid(o.in("type"), CodeMissing, "%q is missing", o.in("type"))
	case !known:
		return "", invalid(o.in("type"), CodeUnsupported, "%q: %q is not supported here, only %s; the model takes text only",
			o.in("type"), clip(typ), strings.Join(types, " and "))
	}
	text, ok := o.str("text")
	if !ok {
		o.fail(invalid(o.in("text"), CodeMissing, "%q is missing", o.in("text")))
	}
	if typ == "output_text" {
		o.only("annotations", "the template has no place for it", "[]")
		if raw, ok := o.raw("logprobs"); ok && raw[0] != '[' { // of an answer that comes back: no part of its text
			o.fail(wrongType(o.in("logprobs"), "an array", raw))
		}
	}
	if typ == "input_text" {
		o.only("prompt_cache_breakpoint", "the prefix cache holds every prompt without being asked")
	}
	return text, o.done()
}
