package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"

	"orchrt/orchestrate"
	"orchrt/tokenizer/chat"
)

// maxAnswer bounds the text of one answer.
const maxAnswer = 8 << 20

// errIdle and errAttempt are why an attempt's context ended.
var (
	errIdle    = errors.New("the model sent nothing for too long")
	errAttempt = errors.New("the attempt took too long")
)

// attempt makes one request.
func (m *endpoint) attempt(ctx context.Context, r orchestrate.ModelRequest) (orchestrate.ModelReply, *attemptError) {
	ctx, header, ended := m.span(r).Start(ctx)
	reply, failed := m.stream(ctx, r, header)
	if failed != nil {
		ended(failed.told.Usage, "", failed.told.Kind)
	} else {
		ended(reply.Usage, reply.Finish, "")
	}
	return reply, failed
}

// span is what a request's span tells.
func (m *endpoint) span(r orchestrate.ModelRequest) orchestrate.ModelSpan {
	s := orchestrate.ModelSpan{Model: m.Model, MaxTokens: m.limit(r)}
	if u, err := url.Parse(m.BaseURL); err == nil {
		s.Host = u.Hostname()
		s.Port, _ = strconv.Atoi(u.Port()) // 0 where the scheme says it
	}
	return s
}

// stream makes the request; header is its traceparent, "" for none.
func (m *endpoint) stream(ctx context.Context, r orchestrate.ModelRequest, header string) (orchestrate.ModelReply, *attemptError) {
	start := time.Now()
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if m.Timeout > 0 {
		t := time.AfterFunc(time.Duration(m.Timeout), func() { cancel(errAttempt) })
		defer t.Stop()
	}
	params, opts := m.request(r)
	if header != "" {
		opts = append(opts, option.WithHeader("traceparent", header))
	}
	stream := m.service.NewStreaming(inner, params, opts...)
	defer stream.Close()
	var idle *time.Timer
	if m.Idle > 0 {
		idle = time.AfterFunc(time.Duration(m.Idle), func() { cancel(errIdle) })
		defer idle.Stop()
	}
	var a answer
	for stream.Next() {
		if idle != nil {
			idle.Reset(time.Duration(m.Idle))
		}
		if a.add(stream.Current()); a.text.Len() > maxAnswer {
			break
		}
	}
	usage := m.usage(&a, r, time.Since(start))
	err := stream.Err()
	if err == nil && a.finish != "" {
		reply := orchestrate.ModelReply{Content: a.text.String(), Calls: a.done(), Finish: a.finish, Usage: usage}
		if !a.counted {
			reply.Record = map[string]any{"usage": "estimated: the endpoint reports none"}
		}
		return reply, nil
	}
	what := "the model " + m.Model
	var failed *attemptError
	switch cause := context.Cause(inner); {
	case ctx.Err() == nil && (cause == errIdle || cause == errAttempt):
		failed = &attemptError{told: failure(orchestrate.Timeout, cause, "%s: %v", what, cause), retry: true, after: -1}
	case a.text.Len() > maxAnswer:
		failed = &attemptError{told: failure(orchestrate.Failed, nil, "%s: the answer is longer than %d bytes", what, maxAnswer)}
	case err == nil:
		failed = &attemptError{told: failure(orchestrate.Unavailable, nil, "%s: the answer broke off", what), retry: true, after: -1}
	default:
		failed = m.classify(ctx, err)
	}
	if a.chunks > 0 {
		failed.told.Usage, failed.retry = usage, false
	}
	return orchestrate.ModelReply{}, failed
}

// request is a request in the SDK's form.
func (m *endpoint) request(r orchestrate.ModelRequest) (sdk.ChatCompletionNewParams, []option.RequestOption) {
	p := sdk.ChatCompletionNewParams{Model: m.Model, StreamOptions: sdk.ChatCompletionStreamOptionsParam{IncludeUsage: sdk.Bool(true)}}
	if m.System != "" {
		p.Messages = append(p.Messages, sdk.SystemMessage(m.System))
	}
	for i := range r.Messages {
		p.Messages = append(p.Messages, message(&r.Messages[i]))
	}
	for _, t := range r.Tools {
		p.Tools = append(p.Tools, param.Override[sdk.ChatCompletionToolUnionParam](t))
	}
	limit := m.limit(r)
	if m.MaxTokensField == "max_tokens" {
		p.MaxTokens = sdk.Int(int64(limit))
	} else {
		p.MaxCompletionTokens = sdk.Int(int64(limit))
	}
	if t := r.Temperature; t != nil {
		p.Temperature = sdk.Float(*t)
	} else if m.Temperature != nil {
		p.Temperature = sdk.Float(*m.Temperature)
	}
	var opts []option.RequestOption
	for k, v := range m.extra {
		opts = append(opts, option.WithJSONSet(k, v))
	}
	return p, opts
}

