package runtime

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"orchrt/kernels"
	"orchrt/runtime/internal/tiny"
	"orchrt/sampler"
)

// loadTiny loads a tiny model for the length of a test.
func loadTiny(t testing.TB, dev kernels.Device, m tiny.Model) *Model {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	if err := m.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	return loadFile(t, dev, path, 0)
}

// startEngine starts an engine that is closed and checked at the test's end.
func startEngine(t testing.TB, m *Model, opt EngineOptions) *Engine {
	t.Helper()
	e, err := NewEngine(m, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopEngine(t, e) })
	return e
}

// stopEngine closes an engine and checks that nothing is left over.
func stopEngine(t testing.TB, e *Engine) {
	t.Helper()
	if err := e.Close(context.Background()); err != nil {
		t.Errorf("Close: %v", err)
	}
	if n := len(e.places); n != 0 {
		t.Errorf("%d places still taken", n)
	}
	if err := e.pool.check(); err != nil {
		t.Error(err)
	}
	if e.pool.held != 0 {
		t.Errorf("%d pages still held", e.pool.held)
	}
}

// hashEngine is an engine over hashDevice.
func hashEngine(t testing.TB, opt EngineOptions) (*Engine, *hashDevice) {
	t.Helper()
	small := tiny.Small()
	dev := &hashDevice{vocab: small.Vocab}
	opt.Cache = kernels.CacheF32
	return startEngine(t, loadTiny(t, dev, small), opt), dev
}

// generate runs a request to its end.
func generate(e *Engine, r Request) (ids []int32, finish FinishReason, err error) {
	for tok, err := range e.Generate(context.Background(), r) {
		if err != nil {
			return ids, finish, err
		}
		ids = append(ids, tok.ID)
		finish = tok.Finish
	}
	return ids, finish, nil
}

func mustGenerate(t testing.TB, e *Engine, r Request) []int32 {
	t.Helper()
	ids, finish, err := generate(e, r)
	if err != nil {
		t.Fatal(err)
	}
	if finish == FinishNone {
		t.Fatalf("%d tokens came without an end", len(ids))
	}
	return ids
}

// greedy is a plain request.
func greedy(prompt []int32, n int) Request {
	return Request{Prompt: prompt, MaxTokens: n, Params: sampler.Greedy(), IgnoreEOS: true}
}

// submit hands in a request that must be taken.
func submit(t testing.TB, e *Engine, r Request) *Stream {
	t.Helper()
	s, err := e.Submit(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// collect reads a stream that must end well.
func collect(t testing.TB, s *Stream) (ids []int32) {
	t.Helper()
	for tok, err := range s.Tokens() {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, tok.ID)
	}
	return ids
}

// ramp is a prompt of n tokens that starts with first.
func ramp(first, n int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = int32((first + i) % 256)
	}
	return ids
}

func TestAdmission(t *testing.T) {
	e, dev := hashEngine(t, EngineOptions{Context: 100})
	ran := false
	dev.forward = func([]int32) { ran = true }
	hot := greedy(ramp(0, 3), 1)
	hot.Params.Temperature = 9
	stop := greedy(ramp(0, 3), 1)
	stop.StopIDs = []int32{1, -2}
	for _, tt := range []struct {
		name, field string
		r           Request
		value       int
	}{
		{"no prompt", "prompt", greedy(nil, 1), 0},
		{"long prompt", "prompt", greedy(ramp(0, 100), 1), 100},
		{"negative id", "prompt", greedy([]int32{1, -1}, 1), -1},
		{"id beyond the vocabulary", "prompt", greedy([]int32{288}, 1), 288},
		{"too many tokens", "max_tokens", greedy(ramp(0, 10), 91), 91},
		{"huge max_tokens", "max_tokens", greedy(ramp(0, 10), 1<<40), 1 << 40},
		{"negative max_tokens", "max_tokens", greedy(ramp(0, 10), -1), -1},
		{"stop id", "stop_token_ids", stop, -2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := e.Submit(context.Background(), tt.r)
			var limit *LimitError
			if !errors.As(err, &limit) || limit.Field != tt.field || limit.Value != tt.value || limit.Reason == "" {
				t.Errorf("got %#v, want a LimitError of %s with the value %d", err, tt.field, tt.value)
			}
		})
	}
	var param *sampler.ParamError
	if _, err := e.Submit(context.Background(), hot); !errors.As(err, &param) || param.Field != "temperature" {
		t.Errorf("temperature 9: %v", err)
	}
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Submit(cancelled, greedy(ramp(0, 3), 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled before: %v", err)
	}
	if ran {
		t.Error("a request that was refused reached the device")
	}
	if got := len(mustGenerate(t, e, greedy(ramp(0, 10), 0))); got != 90 {
		t.Errorf("%d tokens without max_tokens, want 90", got)
	}
	if got := len(mustGenerate(t, e, greedy(ramp(0, 99), 1))); got != 1 {
		t.Errorf("%d tokens after the longest prompt, want 1", got)
	}
}

