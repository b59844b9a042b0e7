package sampler

import (
	"cmp"
	"math"
	"slices"
)

// minLogprob stands for any lower value, as in OpenAI's API.
const minLogprob = -9999

// report is what is known of the model's own distribution at one position,
// before bias, penalties, mask and temperature.
type report struct {
	logSum float64    // log of the sum of exp(logit)
	top    candidates // the most likely tokens
	slab   []Logprob  // room for the next tokens' Top
}

// measure fills s.report from the model's logits.
func (s *Sampler) measure(v view) error {
	high, err := s.report.likeliest(v, s.params.Logprobs)
	if err != nil {
		return err
	}
	s.report.logSum = float64(high) + math.Log(v.sums(s.blocks(), newWeigher(high, 1)))
	return nil
}

// likeliest fills r.top with the n likeliest tokens and returns the highest
// logit.
func (r *report) likeliest(v view, n int) (float32, error) {
	if n == 0 {
		best, err := v.best()
		return v.logits[best], err
	}
	if err := v.top(&r.top, n); err != nil {
		return 0, err
	}
	return r.top.highest(), nil
}

// token makes the result for id; v holds the model's logits again.
func (s *Sampler) token(id int32, v view) Token {
	t := Token{ID: id}
	if s.params.Logprobs < 0 {
		return t
	}
	r := &s.report
	t.Logprob = r.logprob(v.logits[id])
	if s.params.Logprobs == 0 {
		return t
	}
	slices.SortFunc(r.top.list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.logit, a.logit), cmp.Compare(a.id, b.id))
	})
	t.Top = r.take(len(r.top.list))
	for i, c := range r.top.list {
		t.Top[i] = Logprob{c.id, r.logprob(c.logit)}
	}
	return t
}

// logprob is the log of a token's probability, at least minLogprob.
func (r *report) logprob(logit float32) float32 {
	return float32(max(float64(logit)-r.logSum, minLogprob))
}

// take cuts n entries off a slab that many tokens share: one allocation per
// slab, and each token still owns its part.
func (r *report) take(n int) []Logprob {
	const tokens = 64
	if len(r.slab) < n {
		r.slab = make([]Logprob, n*tokens)
	}
	out := r.slab[:n:n]
	r.slab = r.slab[n:]
	return out
}