// limit is the most tokens of an answer.
func (m *endpoint) limit(r orchestrate.ModelRequest) int {
	if r.MaxTokens > 0 {
		return r.MaxTokens
	}
	return m.MaxTokens
}

// message is a message in the SDK's form.
func message(m *chat.Message) sdk.ChatCompletionMessageParamUnion {
	text := m.Content.String()
	switch m.Role {
	case "system":
		return sdk.SystemMessage(text)
	case "developer":
		return sdk.DeveloperMessage(text)
	case "tool":
		return sdk.ToolMessage(text, m.ToolCallID)
	case "assistant":
		a := sdk.AssistantMessage(text)
		if text == "" && len(m.ToolCalls) > 0 {
			a.OfAssistant.Content = sdk.ChatCompletionAssistantMessageParamContentUnion{}
		}
		for _, c := range m.ToolCalls {
			a.OfAssistant.ToolCalls = append(a.OfAssistant.ToolCalls, sdk.ChatCompletionMessageToolCallUnionParam{
				OfFunction: &sdk.ChatCompletionMessageFunctionToolCallParam{ID: c.ID,
					Function: sdk.ChatCompletionMessageFunctionToolCallFunctionParam{Name: c.Name, Arguments: c.Arguments}}})
		}
		return a
	}
	return sdk.UserMessage(text)
}

// answer gathers the chunks of an answer.
type answer struct {
	text    strings.Builder
	calls   []orchestrate.Call
	finish  string
	chunks  int // that held something
	counted bool
	usage   sdk.CompletionUsage
}

// maxCalls bounds the calls of an answer.
const maxCalls = 128

// add takes a chunk.
func (a *answer) add(c sdk.ChatCompletionChunk) {
	if c.Usage.TotalTokens > 0 || c.Usage.PromptTokens > 0 {
		a.usage, a.counted = c.Usage, true
	}
	if len(c.Choices) == 0 {
		return
	}
	choice := c.Choices[0]
	if choice.FinishReason != "" {
		a.finish = choice.FinishReason
	}
	a.text.WriteString(choice.Delta.Content)
	a.chunks++
	for _, d := range choice.Delta.ToolCalls {
		if d.Index < 0 || d.Index >= maxCalls {
			continue
		}
		for int64(len(a.calls)) <= d.Index {
			a.calls = append(a.calls, orchestrate.Call{})
		}
		call := &a.calls[d.Index]
		if d.ID != "" {
			call.ID = d.ID
		}
		call.Name += d.Function.Name
		if len(call.Arguments) < maxAnswer {
			call.Arguments += d.Function.Arguments
		}
	}
}

// done is the calls, each with an identity.
func (a *answer) done() []orchestrate.Call {
	for i := range a.calls {
		if a.calls[i].ID == "" {
			a.calls[i].ID = fmt.Sprintf("call_%d", i)
		}
	}
	return a.calls
}

// usage is what the endpoint reports, else an estimate on the high side: a token
// for three bytes of the prompt, and one for each chunk.
func (m *endpoint) usage(a *answer, r orchestrate.ModelRequest, took time.Duration) []orchestrate.ModelUsage {
	if !a.counted && a.chunks == 0 {
		return nil
	}
	u := orchestrate.ModelUsage{Model: m.Model, Seconds: took.Seconds(), Price: &m.Price}
	if a.counted {
		u.Input, u.Output = int(a.usage.PromptTokens), int(a.usage.CompletionTokens)
		u.Cached = int(a.usage.PromptTokensDetails.CachedTokens)
		u.Think = int(a.usage.CompletionTokensDetails.ReasoningTokens)
		return []orchestrate.ModelUsage{u}
	}
	bytes := len(m.System)
	for i := range r.Messages {
		b, _ := json.Marshal(r.Messages[i].ToolCalls)
		bytes += len(r.Messages[i].Content.String()) + len(b) + 12
	}
	for _, t := range r.Tools {
		bytes += len(t)
	}
	u.Input, u.Output = bytes/3+1, max(a.chunks, a.text.Len()/3)
	return []orchestrate.ModelUsage{u}
}
