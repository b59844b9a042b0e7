package profile

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"orchrt/orchestrate"
	"orchrt/tokenizer/chat"
)

// Chat is a conversation that grows by calls and results, in the form of the
// model's own template. Tools with Experts take {"model": alias, "prompt": text}.
type Chat struct{}

// Name implements orchestrate.Profile.
func (Chat) Name() string { return "chat-1" }

// Begin implements orchestrate.Profile.
func (Chat) Begin(s orchestrate.Setup) (orchestrate.Episode, error) {
	e := &chatEpisode{setup: s}
	for _, t := range s.Tools {
		if len(t.Experts) > 0 {
			t = promptedTool(t)
		}
		e.tools = append(e.tools, t)
	}
	if s.Question.System != "" {
		e.messages = append(e.messages, text("system", s.Question.System))
	}
	e.messages = append(e.messages, s.Question.History...)
	switch prompt := withPreference(s.Question.Text, s.Prefer); {
	case s.Question.Text != "":
		e.messages = append(e.messages, text("user", prompt))
	case len(s.Question.History) == 0:
		return nil, fmt.Errorf("profile: the question is empty")
	case s.Prefer != "":
		e.prefer(s.Prefer)
	}
	if s.Context > 0 && s.Tokenizer != nil {
		if err := e.budget(); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// withPreference puts the wish where training had it: after the problem.
func withPreference(question, prefer string) string {
	if prefer == "" {
		return question
	}
	return question + "\n\n" + prefer
}

// text is a message.
func text(role, s string) chat.Message {
	return chat.Message{Role: role, Content: chat.Text(s)}
}

// chatEpisode is one question.
type chatEpisode struct {
	setup    orchestrate.Setup
	tools    []orchestrate.Tool
	messages []chat.Message
	final    bool
	room     int // tokens that messages may take; 0: not known
	used     int // tokens of messages
}

// prefer appends the wish to the last message of the user.
func (e *chatEpisode) prefer(wish string) {
	for i := len(e.messages) - 1; i >= 0; i-- {
		if m := &e.messages[i]; m.Role == "user" {
			m.Content = chat.Text(withPreference(m.Content.String(), wish))
			return
		}
	}
}

// messageTokens is what the template adds to a message, at most.
const messageTokens = 16

// budget finds out how much room there is for messages: the context without
// the tools and without the answer, which gets a quarter of the context where
// nothing else is said.
func (e *chatEpisode) budget() error {
	answer := e.setup.Context / 4
	if n := e.setup.MaxTokens; n > 0 {
		answer = min(n, e.setup.Context/2)
	}
	e.room = e.setup.Context - answer
	for i := range e.tools {
		n, err := count(e.setup.Tokenizer, string(e.tools[i].Definition()))
		if err != nil {
			return err
		}
		e.room -= n + messageTokens
	}
	for i := range e.messages {
		n, err := e.tokens(&e.messages[i])
		if err != nil {
			return err
		}
		e.used += n
	}
	return nil
}

// tokens counts a message with what the template puts around it.
func (e *chatEpisode) tokens(m *chat.Message) (int, error) {
	s := m.Content.String()
	if m.ReasoningContent != nil {
		s += *m.ReasoningContent
	}
	n := messageTokens
	for _, c := range m.ToolCalls {
		s += c.Name + c.Arguments
		n += messageTokens
	}
	k, err := count(e.setup.Tokenizer, s)
	return n + k, err
}

// Request implements orchestrate.Episode.
func (e *chatEpisode) Request(r orchestrate.Round) (orchestrate.PolicyRequest, error) {
	e.final = r.Final
	req := orchestrate.PolicyRequest{Messages: slices.Clone(e.messages), Tools: e.tools, MaxTokens: e.setup.MaxTokens,
		Sampling: e.setup.Sampling, Thinking: e.setup.Thinking}
	if r.N == 1 || e.setup.Choice.Mode == orchestrate.ChooseNone {
		req.Choice = e.setup.Choice
	}
	if r.Final {
		req.Choice.Mode = orchestrate.ChooseNone
		req.MaxTokens, req.MaxThinking = finalTokens(r.MaxTokens, e.setup.MaxTokens)
		if last := &req.Messages[len(req.Messages)-1]; last.Role != "user" {
			req.Messages = append(req.Messages, text("user", "Answer now with what you have; no further calls are possible: "+r.Reason+"."))
		}
	}
	return req, nil
}

// finalTokens are the tokens of a forced answer, and those of its thinking.
func finalTokens(final, usual int) (tokens, thinking int) {
	if usual > 0 && (final == 0 || usual < final) {
		final = usual
	}
	return final, final / 2
}

// Turn implements orchestrate.Episode.
func (e *chatEpisode) Turn(t orchestrate.PolicyTurn) (orchestrate.Step, error) {
	content := valid(t.Content)
	switch {
	case t.Finish == orchestrate.FinishTimeout:
		return orchestrate.Step{Problem: "the turn took too long"}, nil
	case len(t.Calls) > 0 && !e.final:
	case content == "" && t.Finish == "length":
		return orchestrate.Step{Problem: "the turn broke off before its answer: all of its tokens went into thinking"}, nil
	case content == "":
		return orchestrate.Step{Problem: "the turn held neither text nor a call"}, nil
	default:
		e.messages = append(e.messages, assistant(t, content))
		s := orchestrate.Step{Done: true, Answer: content}
		if t.Finish == "length" {
			s.Finish = orchestrate.FinishLength
		}
		return s, nil
	}
	m := assistant(t, content)
	var step orchestrate.Step
	for _, c := range t.Calls {
		m.ToolCalls = append(m.ToolCalls, chat.ToolCall{ID: c.ID, Name: valid(c.Name), Arguments: valid(c.Arguments)})
		step.Actions = append(step.Actions, e.action(c))
	}
	e.messages = append(e.messages, m)
	return step, e.grown(&m)
}

// assistant is the message of a turn without its calls.
func assistant(t orchestrate.PolicyTurn, content string) chat.Message {
	m := text("assistant", content)
	if t.Thinking != "" {
		thinking := valid(t.Thinking)
		m.ReasoningContent = &thinking
	}
	return m
}

// valid is s as UTF-8, which messages must be.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// Resume implements orchestrate.Resumer.
func (e *chatEpisode) Resume() (step orchestrate.Step) {
	answered := make(map[string]bool)
	i := len(e.messages) - 1
	for ; i >= 0 && e.messages[i].Role == "tool"; i-- {
		answered[e.messages[i].ToolCallID] = true
	}
	if i < 0 {
		return step
	}
	for _, c := range e.messages[i].ToolCalls {
		a := e.action(orchestrate.Call{ID: c.ID, Name: c.Name, Arguments: c.Arguments})
		if !answered[c.ID] && (a.Refuse != nil || !a.Tool.Client()) {
			step.Actions = append(step.Actions, a)
		}
	}
	return step
}

// action finds the tool of a call.
func (e *chatEpisode) action(c orchestrate.Call) orchestrate.Action {
	return findAction(c, e.tools)
}

// findAction is the action of a call of one of tools.
func findAction(c orchestrate.Call, tools []orchestrate.Tool) orchestrate.Action {
	for _, t := range tools {
		if t.Name == c.Name {
			return orchestrate.Action{Call: c, Tool: t}
		}
	}
	names := make([]string, len(tools))
	for i, t := range tools {
		names[i] = t.Name
	}
	return orchestrate.Action{Call: c, Refuse: &orchestrate.ToolError{Kind: orchestrate.Invalid,
		Message: fmt.Sprintf("there is no tool %q; there are %s", c.Name, strings.Join(names, ", "))}}
}

// grown counts a message that was added.
func (e *chatEpisode) grown(m *chat.Message) error {
	if e.room <= 0 {
		return nil
	}
	n, err := e.tokens(m)
	e.used += n
	return err
}

// Results implements orchestrate.Episode.
func (e *chatEpisode) Results(out []orchestrate.Outcome) (orchestrate.Step, error) {
	for i, o := range out {
		if o.Pending {
			continue
		}
		m := text("tool", o.Result.Text)
		m.ToolCallID = o.Call.ID
		if e.room > 0 {
			if err := e.fit(&m, len(out)-i); err != nil {
				return orchestrate.Step{}, err
			}
		}
		e.messages = append(e.messages, m)
		if err := e.grown(&m); err != nil {
			return orchestrate.Step{}, err
		}
	}
	return orchestrate.Step{}, e.shrink()
}

// leastResult is how many bytes of a result stay when room is needed.
const leastResult = 400

// fit cuts a result to its share of half the room that is left.
func (e *chatEpisode) fit(m *chat.Message, sharers int) error {
	share := max(e.room-e.used, 0) / 2 / sharers
	for {
		s := m.Content.String()
		n, err := count(e.setup.Tokenizer, s)
		if err != nil || n <= share || len(s) <= leastResult {
			return err
		}
		limit := max(len(s)*share/n*9/10, leastResult)
		cut, _ := orchestrate.CutText(s, limit)
		m.Content = chat.Text(cut)
	}
}

// shrink cuts the oldest results where the conversation has outgrown its room,
// by a quarter of the room at a time, so that prompts do not change each turn.
func (e *chatEpisode) shrink() error {
	if e.room <= 0 || e.used <= e.room {
		return nil
	}
	for i := range e.messages {
		m := &e.messages[i]
		s := m.Content.String()
		if m.Role != "tool" || len(s) <= leastResult {
			continue
		}
		before, err := e.tokens(m)
		if err != nil {
			return err
		}
		cut, _ := orchestrate.CutText(s, leastResult)
		m.Content = chat.Text(cut)
		after, err := e.tokens(m)
		if err != nil {
			return err
		}
		if e.used += after - before; e.used <= e.room-e.room/4 {
			return nil
		}
	}
	return nil
}

// Messages implements orchestrate.Episode.
func (e *chatEpisode) Messages() []chat.Message {
	m := e.messages
	if e.setup.Question.System != "" {
		m = m[1:]
	}
	return slices.Clone(m)
}

// count is the number of tokens of s.
func count(t orchestrate.Tokenizer, s string) (int, error) {
	ids, err := t.Encode(s, false)
	return len(ids), err
}

// quote is s as a JSON string, as Python's json writes it but for characters
// outside ASCII, which stay.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // strings always encode
	}
	return strings.TrimSuffix(b.String(), "\n")
}
