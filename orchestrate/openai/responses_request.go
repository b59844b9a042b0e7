package openai

import (
	"encoding/json"
	"slices"
	"strconv"

	"orchrt/tokenizer/chat"
)

// ResponsesRequest is a Responses request: what runs, in the form of a chat
// request, and what only the answer repeats. The conversation that
// PreviousID names is not part of Chat yet.
type ResponsesRequest struct {
	Chat ChatRequest // its Messages are those of Input

	Instructions *string // the system message, before every other one
	PreviousID   string  // previous_response_id; "" for none
	Store        bool
	Logprobs     bool // include message.output_text.logprobs

	echo responseEcho
}

// responseEcho holds the fields of a request that the response repeats.
type responseEcho struct {
	MaxOutputTokens  *int              `json:"max_output_tokens"`
	MaxToolCalls     *int              `json:"max_tool_calls"` // of those that the server executes
	Parallel         bool              `json:"parallel_tool_calls"`
	PromptCacheKey   *string           `json:"prompt_cache_key"`
	SafetyIdentifier *string           `json:"safety_identifier"`
	User             *string           `json:"user,omitempty"`
	Metadata         map[string]string `json:"metadata"`
	Reasoning        responseReasoning `json:"reasoning"`
	Text             responseText      `json:"text"`
	ToolChoice       json.RawMessage   `json:"tool_choice"`
	Tools            []any             `json:"tools"` // responseTool, serverTool
}

// responseReasoning is a response's "reasoning".
type responseReasoning struct {
	Effort  *string `json:"effort"`
	Summary *string `json:"summary"` // always null
}

// responseText is a response's "text".
type responseText struct {
	Format    json.RawMessage `json:"format"`
	Verbosity string          `json:"verbosity"`
}

