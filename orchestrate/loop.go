package orchestrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"sync"
	"time"
)

// run is one question at work. The goroutine of Runner.Run owns it; mu guards
// what calls share.
type run struct {
	r        *Runner
	opt      Options
	observe  func(Event)
	events   sync.Mutex
	ep       Episode
	rec      *Run
	budget   *Budget
	final    *Hold // what the last turn may cost
	ledger   *Ledger
	trace    *tracer
	secrets  []string
	start    time.Time
	deadline time.Time // zero: none
	longest  time.Duration

	validators map[string]*validator
	seen       map[string]int // calls by key
	actions    int            // so far
	executed   int            // calls that were admitted
	stubborn   int            // repeated calls that were refused
	poor       int            // calls that the budget refused
	lost       int            // rounds in a row that led nowhere

	mu       sync.Mutex
	granted  map[string]bool // tools agreed to for the run
	asked    int
	running  int           // goroutines of calls and turns
	idle     chan struct{} // closed when running falls to 0, if not nil
	overrun  int
	warnings map[string]bool
}

// Bounds of what a run puts up with.
const (
	maxStubborn = 2 // refused repetitions, or refusals of the budget, before the answer is forced
	maxLost     = 5 // rounds in a row without call and answer
	finalTries  = 3 // forced turns
)

// loop runs turns until the answer.
func (x *run) loop(ctx context.Context) error {
	forced := 0
	if err := x.resume(ctx); err != nil {
		return err
	}
	for n := 1; len(x.rec.Pending)+len(x.rec.Deferred) == 0; n++ {
		rd := Round{N: n, Reason: x.mustEnd(n)}
		if rd.Final = rd.Reason != ""; rd.Final {
			forced++
		}
		if forced > finalTries {
			x.rec.Finish = x.outOf()
			return nil
		}
		step, err := x.round(ctx, rd)
		switch {
		case errors.Is(err, errPoor) && !rd.Final:
			x.poor = maxStubborn // the next is final
			n--
			continue
		case errors.Is(err, errPoor), err != nil && errors.Is(context.Cause(ctx), errSeconds):
			x.rec.Finish = FinishBudget
			return nil
		case err != nil:
			return err
		case len(x.rec.Pending)+len(x.rec.Deferred) > 0:
			continue
		case step.Done:
			x.rec.Answer, x.rec.Finish = step.Answer, FinishAnswer
			if step.Finish != "" {
				x.rec.Finish = step.Finish
			}
			return nil
		case step.Problem == "":
			x.lost = 0
			continue
		}
		x.send(Event{Kind: RoundLost, Text: step.Problem})
		x.trace.lost(n, step.Problem)
		if x.lost++; x.lost > maxLost && !rd.Final {
			return fmt.Errorf("orchestrate: %d turns in a row led nowhere; the last: %s", x.lost, step.Problem)
		}
	}
	if x.rec.Finish = FinishApproval; len(x.rec.Pending) > 0 {
		x.rec.Finish = FinishCalls
	}
	return nil
}

// outOf says which bound left the run without an answer.
func (x *run) outOf() string {
	if x.rec.Forced == reasonRounds {
		return FinishRounds
	}
	return FinishBudget
}

// The reasons for which an answer is forced, as the model reads them.
const (
	reasonRounds   = "this is the last round"
	reasonTime     = "the time is nearly used up"
	reasonBudget   = "the budget is nearly used up"
	reasonRepeated = "the same calls were repeated"
)

// mustEnd says why round n must bring the answer; "" where it need not.
func (x *run) mustEnd(n int) string {
	reason := ""
	switch {
	case x.rec.Forced != "":
		return x.rec.Forced
	case n >= x.opt.MaxRounds:
		reason = reasonRounds
	case !x.deadline.IsZero() && time.Until(x.deadline) <= x.finalTime():
		reason = reasonTime
	case x.poor >= maxStubborn:
		reason = reasonBudget
	case x.stubborn >= maxStubborn:
		reason = reasonRepeated
	}
	x.rec.Forced = reason
	return reason
}

// finalTime is kept for the answer: a tenth of the time, or what the longest
// turn took and a quarter more, but no more than half of the time.
func (x *run) finalTime() time.Duration {
	total := x.deadline.Sub(x.start)
	return min(max(total/10, x.longest+x.longest/4), total/2)
}

// holdFinal reserves what a forced answer may cost.
func (x *run) holdFinal() (err error) {
	c := x.worstUsage(ModelUsage{Input: x.finalInput(), Output: x.opt.FinalTokens}, 0)
	if f, ok := x.ep.(FinalCoster); ok {
		c = c.Add(f.FinalCost())
	}
	x.final, err = x.budget.Reserve(Cost{USD: c.USD})
	return err
}

// finalInput is the most tokens that the prompt of the last turn can have.
func (x *run) finalInput() int {
	if x.r.Context > 0 {
		return x.r.Context
	}
	return 128 << 10
}

// errPoor says that a turn does not fit the budget.
var errPoor = errors.New("orchestrate: the budget does not allow another turn")

