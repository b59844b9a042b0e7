package orchestrate

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// Approval says who must agree to the calls of a tool. Larger is tighter.
type Approval int

// The approvals.
const (
	Auto Approval = iota // nobody
	Ask                  // the Approver, for each call
	Deny                 // the tool is not offered
)

// String returns auto, ask or deny.
func (a Approval) String() string {
	switch a {
	case Auto:
		return "auto"
	case Ask:
		return "ask"
	case Deny:
		return "deny"
	}
	return fmt.Sprintf("Approval(%d)", int(a))
}

// ParseApproval reads auto, ask or deny.
func ParseApproval(s string) (Approval, error) {
	switch s {
	case "auto":
		return Auto, nil
	case "ask":
		return Ask, nil
	case "deny":
		return Deny, nil
	}
	return Deny, fmt.Errorf("approval is %q, want auto, ask or deny", s)
}

// MarshalText implements encoding.TextMarshaler.
func (a Approval) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Approval) UnmarshalText(b []byte) (err error) {
	*a, err = ParseApproval(string(b))
	return err
}

// Approver decides about calls whose tool says Ask. It may take as long as ctx
// lasts; no answer until then is a denial.
type Approver func(ctx context.Context, q ApprovalQuestion) ApprovalAnswer

// ApprovalQuestion is a call that somebody must agree to.
type ApprovalQuestion struct {
	ID        string // of this question
	Run       string
	Call      Call
	Tool      string
	Reason    string // why it is asked
	Arguments json.RawMessage
}

// ApprovalAnswer is the decision.
type ApprovalAnswer struct {
	Approve  bool
	Message  string // for the model, where it is denied
	Remember bool   // agree to the further calls of this tool in this run
	// Defer ends the run with the call among its Run.Deferred: the decision comes
	// later, as one of the Options.Decisions of another run.
	Defer bool
}

// DefaultApprovalWait is how long an answer is waited for.
const DefaultApprovalWait = 5 * time.Minute

// Grants remembers which fingerprint of a tool was agreed to. It is safe for
// concurrent use; its JSON is an object of names and fingerprints, to be kept
// between runs.
type Grants struct {
	mu   sync.Mutex
	seen map[string]string
}

// Changed reports that name was agreed to with another fingerprint. A tool that
// is met for the first time has not changed.
func (g *Grants) Changed(name, fingerprint string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	old, ok := g.seen[name]
	return ok && old != fingerprint
}

// Agree records the fingerprint of name.
func (g *Grants) Agree(name, fingerprint string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seen == nil {
		g.seen = make(map[string]string)
	}
	g.seen[name] = fingerprint
}

// MarshalJSON implements json.Marshaler.
func (g *Grants) MarshalJSON() ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seen == nil {
		return []byte("{}"), nil
	}
	return json.Marshal(g.seen)
}

// UnmarshalJSON implements json.Unmarshaler.
func (g *Grants) UnmarshalJSON(b []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen = nil
	return json.Unmarshal(b, &g.seen)
}

// level is the approval that calls of the tool need.
func (x *run) level(t *Tool) Approval {
	x.mu.Lock()
	defer x.mu.Unlock()
	if t.Approval == Ask && x.granted[t.Name] {
		return Auto
	}
	return t.Approval
}

// agreed leaves out the tools that have changed since they were agreed to,
// unless the Approver agrees again: a changed description must not reach the
// model before somebody has seen it.
func (x *run) agreed(ctx context.Context, tools []Tool) []Tool {
	g := x.r.Grants
	if g == nil {
		return tools
	}
	drop := make([]bool, len(tools))
	var wg sync.WaitGroup
	for i := range tools {
		t := &tools[i]
		if t.Fingerprint == "" || !g.Changed(t.Name, t.Fingerprint) {
			continue
		}
		wg.Go(func() {
			a := x.ask(ctx, ApprovalQuestion{Tool: t.Name,
				Reason: "the description of this tool has changed since it was agreed to; it now is: " + clean(t.Description)})
			if drop[i] = !a.Approve; a.Approve {
				g.Agree(t.Name, t.Fingerprint)
			}
		})
	}
	wg.Wait()
	var out []Tool
	for i, t := range tools {
		if drop[i] {
			x.warn("the tool " + t.Name + " has changed since it was agreed to and is left out until it is approved again")
			continue
		}
		if t.Fingerprint != "" {
			g.Agree(t.Name, t.Fingerprint)
		}
		out = append(out, t)
	}
	return out
}

// ask puts a question to the Approver; where there is none, or no answer comes
// in time, the answer is no.
func (x *run) ask(ctx context.Context, q ApprovalQuestion) ApprovalAnswer {
	approve := x.opt.Approve
	if approve == nil {
		approve = x.r.Approve
	}
	if approve == nil {
		return ApprovalAnswer{Message: "nobody is there to approve it"}
	}
	wait := x.r.ApprovalWait
	if wait <= 0 {
		wait = DefaultApprovalWait
	}
	x.mu.Lock()
	x.asked++
	q.ID, q.Run = fmt.Sprintf("%s_%d", x.opt.ID, x.asked), x.opt.ID
	x.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	done := make(chan ApprovalAnswer, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- ApprovalAnswer{Message: "the approval failed"}
			}
		}()
		done <- approve(ctx, q)
	}()
	x.send(Event{Kind: ApprovalWanted, Call: q.Call, Text: q.ID, Reason: q.Reason})
	select {
	case a := <-done:
		return a
	case <-ctx.Done():
		return ApprovalAnswer{Message: "nobody answered in time"}
	}
}

// approved asks about a call, unless that has been decided before the run; false
// where the call has ended with a refusal, or is deferred.
func (c *call) approved(ctx context.Context) bool {
	if c.x.level(&c.Tool) == Ask {
		a, decided := c.x.opt.Decisions[c.Call.ID]
		if !decided {
			a = c.x.ask(ctx, ApprovalQuestion{Call: c.Call, Tool: c.Tool.Name, Arguments: c.args, Reason: "the tool asks for it"})
		}
		if a.Defer {
			c.out.Pending, c.out.Deferred = true, true
			return false
		}
		if !a.Approve {
			text := "the call was not approved"
			if a.Message != "" {
				text += ": " + a.Message
			}
			c.end(Result{}, toolError(Refused, "%s", text), Cost{})
			return false
		}
		if a.Remember {
			c.x.mu.Lock()
			if c.x.granted == nil {
				c.x.granted = make(map[string]bool)
			}
			c.x.granted[c.Tool.Name] = true
			c.x.mu.Unlock()
		}
	}
	return true
}
