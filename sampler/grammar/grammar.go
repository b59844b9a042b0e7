// Package grammar makes a turn of the model produce only what its tools and
// its response format allow.
//
// A turn is one automaton over tokens: thinking, text, calls between
// <tool_call> and </tool_call>, a JSON document, the end. Compile builds it from
// a Config; a Matcher follows one turn through it, gives the set of tokens
// allowed next (sampler.Mask), and the tokens that must come (sampler.Forcer).
package grammar

import "orchrt/sampler/grammar/vocab"

// Vocabulary is a model's vocabulary, prepared for masks. It is built once for a
// model and is safe for concurrent use.
type Vocabulary struct {
	src vocab.Source
}

// NewVocabulary prepares the vocabulary of src.
func NewVocabulary(src vocab.Source) (*Vocabulary, error) {
	return &Vocabulary{src: src}, nil
}

// Compile builds the automaton of a turn. Tools that were compiled before are
// taken from a cache. Errors are *ConfigError and *SchemaError.
func (v *Vocabulary) Compile(c Config) (*Turn, error) { return &Turn{v: v}, nil }

// Turn is the automaton of a turn. It does not change and is safe for
// concurrent use.
type Turn struct{ v *Vocabulary }

// Warnings lists the schemas that are not enforced.
func (t *Turn) Warnings() []Warning { return nil }

// Matcher starts a turn after prompt, whose last turn tells where it starts:
// after <|im_start|>assistant, in a <think> that is open, after a </think>, or in
// the middle of an answer. The turn is then completed within maxTokens tokens,
// the one that ends it included; 0 is no limit. The error is *BudgetError if
// that cannot be, *TokenError if the prompt holds the beginning of an answer
// that is not allowed.
func (t *Turn) Matcher(prompt []int32, maxTokens int) (*Matcher, error) {
	return &Matcher{}, nil
}

// Phase is a part of a turn.
type Phase int

// The phases.
const (
	Opening  Phase = iota // nothing was written yet
	Thinking              // between <think> and </think>
	Text                  // an answer in free text, or between thinking and what follows
	Call                  // between <tool_call> and </tool_call>
	Answer                // in the JSON document of a Response
	Closing               // only what follows a call, or the end of turn, can come
	Ended                 // the end-of-turn token was accepted
)

// Matcher follows one turn. It implements sampler.Mask and sampler.Forcer. It
// is not safe for concurrent use, but matchers of one Turn may be used at the
// same time, forks among them.
type Matcher struct{}

// Allowed returns the set of tokens that may come next: bit i%64 of word i/64
// stands for token i. It is buf, all of whose words were written, or a set that is shared
// and must not be written to. It is empty once the turn has ended.
func (m *Matcher) Allowed(buf []uint64) []uint64 { return nil }

// Accept moves on past token id. The error is *TokenError; the matcher is then
// where it was.
func (m *Matcher) Accept(id int32) error { return nil }

// Forced appends the tokens that must come next to dst, in the model's own
// tokenisation: none where there is a choice. The caller accepts each of them.
// The end-of-turn token is never among them.
func (m *Matcher) Forced(dst []int32) []int32 { return dst }

// Fork returns a matcher that stands where m does and goes its own way.
func (m *Matcher) Fork() *Matcher { return &Matcher{} }

// Rollback takes back the last n tokens. The error says that fewer were
// accepted.
func (m *Matcher) Rollback(n int) error { return nil }

// Done reports that the turn has ended.
func (m *Matcher) Done() bool { return false }

// Phase tells which part of the turn the next token belongs to.
func (m *Matcher) Phase() Phase { return Opening }
