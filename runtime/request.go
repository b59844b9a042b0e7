package runtime

import (
	"fmt"
	"slices"
	"time"

	"orchrt/sampler"
)

// Request asks for the continuation of a prompt.
type Request struct {
	Prompt []int32 // at least one token
	// MaxTokens is the number of tokens to generate at most; 0 is as many as
	// the context has room for. More than that is refused.
	MaxTokens int
	Params    sampler.Params // see sampler.Greedy and sampler.Defaults
	// Choice numbers the answers to one prompt: each draws from its own stream
	// of random numbers under the same seed.
	Choice int
	// Mask says which tokens are allowed; nil: every one. A sampler.Forcer also
	// forces tokens, unless Params wants log probabilities: those are only known
	// of tokens that were drawn. The mask belongs to the engine from Submit on,
	// which may call it from different goroutines, one at a time.
	Mask      sampler.Mask
	StopIDs   []int32 // end the generation, beside the model's own ids
	IgnoreEOS bool    // the model's own ids do not end the generation
}

// FinishReason says why a generation ended.
type FinishReason string

// The reasons. FinishNone is that of every token but the last.
const (
	FinishNone   FinishReason = ""
	FinishStop   FinishReason = "stop"   // the token ends the generation; it is not part of the text
	FinishLength FinishReason = "length" // MaxTokens or the context is used up; the token is part of the text
)

// Token is one generated token.
type Token struct {
	sampler.Token
	Finish FinishReason // set on the last token
	Forced bool         // it was not drawn: the mask allowed no other
	Cached int          // prompt tokens found in the prefix cache

	Started time.Time // when the request's first step began; until then it waited
	Drawn   time.Time // when this token was drawn
}

// check returns the first thing wrong with r as a *LimitError, and the number
// of tokens to generate.
func (r *Request) check(context, vocab int) (maxTokens int, err error) {
	n := len(r.Prompt)
	if n == 0 {
		return 0, &LimitError{"prompt", 0, 1, "is empty: at least one token is needed"}
	}
	if n >= context {
		return 0, &LimitError{"prompt", n, context - 1,
			fmt.Sprintf("has %d tokens, but the context of %d has room for at most %d and one to generate", n, context, context-1)}
	}
	if err := checkIDs("prompt", r.Prompt, vocab); err != nil {
		return 0, err
	}
	if err := checkIDs("stop_token_ids", r.StopIDs, vocab); err != nil {
		return 0, err
	}
	room := context - n
	switch {
	case r.MaxTokens < 0:
		return 0, &LimitError{"max_tokens", r.MaxTokens, room, fmt.Sprintf("is %d: want 0 (as many as the context allows) or more", r.MaxTokens)}
	case r.MaxTokens > room:
		return 0, &LimitError{"max_tokens", r.MaxTokens, room,
			fmt.Sprintf("is %d, but the context of %d leaves %d after a prompt of %d tokens", r.MaxTokens, context, room, n)}
	case r.MaxTokens == 0:
		return room, nil
	}
	return r.MaxTokens, nil
}

func checkIDs(field string, ids []int32, vocab int) error {
	i := slices.IndexFunc(ids, func(id int32) bool { return id < 0 || int(id) >= vocab })
	if i < 0 {
		return nil
	}
	return &LimitError{field, int(ids[i]), vocab - 1, fmt.Sprintf("token %d at index %d is not in the vocabulary of %d", ids[i], i, vocab)}
}

// params completes the request's parameters: what ends a generation and what
// stands for no token is the model's to say.
func (r *Request) params(eos, suppress []int32) sampler.Params {
	p := r.Params
	p.IgnoreEOS = p.IgnoreEOS || r.IgnoreEOS
	p.EOS = union(nil, r.Params.EOS, eos, r.StopIDs)
	p.Suppress = union(nil, r.Params.Suppress, suppress)
	return p
}

// union appends to dst what it does not hold yet.
func union(dst []int32, lists ...[]int32) []int32 {
	seen := make(map[int32]bool, len(dst))
	for _, id := range dst {
		seen[id] = true
	}
	for _, list := range lists {
		for _, id := range list {
			if !seen[id] {
				seen[id] = true
				dst = append(dst, id)
			}
		}
	}
	return dst
}
