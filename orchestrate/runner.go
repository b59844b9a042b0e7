package orchestrate

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"

	"orchrt/sampler"
	"orchrt/tokenizer/chat"
)

// Runner answers questions with one policy and one set of tools. Its fields do
// not change while it runs; any number of runs may go on at the same time.
type Runner struct {
	Policy    Policy
	Model     string // the policy's name in ledgers and traces
	Price     Price  // of the policy's tokens and seconds
	Tokenizer Tokenizer
	Context   int // tokens of the policy's prompt and answer together; 0: not known
	Profile   Profile
	Tools     []Tool

	Budget  *Budget // what all runs together may cost; nil: no limit
	Ledger  *Ledger // gets the entries of all runs; nil: each run has its own only
	Approve Approver
	// ApprovalWait is how long Approve may take; 0: DefaultApprovalWait.
	ApprovalWait time.Duration
	Grants       *Grants // which fingerprints were agreed to; nil: any
	// Secrets are texts, such as keys, that are cut out of all that tools give.
	Secrets []string
	// Tracer makes a span of each run, turn and call; nil: none.
	Tracer trace.Tracer
	// Grace is how long a cancelled call may take to return; 0: 5 seconds.
	Grace time.Duration
}

// Options are what one run may set. The zero value is ready.
type Options struct {
	ID        string  // of the run; "": a new one
	Profile   Profile // nil: the Runner's
	Budget    Limits  // Seconds are those of the clock
	Prefer    string  // how the user wants it done, in words
	Selection         // which of the tools
	// Approvals tighten those of the tools by name; * stands for all but those of
	// the client.
	Approvals map[string]Approval
	// Approve decides in place of the Runner's, if not nil.
	Approve Approver
	// Decisions are those about calls that an earlier run deferred and that the
	// history ends with, by their ids. Where there are any, the run begins with
	// these calls.
	Decisions map[string]ApprovalAnswer
	// Choice says whether the first turn must call, and what.
	Choice Choice

	MaxRounds   int           // turns of the policy; 0: 50
	MaxParallel int           // calls at the same time; 0: 32
	MaxRepeats  int           // identical calls that are executed; 0: 3
	MaxCalls    int           // calls that are executed in all; 0: no limit
	TurnTimeout time.Duration // of one turn; 0: no limit but the budget's
	MaxTokens   int           // of a turn; 0: the profile's own
	FinalTokens int           // of a forced answer; 0: 2048
	Sampling    sampler.Settings
	Thinking    *bool
	Stream      bool // report Delta events
	Trace       io.Writer
}

// The defaults of Options and Runner.
const (
	defaultRounds      = 50
	defaultParallel    = 32
	defaultRepeats     = 3
	defaultFinalTokens = 2048
	defaultGrace       = 5 * time.Second
	defaultTurnTimeout = 10 * time.Minute // where the seconds of a turn cost something
	maxRounds          = 10000
)

// The values of Run.Finish.
const (
	FinishAnswer    = "answer"     // the policy, or its answer tool, answered
	FinishLength    = "length"     // the answer broke off at its token limit
	FinishCalls     = "tool_calls" // Pending calls are for the client
	FinishApproval  = "approval"   // Deferred calls wait for a decision
	FinishRounds    = "rounds"     // no answer within the rounds
	FinishBudget    = "budget"     // no answer within the budget
	FinishCancelled = "cancelled"
	FinishError     = "error"
)

// FinishTimeout is the Finish of a PolicyTurn that took too long: it holds no
// content and no calls.
const FinishTimeout = "timeout"

// Run is what came of a question.
type Run struct {
	ID       string
	Profile  string
	Answer   string
	Finish   string
	Forced   string // why the answer was forced; "" where it was not
	Rounds   int
	Pending  []Call // of Finish tool_calls: the client executes them
	Deferred []Call // a later run executes them, once they are approved
	Calls    []CallRecord
	Messages []chat.Message // the conversation, for a further question
	Ledger   *Ledger
	Wall     time.Duration
	Warnings []string
	// Abandoned counts calls that did not return when they were cancelled.
	Abandoned int
	// Overrun counts turns and calls that cost more than their worst case.
	Overrun int
}

