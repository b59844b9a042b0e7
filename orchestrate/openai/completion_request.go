package openai

import (
	"encoding/json"
	"strconv"

	"orchrt/sampler"
)

// maxPrompts bounds the prompts of one completions request.
const maxPrompts = 2048

// defaultCompletionTokens is OpenAI's default of max_tokens in completions.
const defaultCompletionTokens = 16

// CompletionRequest is a completions request, read and checked as far as that
// is possible without a model.
type CompletionRequest struct {
	Model   string
	Prompts []PromptInput

	N            int // choices for each prompt
	Echo         bool
	Stream       bool
	IncludeUsage bool
	TokenIDs     bool // return_token_ids
	Sampling     sampler.Settings
	Limits       Limits
}

// PromptInput is one prompt: a text, in which the spellings of special tokens
// become those tokens, or token ids.
type PromptInput struct {
	Text string
	IDs  []int32 // not nil: used in place of Text
}

// ParseCompletion reads the body of a completions request, as strictly as
// ParseChat does.
func ParseCompletion(body []byte) (*CompletionRequest, *Error) {
	o, err := parseBody(body)
	if err != nil {
		return nil, err
	}
	r := &CompletionRequest{
		Sampling: readSampling(o),
		Limits:   readLimits(o, "max_tokens"),
		Echo:     o.boolean("echo", false),
		TokenIDs: o.boolean("return_token_ids", false),
	}
	if r.Limits.MaxTokens == 0 {
		r.Limits.MaxTokens = defaultCompletionTokens
	}
	r.Model = readModel(o)
	r.N = readN(o)
	r.Stream, r.IncludeUsage = readStream(o)
	if top := o.integer("logprobs", 0, sampler.MaxLogprobs); top != nil { // the number of alternatives
		on, n := true, int(*top)
		r.Sampling.Logprobs, r.Sampling.TopLogprobs = &on, &n
	}
	r.readPrompt(o)
	readIdentity(o)
	if best := o.integer("best_of", 1, maxChoices); best != nil && int(*best) != r.N {
		o.fail(invalid("best_of", CodeUnsupported, `"best_of" may only be equal to "n"`))
	}
	if r.Echo && r.Sampling.Logprobs != nil {
		o.fail(invalid("echo", CodeUnsupported, `"echo" with "logprobs" is not supported: the prompt's own log probabilities are not computed`))
	}
	o.only("suffix", "the model does not fill in the middle", `""`)
	o.only("skip_special_tokens", "special tokens are never part of the text", "true")
	o.only("include_stop_str_in_output", "the stop string is never part of the text", "false")
	return r, o.done()
}

// readPrompt reads a string, an array of strings, an array of token ids, or an
// array of arrays of token ids.
func (r *CompletionRequest) readPrompt(o *object) {
	raw, ok := o.raw("prompt")
	if !ok {
		o.fail(invalid("prompt", CodeMissing, `"prompt" is missing`))
		return
	}
	if raw[0] == '"' {
		r.Prompts = []PromptInput{{Text: unquote(raw)}}
		return
	}
	prompts, err := parsePrompts(raw)
	if err != nil {
		o.fail(err)
	}
	r.Prompts = prompts
}

// parsePrompts reads the array forms of prompt.
func parsePrompts(raw json.RawMessage) ([]PromptInput, *Error) {
	items, err := elements("prompt", raw)
	if err != nil {
		return nil, wrongType("prompt", "a string, an array of strings, or an array of token ids", raw)
	}
	if len(items) == 0 {
		return nil, invalid("prompt", CodeInvalidValue, "%q is an empty array", "prompt")
	}
	if c := items[0][0]; c == '-' || '0' <= c && c <= '9' {
		ids, err := parseIDs("prompt", raw, maxTokens)
		return []PromptInput{{IDs: ids}}, err
	}
	if c := items[0][0]; c != '"' && c != '[' {
		return nil, wrongType("prompt[0]", "a string, a token id, or an array of token ids", items[0])
	}
	if len(items) > maxPrompts {
		return nil, invalid("prompt", CodeInvalidValue, "%q has %d prompts, at most %d are allowed", "prompt", len(items), maxPrompts)
	}
	prompts := make([]PromptInput, len(items))
	for i, it := range items {
		path := "prompt[" + strconv.Itoa(i) + "]"
		switch {
		case it[0] != items[0][0]:
			return nil, invalid(path, CodeInvalidType, "%q: all elements must be of one type", "prompt")
		case it[0] == '"':
			prompts[i].Text = unquote(it)
		default:
			ids, err := parseIDs(path, it, maxTokens)
			if err != nil {
				return nil, err
			}
			prompts[i].IDs = ids
		}
	}
	return prompts, nil
}
