package orchestrate_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"orchrt/orchestrate"
)

func TestApprovals(t *testing.T) {
	yes := func(context.Context, orchestrate.ApprovalQuestion) orchestrate.ApprovalAnswer {
		return orchestrate.ApprovalAnswer{Approve: true}
	}
	no := func(context.Context, orchestrate.ApprovalQuestion) orchestrate.ApprovalAnswer {
		return orchestrate.ApprovalAnswer{Message: "not today"}
	}
	silent := func(ctx context.Context, _ orchestrate.ApprovalQuestion) orchestrate.ApprovalAnswer {
		<-ctx.Done()
		time.Sleep(10 * time.Millisecond)
		return orchestrate.ApprovalAnswer{Approve: true}
	}
	tests := []struct {
		name     string
		approval orchestrate.Approval
		request  orchestrate.Approval // of the run
		approve  orchestrate.Approver
		want     string // the result; "" where the tool is not offered
	}{
		{"auto", orchestrate.Auto, orchestrate.Auto, no, "echo"},
		{"ask, yes", orchestrate.Ask, orchestrate.Auto, yes, "echo"},
		{"ask, no", orchestrate.Ask, orchestrate.Auto, no, "not approved: not today"},
		{"ask, no answer", orchestrate.Ask, orchestrate.Auto, silent, "nobody answered in time"},
		{"ask, nobody", orchestrate.Ask, orchestrate.Auto, nil, "nobody is there"},
		{"tightened to ask", orchestrate.Auto, orchestrate.Ask, no, "not approved"},
		{"not loosened", orchestrate.Ask, orchestrate.Auto, no, "not approved"},
		{"deny", orchestrate.Deny, orchestrate.Auto, yes, ""},
		{"tightened to deny", orchestrate.Ask, orchestrate.Deny, yes, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := tool("echo", echo)
			e.Approval = tt.approval
			r, s := runner([]orchestrate.Tool{e}, calls("echo", `{"word":"a"}`), says("done"))
			r.Approve, r.ApprovalWait = tt.approve, 20*time.Millisecond
			got := run(t, r, orchestrate.Options{Approvals: map[string]orchestrate.Approval{"echo": tt.request}})
			if offered := len(s.seen[0].Tools) == 1; offered != (tt.want != "") {
				t.Fatalf("offered: %v", offered)
			}
			if !strings.Contains(got.Calls[0].Text, tt.want) {
				t.Errorf("result %q, want %q", got.Calls[0].Text, tt.want)
			}
		})
	}
}

func TestChangedToolAsksAgain(t *testing.T) {
	e := tool("mcp", echo)
	e.Fingerprint = "one"
	asked := 0
	agree := false
	grants := &orchestrate.Grants{}
	try := func() bool {
		r, s := runner([]orchestrate.Tool{e}, says("done"))
		r.Grants = grants
		r.Approve = func(context.Context, orchestrate.ApprovalQuestion) orchestrate.ApprovalAnswer {
			asked++
			return orchestrate.ApprovalAnswer{Approve: agree}
		}
		run(t, r, orchestrate.Options{})
		return len(s.seen[0].Tools) == 1
	}
	if !try() || asked != 0 {
		t.Fatal("the first time asks")
	}
	b, err := json.Marshal(grants)
	if err != nil {
		t.Fatal(err)
	}
	grants = &orchestrate.Grants{}
	if err := json.Unmarshal(b, grants); err != nil {
		t.Fatal(err)
	}
	e.Fingerprint = "two"
	if try() || asked != 1 {
		t.Error("a changed tool is offered without approval")
	}
	if agree = true; !try() || asked != 2 {
		t.Error("an approved change is not offered")
	}
	if !try() || asked != 2 {
		t.Error("an approved change asks again")
	}
}

func TestSelection(t *testing.T) {
	dear, slow := tool("dear", echo), tool("slow", echo)
	dear.Price.PerRequest, slow.Latency = 2, time.Minute
	choice := tool("choice", echo)
	choice.Role = orchestrate.RoleAnswer
	choice.Experts = []orchestrate.Expert{{Alias: "big", Price: orchestrate.Price{Output: 1e-3}, Latency: time.Minute}, {Alias: "small"}}
	tools := []orchestrate.Tool{tool("echo", echo), dear, slow, choice}
	tests := []struct {
		name   string
		s      orchestrate.Selection
		want   []string
		enum   string // in the grammar of choice
		failed bool
	}{
		{"all", orchestrate.Selection{}, []string{"echo", "dear", "slow", "choice"}, `"big", "small"`, false},
		{"allow", orchestrate.Selection{Allow: []string{"e*", "slow"}}, []string{"echo", "slow"}, "", false},
		{"deny", orchestrate.Selection{Deny: []string{"echo", "choice:big"}}, []string{"dear", "slow", "choice"}, `["small"]`, false},
		{"price", orchestrate.Selection{MaxPrice: 1}, []string{"echo", "slow", "choice"}, `["small"]`, false},
		{"latency", orchestrate.Selection{MaxLatency: time.Second}, []string{"echo", "dear", "choice"}, `["small"]`, false},
		{"misspelt", orchestrate.Selection{Deny: []string{"eco"}}, nil, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, s := runner(tools, says("done"))
			_, err := r.Run(context.Background(), orchestrate.Question{Text: "?"}, orchestrate.Options{Selection: tt.s}, nil)
			if (err != nil) != tt.failed {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			var got []string
			grammar := ""
			for _, tool := range s.seen[0].Tools {
				if got = append(got, tool.Name); tool.Name == "choice" {
					grammar = string(tool.Grammar)
				}
			}
			if !slices.Equal(got, tt.want) || !strings.Contains(grammar, tt.enum) {
				t.Errorf("offered %v with %s, want %v with %s", got, grammar, tt.want, tt.enum)
			}
		})
	}
}