// CallRecord is one call of a run.
type CallRecord struct {
	Round   int       `json:"round"`
	Call    Call      `json:"call"`
	Model   string    `json:"model,omitempty"`
	Text    string    `json:"text"`
	Error   ErrorKind `json:"error,omitempty"`
	USD     float64   `json:"usd"`
	Seconds float64   `json:"seconds"`
}

// Run answers q. Events go to observe, which may be nil and is never called
// twice at the same time. Where something had begun the Run tells it even beside
// an error. When ctx ends, everything that the run started is cancelled and
// waited for.
func (r *Runner) Run(ctx context.Context, q Question, opt Options, observe func(Event)) (*Run, error) {
	start := time.Now()
	x, err := r.begin(ctx, q, opt, observe)
	if err != nil {
		return nil, err
	}
	x.start = start
	if s := opt.Budget.Seconds; s > 0 {
		var cancel context.CancelFunc
		// A moment before the end, for what is cancelled then to return.
		s = min(s, 1e9)
		x.deadline = start.Add(time.Duration((s - min(s/50, 0.1)) * float64(time.Second)))
		ctx, cancel = context.WithDeadlineCause(ctx, x.deadline, errSeconds)
		defer cancel()
	}
	ctx, cancel := context.WithCancel(ctx)
	ctx, ended := x.spanRun(ctx)
	err = x.loop(ctx)
	cancelled := err != nil && ctx.Err() != nil && !errors.Is(context.Cause(ctx), errSeconds)
	cancel()
	if cancelled {
		x.wait()
	}
	rec, err := x.finish(err, cancelled)
	ended(rec, err)
	return rec, err
}

// errSeconds is the cause of a context that the budget ends.
var errSeconds = errors.New("orchestrate: the budget's seconds are used up")

// begin checks everything that can be checked before the first turn.
func (r *Runner) begin(ctx context.Context, q Question, opt Options, observe func(Event)) (*run, error) {
	p := opt.Profile
	if p == nil {
		p = r.Profile
	}
	if p == nil || r.Policy == nil {
		panic("orchestrate: a Runner needs a Policy and a Profile")
	}
	if err := opt.check(); err != nil {
		return nil, err
	}
	budget, err := NewBudget(Limits{USD: opt.Budget.USD})
	if err != nil {
		return nil, err
	}
	budget.parent = r.Budget
	opt.defaults()
	x := &run{r: r, opt: opt, observe: observe, budget: budget, ledger: &Ledger{}, validators: make(map[string]*validator),
		seen: make(map[string]int), secrets: longestFirst(r.Secrets), rec: &Run{ID: opt.ID, Profile: p.Name()}}
	x.trace = newTracer(opt.Trace)
	tools, err := x.select_(ctx)
	if err != nil {
		return nil, err
	}
	setup := Setup{Question: q, Prefer: opt.Prefer, Tools: tools, Tokenizer: r.Tokenizer, Context: r.Context,
		MaxTokens: opt.MaxTokens, Sampling: opt.Sampling, Thinking: opt.Thinking, Choice: opt.Choice}
	if x.ep, err = p.Begin(setup); err != nil {
		return nil, err
	}
	if err := x.holdFinal(); err != nil {
		return nil, fmt.Errorf("orchestrate: the budget does not allow one answer: %w", err)
	}
	x.trace.run(x, setup)
	return x, nil
}