// gate holds a device between steps: each receive from it lets one step run.
func gate(dev *hashDevice) chan struct{} {
	g := make(chan struct{})
	dev.forward = func([]int32) { <-g }
	return g
}

func TestQueueIsBounded(t *testing.T) {
	e, dev := hashEngine(t, EngineOptions{Parallel: 1, Queue: 2})
	g := gate(dev)
	var streams []*Stream
	for i := range 3 {
		streams = append(streams, submit(t, e, greedy(ramp(i, 5), 2)))
	}
	if _, err := e.Submit(context.Background(), greedy(ramp(3, 5), 2)); !errors.Is(err, ErrBusy) {
		t.Errorf("the fourth request: %v, want ErrBusy", err)
	}
	close(g)
	for _, s := range streams {
		for _, err := range s.Tokens() {
			if err != nil {
				t.Error(err)
			}
		}
	}
	if got := mustGenerate(t, e, greedy(ramp(3, 5), 2)); len(got) != 2 {
		t.Errorf("%d tokens after the queue was empty again", len(got))
	}
}

// TestOrderOfArrival: with one place, requests are served one after the other,
// the first first.
func TestOrderOfArrival(t *testing.T) {
	e, dev := hashEngine(t, EngineOptions{Parallel: 1})
	var order []int32
	dev.forward = func(ids []int32) {
		if len(ids) > 1 {
			order = append(order, ids[0])
		}
	}
	var streams []*Stream
	for i := range 10 {
		streams = append(streams, submit(t, e, greedy(ramp(10*i, 3), 4)))
	}
	for _, s := range streams {
		for range s.Tokens() {
		}
	}
	if err := e.Close(context.Background()); err != nil { // order is the engine's until then
		t.Fatal(err)
	}
	if !slices.IsSorted(order) || len(order) != 10 {
		t.Errorf("prompts ran in the order %v", order)
	}
}

// TestReaderDoesNotHoldUpOthers: a stream that nobody reads delays nobody, and
// its tokens are all there when it is read at last.
func TestReaderDoesNotHoldUpOthers(t *testing.T) {
	e, _ := hashEngine(t, EngineOptions{Parallel: 2})
	want := mustGenerate(t, e, greedy(ramp(1, 5), 400))
	slow := submit(t, e, greedy(ramp(1, 5), 400))
	for i := range 20 {
		mustGenerate(t, e, greedy(ramp(i, 9), 30))
	}
	got := collect(t, slow)
	if !slices.Equal(got, want) {
		t.Errorf("the slow reader got %d tokens, want the %d of a quick one", len(got), len(want))
	}
}

// waitFor polls until a condition of the engine's state holds.
func waitFor(t *testing.T, e *Engine, what string, ok func(Stats) bool) {
	t.Helper()
	for range 5000 {
		if ok(e.Stats()) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("%s: never came: %+v", what, e.Stats())
}

func TestCancel(t *testing.T) {
	e, dev := hashEngine(t, EngineOptions{Parallel: 1})
	g := gate(dev)
	ctx, cancel := context.WithCancelCause(context.Background())
	running, err := e.Submit(ctx, greedy(ramp(0, 70), 400))
	if err != nil {
		t.Fatal(err)
	}
	waiting, err := e.Submit(ctx, greedy(ramp(1, 70), 400))
	if err != nil {
		t.Fatal(err)
	}
	other := submit(t, e, greedy(ramp(2, 5), 3))
	g <- struct{}{}
	g <- struct{}{}
	if _, err := running.Recv(); err != nil {
		t.Fatal(err)
	}
	gone := errors.New("the client has gone")
	cancel(gone)
	close(g)
	for name, s := range map[string]*Stream{"running": running, "waiting": waiting} {
		var last error
		for _, err := range s.Tokens() {
			last = err
		}
		if !errors.Is(last, gone) {
			t.Errorf("%s: ended with %v, want %v", name, last, gone)
		}
	}
	n := 0
	for _, err := range other.Tokens() {
		if err != nil {
			t.Error(err)
		}
		n++
	}
	if n != 3 {
		t.Errorf("the other request got %d tokens, want 3", n)
	}
	waitFor(t, e, "pages of the cancelled", func(s Stats) bool { return s.PagesUsed == 0 && s.Running+s.Waiting == 0 })
}

// TestCancelWithinStep: a step goes on while anyone in it waits for it.
func TestCancelWithinStep(t *testing.T) {
	for want, company := range map[int]bool{1: false, 2: true} { // of two layers
		e, dev := hashEngine(t, EngineOptions{Parallel: 2})
		ctx, cancel := context.WithCancel(context.Background())
		steps, cancelled, layers := 0, 0, 0
		dev.forward = func([]int32) {
			time.Sleep(100 * time.Microsecond)
			steps++
		}
		dev.layer = func() {
			if steps == 50 { // by then everyone generates
				cancel()
				cancelled = steps
			}
			if steps == cancelled {
				layers++
			}
		}
		gone, err := e.Submit(ctx, greedy(ramp(0, 70), 400))
		if err != nil {
			t.Fatal(err)
		}
		if company {
			other := submit(t, e, greedy(ramp(9, 70), 400))
			defer other.Close()
		}
		for _, err := range gone.Tokens() {
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		}
		e.Close(context.Background())
		if layers != want {
			t.Errorf("%d layers ran after the caller had gone (company: %v), want %d", layers, company, want)
		}
	}
}

func TestClose(t *testing.T) {
	t.Run("drains", func(t *testing.T) {
		e, _ := hashEngine(t, EngineOptions{Parallel: 1})
		var streams []*Stream
		for i := range 5 {
			streams = append(streams, submit(t, e, greedy(ramp(i, 5), 50)))
		}
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
		for _, s := range streams {
			n := 0
			for _, err := range s.Tokens() {
				if err != nil {
					t.Error(err)
				}
				n++
			}
			if n != 50 {
				t.Errorf("%d tokens, want 50", n)
			}
		}
		if _, err := e.Submit(context.Background(), greedy(ramp(0, 5), 5)); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v, want ErrClosed", err)
		}
	})
	t.Run("deadline", func(t *testing.T) {
		e, dev := hashEngine(t, EngineOptions{Parallel: 1})
		dev.forward = func([]int32) { time.Sleep(time.Millisecond) }
		s := submit(t, e, greedy(ramp(0, 5), 500))
		queued := submit(t, e, greedy(ramp(1, 5), 500))
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
		defer cancel()
		if err := e.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v, want the deadline's error", err)
		}
		for _, s := range []*Stream{s, queued} {
			var last error
			for _, err := range s.Tokens() {
				last = err
			}
			if !errors.Is(last, ErrClosed) {
				t.Errorf("ended with %v, want ErrClosed", last)
			}
		}
	})
}

