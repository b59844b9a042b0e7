package chat

import (
	"strings"

	"orchrt/tokenizer/chat/pyjson"
)

// EventKind says what an Event reports.
type EventKind int

// The kinds of events.
const (
	Reasoning     EventKind = iota // Text of the thinking
	Content                        // Text of the answer
	ToolCallStart                  // call Index, of Name, begins
	ToolCallArgs                   // Text of the arguments of call Index
	ToolCallEnd                    // call Index ends
)

// Event is something found in generated text.
type Event struct {
	Kind  EventKind
	Text  string
	Index int    // of the call, from 0
	Name  string // of ToolCallStart
	// Incomplete, of ToolCallEnd: the arguments broke off, or turned out to be
	// no JSON. The text from there on follows as content.
	Incomplete bool
}

const (
	thinkOpen  = "<think>"
	thinkClose = "</think>"
	callOpen   = "<tool_call>"
	callClose  = "</tool_call>"
)

// Parser takes generated text apart while it arrives: thinking between <think>
// and </think>, tool calls as <tool_call>{"name": …, "arguments": {…}}</tool_call>
// and, for the rest, content. The events do not depend on how the text is cut
// into pushes, but for the cuts in their texts.
//
// A call may stand inside the thinking, its closing tag may be missing, and one
// pair of tags may hold several objects. Text in the tags that is no call comes
// out as the text it is. The deltas of a call's arguments are the raw text of
// its JSON object; a call without arguments has "{}".
//
// Line breaks that only separate thinking, content and calls are dropped, as
// the template would write them again.
type Parser struct {
	thinking bool // outside calls: in the thinking
	maybe    bool // <think> may still come
	buf      string
	held     string // white space that is text only if more text follows
	trim     bool   // drop line breaks at the beginning of the section
	emitted  bool   // the section has had text

	inCall  bool
	tag     string // how the call was opened; "" for a further object in one tag
	after   bool   // the call's object is closed
	call    *callScanner
	started bool // ToolCallStart has been sent
	sent    int  // bytes of call.raw that went out as arguments
	calls   int

	out []Event
}

// NewParser returns a parser; inThinking says that the prompt has already
// opened the thinking.
func NewParser(inThinking bool) *Parser {
	return &Parser{thinking: inThinking, maybe: !inThinking, trim: inThinking}
}

// Push takes the next piece of text, of whole characters, and returns what it
// led to.
func (p *Parser) Push(text string) []Event {
	p.buf += text
	p.parse()
	return p.take()
}

// maxRetries bounds how often Flush looks into a call without end for tags.
const maxRetries = 16

// Flush ends the text and returns what is left. The parser is spent then.
func (p *Parser) Flush() []Event {
	p.parse()
	for range maxRetries {
		if !p.inCall || p.after {
			break
		}
		p.breakOff()
		p.parse()
	}
	if p.inCall && !p.after {
		p.breakOff()
	}
	p.text(p.buf)
	p.buf = ""
	if p.emitted || !p.trim {
		p.emit(p.held)
	}
	p.held = ""
	return p.take()
}

func (p *Parser) take() []Event {
	out := p.out
	p.out = nil
	return out
}

func (p *Parser) parse() {
	for p.buf != "" {
		if p.inCall {
			if !p.parseCall() {
				return
			}
		} else if !p.parseText() {
			return
		}
	}
}

// parseText passes text up to the next tag; false: more must arrive.
func (p *Parser) parseText() bool {
	tags := []string{callOpen}
	switch {
	case p.thinking:
		tags = append(tags, thinkClose)
	case p.maybe:
		tags = append(tags, thinkOpen)
	}
	for i := strings.IndexByte(p.buf, '<'); i >= 0; {
		for _, tag := range tags {
			switch rest := p.buf[i:]; {
			case strings.HasPrefix(rest, tag):
				if tag == thinkOpen && strings.TrimLeft(p.held+p.buf[:i], " \t\r\n") != "" {
					continue
				}
				p.text(p.buf[:i])
				p.buf = rest[len(tag):]
				p.open(tag)
				return true
			case strings.HasPrefix(tag, rest):
				p.text(p.buf[:i])
				p.buf = rest
				return false
			}
		}
		next := strings.IndexByte(p.buf[i+1:], '<')
		if next < 0 {
			break
		}
		i += 1 + next
	}
	p.text(p.buf)
	p.buf = ""
	return false
}

// open acts on a tag.
func (p *Parser) open(tag string) {
	switch tag {
	case thinkOpen:
		p.held, p.maybe = "", false
		p.section(true)
	case thinkClose:
		p.emit(strings.TrimRight(p.held, "\n"))
		p.section(false)
	default:
		p.inCall, p.tag = true, tag
		p.object()
	}
}

// section begins a run of thinking or content.
func (p *Parser) section(thinking bool) {
	p.thinking, p.held, p.trim, p.emitted = thinking, "", true, false
}