// round makes one turn and executes what it asks for.
func (x *run) round(ctx context.Context, rd Round) (Step, error) {
	x.rec.Rounds = rd.N
	if rd.Final {
		x.final.Settle(Cost{})
		rd.MaxTokens = x.opt.FinalTokens
		if left := x.budget.Left().USD; !math.IsInf(left, 1) {
			left = max(left-x.worstUsage(ModelUsage{Input: x.finalInput(), Output: rd.MaxTokens}, 0).USD, 0)
			rd.USD = &left
		}
	}
	req, err := x.ep.Request(rd)
	if err != nil {
		return Step{}, err
	}
	hold, timeout, err := x.holdTurn(ctx, &req, rd.Final)
	if err != nil {
		return Step{}, err
	}
	x.send(Event{Kind: RoundStarted, Text: rd.Reason})
	turn, err := x.turn(ctx, rd, req, hold, timeout)
	if err != nil {
		return Step{}, err
	}
	step, err := x.ep.Turn(turn)
	if err != nil {
		return step, err
	}
	return x.follow(ctx, step)
}

// follow executes the actions of a step, and those that they lead to.
func (x *run) follow(ctx context.Context, step Step) (Step, error) {
	var err error
	for err == nil && len(step.Actions) > 0 {
		out := x.execute(ctx, step.Actions)
		if ctx.Err() != nil {
			return step, context.Cause(ctx)
		}
		for _, o := range out {
			switch {
			case o.Deferred:
				x.rec.Deferred = append(x.rec.Deferred, o.Call)
			case o.Pending:
				x.rec.Pending = append(x.rec.Pending, o.Call)
			}
		}
		if step, err = x.ep.Results(out); len(x.rec.Pending)+len(x.rec.Deferred) > 0 {
			break
		}
	}
	return step, err
}

// resume executes the calls that the history ends with and that have been
// decided about since.
func (x *run) resume(ctx context.Context) error {
	if !x.opt.resumes() {
		return nil
	}
	ep, ok := x.ep.(Resumer)
	if !ok {
		return fmt.Errorf("orchestrate: the profile %s cannot go on from calls of an earlier run", x.rec.Profile)
	}
	_, err := x.follow(ctx, ep.Resume())
	return err
}

// holdTurn reserves the worst case of a turn and returns its time.
func (x *run) holdTurn(ctx context.Context, req *PolicyRequest, final bool) (*Hold, time.Duration, error) {
	worst, err := x.estimate(ctx, req)
	if err != nil {
		return nil, 0, err
	}
	timeout := x.turnTimeout(final)
	if timeout < 0 {
		return nil, 0, errPoor
	}
	for {
		c := x.worstUsage(worst, timeout)
		if timeout > 0 {
			c.Seconds = (timeout + turnSlack).Seconds()
		}
		hold, err := x.budget.Reserve(c)
		if err == nil {
			return hold, timeout, nil
		}
		// A forced answer may be shorter than wanted, but not nothing.
		if !final || worst.Output/2 < 128 {
			return nil, 0, errPoor
		}
		worst.Output /= 2
		req.MaxTokens = worst.Output
	}
}

// turnTimeout is how long the next turn may take; 0: as long as it wants;
// negative: there is no time left for it.
func (x *run) turnTimeout(final bool) time.Duration {
	t := x.opt.TurnTimeout
	if t == 0 && (x.r.Price.PerSecond > 0 || x.r.Budget != nil && x.r.Budget.limited[1]) {
		t = defaultTurnTimeout
	}
	if x.deadline.IsZero() {
		return t
	}
	left := time.Until(x.deadline)
	if !final {
		left -= x.finalTime()
	}
	switch {
	case left <= 0:
		return -1
	case t == 0:
		return left
	}
	return min(t, left)
}

// estimate is the most tokens that a turn can use.
func (x *run) estimate(ctx context.Context, req *PolicyRequest) (ModelUsage, error) {
	if e, ok := x.r.Policy.(Estimator); ok {
		return e.Estimate(ctx, req)
	}
	u := ModelUsage{Output: req.MaxTokens}
	for _, m := range req.Messages {
		u.Input += len(m.Content.String()) + 32
		for _, c := range m.ToolCalls {
			u.Input += len(c.Name) + len(c.Arguments) + 32
		}
	}
	for i := range req.Tools {
		u.Input += len(req.Tools[i].Definition()) + 32
	}
	if room := x.r.Context - u.Input; u.Output == 0 || x.r.Context > 0 && u.Output > room {
		u.Output = max(room, defaultFinalTokens)
	}
	return u, nil
}

// worstUsage is the most that a turn with these tokens costs which takes no
// longer than limit; 0 is the limit of any turn.
func (x *run) worstUsage(u ModelUsage, limit time.Duration) Cost {
	p := x.r.Price
	limit = cmp.Or(limit, x.opt.TurnTimeout, defaultTurnTimeout)
	// A turn that is cancelled at its limit takes a moment more.
	seconds := (limit + turnSlack).Seconds()
	return Cost{USD: float64(u.Input)*p.highestInput() + float64(u.Output)*p.Output + p.PerRequest + p.PerSecond*seconds}
}

