package bench

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"testing"

	"orchrt/runtime"
)

// fakeEngine answers requests with as many tokens as they ask for, knows what
// pages it has seen, and keeps the requests.
type fakeEngine struct {
	mu       sync.Mutex
	requests []runtime.Request
	short    int   // leave out that many tokens
	forgets  bool  // has no prefix cache
	err      error // fail with it
}

func (f *fakeEngine) Generate(ctx context.Context, r runtime.Request) iter.Seq2[runtime.Token, error] {
	f.mu.Lock()
	cached := 0
	for _, q := range f.requests {
		if f.forgets {
			break
		}
		if n := len(q.Prompt) / 64 * 64; n < len(r.Prompt) && slices.Equal(q.Prompt[:n], r.Prompt[:n]) {
			cached = max(cached, n)
		}
	}
	f.requests = append(f.requests, r)
	f.mu.Unlock()
	return func(yield func(runtime.Token, error) bool) {
		if f.err != nil {
			yield(runtime.Token{}, f.err)
			return
		}
		for range r.MaxTokens - f.short {
			if !yield(runtime.Token{Cached: cached}, ctx.Err()) {
				return
			}
		}
	}
}

func TestRunMakesTheRequests(t *testing.T) {
	f := &fakeEngine{}
	steps := 0
	o := Options{Prompt: 100, Generate: 7, Depth: 128, Repeat: 2, Concurrency: []int{1, 3}, Vocab: 50,
		Progress: func(done, total int) {
			if steps++; done != steps || total != 8 {
				t.Errorf("step %d reported as %d of %d", steps, done, total)
			}
		}}
	res, err := Run(t.Context(), f, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Prefill.PerSecond.Samples) != 2 || len(res.Decode.PerSecond.Samples) != 2 || steps != 8 {
		t.Errorf("%+v %+v after %d steps, want 2 samples each after 8", res.Prefill, res.Decode, steps)
	}
	for _, s := range slices.Concat(res.Prefill.PerSecond.Samples, res.Decode.PerSecond.Samples) {
		if s <= 0 {
			t.Errorf("a rate of %v", s)
		}
	}
	var shapes [][2]int // prompt, generated
	for _, r := range f.requests {
		shapes = append(shapes, [2]int{len(r.Prompt), r.MaxTokens})
		if !r.IgnoreEOS || r.Params.Temperature != 0 {
			t.Errorf("a request with %+v", r)
		}
		if len(r.Prompt)+r.MaxTokens > o.Longest() {
			t.Errorf("%d + %d tokens, more than Longest, %d", len(r.Prompt), r.MaxTokens, o.Longest())
		}
		if slices.Max(r.Prompt) >= 50 || slices.Min(r.Prompt) < 0 {
			t.Error("a prompt outside the vocabulary")
		}
	}
	want := [][2]int{{128, 1}, {228, 1}, {128, 1}, {228, 1}, {128, 1}, {228, 1}, // prefill, the first to warm up
		{128, 1}, {129, 7}, {128, 1}, {129, 7}, {128, 1}, {129, 7}, // decoding
		{100, 7}, {100, 7}, {100, 7}, {100, 7}}
	if !slices.Equal(shapes, want) {
		t.Errorf("requests of %v, want %v", shapes, want)
	}
	p := res.Prefill
	if got := p.PerSecond.Samples[0] * p.TTFT.Samples[0]; got < 99.99 || got > 100.01 {
		t.Errorf("prefill counted %v tokens, want 100", got)
	}
}

func TestPromptsDiffer(t *testing.T) {
	f := &fakeEngine{}
	if _, err := Run(t.Context(), f, Options{Prompt: 64, Repeat: 3, Concurrency: []int{4}, Vocab: 1000}); err != nil {
		t.Fatal(err)
	}
	for i, a := range f.requests {
		for _, b := range f.requests[:i] {
			if slices.Equal(a.Prompt, b.Prompt) {
				t.Error("the same prompt twice: the prefix cache would answer")
			}
		}
	}
}

func TestRunErrors(t *testing.T) {
	broken := errors.New("broken")
	good := Options{Prompt: 1, Generate: 1, Repeat: 1, Concurrency: []int{2}, Vocab: 9}
	if _, err := Run(t.Context(), &fakeEngine{err: broken}, good); !errors.Is(err, broken) {
		t.Errorf("error %v, want the engine's", err)
	}
	if _, err := Run(t.Context(), &fakeEngine{short: 1}, good); err == nil {
		t.Error("no error when tokens are missing")
	}
	deep := Options{Prompt: 1, Depth: 64, Repeat: 1, Vocab: 9}
	if _, err := Run(t.Context(), &fakeEngine{forgets: true}, deep); err == nil {
		t.Error("no error from an engine that computed the depth again")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, &fakeEngine{}, good); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want cancellation", err)
	}
	for _, o := range []Options{
		{Prompt: -1, Repeat: 1, Vocab: 1}, {Repeat: 1, Vocab: 1}, {Prompt: 1, Vocab: 1}, {Prompt: 1, Repeat: 1},
		{Prompt: 1, Repeat: 1, Vocab: 1, Concurrency: []int{0}}, {Prompt: 1, Repeat: 1, Vocab: 1, Depth: 65},
	} {
		if _, err := Run(t.Context(), &fakeEngine{}, o); err == nil {
			t.Errorf("no error for %+v", o)
		}
	}
}
