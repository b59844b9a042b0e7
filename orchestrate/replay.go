package orchestrate

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ReplayOptions are what a trace does not hold.
type ReplayOptions struct {
	Profile   func(name string) (Profile, error)
	Tokenizer Tokenizer // as in the run
	// Render makes the prompt of a request, as the policy did; it is needed for
	// traces whose policy was a renderer.
	Render func(PolicyRequest) (string, error)
}

// Replayed is a trace that was played again.
type Replayed struct {
	Run     string
	Prompts []string // of the turns, in order; each is the one in the trace
	Finish  string
	Answer  string
}

// ReplayError reports a turn whose prompt came out different.
type ReplayError struct {
	Round     int
	Want, Got string
}

func (e *ReplayError) Error() string {
	at := 0
	for at < len(e.Want) && at < len(e.Got) && e.Want[at] == e.Got[at] {
		at++
	}
	part := func(s string) string { return s[max(min(at-20, len(s)), 0):min(at+40, len(s))] }
	return fmt.Sprintf("orchestrate: round %d: the prompt differs from the trace at byte %d: %q, in the trace %q", e.Round, at, part(e.Got), part(e.Want))
}

// Replay makes the prompts of a traced run again, from its first line and what
// the policy and the tools gave, without running either, and compares them byte
// for byte. A difference is a *ReplayError.
func Replay(trace io.Reader, opt ReplayOptions) (*Replayed, error) {
	lines, err := ReadTrace(trace)
	if err != nil {
		return nil, err
	}
	if len(lines) == 0 || lines[0].Kind != "run" || lines[0].Setup == nil {
		return nil, errors.New("orchestrate: the trace does not begin with a run")
	}
	first := lines[0]
	if first.Version != TraceVersion {
		return nil, fmt.Errorf("orchestrate: the trace has version %d, this program reads %d", first.Version, TraceVersion)
	}
	profile, err := opt.Profile(first.Profile)
	if err != nil {
		return nil, err
	}
	p := &replay{opt: opt, results: make(map[int]*Line), out: &Replayed{Run: first.Run}}
	if p.ep, err = profile.Begin(first.Setup.setup(opt.Tokenizer)); err != nil {
		return nil, err
	}
	for i := range lines {
		if lines[i].Kind == "result" {
			p.results[lines[i].Action] = &lines[i]
		}
	}
	if ep, ok := p.ep.(Resumer); ok && first.Setup.Resumes {
		if err := p.follow(ep.Resume()); err != nil {
			return p.out, err
		}
	}
	for _, l := range lines[1:] {
		switch l.Kind {
		case "turn":
			if err := p.turn(&l); err != nil {
				return p.out, err
			}
		case "end":
			p.out.Finish, p.out.Answer = l.Finish, l.Answer
		}
	}
	return p.out, nil
}

// ReadTrace reads the lines of a trace. A last line without an end, as a killed
// process leaves it, is left out.
func ReadTrace(r io.Reader) ([]Line, error) {
	var lines []Line
	br := bufio.NewReaderSize(r, 1<<16)
	for n := 1; ; n++ {
		b, err := br.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return lines, fmt.Errorf("orchestrate: the trace cannot be read: %w", err)
		}
		if len(bytes.TrimSpace(b)) == 0 {
			continue
		}
		var l Line
		if err := json.Unmarshal(b, &l); err != nil {
			return lines, fmt.Errorf("orchestrate: line %d of the trace: %w", n, err)
		}
		lines = append(lines, l)
	}
}

// setup is the Setup that was traced.
func (t *TraceSetup) setup(tok Tokenizer) Setup {
	s := Setup{Question: t.Question, Prefer: t.Prefer, Tokenizer: tok, Context: t.Context, MaxTokens: t.MaxTokens,
		Sampling: t.Sampling, Thinking: t.Thinking}
	if t.Choice != nil {
		s.Choice = *t.Choice
	}
	for _, m := range t.History {
		s.Question.History = append(s.Question.History, m.Message())
	}
	for _, tt := range t.Tools {
		s.Tools = append(s.Tools, tt.tool())
	}
	return s
}