// TestTimes: a token says when its request left the queue and when it was
// drawn. A preempted request keeps its first beginning.
func TestTimes(t *testing.T) {
	e, dev := hashEngine(t, EngineOptions{Parallel: 1})
	g := gate(dev)
	begin := time.Now()
	var streams []*Stream
	for i := range 2 {
		streams = append(streams, submit(t, e, greedy(ramp(i, 5), 3)))
	}
	close(g)
	last := begin
	for i, s := range streams {
		var started time.Time
		for tok, err := range s.Tokens() {
			if err != nil {
				t.Fatal(err)
			}
			if started.IsZero() {
				started = tok.Started
				if started.Before(last) { // the second waits for the end of the first
					t.Errorf("request %d started %v before the one ahead of it ended", i, last.Sub(started))
				}
			}
			if tok.Started != started || tok.Drawn.Before(started) || tok.Drawn.Before(last) {
				t.Errorf("request %d: started %v, now %v; drawn at %v after %v", i, started, tok.Started, tok.Drawn, last)
			}
			last = tok.Drawn
		}
	}
}

// The cache takes the share of the memory that weights and activations leave, and
// an error says what is missing where that is less than one sequence needs.
func TestMemoryShare(t *testing.T) {
	small := tiny.Small()
	dev := &hashDevice{vocab: small.Vocab, total: 64 << 20}
	m := loadTiny(t, dev, small)
	opt := EngineOptions{Parallel: 2, MemoryShare: 0.5, Cache: kernels.CacheF32}
	e := startEngine(t, m, opt)
	got := e.Options()
	stopEngine(t, e)
	took := int64(got.CachePages)*m.pageBytes(got.Cache) + m.workBytes(got)
	if room := int64(32 << 20); took > room || room-took >= m.pageBytes(got.Cache) {
		t.Errorf("%d pages take %d bytes with the rest, want as many as fit %d", got.CachePages, took, room)
	}
	opt.MemoryShare = 0.001
	if _, err := NewEngine(m, opt); err == nil || !strings.Contains(err.Error(), "too few") {
		t.Errorf("no room: %v", err)
	}
	opt.MemoryShare = 1.5
	if _, err := NewEngine(m, opt); err == nil || !strings.Contains(err.Error(), "1.5") {
		t.Errorf("a share above 1: %v", err)
	}
}

// TestMemoryIsChecked: what sequences need for their logits counts as well as
// the cache does.
func TestMemoryIsChecked(t *testing.T) {
	small := tiny.Small()
	dev := &hashDevice{vocab: small.Vocab}
	m := loadTiny(t, dev, small)
	live := dev.live
	dev.total = 64 << 20
	for _, opt := range []EngineOptions{{Parallel: 60000, CachePages: 64}, {CachePages: 1 << 20}} {
		if _, err := NewEngine(m, opt); err == nil || !strings.Contains(err.Error(), "free") {
			t.Errorf("%+v: %v, want an error about memory", opt, err)
		}
	}
	if dev.live != live {
		t.Errorf("%d buffers are left over", dev.live-live)
	}
	stopEngine(t, startEngine(t, m, EngineOptions{}))
}
