package openai

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"orchrt/sampler/grammar"
)

// readTools reads tools, tool_choice, parallel_tool_calls and response_format.
func (r *ChatRequest) readTools(o *object) {
	if raw, ok := o.raw("tools"); ok {
		tools, err := parseTools(raw)
		if err != nil {
			o.fail(err)
			return
		}
		r.Turn.Tools = tools
		r.Tools, _ = elements("tools", raw)
	}
	if raw, ok := o.raw("tool_choice"); ok {
		o.fail(r.readChoice(raw))
	}
	r.Turn.Single = !o.boolean("parallel_tool_calls", true)
	if raw, ok := o.raw("response_format"); ok {
		f, err := parseFormat(raw)
		if err != nil {
			o.fail(err)
		}
		r.Turn.Response = f
	}
}

// calls reports that the answer may hold calls.
func (r *ChatRequest) calls() bool {
	return len(r.Turn.Tools) > 0 && r.Turn.Choice != grammar.None
}

// parseTools reads the tools, which must all be functions of different names.
func parseTools(raw json.RawMessage) ([]grammar.Tool, *Error) {
	items, err := elements("tools", raw)
	if err != nil {
		return nil, err
	}
	if len(items) > maxTools {
		return nil, invalid("tools", CodeInvalidValue, "%q has %d tools, at most %d are allowed", "tools", len(items), maxTools)
	}
	tools := make([]grammar.Tool, len(items))
	var names keySet
	for i, it := range items {
		path := "tools[" + strconv.Itoa(i) + "]"
		if tools[i], err = parseTool(path, it); err != nil {
			return nil, err
		}
		if !names.add(tools[i].Name) {
			path += ".function.name"
			return nil, invalid(path, CodeInvalidValue, "%q: the name %q is used twice", path, clip(tools[i].Name))
		}
	}
	return tools, nil
}

// parseTool reads what a call depends on; the rest of a tool's JSON goes into
// the prompt as it is.
func parseTool(path string, raw json.RawMessage) (t grammar.Tool, _ *Error) {
	o, err := newObject(path, raw)
	if err != nil {
		return t, err
	}
	f, err := function(o)
	if err != nil {
		return t, err
	}
	t.Name, _ = f.str("name")
	f.str("description")
	if raw, ok := f.raw("parameters"); ok {
		if t.Parameters = raw; raw[0] != '{' {
			f.fail(wrongType(f.in("parameters"), "an object", raw))
		}
	}
	t.Strict = f.boolean("strict", false)
	if f.err == nil {
		f.err = checkName(f.in("name"), t.Name)
	}
	return t, f.err
}

// function opens the field function of o, whose type must say so.
func function(o *object) (*object, *Error) {
	if typ, ok := o.str("type"); o.err == nil && (!ok || typ != "function") {
		return nil, invalid(o.in("type"), CodeInvalidValue, "%q must be %q", o.in("type"), "function")
	}
	raw, _ := o.raw("function")
	if o.err != nil {
		return nil, o.err
	}
	return newObject(o.in("function"), raw)
}

// checkName checks the name of a tool or a format. OpenAI takes 64 of the
// characters A-Z, a-z, 0-9, - and _; here longer names and others pass, but
// nothing that could be taken for markup.
func checkName(path, name string) *Error {
	bad := func(r rune) bool {
		return !unicode.IsGraphic(r) || unicode.IsSpace(r) || strings.ContainsRune("\"'`\\<>{}|", r)
	}
	switch {
	case name == "" || len(name) > maxName:
		return invalid(path, CodeInvalidValue, "%q must be a string of 1 to %d bytes", path, maxName)
	case strings.ContainsFunc(name, bad):
		return invalid(path, CodeInvalidValue, "%q is %q: a name is made of letters, digits and characters such as - and _", path, clip(name))
	}
	return nil
}

// readChoice reads tool_choice, which may name tools that were read before.
func (r *ChatRequest) readChoice(raw json.RawMessage) *Error {
	const path = "tool_choice"
	if raw[0] != '"' {
		return r.readChoiceObject(raw)
	}
	switch choice := unquote(raw); choice {
	case "auto":
	case "none":
		r.Turn.Choice = grammar.None
	case "required":
		r.Turn.Choice = grammar.Required
		return r.needTools(path)
	default:
		return invalid(path, CodeInvalidValue, `%q is %q, but may be "auto", "none", "required" or an object that names tools`, path, clip(choice))
	}
	return nil
}

// readChoiceObject reads a tool_choice that names one tool or several.
func (r *ChatRequest) readChoiceObject(raw json.RawMessage) *Error {
	o, err := newObject("tool_choice", raw)
	if err != nil {
		return wrongType("tool_choice", "a string or an object", raw)
	}
	if err := r.needTools("tool_choice"); err != nil {
		return err
	}
	typ, _ := o.str("type")
	switch {
	case o.err != nil:
		return o.err
	case typ == "function":
		r.Turn.Choice = grammar.Named
		r.Turn.Name, err = r.toolName(o)
	case typ == "allowed_tools":
		err = r.readAllowed(o)
	default:
		return invalid(o.in("type"), CodeInvalidValue, `%q must be "function" or "allowed_tools"`, o.in("type"))
	}
	o.fail(err)
	return o.done()
}

