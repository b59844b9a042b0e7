package profile

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"orchrt/orchestrate"
	"orchrt/tokenizer/chat"
)

// Tau2 is the paper's τ²-bench: Question.System is the domain's policy, the
// user is a customer, and each message without calls ends the run. A tool of
// RoleExpert takes the turn over: transfer_to_human_agents is not offered then,
// and the paragraphs of Transfer in the policy become the advice to call it.
type Tau2 struct {
	Transfer []string
}

// Name implements orchestrate.Profile.
func (Tau2) Name() string { return "tau2-1" }

// The strings of the release.
const (
	tau2Instructions = "<instructions>\nYou are a customer service agent that helps the user according to the <policy> provided below.\n" +
		"In each turn you can either:\n- Send a message to the user.\n- Make a tool call.\nYou cannot do both at the same time.\n\n" +
		"Try to be helpful and always follow the policy. Always make sure you generate valid JSON only.\n</instructions>\n<policy>\n"
	tau2End         = "\n</policy>"
	tau2Suffix      = "  You are dedicated to provide the best service. Wrap thinking process between <think> </think>, message between <message> </message> and the tool call between <tool_call> </tool_call> ."
	tau2Advice      = "You should transfer the user to an expert if you are not confident about how to reply or which tool to use. To transfer, first make a tool call to call_expert, and then choose an expert based on the task difficulty, i.e. strong expert on tricky task, and weaker expert on simpler task. Think carefully about whether you are confident to meet user expectation, or call an appropriate expert based on both expert cost and performance."
	tau2Placeholder = "Wait a minute, I will take it very soon"
	tau2Human       = "transfer_to_human_agents"
	tau2History     = 23000 // tokens of tools and history
	tau2Tokens      = 8000  // of a turn
	tau2Calls       = 6     // of a turn
)

// Begin implements orchestrate.Profile.
func (p Tau2) Begin(s orchestrate.Setup) (orchestrate.Episode, error) {
	if s.Tokenizer == nil {
		return nil, fmt.Errorf("profile: %s counts tokens: it needs the policy's tokenizer", p.Name())
	}
	e := &tau2Episode{p: p, setup: s}
	for _, t := range s.Tools {
		if t.Role == orchestrate.RoleExpert {
			if e.expert != nil || len(t.Experts) == 0 {
				return nil, fmt.Errorf("profile: tool %s: one tool has the role expert, with experts", t.Name)
			}
			t.Schema, t.Grammar = proseOf(t.Role).schemas(t.Experts, false)
			e.expert = &t
			continue
		}
		if len(t.Experts) > 0 {
			t = promptedTool(t)
		}
		e.original = append(e.original, t)
	}
	e.tools = e.original
	if e.expert != nil {
		e.tools = slices.DeleteFunc(slices.Clone(e.original), func(t orchestrate.Tool) bool { return t.Name == tau2Human })
		e.tools = append(e.tools, *e.expert)
	}
	e.history = slices.Clone(s.Question.History)
	for i := range e.history {
		if m := &e.history[i]; m.Role == "assistant" {
			m.ReasoningContent = nil
			m.Content = chat.Text(unwrap(m.Content.String()))
		}
	}
	switch {
	case s.Question.Text != "":
		e.history = append(e.history, text("user", withPreference(s.Question.Text, s.Prefer)))
	case len(e.history) == 0:
		return nil, fmt.Errorf("profile: the question is empty")
	}
	return e, nil
}

// tau2Episode is one message of the customer.
type tau2Episode struct {
	p        Tau2
	setup    orchestrate.Setup
	original []orchestrate.Tool // as the domain has them
	tools    []orchestrate.Tool // as the policy is offered them
	expert   *orchestrate.Tool
	history  []chat.Message
	final    bool
}

// system is the system message; for the policy it has the suffix.
func (e *tau2Episode) system(policy bool) chat.Message {
	s := tau2Instructions + e.setup.Question.System + tau2End
	if !policy {
		return text("system", s)
	}
	if e.expert != nil {
		for _, t := range e.p.Transfer {
			if t != "" {
				s = strings.ReplaceAll(s, t, tau2Advice)
			}
		}
	}
	return text("system", s+tau2Suffix)
}

// Request implements orchestrate.Episode.
func (e *tau2Episode) Request(r orchestrate.Round) (orchestrate.PolicyRequest, error) {
	e.final = r.Final
	req := orchestrate.PolicyRequest{Tools: e.tools, MaxTokens: tau2Tokens, Sampling: e.setup.Sampling, Thinking: e.setup.Thinking}
	if req.Sampling.Temperature == nil {
		one := 1.0
		req.Sampling.Temperature = &one
	}
	if e.setup.MaxTokens > 0 {
		req.MaxTokens = e.setup.MaxTokens
	}
	limit := tau2History
	if c := e.setup.Context; c > 0 {
		req.MaxTokens = min(req.MaxTokens, c/3)
		limit = min(limit, c-req.MaxTokens)
	}
	if r.Final {
		req.Choice.Mode = orchestrate.ChooseNone
		req.MaxTokens, req.MaxThinking = finalTokens(r.MaxTokens, req.MaxTokens)
	}
	var err error
	req.Messages, err = middle(e.setup.Tokenizer, append([]chat.Message{e.system(true)}, e.history...), definitions(e.tools), limit)
	return req, err
}