// check reports options that are none.
func (o *Options) check() error {
	if err := o.Budget.Check(); err != nil {
		return err
	}
	for _, v := range []struct {
		name string
		n    int
	}{{"MaxRounds", o.MaxRounds}, {"MaxParallel", o.MaxParallel}, {"MaxRepeats", o.MaxRepeats}, {"MaxCalls", o.MaxCalls}, {"MaxTokens", o.MaxTokens},
		{"FinalTokens", o.FinalTokens}, {"TurnTimeout", int(o.TurnTimeout)}, {"MaxLatency", int(o.MaxLatency)}} {
		if v.n < 0 {
			return fmt.Errorf("orchestrate: %s is %d, want 0 or more", v.name, v.n)
		}
	}
	if o.MaxRounds > maxRounds {
		return fmt.Errorf("orchestrate: MaxRounds is %d, at most %d are allowed", o.MaxRounds, maxRounds)
	}
	if !(o.MaxPrice >= 0) {
		return fmt.Errorf("orchestrate: MaxPrice is %v dollars, want 0 or more", o.MaxPrice)
	}
	return nil
}

func (o *Options) defaults() {
	o.ID = cmp.Or(o.ID, newID())
	o.MaxRounds = cmp.Or(o.MaxRounds, defaultRounds)
	o.MaxParallel = cmp.Or(o.MaxParallel, defaultParallel)
	o.MaxRepeats = cmp.Or(o.MaxRepeats, defaultRepeats)
	o.FinalTokens = cmp.Or(o.FinalTokens, defaultFinalTokens)
}

// resumes reports that the run begins with calls of its history.
func (o *Options) resumes() bool { return len(o.Decisions) > 0 }

// newID names a run.
func newID() string {
	var b [12]byte
	rand.Read(b[:]) // never fails
	return "run_" + hex.EncodeToString(b[:])
}

// select_ returns the tools of the run: checked, restricted, agreed to.
func (x *run) select_(ctx context.Context) ([]Tool, error) {
	seen := make(map[string]bool)
	for i := range x.r.Tools {
		t := &x.r.Tools[i]
		switch {
		case t.Name == "":
			return nil, fmt.Errorf("orchestrate: tool %d has no name", i)
		case seen[t.Name]:
			return nil, fmt.Errorf("orchestrate: two tools are called %q", t.Name)
		}
		seen[t.Name] = true
		if fault := t.priceFault(); fault != "" {
			return nil, fmt.Errorf("orchestrate: tool %s: %s", t.Name, fault)
		}
	}
	for name := range x.opt.Approvals {
		if name != "*" && !seen[name] {
			return nil, fmt.Errorf("orchestrate: an approval names the tool %q, which there is not", name)
		}
	}
	tools, err := x.opt.Selection.apply(x.r.Tools)
	if err != nil {
		return nil, err
	}
	for i := range tools {
		t := &tools[i]
		if !t.Client() {
			t.Approval = max(t.Approval, x.opt.Approvals[t.Name], x.opt.Approvals["*"])
		}
	}
	tools = slices.DeleteFunc(tools, func(t Tool) bool { return t.Approval >= Deny })
	return x.agreed(ctx, tools), nil
}

// priceFault is the first price of the tool that is none.
func (t *Tool) priceFault() string {
	fault := t.Price.check()
	for _, e := range t.Experts {
		fault = cmp.Or(fault, e.Price.check())
	}
	return fault
}

// finish completes the Run.
func (x *run) finish(err error, cancelled bool) (*Run, error) {
	rec := x.rec
	rec.Ledger, rec.Messages, rec.Wall = x.ledger, x.ep.Messages(), time.Since(x.start)
	x.final.Settle(Cost{})
	x.mu.Lock()
	rec.Abandoned, rec.Overrun = x.running, x.overrun
	x.mu.Unlock()
	switch {
	case cancelled:
		rec.Finish, err = FinishCancelled, cmp.Or(err, context.Canceled)
	case err != nil:
		rec.Finish = FinishError
	}
	x.trace.end(rec, err)
	x.send(Event{Kind: RunEnded, Text: rec.Answer, Finish: rec.Finish, Err: err})
	return rec, errors.Join(err, x.trace.err)
}
