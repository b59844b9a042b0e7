package hosted

import "orchrt/orchestrate"

// Report is a run in the answer's "orchrt": what was called and what it cost.
type Report struct {
	ID      string            `json:"id"`
	Profile string            `json:"profile"`
	Finish  string            `json:"finish"`           // answer, length, tool_calls, approval, rounds or budget
	Answer  string            `json:"answer,omitempty"` // the text of the last turn alone
	Forced  string            `json:"forced,omitempty"`
	Rounds  int               `json:"rounds"`
	Calls   []Call            `json:"calls"`
	Costs   []orchestrate.Sum `json:"costs"`
	USD     float64           `json:"usd"`
	Seconds float64           `json:"seconds"`
	Notes   []string          `json:"warnings,omitempty"`
}

// Call is one call that was executed or refused.
type Call struct {
	Round     int                   `json:"round"`
	ID        string                `json:"id"`
	Server    string                `json:"server_label,omitempty"`
	Name      string                `json:"name"`
	Arguments string                `json:"arguments"`
	Model     string                `json:"model,omitempty"`
	Output    string                `json:"output"`
	Error     orchestrate.ErrorKind `json:"error,omitempty"`
	USD       float64               `json:"usd"`
	Seconds   float64               `json:"seconds"`
}

// report is that of a run.
func report(r *orchestrate.Run, labels map[string]string) *Report {
	out := &Report{ID: r.ID, Profile: r.Profile, Finish: r.Finish, Answer: r.Answer, Forced: r.Forced, Rounds: r.Rounds, Calls: []Call{},
		Costs: r.Ledger.By(nil), USD: r.Ledger.Cost().USD, Seconds: r.Wall.Seconds(), Notes: r.Warnings}
	for _, c := range r.Calls {
		out.Calls = append(out.Calls, Call{Round: c.Round, ID: c.Call.ID, Server: labels[c.Call.Name], Name: c.Call.Name, Arguments: c.Call.Arguments,
			Model: c.Model, Output: c.Text, Error: c.Error, USD: c.USD, Seconds: c.Seconds})
	}
	return out
}
