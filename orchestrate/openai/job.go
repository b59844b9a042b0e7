package openai

import (
	"context"
	"encoding/json"
	"time"

	"orchrt/runtime"
	"orchrt/sampler"
	"orchrt/tokenizer/chat"
)

// Job is a request that has passed every check and is ready to run. Run may be
// called once. The other methods belong to the goroutine that reads the events.
type Job struct {
	ID           string
	Stream       bool
	IncludeUsage bool
	Created      time.Time
	Params       sampler.Params
	MaxTokens    int // the largest of its choices
	Choices      []*Choice
	Warnings     []string // what of the tools and the format is not enforced
	// OnToken, where set, sees each token of each choice as it comes; gap is the
	// time since the one before. Choices call it at the same time.
	OnToken func(c *Choice, gap time.Duration)

	b        *Backend
	chat     bool
	thinking *bool // of a chat request, for the Extension
	tokenIDs bool
	split    splitOptions
	n        int // choices for each prompt

	lead *Lead // runs the turns of a job that has several; nil: there is one
}

// Choice is one sequence of a Job. The fields after Request are set when its
// Finish event has been read.
type Choice struct {
	Index   int
	Request runtime.Request
	Echo    string // the prompt's text, where the answer is to begin with it

	Finish     string        // stop, length, tool_calls
	StopReason string        // the stop string that ended it
	Generated  int           // tokens, with the one that ended it
	Reasoning  int           // of them, tokens of thinking
	Cached     int           // prompt tokens out of the prefix cache
	Queued     time.Duration // until the engine took it up, since Run
	First      time.Duration // until its first token
	Last       time.Duration // of the last token, since Run
	opened     bool          // a chunk of it has been made
	offset     int           // characters of text in logprobs so far
}

// splitOptions is how generated text is taken apart.
type splitOptions struct {
	chat       bool // thinking, content, calls; else text only
	inThinking bool // the prompt ends inside the thinking
	calls      bool // look for tool calls
	oneCall    bool // end with the first call
	tags       tagIDs
	stop       *sampler.Stop
}

// Chat prepares a chat request: it renders the template, counts the tokens and
// checks everything that the model decides.
func (b *Backend) Chat(ctx context.Context, r *ChatRequest) (*Job, *Error) {
	if err := b.checkModel(r.Model); err != nil {
		return nil, err
	}
	prompt, ids, err := b.ChatPrompt(ctx, r)
	if err != nil {
		return nil, err
	}
	return b.ChatWith(r, &Prompt{Text: prompt, IDs: ids})
}

// Prompt is what ChatPrompt makes of a request.
type Prompt struct {
	Text chat.Prompt
	IDs  []int32
}

// ChatWith is Chat with the request's prompt already made.
func (b *Backend) ChatWith(r *ChatRequest, p *Prompt) (*Job, *Error) {
	base := b.Defaults
	if r.Thinking != nil && !*r.Thinking {
		base = b.NoThinking
	}
	j := &Job{ID: newID("chatcmpl-"), chat: true, thinking: r.Thinking, n: r.N, tokenIDs: r.TokenIDs,
		Stream: r.Stream, IncludeUsage: r.IncludeUsage}
	j.split = splitOptions{chat: true, inThinking: endsInThinking(p.Text), oneCall: r.Turn.Single, calls: r.calls(), tags: b.tags()}
	if err := b.fill(j, "messages", [][]int32{p.IDs}, base, r.Sampling, r.Limits); err != nil {
		return nil, err
	}
	if err := b.constrain(j, r); err != nil {
		return nil, err
	}
	if r.Budget > 0 {
		if err := j.LimitThinking(r.Budget); err != nil {
			err.Param = "reasoning_effort"
			return nil, err
		}
	}
	return j, nil
}

// ChatPrompt renders a chat request: the prompt and its token ids. It ends early with ctx.
func (b *Backend) ChatPrompt(ctx context.Context, r *ChatRequest) (chat.Prompt, []int32, *Error) {
	if b.Template == nil {
		return chat.Prompt{}, nil, invalid("messages", CodeUnsupported, "this model has no chat template; use /v1/completions")
	}
	var tools []json.RawMessage
	if r.calls() {
		tools = r.Tools
	}
	if b.Template.Native() {
		for name := range r.Kwargs {
			path := "chat_template_kwargs." + clip(name)
			return chat.Prompt{}, nil, invalid(path, CodeUnsupported, "%q: the model's template has no such switch; enable_thinking is the one", path)
		}
	}
	p, err := b.Template.Render(chat.Request{Messages: r.Messages, Tools: tools, AddGenerationPrompt: !r.Closed,
		EnableThinking: r.Thinking, Kwargs: r.Kwargs})
	if err != nil {
		return p, nil, fieldError("", err)
	}
	ids, err := p.Encode(ctx, b.Tokenizer)
	if err != nil {
		return p, nil, encodeError(ctx, "messages", err)
	}
	return p, ids, nil
}

