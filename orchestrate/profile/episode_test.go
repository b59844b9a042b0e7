package profile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"orchrt/orchestrate"
)

// turns is a policy that says one thing after the other.
type turns struct {
	list []orchestrate.PolicyTurn
	seen []orchestrate.PolicyRequest
}

func (p *turns) Next(_ context.Context, r orchestrate.PolicyRequest) (orchestrate.PolicyTurn, error) {
	p.seen = append(p.seen, r)
	return p.list[min(len(p.seen), len(p.list))-1], nil
}

func call1(name, args string) orchestrate.PolicyTurn {
	return orchestrate.PolicyTurn{Finish: "tool_calls", Calls: []orchestrate.Call{{Name: name, Arguments: args}}}
}

// model answers with a text; "" is an error.
type model struct {
	reply orchestrate.ModelReply
	seen  *[]orchestrate.ModelRequest
}

func (m model) Chat(_ context.Context, r orchestrate.ModelRequest) (orchestrate.ModelReply, error) {
	*m.seen = append(*m.seen, r)
	if m.reply.Content == "" && m.reply.Calls == nil {
		return m.reply, &orchestrate.ToolError{Kind: orchestrate.Unavailable, Message: "the model is away"}
	}
	m.reply.Usage = []orchestrate.ModelUsage{{Model: "expert", Input: 1000, Output: 100}}
	return m.reply, nil
}

// paperTools are tools with the roles of the paper.
func paperTools(seen *[]orchestrate.ModelRequest) []orchestrate.Tool {
	expert := func(alias, reply string) orchestrate.Expert {
		return orchestrate.Expert{Alias: alias, Skill: alias + " is good.", Price: orchestrate.Price{Input: 1.25e-6, Output: 1e-5},
			Latency: 31 * time.Second, Model: model{orchestrate.ModelReply{Content: reply, Finish: "stop"}, seen}}
	}
	run := func(f func(args string) orchestrate.Result) orchestrate.Executor {
		return orchestrate.ExecutorFunc(func(_ context.Context, args json.RawMessage) (orchestrate.Result, error) { return f(string(args)), nil })
	}
	stub := run(func(string) orchestrate.Result { return orchestrate.Result{} })
	return []orchestrate.Tool{
		{Name: "enhance_reasoning", Description: "think", Role: orchestrate.RoleReason, Executor: stub,
			Experts: []orchestrate.Expert{expert("reasoner-1", "Here:\n```python\nprint(6*7)\n```\ndone"), expert("reasoner-2", "")}},
		{Name: "answer", Description: "answer", Role: orchestrate.RoleAnswer, Executor: stub,
			Experts: []orchestrate.Expert{expert("answer-1", "<think>\nx\n</think>\n<answer>\n42\n</answer>")}},
		{Name: "search", Description: "search", Role: orchestrate.RoleSearch, Executor: stub,
			Experts: []orchestrate.Expert{expert("search-1", "<query>meaning of life</query>")}},
		{Name: "python", Role: orchestrate.RoleCode, Price: orchestrate.Price{PerRequest: 0.001}, Executor: run(func(args string) orchestrate.Result {
			return orchestrate.Result{Text: "ran " + args}
		})},
		{Name: "wiki", Role: orchestrate.RoleRetrieve, Schema: json.RawMessage(`{"properties": {"query": {}, "limit": {}}}`), Executor: run(func(args string) orchestrate.Result {
			return orchestrate.Result{Data: json.RawMessage(`["best", "second", "best"]`), Record: map[string]any{"args": args}}
		})},
	}
}

