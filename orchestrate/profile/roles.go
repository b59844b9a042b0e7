package profile

import (
	"context"
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"orchrt/orchestrate"
	"orchrt/tokenizer/chat"
)

// found is the Result.Data of the calls of ToolOrchestra.
type found struct {
	codeRun
	Query     string   `json:"query,omitempty"`     // of RoleSearch
	Documents []string `json:"documents,omitempty"` // of RoleSearch, the best first
	Answer    string   `json:"answer,omitempty"`    // of RoleAnswer
	Response  string   `json:"response,omitempty"`  // of RoleAnswer, the whole of it
}

// bind gives a tool the executor for one expert and the state of this moment.
func (e *episode) bind(t *orchestrate.Tool, x orchestrate.Expert) error {
	question := e.setup.Question.Text
	c, err := e.expertContext(x, question)
	if err != nil {
		return err
	}
	c = strings.TrimSpace(c)
	var messages []chat.Message
	var helper *orchestrate.Tool
	var run func(context.Context, *orchestrate.Result, string) error
	switch t.Role {
	case orchestrate.RoleReason:
		messages = []chat.Message{text("user", c+"\n\nQuestion: "+question+"\nInstead of directly answering the question, please write additional python code that will give intermidiate results after execution. Wrap the code within ```python and ```. The code should be self-contained with all the import and initialization.")}
		helper, run = e.code, e.runCode
	case orchestrate.RoleSearch:
		messages = []chat.Message{text("user", c+"\n\nQuestion: "+question+"\n"+e.v.asked)}
		helper, run = e.retrieve, e.search
	default:
		messages = answerMessages(x.Form, c+e.v.answer+question)
		run = func(_ context.Context, r *orchestrate.Result, reply string) error {
			return giveAnswer(x.Form, r, reply)
		}
	}
	tokens := 0
	for _, m := range messages {
		n, err := count(e.setup.Tokenizer, m.Content.String())
		if err != nil {
			return err
		}
		tokens += n + n/2 + messageTokens // another model's tokenizer may make more of them
	}
	t.Price = orchestrate.Price{}
	t.Worst = func(json.RawMessage) orchestrate.Cost {
		w := x.Worst(tokens)
		if helper != nil {
			w.USD += worstCall(helper)
		}
		return orchestrate.Cost{USD: w.USD}
	}
	role := t.Role
	t.Executor = orchestrate.ExecutorFunc(func(ctx context.Context, _ json.RawMessage) (orchestrate.Result, error) {
		reply, usage, err := ask(ctx, x, messages, nil)
		r := orchestrate.Result{Usage: usage, Record: reply.Record}
		if err != nil {
			if role != orchestrate.RoleSearch || ctx.Err() != nil {
				return r, err
			}
			reply.Content = "" // the question is the query
		}
		err = run(ctx, &r, reply.Content)
		return r, err
	})
	return nil
}

// worstCall is the most that a call of a helper costs.
func worstCall(t *orchestrate.Tool) float64 {
	if t.Worst != nil {
		return t.Worst(nil).USD
	}
	timeout := t.Timeout
	if timeout == 0 {
		timeout = orchestrate.DefaultTimeout
	}
	return t.Price.PerRequest + t.Price.PerQuery + t.Price.PerSecond*timeout.Seconds()
}

// expertContext is the state as an expert reads it.
func (e *episode) expertContext(x orchestrate.Expert, question string) (string, error) {
	tok := e.setup.Tokenizer
	limit := x.CodeContext
	if limit == 0 {
		limit = x.StateTokens() / 2
	}
	code, _, err := cut(tok, e.state.codeText(), limit)
	if err != nil {
		return "", err
	}
	if code != "" && !strings.HasPrefix(code, "```") {
		code = "```\n" + code
	}
	n, err := count(tok, question)
	if err != nil {
		return "", err
	}
	docs := e.state.documentText(x.DocChars, "\n\n")
	c, _, err := cut(tok, docs+code, x.StateTokens()-n)
	if docs != "" {
		c = "Documents:\n" + c
	}
	return c, err
}

// call runs a helper within its own time and adds what it cost.
func call(ctx context.Context, t *orchestrate.Tool, args map[string]any, into *orchestrate.Result) (orchestrate.Result, error) {
	raw, err := json.Marshal(args)
	if err != nil {
		return orchestrate.Result{}, err
	}
	if t.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, t.Timeout)
		defer cancel()
	}
	began := time.Now()
	r, err := t.Call(ctx, raw)
	took := time.Since(began)
	into.Usage = append(into.Usage, orchestrate.ModelUsage{Model: t.Name, Seconds: took.Seconds(), USD: t.Cost(r, took).USD})
	if into.Record == nil {
		into.Record = make(map[string]any)
	}
	into.Record[t.Name] = r.Record
	return r, err
}

