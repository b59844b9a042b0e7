package openai

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"orchrt/tokenizer/chat"
)

// Responses prepares a Responses request. store is where the response is kept
// and earlier ones are found, for owner alone; nil is no store. run prepares the
// chat request that it comes to, as Backend.Chat does.
func (b *Backend) Responses(r *ResponsesRequest, store *ResponseStore, owner string, run func(*ChatRequest) (*Job, *Error)) (Answer, *Error) {
	a := &responseAnswer{store: store, owner: owner}
	if r.PreviousID != "" {
		before, ok := store.conversation(owner, r.PreviousID)
		if !ok {
			return nil, invalid("previous_response_id", CodeNoPrevious,
				"the response %q is not stored here: it was not to be, or has made room for newer ones; send the conversation as \"input\"", clip(r.PreviousID))
		}
		a.before = before
	}
	c := r.Chat
	c.Messages = r.messages(a.before)
	job, err := run(&c)
	if err != nil {
		return nil, err.Rename(responseName)
	}
	job.ID = newID("resp_")
	a.job, a.input = job, r.Chat.Messages
	a.resp = Response{ID: job.ID, Object: "response", CreatedAt: job.Created.Unix(), Status: "in_progress",
		Instructions: r.Instructions, Model: b.Names[0], Output: []any{}, ServiceTier: "default", Store: r.Store && store != nil,
		Temperature: job.Params.Temperature, TopP: job.Params.TopP, TopLogprobs: max(job.Params.Logprobs, 0),
		Truncation: "disabled", responseEcho: r.echo}
	if r.PreviousID != "" {
		a.resp.PreviousResponseID = &r.PreviousID
	}
	return a, nil
}

// responseAnswer gives a job in the form of the Responses API.
type responseAnswer struct {
	job           *Job
	resp          Response // Output holds the items that are done
	store         *ResponseStore
	owner         string
	before, input []chat.Message

	began    bool            // response.created is out
	item     any             // the open item, nil for none
	content  strings.Builder // the open item's text so far
	sequence int
	frames   []Frame
	calls    map[string]int // places in the output of the calls that the server executes, by their ids
}

// Job implements Answer.
func (a *responseAnswer) Job() *Job { return a.job }

// Ping implements Answer.
func (a *responseAnswer) Ping() (Frame, bool) { return Frame{}, false }

// Whole implements Answer.
func (a *responseAnswer) Whole(events <-chan Event) (any, *Error) {
	left := len(a.job.Choices)
	for e := range events {
		if e.Kind == Failed {
			return nil, e.Err
		}
		if e.Kind == Finished {
			left--
		}
		a.Frames(e)
	}
	if left > 0 {
		return nil, internal(nil)
	}
	a.End()
	return &a.resp, nil
}

// Frames implements Answer.
func (a *responseAnswer) Frames(e Event) []Frame {
	a.begin()
	switch e.Kind {
	case TextAdded:
		a.text(e)
	case ReasoningAdded:
		a.reasoning(e.Text)
	case CallStarted:
		a.open(&FunctionCallItem{Type: "function_call", ID: newID("fc_"), CallID: e.CallID, Name: e.Name, Status: "in_progress"})
	case ArgumentsAdded:
		if c, ok := a.item.(*FunctionCallItem); ok && e.Text != "" {
			a.content.WriteString(e.Text)
			a.emit("response.function_call_arguments.delta", func(t string, n int) any {
				return argumentsEvent{Type: t, Sequence: n, ItemID: c.ID, Index: a.index(), Delta: &e.Text}
			})
		}
	case ToolProgress:
		a.progress(e.Tool)
	case Finished:
		status := "completed"
		if e.Choice.Finish == "length" {
			status = "incomplete"
		}
		a.close(status)
	}
	return a.take()
}

