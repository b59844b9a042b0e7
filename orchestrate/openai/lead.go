package openai

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"orchrt/tokenizer/chat"
)

// Lead runs a Job that has several turns, with tools that the server executes
// between them. Turns of the model become events as those of any job;
// ToolProgress tells of the calls.
type Lead struct {
	// Run makes the turns and sends what happens. It sets the Finish of its
	// choice and returns soon after ctx ends. Fields of Lead and Job may change
	// until it returns.
	Run func(ctx context.Context, send func(Event)) *Error
	// Report is the run in the Extension of the answer.
	Report any
	// Messages is the conversation up to the end, but for instructions; nil: it
	// follows from the answer.
	Messages []chat.Message

	// separate puts an empty line between the texts of two turns.
	separate bool
	job      *Job
	start    time.Time
	usage    Usage
	// decoding is the time between the first and the last tokens of the turns,
	// drawn the tokens drawn in it.
	decoding time.Duration
	drawn    int
}

// Lead prepares a job that l runs for r. It checks what does not depend on
// prompts; those are l's own.
func (b *Backend) Lead(r *ChatRequest, l *Lead) (*Job, *Error) {
	if err := b.checkModel(r.Model); err != nil {
		return nil, err
	}
	const one = "%q does not go together with tools that the server executes; leave it out, or send \"orchrt\": {\"tools\": false}"
	switch s := &r.Sampling; {
	case r.N != 1:
		return nil, invalid("n", CodeUnsupported, one, "n")
	case s.Logprobs != nil && *s.Logprobs:
		return nil, invalid("logprobs", CodeUnsupported, one, "logprobs")
	case r.TokenIDs:
		return nil, invalid("return_token_ids", CodeUnsupported, one, "return_token_ids")
	}
	base := b.Defaults
	if r.Thinking != nil && !*r.Thinking {
		base = b.NoThinking
	}
	p, err := b.params(base, r.Sampling)
	if err != nil {
		return nil, err
	}
	if err := b.checkIDs("stop_token_ids", r.Limits.StopIDs); err != nil {
		return nil, err
	}
	j := &Job{ID: newID("chatcmpl-"), chat: true, thinking: r.Thinking, n: 1, Stream: r.Stream, IncludeUsage: r.IncludeUsage,
		b: b, Created: time.Now(), Params: p, MaxTokens: r.Limits.MaxTokens, Choices: []*Choice{{}}, lead: l}
	j.Choices[0].Request.Params = p
	l.job = j
	return j, nil
}

// run is the goroutine of a led job.
func (l *Lead) run(ctx context.Context, j *Job, out chan<- Event) {
	defer close(out)
	l.start = time.Now()
	c := j.Choices[0]
	last, ended := "", false // the text before, and whether a turn ended since
	send := func(e Event) {
		e.Choice = c
		switch {
		case e.Kind == ToolProgress && e.Tool.Stage == TurnCost:
			ended = true
		case e.Kind == TextAdded:
			if gap := 2 - len(last) + len(strings.TrimRight(last, "\n")); l.separate && last != "" && ended && gap > 0 {
				e.Text = strings.Repeat("\n", gap) + e.Text
			}
			last, ended = e.Text, false
		}
		select {
		case out <- e:
		case <-ctx.Done():
		}
	}
	if err := l.guarded(ctx, send); err != nil {
		send(Event{Kind: Failed, Err: err})
		return
	}
	if c.Finish == "" {
		send(Event{Kind: Failed, Err: internal(fmt.Errorf("the run of %s ended without a reason", j.ID))})
		return
	}
	send(Event{Kind: Finished})
}

// guarded runs the turns; a panic fails the job only.
func (l *Lead) guarded(ctx context.Context, send func(Event)) (err *Error) {
	defer func() {
		if p := recover(); p != nil {
			err = internal(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return l.Run(ctx, send)
}

// Job is what l leads.
func (l *Lead) Job() *Job { return l.job }

// Count adds a turn that has ended to the job's tokens and times.
func (l *Lead) Count(turn *Job) {
	c, t := l.job.Choices[0], turn.Choices[0]
	u := turn.Usage()
	if l.usage.CompletionTokens == 0 {
		begun := time.Since(l.start) - t.Last // the turn's own times count from its start
		c.Queued, c.First = begun+t.Queued, begun+t.First
	}
	c.Last = time.Since(l.start)
	l.decoding += t.Last - t.First
	l.drawn += max(t.Generated-1, 0)
	c.Generated += t.Generated
	c.Reasoning += t.Reasoning
	c.Cached += t.Cached
	c.Request.Prompt, c.Request.MaxTokens = t.Request.Prompt, t.Request.MaxTokens
	l.job.Warnings = merge(l.job.Warnings, turn.Warnings)
	l.usage.PromptTokens += u.PromptTokens
	l.usage.CompletionTokens += u.CompletionTokens
	l.usage.TotalTokens += u.TotalTokens
	l.usage.PromptDetails.CachedTokens += u.PromptDetails.CachedTokens
	l.usage.CompletionDetail.ReasoningTokens += u.CompletionDetail.ReasoningTokens
}

// merge adds the texts that list lacks.
func merge(list, more []string) []string {
	have := make(map[string]bool, len(list))
	for _, s := range list {
		have[s] = true
	}
	for _, s := range more {
		if !have[s] {
			list = append(list, s)
		}
	}
	return list
}

// ToolStage says how far a call has come that the server executes.
type ToolStage string

// The stages. TurnCost is no call: it tells what a turn of the model cost.
const (
	ToolStarted  ToolStage = "call"
	ToolEnded    ToolStage = "result"
	ToolWaits    ToolStage = "approval"         // for an answer to the question Approval, while the request goes on
	ToolDeferred ToolStage = "approval_request" // for an answer that comes with a later request
	TurnCost     ToolStage = "turn"
)

// ToolEvent is something that happened in a run on the server.
type ToolEvent struct {
	Stage     ToolStage `json:"type"`
	Round     int       `json:"round"`
	ID        string    `json:"id,omitempty"` // of the call
	Name      string    `json:"name,omitempty"`
	Server    string    `json:"server_label,omitempty"`
	Arguments string    `json:"arguments,omitempty"` // JSON text
	Approval  string    `json:"approval_id,omitempty"`
	Reason    string    `json:"reason,omitempty"` // of an approval
	Output    string    `json:"output,omitempty"`
	Error     string    `json:"error,omitempty"` // the kind of a failure
	Usage     *Usage    `json:"usage,omitempty"` // of a turn
	USD       float64   `json:"usd"`
	Seconds   float64   `json:"seconds"`
}

// toolChunk is a chunk that adds nothing to the message and carries an event,
// so that clients which do not know of it pass over it.
func (j *Job) toolChunk(e Event) any {
	type progress struct {
		Event *ToolEvent `json:"event"`
	}
	return &struct {
		ChatChunk
		Extension progress `json:"orchrt"`
	}{*j.chatChunk(e.Choice, Delta{}), progress{e.Tool}}
}
