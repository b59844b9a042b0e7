package sampler

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// ErrEmptyMask says that the mask allows no token at all.
var ErrEmptyMask = errors.New("sampler: the mask allows no token")

// ErrNoCandidate says that every allowed token has a logit of -Inf, be it from
// the model or because it is suppressed.
var ErrNoCandidate = errors.New("sampler: every allowed token has a logit of -Inf")

// LogitError reports a logit that is NaN or +Inf: the model's output is broken
// and no token drawn from it would mean anything.
type LogitError struct {
	ID    int32   // the first such token
	Value float32 // NaN or +Inf
}

// Error names the token and the value.
func (e *LogitError) Error() string {
	return fmt.Sprintf("sampler: the logit of token %d is %v: the model's output is broken", e.ID, e.Value)
}

// Token is one drawn token.
type Token struct {
	ID      int32
	Logprob float32   // natural log of its probability under the model; at least -9999; 0 unless Params.Logprobs ≥ 0
	Top     []Logprob // the most likely tokens under the model, the likeliest first; the receiver's to keep
}

// Logprob is a token and the natural log of its probability.
type Logprob struct {
	ID      int32
	Logprob float32
}

// Sampler draws the tokens of one sequence. It is not safe for concurrent use.
type Sampler struct {
	params  Params
	vocab   int
	rng     philox
	bias    []Logprob // LogitBias in order of id
	history *history  // nil without penalties
	count   int       // tokens generated

	// Scratch, reused for every token.
	bits   []uint64 // [ceil(vocab/64)] the mask
	block  []float64
	cand   candidates
	undo   []Logprob // logits overwritten, in order
	report report
}

// New returns a sampler for logits over vocab tokens. The error is a
// *ParamError. Without a seed in p it draws one, which Params tells.
func New(p Params, vocab int) (*Sampler, error) {
	if vocab < 1 || vocab > math.MaxInt32 {
		panic(fmt.Sprintf("sampler: New for a vocabulary of %d tokens", vocab))
	}
	if err := p.Validate(vocab); err != nil {
		return nil, err
	}
	if p.Seed == 0 && !p.SeedSet {
		p.Seed = rand.Uint64N(1 << 53) // exact in a JSON number
	}
	p.SeedSet = true
	s := &Sampler{params: p, vocab: vocab, rng: philox{seed: p.Seed}}
	for id, b := range p.LogitBias {
		s.bias = append(s.bias, Logprob{id, b})
	}
	slices.SortFunc(s.bias, func(a, b Logprob) int { return int(a.ID - b.ID) })
	if p.penalised() {
		s.history = newHistory(p.RepeatLastN)
	}
	return s, nil
}

// penalised reports that some penalty has an effect.
func (p Params) penalised() bool {
	on := p.RepetitionPenalty != 1 || p.PresencePenalty != 0 || p.FrequencyPenalty != 0
	return on && p.RepeatLastN != 0
}

// Params returns the values in force, the seed included.
func (s *Sampler) Params() Params { return s.params }

// Fork returns an independent sampler in the same state that goes on with
// stream number stream of the same seed: the choices of one request are forks
// of one sampler. New's sampler draws from stream 0.
func (s *Sampler) Fork(stream uint64) *Sampler {
	f := &Sampler{
		params:  s.params,
		vocab:   s.vocab,
		rng:     s.rng,
		bias:    s.bias,
		history: s.history.clone(),
		count:   s.count,
	}
	f.rng.stream = stream
	return f
}

// AcceptPrompt records the tokens of the prompt. The repetition penalty counts
// them; presence and frequency penalties do not.
func (s *Sampler) AcceptPrompt(ids []int32) {
	for _, id := range ids {
		s.record(id, false)
	}
}

// Accept records a generated token. Sample does not: the engine may drop what
// was drawn, as in speculation.
func (s *Sampler) Accept(id int32) {
	s.count++
	s.record(id, true)
}

// Force records a token that was not drawn because no other could come.
func (s *Sampler) Force(id int32) {
	s.rng.n++
	s.Accept(id)
}

// record leaves out ids beyond the vocabulary: they cannot be drawn.
func (s *Sampler) record(id int32, generated bool) {
	if s.history != nil && id >= 0 && int(id) < s.vocab {
		s.history.add(id, generated)
	}
}

