package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"orchrt/orchestrate"
	"orchrt/tokenizer/chat"
)

// ToolOrchestra is the paper's question answering. It offers the tools of
// RoleReason, RoleAnswer and RoleSearch, which need one of RoleCode and of
// RoleRetrieve; a call of answer ends the run. Other tools have no place in the
// state and are refused.
type ToolOrchestra struct {
	Variant string // one of Names; "" is that of the HLE evaluation
	Guards  Guards
}

// Guards are rules that the release states or computes but does not enforce.
type Guards struct {
	AnswerNeedsDocuments bool // answer is offered once there are documents
	SearchOnce           bool // search is offered while there are none
	NoThirdInARow        bool // a tool used twice in a row is not offered for a turn
}

func (g *Guards) list() []struct {
	name string
	on   *bool
} {
	return []struct {
		name string
		on   *bool
	}{{"answer-needs-documents", &g.AnswerNeedsDocuments}, {"search-once", &g.SearchOnce}, {"no-third-in-a-row", &g.NoThirdInARow}}
}

func (g *Guards) set(name string) error {
	var known []string
	for _, e := range g.list() {
		if e.name == name {
			*e.on = true
			return nil
		}
		known = append(known, e.name)
	}
	return fmt.Errorf("profile: there is no guard %q; there are %s", name, strings.Join(known, ", "))
}

// variant is the form that p names.
func (p ToolOrchestra) variant() (*variant, error) {
	all := variants()
	for i := range all {
		if all[i].name == p.Variant || p.Variant == "" {
			return &all[i], nil
		}
	}
	return nil, fmt.Errorf("profile: ToolOrchestra has no variant %q", p.Variant)
}

// Name implements orchestrate.Profile.
func (p ToolOrchestra) Name() string {
	name := p.Variant
	if name == "" {
		name = variants()[0].name
	}
	for _, g := range p.Guards.list() {
		if *g.on {
			name += "+" + g.name
		}
	}
	return name
}

// Begin implements orchestrate.Profile.
func (p ToolOrchestra) Begin(s orchestrate.Setup) (orchestrate.Episode, error) {
	v, err := p.variant()
	switch {
	case err != nil:
		return nil, err
	case s.Tokenizer == nil:
		return nil, fmt.Errorf("profile: %s counts tokens: it needs the policy's tokenizer", v.name)
	case s.Question.Text == "":
		return nil, errors.New("profile: the question is empty")
	case s.Question.System != "" || len(s.Question.History) > 0:
		return nil, fmt.Errorf("profile: %s takes one question, with neither a system message nor a conversation before it; use chat", v.name)
	}
	e := &episode{v: v, guards: p.Guards, setup: s, problem: withPreference(s.Question.Text, s.Prefer)}
	for _, t := range s.Tools {
		if err := e.add(t); err != nil {
			return nil, err
		}
	}
	return e, e.check()
}

// episode is one question under ToolOrchestra.
type episode struct {
	v        *variant
	guards   Guards
	setup    orchestrate.Setup
	problem  string // with the preference
	tools    []orchestrate.Tool
	code     *orchestrate.Tool
	retrieve *orchestrate.Tool
	state    state
	used     []orchestrate.Role
	offered  []orchestrate.Tool // of the last request
	tokens   int                // of a turn
	answer   string
	done     bool
}

// add sorts a tool by its role.
func (e *episode) add(t orchestrate.Tool) error {
	switch t.Role {
	case orchestrate.RoleCode:
		e.code = &t
	case orchestrate.RoleRetrieve:
		e.retrieve = &t
	case orchestrate.RoleReason, orchestrate.RoleAnswer, orchestrate.RoleSearch:
		if len(t.Experts) == 0 {
			return fmt.Errorf("profile: tool %s has the role %s but no experts", t.Name, t.Role)
		}
		for _, x := range t.Experts {
			if x.Model == nil {
				return fmt.Errorf("profile: tool %s: expert %s has no model", t.Name, x.Alias)
			}
		}
		e.tools = append(e.tools, t)
	default:
		return fmt.Errorf("profile: tool %s has no role in %s, which knows reason, search, answer, code and retrieve; deny it, or use chat", t.Name, e.v.name)
	}
	return nil
}

