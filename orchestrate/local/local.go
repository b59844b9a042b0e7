// Package local runs the policy in this process: an orchestrate.Policy over the
// engine that openai.Backend describes.
package local

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"orchrt/orchestrate"
	"orchrt/orchestrate/openai"
	"orchrt/sampler/grammar"
)

// Policy is a model of this process. It is safe for concurrent use.
type Policy struct {
	Backend *openai.Backend
	// Base holds what every turn has beyond a PolicyRequest: stop strings, the
	// form of the answer, switches of the template, one call at a time, a bound of
	// the thinking; nil: nothing. Its other fields do not count.
	Base *openai.ChatRequest
	// Began, if not nil, sees each turn before it runs and returns what is called
	// when it has ended.
	Began func(*openai.Job) (ended func(error))
}

// leastThinking is the bound below which there is no room for thinking beside
// the words that end it: the turn goes without.
const leastThinking = 64

// request is the chat request of a turn.
func (p *Policy) request(r orchestrate.PolicyRequest) *openai.ChatRequest {
	req := &openai.ChatRequest{Model: p.Backend.Names[0], Messages: r.Messages, N: 1, Thinking: r.Thinking, Sampling: r.Sampling,
		Limits: openai.Limits{MaxTokens: r.MaxTokens}}
	for i := range r.Tools {
		t := &r.Tools[i]
		schema := t.Grammar
		if len(schema) == 0 {
			schema = t.Schema
		}
		req.Tools = append(req.Tools, t.Definition())
		req.Turn.Tools = append(req.Turn.Tools, grammar.Tool{Name: t.Name, Parameters: schema, Strict: t.Strict})
	}
	req.Turn.Single = r.Single
	if b := p.Base; b != nil {
		req.Limits.Stop, req.Limits.StopIDs, req.Kwargs = b.Limits.Stop, b.Limits.StopIDs, b.Kwargs
		if r.MaxThinking == 0 {
			req.Budget = b.Budget
		}
		req.Turn.Response, req.Turn.Single = b.Turn.Response, r.Single || b.Turn.Single
	}
	if r.MaxThinking > 0 && r.MaxThinking < leastThinking {
		off := false
		req.Thinking = &off
	}
	switch r.Choice.Mode {
	case orchestrate.ChooseNone:
		req.Turn.Choice = grammar.None
	case orchestrate.ChooseRequired:
		req.Turn.Choice = grammar.Required
	case orchestrate.ChooseNamed:
		req.Turn.Choice, req.Turn.Name = grammar.Named, r.Choice.Name
	}
	return req
}

// Render implements orchestrate.Renderer.
func (p *Policy) Render(r orchestrate.PolicyRequest) (string, error) {
	prompt, _, err := p.Backend.ChatPrompt(context.Background(), p.request(r))
	if err != nil {
		return "", err
	}
	return prompt.String(), nil
}

// Estimate implements orchestrate.Estimator.
func (p *Policy) Estimate(ctx context.Context, r *orchestrate.PolicyRequest) (orchestrate.ModelUsage, error) {
	prompt, ids, err := p.Backend.ChatPrompt(ctx, p.request(*r))
	if err != nil {
		return orchestrate.ModelUsage{}, err
	}
	r.Prepared = &openai.Prompt{Text: prompt, IDs: ids}
	most := max(p.Backend.Context-len(ids), 0)
	if r.MaxTokens > 0 {
		most = min(most, r.MaxTokens)
	}
	return orchestrate.ModelUsage{Input: len(ids), Output: most}, nil
}

// Next implements orchestrate.Policy. A turn that fails in the middle comes with
// what there was of it, and its usage.
func (p *Policy) Next(ctx context.Context, r orchestrate.PolicyRequest) (orchestrate.PolicyTurn, error) {
	for {
		turn, err := p.turn(ctx, r)
		var busy *openai.Error
		if err == nil || !errors.As(err, &busy) || busy.Code != openai.CodeBusy {
			return turn, err
		}
		select {
		case <-ctx.Done():
			return turn, context.Cause(ctx)
		case <-time.After(time.Duration(max(busy.RetryAfter, 1)) * time.Second / 4):
		}
	}
}

func (p *Policy) turn(ctx context.Context, r orchestrate.PolicyRequest) (orchestrate.PolicyTurn, error) {
	var turn orchestrate.PolicyTurn
	req := p.request(r)
	prompt, ok := r.Prepared.(*openai.Prompt)
	if !ok {
		text, ids, err := p.Backend.ChatPrompt(ctx, req)
		if err != nil {
			return turn, err
		}
		prompt = &openai.Prompt{Text: text, IDs: ids}
	}
	turn.Prompt = prompt.Text.String()
	job, err := p.Backend.ChatWith(req, prompt)
	if err != nil {
		return turn, err
	}
	if r.MaxThinking >= leastThinking {
		if err := job.LimitThinking(r.MaxThinking); err != nil && err.Code != openai.CodeUnsupported {
			return turn, err
		}
	}
	turn.Warnings = job.Warnings
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := func(error) {}
	if p.Began != nil {
		ended = p.Began(job)
	}
	turn, failure := collect(job, job.Run(ctx), turn, r.Stream)
	ended(failure)
	return turn, failure
}

// collect reads the events of a job with one choice to their end.
func collect(job *openai.Job, events <-chan openai.Event, turn orchestrate.PolicyTurn, stream func(orchestrate.Delta)) (orchestrate.PolicyTurn, error) {
	if stream == nil {
		stream = func(orchestrate.Delta) {}
	}
	var thinking, content strings.Builder
	var arguments []*strings.Builder
	var failure error
	for e := range events {
		switch e.Kind {
		case openai.ReasoningAdded:
			thinking.WriteString(e.Text)
			stream(orchestrate.Delta{Thinking: e.Text})
		case openai.TextAdded:
			content.WriteString(e.Text)
			stream(orchestrate.Delta{Content: e.Text})
		case openai.CallStarted:
			turn.Calls = append(turn.Calls, orchestrate.Call{ID: e.CallID, Name: e.Name})
			arguments = append(arguments, &strings.Builder{})
		case openai.ArgumentsAdded:
			arguments[len(arguments)-1].WriteString(e.Text)
		case openai.Finished:
			turn.Finish = e.Choice.Finish
		case openai.Failed:
			failure = e.Err
		}
	}
	turn.Thinking, turn.Content = thinking.String(), content.String()
	for i := range turn.Calls {
		turn.Calls[i].Arguments = arguments[i].String()
	}
	if n := len(turn.Calls); n > 0 && turn.Finish == "length" && !json.Valid([]byte(turn.Calls[n-1].Arguments)) {
		turn.Calls = turn.Calls[:n-1] // it broke off
	}
	u := job.Usage()
	turn.Usage = orchestrate.ModelUsage{Input: u.PromptTokens, Cached: u.PromptDetails.CachedTokens,
		Output: u.CompletionTokens, Think: u.CompletionDetail.ReasoningTokens}
	if failure == nil && turn.Finish == "" { // the context ended first
		failure = context.Canceled
	}
	return turn, failure
}
