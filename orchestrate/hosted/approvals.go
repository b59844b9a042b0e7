package hosted

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"orchrt/orchestrate"
)

// Approvals are the questions that requests wait for. The zero value is ready.
type Approvals struct {
	mu   sync.Mutex
	open map[string]*waiting
}

// Approval is a question as clients see it.
type Approval struct {
	ID        string          `json:"id"`
	Run       string          `json:"run"`
	Name      string          `json:"name"` // of the tool
	Call      string          `json:"call_id,omitempty"`
	Arguments json.RawMessage `json:"arguments,omitempty"`
	Reason    string          `json:"reason"`
}

type waiting struct {
	owner string
	q     Approval
	reply chan orchestrate.ApprovalAnswer // holds one
}

// asker puts the questions of owner's runs on the list, and waits.
func (a *Approvals) asker(owner string) orchestrate.Approver {
	return func(ctx context.Context, q orchestrate.ApprovalQuestion) orchestrate.ApprovalAnswer {
		w := &waiting{owner: owner, reply: make(chan orchestrate.ApprovalAnswer, 1),
			q: Approval{ID: q.ID, Run: q.Run, Name: q.Tool, Call: q.Call.ID, Arguments: q.Arguments, Reason: q.Reason}}
		a.mu.Lock()
		if a.open == nil {
			a.open = make(map[string]*waiting)
		}
		a.open[q.ID] = w
		a.mu.Unlock()
		defer func() {
			a.mu.Lock()
			delete(a.open, q.ID)
			a.mu.Unlock()
		}()
		select {
		case answer := <-w.reply:
			return answer
		case <-ctx.Done():
			return orchestrate.ApprovalAnswer{Message: "nobody answered in time"}
		}
	}
}

// List is the open questions of owner's runs.
func (a *Approvals) List(owner string) []Approval {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := []Approval{}
	for _, w := range a.open {
		if w.owner == owner {
			out = append(out, w.q)
		}
	}
	slices.SortFunc(out, func(x, y Approval) int { return strings.Compare(x.ID, y.ID) })
	return out
}

// Answer decides a question; false where owner has no open one of this id.
func (a *Approvals) Answer(owner, id string, answer orchestrate.ApprovalAnswer) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := a.open[id]
	if w == nil || w.owner != owner {
		return false
	}
	delete(a.open, id)
	w.reply <- answer
	return true
}
