package orchestrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

// execute runs the actions of a step, at the same time as far as allowed, and
// returns their outcomes in the same order.
func (x *run) execute(ctx context.Context, actions []Action) []Outcome {
	out := make([]Outcome, len(actions))
	slots := make(chan struct{}, x.opt.MaxParallel)
	var wg sync.WaitGroup
	calls := make([]call, len(actions))
	for i, a := range actions {
		x.actions++
		calls[i] = call{x: x, Action: a, out: &out[i], slots: slots, round: x.rec.Rounds, number: x.actions}
		c := &calls[i]
		out[i].Action = a
		switch {
		case a.Refuse != nil:
			c.end(Result{}, a.Refuse, Cost{})
		case a.Tool.Executor == nil:
			out[i].Pending = true
		case !c.admit():
		case x.level(&a.Tool) == Auto:
			if c.reserve() { // in call order: what a budget allows does not depend on timing
				wg.Go(func() { c.run(ctx) })
			}
		default:
			wg.Go(func() {
				if c.approved(ctx) && c.reserve() {
					c.run(ctx)
				}
			})
		}
	}
	wg.Wait()
	for i := range out {
		if !out[i].Pending {
			x.rec.Calls = append(x.rec.Calls, calls[i].record())
		}
	}
	return out
}

// call is one action at work.
type call struct {
	Action
	x       *run
	round   int
	number  int // of the action in the run
	out     *Outcome
	entries []Entry // for the ledger
	slots   chan struct{}
	args    json.RawMessage
	times   int // identical calls before this one
	hold    *Hold
	timeout time.Duration
	began   time.Time
}

// admit checks the arguments and counts identical calls; false where the call
// has ended with an error.
func (c *call) admit() bool {
	x := c.x
	v, err := x.validator(&c.Tool)
	if err != nil {
		c.end(Result{Record: map[string]any{"error": err.Error()}}, toolError(Failed, "the tool's schema is broken; use another tool"), Cost{})
		return false
	}
	args, fault := v.check(c.Call.raw())
	if fault != nil {
		c.end(Result{}, fault, Cost{})
		return false
	}
	c.args = args
	key := c.Key
	if key == "" {
		key = c.Tool.Name + " " + canonical(args)
	}
	c.times = x.seen[key]
	if c.times >= x.opt.MaxRepeats {
		x.stubborn++
		c.end(Result{}, toolError(Repeated, "the same call was made %d times already and is not executed again; use its results, call something else, or answer", c.times), Cost{})
		return false
	}
	if x.opt.MaxCalls > 0 && x.executed >= x.opt.MaxCalls {
		x.stubborn++
		c.end(Result{}, toolError(Exhausted, "the %d calls that are allowed have been made; answer with their results", x.opt.MaxCalls), Cost{})
		return false
	}
	x.seen[key]++
	x.executed++
	return true
}

// validator is that of a tool, compiled once for each grammar.
func (x *run) validator(t *Tool) (*validator, error) {
	key := string(t.grammar())
	if v := x.validators[key]; v != nil {
		return v, nil
	}
	v, err := newValidator(t)
	if err != nil {
		return nil, err
	}
	for _, p := range v.skipped {
		x.warn(fmt.Sprintf("tool %s: the pattern %q is not checked again before a call: it has what Go's expressions lack", t.Name, p))
	}
	x.validators[key] = v
	return v, nil
}

// reserve sets the worst case aside; false where it does not fit.
func (c *call) reserve() bool {
	x := c.x
	c.timeout = c.Tool.timeout()
	if !x.deadline.IsZero() {
		c.timeout = min(c.timeout, time.Until(x.deadline)-x.finalTime())
	}
	worst := c.Tool.worst(c.args)
	worst.Seconds = (c.timeout + turnSlack).Seconds()
	err := errSeconds
	if c.timeout > 0 {
		if c.hold, err = x.budget.Reserve(worst); err == nil {
			return true
		}
	}
	x.mu.Lock()
	x.poor++
	x.mu.Unlock()
	c.end(Result{Record: map[string]any{"error": err.Error()}},
		toolError(Exhausted, "the remaining budget does not allow this call; use something cheaper, or answer"), Cost{})
	return false
}

// run executes the call within its time and settles it.
func (c *call) run(ctx context.Context) {
	x := c.x
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		c.x.settle(c.hold, Cost{})
		c.end(Result{}, toolError(Cancelled, "the run was cancelled"), Cost{})
		return
	}
	c.began = time.Now()
	c.x.send(Event{Kind: CallStarted, Round: c.round, Call: c.Call})
	c.x.trace.call(c)
	inner, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	inner, ended := x.spanCall(inner, c)
	defer func() { ended(c) }()
	res, err, returned := c.invoke(inner)
	took := time.Since(c.began)
	fault := c.fault(ctx, inner, err, &res)
	cost := c.Tool.Cost(res, took)
	if !returned { // what it does cost is not known
		cost.USD = max(cost.USD, c.Tool.worst(c.args).USD)
	}
	c.x.settle(c.hold, cost)
	c.end(res, fault, cost)
}