// turnSlack is how much longer than its limit a turn or a call may take to end.
const turnSlack = time.Second

// turn runs the policy and settles what it cost.
func (x *run) turn(ctx context.Context, rd Round, req PolicyRequest, hold *Hold, timeout time.Duration) (PolicyTurn, error) {
	if x.opt.Stream {
		req.Stream = func(d Delta) { x.send(Event{Kind: DeltaAdded, Round: rd.N, Delta: d}) }
	}
	inner, cancel := ctx, context.CancelFunc(func() {})
	if timeout > 0 {
		inner, cancel = context.WithTimeout(ctx, timeout)
	}
	defer cancel()
	began := time.Now()
	inner, ended := x.spanTurn(inner, rd, &req)
	turn, err := x.next(inner, req)
	ended(&turn, err)
	took := time.Since(began)
	x.longest = max(x.longest, took)
	turn.Usage.Model, turn.Usage.Seconds = x.r.Model, took.Seconds()
	usd := x.r.Price.Tokens(turn.Usage) + x.r.Price.PerRequest + x.r.Price.PerSecond*took.Seconds()
	x.settle(hold, Cost{usd, took.Seconds()})
	for i := range turn.Calls {
		if turn.Calls[i].ID == "" {
			turn.Calls[i].ID = fmt.Sprintf("call_%d_%d", rd.N, i+1)
		}
	}
	e := Entry{Round: rd.N, Model: x.r.Model, First: true, Usage: turn.Usage, USD: usd, Seconds: took.Seconds()}
	late := err != nil && inner.Err() != nil && ctx.Err() == nil
	if late { // a turn too long is lost, not the run
		e.Error = Timeout
		turn.Content, turn.Calls, turn.Finish = "", nil, FinishTimeout
	} else if err != nil {
		e.Error = Failed
	}
	x.enter(e)
	x.trace.turn(rd, req, turn, usd, err)
	switch {
	case late:
		return turn, nil
	case ctx.Err() != nil:
		return turn, context.Cause(ctx)
	case err != nil:
		return turn, fmt.Errorf("orchestrate: round %d: %w", rd.N, err)
	}
	for _, w := range turn.Warnings {
		x.warn(w)
	}
	x.send(Event{Kind: TurnEnded, Turn: &turn, USD: usd, Seconds: took.Seconds()})
	return turn, nil
}

// next calls the policy; one that panics or does not return fails the run.
func (x *run) next(ctx context.Context, req PolicyRequest) (PolicyTurn, error) {
	type answer struct {
		turn PolicyTurn
		err  error
	}
	done := make(chan answer, 1)
	x.enterCall()
	go func() {
		defer x.leaveCall()
		defer func() {
			if p := recover(); p != nil {
				done <- answer{err: fmt.Errorf("the policy panicked: %v\n%s", p, debug.Stack())}
			}
		}()
		turn, err := x.r.Policy.Next(ctx, req)
		done <- answer{turn, err}
	}()
	select {
	case a := <-done:
		return a.turn, a.err
	case <-ctx.Done():
	}
	select {
	case a := <-done:
		if a.err == nil {
			a.err = context.Cause(ctx)
		}
		return a.turn, a.err
	case <-time.After(x.grace()):
		return PolicyTurn{}, fmt.Errorf("the policy did not return %v after it was cancelled", x.grace())
	}
}

// grace is how long something cancelled may take to return.
func (x *run) grace() time.Duration {
	if x.r.Grace > 0 {
		return x.r.Grace
	}
	return defaultGrace
}

// settle ends a reservation.
func (x *run) settle(h *Hold, c Cost) {
	if h.Settle(c) {
		x.mu.Lock()
		x.overrun++
		x.mu.Unlock()
	}
}

// enter writes entries to the ledgers.
func (x *run) enter(entries ...Entry) {
	for i := range entries {
		entries[i].Run = x.rec.ID
	}
	x.ledger.Add(entries...)
	if x.r.Ledger != nil {
		x.r.Ledger.Add(entries...)
	}
}

// warn records a warning once.
func (x *run) warn(text string) {
	if !x.warnings[text] {
		if x.warnings == nil {
			x.warnings = make(map[string]bool)
		}
		x.warnings[text] = true
		x.rec.Warnings = append(x.rec.Warnings, text)
	}
}

// enterCall and leaveCall count the goroutines of turns and calls.
func (x *run) enterCall() {
	x.mu.Lock()
	x.running++
	x.mu.Unlock()
}

func (x *run) leaveCall() {
	x.mu.Lock()
	if x.running--; x.running == 0 && x.idle != nil {
		close(x.idle)
		x.idle = nil
	}
	x.mu.Unlock()
}

// wait waits until everything that was started has returned, but no longer
// than the grace.
func (x *run) wait() {
	x.mu.Lock()
	if x.running == 0 {
		x.mu.Unlock()
		return
	}
	idle := make(chan struct{})
	x.idle = idle
	x.mu.Unlock()
	select {
	case <-idle:
	case <-time.After(x.grace()):
	}
}
