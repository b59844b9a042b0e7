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