// invoke calls the executor; returned is false where it did not return soon
// after inner ended.
func (c *call) invoke(ctx context.Context) (res Result, err error, returned bool) {
	type answer struct {
		res Result
		err error
	}
	done := make(chan answer, 1)
	c.x.enterCall()
	go func() {
		defer c.x.leaveCall()
		defer func() {
			if p := recover(); p != nil {
				done <- answer{err: &panicError{p, debug.Stack()}}
			}
		}()
		res, err := c.Tool.Call(ctx, c.args)
		done <- answer{res, err}
	}()
	select {
	case a := <-done:
		return a.res, a.err, true
	case <-ctx.Done():
	}
	select {
	case a := <-done:
		return a.res, a.err, true
	case <-time.After(min(c.x.grace(), turnSlack/2)):
		return Result{}, ctx.Err(), false
	}
}

// panicError is what an executor panicked with.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.value, e.stack) }

// fault is what the model reads of err; res gets what the trace keeps.
func (c *call) fault(ctx, inner context.Context, err error, res *Result) *ToolError {
	if err == nil {
		return nil
	}
	record := make(map[string]any, len(res.Record)+1)
	for k, v := range res.Record {
		record[k] = v
	}
	record["error"] = err.Error()
	res.Record = record
	var own *ToolError
	switch isTool := errors.As(err, &own); {
	case ctx.Err() != nil:
		return toolError(Cancelled, "the run was cancelled")
	case isTool:
		if own.Cause != nil {
			record["cause"] = own.Cause.Error()
		}
		res.Usage = append(res.Usage, own.Usage...)
		return own
	case inner.Err() != nil:
		return toolError(Timeout, "the tool did not answer within %s", c.timeout.Round(time.Millisecond))
	}
	return toolError(Failed, "the tool failed")
}

// Cost is what a call with this result costs that took so long.
func (t *Tool) Cost(r Result, took time.Duration) Cost {
	seconds := r.Seconds
	if seconds == 0 {
		seconds = took.Seconds()
	}
	c := Cost{Seconds: took.Seconds()}
	c.USD = t.Price.PerRequest + t.Price.PerQuery*float64(r.Queries) + t.Price.PerSecond*seconds
	for _, u := range r.Usage {
		c.USD += t.usagePrice(u)
	}
	return c
}

// usagePrice is the price of what a model used in a call of the tool.
func (t *Tool) usagePrice(u ModelUsage) float64 {
	p := t.Price
	if u.Price != nil {
		p = *u.Price
	}
	return p.Tokens(u) + u.USD
}

// end makes the outcome: clean text within bounds, without secrets.
func (c *call) end(res Result, fault *ToolError, cost Cost) {
	x := c.x
	if fault != nil {
		shown := *fault
		shown.Message = clean(redact(fault.Message, x.secrets))
		fault = &shown
		res.IsError = true
		res.Text = "Error: " + fault.Message
	}
	text := clean(redact(res.Text, x.secrets))
	note := ""
	if c.times > 0 && fault == nil {
		note = fmt.Sprintf("\n[the same call was made %d times before]", c.times)
	}
	text, cut := CutText(text, max(c.Tool.maxResult()-len(note), 0))
	res.Text, res.Cut = text+note, res.Cut+cut
	if len(x.secrets) > 0 {
		res.Data = json.RawMessage(redact(string(res.Data), x.secrets))
		if res.Record != nil {
			res.Record = redactAny(res.Record, x.secrets).(map[string]any)
		}
	}
	if len(res.Data) == 0 {
		res.Data = nil
	}
	c.out.Result, c.out.Err = res, fault
	kind := ErrorKind("")
	if fault != nil {
		kind = fault.Kind
	} else if res.IsError {
		kind = Failed
	}
	c.entries = c.enter(res, kind, cost)
	x.enter(c.entries...)
	x.trace.result(c, kind, cost)
	x.send(Event{Kind: CallEnded, Round: c.round, Call: c.Call, Text: res.Text, Error: kind, USD: cost.USD, Seconds: cost.Seconds})
}

// enter makes the ledger's entries: one for each model, the first with the wall clock
// that the others do not claim.
func (c *call) enter(res Result, kind ErrorKind, cost Cost) []Entry {
	base := Entry{Round: c.round, Tool: c.Call.Name, Call: c.Call.ID, Error: kind}
	var out []Entry
	rest := cost
	for _, u := range res.Usage {
		e := base
		e.Model, e.Usage, e.USD, e.Seconds = u.Model, u, c.Tool.usagePrice(u), u.Seconds
		rest.USD -= e.USD
		rest.Seconds -= e.Seconds
		out = append(out, e)
	}
	switch {
	case len(out) == 0:
		e := base
		e.Queries, e.USD, e.Seconds = res.Queries, cost.USD, cost.Seconds
		out = append(out, e)
	default:
		out[0].Queries = res.Queries
		out[0].USD += max(rest.USD, 0)
		out[0].Seconds += max(rest.Seconds, 0)
	}
	out[0].First = true
	return out
}

// record is the call in the Run.
func (c *call) record() CallRecord {
	r := CallRecord{Round: c.round, Call: c.Call, Text: c.out.Result.Text, Error: c.entries[0].Error}
	var models []string
	for _, e := range c.entries {
		r.USD += e.USD
		r.Seconds += e.Seconds
		if e.Model != "" {
			models = append(models, e.Model)
		}
	}
	r.Model = strings.Join(models, ", ")
	return r
}