// End implements Answer.
func (a *responseAnswer) End() []Frame {
	a.begin()
	u := a.job.Usage()
	a.resp.Usage = &ResponseUsage{InputTokens: u.PromptTokens, OutputTokens: u.CompletionTokens, TotalTokens: u.TotalTokens,
		InputDetails:  ResponseInputUsage{CachedTokens: u.PromptDetails.CachedTokens, CacheWriteTokens: u.PromptTokens - u.PromptDetails.CachedTokens},
		OutputDetails: ResponseOutputUsage{ReasoningTokens: u.CompletionDetail.ReasoningTokens}}
	a.resp.Extension = a.job.Report()
	if a.job.Choices[0].Finish == "length" {
		a.resp.Status, a.resp.IncompleteDetails = "incomplete", &IncompleteDetails{Reason: "max_output_tokens"}
	} else {
		now := time.Now().Unix()
		a.resp.Status, a.resp.CompletedAt = "completed", &now
	}
	a.keep()
	a.whole("response." + a.resp.Status)
	return a.take()
}

// Fail implements Answer.
func (a *responseAnswer) Fail(err *Error) []Frame {
	if !a.began {
		body := err.Body().Error
		a.emit("error", func(t string, n int) any {
			return failureEvent{Type: t, Sequence: n, Code: body.Code, Message: body.Message, Param: body.Param}
		})
		return a.take()
	}
	a.close("incomplete")
	a.abandon()
	a.resp.Status, a.resp.Error = "failed", &ResponseError{Code: "server_error", Message: err.Message}
	if err.Status == http.StatusTooManyRequests {
		a.resp.Error.Code = "rate_limit_exceeded"
	}
	a.resp.Store = false
	a.whole("response.failed")
	return a.take()
}

// keep stores the response and the conversation up to it.
func (a *responseAnswer) keep() {
	if !a.resp.Store {
		return
	}
	body, err := Marshal(&a.resp)
	a.resp.Store = err == nil && a.store.put(a.owner, a.resp.ID, body, a.conversation())
}

// conversation is all that was said, but for instructions.
func (a *responseAnswer) conversation() []chat.Message {
	if l := a.job.lead; l != nil && l.Messages != nil {
		if a.resp.Instructions != nil {
			return l.Messages[1:]
		}
		return l.Messages
	}
	return slices.Concat(a.before, a.input, a.turn())
}

// turn is the output as messages of the conversation.
func (a *responseAnswer) turn() []chat.Message {
	var c conversation
	for _, item := range a.resp.Output {
		switch item := item.(type) {
		case *ReasoningItem:
			c.think(item.Content[0].Text)
		case *MessageItem:
			c.say(chat.Text(item.Content[0].Text))
		case *FunctionCallItem:
			c.call(chat.ToolCall{ID: item.CallID, Name: item.Name, Arguments: item.Arguments})
		}
	}
	return c.messages
}

// emit adds an event; body makes it of its type and number.
func (a *responseAnswer) emit(typ string, body func(typ string, sequence int) any) {
	if a.job.Stream {
		a.frames = append(a.frames, Frame{Name: typ, Data: body(typ, a.sequence)})
		a.sequence++
	}
}

func (a *responseAnswer) take() []Frame {
	out := a.frames
	a.frames = nil
	return out
}

// whole adds an event with the response as it is now.
func (a *responseAnswer) whole(typ string) {
	a.emit(typ, func(t string, n int) any { return responseEvent{Type: t, Sequence: n, Response: a.resp} })
}

// begin sends the first two events.
func (a *responseAnswer) begin() {
	if !a.began {
		a.began = true
		a.whole("response.created")
		a.whole("response.in_progress")
	}
}

// index is the place of the open item in the output.
func (a *responseAnswer) index() int { return len(a.resp.Output) }

// open ends the open item and begins another, with its part, if it has one.
func (a *responseAnswer) open(item any) {
	a.close("completed")
	a.item = item
	a.content.Reset()
	a.itemEvent("response.output_item.added")
	a.part("response.content_part.added")
}