// Generated returns the number of tokens that Accept has recorded.
func (s *Sampler) Generated() int { return s.count }

// Ends reports that drawing id ends the generation.
func (s *Sampler) Ends(id int32) bool {
	return !s.params.IgnoreEOS && slices.Contains(s.params.EOS, id)
}

// Sample draws a token from logits, [at least vocab] f32; logits beyond the
// vocabulary are never drawn and belong to no distribution. A nil mask allows
// every token. logits are changed meanwhile and are as before on return.
//
// Every call takes the next number of the random stream, greedy ones too, and so
// does Force, so that the n-th token of a sequence always hangs on the n-th
// number.
//
// Errors: *LogitError, ErrEmptyMask, ErrNoCandidate.
func (s *Sampler) Sample(logits []float32, mask Mask) (Token, error) {
	return s.SampleFrom(logits, s.Allowed(mask))
}

// SampleFrom is Sample with a set that Allowed has returned, perhaps while the
// logits were still being computed; nil allows every token.
func (s *Sampler) SampleFrom(logits []float32, set []uint64) (Token, error) {
	if len(logits) < s.vocab {
		panic(fmt.Sprintf("sampler: %d logits for a vocabulary of %d", len(logits), s.vocab))
	}
	u := s.rng.uniform()
	v := view{logits: logits[:s.vocab]}
	if s.params.Logprobs >= 0 {
		if err := s.measure(v); err != nil {
			return Token{}, err
		}
	}
	s.edit(v.logits)
	v.mask = set
	id, err := s.pick(v, u)
	s.restore(v.logits)
	if err != nil {
		return Token{}, err
	}
	return s.token(id, v), nil
}

// pick chooses a token from edited logits; u is uniform in [0, 1).
func (s *Sampler) pick(v view, u float64) (int32, error) {
	p := &s.params
	switch {
	case p.Temperature == 0:
		return v.best()
	case p.TopK > 0 && p.TopK < s.vocab:
		if err := v.top(&s.cand, p.TopK); err != nil {
			return 0, err
		}
		high := s.cand.highest()
		s.cand.weigh(newWeigher(high, p.Temperature))
		return s.truncate(high, s.cand.total(), u), nil
	default:
		return s.pickFromAll(v, u)
	}
}

// pickFromAll draws without a top-k. Where probabilities of the whole
// vocabulary matter, all weights are added up first.
func (s *Sampler) pickFromAll(v view, u float64) (int32, error) {
	p := &s.params
	best, err := v.best()
	if err != nil {
		return 0, err
	}
	high, total, low := v.logits[best], 0.0, float64(negligible)
	w := newWeigher(high, p.Temperature)
	switch {
	case p.TopP < 1:
		// Tokens below low weigh less together than top-p leaves out.
		total = v.sums(s.blocks(), w)
		low = max(low, math.Log((1-p.TopP)*total/float64(s.vocab)))
	case p.MinP > 0:
		low = max(low, math.Log(p.MinP))
	case p.TypicalP == 1:
		total = v.sums(s.blocks(), w)
		return v.drawSums(s.blocks(), u, total, w), nil
	}
	v.above(&s.cand, below(high, (low-1e-6)*p.Temperature))
	s.cand.weigh(w)
	return s.truncate(high, total, u), nil
}

// below returns a float32 that is not above high + d.
func below(high float32, d float64) float32 {
	return math.Nextafter32(float32(float64(high)+d), float32(math.Inf(-1)))
}

// truncate applies top-p, min-p and typical-p to the candidates and draws.
// high is their highest logit; mass, which only top-p asks for, is the weight
// of the distribution before it.
func (s *Sampler) truncate(high float32, mass, u float64) int32 {
	p := &s.params
	if p.TopP < 1 {
		s.cand.topP(p.TopP, mass)
	}
	if p.MinP > 0 {
		s.cand.minP(p.MinP)
	}
	if p.TypicalP < 1 {
		s.cand.typical(p.TypicalP, high, p.Temperature)
	}
	return s.cand.draw(u)
}

func (s *Sampler) blocks() []float64 {
	if s.block == nil {
		s.block = make([]float64, (s.vocab+blockSize-1)/blockSize)
	}
	return s.block
}