// Completion prepares a completions request.
func (b *Backend) Completion(ctx context.Context, r *CompletionRequest) (*Job, *Error) {
	if err := b.checkModel(r.Model); err != nil {
		return nil, err
	}
	j := &Job{ID: newID("cmpl-"), n: r.N, tokenIDs: r.TokenIDs, Stream: r.Stream, IncludeUsage: r.IncludeUsage}
	prompts := make([][]int32, len(r.Prompts))
	for i, p := range r.Prompts {
		ids, err := b.promptIDs(ctx, p)
		if err != nil {
			return nil, err
		}
		prompts[i] = ids
	}
	if err := b.fill(j, "prompt", prompts, b.Defaults, r.Sampling, r.Limits); err != nil {
		return nil, err
	}
	if r.Echo {
		for i, c := range j.Choices {
			if err := b.echo(c, r.Prompts[i/r.N]); err != nil {
				return nil, err
			}
		}
	}
	return j, nil
}

// promptIDs encodes a text prompt, or checks the ids of the other kind.
func (b *Backend) promptIDs(ctx context.Context, p PromptInput) ([]int32, *Error) {
	if p.IDs != nil {
		return p.IDs, b.checkIDs("prompt", p.IDs)
	}
	return b.encode(ctx, p.Text, true, true)
}

// encode encodes the text of the field "prompt"; with bos, after the token that
// the model wants at the beginning of a text, if it wants one.
func (b *Backend) encode(ctx context.Context, text string, special, bos bool) ([]int32, *Error) {
	var ids []int32
	if bos && b.Tokenizer.AddBOS() && b.Tokenizer.BOS() >= 0 {
		ids = append(ids, b.Tokenizer.BOS())
	}
	ids, err := b.Tokenizer.AppendEncodeContext(ctx, ids, text, special)
	if err != nil {
		return nil, encodeError(ctx, "prompt", err)
	}
	return ids, nil
}

// encodeError is why the text of a field was not encoded.
func encodeError(ctx context.Context, field string, err error) *Error {
	if ctx.Err() != nil {
		return engineError(ctx.Err())
	}
	return invalid(field, CodeInvalidValue, "%q: %v", field, err)
}

// echo sets the text that the answer of c begins with.
func (b *Backend) echo(c *Choice, p PromptInput) *Error {
	if c.Echo = p.Text; p.IDs == nil {
		return nil
	}
	text, err := b.Tokenizer.DecodeLossy(p.IDs, false)
	if err != nil {
		return invalid("prompt", CodeInvalidValue, "\"prompt\": %v", err)
	}
	c.Echo = text
	return nil
}

// fill makes the choices of j: n for each prompt.
func (b *Backend) fill(j *Job, field string, prompts [][]int32, base sampler.Params, s sampler.Settings, l Limits) *Error {
	p, err := b.params(base, s)
	if err != nil {
		return err
	}
	if err := b.checkIDs("stop_token_ids", l.StopIDs); err != nil {
		return err
	}
	if j.n > b.MaxChoices || len(prompts)*j.n > b.MaxChoices {
		if j.n == 1 {
			return invalid(field, CodeInvalidValue, "%q has %d prompts, this server answers at most %d in one request", field, len(prompts), b.MaxChoices)
		}
		return invalid("n", CodeInvalidValue, "%d prompts with \"n\" %d are %d answers, this server gives at most %d to one request",
			len(prompts), j.n, len(prompts)*j.n, b.MaxChoices)
	}
	j.b, j.Created, j.Params = b, time.Now(), p
	j.split.stop = sampler.NewStop(l.Stop)
	for _, ids := range prompts {
		if len(ids) == 0 {
			return invalid(field, CodeInvalidValue, "%q is empty: a prompt needs one token at least", field)
		}
		limit, err := b.checkContext(field, len(ids), l)
		if err != nil {
			return err
		}
		j.MaxTokens = max(j.MaxTokens, limit)
		for i := range j.n {
			j.Choices = append(j.Choices, &Choice{Index: len(j.Choices), Request: runtime.Request{
				Prompt: ids, MaxTokens: limit, Params: p, Choice: i, StopIDs: l.StopIDs, IgnoreEOS: p.IgnoreEOS}})
		}
	}
	return nil
}

// Usage counts the tokens of all choices; a prompt shared by several counts once.
func (j *Job) Usage() Usage {
	if j.lead != nil {
		return j.lead.usage
	}
	var u Usage
	for i, c := range j.Choices {
		if i%j.n == 0 {
			u.PromptTokens += len(c.Request.Prompt)
			u.PromptDetails.CachedTokens += c.Cached
		}
		u.CompletionTokens += c.Generated
		u.CompletionDetail.ReasoningTokens += c.Reasoning
	}
	u.TotalTokens = u.PromptTokens + u.CompletionTokens
	return u
}

// extension is what orchrt adds for the choices given.
func (j *Job) extension(choices ...*Choice) *Extension {
	e := &Extension{Sampling: j.Params, MaxTokens: j.MaxTokens, Thinking: j.thinking, Warnings: j.Warnings}
	var queued, first, last time.Duration
	tokens := 0
	for i, c := range choices {
		if i == 0 || c.First < first {
			queued, first = c.Queued, c.First
		}
		last = max(last, c.Last)
		tokens += max(c.Generated-1, 0)
	}
	e.Timings = Timings{Queue: queued.Seconds(), FirstToken: first.Seconds(), Total: last.Seconds()}
	if l := j.lead; l != nil {
		e.Run = l.Report
		if l.decoding > 0 {
			e.Timings.TokensPerSecond = float64(l.drawn) / l.decoding.Seconds()
		}
	} else if last > first {
		e.Timings.TokensPerSecond = float64(tokens) / (last - first).Seconds()
	}
	return e
}
