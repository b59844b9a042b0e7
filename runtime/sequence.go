package runtime

import (
	"context"
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
	forcer  sampler.Forcer // the mask, where it forces tokens and may
	stops   []int32        // end the generation, beside the sampler's
	vocab   int            // ids below it are tokens

	allowed []uint64 // of the mask, for the token that this step draws
	failed  error    // why allowed is not known
	run     []int32  // scratch of force

	narrow bool                // the device chose: found is all that may be drawn
	found  []sampler.Candidate // of this step's logits
	broken error               // what the device found wrong with the logits

	tokens []int32 // the prompt, then what was generated
	prompt int     // tokens of the prompt
	limit  int     // tokens of both together
	drawn  int     // tokens that the sampler has drawn
	fresh  int     // tokens since the last that had been drawn: it and what it forced

	keys  []pageKey // of the full pages of tokens
	pages []int32   // page table; the first done tokens are in the cache
	done  int
	rows  int // tokens from done on that this step runs
	row   int // of the step's logits, where it draws

	ahead bool  // the next step is queued and has a row for the token that this one draws
	next  int   // the row of logits there
	guess int32 // the token that the device drew for it

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

// generates reports that only tokens of the answer are missing, and no more of
// them than a page: a longer run of forced tokens is computed like a prompt.
func (s *sequence) generates() bool {
	n := s.pending()
	return n == 1 || n <= min(s.fresh, kernels.PageTokens)
}

// draws reports that the rows of this step end with the token from which the
// next is drawn.
func (s *sequence) draws() bool { return s.rows > 0 && s.rows == s.pending() }
