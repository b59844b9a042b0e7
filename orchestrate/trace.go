package orchestrate

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"orchrt/sampler"
	"orchrt/tokenizer/chat"
)

// TraceVersion is that of the trace's format.
const TraceVersion = 1

// Line is one line of a trace, which is JSON lines. Kind says which fields it
// has: run is the first, end the last; a turn for each time that the policy
// ran, with the prompt; call and result for each action; lost for a turn that
// led nowhere.
type Line struct {
	Kind string    `json:"kind"`
	Time time.Time `json:"time"`

	// run
	Version int         `json:"version,omitempty"`
	Run     string      `json:"run,omitempty"`
	Profile string      `json:"profile,omitempty"`
	Model   string      `json:"model,omitempty"`
	Setup   *TraceSetup `json:"setup,omitempty"`

	// turn
	Round   *Round          `json:"round,omitempty"`
	Prompt  string          `json:"prompt,omitempty"`  // as the policy rendered it
	Request json.RawMessage `json:"request,omitempty"` // where the policy renders nothing
	Turn    *PolicyTurn     `json:"turn,omitempty"`

	// call and result
	N       int            `json:"n,omitempty"`      // round of the call
	Action  int            `json:"action,omitempty"` // number of the call in the run, from 1
	Call    *Call          `json:"call,omitempty"`
	Result  *TraceResult   `json:"result,omitempty"`
	Record  map[string]any `json:"record,omitempty"`
	USD     float64        `json:"usd,omitempty"`
	Seconds float64        `json:"seconds,omitempty"`

	// end
	Finish string `json:"finish,omitempty"`
	Answer string `json:"answer,omitempty"`
	Totals []Sum  `json:"totals,omitempty"`

	Error string `json:"error,omitempty"`
}

// TraceSetup is what a run started from.
type TraceSetup struct {
	Question  Question         `json:"question"`
	History   []TraceMessage   `json:"history,omitempty"`
	Prefer    string           `json:"prefer,omitempty"`
	Tools     []TraceTool      `json:"tools"`
	Context   int              `json:"context,omitempty"`
	MaxTokens int              `json:"max_tokens,omitempty"`
	Sampling  sampler.Settings `json:"sampling"`
	Thinking  *bool            `json:"thinking,omitempty"`
	Choice    *Choice          `json:"choice,omitempty"`  // of the first turn
	Resumes   bool             `json:"resumes,omitempty"` // it begins with calls of the history
}

// TraceTool is a Tool without what executes it.
type TraceTool struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Schema      json.RawMessage `json:"schema,omitempty"`
	Source      json.RawMessage `json:"source,omitempty"`
	Grammar     json.RawMessage `json:"grammar,omitempty"`
	Price       Price           `json:"price"`
	Latency     time.Duration   `json:"latency_ns,omitempty"`
	Timeout     time.Duration   `json:"timeout_ns,omitempty"`
	Approval    Approval        `json:"approval"`
	MaxResult   int             `json:"max_result,omitempty"`
	Role        Role            `json:"role,omitempty"`
	Experts     []TraceExpert   `json:"experts,omitempty"`
	Client      bool            `json:"client,omitempty"` // the client executes it
}

// TraceExpert is an Expert without its model.
type TraceExpert struct {
	Alias        string        `json:"alias"`
	Skill        string        `json:"skill,omitempty"`
	ShownPrice   string        `json:"shown_price,omitempty"`
	ShownLatency string        `json:"shown_latency,omitempty"`
	Price        Price         `json:"price"`
	Latency      time.Duration `json:"latency_ns,omitempty"`
	Temperature  *float64      `json:"temperature,omitempty"`
	MaxTokens    int           `json:"max_tokens,omitempty"`
	Context      int           `json:"context,omitempty"`
	CodeContext  int           `json:"code_context,omitempty"`
	DocChars     int           `json:"doc_chars,omitempty"`
	Form         AnswerForm    `json:"form,omitempty"`
	Suffix       string        `json:"suffix,omitempty"`
}

// TraceMessage is a message of the conversation in OpenAI's form.
type TraceMessage struct {
	Role             string      `json:"role"`
	Content          *string     `json:"content"`
	ReasoningContent *string     `json:"reasoning_content,omitempty"`
	ToolCalls        []TraceCall `json:"tool_calls,omitempty"`
	ToolCallID       string      `json:"tool_call_id,omitempty"`
	Name             string      `json:"name,omitempty"`
}

// TraceCall is a call in OpenAI's form.
type TraceCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// TraceResult is what the episode and the model got.
type TraceResult struct {
	Text    string          `json:"text"`
	IsError bool            `json:"is_error,omitempty"`
	Kind    ErrorKind       `json:"error,omitempty"`
	Data    json.RawMessage `json:"data,omitempty"`
	Usage   []ModelUsage    `json:"usage,omitempty"`
	Queries int             `json:"queries,omitempty"`
	Cut     int             `json:"cut,omitempty"`
	Pending bool            `json:"pending,omitempty"`
}

// MessageLine is m in OpenAI's form.
func MessageLine(m chat.Message) TraceMessage {
	t := TraceMessage{Role: m.Role, ReasoningContent: m.ReasoningContent, ToolCallID: m.ToolCallID, Name: m.Name}
	if m.Content.Kind >= chat.ContentText {
		s := m.Content.String()
		t.Content = &s
	}
	for _, c := range m.ToolCalls {
		tc := TraceCall{ID: c.ID, Type: "function"}
		tc.Function.Name, tc.Function.Arguments = c.Name, c.Arguments
		t.ToolCalls = append(t.ToolCalls, tc)
	}
	return t
}