// needTools is the error of a choice among no tools.
func (r *ChatRequest) needTools(path string) *Error {
	if len(r.Turn.Tools) > 0 || r.open {
		return nil
	}
	return invalid(path, CodeInvalidValue, `%q asks for calls, but the request has no "tools"`, path)
}

// toolName reads the name of one of the tools.
func (r *ChatRequest) toolName(o *object) (string, *Error) {
	f, err := function(o)
	if err != nil {
		return "", err
	}
	name, ok := f.str("name")
	if !ok && f.err == nil {
		return "", invalid(f.in("name"), CodeMissing, "%q is missing", f.in("name"))
	}
	if err := f.done(); err != nil {
		return "", err
	}
	if !r.open && !r.hasTool(name) {
		return "", noSuchTool(f.in("name"), name)
	}
	return name, nil
}

func (r *ChatRequest) hasTool(name string) bool {
	return slices.ContainsFunc(r.Turn.Tools, func(t grammar.Tool) bool { return t.Name == name })
}

func noSuchTool(path, name string) *Error {
	return invalid(path, CodeInvalidValue, `%q is %q, which is none of the "tools"`, path, clip(name))
}

// CheckChoice checks what tool_choice of a request that ParseServed has read
// names, where the server adds tools of these names.
func (r *ChatRequest) CheckChoice(more ...string) *Error {
	if r.Turn.Choice != grammar.None && r.Turn.Choice != grammar.Auto && len(r.Turn.Tools)+len(more) == 0 {
		return (&ChatRequest{}).needTools("tool_choice")
	}
	has := func(name string) bool { return r.hasTool(name) || slices.Contains(more, name) }
	if r.Turn.Choice == grammar.Named && !has(r.Turn.Name) {
		return noSuchTool("tool_choice.function.name", r.Turn.Name)
	}
	for i, name := range r.Turn.Allowed {
		if !has(name) {
			return noSuchTool("tool_choice.allowed_tools.tools["+strconv.Itoa(i)+"].function.name", name)
		}
	}
	return nil
}

// readAllowed reads the choice of some of the tools.
func (r *ChatRequest) readAllowed(o *object) *Error {
	raw, _ := o.raw("allowed_tools")
	a, err := newObject(o.in("allowed_tools"), raw)
	if err != nil {
		return err
	}
	switch mode, _ := a.str("mode"); mode {
	case "auto":
	case "required":
		r.Turn.Choice = grammar.Required
	default:
		a.fail(invalid(a.in("mode"), CodeInvalidValue, `%q must be "auto" or "required"`, a.in("mode")))
	}
	raw, _ = a.raw("tools")
	if err := a.done(); err != nil {
		return err
	}
	items, err := elements(a.in("tools"), raw)
	if err == nil && len(items) == 0 {
		err = invalid(a.in("tools"), CodeInvalidValue, `%q is empty; for no calls send "none"`, a.in("tools"))
	}
	for i := 0; err == nil && i < len(items); i++ {
		var t *object
		if t, err = newObject(a.in("tools")+"["+strconv.Itoa(i)+"]", items[i]); err != nil {
			break
		}
		var name string
		if name, err = r.toolName(t); err == nil {
			err = t.done()
		}
		r.Turn.Allowed = append(r.Turn.Allowed, name)
	}
	return err
}

// parseFormat reads response_format; nil is free text.
func parseFormat(raw json.RawMessage) (*grammar.Response, *Error) {
	o, err := newObject("response_format", raw)
	if err != nil {
		return nil, err
	}
	switch typ, _ := o.str("type"); {
	case o.err != nil:
		return nil, o.err
	case typ == "text":
		return nil, o.done()
	case typ == "json_object":
		return &grammar.Response{}, o.done()
	case typ != "json_schema":
		return nil, invalid(o.in("type"), CodeInvalidValue, `%q must be "text", "json_object" or "json_schema"`, o.in("type"))
	}
	raw, _ = o.raw("json_schema")
	f, err := newObject(o.in("json_schema"), raw)
	if err != nil {
		return nil, err
	}
	name, _ := f.str("name")
	f.str("description")
	r := &grammar.Response{Strict: f.boolean("strict", false)}
	if raw, ok := f.raw("schema"); ok {
		if r.Schema = raw; raw[0] != '{' && raw[0] != 't' && raw[0] != 'f' {
			f.fail(wrongType(f.in("schema"), "an object", raw))
		}
	}
	if f.err == nil {
		f.err = checkName(f.in("name"), name)
	}
	o.fail(f.done())
	return r, o.done()
}