func definitions(tools []orchestrate.Tool) []json.RawMessage {
	out := make([]json.RawMessage, len(tools))
	for i := range tools {
		out[i] = tools[i].Definition()
	}
	return out
}

// Turn implements orchestrate.Episode.
func (e *tau2Episode) Turn(t orchestrate.PolicyTurn) (orchestrate.Step, error) {
	content := unwrap(valid(t.Content))
	if e.final {
		t.Calls = nil
	}
	if e.expert != nil {
		for _, c := range slices.Backward(t.Calls) { // the last call of the expert counts, and replaces the rest
			if a, ok := e.callExpert(c); ok {
				return orchestrate.Step{Actions: []orchestrate.Action{a}}, nil
			}
		}
	}
	return e.take(content, t.Calls)
}

// unwrap is the message of a turn: after the thinking, between the tags.
func unwrap(s string) string {
	if _, after, ok := lastCut(s, "</think>"); ok {
		s = after
	}
	s = strings.TrimSpace(s)
	if strings.Contains(s, "<message>") && strings.Contains(s, "</message>") {
		_, s, _ = lastCut(s, "<message>")
		s, _, _ = strings.Cut(s, "</message>")
	}
	return s
}

// take makes a turn, the policy's or an expert's, part of the history.
func (e *tau2Episode) take(content string, calls []orchestrate.Call) (orchestrate.Step, error) {
	if content == "" && len(calls) == 0 {
		content = tau2Placeholder
	}
	m := text("assistant", content)
	var step orchestrate.Step
	for _, c := range calls[:min(len(calls), tau2Calls)] {
		m.ToolCalls = append(m.ToolCalls, chat.ToolCall{ID: c.ID, Name: valid(c.Name), Arguments: valid(c.Arguments)})
		step.Actions = append(step.Actions, findAction(c, e.original))
	}
	e.history = append(e.history, m)
	if len(calls) == 0 {
		step.Done, step.Answer = true, content
	}
	return step, nil
}

// callExpert is the action that asks an expert, with the domain's own system
// message and tools.
func (e *tau2Episode) callExpert(c orchestrate.Call) (orchestrate.Action, bool) {
	alias, ok := aliasOf(c.Arguments, "expert")
	i := slices.IndexFunc(e.expert.Experts, func(x orchestrate.Expert) bool { return x.Alias == alias })
	if c.Name != e.expert.Name || !ok || i < 0 {
		return orchestrate.Action{}, false
	}
	x, t := e.expert.Experts[i], *e.expert
	tools := definitions(e.original)
	history := append([]chat.Message{e.system(false)}, slices.Clone(e.history)...)
	t.Price = orchestrate.Price{}
	t.Worst = func(json.RawMessage) orchestrate.Cost { return orchestrate.Cost{USD: x.Worst(0).USD} }
	t.Executor = orchestrate.ExecutorFunc(func(ctx context.Context, _ json.RawMessage) (orchestrate.Result, error) {
		messages, err := middle(e.setup.Tokenizer, history, tools, x.StateTokens())
		if err != nil {
			return orchestrate.Result{}, err
		}
		if x.Suffix != "" {
			last := &messages[len(messages)-1]
			last.Content = chat.Text(last.Content.String() + x.Suffix)
		}
		reply, usage, err := ask(ctx, x, messages, tools)
		r := orchestrate.Result{Text: reply.Content, Usage: usage, Record: reply.Record}
		if err == nil {
			r.Data, err = json.Marshal(takeover{valid(reply.Content), reply.Calls})
		}
		return r, err
	})
	key := fmt.Sprintf("%s %s %d", c.Name, alias, len(e.history))
	return orchestrate.Action{Call: c, Tool: t, Key: key}, true
}

// takeover is an expert's turn.
type takeover struct {
	Content string             `json:"content"`
	Calls   []orchestrate.Call `json:"calls,omitempty"`
}

// Results implements orchestrate.Episode.
func (e *tau2Episode) Results(out []orchestrate.Outcome) (orchestrate.Step, error) {
	if len(out) == 1 && e.expert != nil && out[0].Tool.Name == e.expert.Name && out[0].Refuse == nil {
		var t takeover // stays empty where the expert failed: the placeholder is the turn
		if o := out[0]; o.Err == nil {
			if err := json.Unmarshal(o.Result.Data, &t); err != nil {
				return orchestrate.Step{}, fmt.Errorf("profile: the turn of an expert: %w", err)
			}
			for i := range t.Calls {
				if t.Calls[i].ID == "" {
					t.Calls[i].ID = o.Call.ID + "_" + strconv.Itoa(i+1)
				}
			}
		}
		return e.take(t.Content, t.Calls)
	}
	for _, o := range out {
		if !o.Pending {
			m := text("tool", o.Result.Text)
			m.ToolCallID = o.Call.ID
			e.history = append(e.history, m)
		}
	}
	return orchestrate.Step{}, nil
}

// Messages implements orchestrate.Episode.
func (e *tau2Episode) Messages() []chat.Message { return slices.Clone(e.history) }
