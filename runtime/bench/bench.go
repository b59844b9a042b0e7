// Package bench measures an engine: prefill and decoding of one sequence at a
// depth, several sequences at once, and what the machine could do at best.
//
// The measured path is the product's own, Engine.Generate: admission, the step
// loop, the sampler (greedy) and the channel to the caller are inside, text and
// HTTP are not. Prompts are random tokens, different every time, so that the
// prefix cache does not shorten them; end-of-sequence tokens are ignored.
package bench

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"sync"
	"time"

	"orchrt/kernels"
	"orchrt/runtime"
	"orchrt/sampler"
)

// Engine is what is measured; *runtime.Engine is one.
type Engine interface {
	Generate(ctx context.Context, r runtime.Request) iter.Seq2[runtime.Token, error]
}

// Options says what to measure. A zero Prompt, Generate or empty Concurrency
// leaves its part out.
type Options struct {
	Prompt      int   // tokens of the prefill test
	Generate    int   // tokens of the decoding test
	Depth       int   // tokens in the cache before either, a multiple of kernels.PageTokens
	Repeat      int   // measured repetitions, after one that is not
	Concurrency []int // numbers of sequences at once, Prompt and Generate tokens each
	Vocab       int   // prompts are drawn from 0..Vocab-1
	Seed        uint64
	Progress    func(done, total int) // nil: none
	// Bandwidth measures the bytes that the machine can read in a second, while
	// the engine has nothing to do; nil: not measured. It is called around each
	// repetition of decoding, because shared machines change by the second.
	Bandwidth func() float64
}

// Validate reports the first option that makes no sense.
func (o Options) Validate() error {
	switch {
	case o.Prompt < 0 || o.Generate < 0 || o.Depth < 0:
		return fmt.Errorf("bench: negative token counts: prompt %d, generate %d, depth %d", o.Prompt, o.Generate, o.Depth)
	case o.Depth%kernels.PageTokens != 0:
		return fmt.Errorf("bench: a depth of %d, want a multiple of %d, the tokens of a page", o.Depth, kernels.PageTokens)
	case o.Repeat < 1:
		return fmt.Errorf("bench: %d repetitions, want at least 1", o.Repeat)
	case o.Prompt+o.Generate == 0:
		return fmt.Errorf("bench: neither prompt nor generated tokens to measure")
	}
	for _, c := range o.Concurrency {
		if c < 1 {
			return fmt.Errorf("bench: %d sequences at once", c)
		}
	}
	return nil
}

// Longest is the number of positions that the longest sequence takes.
func (o Options) Longest() int {
	return o.Depth + max(1, o.Prompt) + max(1, o.Generate)
}

// Result is what Run measured.
type Result struct {
	Prefill    *Prefill     `json:"prefill,omitempty"`
	Decode     *Decode      `json:"decode,omitempty"`
	Concurrent []Concurrent `json:"concurrent,omitempty"`
}

// Prefill is one prompt from admission to its first token.
type Prefill struct {
	Tokens    int    `json:"tokens"`
	Depth     int    `json:"depth"`
	PerSecond Series `json:"tokens_per_second"`
	TTFT      Series `json:"ttft_seconds"`
}

// Decode is one sequence, a token a step.
type Decode struct {
	Tokens    int    `json:"tokens"`
	Depth     int    `json:"depth"`
	PerSecond Series `json:"tokens_per_second"`
	// ReadBandwidth is what Options.Bandwidth measured around the repetitions.
	ReadBandwidth Series `json:"read_bandwidth"`
}

// Concurrent is a number of equal requests sent at the same moment.
type Concurrent struct {
	Sequences       int       `json:"sequences"`
	Prompt          int       `json:"prompt"`
	Generated       int       `json:"generated"`
	Seconds         float64   `json:"seconds"`
	OutputPerSecond float64   `json:"output_tokens_per_second"`
	TotalPerSecond  float64   `json:"total_tokens_per_second"` // prompts included
	TTFT            Quantiles `json:"ttft_seconds"`
	ITL             Quantiles `json:"itl_seconds"` // between a sequence's tokens
}

// Run measures e.
func Run(ctx context.Context, e Engine, o Options) (Result, error) {
	if err := o.Validate(); err != nil {
		return Result{}, err
	}
	if o.Vocab < 1 {
		return Result{}, fmt.Errorf("bench: a vocabulary of %d", o.Vocab)
	}
	r := &runner{engine: e, opt: o, rng: rand.New(rand.NewPCG(o.Seed, 1))}
	if o.Prompt > 0 {
		r.total += o.Repeat + 1
	}
	if o.Generate > 0 {
		r.total += o.Repeat + 1
	}
	r.total += len(o.Concurrency)
	var res Result
	var err error
	if o.Prompt > 0 {
		if res.Prefill, err = r.prefill(ctx); err != nil {
			return res, fmt.Errorf("bench: prefill: %w", err)
		}
	}
	if o.Generate > 0 {
		if res.Decode, err = r.decode(ctx); err != nil {
			return res, fmt.Errorf("bench: decoding: %w", err)
		}
	}
	for _, n := range o.Concurrency {
		c, err := r.concurrent(ctx, n)
		if err != nil {
			return res, fmt.Errorf("bench: %d sequences: %w", n, err)
		}
		res.Concurrent = append(res.Concurrent, c)
	}
	return res, nil
}

// runner is one call of Run.
type runner struct {
	engine      Engine
	opt         Options
	rng         *rand.Rand
	done, total int // repetitions
}