// itemEvent adds an event with a copy of the open item.
func (a *responseAnswer) itemEvent(typ string) {
	a.emit(typ, func(t string, n int) any {
		e := itemEvent{Type: t, Sequence: n, Index: a.index()}
		switch item := a.item.(type) {
		case *ReasoningItem:
			c := *item
			if c.Status == "in_progress" {
				c.Content = []ReasoningText{}
			}
			e.Item = c
		case *MessageItem:
			c := *item
			if c.Status == "in_progress" {
				c.Content = []OutputText{}
			}
			e.Item = c
		case *FunctionCallItem:
			e.Item = *item
		}
		return e
	})
}

// part adds an event with a copy of the open item's content part.
func (a *responseAnswer) part(typ string) {
	e := partEvent{Index: a.index()}
	switch item := a.item.(type) {
	case *ReasoningItem:
		e.ItemID, e.Part = item.ID, item.Content[0]
	case *MessageItem:
		e.ItemID, e.Part = item.ID, item.Content[0]
	default:
		return
	}
	a.emit(typ, func(t string, n int) any {
		e.Type, e.Sequence = t, n
		return e
	})
}

// text adds text of the answer.
func (a *responseAnswer) text(e Event) {
	m, ok := a.item.(*MessageItem)
	if !ok {
		m = &MessageItem{Type: "message", ID: newID("msg_"), Status: "in_progress", Role: "assistant",
			Content: []OutputText{{Type: "output_text", Annotations: []string{}, Logprobs: []TokenLogprob{}}}}
		a.open(m)
	}
	logprobs := []TokenLogprob{}
	if l := a.job.chatLogprobs(e.Tokens); l != nil {
		logprobs = l.Content
	}
	a.content.WriteString(e.Text)
	m.Content[0].Logprobs = append(m.Content[0].Logprobs, logprobs...)
	a.emit("response.output_text.delta", func(t string, n int) any {
		return textEvent{Type: t, Sequence: n, ItemID: m.ID, Index: a.index(), Delta: &e.Text, Logprobs: &logprobs}
	})
}

// reasoning adds thinking.
func (a *responseAnswer) reasoning(text string) {
	r, ok := a.item.(*ReasoningItem)
	if !ok {
		r = &ReasoningItem{Type: "reasoning", ID: newID("rs_"), Summary: []string{}, Status: "in_progress",
			Content: []ReasoningText{{Type: "reasoning_text"}}}
		a.open(r)
	}
	a.content.WriteString(text)
	a.emit("response.reasoning_text.delta", func(t string, n int) any {
		return textEvent{Type: t, Sequence: n, ItemID: r.ID, Index: a.index(), Delta: &text}
	})
}

// close ends the open item, if there is one.
func (a *responseAnswer) close(status string) {
	switch item := a.item.(type) {
	case nil:
		return
	case *ReasoningItem:
		text := a.content.String()
		item.Content[0].Text = text
		a.emit("response.reasoning_text.done", func(t string, n int) any {
			return textEvent{Type: t, Sequence: n, ItemID: item.ID, Index: a.index(), Text: &text}
		})
		item.Status = status
	case *MessageItem:
		item.Content[0].Text = a.content.String()
		part := item.Content[0]
		a.emit("response.output_text.done", func(t string, n int) any {
			return textEvent{Type: t, Sequence: n, ItemID: item.ID, Index: a.index(), Text: &part.Text, Logprobs: &part.Logprobs}
		})
		item.Status = status
	case *FunctionCallItem:
		item.Arguments = a.content.String()
		a.emit("response.function_call_arguments.done", func(t string, n int) any {
			return argumentsEvent{Type: t, Sequence: n, ItemID: item.ID, Index: a.index(), Name: item.Name, Arguments: &item.Arguments}
		})
		if item.Status = status; !json.Valid([]byte(item.Arguments)) {
			item.Status = "incomplete"
		}
	}
	a.part("response.content_part.done")
	a.itemEvent("response.output_item.done")
	a.resp.Output = append(a.resp.Output, a.item)
	a.item = nil
}
