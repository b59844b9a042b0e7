package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"unicode/utf8"

	"orchrt/tokenizer/chat/pyjson"
)

// FieldError names the field of a request that is wrong, and how.
type FieldError struct {
	Field  string // as in messages[2].role; empty for the request as a whole
	Reason string
}

func (e *FieldError) Error() string {
	if e.Field == "" {
		return e.Reason
	}
	return e.Field + ": " + e.Reason
}

func fieldError(field, format string, args ...any) error {
	return &FieldError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// within puts the field of a FieldError below parent.
func within(parent string, err error) error {
	var f *FieldError
	if !errors.As(err, &f) {
		return fieldError(parent, "%v", err)
	}
	switch {
	case f.Field == "":
		return &FieldError{Field: parent, Reason: f.Reason}
	case strings.HasPrefix(f.Field, "["):
		return &FieldError{Field: parent + f.Field, Reason: f.Reason}
	}
	return &FieldError{Field: parent + "." + f.Field, Reason: f.Reason}
}

// Tool is one entry of a request's tools: its own JSON, key order kept.
type Tool = json.RawMessage

// Request is what a chat template renders.
type Request struct {
	Messages            []Message
	Tools               []Tool
	AddGenerationPrompt bool
	EnableThinking      *bool                      // nil: not said
	Kwargs              map[string]json.RawMessage // further variables of the template
}

// reserved names the variables that Kwargs may not replace.
var reserved = map[string]bool{
	"messages": true, "tools": true, "documents": true, "add_generation_prompt": true,
	"bos_token": true, "eos_token": true, "enable_thinking": true, "loop": true, "self": true,
}

// ParseRequest reads what matters here from the body of an OpenAI
// chat-completions request: messages, tools, chat_template_kwargs, and, as other
// servers accept them, add_generation_prompt (true when absent) and
// enable_thinking. Other fields are left to the caller. The result is valid;
// errors are *FieldError.
func ParseRequest(body []byte) (Request, error) {
	var r Request
	err := r.UnmarshalJSON(body)
	return r, err
}

// UnmarshalJSON is ParseRequest.
func (r *Request) UnmarshalJSON(body []byte) error {
	if i := invalidUTF8(body); i >= 0 {
		return fieldError("", "invalid UTF-8 at byte %d of the request", i)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(body, &fields); err != nil {
		return fieldError("", "the request is not a JSON object: %v", err)
	}
	*r = Request{AddGenerationPrompt: true}
	for _, read := range []func(map[string]json.RawMessage) error{r.readMessages, r.readTools, r.readSwitches, r.readKwargs} {
		if err := read(fields); err != nil {
			return err
		}
	}
	return r.Validate()
}

// invalidUTF8 returns the offset of the first invalid byte, or -1.
func invalidUTF8(b []byte) int {
	for i := 0; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n <= 1 {
			return i
		}
		i += n
	}
	return -1
}

func (r *Request) readMessages(fields map[string]json.RawMessage) error {
	raw, ok := fields["messages"]
	if !ok {
		return fieldError("messages", "missing")
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil || list == nil {
		return fieldError("messages", "must be an array")
	}
	r.Messages = make([]Message, len(list))
	for i, m := range list {
		if err := r.Messages[i].UnmarshalJSON(m); err != nil {
			return within(fmt.Sprintf("messages[%d]", i), err)
		}
	}
	return nil
}

func (r *Request) readTools(fields map[string]json.RawMessage) error {
	raw, ok := fields["tools"]
	if !ok || string(raw) == "null" {
		return nil
	}
	if err := json.Unmarshal(raw, &r.Tools); err != nil {
		return fieldError("tools", "must be an array")
	}
	return nil
}

func (r *Request) readSwitches(fields map[string]json.RawMessage) error {
	if raw, ok := fields["add_generation_prompt"]; ok && string(raw) != "null" {
		if err := json.Unmarshal(raw, &r.AddGenerationPrompt); err != nil {
			return fieldError("add_generation_prompt", "must be true or false")
		}
	}
	if raw, ok := fields["enable_thinking"]; ok {
		if err := json.Unmarshal(raw, &r.EnableThinking); err != nil {
			return fieldError("enable_thinking", "must be true or false")
		}
	}
	return nil
}

func (r *Request) readKwargs(fields map[string]json.RawMessage) error {
	raw, ok := fields["chat_template_kwargs"]
	if !ok || string(raw) == "null" {
		return nil
	}
	if err := json.Unmarshal(raw, &r.Kwargs); err != nil {
		return fieldError("chat_template_kwargs", "must be an object")
	}
	if raw, ok := r.Kwargs["enable_thinking"]; ok {
		if err := json.Unmarshal(raw, &r.EnableThinking); err != nil {
			return fieldError("chat_template_kwargs.enable_thinking", "must be true or false")
		}
		delete(r.Kwargs, "enable_thinking")
	}
	return nil
}

// Validate reports the first fault of the request as a *FieldError.
func (r *Request) Validate() error {
	if len(r.Messages) == 0 {
		return fieldError("messages", "must have at least one message")
	}
	for i := range r.Messages {
		if err := r.Messages[i].Validate(); err != nil {
			return within(fmt.Sprintf("messages[%d]", i), err)
		}
	}
	for i, t := range r.Tools {
		if err := validateTool(t); err != nil {
			return within(fmt.Sprintf("tools[%d]", i), err)
		}
	}
	names := make([]string, 0, len(r.Kwargs))
	for name := range r.Kwargs {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if reserved[name] {
			return fieldError("chat_template_kwargs."+name, "may not be set here; use the request's own field")
		}
		if _, err := pyjson.Parse(r.Kwargs[name]); err != nil {
			return fieldError("chat_template_kwargs."+name, "%v", err)
		}
	}
	return nil
}

// validateTool checks that a tool is an OpenAI function tool.
func validateTool(t Tool) error {
	v, err := pyjson.Parse(t)
	if err != nil {
		return err
	}
	o, ok := v.(*pyjson.Object)
	if !ok {
		return fieldError("", "must be an object")
	}
	if kind, ok := o.Get("type"); !ok || kind != "function" {
		return fieldError("type", `must be "function"`)
	}
	f, _ := o.Get("function")
	fn, ok := f.(*pyjson.Object)
	if !ok {
		return fieldError("function", "must be an object")
	}
	name, _ := fn.Get("name")
	if s, ok := name.(string); !ok || s == "" {
		return fieldError("function.name", "must be a non-empty string")
	}
	return nil
}