// responseTool is a function tool as responses repeat it.
type responseTool struct {
	Type        string          `json:"type"` // "function"
	Name        string          `json:"name"`
	Description *string         `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
	Strict      bool            `json:"strict"`
}

// ParseResponses reads the body of a Responses request. Fields that orchrt does
// not know, or cannot honour, are errors that name them. Beyond OpenAI's it
// takes the sampling fields of chat completions, "stop" and "stop_token_ids".
func ParseResponses(body []byte) (*ResponsesRequest, *Error) { return parseResponses(body, false) }

// ParseServedResponses is ParseResponses for a server that has tools of its own,
// as ParseServed.
func ParseServedResponses(body []byte) (*ResponsesRequest, *Error) { return parseResponses(body, true) }

func parseResponses(body []byte, open bool) (*ResponsesRequest, *Error) {
	o, err := parseBody(body)
	if err != nil {
		return nil, err
	}
	r := &ResponsesRequest{Chat: ChatRequest{N: 1, open: open, Model: readModel(o), Sampling: readSampling(o), Limits: readLimits(o, "max_output_tokens")}}
	if n := r.Chat.Limits.MaxTokens; n > 0 {
		r.echo.MaxOutputTokens = &n
	}
	r.Chat.Stream = o.boolean("stream", false)
	r.Store = o.boolean("store", true)
	r.PreviousID, _ = o.str("previous_response_id")
	if s, ok := o.str("instructions"); ok {
		r.Instructions = &s
	}
	r.readInput(o)
	r.Chat.Orchestration = readOrchestration(o)
	r.readTools(o)
	if n := o.small("max_tool_calls", 1); n != nil {
		r.echo.MaxToolCalls = n
		r.orchestration().MaxCalls = *n
	}
	r.readReasoning(o)
	r.readInclude(o)
	r.readIdentity(o)
	refuseResponses(o)
	return r, o.done()
}

// readInput reads input: a user's text, or items.
func (r *ResponsesRequest) readInput(o *object) {
	raw, ok := o.raw("input")
	switch {
	case !ok:
		o.fail(invalid("input", CodeMissing, `"input" is missing: a text, or an array of items`))
	case raw[0] == '"':
		r.Chat.Messages = []chat.Message{{Role: "user", Content: chat.Text(unquote(raw))}}
	case raw[0] != '[':
		o.fail(wrongType("input", "a string or an array of items", raw))
	default:
		messages, decisions, err := readItems("input", raw)
		if err != nil {
			o.fail(err)
		}
		r.Chat.Messages, r.Chat.Decisions = messages, decisions
	}
}

// readReasoning reads reasoning: whether the model thinks, and how long at most.
func (r *ResponsesRequest) readReasoning(o *object) {
	raw, ok := o.raw("reasoning")
	if !ok {
		return
	}
	f, err := newObject("reasoning", raw)
	if err != nil {
		o.fail(err)
		return
	}
	if effort, ok := f.str("effort"); ok {
		think, budget := readEffort(f, "reasoning.effort", effort)
		r.Chat.Thinking, r.Chat.Budget, r.echo.Reasoning.Effort = &think, budget, &effort
	}
	f.only("summary", "thinking comes whole, as reasoning_text, and is not summarised")
	f.only("generate_summary", "thinking comes whole, as reasoning_text, and is not summarised")
	f.only("mode", "there is one mode", `"standard"`)
	f.only("context", "the template keeps the thinking since the last user message", `"auto"`, `"current_turn"`)
	if err := f.done(); err != nil {
		o.fail(err)
	}
}

// readInclude reads include and top_logprobs.
func (r *ResponsesRequest) readInclude(o *object) {
	if raw, ok := o.raw("include"); ok {
		items, err := elements("include", raw)
		if err != nil {
			o.fail(err)
		}
		for i, it := range items {
			switch path := "include[" + strconv.Itoa(i) + "]"; string(it) {
			case `"reasoning.encrypted_content"`: // thinking is there anyway, and not encrypted
			case `"message.output_text.logprobs"`:
				r.Logprobs = true
			default:
				o.fail(invalid(path, CodeUnsupported, `%q may be "message.output_text.logprobs" or "reasoning.encrypted_content", not %s`, path, clip(string(it))))
			}
		}
	}
	top := o.small("top_logprobs", 0)
	if top != nil && *top > 0 && !r.Logprobs {
		o.fail(invalid("top_logprobs", CodeInvalidValue, `"top_logprobs" needs "message.output_text.logprobs" in "include"`))
	}
	if r.Logprobs {
		r.Chat.Sampling.Logprobs, r.Chat.Sampling.TopLogprobs = &r.Logprobs, top
	}
}

// readIdentity reads the fields that change nothing about the answer.
func (r *ResponsesRequest) readIdentity(o *object) {
	readIdentity(o)
	for _, f := range []struct {
		name string
		into **string
	}{{"user", &r.echo.User}, {"safety_identifier", &r.echo.SafetyIdentifier}, {"prompt_cache_key", &r.echo.PromptCacheKey}} {
		if s, ok := o.str(f.name); ok {
			*f.into = &s
		}
	}
	r.echo.Metadata = map[string]string{}
	if raw, ok := o.raw("metadata"); ok && o.err == nil {
		m, _ := newObject("metadata", raw) // readIdentity has checked it
		for _, f := range m.fields {
			r.echo.Metadata[f.name], _ = m.str(f.name)
		}
	}
}

// refuseResponses lists the known fields that may only hold the value that
// changes nothing.
func refuseResponses(o *object) {
	o.only("background", "answers are made while the client waits", "false")
	o.only("truncation", "nothing is cut out of a prompt", `"disabled"`)
	o.only("service_tier", "there is one tier", `"auto"`, `"default"`)
	o.only("prompt_cache_retention", "the prefix cache lives in memory", `"in_memory"`, `"in-memory"`)
	o.only("prompt_cache_options", "the prefix cache has no options")
	o.only("conversation", `there are no conversations; use "previous_response_id"`)
	o.only("prompt", "there are no stored prompts")
	o.only("context_management", "the context is not compacted")
	o.only("moderation", "there is no moderation")
	raw, ok := o.raw("stream_options")
	if !ok {
		return
	}
	opt, err := newObject("stream_options", raw)
	if err != nil {
		o.fail(err)
		return
	}
	opt.only("include_obfuscation", "streams are not padded", "false")
	if err := opt.done(); err != nil {
		o.fail(err)
	}
}

// messages is the whole conversation: instructions, what came before, input.
func (r *ResponsesRequest) messages(before []chat.Message) []chat.Message {
	var all []chat.Message
	if r.Instructions != nil {
		all = append(all, chat.Message{Role: "system", Content: chat.Text(*r.Instructions)})
	}
	return slices.Concat(all, before, r.Chat.Messages)
}
