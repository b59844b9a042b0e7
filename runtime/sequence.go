package runtime

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"orchrt/kernels"
	"orchrt/sampler"
)

// sequence is a request at work. It belongs to the engine's goroutine.
type sequence struct {
	id      uint64 // in order of arrival: the lower, the older
	ctx     context.Context
	stream  *Stream
	sampler *sampler.Sampler
	mask    sampler.Mask
	stops   []int32 // end the generation, beside the sampler's

	tokens []int32 // the prompt, then what was generated
	prompt int     // tokens of the prompt
	limit  int     // tokens of both together

	keys  []pageKey // of the full pages of tokens
	pages []int32   // page table; the first done tokens are in the cache
	done  int
	rows  int // tokens from done on that this step runs

	cached  int       // prompt tokens found in the prefix cache
	resumed bool      // was preempted: what it finds in the cache is its own
	started time.Time // of its first step, zero before
}

// extendKeys computes the keys of pages that have become full.
func (s *sequence) extendKeys() {
	for n := len(s.keys); (n+1)*kernels.PageTokens <= len(s.tokens); n++ {
		var prev pageKey
		if n > 0 {
			prev = s.keys[n-1]
		}
		s.keys = append(s.keys, nextKey(prev, s.tokens[n*kernels.PageTokens:(n+1)*kernels.PageTokens]))
	}
}

// pending is the number of tokens that must run before the next is sampled.
func (s *sequence) pending() int { return len(s.tokens) - s.done }

// shareable returns the key of the page that comes next if another sequence's
// page could serve instead: it must be full, and not hold the last token, whose
// logits are needed.
func (s *sequence) shareable() (key pageKey, ok bool) {
	page := s.done / kernels.PageTokens
	if s.done%kernels.PageTokens != 0 || (page+1)*kernels.PageTokens >= len(s.tokens) {
		return key, false
	}
	return s.keys[page], true
}

// willCompute reports that the page of index page and that key is among those
// that s has yet to finish.
func (s *sequence) willCompute(page int, key pageKey) bool {
	return s.done/kernels.PageTokens <= page && page < len(s.keys) && s.keys[page] == key
}

// pagesFor is the number of pages that hold n tokens.
func pagesFor(n int) int { return (n + kernels.PageTokens - 1) / kernels.PageTokens }

// sample draws the next token and takes it in. A panic, of a mask perhaps,
// becomes an error.
func (s *sequence) sample(logits []float32) (t Token, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	t.Token, err = s.sampler.Sample(logits, s.mask)
	if err != nil {
		return Token{}, err
	}
	s.sampler.Accept(t.ID)
	if s.mask != nil {
		if err := s.mask.Accept(t.ID); err != nil {
			return Token{}, err
		}
	}
	s.tokens = append(s.tokens, t.ID)
	s.extendKeys()
	t.Cached, t.Started, t.Drawn = s.cached, s.started, time.Now()
	switch {
	case s.sampler.Ends(t.ID), slices.Contains(s.stops, t.ID):
		t.Finish = FinishStop
	case len(s.tokens) >= s.limit:
		t.Finish = FinishLength
	}
	return t, nil
}
