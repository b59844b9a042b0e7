package score

import (
	"errors"

	"orchrt/sampler"
	"orchrt/sampler/grammar"
	"orchrt/sampler/grammar/vocab"
)

// decoder is what is scored: package grammar, or, where the scoring itself is
// tested, something that is wrong on purpose.
type decoder interface {
	document(schema []byte, strict bool, style grammar.Style) (follower, error)
	turn(tools []grammar.Tool, style grammar.Style) (follower, error)
}

// follower makes a matcher for each output. maxTokens is a limit, 0 is none.
type follower interface {
	start(maxTokens int) (matcher, error)
	warnings() []grammar.Warning
}

// matcher is what is used of a grammar.Matcher.
type matcher interface {
	sampler.Forcer
	Rollback(n int) error
	Complete(dst []int32) ([]int32, bool)
	Done() bool
}

// ids are the added tokens that the scoring knows.
type ids struct {
	eos           int32
	call, endCall int32   // -1 in a vocabulary without calls
	prompt        []int32 // the end of a prompt with thinking switched off
}

// findIDs looks the tokens up. eos is the end-of-turn token.
func findIDs(src vocab.Source, eos int32) (ids, error) {
	t := ids{eos: eos, call: -1, endCall: -1}
	if src.Bytes(eos) == nil {
		return t, errors.New("the vocabulary names no token that ends a turn")
	}
	if id, ok := src.ID("<tool_call>"); ok {
		t.call = id
	}
	if id, ok := src.ID("</tool_call>"); ok {
		t.endCall = id
	}
	var err error
	t.prompt, err = src.AppendEncode(nil, "<|im_start|>assistant\n<think>\n\n</think>\n\n", true)
	return t, err
}

// real is package grammar.
type real struct {
	v   *grammar.Vocabulary
	ids ids
}

func (r real) document(schema []byte, strict bool, style grammar.Style) (follower, error) {
	d, err := r.v.CompileSchema(schema, grammar.SchemaOptions{Strict: strict, Style: style, EOS: []int32{r.ids.eos}})
	if err != nil {
		return nil, err
	}
	return realDocument{d}, nil
}

func (r real) turn(tools []grammar.Tool, style grammar.Style) (follower, error) {
	choice := grammar.Required
	if len(tools) == 0 {
		choice = grammar.Auto
	}
	t, err := r.v.Compile(grammar.Config{Tools: tools, Choice: choice, EOS: []int32{r.ids.eos}, Style: style})
	if err != nil {
		return nil, err
	}
	return realTurn{t, r.ids.prompt}, nil
}

type realDocument struct{ d *grammar.Document }

func (d realDocument) warnings() []grammar.Warning { return d.d.Warnings() }

func (d realDocument) start(maxTokens int) (matcher, error) { return d.d.Matcher(maxTokens) }

type realTurn struct {
	t      *grammar.Turn
	prompt []int32
}

func (t realTurn) warnings() []grammar.Warning { return t.t.Warnings() }

func (t realTurn) start(maxTokens int) (matcher, error) { return t.t.Matcher(t.prompt, maxTokens) }
