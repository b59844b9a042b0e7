package openai

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"orchrt/runtime"
	"orchrt/sampler"
	"orchrt/tokenizer"
	"orchrt/tokenizer/chat"
)

// EventKind says what an Event adds.
type EventKind int

// The kinds of events. Each choice ends with Finished or Failed.
const (
	TextAdded      EventKind = iota // Text
	ReasoningAdded                  // Text
	CallStarted                     // Call, CallID, Name
	ArgumentsAdded                  // Call, Text
	Finished                        // the choice's results are set
	Failed                          // Err
	ToolProgress                    // Tool
)

// Event is something that happened to one choice of a Job.
type Event struct {
	Choice *Choice
	Kind   EventKind
	Text   string
	Call   int
	CallID string
	Name   string
	Err    *Error
	Tool   *ToolEvent
	// Tokens are those drawn since the choice's last event, where the request
	// wants to see log probabilities or ids.
	Tokens []sampler.Token
}

// Run starts the job's sequences. The channel closes when all of them have
// ended; who stops reading before that must cancel ctx, which ends them at once.
// After the first Failed event, or when ctx ends, the other choices may stop
// without an event of their own.
func (j *Job) Run(ctx context.Context) <-chan Event {
	hold := j.b.MaxStreamHold
	if hold <= 0 {
		hold = 64
	}
	out := make(chan Event, hold)
	if j.lead != nil {
		go j.lead.run(ctx, j, out)
		return out
	}
	start := time.Now()
	var wg sync.WaitGroup
	for first := 0; first < len(j.Choices); first += j.n {
		// Choices of one prompt wait for its first token: by then its pages are
		// in the prefix cache.
		shared := make(chan struct{})
		for i := range j.n {
			s := &sequence{j: j, c: j.Choices[first+i], out: out, start: start, begun: func() {}}
			if i == 0 {
				s.begun = sync.OnceFunc(func() { close(shared) })
			} else {
				s.after = shared
			}
			wg.Go(func() { s.run(ctx) })
		}
	}
	go func() {
		wg.Wait()
		close(out)
	}()
	return out
}

// sequence runs one choice: tokens in, events out.
type sequence struct {
	j     *Job
	c     *Choice
	out   chan<- Event
	start time.Time
	after <-chan struct{} // closed when this choice may start; nil: at once
	begun func()          // called with the first token, and at the end

	ctx      context.Context
	decoder  *tokenizer.Decoder
	parser   *splitter // nil for plain text
	stop     *sampler.Stop
	tokens   []sampler.Token // for the next event
	calls    int
	thinking bool // the last text was thinking
	ended    bool // no more text is wanted, or the reader is gone
	failed   bool // the Failed event has been sent
}

// run generates the choice to its end. A panic fails this choice only.
func (s *sequence) run(ctx context.Context) {
	defer s.begun()
	defer func() {
		if p := recover(); p != nil {
			s.fail(internal(fmt.Errorf("panic: %v\n%s", p, debug.Stack())))
		}
	}()
	s.ctx = ctx
	if s.after != nil {
		select {
		case <-s.after:
		case <-ctx.Done():
		}
	}
	s.decoder = s.j.b.Tokenizer.NewDecoder(true)
	s.stop = s.j.split.stop.Clone()
	s.thinking = s.j.split.inThinking
	if s.j.split.chat {
		s.parser = &splitter{parser: chat.NewParser(s.j.split.inThinking), calls: s.j.split.calls, tags: s.j.split.tags}
	}
	for tok, err := range s.j.b.Generator.Generate(ctx, s.c.Request) {
		if err != nil {
			s.fail(engineError(err))
			return
		}
		if !s.token(tok) {
			break
		}
	}
	s.finish()
}

