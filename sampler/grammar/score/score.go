package score

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"time"

	"orchrt/sampler/grammar"
	"orchrt/sampler/grammar/value"
	"orchrt/sampler/grammar/vocab"
)

// Options say how cases are scored.
type Options struct {
	// Lenient has a schema that cannot be enforced exactly accept any JSON, as
	// a server does for tools that are not strict. Otherwise it is refused.
	Lenient bool
	// Style is how instances are written.
	Style value.Style
	// Spelling is the white space that the grammar admits. grammar.Default is
	// Flexible for schemas, and for the arguments of calls Trained or, where
	// Style is not Python, Flexible.
	Spelling grammar.Style
	// Shuffle puts the keys of every object into a random order, seeded by Seed.
	Shuffle bool
	// Mutate also scores changed instances, as valid or invalid as the
	// reference validator finds them.
	Mutate bool
	Seed   uint64        // of Shuffle, Mutate and Fuzz
	Limit  time.Duration // for one case; 0 is none
	Jobs   int           // cases at a time; 0 is one
}

// Scorer scores cases. It is safe for concurrent use.
type Scorer struct {
	src   vocab.Source
	dec   decoder
	ids   ids
	opt   Options
	cost  int64    // of the clock, in ns
	added []uint64 // the set of special and unused tokens
	parts parts    // sets of tokens that outputs are drawn from
}

// New returns a scorer of the grammars of v, which is made of src. eos is the
// token that ends a turn.
func New(v *grammar.Vocabulary, src vocab.Source, eos int32, opt Options) (*Scorer, error) {
	t, err := findIDs(src, eos)
	if err != nil {
		return nil, err
	}
	return newScorer(real{v, t}, src, t, opt), nil
}

func newScorer(dec decoder, src vocab.Source, t ids, opt Options) *Scorer {
	s := &Scorer{src: src, dec: dec, ids: t, opt: opt, added: make([]uint64, words(src))}
	for id := range int32(src.Size()) {
		if src.IsControl(id) || src.IsUnused(id) || id == t.call || id == t.endCall {
			s.added[id/64] |= 1 << (id % 64)
		}
	}
	for id := src.Size(); id < 64*len(s.added); id++ {
		s.added[id/64] |= 1 << (id % 64)
	}
	s.parts = newParts(src, t)
	s.cost = clockCost()
	return s
}

// words is the length of a set of tokens.
func words(src vocab.Source) int { return (src.Size() + 63) / 64 }

// Run scores cases and calls each with the results, in the order of the cases.
// It ends early when ctx does, with its cause.
func (s *Scorer) Run(ctx context.Context, cases []Case, each func(*Result)) error {
	return s.all(ctx, cases, s.score, each)
}

// all has work done for every case, Options.Jobs at a time.
func (s *Scorer) all(ctx context.Context, cases []Case, work func(*attempt), each func(*Result)) error {
	queue := make(chan chan *Result, max(1, s.opt.Jobs)-1)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer close(queue)
		for i := range cases {
			done := make(chan *Result, 1)
			go func() { done <- s.guard(ctx, i, &cases[i], work) }()
			select {
			case queue <- done:
			case <-ctx.Done():
				return
			}
		}
	}()
	for done := range queue {
		r := <-done
		if ctx.Err() != nil {
			break
		}
		each(r)
	}
	return context.Cause(ctx)
}

// attempt is the work on one case.
type attempt struct {
	*Result
	s     *Scorer
	c     *Case
	rng   *rand.Rand
	until time.Time // zero: no limit
	set   []uint64  // scratch, a set of tokens
	toks  []int32   // scratch

	judgesMade *judges // nil until they are asked for
}

// errLate ends a case that takes too long.
var errLate = errors.New("the time for one case is up")

// late reports that the time is up.
func (a *attempt) late() bool { return !a.until.IsZero() && time.Now().After(a.until) }

// guard does the work on one case on a thread of its own and returns the result
// when it is done, panics, or its time is up. A case that hangs is left behind.
func (s *Scorer) guard(ctx context.Context, i int, c *Case, work func(*attempt)) *Result {
	done := make(chan *Result, 1)
	go func() {
		a := &attempt{
			Result: &Result{Name: c.Name}, s: s, c: c,
			rng: rand.New(rand.NewPCG(s.opt.Seed, uint64(i))),
			set: make([]uint64, words(s.src)),
		}
		if s.opt.Limit > 0 {
			a.until = time.Now().Add(s.opt.Limit)
		}
		defer func() {
			if p := recover(); p != nil {
				a.fail(Panicked, fmt.Sprintf("%v\n%s", p, debug.Stack()))
			}
			done <- a.Result
		}()
		runtime.LockOSThread() // for clock
		defer runtime.UnlockOSThread()
		work(a)
		a.finish()
	}()
	var hung <-chan time.Time
	if s.opt.Limit > 0 {
		t := time.NewTimer(s.opt.Limit + s.opt.Limit/2 + time.Second)
		defer t.Stop()
		hung = t.C
	}
	select {
	case r := <-done:
		return r
	case <-hung:
		r := &Result{Name: c.Name}
		r.fail(TimedOut, "one step did not come back within the time for the whole case")
		return r
	case <-ctx.Done():
		return &Result{Name: c.Name}
	}
}