func (r *runner) step() {
	r.done++
	if r.opt.Progress != nil {
		r.opt.Progress(r.done, r.total)
	}
}

// tokens draws n random tokens.
func (r *runner) tokens(n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32(r.rng.IntN(r.opt.Vocab))
	}
	return ids
}

// request is a greedy request for exactly n tokens.
func request(prompt []int32, n int) runtime.Request {
	return runtime.Request{
		Prompt: prompt, MaxTokens: n, IgnoreEOS: true,
		Params: sampler.Greedy(),
	}
}

// arrivals is when the tokens of one request came, counted from its start.
type arrivals struct {
	at     []time.Duration
	cached int // prompt tokens that the prefix cache had
}

// generate makes a request for n tokens after prompt.
func (r *runner) generate(ctx context.Context, prompt []int32, n int) (arrivals, error) {
	a := arrivals{at: make([]time.Duration, 0, n)}
	start := time.Now()
	for token, err := range r.engine.Generate(ctx, request(prompt, n)) {
		if err != nil {
			return a, err
		}
		a.at = append(a.at, time.Since(start))
		a.cached = token.Cached
	}
	if len(a.at) != n {
		return a, fmt.Errorf("%d tokens came, want %d", len(a.at), n)
	}
	return a, nil
}

// prompt returns tokens of the wanted depth, which it has put into the engine's
// prefix cache, and n more, which will have to be computed.
func (r *runner) prompt(ctx context.Context, n int) ([]int32, error) {
	p := r.tokens(r.opt.Depth)
	if len(p) > 0 {
		if _, err := r.generate(ctx, p, 1); err != nil {
			return nil, err
		}
	}
	return append(p, r.tokens(n)...), nil
}

// seconds makes a request for n tokens after prompt, of which computed tokens
// are new to the engine, and returns the time to its last token.
func (r *runner) seconds(ctx context.Context, prompt []int32, computed, n int) (float64, error) {
	a, err := r.generate(ctx, prompt, n)
	if err != nil {
		return 0, err
	}
	if got := len(prompt) - a.cached; got != computed {
		return 0, fmt.Errorf("%d tokens of the prompt were computed, want %d: the prefix cache is too small or off", got, computed)
	}
	return a.at[n-1].Seconds(), nil
}

// prefill times prompts to their first token.
func (r *runner) prefill(ctx context.Context) (*Prefill, error) {
	o := r.opt
	var rate, ttft []float64
	for i := range o.Repeat + 1 {
		prompt, err := r.prompt(ctx, o.Prompt)
		if err != nil {
			return nil, err
		}
		s, err := r.seconds(ctx, prompt, o.Prompt, 1)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			rate = append(rate, float64(o.Prompt)/s)
			ttft = append(ttft, s)
		}
		r.step()
	}
	return &Prefill{Tokens: o.Prompt, Depth: o.Depth, PerSecond: seriesOf(rate), TTFT: seriesOf(ttft)}, nil
}

// decode times tokens from a request whose prompt is cached but for one token,
// so that every step, the first one too, computes one token.
func (r *runner) decode(ctx context.Context) (*Decode, error) {
	o := r.opt
	var rate, limit []float64
	bandwidth := func() {
		if o.Bandwidth != nil {
			limit = append(limit, o.Bandwidth())
		}
	}
	for i := range o.Repeat + 1 {
		prompt, err := r.prompt(ctx, 1)
		if err != nil {
			return nil, err
		}
		s, err := r.seconds(ctx, prompt, 1, o.Generate)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			rate = append(rate, float64(o.Generate)/s)
		}
		bandwidth()
		r.step()
	}
	return &Decode{Tokens: o.Generate, Depth: o.Depth, PerSecond: seriesOf(rate), ReadBandwidth: seriesOf(limit)}, nil
}

// concurrent sends n requests at once and waits for all.
func (r *runner) concurrent(ctx context.Context, n int) (Concurrent, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o := r.opt
	c := Concurrent{Sequences: n, Prompt: max(1, o.Prompt), Generated: max(1, o.Generate)}
	prompts := make([][]int32, n)
	for i := range prompts {
		prompts[i] = r.tokens(c.Prompt)
	}
	all := make([]arrivals, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range n {
		wg.Go(func() {
			if all[i], errs[i] = r.generate(ctx, prompts[i], c.Generated); errs[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	c.Seconds = time.Since(start).Seconds()
	r.step()
	return c.with(all), firstCause(errs)
}

// firstCause returns the error that made the others fail, if any.
func firstCause(errs []error) (first error) {
	for _, err := range errs {
		if err != nil && (first == nil || errors.Is(first, context.Canceled)) {
			first = err
		}
	}
	return first
}

// with fills in the rates and the quantiles of the tokens' arrivals.
func (c Concurrent) with(all []arrivals) Concurrent {
	var ttft, itl []float64
	for _, a := range all {
		for i, t := range a.at {
			if i == 0 {
				ttft = append(ttft, t.Seconds())
				continue
			}
			itl = append(itl, (t - a.at[i-1]).Seconds())
		}
	}
	c.OutputPerSecond = float64(c.Sequences*c.Generated) / c.Seconds
	c.TotalPerSecond = float64(c.Sequences*(c.Generated+c.Prompt)) / c.Seconds
	c.TTFT, c.ITL = quantilesOf(ttft), quantilesOf(itl)
	return c
}
