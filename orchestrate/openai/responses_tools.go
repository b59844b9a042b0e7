package openai

import (
	"encoding/json"
	"strconv"
	"strings"
)

// responseName is what a Responses request calls a field of chat completions.
func responseName(param string) string {
	for _, p := range []struct{ chat, here string }{
		{"messages", "input"}, {"reasoning_effort", "reasoning.effort"}, {"chat_template_kwargs.enable_thinking", "reasoning.effort"},
		{"response_format.json_schema", "text.format"}, {"response_format", "text.format"},
		{"tool_choice.allowed_tools", "tool_choice"},
	} {
		if rest, ok := strings.CutPrefix(param, p.chat); ok {
			param = p.here + rest
			break
		}
	}
	if strings.HasPrefix(param, "tool") {
		param = strings.Replace(param, ".function", "", 1)
	}
	return param
}

// readTools reads tools, tool_choice, parallel_tool_calls and text.format, whose
// JSON is flat where chat completions nests it.
func (r *ResponsesRequest) readTools(o *object) {
	var c Constraint
	r.echo.Tools, r.echo.ToolChoice = []any{}, json.RawMessage(`"auto"`)
	if raw, ok := o.raw("tools"); ok {
		items, err := elements("tools", raw)
		if err == nil && len(items) > maxTools {
			err = invalid("tools", CodeInvalidValue, "%q has %d tools, at most %d are allowed", "tools", len(items), maxTools)
		}
		if err != nil {
			o.fail(err)
			return
		}
		for i, it := range items {
			nested, err := r.tool("tools["+strconv.Itoa(i)+"]", it)
			if err != nil {
				o.fail(err)
				return
			}
			if nested == nil { // tools of the server
				continue
			}
			c.Tools = append(c.Tools, nested)
		}
	}
	if raw, ok := o.raw("tool_choice"); ok {
		nested, err := nestChoice(raw)
		if err != nil {
			o.fail(err)
		}
		c.Choice, r.echo.ToolChoice = nested, raw
	}
	if raw, ok := o.raw("parallel_tool_calls"); ok {
		c.Parallel = raw
	}
	r.echo.Parallel = o.boolean("parallel_tool_calls", true)
	if o.err == nil {
		c.Format = r.readText(o)
	}
	if o.err != nil {
		return
	}
	if err := r.Chat.Constrain(c); err != nil {
		o.fail(err.Rename(responseName))
	}
}

// tool nests one flat tool; nil for tools of the server.
func (r *ResponsesRequest) tool(path string, raw json.RawMessage) (json.RawMessage, *Error) {
	o, err := newObject(path, raw)
	if err != nil {
		return nil, err
	}
	typ, ok := o.str("type")
	switch {
	case o.err != nil:
		return nil, o.err
	case !ok:
		return nil, invalid(o.in("type"), CodeMissing, "%q is missing", o.in("type"))
	case typ == "mcp":
		return nil, r.serverTools(o)
	case typ != "function":
		return nil, invalid(o.in("type"), CodeUnsupported, "%q: %q is not supported; there are function tools, and mcp for those of the server", o.in("type"), clip(typ))
	}
	t := responseTool{Type: "function", Strict: o.boolean("strict", false)}
	t.Name, _ = o.str("name")
	if s, ok := o.str("description"); ok {
		t.Description = &s
	}
	t.Parameters, _ = o.raw("parameters")
	o.only("output_schema", "results are not checked")
	o.only("defer_loading", "tools are not searched for", "false")
	o.only("allowed_callers", "the model calls directly", `["direct"]`)
	if err := o.done(); err != nil {
		return nil, err
	}
	r.echo.Tools = append(r.echo.Tools, t)
	return nest("function", o, "name", "description", "parameters", "strict"), nil
}

// nest is {"type": kind, kind: {…}} with those of the fields that are there.
func nest(kind string, o *object, fields ...string) json.RawMessage {
	out := []byte(`{"type":"` + kind + `","` + kind + `":{`)
	comma := ""
	for _, name := range fields {
		if raw, ok := o.raw(name); ok {
			out = append(out, comma+`"`+name+`":`...)
			out = append(out, raw...)
			comma = ","
		}
	}
	return append(out, "}}"...)
}

// nestChoice nests a flat tool_choice; strings stay as they are.
func nestChoice(raw json.RawMessage) (json.RawMessage, *Error) {
	if raw[0] == '"' {
		return raw, nil
	}
	o, err := newObject("tool_choice", raw)
	if err != nil {
		return nil, wrongType("tool_choice", "a string or an object", raw)
	}
	switch typ, _ := o.str("type"); typ {
	case "function", "mcp":
		o.raw("name")
		o.raw("server_label")
		return nest("function", o, "name"), o.done()
	case "allowed_tools":
		return nestAllowed(o)
	}
	path := "tool_choice.type"
	typ, _ := o.raw("type")
	return nil, invalid(path, CodeUnsupported, "%q may be \"function\" or \"allowed_tools\", not %s", path, clip(string(typ)))
}

// nestAllowed nests the tools of a choice among some of them.
func nestAllowed(o *object) (json.RawMessage, *Error) {
	raw, ok := o.raw("tools")
	if !ok {
		return nil, invalid(o.in("tools"), CodeMissing, "%q is missing", o.in("tools"))
	}
	items, err := elements(o.in("tools"), raw)
	if err != nil {
		return nil, err
	}
	for i, it := range items {
		t, err := newObject(o.in("tools")+"["+strconv.Itoa(i)+"]", it)
		if err != nil {
			return nil, err
		}
		if typ, _ := t.str("type"); typ != "function" {
			return nil, invalid(t.in("type"), CodeInvalidValue, "%q must be %q", t.in("type"), "function")
		}
		t.raw("name")
		if err := t.done(); err != nil {
			return nil, err
		}
		items[i] = nest("function", t, "name")
	}
	o.raw("mode")
	if err := o.done(); err != nil {
		return nil, err
	}
	for i := range o.fields {
		if o.fields[i].name == "tools" {
			o.fields[i].raw = array(items)
		}
	}
	return nest("allowed_tools", o, "mode", "tools"), nil
}

// readText reads text and returns its format as a response_format.
func (r *ResponsesRequest) readText(o *object) json.RawMessage {
	r.echo.Text = responseText{Format: json.RawMessage(`{"type":"text"}`), Verbosity: "medium"}
	raw, ok := o.raw("text")
	if !ok {
		return nil
	}
	t, err := newObject("text", raw)
	if err != nil {
		o.fail(err)
		return nil
	}
	t.only("verbosity", "the model has no such control", `"medium"`)
	format, given := t.raw("format")
	if err := t.done(); err != nil {
		o.fail(err)
	}
	if !given || o.err != nil {
		return nil
	}
	r.echo.Text.Format = format
	f, err := newObject("text.format", format)
	if err != nil {
		o.fail(err)
		return nil
	}
	if typ, _ := f.str("type"); typ != "json_schema" {
		return format
	}
	for _, name := range []string{"name", "description", "schema", "strict"} {
		f.raw(name)
	}
	if err := f.done(); err != nil {
		o.fail(err)
		return nil
	}
	return nest("json_schema", f, "name", "description", "schema", "strict")
}