// tool is the Tool that was traced; it executes nothing.
func (t TraceTool) tool() Tool {
	out := Tool{Name: t.Name, Description: t.Description, Schema: t.Schema, Source: t.Source, Grammar: t.Grammar, Price: t.Price, Latency: t.Latency,
		Timeout: t.Timeout, Approval: t.Approval, MaxResult: t.MaxResult, Role: t.Role}
	if !t.Client {
		out.Executor = notExecuted{}
	}
	for _, e := range t.Experts {
		out.Experts = append(out.Experts, Expert{Alias: e.Alias, Skill: e.Skill, ShownPrice: e.ShownPrice, ShownLatency: e.ShownLatency,
			Price: e.Price, Latency: e.Latency, Temperature: e.Temperature, MaxTokens: e.MaxTokens, Context: e.Context,
			CodeContext: e.CodeContext, DocChars: e.DocChars, Form: e.Form, Suffix: e.Suffix, Model: notExecuted{}})
	}
	return out
}

// notExecuted stands for what ran when the trace was made.
type notExecuted struct{}

var errReplay = errors.New("orchestrate: a replay executes nothing")

// Call implements Executor.
func (notExecuted) Call(context.Context, json.RawMessage) (Result, error) {
	return Result{}, errReplay
}

// Chat implements Model.
func (notExecuted) Chat(context.Context, ModelRequest) (ModelReply, error) {
	return ModelReply{}, errReplay
}

// replay plays one trace.
type replay struct {
	opt     ReplayOptions
	ep      Episode
	results map[int]*Line
	actions int
	out     *Replayed
}

// turn compares one prompt and feeds the episode what followed it.
func (p *replay) turn(l *Line) error {
	if l.Round == nil || l.Turn == nil {
		return errors.New("orchestrate: a turn of the trace has no round")
	}
	req, err := p.ep.Request(*l.Round)
	if err != nil {
		return err
	}
	want, got := l.Prompt, ""
	if want != "" {
		if p.opt.Render == nil {
			return errors.New("orchestrate: the trace holds rendered prompts: Replay needs Render")
		}
		if got, err = p.opt.Render(req); err != nil {
			return err
		}
	} else {
		want, got = string(l.Request), string(requestLine(req))
	}
	if got != want {
		return &ReplayError{Round: l.Round.N, Want: want, Got: got}
	}
	p.out.Prompts = append(p.out.Prompts, got)
	if l.Error != "" && l.Turn.Finish != FinishTimeout {
		return nil
	}
	step, err := p.ep.Turn(*l.Turn)
	if err != nil {
		return err
	}
	return p.follow(step)
}

// follow gives the episode the traced results of a step, and of those that they
// lead to.
func (p *replay) follow(step Step) (err error) {
	for err == nil && len(step.Actions) > 0 {
		out := make([]Outcome, len(step.Actions))
		pending := false
		for i, a := range step.Actions {
			p.actions++
			out[i] = Outcome{Action: a}
			r := p.results[p.actions]
			switch {
			case r != nil:
				out[i].fill(r)
			case a.Tool.Executor == nil && a.Refuse == nil:
				out[i].Pending, pending = true, true
			default:
				return nil // the run was cut off here
			}
		}
		if step, err = p.ep.Results(out); pending {
			return err
		}
	}
	return err
}

// fill takes the result of a traced call.
func (o *Outcome) fill(l *Line) {
	if r := l.Result; r != nil {
		o.Result = Result{Text: r.Text, IsError: r.IsError, Data: r.Data, Usage: r.Usage, Queries: r.Queries, Record: l.Record, Cut: r.Cut}
		if r.Kind != "" && r.IsError {
			o.Err = &ToolError{Kind: r.Kind, Message: r.Text}
		}
	}
}
