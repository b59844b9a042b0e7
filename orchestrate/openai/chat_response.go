package openai

import (
	"strings"
	"unicode/utf8"

	"orchrt/sampler"
)

// Response reads the events to their end and makes the response of a request
// without streaming: a *ChatCompletion or a *Completion. After an error the
// caller cancels the context that Run was given.
func (j *Job) Response(events <-chan Event) (any, *Error) {
	parts := make([]answer, len(j.Choices))
	left := len(j.Choices)
	for e := range events {
		if e.Kind == Failed {
			return nil, e.Err
		}
		if e.Kind == Finished {
			left--
		}
		parts[e.Choice.Index].add(e)
	}
	if left > 0 {
		return nil, internal(nil)
	}
	if !j.chat {
		return j.completion(parts), nil
	}
	r := &ChatCompletion{ID: j.ID, Object: "chat.completion", Created: j.Created.Unix(), Model: j.b.Names[0],
		Usage: j.Usage(), SystemFingerprint: j.b.Fingerprint, Extension: *j.extension(j.Choices...)}
	if j.tokenIDs {
		r.PromptTokenIDs = j.Choices[0].Request.Prompt
	}
	for i := range parts {
		r.Choices = append(r.Choices, j.chatChoice(j.Choices[i], &parts[i]))
	}
	return r, nil
}

// answer collects the events of one choice.
type answer struct {
	text, reasoning strings.Builder
	calls           []ToolCall
	tokens          []sampler.Token
}

func (a *answer) add(e Event) {
	a.tokens = append(a.tokens, e.Tokens...)
	switch e.Kind {
	case TextAdded:
		a.text.WriteString(e.Text)
	case ReasoningAdded:
		a.reasoning.WriteString(e.Text)
	case CallStarted:
		a.calls = append(a.calls, ToolCall{ID: e.CallID, Type: "function", Function: Function{Name: e.Name}})
	case ArgumentsAdded:
		a.calls[len(a.calls)-1].Function.Arguments += e.Text
	}
}

// chatChoice is the complete answer of one choice.
func (j *Job) chatChoice(c *Choice, a *answer) ChatChoice {
	m := ChatMessage{Role: "assistant", ToolCalls: a.calls}
	if m.ToolCalls == nil {
		m.ToolCalls = []ToolCall{}
	}
	if text := a.text.String(); text != "" || len(a.calls) == 0 {
		m.Content = &text
	}
	if text := a.reasoning.String(); text != "" {
		m.ReasoningContent = &text
	}
	return ChatChoice{Index: c.Index, Message: m, Logprobs: j.chatLogprobs(a.tokens), FinishReason: c.Finish,
		StopReason: c.StopReason, TokenIDs: j.ids(a.tokens)}
}

// Chunks are what an event adds to a stream: usually one chunk, each a
// *ChatChunk or a *Completion. The event must not be Failed.
func (j *Job) Chunks(e Event) []any {
	if !j.chat {
		return j.completionChunks(e)
	}
	var chunks []any
	if !e.Choice.opened {
		e.Choice.opened = true
		empty := ""
		open := j.chatChunk(e.Choice, Delta{Role: "assistant", Content: &empty})
		if j.tokenIDs {
			open.PromptTokenIDs = e.Choice.Request.Prompt
		}
		chunks = append(chunks, open)
	}
	if e.Kind == ToolProgress {
		return append(chunks, j.toolChunk(e))
	}
	c := j.chatChunk(e.Choice, delta(e))
	c.Choices[0].Logprobs = j.chatLogprobs(e.Tokens)
	c.Choices[0].TokenIDs = j.ids(e.Tokens)
	if e.Kind == Finished {
		c.Choices[0].FinishReason = &e.Choice.Finish
		c.Choices[0].StopReason = e.Choice.StopReason
		c.Extension = j.extension(e.Choice)
	}
	return append(chunks, c)
}

// Last is the chunk with the usage that ends a stream, or nil where the request
// did not ask for one.
func (j *Job) Last() any {
	if !j.IncludeUsage {
		return nil
	}
	u := j.Usage()
	if !j.chat {
		return &Completion{ID: j.ID, Object: "text_completion", Created: j.Created.Unix(), Model: j.b.Names[0],
			SystemFingerprint: j.b.Fingerprint, Choices: []CompletionChoice{}, Usage: &u}
	}
	return &ChatChunk{ID: j.ID, Object: "chat.completion.chunk", Created: j.Created.Unix(), Model: j.b.Names[0],
		SystemFingerprint: j.b.Fingerprint, Choices: []ChatChunkChoice{}, Usage: &u}
}

// chatChunk is a chunk that adds d to c.
func (j *Job) chatChunk(c *Choice, d Delta) *ChatChunk {
	return &ChatChunk{ID: j.ID, Object: "chat.completion.chunk", Created: j.Created.Unix(), Model: j.b.Names[0],
		SystemFingerprint: j.b.Fingerprint, Choices: []ChatChunkChoice{{Index: c.Index, Delta: d}}}
}

// delta is what an event adds to a message.
func delta(e Event) Delta {
	switch e.Kind {
	case TextAdded:
		return Delta{Content: &e.Text}
	case ReasoningAdded:
		return Delta{ReasoningContent: &e.Text}
	case CallStarted:
		return Delta{ToolCalls: []ToolCallDelta{{Index: e.Call, ID: e.CallID, Type: "function", Function: FunctionDelta{Name: e.Name}}}}
	case ArgumentsAdded:
		return Delta{ToolCalls: []ToolCallDelta{{Index: e.Call, Function: FunctionDelta{Arguments: e.Text}}}}
	}
	return Delta{}
}

// chatLogprobs is nil where the request did not ask for log probabilities.
func (j *Job) chatLogprobs(tokens []sampler.Token) *ChatLogprobs {
	if j.Params.Logprobs < 0 {
		return nil
	}
	l := &ChatLogprobs{Content: make([]TokenLogprob, len(tokens))}
	for i, t := range tokens {
		e := TokenLogprob{j.topLogprob(t.ID, t.Logprob), make([]TopLogprob, 0, len(t.Top))}
		for _, alt := range t.Top {
			e.TopLogprobs = append(e.TopLogprobs, j.topLogprob(alt.ID, alt.Logprob))
		}
		l.Content[i] = e
	}
	return l
}

func (j *Job) topLogprob(id int32, logprob float32) TopLogprob {
	raw := j.b.Tokenizer.Bytes(id)
	e := TopLogprob{Token: validText(raw), Logprob: max(logprob, -9999), Bytes: make([]int, len(raw))}
	for i, c := range raw {
		e.Bytes[i] = int(c)
	}
	return e
}

// validText is raw with U+FFFD for what is not UTF-8.
func validText(raw []byte) string {
	if utf8.Valid(raw) {
		return string(raw)
	}
	return strings.ToValidUTF8(string(raw), "\ufffd")
}

// ids is nil where the request did not ask for token ids.
func (j *Job) ids(tokens []sampler.Token) []int32 {
	if !j.tokenIDs {
		return nil
	}
	ids := make([]int32, len(tokens))
	for i, t := range tokens {
		ids[i] = t.ID
	}
	return ids
}
