package anthropic

import (
	"encoding/json"
	"strconv"
	"strings"

	"orchrt/orchestrate/openai"
	"orchrt/tokenizer/chat"
)

// maxMessages and maxTools bound the arrays of a request.
const (
	maxMessages  = 100_000
	maxTools     = 4096
	maxTokens    = 1 << 30
	maxUserBytes = 512
)

// Request is a Messages request in the form of the chat request that says the
// same.
type Request struct {
	Chat   openai.ChatRequest
	Budget int // thinking.budget_tokens; 0: none
}

// Parse reads the body of a request to /v1/messages.
func Parse(body []byte) (*Request, *openai.Error) {
	o, err := openai.ReadBody(body)
	if err != nil {
		return nil, err
	}
	r := &Request{Chat: openai.ChatRequest{N: 1}}
	o.Sampling(&r.Chat)
	r.Chat.Stream = o.Bool("stream", false)
	limit := o.Integer("max_tokens", 1, maxTokens)
	if limit == nil {
		o.Fail(openai.Invalid("max_tokens", openai.CodeMissing, `"max_tokens" is missing`))
	} else {
		r.Chat.Limits.MaxTokens, r.Chat.Limits.MaxField = int(*limit), "max_tokens"
	}
	r.Chat.Limits.Stop = o.Stop("stop_sequences")
	r.readPrompt(o)
	readMetadata(o)
	o.Only("service_tier", "there is one tier", `"auto"`, `"standard_only"`)
	o.Only("speed", "there is one speed", `"standard"`)
	o.Only("inference_geo", "the model runs here")
	o.Only("container", "there are no containers")
	o.Only("diagnostics", "there are none")
	o.Only("context_management", "the context is not edited")
	o.Only("mcp_servers", "tools run at the client", "[]")
	if r.Budget > 0 && limit != nil && r.Budget >= int(*limit) {
		o.Fail(openai.Invalid("thinking.budget_tokens", openai.CodeInvalidValue,
			`"thinking.budget_tokens" is %d, but must be less than "max_tokens", which is %d`, r.Budget, *limit))
	}
	return r, o.Done()
}

// ParseCount reads the body of a request to /v1/messages/count_tokens.
func ParseCount(body []byte) (*Request, *openai.Error) {
	o, err := openai.ReadBody(body)
	if err != nil {
		return nil, err
	}
	r := &Request{Chat: openai.ChatRequest{N: 1}}
	r.readPrompt(o)
	o.Only("speed", "there is one speed", `"standard"`)
	o.Only("context_management", "the context is not edited")
	o.Only("mcp_servers", "tools run at the client", "[]")
	return r, o.Done()
}

// readPrompt reads what the prompt, and the form of the answer, depend on.
func (r *Request) readPrompt(o openai.Reader) {
	o.Model(&r.Chat)
	r.readThinking(o)
	r.readSystem(o)
	r.readMessages(o)
	r.readTools(o)
	openai.ReadCacheControl(o)
}

// readMetadata reads metadata, which tells who asks and changes nothing.
func readMetadata(o openai.Reader) {
	raw, ok := o.Raw("metadata")
	if !ok {
		return
	}
	m, err := openai.ReadObject("metadata", raw)
	if err != nil {
		o.Fail(err)
		return
	}
	if id, _ := m.String("user_id"); len(id) > maxUserBytes {
		m.Fail(openai.Invalid("metadata.user_id", openai.CodeInvalidValue, `"metadata.user_id" must have at most %d bytes`, maxUserBytes))
	}
	o.Fail(m.Done())
}

// readThinking reads thinking. Without it the model does not think.
func (r *Request) readThinking(o openai.Reader) {
	think := false
	r.Chat.Thinking = &think
	raw, ok := o.Raw("thinking")
	if !ok {
		return
	}
	t, err := openai.ReadObject("thinking", raw)
	if err != nil {
		o.Fail(err)
		return
	}
	switch typ, _ := t.String("type"); typ {
	case "disabled":
	case "adaptive", "enabled":
		think = true
		t.Only("display", "the thinking comes whole", `"summarized"`)
		if typ == "adaptive" {
			break
		}
		if n := t.Integer("budget_tokens", 1024, maxTokens); n != nil {
			r.Budget = int(*n)
		} else {
			t.Fail(openai.Invalid("thinking.budget_tokens", openai.CodeMissing, `"thinking.budget_tokens" is missing`))
		}
	default:
		t.Fail(openai.Invalid("thinking.type", openai.CodeInvalidValue,
			`"thinking.type" must be "enabled", "adaptive" or "disabled", not %q`, openai.Clip(typ)))
	}
	o.Fail(t.Done())
}

// readSystem reads system: a text, or text blocks.
func (r *Request) readSystem(o openai.Reader) {
	raw, ok := o.Raw("system")
	switch {
	case !ok:
	case raw[0] == '"':
		r.Chat.Messages = append(r.Chat.Messages, chat.Message{Role: "system", Content: chat.Text(openai.Unquote(raw))})
	case raw[0] == '[':
		texts, err := readTexts("system", raw)
		o.Fail(err)
		if len(texts) > 0 {
			r.Chat.Messages = append(r.Chat.Messages, chat.Message{Role: "system", Content: parts(texts)})
		}
	default:
		o.Fail(openai.WrongType("system", "a string or an array of text blocks", raw))
	}
}