func TestToolOrchestra(t *testing.T) {
	var asked []orchestrate.ModelRequest
	p := &turns{list: []orchestrate.PolicyTurn{
		{Content: "no call", Finish: "stop"},
		call1("search", `{"model": "search-1"}`),
		call1("enhance_reasoning", `{"model": "reasoner-9"}`), // not offered
		call1("enhance_reasoning", `{"model": "reasoner-2"}`), // fails
		call1("enhance_reasoning", `{"model": "reasoner-1"}`),
		call1("answer", `{"model": "answer-1"}`)}}
	tok := tokens(t)
	r := &orchestrate.Runner{Policy: p, Profile: ToolOrchestra{}, Tools: paperTools(&asked), Tokenizer: tok, Context: 40960}
	var trace bytes.Buffer
	got, err := r.Run(context.Background(), orchestrate.Question{Text: "Why?"}, orchestrate.Options{Prefer: "Be cheap.", Trace: &trace}, nil)
	if err != nil || got.Answer != "42" || got.Rounds != 6 {
		t.Fatalf("answer %q after %d rounds, %v", got.Answer, got.Rounds, err)
	}
	last := p.seen[5].Messages
	const code = "```python\n\nprint(6*7)\n\n```\n\n```output\nran {\"code\":\"\\nprint(6*7)\\n\"}\n```\n\n"
	want := "Problem: Why?\n\nBe cheap.\n\nDocuments:\nDoc 1: best ...\n\nDoc 2: second ...\n\n\npython code and execution outputs:\n" + code + "\n\nChoose an appropriate tool.'"
	if len(last) != 2 || last[0].Content.String() != "You are good at using tools." || last[1].Content.String() != want {
		t.Errorf("the last prompt is %q,\nwant %q", last[1].Content, want)
	}
	if a := asked[len(asked)-1].Messages[0].Content.String(); !strings.HasPrefix(a, "Documents:\nDoc 1: best\n\nDoc 2: second\n\n"+strings.TrimSpace(code)+"\n\nProblem:\nWhy?\n\nTake a deep breath") {
		t.Errorf("the answer expert was asked %q", a)
	}
	if len(p.seen[0].Tools) != 3 || strings.Contains(string(p.seen[0].Tools[1].Schema), "enum") || !strings.Contains(string(p.seen[0].Tools[1].Grammar), `"enum": ["answer-1"]`) {
		t.Errorf("tools offered: %s, %s", p.seen[0].Tools[1].Schema, p.seen[0].Tools[1].Grammar)
	}
	// Three experts that answered, and the code tool's request.
	if usd, want := got.Ledger.Cost().USD, 3*(1000*1.25e-6+100*1e-5)+0.001; usd < want-1e-9 || usd > want+1e-9 {
		t.Errorf("$%v, want $%v", usd, want)
	}
	again, err := orchestrate.Replay(&trace, orchestrate.ReplayOptions{Profile: Named, Tokenizer: tok})
	if err != nil || len(again.Prompts) != 6 || again.Answer != "42" {
		t.Errorf("replayed %d prompts: %v", len(again.Prompts), err)
	}
}

func TestToolOrchestraForcedAnswer(t *testing.T) {
	var asked []orchestrate.ModelRequest
	p := &turns{list: []orchestrate.PolicyTurn{call1("search", `{"model": "search-1"}`), call1("answer", `{"model": "answer-1"}`)}}
	r := &orchestrate.Runner{Policy: p, Profile: ToolOrchestra{}, Tools: paperTools(&asked), Tokenizer: tokens(t), Context: 40960}
	got, err := r.Run(context.Background(), orchestrate.Question{Text: "Why?"}, orchestrate.Options{MaxRounds: 2, Budget: orchestrate.Limits{USD: 0.5}}, nil)
	if err != nil || got.Answer != "42" || got.Forced == "" || got.Ledger.Cost().USD > 0.5 {
		t.Fatalf("answer %q, forced by %q, %v", got.Answer, got.Forced, err)
	}
	if f := p.seen[1]; len(f.Tools) != 1 || f.Tools[0].Name != "answer" || f.Choice.Mode != orchestrate.ChooseRequired {
		t.Errorf("the last turn has %d tools and %+v", len(f.Tools), f.Choice)
	}
	p.seen = nil
	_, err = r.Run(context.Background(), orchestrate.Question{Text: "Why?"}, orchestrate.Options{Budget: orchestrate.Limits{USD: 0.01}}, nil)
	if poor := (*orchestrate.BudgetError)(nil); !errors.As(err, &poor) || len(p.seen) > 0 {
		t.Errorf("a budget below one answer: %v", err)
	}
}

func TestGuards(t *testing.T) {
	p, err := Named("toolorchestra-frames-1+answer-needs-documents+no-third-in-a-row")
	if err != nil || p.Name() != "toolorchestra-frames-1+answer-needs-documents+no-third-in-a-row" {
		t.Fatal(p, err)
	}
	var asked []orchestrate.ModelRequest
	policy := &turns{list: []orchestrate.PolicyTurn{call1("enhance_reasoning", `{"model": "reasoner-1"}`), call1("enhance_reasoning", `{"model": "reasoner-1"}`),
		call1("search", `{"model": "search-1"}`), call1("answer", `{"model": "answer-1"}`)}}
	r := &orchestrate.Runner{Policy: policy, Profile: p, Tools: paperTools(&asked), Tokenizer: tokens(t)}
	if _, err := r.Run(context.Background(), orchestrate.Question{Text: "Why?"}, orchestrate.Options{}, nil); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"enhance_reasoning search", "enhance_reasoning search", "search", "enhance_reasoning answer"} {
		var names []string
		for _, tool := range policy.seen[i].Tools {
			names = append(names, tool.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("turn %d offers %s, want %s", i+1, got, want)
		}
	}
	for _, name := range []string{"", "qwen", "chat+search-once", "toolorchestra+x"} {
		if _, err := Named(name); err == nil {
			t.Errorf("%q is a profile", name)
		}
	}
	for _, name := range Names() {
		if p, err := Named(name); err != nil || p.Name() != name {
			t.Errorf("%q: %v, %v", name, p, err)
		}
	}
}