// check sees to what the tools need, and how long turns can be.
func (e *episode) check() error {
	answers := false
	for _, t := range e.tools {
		switch {
		case t.Role == orchestrate.RoleReason && e.code == nil:
			return fmt.Errorf("profile: tool %s writes code, but no tool has the role code to run it", t.Name)
		case t.Role == orchestrate.RoleSearch && e.retrieve == nil:
			return fmt.Errorf("profile: tool %s writes queries, but no tool has the role retrieve to answer them", t.Name)
		}
		answers = answers || t.Role == orchestrate.RoleAnswer
	}
	if !answers {
		return fmt.Errorf("profile: %s ends with a call of a tool with the role answer, which there is not", e.v.name)
	}
	e.tokens = e.v.tokens
	if e.setup.MaxTokens > 0 {
		e.tokens = e.setup.MaxTokens
	}
	if e.setup.Context > 0 {
		e.tokens = min(e.tokens, e.setup.Context/3)
	}
	return nil
}

// promptRest is what the template, the system message and the ending take.
const promptRest = 64

// whole bounds the context where the policy's own is smaller than the paper's.
func (e *episode) whole(tools []orchestrate.Tool) (int, error) {
	if e.setup.Context == 0 {
		return e.v.whole, nil
	}
	problem, err := count(e.setup.Tokenizer, e.problem)
	if err != nil {
		return 0, err
	}
	room := e.setup.Context - e.tokens - promptRest
	if !e.v.less {
		room -= problem
	}
	for i := range tools {
		n, err := count(e.setup.Tokenizer, string(tools[i].Definition()))
		if err != nil {
			return 0, err
		}
		room -= n
	}
	if room < 0 || e.v.less && room < problem {
		return 0, fmt.Errorf("profile: the question and the tools leave no room in the policy's context of %d tokens", e.setup.Context)
	}
	return min(e.v.whole, room), nil
}

// Request implements orchestrate.Episode.
func (e *episode) Request(r orchestrate.Round) (orchestrate.PolicyRequest, error) {
	e.offered = e.offer(r)
	req := orchestrate.PolicyRequest{Tools: e.offered, MaxTokens: e.tokens, Sampling: e.setup.Sampling, Thinking: e.setup.Thinking, Single: e.v.single}
	if req.Sampling.Temperature == nil {
		one := 1.0
		req.Sampling.Temperature = &one
	}
	if r.Final {
		req.MaxTokens, req.MaxThinking = finalTokens(r.MaxTokens, e.tokens)
		req.Choice.Mode = orchestrate.ChooseRequired
		if len(e.offered) == 0 { // no expert can be paid: the policy itself answers
			req.Choice.Mode = orchestrate.ChooseNone
		}
	}
	whole, err := e.whole(e.offered)
	if err != nil {
		return req, err
	}
	user, err := e.v.user(e.setup.Tokenizer, e.problem, &e.state, whole)
	req.Messages = []chat.Message{text("system", e.v.system), text("user", user)}
	return req, err
}

// offer are the tools of a turn, with what the model reads of them.
func (e *episode) offer(r orchestrate.Round) []orchestrate.Tool {
	var out []orchestrate.Tool
	some := len(e.state.documents) > 0
	n := len(e.used)
	for _, t := range e.tools {
		switch {
		case r.Final && t.Role != orchestrate.RoleAnswer,
			t.Role == orchestrate.RoleSearch && some && (e.v.once || e.guards.SearchOnce),
			t.Role == orchestrate.RoleAnswer && !some && e.guards.AnswerNeedsDocuments && !r.Final,
			n > 1 && e.used[n-1] == t.Role && e.used[n-2] == t.Role && e.guards.NoThirdInARow && !r.Final:
			continue
		}
		if r.Final && r.USD != nil {
			t.Experts = slices.DeleteFunc(slices.Clone(t.Experts), func(x orchestrate.Expert) bool { return x.Worst(0).USD > *r.USD })
		}
		if len(t.Experts) > 0 {
			t.Schema, t.Grammar = proseOf(t.Role).schemas(t.Experts, false)
			out = append(out, t)
		}
	}
	return out
}

