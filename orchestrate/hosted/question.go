package hosted

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strings"
	"time"

	"orchrt/orchestrate"
	"orchrt/orchestrate/local"
	"orchrt/orchestrate/openai"
	"orchrt/sampler/grammar"
	"orchrt/tokenizer/chat"
)

// question is one request at work.
type question struct {
	s        *Service
	b        *openai.Backend
	r        *openai.ChatRequest
	c        Client
	o        *openai.Orchestration
	messages []chat.Message // with what Memory has put back
	tools    []orchestrate.Tool
	labels   map[string]string // of the server's tools
	notes    []string
	opt      orchestrate.Options
	lead     *openai.Lead
	send     func(openai.Event)
}

// least is the smaller of two limits, of which 0 is none.
func least[T int | float64](a, b T) T {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// setOptions makes the options of the run: the server's, which the request can
// only tighten.
func (q *question) setOptions() *openai.Error {
	o, s := q.o, q.s
	q.opt = orchestrate.Options{
		Budget:    orchestrate.Limits{USD: least(s.Limits.USD, o.USD), Seconds: least(s.Limits.Seconds, o.Seconds)},
		Prefer:    o.Prefer,
		Selection: orchestrate.Selection{Allow: o.Allow, Deny: o.Deny, MaxPrice: o.MaxPrice},
		MaxRounds: least(s.MaxRounds, o.MaxRounds),
		MaxCalls:  o.MaxCalls,
		MaxTokens: q.r.Limits.MaxTokens,
		Sampling:  q.r.Sampling,
		Thinking:  q.r.Thinking,
		Stream:    true,
		Approvals: make(map[string]orchestrate.Approval, len(o.Approvals)),
	}
	q.opt.MaxLatency = time.Duration(min(o.MaxLatency, math.MaxInt64/2e9) * float64(time.Second))
	for name, text := range o.Approvals {
		a, err := orchestrate.ParseApproval(text)
		if err != nil {
			return openai.Invalid("orchrt.approvals", openai.CodeInvalidValue, "%v", err)
		}
		q.opt.Approvals[name] = a
	}
	switch {
	case o.Wait && s.Approvals != nil:
		q.opt.Approve = s.Approvals.asker(q.c.Owner)
	case q.c.Defers:
		q.opt.Approve = func(context.Context, orchestrate.ApprovalQuestion) orchestrate.ApprovalAnswer {
			return orchestrate.ApprovalAnswer{Defer: true}
		}
	}
	if q.c.Defers && len(q.r.Decisions) > 0 {
		q.opt.Decisions = make(map[string]orchestrate.ApprovalAnswer, len(q.r.Decisions))
		for _, d := range q.r.Decisions {
			q.opt.Decisions[d.Call] = orchestrate.ApprovalAnswer{Approve: d.Approve, Message: d.Reason}
		}
	}
	switch q.r.Turn.Choice {
	case grammar.Required:
		q.opt.Choice.Mode = orchestrate.ChooseRequired
	case grammar.Named:
		q.opt.Choice = orchestrate.Choice{Mode: orchestrate.ChooseNamed, Name: q.r.Turn.Name}
	case grammar.None:
		q.opt.Choice.Mode = orchestrate.ChooseNone
	}
	return nil
}

// seed has the turns draw as the answer says they did.
func (q *question) seed(job *openai.Job) {
	if q.opt.Sampling.Seed == nil {
		n := int64(job.Params.Seed) // its bits, as Settings.Seed says
		q.opt.Sampling.Seed = &n
	}
}

// ask is the request's question in the form that the profile takes.
func (q *question) ask() orchestrate.Question {
	if n := len(q.messages); n == 1 && q.messages[0].Role == "user" {
		return orchestrate.Question{Text: q.messages[0].Content.String()}
	}
	return orchestrate.Question{History: q.messages}
}

// run is the Run of the lead.
func (q *question) run(ctx context.Context, send func(openai.Event)) *openai.Error {
	q.send = send
	id := "run_" + strings.TrimPrefix(q.lead.Job().ID[strings.IndexByte(q.lead.Job().ID, '-')+1:], "resp_")
	q.opt.ID = id
	if q.s.Trace != nil {
		w, err := q.s.Trace(id)
		if err != nil {
			return internal(err)
		}
		defer w.Close()
		q.opt.Trace = w
	}
	r := orchestrate.Runner{Policy: q.policy(), Model: q.b.Names[0], Price: q.s.Price, Tokenizer: q.b.Tokenizer, Context: q.b.Context,
		Profile: q.s.Profile, Tools: q.tools, Budget: q.s.Budget, Grants: q.s.Grants, Secrets: q.s.Secrets, Tracer: q.s.Tracer}
	run, err := r.Run(ctx, q.ask(), q.opt, q.observe)
	if run == nil {
		return q.refused(ctx, err)
	}
	q.lead.Report = report(run, q.labels)
	q.lead.Messages = run.Messages
	if err != nil {
		return q.failure(err)
	}
	q.end(run)
	return nil
}

// policy is the model of this request.
func (q *question) policy() *local.Policy {
	outer := q.lead.Job()
	return &local.Policy{Backend: q.b, Base: q.r, Began: func(turn *openai.Job) func(error) {
		turn.OnToken = outer.OnToken
		return func(err error) {
			if err == nil {
				q.lead.Count(turn)
			}
		}
	}}
}

// observe makes events of a run those of the job.
func (q *question) observe(e orchestrate.Event) {
	if q.s.Observe != nil {
		q.s.Observe(e)
	}
	t := &openai.ToolEvent{Round: e.Round, ID: e.Call.ID, Name: e.Call.Name, Arguments: e.Call.Arguments, Server: q.labels[e.Call.Name], USD: e.USD, Seconds: e.Seconds}
	switch e.Kind {
	case orchestrate.DeltaAdded:
		if e.Delta.Thinking != "" {
			q.send(openai.Event{Kind: openai.ReasoningAdded, Text: e.Delta.Thinking})
		}
		if e.Delta.Content != "" {
			q.send(openai.Event{Kind: openai.TextAdded, Text: e.Delta.Content})
		}
		return
	case orchestrate.TurnEnded:
		u := e.Turn.Usage
		t.Stage, t.Usage = openai.TurnCost, &openai.Usage{PromptTokens: u.Input, CompletionTokens: u.Output, TotalTokens: u.Input + u.Output,
			PromptDetails: openai.PromptDetails{CachedTokens: u.Cached}, CompletionDetail: openai.CompletionDetails{ReasoningTokens: u.Think}}
	case orchestrate.ApprovalWanted:
		if !q.o.Wait {
			return
		}
		t.Stage, t.Approval, t.Reason = openai.ToolWaits, e.Text, e.Reason
	case orchestrate.CallStarted:
		t.Stage = openai.ToolStarted
		if _, ok := q.opt.Decisions[e.Call.ID]; ok {
			t.Approval = e.Call.ID
		}
	case orchestrate.CallEnded:
		t.Stage, t.Output, t.Error = openai.ToolEnded, e.Text, string(e.Error)
	default:
		return
	}
	q.send(openai.Event{Kind: openai.ToolProgress, Tool: t})
}

// end tells what came of the run.
func (q *question) end(run *orchestrate.Run) {
	for i, c := range run.Pending {
		q.send(openai.Event{Kind: openai.CallStarted, Call: i, CallID: c.ID, Name: c.Name})
		q.send(openai.Event{Kind: openai.ArgumentsAdded, Call: i, Text: c.Arguments})
	}
	for _, c := range run.Deferred {
		q.send(openai.Event{Kind: openai.ToolProgress, Tool: &openai.ToolEvent{Stage: openai.ToolDeferred, Round: run.Rounds, ID: c.ID,
			Name: c.Name, Server: q.labels[c.Name], Arguments: c.Arguments}})
	}
	finish := "stop"
	switch run.Finish {
	case orchestrate.FinishCalls:
		finish = "tool_calls"
		if !q.c.Defers && len(run.Calls) > 0 {
			q.s.Memory.keep(q.c.Owner, run.Pending, run.Messages[min(len(q.messages), len(run.Messages)):])
		}
	case orchestrate.FinishLength, orchestrate.FinishRounds, orchestrate.FinishBudget:
		finish = "length"
	}
	q.lead.Job().Choices[0].Finish = finish
}

// refused is the error of a run that did not begin.
func (q *question) refused(ctx context.Context, err error) *openai.Error {
	var poor *orchestrate.BudgetError
	switch {
	case ctx.Err() != nil:
		return q.failure(ctx.Err())
	case errors.As(err, &poor) && (q.opt.Budget.USD == 0 || poor.Limit != q.opt.Budget.USD):
		return &openai.Error{Status: http.StatusTooManyRequests, Type: openai.TypeRateLimit, Code: "insufficient_quota", Cause: err,
			Message: "the budget that this server has for all requests together is used up"}
	}
	return openai.Invalid("orchrt", openai.CodeInvalidValue, "%s", strings.TrimPrefix(err.Error(), "orchestrate: "))
}

// failure is the error of a run that broke off.
func (q *question) failure(err error) *openai.Error {
	var own *openai.Error
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &openai.Error{Status: http.StatusServiceUnavailable, Type: openai.TypeServer, Code: openai.CodeCancelled, Cause: err,
			Message: "the request was ended before its answer was complete"}
	}
	return internal(err)
}

func internal(cause error) *openai.Error {
	return &openai.Error{Status: http.StatusInternalServerError, Type: openai.TypeServer, Code: openai.CodeInternal,
		Message: "the run failed inside the server; its log has the reason", Cause: cause}
}