// runCode takes the code out of a reply and runs it.
func (e *episode) runCode(ctx context.Context, r *orchestrate.Result, reply string) error {
	_, code, ok := lastCut(reply, "```python")
	if code, _, _ = strings.Cut(code, "```"); !ok || strings.TrimSpace(code) == "" {
		return &orchestrate.ToolError{Kind: orchestrate.Failed, Message: "the expert wrote no code"}
	}
	out, err := call(ctx, e.code, map[string]any{"code": code}, r)
	if err != nil {
		return err
	}
	var d struct {
		Stdout *string `json:"stdout"`
	}
	output := out.Text
	if json.Unmarshal(out.Data, &d) == nil && d.Stdout != nil {
		output = *d.Stdout
	}
	r.Text, r.Cut = output, out.Cut
	return setData(r, found{codeRun: codeRun{code, valid(output)}})
}

// search takes the query out of a reply and looks for documents.
func (e *episode) search(ctx context.Context, r *orchestrate.Result, reply string) error {
	query := e.setup.Question.Text
	if reply != "" {
		_, after, ok := lastCut(reply, "<query>")
		if !ok {
			after = reply
		}
		query, _, _ = strings.Cut(after, "</query>")
	}
	if utf8.RuneCountInString(query) < e.v.query {
		return &orchestrate.ToolError{Kind: orchestrate.Failed, Message: "the expert wrote no query"}
	}
	const longest = 390 // characters
	query = firstChars(query, longest)
	args := map[string]any{"query": query}
	if hasProperty(e.retrieve.Schema, "limit") {
		args["limit"] = e.v.limit
	}
	out, err := call(ctx, e.retrieve, args, r)
	if err != nil {
		return err
	}
	var docs []string
	if json.Unmarshal(out.Data, &docs) != nil && out.Text != "" {
		docs = []string{out.Text}
	}
	for i := range docs {
		docs[i] = valid(docs[i])
	}
	r.Text, r.IsError = out.Text, out.IsError
	return setData(r, found{Query: query, Documents: docs})
}

// hasProperty reports whether a schema of an object knows a property.
func hasProperty(schema json.RawMessage, name string) bool {
	var s struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	return json.Unmarshal(schema, &s) == nil && s.Properties[name] != nil
}

// answerMessages is the question for the expert that answers.
func answerMessages(form orchestrate.AnswerForm, prompt string) []chat.Message {
	switch form {
	case orchestrate.FormBoxed:
		return []chat.Message{text("system", `Please reason step by step, and put your final answer within \boxed{}.`), text("user", prompt)}
	case orchestrate.FormWrap:
		return []chat.Message{text("user", prompt+"\nWrap the thinking process and explanation between <think> and </think> and wrap only the exact answer without any explanation within <answer> and </answer>.")}
	}
	return []chat.Message{text("user", prompt+"\n\nTake a deep breath and think hard with high reasoning, wrap the thoughts within <think> and </think>, and wrap only the exact answer without any explanation within <answer> and </answer>."+
		"Output using the following format:\n<think>\n...\n</think>\n<answer>\n...\n</answer>")}
}

// giveAnswer takes the answer out of a reply; without its marks all that follows
// the thinking is the answer.
func giveAnswer(form orchestrate.AnswerForm, r *orchestrate.Result, reply string) error {
	answer := reply
	if _, after, ok := lastCut(reply, "</think>"); ok {
		answer = after
	}
	if form == orchestrate.FormBoxed {
		if _, after, ok := lastCut(reply, `\boxed{`); ok {
			if i := strings.LastIndexByte(after, '}'); i >= 0 {
				answer = after[:i]
			}
		}
	} else if _, after, ok := lastCut(reply, "<answer>"); ok {
		answer, _, _ = strings.Cut(after, "</answer>")
	}
	answer = valid(strings.TrimSpace(answer))
	if answer == "" {
		return &orchestrate.ToolError{Kind: orchestrate.Failed, Message: "the expert gave no answer"}
	}
	r.Text = answer
	return setData(r, found{Answer: answer, Response: valid(reply)})
}

// lastCut cuts s around the last sep.
func lastCut(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// setData makes d the data of r.
func setData(r *orchestrate.Result, d found) (err error) {
	r.Data, err = json.Marshal(d)
	return err
}
