package openai

import (
	"cmp"
	"encoding/json"
	"errors"
	"strconv"

	"orchrt/sampler"
	"orchrt/sampler/grammar"
	"orchrt/tokenizer/chat"
)

// maxMessages and maxTools bound the arrays of a chat request.
const (
	maxMessages  = 100_000
	maxTools     = 4096
	maxName      = 256     // bytes of the name of a tool or a format
	maxChoices   = 1 << 20 // a Backend's own limit is lower
	maxMetadata  = 16
	maxMetaBytes = 512
)

// ChatRequest is a chat completions request, read and checked as far as that is
// possible without a model.
type ChatRequest struct {
	Model    string
	Messages []chat.Message
	Tools    []json.RawMessage // as they were sent, for the prompt
	// Turn is what tools, tool_choice, parallel_tool_calls and response_format
	// say about the answer, but for the ids that end it. With the choice None the
	// tools stay out of the prompt and no call is looked for.
	Turn grammar.Config
	// Orchestration is what the request says about tools that the server
	// executes, nil for nothing; Decisions are those about calls that wait.
	Orchestration *Orchestration
	Decisions     []Decision
	open          bool                       // tool_choice may name tools of the server, too
	Thinking      *bool                      // enable_thinking; nil: the template's default
	Budget        int                        // tokens of thinking at most; 0: as many as the model wants
	Kwargs        map[string]json.RawMessage // the other chat_template_kwargs
	// Closed leaves out the beginning of the assistant's turn; only ParsePrompt
	// sets it.
	Closed bool

	N            int
	Stream       bool
	IncludeUsage bool
	TokenIDs     bool // return_token_ids
	Sampling     sampler.Settings
	Limits       Limits
}

// ParseChat reads the body of a chat completions request. Fields that orchrt
// does not know, or cannot honour, are errors that name them.
func ParseChat(body []byte) (*ChatRequest, *Error) { return parseChat(body, false) }

// ParseServed is ParseChat for a server that has tools of its own: tool_choice
// may name them, which CheckChoice is to check.
func ParseServed(body []byte) (*ChatRequest, *Error) { return parseChat(body, true) }

func parseChat(body []byte, open bool) (*ChatRequest, *Error) {
	o, err := parseBody(body)
	if err != nil {
		return nil, err
	}
	r := &ChatRequest{
		open:     open,
		Sampling: readSampling(o),
		Limits:   readLimits(o, "max_completion_tokens", "max_tokens"),
		TokenIDs: o.boolean("return_token_ids", false),
	}
	r.Model = readModel(o)
	r.N = readN(o)
	r.Stream, r.IncludeUsage = readStream(o)
	r.readLogprobs(o)
	r.readMessages(o)
	r.readTools(o)
	r.readThinking(o)
	r.Orchestration = readOrchestration(o)
	readIdentity(o)
	refuseChat(o)
	return r, o.done()
}

// ParsePrompt reads of a chat completions request only what its prompt depends
// on; other fields may hold anything. Beyond ParseChat it takes
// add_generation_prompt false.
func ParsePrompt(body []byte) (*ChatRequest, *Error) {
	o, err := parseBody(body)
	if err != nil {
		return nil, err
	}
	r := &ChatRequest{}
	r.readMessages(o)
	r.readTools(o)
	r.readThinking(o)
	r.Closed = !o.boolean("add_generation_prompt", true)
	return r, o.err
}

// parseBody checks a whole body and splits it into fields.
func parseBody(body []byte) (*object, *Error) {
	if err := checkJSON(body); err != nil {
		return nil, err
	}
	return newObject("", body)
}

// readModel reads the name of the model, which every request must give.
func readModel(o *object) string {
	s, ok := o.str("model")
	if !ok && o.err == nil {
		o.fail(invalid("model", CodeMissing, "\"model\" is missing; /v1/models lists the names"))
	}
	return s
}

// readN reads the number of choices.
func readN(o *object) int {
	if n := o.integer("n", 1, maxChoices); n != nil {
		return int(*n)
	}
	return 1
}

