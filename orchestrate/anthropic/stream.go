package anthropic

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"orchrt/orchestrate/openai"
)

// Prepare makes the job of a request; requestID is what errors in its stream
// name.
func Prepare(ctx context.Context, b *openai.Backend, r *Request, requestID string) (openai.Answer, *openai.Error) {
	job, err := chatJob(ctx, b, r.Chat)
	if err == nil && r.Budget > 0 {
		err = job.LimitThinking(r.Budget)
	}
	if err != nil {
		return nil, err.Rename(fieldName)
	}
	job.ID = openai.NewID("msg_")
	a := &answer{job: job, requestID: requestID, wanted: r.Chat.Limits.MaxTokens}
	a.message = Message{ID: job.ID, Type: "message", Role: "assistant", Model: b.Names[0], Content: []any{},
		Usage: Usage{ServiceTier: "standard"}}
	return a, nil
}

// chatJob prepares the chat request. A max_tokens beyond the context gives way
// to it.
func chatJob(ctx context.Context, b *openai.Backend, c openai.ChatRequest) (*openai.Job, *openai.Error) {
	job, err := b.Chat(ctx, &c)
	if err != nil && err.Code == openai.CodeContextExceeded && err.Param == c.Limits.MaxField {
		c.Limits.MaxField = ""
		return b.Chat(ctx, &c)
	}
	return job, err
}

// CountTokens counts the tokens of the prompt of a request.
func CountTokens(ctx context.Context, b *openai.Backend, r *Request) (*Count, *openai.Error) {
	if _, err := b.Model(r.Chat.Model); err != nil {
		return nil, err
	}
	_, ids, err := b.ChatPrompt(ctx, &r.Chat)
	if err != nil {
		return nil, err.Rename(fieldName)
	}
	return &Count{InputTokens: len(ids)}, nil
}

// answer gives a job in the form of the Messages API.
type answer struct {
	job       *openai.Job
	requestID string
	wanted    int     // max_tokens
	message   Message // Content holds the blocks that are done

	began  bool            // message_start is out
	block  any             // the open block, nil for none
	text   strings.Builder // of the open block, so far
	frames []openai.Frame
}

// Job implements openai.Answer.
func (a *answer) Job() *openai.Job { return a.job }

// Ping implements openai.Answer.
func (a *answer) Ping() (openai.Frame, bool) {
	return openai.Frame{Name: "ping", Data: bareEvent{"ping"}}, a.began
}

// Whole implements openai.Answer.
func (a *answer) Whole(events <-chan openai.Event) (any, *openai.Error) {
	left := len(a.job.Choices)
	for e := range events {
		if e.Kind == openai.Failed {
			return nil, e.Err
		}
		if e.Kind == openai.Finished {
			left--
		}
		a.Frames(e)
	}
	if left > 0 {
		return nil, &openai.Error{Status: http.StatusInternalServerError, Type: openai.TypeServer, Code: openai.CodeInternal,
			Message: "the request failed inside the server; its log has the reason", Cause: errors.New("the job ended without an end of its choice")}
	}
	a.End()
	return &a.message, nil
}

// Frames implements openai.Answer.
func (a *answer) Frames(e openai.Event) []openai.Frame {
	a.begin(e.Choice)
	switch e.Kind {
	case openai.TextAdded:
		if _, ok := a.block.(*TextBlock); !ok {
			a.open(&TextBlock{Type: "text"})
		}
		a.delta(e.Text, blockDelta{Type: "text_delta", Text: &e.Text})
	case openai.ReasoningAdded:
		if _, ok := a.block.(*ThinkingBlock); !ok {
			a.open(&ThinkingBlock{Type: "thinking"})
		}
		a.delta(e.Text, blockDelta{Type: "thinking_delta", Thinking: &e.Text})
	case openai.CallStarted:
		a.open(&ToolUseBlock{Type: "tool_use", ID: toolID(e.CallID), Name: e.Name, Input: json.RawMessage("{}"), Caller: Caller{"direct"}})
	case openai.ArgumentsAdded:
		if _, ok := a.block.(*ToolUseBlock); ok {
			a.delta(e.Text, blockDelta{Type: "input_json_delta", JSON: &e.Text})
		}
	case openai.Finished:
		a.close()
		a.stop(e.Choice)
	}
	return a.take()
}

