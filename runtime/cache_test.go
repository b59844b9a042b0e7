package runtime

import (
	"context"
	"slices"
	"testing"
)

// TestPrefixCache counts what a second request finds.
func TestPrefixCache(t *testing.T) {
	e, dev := hashEngine(t, EngineOptions{Context: 512, CachePages: 40})
	rows := 0
	dev.forward = func(ids []int32) { rows += len(ids) }
	run := func(prompt []int32, n int) (cached, ran int) {
		rows = 0
		for tok, err := range e.Generate(context.Background(), greedy(prompt, n)) {
			if err != nil {
				t.Fatal(err)
			}
			cached = tok.Cached
		}
		return cached, rows
	}
	if cached, ran := run(ramp(0, 200), 1); cached != 0 || ran != 200 {
		t.Errorf("first: %d cached, %d rows; want 0, 200", cached, ran)
	}
	if cached, ran := run(ramp(0, 200), 1); cached != 192 || ran != 8 {
		t.Errorf("again: %d cached, %d rows; want 192, 8", cached, ran)
	}
	if cached, ran := run(ramp(0, 192), 1); cached != 128 || ran != 64 {
		t.Errorf("whole pages: %d cached, %d rows; want 128 (the last token must run), 64", cached, ran)
	}
	if cached, ran := run(append(ramp(0, 130), ramp(9, 70)...), 1); cached != 128 || ran != 72 {
		t.Errorf("another end: %d cached, %d rows; want 128, 72", cached, ran)
	}
	if cached, _ := run(append([]int32{99}, ramp(0, 199)...), 1); cached != 0 {
		t.Errorf("another start: %d cached, want 0", cached)
	}
	turn := ramp(100, 60)
	turn = append(turn, mustGenerate(t, e, greedy(turn, 80))...)
	if cached, _ := run(turn, 1); cached != 128 {
		t.Errorf("a second turn: %d cached of %d, want 128, generated tokens included", cached, len(turn))
	}
	waitFor(t, e, "the state after the last step", func(s Stats) bool {
		return s.CachedTokens == 192+128+128+128 && s.PagesUsed == 0 && s.PagesCached > 0 && s.PagesFree == 40
	})
}

// TestPrefixInFlight: requests for the same prompt at the same time compute it
// once.
func TestPrefixInFlight(t *testing.T) {
	first, _ := hashEngine(t, EngineOptions{Parallel: 4, Chunk: 100})
	want := mustGenerate(t, first, greedy(ramp(0, 300), 5))

	e, dev := hashEngine(t, EngineOptions{Parallel: 4, Chunk: 100})
	g := gate(dev)
	var streams []*Stream
	for range 4 {
		streams = append(streams, submit(t, e, greedy(ramp(0, 300), 5)))
	}
	close(g)
	for i, s := range streams {
		got := collect(t, s)
		if !slices.Equal(got, want) {
			t.Errorf("request %d: %v, want %v", i, got, want)
		}
	}
	e.Close(context.Background())
	// The first computes 300 tokens, the others what follows its last full page.
	if s := e.Stats(); s.PromptTokens != 300+3*(300-256) || s.CachedTokens != 3*256 {
		t.Errorf("%d prompt tokens computed, %d cached; want %d, %d", s.PromptTokens, s.CachedTokens, 300+3*44, 3*256)
	}
}

// TestPreemption: three long requests in pages for hardly more than one finish
// all the same, the oldest first.
func TestPreemption(t *testing.T) {
	e, dev := hashEngine(t, EngineOptions{Parallel: 3, CachePages: 9})
	var want [][]int32
	for i := range 3 {
		want = append(want, mustGenerate(t, e, greedy(ramp(70*i, 100), 400)))
	}
	g := gate(dev)
	var streams []*Stream
	for i := range 3 {
		streams = append(streams, submit(t, e, greedy(ramp(70*i, 100), 400)))
	}
	close(g)
	for i, s := range streams {
		got := collect(t, s)
		if !slices.Equal(got, want[i]) {
			t.Errorf("request %d: other tokens than alone", i)
		}
	}
	if s := e.Stats(); s.Preemptions == 0 {
		t.Error("nothing was preempted: the test does not test it")
	}
}

// TestDecodingGoesOnDuringPrefill: a request that generates gets a token in
// each step while a long prompt runs, and the prompt is cut to the step's size.
func TestDecodingGoesOnDuringPrefill(t *testing.T) {
	e, dev := hashEngine(t, EngineOptions{Parallel: 2, Chunk: 65})
	var sizes []int
	g := make(chan struct{}, 1)
	dev.forward = func(ids []int32) { sizes = append(sizes, len(ids)); <-g }
	first := submit(t, e, greedy(ramp(0, 10), 100))
	g <- struct{}{}
	if _, err := first.Recv(); err != nil {
		t.Fatal(err)
	}
	second := submit(t, e, greedy(ramp(50, 400), 2))
	close(g)
	for _, err := range second.Tokens() {
		if err != nil {
			t.Fatal(err)
		}
	}
	first.Close()
	e.Close(context.Background())
	mixed := 0
	for _, n := range sizes {
		if n > 65 {
			t.Errorf("a step of %d rows, more than 65", n)
		}
		if n == 65 {
			mixed++
		}
	}
	if mixed < 6 {
		t.Errorf("steps of %v rows: want 6 of 64 for the prompt and one to generate", sizes)
	}
}