// readStream reads stream and stream_options.
func readStream(o *object) (stream, usage bool) {
	stream = o.boolean("stream", false)
	raw, ok := o.raw("stream_options")
	if !ok {
		return stream, false
	}
	if !stream {
		o.fail(invalid("stream_options", CodeInvalidValue, `"stream_options" may only be sent together with "stream": true`))
		return stream, false
	}
	opt, err := newObject("stream_options", raw)
	if err != nil {
		o.fail(err)
		return stream, false
	}
	usage = opt.boolean("include_usage", false)
	opt.only("include_obfuscation", "streams are not padded", "false")
	opt.only("continuous_usage_stats", "usage comes once, at the end", "false")
	if err := opt.done(); err != nil {
		o.fail(err)
	}
	return stream, usage
}

// readLogprobs reads logprobs and top_logprobs.
func (r *ChatRequest) readLogprobs(o *object) {
	r.Sampling.Logprobs = o.flag("logprobs")
	r.Sampling.TopLogprobs = o.small("top_logprobs", 0)
	on := r.Sampling.Logprobs != nil && *r.Sampling.Logprobs
	if top := r.Sampling.TopLogprobs; top != nil && *top > 0 && !on {
		o.fail(invalid("top_logprobs", CodeInvalidValue, `"top_logprobs" needs "logprobs": true`))
	}
}

// readMessages reads the conversation.
func (r *ChatRequest) readMessages(o *object) {
	raw, ok := o.raw("messages")
	if !ok {
		o.fail(invalid("messages", CodeMissing, `"messages" is missing`))
		return
	}
	items, err := elements("messages", raw)
	switch {
	case err != nil:
		o.fail(err)
		return
	case len(items) == 0 || len(items) > maxMessages:
		o.fail(invalid("messages", CodeInvalidValue, "%q must have from 1 to %d messages, not %d", "messages", maxMessages, len(items)))
		return
	}
	r.Messages = make([]chat.Message, len(items))
	for i, it := range items {
		path := "messages[" + strconv.Itoa(i) + "]"
		if err := readMessage(path, it, &r.Messages[i]); err != nil {
			o.fail(err)
			return
		}
	}
}

// readMessage reads one message: package chat takes its content apart, and this
// function sees to it that no field is dropped on the way.
func readMessage(path string, raw json.RawMessage, m *chat.Message) *Error {
	o, err := newObject(path, raw)
	if err != nil {
		return err
	}
	if _, ok := o.str("role"); !ok {
		o.fail(invalid(path+".role", CodeMissing, "%q is missing", path+".role"))
	}
	o.str("name")
	o.str("tool_call_id")
	o.str("reasoning_content")
	o.str("reasoning")
	o.raw("content")
	o.raw("tool_calls")
	ReadCacheControl(Reader{o})
	o.only("refusal", "a refusal cannot be part of a conversation here")
	o.only("audio", "the model takes text only")
	o.only("function_call", `use "tool_calls"`)
	o.only("annotations", "the template has no place for it", "[]")
	if err := o.done(); err != nil {
		return err
	}
	if err := checkParts(o); err != nil {
		return err
	}
	if uerr := m.UnmarshalJSON(raw); uerr != nil {
		return fieldError(path, uerr)
	}
	return nil
}

// checkParts sees to it that the parts of a content, and the calls of an
// assistant, have no fields beyond those that package chat reads.
func checkParts(o *object) *Error {
	for _, list := range []struct {
		name  string
		known []string
	}{{"content", []string{"type", "text"}}, {"tool_calls", []string{"id", "type", "function", "index"}}} {
		raw, ok := o.raw(list.name)
		if !ok || raw[0] != '[' {
			continue
		}
		items, err := elements(o.in(list.name), raw)
		if err != nil {
			return err
		}
		for i, it := range items {
			part, err := newObject(o.in(list.name)+"["+strconv.Itoa(i)+"]", it)
			if err != nil {
				return err
			}
			for _, f := range list.known {
				part.raw(f)
			}
			ReadCacheControl(Reader{part})
			if typ, ok := part.str("type"); list.name == "content" && ok && typ != "text" {
				return invalid(part.in("type"), CodeUnsupported, "%q: %q is not supported; the model takes text only", part.in("type"), clip(typ))
			}
			if err := part.done(); err != nil {
				return err
			}
		}
	}
	return nil
}

