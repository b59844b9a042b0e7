package orchestrate

import (
	"context"
	"encoding/json"

	"orchrt/sampler"
	"orchrt/tokenizer/chat"
)

// Policy is the model that decides. Next makes one turn. It must return soon
// after ctx ends, with an error. Several runs may call it at the same time.
type Policy interface {
	Next(ctx context.Context, r PolicyRequest) (PolicyTurn, error)
}

// Estimator is a Policy that knows what a turn costs at most: the tokens of the
// prompt, and those of the longest answer. It may leave in r.Prepared what Next
// would have to do again. Without it every byte of the request counts as a token.
type Estimator interface {
	Estimate(ctx context.Context, r *PolicyRequest) (ModelUsage, error)
}

// Renderer is a Policy that can tell the prompt of a request without running it.
type Renderer interface {
	Render(r PolicyRequest) (string, error)
}

// ChoiceMode says whether a turn may, must or must not call tools.
type ChoiceMode string

// The modes of choice.
const (
	ChooseAuto     ChoiceMode = "auto"
	ChooseNone     ChoiceMode = "none"
	ChooseRequired ChoiceMode = "required"
	ChooseNamed    ChoiceMode = "named"
)

// Choice is a mode and, for ChooseNamed, the tool.
type Choice struct {
	Mode ChoiceMode `json:"mode"` // "" is ChooseAuto
	Name string     `json:"name,omitempty"`
}

// PolicyRequest is one turn wanted of a policy.
type PolicyRequest struct {
	Messages  []chat.Message
	Tools     []Tool // what is offered: nothing else can be called
	Choice    Choice
	MaxTokens int // of the turn, thinking included; 0: as many as there is room for
	Sampling  sampler.Settings
	Thinking  *bool // nil: the model's default
	Single    bool  // one call at most
	// MaxThinking bounds the thinking to so many tokens, so that an answer
	// follows within MaxTokens; 0: no bound of its own.
	MaxThinking int
	// Prepared is what Estimate made of the request, for Next of the same policy.
	Prepared any
	// Stream, if not nil, gets thinking and text as they are made, from the
	// goroutine of Next.
	Stream func(Delta)
}

// Delta is a piece of a turn.
type Delta struct {
	Thinking, Content string
}

// PolicyTurn is what the policy said.
type PolicyTurn struct {
	Thinking string     `json:"thinking,omitempty"`
	Content  string     `json:"content,omitempty"`
	Calls    []Call     `json:"calls,omitempty"`
	Finish   string     `json:"finish"` // stop, length, tool_calls
	Prompt   string     `json:"-"`      // as rendered, for the trace
	Usage    ModelUsage `json:"usage"`
	Warnings []string   `json:"warnings,omitempty"`
}

// Call is a call that the policy wrote.
type Call struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"` // JSON text, not yet checked
}

// raw is the arguments as JSON; empty ones are {}.
func (c *Call) raw() json.RawMessage {
	if c.Arguments == "" {
		return json.RawMessage("{}")
	}
	return json.RawMessage(c.Arguments)
}