// FinalCost implements orchestrate.FinalCoster: the cheapest answer.
func (e *episode) FinalCost() orchestrate.Cost {
	var c orchestrate.Cost
	first := true
	for _, t := range e.tools {
		for _, x := range t.Experts {
			if w := x.Worst(0); t.Role == orchestrate.RoleAnswer && (first || w.USD < c.USD) {
				c, first = w, false
			}
		}
	}
	return orchestrate.Cost{USD: c.USD}
}

// Turn implements orchestrate.Episode.
func (e *episode) Turn(t orchestrate.PolicyTurn) (orchestrate.Step, error) {
	if len(e.offered) == 0 && t.Content != "" {
		e.done, e.answer = true, valid(t.Content)
		return orchestrate.Step{Done: true, Answer: e.answer}, nil
	}
	var step orchestrate.Step
	seen := make(map[string]bool)
	for _, c := range t.Calls {
		a := findAction(c, e.offered)
		alias, ok := aliasOf(c.Arguments, "model")
		i := slices.IndexFunc(a.Tool.Experts, func(x orchestrate.Expert) bool { return x.Alias == alias })
		if a.Refuse != nil || !ok || i < 0 || seen[c.Name] {
			continue
		}
		seen[c.Name] = true
		a.Key = fmt.Sprintf("%s %s %d %d", c.Name, alias, len(e.state.documents), len(e.state.code))
		if err := e.bind(&a.Tool, a.Tool.Experts[i]); err != nil {
			return step, err
		}
		step.Actions = append(step.Actions, a)
		e.used = append(e.used, a.Tool.Role)
		if e.v.single || a.Tool.Role == orchestrate.RoleAnswer {
			break
		}
	}
	switch {
	case len(step.Actions) > 0:
	case t.Finish == orchestrate.FinishTimeout:
		step.Problem = "the turn took too long"
	case t.Finish == "length":
		step.Problem = "the turn broke off before a call"
	case len(t.Calls) > 0:
		step.Problem = "the turn held no valid call"
	default:
		step.Problem = "the turn held no call"
	}
	return step, nil
}

// aliasOf reads the expert that a call chooses.
func aliasOf(args, parameter string) (string, bool) {
	var a map[string]json.RawMessage
	var alias string
	if json.Unmarshal([]byte(args), &a) != nil || json.Unmarshal(a[parameter], &alias) != nil {
		return "", false
	}
	return alias, true
}

// Results implements orchestrate.Episode.
func (e *episode) Results(out []orchestrate.Outcome) (orchestrate.Step, error) {
	for _, o := range out {
		if o.Err != nil || o.Result.IsError || len(o.Result.Data) == 0 {
			continue
		}
		var d found
		if err := json.Unmarshal(o.Result.Data, &d); err != nil {
			return orchestrate.Step{}, fmt.Errorf("profile: the data of a %s call: %w", o.Call.Name, err)
		}
		switch o.Tool.Role {
		case orchestrate.RoleReason:
			if strings.TrimSpace(d.Output) != "" {
				e.state.code = append(e.state.code, codeRun{d.Code, d.Output})
			}
		case orchestrate.RoleSearch:
			for _, doc := range slices.Backward(d.Documents) { // the best comes last: a cut keeps it
				if !slices.Contains(e.state.documents, doc) {
					e.state.documents = append(e.state.documents, doc)
				}
			}
		case orchestrate.RoleAnswer:
			e.done, e.answer = true, d.Answer
			return orchestrate.Step{Done: true, Answer: d.Answer}, nil
		}
	}
	return orchestrate.Step{}, nil
}

// Messages implements orchestrate.Episode.
func (e *episode) Messages() []chat.Message {
	m := []chat.Message{text("user", e.problem)}
	if e.done {
		m = append(m, text("assistant", e.answer))
	}
	return m
}