// fieldError is the 400 for what package chat says about a field below path.
func fieldError(path string, err error) *Error {
	var f *chat.FieldError
	if !errors.As(err, &f) {
		path = cmp.Or(path, "messages")
		return invalid(path, CodeInvalidValue, "%q: %v", path, err)
	}
	switch {
	case f.Field == "":
		path = cmp.Or(path, "messages")
	case path == "":
		path = f.Field
	default:
		path += "." + f.Field
	}
	return invalid(path, CodeInvalidValue, "%q: %s", path, f.Reason)
}

// readThinking reads chat_template_kwargs and reasoning_effort.
func (r *ChatRequest) readThinking(o *object) {
	if raw, ok := o.raw("chat_template_kwargs"); ok {
		k, err := newObject("chat_template_kwargs", raw)
		if err != nil {
			o.fail(err)
			return
		}
		for _, f := range k.fields {
			if f.name == "enable_thinking" {
				r.Thinking = k.flag(f.name)
				continue
			}
			if r.Kwargs == nil {
				r.Kwargs = make(map[string]json.RawMessage)
			}
			r.Kwargs[f.name] = f.raw
		}
		o.fail(k.err)
	}
	effort, ok := o.str("reasoning_effort")
	if !ok {
		return
	}
	think, budget := readEffort(o, "reasoning_effort", effort)
	if r.Thinking != nil && *r.Thinking != think {
		o.fail(invalid("reasoning_effort", CodeInvalidValue, `"reasoning_effort" contradicts "chat_template_kwargs.enable_thinking"`))
	}
	r.Thinking, r.Budget = &think, budget
}

// flag reads true or false; nil where it is absent.
func (o *object) flag(name string) *bool {
	if _, ok := o.raw(name); !ok {
		return nil
	}
	v := o.boolean(name, false)
	return &v
}

// readIdentity reads the fields that only tell who asks: they change nothing
// about the answer, and are checked and left alone.
func readIdentity(o *object) {
	o.str("user")
	o.str("safety_identifier")
	o.str("prompt_cache_key")
	raw, ok := o.raw("metadata")
	if !ok {
		return
	}
	m, err := newObject("metadata", raw)
	if err != nil {
		o.fail(err)
		return
	}
	if len(m.fields) > maxMetadata {
		o.fail(invalid("metadata", CodeInvalidValue, "%q has %d entries, at most %d are allowed", "metadata", len(m.fields), maxMetadata))
	}
	for _, f := range m.fields {
		if s, ok := m.str(f.name); !ok || len(s) > maxMetaBytes {
			o.fail(invalid(m.in(clip(f.name)), CodeInvalidType, "%q must be a string of at most %d bytes", m.in(clip(f.name)), maxMetaBytes))
		}
	}
}

// refuseChat lists the known fields that may only hold the value that changes
// nothing.
func refuseChat(o *object) {
	o.only("store", "answers are not stored", "false")
	o.only("service_tier", "there is one tier", `"auto"`, `"default"`)
	o.only("verbosity", "the model has no such control", `"medium"`)
	o.only("modalities", "the model writes text only", `["text"]`)
	o.only("prompt_cache_retention", "the prefix cache lives in memory", `"in_memory"`, `"in-memory"`)
	o.only("prediction", "predicted outputs are not used")
	o.only("audio", "the model writes text only")
	o.only("functions", `use "tools"`)
	o.only("function_call", `use "tool_choice"`)
	o.only("web_search_options", "there is no built-in web search")
	o.only("moderation", "there is no moderation")
	o.only("prompt_cache_options", "the prefix cache has no options")
	o.only("add_generation_prompt", "the prompt always ends where the assistant begins", "true")
	o.only("continue_final_message", "a final assistant message is not continued", "false")
	o.only("skip_special_tokens", "special tokens are never part of the text", "true")
	o.only("include_stop_str_in_output", "the stop string is never part of the text", "false")
}