// token takes one token; it returns false when no more are wanted.
func (s *sequence) token(tok runtime.Token) bool {
	now := tok.Drawn.Sub(s.start) // not when it got here: a busy machine delivers several at once
	gap := now - s.c.Last
	s.c.Last = now
	if s.c.Generated == 0 {
		s.c.Queued, s.c.First, s.c.Cached = tok.Started.Sub(s.start), now, tok.Cached
		s.begun()
	}
	s.c.Generated++
	if s.j.OnToken != nil {
		s.j.OnToken(s.c, gap)
	}
	if s.j.tokenIDs || s.j.Params.Logprobs >= 0 {
		s.tokens = append(s.tokens, tok.Token)
	}
	if tok.Finish != "" {
		s.c.Finish = string(tok.Finish)
	}
	if tok.Finish != runtime.FinishStop { // the token that stops is not text
		text, err := s.decoder.Push(tok.ID)
		if err != nil {
			s.fail(internal(err))
			return false
		}
		s.text(text, tok.ID)
	}
	if s.thinking {
		s.c.Reasoning++
	}
	return !s.ended && tok.Finish == ""
}

// text takes decoded text, with the token that completed it.
func (s *sequence) text(text string, id int32) {
	if s.parser == nil {
		s.content(text)
		return
	}
	s.parsed(s.parser.push(text, id))
}

// parsed passes on what the chat parser made of the text.
func (s *sequence) parsed(events []chat.Event) {
	for _, e := range events {
		if s.ended {
			return
		}
		s.thinking = e.Kind == chat.Reasoning
		if e.Kind != chat.Content {
			s.release()
		}
		switch e.Kind {
		case chat.Content:
			s.content(e.Text)
		case chat.Reasoning:
			s.send(Event{Kind: ReasoningAdded, Text: e.Text})
		case chat.ToolCallStart:
			s.calls++
			s.send(Event{Kind: CallStarted, Call: e.Index, CallID: newID("call_"), Name: e.Name})
		case chat.ToolCallArgs:
			s.send(Event{Kind: ArgumentsAdded, Call: e.Index, Text: e.Text})
		case chat.ToolCallEnd:
			if s.j.split.oneCall {
				s.end("stop", "")
			}
		}
	}
}

// content passes on text of the answer, up to a stop string.
func (s *sequence) content(text string) {
	emit, matched, done := s.stop.Push(text)
	s.add(emit)
	if done {
		s.end("stop", matched)
	}
}

// release passes on text that was held back because a stop string might have
// begun in it.
func (s *sequence) release() { s.add(s.stop.Flush()) }

func (s *sequence) add(text string) {
	if text != "" {
		s.send(Event{Kind: TextAdded, Text: text})
	}
}

// end ends the sequence early.
func (s *sequence) end(finish, reason string) {
	s.ended = true
	s.c.Finish, s.c.StopReason = finish, reason
}

// finish passes on what is still held back, and the end.
func (s *sequence) finish() {
	if s.failed {
		return
	}
	if !s.ended {
		s.text(s.decoder.Flush(), noToken)
	}
	if !s.ended && s.parser != nil {
		s.parsed(s.parser.flush())
	}
	if !s.ended {
		s.release()
	}
	switch {
	case s.ctx.Err() != nil:
		s.fail(engineError(s.ctx.Err()))
		return
	case s.c.Finish == "":
		s.fail(internal(fmt.Errorf("the generator ended choice %d without a reason", s.c.Index)))
		return
	case s.c.Finish == "stop" && s.calls > 0:
		s.c.Finish = "tool_calls"
	}
	s.send(Event{Kind: Finished})
}

// fail ends the sequence with an error.
func (s *sequence) fail(err *Error) {
	s.ended, s.failed = true, true
	s.send(Event{Kind: Failed, Err: err})
}

// send delivers one event with the tokens that led to it.
func (s *sequence) send(e Event) {
	e.Choice, e.Tokens = s.c, s.tokens
	s.tokens = nil
	select {
	case s.out <- e:
	case <-s.ctx.Done():
		s.ended = true
	}
}

// endsInThinking tells whether the prompt has opened the thinking, as the
// templates of models that always think do.
func endsInThinking(p chat.Prompt) bool {
	return strings.HasSuffix(strings.TrimRight(p.String(), " \n"), "<think>")
}
