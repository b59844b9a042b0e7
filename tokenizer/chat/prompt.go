package chat

import (
	"context"
	"strings"

	"orchrt/tokenizer"
)

// Segment is a piece of a prompt.
type Segment struct {
	Text string
	// Control says that the template wrote the text itself: the spellings of
	// added tokens in it are those tokens. Other text comes from the request
	// and is ordinary throughout.
	Control bool
}

// Prompt is a rendered conversation. Neighbouring segments differ in Control.
type Prompt struct{ Segments []Segment }

// String returns the prompt's text.
func (p Prompt) String() string {
	var b strings.Builder
	for _, s := range p.Segments {
		b.WriteString(s.Text)
	}
	return b.String()
}

// Encoder is what Encode needs of a tokenizer; *tokenizer.Tokenizer is one.
type Encoder interface {
	// AppendEncodeContext appends the ids of text; with special false, all of it is ordinary.
	AppendEncodeContext(ctx context.Context, dst []int32, text string, special bool) ([]int32, error)
	// Added returns the added tokens.
	Added() []tokenizer.AddedToken
}

// Encode returns the prompt's token ids, or the cause of ctx's end. Added tokens come from control
// segments alone. The text between two of them is encoded in one piece, over
// the borders of segments, as a tokenizer does that sees only the text.
func (p Prompt) Encode(ctx context.Context, enc Encoder) ([]int32, error) {
	e := encoding{ctx: ctx, enc: enc, added: make(spellings)}
	for _, t := range enc.Added() {
		e.added.add(t.Text, t.ID)
	}
	for _, s := range p.Segments {
		if !s.Control {
			e.plain.WriteString(s.Text)
			continue
		}
		if err := e.control(s.Text); err != nil {
			return nil, err
		}
	}
	err := e.flush()
	return e.ids, err
}

type encoding struct {
	ctx   context.Context
	enc   Encoder
	added spellings
	plain strings.Builder // ordinary text since the last added token
	ids   []int32
}

// control takes template text.
func (e *encoding) control(text string) error {
	for text != "" {
		at, n, id := e.added.find(text)
		e.plain.WriteString(text[:at])
		if n > 0 {
			if err := e.flush(); err != nil {
				return err
			}
			e.ids = append(e.ids, id)
		}
		text = text[at+n:]
	}
	return nil
}

// flush encodes the ordinary text gathered so far.
func (e *encoding) flush() error {
	if e.plain.Len() == 0 {
		return nil
	}
	var err error
	e.ids, err = e.enc.AppendEncodeContext(e.ctx, e.ids, e.plain.String(), false)
	e.plain.Reset()
	return err
}

// spellings finds added tokens in text; they are sorted by their first byte.
type spellings map[byte][]spelling

type spelling struct {
	text string
	id   int32
}

func (s spellings) add(text string, id int32) {
	if text != "" {
		s[text[0]] = append(s[text[0]], spelling{text, id})
	}
}

// find returns place, length and id of the leftmost added token in text, the
// longest of several; len(text), 0 and 0 where there is none.
func (s spellings) find(text string) (at, n int, id int32) {
	for i := range len(text) {
		for _, t := range s[text[i]] {
			if len(t.text) > n && strings.HasPrefix(text[i:], t.text) {
				n, id = len(t.text), t.id
			}
		}
		if n > 0 {
			return i, n, id
		}
	}
	return len(text), 0, 0
}

// builder makes a Prompt, joining neighbours of one kind.
type builder struct {
	added    spellings // where not nil, control segments hold nothing but added tokens
	segments []Segment
	text     strings.Builder
	isCtl    bool
}

// control adds text of the template.
func (b *builder) control(s string) {
	if b.added == nil {
		b.add(s, true)
		return
	}
	for s != "" {
		at, n, _ := b.added.find(s)
		b.add(s[:at], false)
		b.add(s[at:at+n], true)
		s = s[at+n:]
	}
}

// user adds text of the request.
func (b *builder) user(s string) { b.add(s, false) }

func (b *builder) add(s string, control bool) {
	if s == "" {
		return
	}
	if b.isCtl != control {
		b.close()
		b.isCtl = control
	}
	b.text.WriteString(s)
}

func (b *builder) close() {
	if b.text.Len() > 0 {
		b.segments = append(b.segments, Segment{Text: b.text.String(), Control: b.isCtl})
		b.text = strings.Builder{}
	}
}

func (b *builder) prompt() Prompt {
	b.close()
	return Prompt{Segments: b.segments}
}