// readTools reads tools, tool_choice and output_config.
func (r *Request) readTools(o openai.Reader) {
	var c openai.Constraint
	if raw, ok := o.Raw("tools"); ok {
		items, err := openai.ReadArray("tools", raw)
		if err == nil && len(items) > maxTools {
			err = openai.Invalid("tools", openai.CodeInvalidValue, "%q has %d tools, at most %d are allowed", "tools", len(items), maxTools)
		}
		for i := 0; err == nil && i < len(items); i++ {
			var t json.RawMessage
			t, err = readTool("tools["+strconv.Itoa(i)+"]", items[i])
			c.Tools = append(c.Tools, t)
		}
		o.Fail(err)
	}
	if raw, ok := o.Raw("tool_choice"); ok {
		o.Fail(readChoice(raw, &c))
	}
	if raw, ok := o.Raw("output_config"); ok {
		o.Fail(readOutput(raw, &c))
	}
	if o.Err() == nil {
		o.Fail(r.Chat.Constrain(c).Rename(fieldName))
	}
}

// fieldName is what a Messages request calls a field of chat completions.
func fieldName(param string) string {
	switch {
	case strings.HasPrefix(param, "tools["):
		param = strings.Replace(param, ".function", "", 1)
		return strings.Replace(param, ".parameters", ".input_schema", 1)
	case strings.HasPrefix(param, "tool_choice"):
		return strings.Replace(param, ".function", "", 1)
	case param == "parallel_tool_calls":
		return "tool_choice.disable_parallel_tool_use"
	}
	if rest, ok := strings.CutPrefix(param, "response_format"); ok {
		return "output_config.format" + strings.TrimPrefix(rest, ".json_schema")
	}
	return param
}

// readTool makes a function tool of chat completions of a tool.
func readTool(path string, raw json.RawMessage) (json.RawMessage, *openai.Error) {
	o, err := openai.ReadObject(path, raw)
	if err != nil {
		return nil, err
	}
	if typ, ok := o.String("type"); ok && typ != "custom" {
		return nil, openai.Invalid(o.In("type"), openai.CodeUnsupported,
			"%q: %q is not supported; there are only tools of the client, with an input_schema", o.In("type"), openai.Clip(typ))
	}
	if _, ok := o.Raw("input_schema"); !ok {
		o.Fail(openai.Invalid(o.In("input_schema"), openai.CodeMissing, "%q is missing", o.In("input_schema")))
	}
	out := []byte(`{"type":"function","function":{`)
	comma := ""
	for _, f := range [][2]string{{"name", "name"}, {"description", "description"}, {"input_schema", "parameters"}, {"strict", "strict"}} {
		if raw, ok := o.Raw(f[0]); ok {
			out = append(out, comma+`"`+f[1]+`":`...)
			out = append(out, raw...)
			comma = ","
		}
	}
	o.Bool("eager_input_streaming", true) // inputs are streamed as they come, asked or not
	o.Only("defer_loading", "tools are not searched for", "false")
	o.Only("allowed_callers", "the model calls directly", `["direct"]`)
	o.Only("input_examples", "the template has no place for them", "[]")
	openai.ReadCacheControl(o)
	return append(out, "}}"...), o.Done()
}

// readChoice reads tool_choice.
func readChoice(raw json.RawMessage, c *openai.Constraint) *openai.Error {
	o, err := openai.ReadObject("tool_choice", raw)
	if err != nil {
		return err
	}
	typ, _ := o.String("type")
	switch typ {
	case "auto", "none":
		c.Choice = json.RawMessage(`"` + typ + `"`)
	case "any":
		c.Choice = json.RawMessage(`"required"`)
	case "tool":
		name, ok := o.Raw("name")
		if !ok {
			return openai.Invalid("tool_choice.name", openai.CodeMissing, `"tool_choice.name" is missing`)
		}
		c.Choice = json.RawMessage(`{"type":"function","function":{"name":` + string(name) + `}}`)
	default:
		return openai.Invalid("tool_choice.type", openai.CodeInvalidValue,
			`"tool_choice.type" must be "auto", "any", "tool" or "none", not %q`, openai.Clip(typ))
	}
	if o.Bool("disable_parallel_tool_use", false) {
		c.Parallel = json.RawMessage("false")
	}
	return o.Done()
}

// readOutput reads output_config.
func readOutput(raw json.RawMessage, c *openai.Constraint) *openai.Error {
	o, err := openai.ReadObject("output_config", raw)
	if err != nil {
		return err
	}
	o.Only("effort", "the model thinks or does not, there are no degrees", `"high"`)
	if raw, ok := o.Raw("format"); ok {
		f, err := openai.ReadObject("output_config.format", raw)
		if err != nil {
			return err
		}
		if typ, _ := f.String("type"); typ != "json_schema" {
			return openai.Invalid("output_config.format.type", openai.CodeInvalidValue, `"output_config.format.type" must be "json_schema"`)
		}
		schema, ok := f.Raw("schema")
		if !ok {
			return openai.Invalid("output_config.format.schema", openai.CodeMissing, `"output_config.format.schema" is missing`)
		}
		c.Format = json.RawMessage(`{"type":"json_schema","json_schema":{"name":"output","strict":true,"schema":` + string(schema) + `}}`)
		o.Fail(f.Done())
	}
	return o.Done()
}
