package runtime

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"orchrt/kernels"
	"orchrt/kernels/cpu"
	"orchrt/runtime/internal/tiny"
	"orchrt/sampler"
)

// randomRequests are requests that share prefixes of some length, greedy or
// sampled with a seed.
func randomRequests(random *rand.Rand, n, context, vocab int) []Request {
	tree := make([]int32, context)
	for i := range tree {
		tree[i] = int32(random.IntN(vocab))
	}
	list := make([]Request, n)
	for i := range list {
		common := random.IntN(context - 20)
		own := 1 + random.IntN(min(context-common-10, 90))
		prompt := slices.Clone(tree[:common])
		for range own {
			prompt = append(prompt, int32(random.IntN(vocab)))
		}
		if random.IntN(4) == 0 {
			prompt = slices.Clone(tree[:1+random.IntN(context-20)]) // nothing of its own
		}
		p := sampler.Greedy()
		if random.IntN(2) == 0 {
			p = sampler.Defaults(true)
			p.Temperature, p.Seed, p.SeedSet = 1, uint64(random.IntN(100)), true
			p.RepetitionPenalty = 1.1
		}
		list[i] = Request{Prompt: prompt, Params: p, MaxTokens: 1 + random.IntN(min(context-len(prompt), 100)),
			IgnoreEOS: random.IntN(3) > 0, Choice: random.IntN(2)}
		if random.IntN(3) == 0 {
			list[i].Mask = &script{seed: random.Uint32(), vocab: vocab}
		}
	}
	return list
}

// schedule runs requests on an engine in a random order in time; some of them
// twice, some cancelled on the way. It reports outputs that are not as wanted.
func schedule(t *testing.T, e *Engine, random *rand.Rand, requests []Request, want [][]int32) {
	t.Helper()
	var wg sync.WaitGroup
	for i, r := range requests {
		stop := -1 // tokens after which to leave
		if random.IntN(5) == 0 {
			stop = random.IntN(5)
		}
		wait := time.Duration(random.IntN(300)) * time.Microsecond
		wg.Go(func() {
			time.Sleep(wait)
			var got []int32
			for tok, err := range e.Generate(context.Background(), again(r)) {
				if err != nil {
					t.Errorf("request %d: %v", i, err)
					return
				}
				got = append(got, tok.ID)
				if len(got) == stop {
					break
				}
			}
			if stop > 0 && len(got) == stop {
				if !slices.Equal(got, want[i][:stop]) {
					t.Errorf("request %d: the first %d tokens are %v, want %v", i, stop, got, want[i][:stop])
				}
			} else if !slices.Equal(got, want[i]) {
				t.Errorf("request %d (prompt of %d): got %d tokens %v, want %d: %v", i, len(r.Prompt), len(got), got, len(want[i]), want[i])
			}
		})
	}
	wg.Wait()
}

// alone runs each request by itself, in one chunk, on an engine of its own.
func alone(t *testing.T, m *Model, cache kernels.CacheType, requests []Request) [][]int32 {
	t.Helper()
	out := make([][]int32, len(requests))
	for i, r := range requests {
		e, err := NewEngine(m, EngineOptions{Parallel: 1, Chunk: m.Context, Cache: cache})
		if err != nil {
			t.Fatal(err)
		}
		out[i] = mustGenerate(t, e, again(r))
		stopEngine(t, e)
	}
	return out
}

// TestSchedulesDoNotMatter runs random requests under random sizes and timings:
// what a request gives must not depend on its company, on chunks, on the prefix
// cache or on preemption.
func TestSchedulesDoNotMatter(t *testing.T) {
	rounds := 150
	if testing.Short() {
		rounds = 40
	}
	small := tiny.Small()
	dev := &hashDevice{vocab: small.Vocab}
	m := loadTiny(t, dev, small)
	var preempted, cached uint64
	for round := range rounds {
		random := rand.New(rand.NewPCG(uint64(round), 3))
		requests := randomRequests(random, 3+random.IntN(12), m.Context, m.tokens)
		want := alone(t, m, kernels.CacheF32, requests)
		opt := EngineOptions{
			Parallel: 1 + random.IntN(8), Chunk: 1 + random.IntN(1<<(1+random.IntN(9))), Mixed: random.IntN(40), Cache: kernels.CacheF32,
			CachePages: pagesFor(m.Context) + random.IntN(4),
		}
		e, err := NewEngine(m, opt)
		if err != nil {
			t.Fatal(err)
		}
		schedule(t, e, random, requests, want)
		stopEngine(t, e)
		s := e.Stats()
		preempted, cached = preempted+s.Preemptions, cached+s.CachedTokens
		if t.Failed() {
			t.Fatalf("round %d: %+v", round, opt)
		}
	}
	t.Logf("%d preemptions, %d tokens from the prefix cache", preempted, cached)
	if preempted == 0 || cached == 0 {
		t.Errorf("%d preemptions and %d cached tokens: the schedules do not test what they should", preempted, cached)
	}
}

// TestSchedulesDoNotMatterCPU does the same with real arithmetic.
func TestSchedulesDoNotMatterCPU(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 1
	}
	for _, cache := range []kernels.CacheType{kernels.CacheF16, kernels.CacheF32, kernels.CacheQ8} {
		t.Run(fmt.Sprintf("cache=%d", cache), func(t *testing.T) {
			dev, err := cpu.New(cpu.Options{Threads: 2})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { dev.Close() })
			m := loadTiny(t, dev, tiny.Small())
			for round := range rounds {
				random := rand.New(rand.NewPCG(uint64(round), uint64(cache)))
				requests := randomRequests(random, 4+random.IntN(6), m.Context, m.tokens)
				want := alone(t, m, cache, requests)
				e, err := NewEngine(m, EngineOptions{
					Parallel: 1 + random.IntN(6), Chunk: 1 + random.IntN(150), Mixed: random.IntN(40), Cache: cache,
					CachePages: pagesFor(m.Context) + random.IntN(6),
				})
				if err != nil {
					t.Fatal(err)
				}
				schedule(t, e, random, requests, want)
				stopEngine(t, e)
				if t.Failed() {
					t.Fatalf("round %d", round)
				}
			}
		})
	}
}
