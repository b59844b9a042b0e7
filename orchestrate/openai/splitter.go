package openai

import (
	"strings"

	"orchrt/tokenizer/chat"
)

// splitter takes chat text apart: a chat.Parser, which always looks for tool
// calls, with a way around that for requests that must not get any.
type splitter struct {
	parser *chat.Parser
	calls  bool
	held   string // the beginning of a tag, perhaps
}

// openTag begins a tool call. While calls are off the parser sees hiddenTag in
// its place, and the texts that it gives get openTag back.
const (
	openTag   = "<tool_call>"
	hiddenTag = "<\x00tool_call>"
)

// push takes the next piece of text.
func (s *splitter) push(text string) []chat.Event {
	if s.calls {
		return s.parser.Push(text)
	}
	text = strings.ReplaceAll(s.held+text, openTag, hiddenTag)
	cut := len(text) - tagPrefix(text)
	s.held = text[cut:]
	return s.show(s.parser.Push(text[:cut]))
}

// flush ends the text.
func (s *splitter) flush() []chat.Event {
	events := s.show(s.parser.Push(s.held))
	s.held = ""
	return append(events, s.show(s.parser.Flush())...)
}

// show puts the tags back. The parser never cuts a hidden one in two: it holds
// back only what may be one of its own tags.
func (s *splitter) show(events []chat.Event) []chat.Event {
	if !s.calls {
		for i := range events {
			events[i].Text = strings.ReplaceAll(events[i].Text, hiddenTag, openTag)
		}
	}
	return events
}

// tagPrefix is the length of the longest end of text that begins openTag.
func tagPrefix(text string) int {
	for n := min(len(text), len(openTag)-1); n > 0; n-- {
		if strings.HasPrefix(openTag, text[len(text)-n:]) {
			return n
		}
	}
	return 0
}
