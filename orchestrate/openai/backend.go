package openai

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	randv2 "math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"orchrt/runtime"
	"orchrt/sampler"
	"orchrt/sampler/grammar"
	"orchrt/tokenizer"
	"orchrt/tokenizer/chat"
)

// Generator runs one sequence of tokens. *runtime.Engine is one; tests script
// others. The sequence ends when the iteration ends, for whatever reason.
type Generator interface {
	Generate(ctx context.Context, r runtime.Request) iter.Seq2[runtime.Token, error]
}

// Backend is one model as requests see it. Its fields do not change.
type Backend struct {
	Names       []string // what requests may call the model; the first is what answers say
	Created     time.Time
	Fingerprint string // identifies weights and version; answers carry it

	Generator Generator
	Tokenizer *tokenizer.Tokenizer
	Template  *chat.Template // nil where the model has none: chat is refused
	// Grammar gives the vocabulary prepared for constrained answers. It takes a
	// while the first time, and is called by the requests that need it.
	Grammar func() (*grammar.Vocabulary, error)
	Context int // tokens of prompt and answer together
	Vocab   int // width of the logits

	Defaults      sampler.Params // in force where neither request nor Overrides says otherwise
	NoThinking    sampler.Params // the same for chat with thinking switched off
	Overrides     sampler.Settings
	MaxChoices    int // largest n, and largest prompts × n
	MaxStreamHold int // events a Job may run ahead of its reader; 0: 64
}

// Models is the response of /v1/models.
func (b *Backend) Models() ModelList {
	l := ModelList{Object: "list"}
	for _, name := range b.Names {
		l.Data = append(l.Data, b.model(name))
	}
	return l
}

// Model returns the entry of one model.
func (b *Backend) Model(name string) (Model, *Error) {
	if err := b.checkModel(name); err != nil {
		return Model{}, err
	}
	return b.model(name), nil
}

func (b *Backend) model(name string) Model {
	return Model{ID: name, Object: "model", Created: b.Created.Unix(), OwnedBy: "orchrt", MaxModelLen: b.Context}
}

// checkModel gives the 404 for a model that is not this one.
func (b *Backend) checkModel(name string) *Error {
	if slices.Contains(b.Names, name) {
		return nil
	}
	err := invalid("model", CodeModelNotFound, "the model %q does not exist here; this server has %s", clip(name), strings.Join(b.Names, ", "))
	err.Status = http.StatusNotFound
	return err
}

// params lays the server's and the request's settings over the defaults, draws
// a seed where none is set so that the answer can name it, and checks the whole.
func (b *Backend) params(base sampler.Params, s sampler.Settings) (sampler.Params, *Error) {
	p := base.With(b.Overrides, s)
	if !p.SeedSet && p.Seed == 0 {
		p.Seed, p.SeedSet = randv2.Uint64N(1<<53), true // every JSON reader holds 53 bits
	}
	if err := p.Validate(b.Vocab); err != nil {
		return p, samplingError(err)
	}
	return p, nil
}

// checkContext checks a prompt of n tokens, and the tokens that the request
// wants, against the context; it returns how many tokens may be generated.
func (b *Backend) checkContext(field string, n int, l Limits) (int, *Error) {
	room := b.Context - n
	if room < 1 {
		return 0, invalid(field, CodeContextExceeded,
			"the prompt has %d tokens, but the context of this model is %d tokens for prompt and answer together; shorten %q",
			n, b.Context, field)
	}
	if l.MaxTokens == 0 {
		return room, nil
	}
	if l.MaxTokens > room && l.MaxField == "" {
		return room, nil
	}
	if l.MaxTokens > room {
		name := l.MaxField
		return 0, invalid(name, CodeContextExceeded,
			"%q is %d, but after the %d tokens of the prompt only %d are left of the context's %d; lower %q or shorten the prompt",
			name, l.MaxTokens, n, room, b.Context, name)
	}
	return l.MaxTokens, nil
}

// checkIDs checks token ids of a request against the vocabulary.
func (b *Backend) checkIDs(field string, ids []int32) *Error {
	for i, id := range ids {
		if int(id) >= b.Vocab {
			return invalid(field, CodeInvalidValue, "%q: id %d at index %d is not a token; ids go to %d", field, id, i, b.Vocab-1)
		}
	}
	return nil
}

// engineError turns what a Generator reports into the error that a client sees.
func engineError(err error) *Error {
	var own *Error
	var limit *runtime.LimitError
	var param *sampler.ParamError
	var crash *runtime.PanicError
	var device *runtime.DeviceError
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, runtime.ErrBusy):
		return &Error{Status: http.StatusTooManyRequests, Type: TypeRateLimit, Code: CodeBusy, RetryAfter: 1, Cause: err,
			Message: "all places in the queue are taken; try again later"}
	case errors.Is(err, runtime.ErrClosed):
		return &Error{Status: http.StatusServiceUnavailable, Type: TypeServer, Code: CodeUnavailable, RetryAfter: 5, Cause: err,
			Message: "the server is shutting down; try again later"}
	case errors.As(err, &device):
		return &Error{Status: http.StatusServiceUnavailable, Type: TypeServer, Code: CodeUnavailable, RetryAfter: 5, Cause: err,
			Message: "the device that runs the model failed; try again later"}
	case errors.As(err, &limit):
		return invalid(limit.Field, CodeInvalidValue, "%v", limit)
	case errors.As(err, &param):
		return samplingError(param)
	case errors.As(err, &crash):
		return internal(fmt.Errorf("%w\n%s", err, crash.Stack))
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &Error{Status: http.StatusServiceUnavailable, Type: TypeServer, Code: CodeCancelled, Cause: err,
			Message: "the request was ended before its answer was complete"}
	}
	return internal(err)
}

// newID returns prefix and 24 random hexadecimal digits.
func newID(prefix string) string {
	var b [12]byte
	rand.Read(b[:]) // never fails
	return prefix + hex.EncodeToString(b[:])
}
