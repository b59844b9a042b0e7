package orchestrate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"orchrt/tokenizer/chat"
)

// Executor runs one call. Arguments are a JSON object that the tool's Grammar
// accepts. Failures that the model is to read are *ToolError; of any other error
// it learns only that the tool failed, and the text goes to the trace. Call must
// return soon after ctx ends; one that does not is left behind, and reported.
// Calls may run at the same time.
type Executor interface {
	Call(ctx context.Context, args json.RawMessage) (Result, error)
}

// ExecutorFunc is a function as an Executor.
type ExecutorFunc func(ctx context.Context, args json.RawMessage) (Result, error)

// Call implements Executor.
func (f ExecutorFunc) Call(ctx context.Context, args json.RawMessage) (Result, error) {
	return f(ctx, args)
}

// Tool is something that the policy may call.
type Tool struct {
	Name        string
	Description string
	Schema      json.RawMessage // JSON Schema of the arguments as the model reads it; nil: no arguments
	// Source is the whole definition in OpenAI's form as a client sent it, which
	// the prompt holds as it is; nil: one is made of the three above.
	Source json.RawMessage
	// Strict makes a grammar that cannot be enforced exactly an error; else the
	// turn warns, and any object passes.
	Strict bool
	// Grammar is the schema that decoding and validation enforce; nil: Schema.
	// The two differ where the model was trained on choices that stand in prose.
	Grammar json.RawMessage
	Price   Price
	Latency time.Duration // typical; what caps on latency compare and the model reads
	Timeout time.Duration // of one call; 0: DefaultTimeout
	// Approval says who must agree to a call. A request may tighten it.
	Approval Approval
	// MaxResult is the most bytes of a result that the model gets; 0:
	// DefaultMaxResult.
	MaxResult int
	// Fingerprint identifies the description and the schema of a tool that
	// somebody else defines, such as one of an MCP server: where it differs from
	// the one agreed to before, the tool must be approved again.
	Fingerprint string
	// Worst is the most that a call can cost, which is reserved before it starts.
	// Seconds of 0 mean the Timeout; args nil asks about any call. nil: what Price
	// says of one query, one request and Timeout seconds, with Experts of the
	// dearest one's longest prompt and answer too.
	Worst func(args json.RawMessage) Cost

	// Role is what the tool does in a profile that gives tools parts to play;
	// chat needs none.
	Role Role
	// Experts are the models that a tool with a Role lets the policy choose from.
	Experts []Expert

	// Server is the MCP server that the tool is of; "" for others.
	Server string

	// Executor runs the calls. nil: the tool is the client's, and a call of it
	// ends the run with the call pending.
	Executor
}

// What holds for tools that do not say.
const (
	DefaultTimeout   = 60 * time.Second
	DefaultMaxResult = 32 << 10
)

// Client reports that the client executes the tool: a call of it ends the run.
func (t *Tool) Client() bool { return t.Executor == nil && len(t.Experts) == 0 }

// Role is the part that a tool plays in a profile.
type Role string

// The roles. RoleCode and RoleRetrieve are ordinary tools in a chat; where other
// roles use them they are not offered themselves. Those with Experts take {"model": alias}, or {"expert": alias} for
// RoleExpert; the profile supplies Schema, Grammar and what is done.
const (
	RoleReason   Role = "reason"   // enhance_reasoning: an expert writes code, the tool of RoleCode runs it
	RoleAnswer   Role = "answer"   // answer: an expert gives the final answer
	RoleSearch   Role = "search"   // search: an expert writes a query for the tool of RoleRetrieve
	RoleExpert   Role = "expert"   // call_expert: an expert takes the turn
	RoleCode     Role = "code"     // runs {"code": Python}; Result.Data is {"stdout": text}, or Text is that
	RoleRetrieve Role = "retrieve" // {"query": text}, and "limit" where its Schema has that; Result.Data is a list of texts, the best first, or Text is one
)

// Expert is a model that a tool lets the policy choose.
type Expert struct {
	Alias string // what the policy calls it
	Skill string // sentences of the tool's description
	// ShownPrice and ShownLatency are what the policy reads where they are not
	// zero; else it reads Price and Latency.
	ShownPrice   string
	ShownLatency string
	Price        Price
	Latency      time.Duration
	Temperature  *float64 // nil: the model's own
	MaxTokens    int      // of an answer; 0: DefaultExpertTokens
	Context      int      // tokens of state in a prompt; 0: 24,000
	CodeContext  int      // of them, tokens of code and its output; 0: half
	DocChars     int      // characters of each document; 0: all
	Form         AnswerForm
	// Suffix is what call_expert adds to the last message that the expert reads.
	Suffix string
	Model  Model
}

// AnswerForm is how an expert of RoleAnswer is asked to mark its answer.
type AnswerForm string

