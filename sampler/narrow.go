package sampler

import (
	"math"
	"slices"
)

// Candidate is a token that may be drawn and its logit, edited.
type Candidate struct {
	ID    int32
	Logit float32
}

// Edit is a change of one logit before the mask, in float32 arithmetic:
// x += Bias; x = x/Penalty where x > 0, else x*Penalty; x -= Less.
type Edit struct {
	ID                  int32
	Bias, Penalty, Less float32
}

// Narrow returns how many of the highest allowed logits SampleTop needs, edited
// as Edits says, to draw what SampleFrom draws from all of them; ok is false where
// no small number is enough.
func (s *Sampler) Narrow() (k int, ok bool) {
	p := &s.params
	switch {
	case p.Logprobs >= 0:
		return 0, false
	case p.Temperature == 0:
		return 1, true
	case p.TopK > 0 && p.TopK < s.vocab:
		return p.TopK, true
	}
	return 0, false
}

// Edits appends to dst what changes the logits of the next token, at most one
// edit for each id.
func (s *Sampler) Edits(dst []Edit) []Edit {
	from := len(dst)
	for _, b := range s.bias {
		dst = append(dst, Edit{ID: b.ID, Bias: b.Logprob, Penalty: 1})
	}
	if s.history != nil {
		dst = s.penalties(dst, from)
	}
	dst = suppressed(dst, from, s.params.Suppress, len(dst) > from)
	if s.count < s.params.MinTokens {
		dst = suppressed(dst, from, s.params.EOS, true)
	}
	return dst
}

// penalties merges the three penalties with the biases from dst[from] on, which
// are in order of id.
func (s *Sampler) penalties(dst []Edit, from int) []Edit {
	n := len(dst) // appending may move dst
	for _, o := range s.history.seen {
		e := Edit{ID: o.id, Penalty: float32(s.params.RepetitionPenalty), Less: s.less(o)}
		at, found := slices.BinarySearchFunc(dst[from:n], o.id, func(b Edit, id int32) int { return int(b.ID) - int(id) })
		if found {
			dst[from+at].Penalty, dst[from+at].Less = e.Penalty, e.Less
			continue
		}
		dst = append(dst, e)
	}
	return dst
}

// less is what presence and frequency penalties take off a token.
func (s *Sampler) less(o occurrence) float32 {
	if o.generated == 0 {
		return 0
	}
	return float32(s.params.PresencePenalty + s.params.FrequencyPenalty*float64(o.generated))
}

// suppressed takes ids out; where again is true, dst[from:] may have edits of them already.
func suppressed(dst []Edit, from int, ids []int32, again bool) []Edit {
	for _, id := range ids {
		e := Edit{ID: id, Bias: float32(math.Inf(-1)), Penalty: 1}
		at := -1
		if again {
			at = slices.IndexFunc(dst[from:], func(e Edit) bool { return e.ID == id })
		}
		if at >= 0 {
			dst[from+at] = e
		} else {
			dst = append(dst, e)
		}
	}
	return dst
}

// SampleTop draws from list, the k tokens that Narrow asks for or more, in any order,
// found elsewhere; fewer where no more are allowed and above -Inf. list is put in
// order of id. set is the mask, for the error where nothing was found.
//
// It draws what SampleFrom would, and takes a number of the random stream as it does.
func (s *Sampler) SampleTop(list []Candidate, set []uint64) (Token, error) {
	u := s.rng.uniform()
	if len(list) == 0 {
		return Token{}, view{mask: set}.none()
	}
	slices.SortFunc(list, func(a, b Candidate) int { return int(a.ID) - int(b.ID) })
	s.cand.reset()
	for _, c := range list {
		s.cand.add(c.ID, c.Logit)
	}
	if s.params.Temperature == 0 {
		return Token{ID: s.cand.first()}, nil
	}
	s.cand.keepTop(s.params.TopK)
	high := s.cand.highest()
	s.cand.weigh(newWeigher(high, s.params.Temperature))
	return Token{ID: s.truncate(high, s.cand.total(), u)}, nil
}

// first is the token with the highest logit, the lowest id among equals.
func (c *candidates) first() int32 {
	best := c.list[0]
	for _, t := range c.list[1:] {
		if t.logit > best.logit {
			best = t
		}
	}
	return best.id
}

// Ahead is how the next token is drawn from the Narrow list, for a device that
// draws before SampleTop does.
type Ahead struct {
	Temperature, TopP, MinP float64
	U                       float64 // the next number of the random stream
	K                       int
}

// Ahead returns how SampleTop will draw next, without taking a number of the
// random stream; ok is false where the device's rules do not cover it.
func (s *Sampler) Ahead() (a Ahead, ok bool) {
	k, ok := s.Narrow()
	if !ok || s.params.TypicalP < 1 {
		return Ahead{}, false
	}
	next := s.rng
	p := &s.params
	return Ahead{Temperature: p.Temperature, TopP: p.TopP, MinP: p.MinP, U: next.uniform(), K: k}, true
}
