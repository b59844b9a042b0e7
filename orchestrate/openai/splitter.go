package openai

import (
	"strings"

	"orchrt/tokenizer/chat"
)

// splitter takes chat text apart: a chat.Parser, which looks for tags in text,
// with a way around that. Where the model writes its tags as tokens of their own,
// a tag that is spelt out with others is text; and while calls are off, so is
// every <tool_call>.
type splitter struct {
	parser *chat.Parser
	calls  bool
	tags   tagIDs // zero: tags are found in the text
	inCall bool   // between the tokens <tool_call> and </tool_call>
	held   string // the beginning of a tag, perhaps
}

// The tags, and what the parser sees in place of those that are text; the texts
// that it gives get the tags back.
const (
	openTag  = "<tool_call>"
	closeTag = "</tool_call>"
	hidden   = "<\x00"
)

// tags lists openTag first.
var tags = [...]string{openTag, closeTag, "<think>", "</think>"}

// tagIDs are the tokens of the tags.
type tagIDs struct {
	known bool // the vocabulary has all of them
	ids   [len(tags)]int32
}

// noToken is the id of text that no token has just completed.
const noToken = -1

// tags finds the tags in the vocabulary.
func (b *Backend) tags() (t tagIDs) {
	t.known = true
	for i, tag := range tags {
		id, ok := b.Tokenizer.ID(tag)
		t.ids[i] = id
		t.known = t.known && ok
	}
	return t
}

// tag is the tag that token id stands for, "" for none.
func (t *tagIDs) tag(id int32) string {
	for i, tag := range tags {
		if t.known && t.ids[i] == id {
			return tag
		}
	}
	return ""
}

// push takes the next piece of text, which token id has completed.
func (s *splitter) push(text string, id int32) []chat.Event {
	switch tag := s.tags.tag(id); {
	case tag != "":
		events := s.plain(strings.TrimSuffix(text, tag), true)
		return append(events, s.pushTag(tag)...)
	case s.inCall, !s.tags.known && s.calls:
		return s.parser.Push(text)
	}
	return s.plain(text, false)
}

// pushTag takes a tag that came as a token.
func (s *splitter) pushTag(tag string) []chat.Event {
	switch tag {
	case openTag:
		if s.inCall = s.calls; !s.calls {
			tag = hide(tag)
		}
	case closeTag:
		s.inCall = false
	}
	return s.show(s.parser.Push(tag))
}

// plain takes text in which certain tags are text; what may be the beginning of
// one waits for the rest, unless the text is at its end.
func (s *splitter) plain(text string, end bool) []chat.Event {
	text = s.held + text
	s.held = ""
	if !strings.Contains(text, "<") {
		return s.show(s.parser.Push(text))
	}
	for _, tag := range s.textual() {
		text = strings.ReplaceAll(text, tag, hide(tag))
	}
	cut := len(text)
	if !end {
		cut -= s.tagPrefix(text)
	}
	s.held = text[cut:]
	return s.show(s.parser.Push(text[:cut]))
}

// textual are the tags that are text where they are spelt out.
func (s *splitter) textual() []string {
	if s.tags.known {
		return tags[:]
	}
	return tags[:1]
}

// hide makes a tag something that is none.
func hide(tag string) string { return hidden + tag[1:] }

// flush ends the text.
func (s *splitter) flush() []chat.Event {
	var events []chat.Event
	if !s.inCall {
		events = s.plain("", true)
	}
	return append(events, s.show(s.parser.Flush())...)
}

// show puts the tags back. The parser never cuts a hidden one in two: it holds
// back only what may be one of its own tags.
func (s *splitter) show(events []chat.Event) []chat.Event {
	for i := range events {
		if e := &events[i]; strings.Contains(e.Text, hidden) {
			for _, tag := range tags {
				e.Text = strings.ReplaceAll(e.Text, hide(tag), tag)
			}
		}
	}
	return events
}

// tagPrefix is the length of the longest end of text that begins a tag.
func (s *splitter) tagPrefix(text string) int {
	for n := min(len(text), len(closeTag)-1); n > 0; n-- {
		for _, tag := range s.textual() {
			if n < len(tag) && strings.HasPrefix(tag, text[len(text)-n:]) {
				return n
			}
		}
	}
	return 0
}