// Message is the message that MessageLine was given, but for text parts, which
// have become one text.
func (t TraceMessage) Message() chat.Message {
	m := chat.Message{Role: t.Role, ReasoningContent: t.ReasoningContent, ToolCallID: t.ToolCallID, Name: t.Name,
		Content: chat.MessageContent{Kind: chat.ContentNull}}
	if t.Content != nil {
		m.Content = chat.Text(*t.Content)
	}
	for _, c := range t.ToolCalls {
		m.ToolCalls = append(m.ToolCalls, chat.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments})
	}
	return m
}

// tracer writes lines as they come; with no writer it does nothing. The first
// failure to write sticks.
type tracer struct {
	mu  sync.Mutex
	w   io.Writer
	err error
}

func newTracer(w io.Writer) *tracer { return &tracer{w: w} }

func (t *tracer) write(l Line) {
	if t.w == nil {
		return
	}
	l.Time = time.Now().UTC()
	b, err := json.Marshal(l)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return
	}
	if err == nil {
		_, err = t.w.Write(append(b, '\n'))
	}
	if err != nil {
		t.err = fmt.Errorf("orchestrate: the trace cannot be written: %w", err)
	}
}

func (t *tracer) run(x *run, s Setup) {
	if t.w == nil {
		return
	}
	ts := &TraceSetup{Question: s.Question, Prefer: s.Prefer, Context: s.Context, MaxTokens: s.MaxTokens, Sampling: s.Sampling, Thinking: s.Thinking}
	ts.Resumes = x.opt.resumes()
	if s.Choice != (Choice{}) {
		ts.Choice = &s.Choice
	}
	for _, m := range s.Question.History {
		ts.History = append(ts.History, MessageLine(m))
	}
	for i := range s.Tools {
		ts.Tools = append(ts.Tools, s.Tools[i].line())
	}
	t.write(Line{Kind: "run", Version: TraceVersion, Run: x.rec.ID, Profile: x.rec.Profile, Model: x.r.Model, Setup: ts})
}

// line is the tool in a trace.
func (t *Tool) line() TraceTool {
	out := TraceTool{Name: t.Name, Description: t.Description, Schema: t.Schema, Source: t.Source, Grammar: t.Grammar, Price: t.Price, Latency: t.Latency,
		Timeout: t.Timeout, Approval: t.Approval, MaxResult: t.MaxResult, Role: t.Role, Client: t.Executor == nil}
	for _, e := range t.Experts {
		out.Experts = append(out.Experts, TraceExpert{Alias: e.Alias, Skill: e.Skill, ShownPrice: e.ShownPrice, ShownLatency: e.ShownLatency,
			Price: e.Price, Latency: e.Latency, Temperature: e.Temperature, MaxTokens: e.MaxTokens, Context: e.Context,
			CodeContext: e.CodeContext, DocChars: e.DocChars, Form: e.Form, Suffix: e.Suffix})
	}
	return out
}

func (t *tracer) turn(rd Round, req PolicyRequest, turn PolicyTurn, usd float64, err error) {
	if t.w == nil {
		return
	}
	l := Line{Kind: "turn", Round: &rd, Prompt: turn.Prompt, Turn: &turn, USD: usd, Seconds: turn.Usage.Seconds}
	if l.Prompt == "" {
		l.Request = requestLine(req)
	}
	if err != nil {
		l.Error = err.Error()
	}
	t.write(l)
}

// requestLine is what of a request makes a prompt.
func requestLine(r PolicyRequest) json.RawMessage {
	var v struct {
		Messages []TraceMessage    `json:"messages"`
		Tools    []json.RawMessage `json:"tools,omitempty"`
		Choice   Choice            `json:"tool_choice"`
		Thinking *bool             `json:"thinking,omitempty"`
	}
	for _, m := range r.Messages {
		v.Messages = append(v.Messages, MessageLine(m))
	}
	for i := range r.Tools {
		v.Tools = append(v.Tools, r.Tools[i].Definition())
	}
	v.Choice, v.Thinking = r.Choice, r.Thinking
	b, err := json.Marshal(v)
	if err != nil {
		b = []byte(quote(err.Error())) // a schema that is no JSON
	}
	return b
}

func (t *tracer) call(c *call) {
	if t.w != nil {
		t.write(Line{Kind: "call", N: c.round, Action: c.number, Call: &c.Call})
	}
}

func (t *tracer) result(c *call, kind ErrorKind, cost Cost) {
	if t.w == nil {
		return
	}
	r := c.out.Result
	t.write(Line{Kind: "result", N: c.round, Action: c.number, Call: &c.Call, Record: r.Record, USD: cost.USD, Seconds: cost.Seconds,
		Result: &TraceResult{Text: r.Text, IsError: r.IsError, Kind: kind, Data: r.Data, Usage: r.Usage, Queries: r.Queries, Cut: r.Cut}})
}

func (t *tracer) lost(n int, problem string) {
	t.write(Line{Kind: "lost", N: n, Error: problem})
}

func (t *tracer) end(r *Run, err error) {
	if t.w == nil {
		return
	}
	l := Line{Kind: "end", Run: r.ID, Finish: r.Finish, Answer: r.Answer, Totals: r.Ledger.By(nil), Seconds: r.Wall.Seconds(), USD: r.Ledger.Cost().USD}
	if err != nil {
		l.Error = err.Error()
	}
	t.write(l)
}