func TestTau2(t *testing.T) {
	var asked []orchestrate.ModelRequest
	domain := func(name string) orchestrate.Tool {
		return orchestrate.Tool{Name: name, Executor: orchestrate.ExecutorFunc(func(_ context.Context, args json.RawMessage) (orchestrate.Result, error) {
			return orchestrate.Result{Text: "order " + string(args)}, nil
		})}
	}
	expert := orchestrate.Tool{Name: "call_expert", Role: orchestrate.RoleExpert, Executor: domain("x").Executor, Experts: []orchestrate.Expert{
		{Alias: "expert-1", Suffix: "!", Model: model{orchestrate.ModelReply{Calls: []orchestrate.Call{{Name: "get_order", Arguments: `{"id": 1}`}}}, &asked}}}}
	p := &turns{list: []orchestrate.PolicyTurn{
		call1("call_expert", `{"expert": "expert-1"}`),
		{Content: "<message>It is here.</message>", Thinking: "hm", Finish: "stop"}}}
	var trace bytes.Buffer
	tok := tokens(t)
	r := &orchestrate.Runner{Policy: p, Profile: Tau2{}, Tools: []orchestrate.Tool{domain("get_order"), domain(tau2Human), expert}, Tokenizer: tok}
	got, err := r.Run(context.Background(), orchestrate.Question{Text: "Where is it?", System: "Be kind."}, orchestrate.Options{Trace: &trace}, nil)
	if err != nil || got.Answer != "It is here." {
		t.Fatalf("%q, %v", got.Answer, err)
	}
	var roles []string
	for _, m := range got.Messages {
		roles = append(roles, m.Role)
	}
	if s := strings.Join(roles, " "); s != "user assistant tool assistant" || got.Messages[1].ToolCalls[0].Name != "get_order" {
		t.Errorf("messages %s: %+v", s, got.Messages)
	}
	if a := asked[0]; len(a.Tools) != 2 || strings.Contains(a.Messages[0].Content.String(), "<message>") || a.Messages[1].Content.String() != "Where is it?!" {
		t.Errorf("the expert saw %d tools and %+v", len(a.Tools), a.Messages)
	}
	if f := p.seen[0].Tools; len(f) != 2 || f[1].Name != "call_expert" {
		t.Errorf("the policy is offered %d tools", len(f))
	}
	if _, err := orchestrate.Replay(&trace, orchestrate.ReplayOptions{Profile: Named, Tokenizer: tok}); err != nil {
		t.Error(err)
	}
}

// TestChatFits has results outgrow a small context: prompts stay within it.
func TestChatFits(t *testing.T) {
	tok := tokens(t)
	big := orchestrate.Tool{Name: "big", Executor: orchestrate.ExecutorFunc(func(_ context.Context, args json.RawMessage) (orchestrate.Result, error) {
		return orchestrate.Result{Text: strings.Repeat("word "+string(args)+" ", 3000)}, nil
	})}
	p := &turns{}
	for _, n := range "123456789abc" {
		p.list = append(p.list, call1("big", `{"n": "`+string(n)+`"}`))
	}
	p.list = append(p.list, orchestrate.PolicyTurn{Content: "done", Finish: "stop"})
	var trace bytes.Buffer
	const size = 4096
	r := &orchestrate.Runner{Policy: p, Profile: Chat{}, Tools: []orchestrate.Tool{big}, Tokenizer: tok, Context: size}
	if got, err := r.Run(context.Background(), orchestrate.Question{Text: "Why?"}, orchestrate.Options{Trace: &trace}, nil); err != nil || got.Answer != "done" {
		t.Fatal(err)
	}
	for i, req := range p.seen {
		used := 0
		for _, m := range req.Messages {
			n, err := count(tok, m.Content.String())
			if err != nil {
				t.Fatal(err)
			}
			used += n
			if m.Role == "tool" && !strings.Contains(m.Content.String(), "bytes left out") {
				t.Errorf("turn %d: a result is cut without a mark", i+1)
			}
		}
		if used > size*3/4 {
			t.Errorf("turn %d: %d tokens of messages in a context of %d", i+1, used, size)
		}
	}
	if _, err := orchestrate.Replay(&trace, orchestrate.ReplayOptions{Profile: Named, Tokenizer: tok}); err != nil {
		t.Error(err)
	}
}