// text takes text of the section.
func (p *Parser) text(s string) {
	if s = p.held + s; p.trim && !p.emitted {
		s = strings.TrimLeft(s, "\n")
	}
	core := strings.TrimRight(s, " \t\r\n")
	p.held = s[len(core):]
	p.emit(core)
}

// emit sends text of the section.
func (p *Parser) emit(s string) {
	if s == "" {
		return
	}
	kind := Content
	if p.thinking {
		kind = Reasoning
	} else {
		p.maybe = false
	}
	p.emitted = true
	p.send(Event{Kind: kind, Text: s})
}

// send adds an event, joining text with text of the same kind.
func (p *Parser) send(e Event) {
	if n := len(p.out) - 1; n >= 0 && e.Text != "" && p.out[n].Kind == e.Kind && p.out[n].Index == e.Index {
		p.out[n].Text += e.Text
		return
	}
	p.out = append(p.out, e)
}

// object begins a call's object.
func (p *Parser) object() {
	p.call, p.after, p.started, p.sent = &callScanner{}, false, false, 0
}

// parseCall takes the text of a call; false: more must arrive.
func (p *Parser) parseCall() bool {
	if p.after {
		return p.parseAfter()
	}
	for i := range len(p.buf) {
		if !p.call.step(p.buf[i]) {
			p.progress()
			p.buf = p.buf[i:]
			p.breakOff()
			return true
		}
		if p.call.done() {
			p.buf = p.buf[i+1:]
			p.end()
			return true
		}
	}
	p.buf = ""
	p.progress()
	return false
}

// progress sends what is certain of a call by now.
func (p *Parser) progress() {
	c := p.call
	if !p.started {
		if !c.hasName || c.argsAt == 0 && !c.done() {
			return
		}
		p.start()
	}
	end := len(c.raw)
	if c.argsEnd > 0 {
		end = c.argsEnd
	}
	if c.argsAt > 0 && end > p.sent {
		p.send(Event{Kind: ToolCallArgs, Index: p.calls, Text: string(c.raw[p.sent:end])})
		p.sent = end
	}
}

// start sends the text held back before the call, and the call's start.
func (p *Parser) start() {
	if p.emitted {
		p.emit(strings.TrimRight(p.held, "\n"))
	}
	p.held, p.maybe = "", false
	p.started, p.sent = true, p.call.argsAt
	p.send(Event{Kind: ToolCallStart, Index: p.calls, Name: p.call.name})
}

// end ends a call whose object is closed.
func (p *Parser) end() {
	if !p.call.hasName {
		p.breakOff()
		return
	}
	p.progress()
	if p.call.argsAt == 0 {
		p.send(Event{Kind: ToolCallArgs, Index: p.calls, Text: "{}"})
	}
	p.closeCall(false)
	p.after = true
}

func (p *Parser) closeCall(incomplete bool) {
	p.send(Event{Kind: ToolCallEnd, Index: p.calls, Incomplete: incomplete})
	p.calls++
	p.section(p.thinking)
}

// breakOff ends a call that is none after all, or that has no end. What has not
// been sent becomes text again.
func (p *Parser) breakOff() {
	p.inCall = false
	c := p.call
	if !p.started {
		p.text(p.tag)
		p.buf = string(c.raw) + p.buf
		return
	}
	p.buf = string(c.raw[p.sent:]) + p.buf
	p.closeCall(c.argsEnd == 0)
}

// parseAfter takes what follows a call's object: the closing tag, another
// object, or, where the tag is missing, anything else.
func (p *Parser) parseAfter() bool {
	rest := strings.TrimLeft(p.buf, " \t\r\n")
	switch {
	case rest == "", len(rest) < len(callClose) && strings.HasPrefix(callClose, rest):
		return false
	case rest[0] == '{':
		p.tag = p.buf[:len(p.buf)-len(rest)]
		p.buf = rest
		p.object()
		return true
	case strings.HasPrefix(rest, callClose):
		p.buf = rest[len(callClose):]
	}
	p.inCall = false
	return true
}

// unquote returns the value of a JSON string in quotes.
func unquote(raw []byte) (string, bool) {
	v, err := pyjson.Parse(raw)
	s, ok := v.(string)
	return s, err == nil && ok
}

// Parsed is generated text taken apart.
type Parsed struct {
	Reasoning, Content string
	ToolCalls          []ToolCall
}

// Add adds what events report.
func (r *Parsed) Add(events []Event) {
	for _, e := range events {
		switch e.Kind {
		case Reasoning:
			r.Reasoning += e.Text
		case Content:
			r.Content += e.Text
		case ToolCallStart:
			r.ToolCalls = append(r.ToolCalls, ToolCall{Name: e.Name})
		case ToolCallArgs:
			r.ToolCalls[e.Index].Arguments += e.Text
		}
	}
}

// Parse takes a whole text apart.
func Parse(text string, inThinking bool) Parsed {
	var r Parsed
	p := NewParser(inThinking)
	r.Add(p.Push(text))
	r.Add(p.Flush())
	return r
}