// toolID is a call's id as Anthropic's begin.
func toolID(id string) string { return "toolu_" + strings.TrimPrefix(id, "call_") }

// End implements openai.Answer.
func (a *answer) End() []openai.Frame {
	a.message.Extension = a.job.Report()
	a.emit("message_delta", messageDelta{Type: "message_delta", Usage: a.message.Usage, Extension: a.message.Extension,
		Delta: stopDelta{StopReason: a.message.StopReason, StopSequence: a.message.StopSequence}})
	a.emit("message_stop", bareEvent{"message_stop"})
	return a.take()
}

// Fail implements openai.Answer.
func (a *answer) Fail(err *openai.Error) []openai.Frame {
	a.emit("error", Body(err, a.requestID))
	return a.take()
}

// begin sends the first event. By then the prompt has been looked up in the
// prefix cache.
func (a *answer) begin(c *openai.Choice) {
	if a.began {
		return
	}
	a.began = true
	u := &a.message.Usage
	u.CacheReadTokens = c.Cached
	u.InputTokens = len(c.Request.Prompt) - c.Cached
	a.emit("message_start", startEvent{"message_start", a.message})
}

// stop says why the message ended.
func (a *answer) stop(c *openai.Choice) {
	reason := "end_turn"
	switch {
	case c.Finish == "length" && a.job.MaxTokens < a.wanted:
		reason = "model_context_window_exceeded"
	case c.Finish == "length":
		reason = "max_tokens"
	case c.StopReason != "":
		reason, a.message.StopSequence = "stop_sequence", &c.StopReason
	case c.Finish == "tool_calls":
		reason = "tool_use"
	}
	a.message.StopReason = &reason
	a.message.Usage.OutputTokens = c.Generated
	a.message.Usage.OutputDetails = &OutputDetails{ThinkingTokens: c.Reasoning}
}

// open ends the open block and begins another.
func (a *answer) open(block any) {
	a.close()
	a.block = block
	a.text.Reset()
	var empty any
	switch b := block.(type) {
	case *ThinkingBlock:
		empty = *b
	case *TextBlock:
		empty = *b
	case *ToolUseBlock:
		empty = *b
	}
	a.emit("content_block_start", blockEvent{Type: "content_block_start", Index: len(a.message.Content), Block: empty})
}

// delta adds text to the open block.
func (a *answer) delta(text string, d blockDelta) {
	if text == "" {
		return
	}
	a.text.WriteString(text)
	a.emit("content_block_delta", blockEvent{Type: "content_block_delta", Index: len(a.message.Content), Delta: &d})
}

// close ends the open block, if there is one.
func (a *answer) close() {
	text := a.text.String()
	switch b := a.block.(type) {
	case nil:
		return
	case *ThinkingBlock:
		b.Thinking, b.Signature = text, signature(text)
		a.emit("content_block_delta", blockEvent{Type: "content_block_delta", Index: len(a.message.Content),
			Delta: &blockDelta{Type: "signature_delta", Signature: &b.Signature}})
	case *TextBlock:
		b.Text = text
	case *ToolUseBlock:
		if json.Valid([]byte(text)) && strings.HasPrefix(text, "{") {
			b.Input = json.RawMessage(text)
		}
	}
	a.emit("content_block_stop", blockEvent{Type: "content_block_stop", Index: len(a.message.Content)})
	a.message.Content = append(a.message.Content, a.block)
	a.block = nil
}

// signature is a sum of the thinking: clients want one, here it proves nothing.
func signature(thinking string) string {
	sum := sha256.Sum256([]byte(thinking))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// emit adds an event.
func (a *answer) emit(name string, data any) {
	if a.job.Stream {
		a.frames = append(a.frames, openai.Frame{Name: name, Data: data})
	}
}

func (a *answer) take() []openai.Frame {
	out := a.frames
	a.frames = nil
	return out
}