// The forms, each with the models for which the paper's evaluation has it.
const (
	FormThink AnswerForm = "think" // <think> and <answer>, asked to think hard: GPT-5; "" is this
	FormWrap  AnswerForm = "wrap"  // <think> and <answer>: Llama
	FormBoxed AnswerForm = "boxed" // \boxed{}, by a system message: Qwen
)

// DefaultExpertTokens is the length of an expert's answer where nothing is said.
const DefaultExpertTokens = 8000

// Model is another model. Chat makes one turn; errors as those of an Executor.
type Model interface {
	Chat(ctx context.Context, r ModelRequest) (ModelReply, error)
}

// ModelRequest is one request to a Model.
type ModelRequest struct {
	Messages    []chat.Message
	Tools       []json.RawMessage // in OpenAI's form; nil: none
	Temperature *float64
	MaxTokens   int // 0: the model's own limit
}

// ModelReply is what a Model answers. Usage holds one entry for each attempt
// that cost something, a fallback's included.
type ModelReply struct {
	Content string
	Calls   []Call
	Finish  string // stop, length, tool_calls
	Usage   []ModelUsage
	Record  map[string]any // for the trace
}

// ModelUsage is what one model used in one call.
type ModelUsage struct {
	Model   string  `json:"model,omitempty"`
	Input   int     `json:"input_tokens"`            // tokens of the prompt, with those from a cache
	Cached  int     `json:"cached_tokens,omitempty"` // of them, from a cache
	Output  int     `json:"output_tokens"`
	Think   int     `json:"thinking_tokens,omitempty"` // of Output, tokens of thinking
	Seconds float64 `json:"seconds,omitempty"`
	// Price of these tokens; nil: that of the tool.
	Price *Price `json:"price,omitempty"`
	// USD is what is to be paid beside the tokens.
	USD float64 `json:"usd,omitempty"`
}

// Result is what a call gave.
type Result struct {
	Text    string // what the model reads; cleaned and cut by the Runner
	IsError bool   // the tool ran and reports a failure
	// Data is the result in a form that a profile builds on; the model does not
	// see it.
	Data json.RawMessage
	// Usage, Queries and Seconds are what the call cost. Seconds are those that
	// Price.PerSecond counts; 0: the time that the call took.
	Usage   []ModelUsage
	Queries int
	Seconds float64
	// Record is for the trace only: standard error, an exit code, a status.
	Record map[string]any
	Cut    int // bytes of the text that the tool itself left out, and marked
}

// ErrorKind says why a call failed.
type ErrorKind string

// The kinds of failures.
const (
	Timeout     ErrorKind = "timeout"     // it took too long
	Unavailable ErrorKind = "unavailable" // not reachable now; another try may work
	Refused     ErrorKind = "refused"     // not allowed: approval, address, policy
	Failed      ErrorKind = "failed"      // it ran and failed
	Invalid     ErrorKind = "invalid"     // the arguments, or an unknown tool
	Exhausted   ErrorKind = "budget"      // the budget does not allow it
	Repeated    ErrorKind = "repeated"    // the same call too often
	Cancelled   ErrorKind = "cancelled"   // the run was cancelled
)

// ToolError is a failure that the model reads: Message says in one sentence
// what happened and what it may do. It holds no secrets.
type ToolError struct {
	Kind    ErrorKind
	Message string
	Cause   error // for the trace
	// Usage is what the failed call cost all the same.
	Usage []ModelUsage
}

// Error returns the message.
func (e *ToolError) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *ToolError) Unwrap() error { return e.Cause }

// toolError makes one of a kind.
func toolError(kind ErrorKind, format string, args ...any) *ToolError {
	return &ToolError{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Definition is the tool in OpenAI's form, as the prompt holds it: keys in the
// order of the release that the policy was trained with.
func (t *Tool) Definition() json.RawMessage {
	if len(t.Source) > 0 {
		return t.Source
	}
	schema := t.Schema
	if len(schema) == 0 {
		schema = json.RawMessage(`{"type": "object", "properties": {}}`)
	}
	return json.RawMessage(`{"type": "function", "function": {"name": ` + quote(t.Name) +
		`, "description": ` + quote(t.Description) + `, "parameters": ` + string(schema) + `}}`)
}

// timeout is the longest that one call may take.
func (t *Tool) timeout() time.Duration {
	if t.Timeout > 0 {
		return t.Timeout
	}
	return DefaultTimeout
}

// maxResult is the most bytes of a result that the model gets.
func (t *Tool) maxResult() int {
	if t.MaxResult > 0 {
		return t.MaxResult
	}
	return DefaultMaxResult
}

// grammar is the schema that calls must satisfy; nil: any object.
func (t *Tool) grammar() json.RawMessage {
	if len(t.Grammar) > 0 {
		return t.Grammar
	}
	return t.Schema
}
