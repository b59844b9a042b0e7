package orchestrate

import (
	"orchrt/sampler"
	"orchrt/tokenizer/chat"
)

// Profile is a protocol between policy and tools. Its name, with a version, is
// in every trace: the same name makes the same prompts of the same state for
// ever.
type Profile interface {
	Name() string
	// Begin starts a question. It reports tools that the protocol cannot use and
	// roles that it lacks.
	Begin(s Setup) (Episode, error)
}

// Setup is what a Profile starts from.
type Setup struct {
	Question Question
	Prefer   string // how the user wants it done; "" for no wish
	// Tools are those that may be used, after lists, caps and approvals.
	Tools     []Tool
	Tokenizer Tokenizer // of the policy; nil where it is not known
	Context   int       // tokens of prompt and answer together; 0 where it is not known
	MaxTokens int       // of a turn; 0: the profile's own
	Sampling  sampler.Settings
	Thinking  *bool
	Choice    Choice // of the first turn, for profiles that leave it open
}

// Question is what a run is to answer.
type Question struct {
	Text    string         `json:"text"`             // the user's message; "" where History ends with it
	System  string         `json:"system,omitempty"` // for profiles that have no system message of their own
	History []chat.Message `json:"-"`                // the conversation before Text
}

// Tokenizer counts and cuts as the policy does. *tokenizer.Tokenizer is one.
type Tokenizer interface {
	Encode(text string, special bool) ([]int32, error)
	Bytes(id int32) []byte
}

// Episode is one question under a Profile. Its methods are called in turn by
// one goroutine: Request, Turn, and Results as long as there are actions. What
// it returns depends on nothing but its Setup and what it was given, so that a
// trace replays.
type Episode interface {
	// Request is the next turn wanted of the policy. It changes nothing.
	Request(r Round) (PolicyRequest, error)
	// Turn takes what the policy said.
	Turn(t PolicyTurn) (Step, error)
	// Results takes the outcomes of a step's actions, in their order.
	Results(o []Outcome) (Step, error)
	// Messages is the conversation as a later question continues it.
	Messages() []chat.Message
}

// FinalCoster is an Episode whose answer is a call: FinalCost is the least that
// it may take, which is held back until the end.
type FinalCoster interface {
	FinalCost() Cost
}

// Resumer is an Episode that can begin with calls of its history. Resume is the
// step with those of its tools that the history ends with and that have no
// result there; Results takes their outcomes.
type Resumer interface {
	Resume() Step
}

// Round says which turn a Request is for.
type Round struct {
	N      int    `json:"round"`            // from 1
	Final  bool   `json:"final,omitempty"`  // the answer must come now: nothing further will be executed
	Reason string `json:"reason,omitempty"` // of Final, for the model
	// MaxTokens of a Final turn; 0: the profile's.
	MaxTokens int `json:"max_tokens,omitempty"`
	// USD is what a call that a Final turn leads to may cost; nil: no limit.
	USD *float64 `json:"usd,omitempty"`
}

// Step is what follows from a turn or from results: actions, or the end, or
// neither where the round was spent for nothing.
type Step struct {
	Actions []Action
	Done    bool
	Answer  string
	Finish  string // of Done: why; "" is stop
	Problem string // what was wrong with the turn
}

// Action is one call to be executed.
type Action struct {
	Call Call
	// Tool is what executes it; its Executor may hold state of the episode.
	Tool Tool
	// Refuse, where set, is the outcome: the call is not executed.
	Refuse *ToolError
	// Key tells identical calls; "": the tool and its arguments.
	Key string
}

// Outcome is an action with what came of it. Result.Text is clean, cut, and
// that of Err where there is one.
type Outcome struct {
	Action
	Result  Result
	Err     *ToolError
	Pending bool // there is no result: the client is to execute it, or it is Deferred
	// Deferred calls wait for somebody who decides after the run.
	Deferred bool
}
