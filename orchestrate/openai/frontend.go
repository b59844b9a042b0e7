package openai

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// Constraint holds what another API's request says about tools and the form of
// the answer, in the JSON of chat completions. Absent fields are nil.
type Constraint struct {
	Tools    []json.RawMessage
	Choice   json.RawMessage // tool_choice
	Parallel json.RawMessage // parallel_tool_calls
	Format   json.RawMessage // response_format
}

// Constrain reads c into r just as ParseChat reads these fields.
func (r *ChatRequest) Constrain(c Constraint) *Error {
	o := &object{}
	if c.Tools != nil {
		o.fields = append(o.fields, field{name: "tools", raw: array(c.Tools)})
	}
	for _, f := range []field{
		{name: "tool_choice", raw: c.Choice}, {name: "parallel_tool_calls", raw: c.Parallel}, {name: "response_format", raw: c.Format}} {
		if f.raw != nil {
			o.fields = append(o.fields, f)
		}
	}
	r.readTools(o)
	return o.err
}

// array is the JSON array of items.
func array(items []json.RawMessage) json.RawMessage {
	parts := make([][]byte, len(items))
	for i, it := range items {
		parts[i] = it
	}
	return append(append([]byte("["), bytes.Join(parts, []byte(","))...), ']')
}

// Rename is err with the field, which chat completions calls so, as name calls
// it: in Param and where the message quotes it.
func (e *Error) Rename(name func(string) string) *Error {
	if e == nil || e.Param == "" {
		return e
	}
	renamed := *e
	renamed.Param = name(e.Param)
	renamed.Message = strings.ReplaceAll(e.Message, strconv.Quote(e.Param), strconv.Quote(renamed.Param))
	return &renamed
}
