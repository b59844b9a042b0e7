package runtime

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"orchrt/kernels"
	"orchrt/runtime/internal/tiny"
	"orchrt/sampler"
)

// script is a mask that hangs on a seed and on the tokens accepted: sets of all
// three forms, and runs of forced tokens, some of them longer than a page.
type script struct {
	seed  uint32
	vocab int

	state  uint32
	count  int
	queue  []int32 // the run at work
	begun  bool
	asked  int
	shared []uint64
}

var _ sampler.Forcer = (*script)(nil)

// again is r with its script at the beginning.
func again(r Request) Request {
	if m, ok := r.Mask.(*script); ok {
		r.Mask = &script{seed: m.seed, vocab: m.vocab}
	}
	return r
}

func (m *script) start() {
	if !m.begun {
		m.begun, m.state = true, mix(m.seed, 1)
		m.enqueue()
	}
}

// enqueue begins a run, perhaps.
func (m *script) enqueue() {
	n := 0
	switch h := m.state >> 8; {
	case h%29 == 0:
		n = 60 + int(h%90)
	case h%4 == 0:
		n = 1 + int(h%13)
	}
	for i := range n {
		m.queue = append(m.queue, int32(mix(m.state, uint32(i))%250)) // not suppressed, not EOS
	}
}

func (m *script) Allowed(buf []uint64) []uint64 {
	m.start()
	m.asked++
	if len(m.queue) > 0 {
		clear(buf)
		buf[m.queue[0]/64] |= 1 << (m.queue[0] % 64)
		return buf
	}
	switch m.state >> 4 % 3 {
	case 0:
		return nil
	case 1:
		if m.shared == nil {
			m.shared = slices.Repeat([]uint64{0x9249249249249249}, len(buf))
		}
		return m.shared
	}
	for i := range buf {
		buf[i] = 1<<(m.state%64) | uint64(mix(m.state, uint32(i)))
	}
	return buf
}

func (m *script) Accept(id int32) error {
	m.start()
	if len(m.queue) > 0 {
		if id != m.queue[0] {
			return fmt.Errorf("token %d is %d, forced is %d", m.count, id, m.queue[0])
		}
		m.queue = m.queue[1:]
	} else if set := m.Allowed(make([]uint64, (m.vocab+63)/64)); set != nil && set[id/64]>>(id%64)&1 == 0 {
		return fmt.Errorf("token %d, %d, is not allowed", m.count, id)
	}
	m.count++
	m.state = mix(m.state, uint32(id))
	if len(m.queue) == 0 {
		m.enqueue()
	}
	return nil
}

func (m *script) Forced(dst []int32) []int32 {
	m.start()
	return append(dst, m.queue...)
}

// drawAll hides that a mask forces tokens: each of them is drawn.
type drawAll struct{ m sampler.Mask }

func (d drawAll) Allowed(buf []uint64) []uint64 { return d.m.Allowed(buf) }
func (d drawAll) Accept(id int32) error         { return d.m.Accept(id) }

// TestForcedTokensAreTheSame: forcing tokens changes none of them, nor those that
// follow, whatever the seed and the limit.
func TestForcedTokensAreTheSame(t *testing.T) {
	e, _ := hashEngine(t, EngineOptions{Parallel: 3, Chunk: 40})
	count := uint64(0)
	for seed := range uint32(120) {
		r := greedy(ramp(int(seed), 1+int(seed)%90), 1+int(seed*7)%130)
		if seed%2 == 0 {
			r.Params.Temperature, r.Params.Seed, r.Params.PresencePenalty = 1, uint64(seed)+1, 0.5
			r.IgnoreEOS = false
		}
		m := &script{seed: seed, vocab: e.model.tokens}
		r.Mask = drawAll{m}
		want := mustGenerate(t, e, r)

		r.Mask = m
		var got []int32
		for tok, err := range e.Generate(context.Background(), again(r)) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, tok.ID); tok.Forced {
				count++
				if tok.Finish != FinishNone || tok.Started.IsZero() || tok.Drawn.IsZero() {
					t.Errorf("seed %d, forced token %d: %+v", seed, len(got), tok)
				}
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("seed %d: %v, with all tokens drawn %v", seed, got, want)
		}
		r.Params.Logprobs = 1
		for tok, err := range e.Generate(context.Background(), again(r)) {
			if err != nil || tok.Forced || len(tok.Top) != 1 {
				t.Fatalf("seed %d, with log probabilities: %+v, %v", seed, tok, err)
			}
		}
	}
	if count < 1000 {
		t.Errorf("only %d tokens were forced", count)
	}
	waitFor(t, e, "the count of forced tokens", func(s Stats) bool { return s.ForcedTokens == count })
}

// fixed forces given tokens after the first n accepted; all others are free.
type fixed struct {
	n      int
	run    []int32
	count  int
	accept error // of the run's tokens
}

func (m *fixed) Allowed([]uint64) []uint64 { return nil }
func (m *fixed) Accept(int32) error {
	if m.count++; m.count > m.n {
		return m.accept
	}
	return nil
}
func (m *fixed) Forced(dst []int32) []int32 {
	if m.count != m.n {
		return dst
	}
	return append(dst, m.run...)
}

// TestForcedTokensRunTogether looks at the rows of each step.
func TestForcedTokensRunTogether(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after int // tokens drawn before the run
		run   int
		max   int
		chunk int
		rows  []int
	}{
		{"with the token drawn", 2, 5, 10, 100, []int{10, 1, 6, 1, 1}},
		{"with the prompt", 0, 5, 8, 100, []int{15, 1, 1}},
		{"in small chunks", 1, 5, 8, 4, []int{4, 4, 2, 4, 2, 1}},
		{"up to the limit", 2, 50, 10, 100, []int{10, 1, 8}},
		{"up to the limit at once", 0, 50, 10, 100, []int{19}},
		{"longer than a page", 1, 90, 93, 200, []int{10, 91, 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, dev := hashEngine(t, EngineOptions{Chunk: tt.chunk})
			var rows []int
			dev.forward = func(ids []int32) { rows = append(rows, len(ids)) }
			r := greedy(ramp(0, 10), tt.max)
			r.Mask = &fixed{n: tt.after, run: ramp(30, tt.run)}
			var got []int32
			for tok, err := range e.Generate(context.Background(), r) {
				if err != nil {
					t.Fatal(err)
				}
				at := len(got)
				got = append(got, tok.ID)
				if want := at >= tt.after && at < tt.after+tt.run && at < tt.max-1; tok.Forced != want {
					t.Errorf("token %d: forced %v, want %v", at, tok.Forced, want)
				} else if want && tok.ID != int32(30+at-tt.after) {
					t.Errorf("token %d is %d", at, tok.ID)
				}
			}
			if len(got) != tt.max || !slices.Equal(rows, tt.rows) {
				t.Errorf("%d tokens in steps of %v rows; want %d, %v", len(got), rows, tt.max, tt.rows)
			}
		})
	}
}

// TestForcedEnds: an id that ends the generation is never forced but drawn, so
// that it ends it like any other.
func TestForcedEnds(t *testing.T) {
	e, _ := hashEngine(t, EngineOptions{})
	m := &script{seed: 5, vocab: e.model.tokens}
	m.start()
	m.queue = []int32{40, 41, 42, 43}
	r := greedy(ramp(0, 10), 10)
	r.Mask, r.StopIDs = m, []int32{42}
	ids, finish, err := generate(e, r)
	if err != nil || finish != FinishStop || !slices.Equal(ids, []int32{40, 41, 42}) {
		t.Errorf("%v, %v, %v", ids, finish, err)
	}
}

// TestForcerFails: what goes wrong with forced tokens ends the request alone, at
// its submission if they come first.
func TestForcerFails(t *testing.T) {
	refused := errors.New("refused")
	e, _ := hashEngine(t, EngineOptions{Parallel: 2})
	want := mustGenerate(t, e, greedy(ramp(0, 20), 100))
	other := submit(t, e, greedy(ramp(0, 20), 100))
	for _, after := range []int{0, 3} {
		for name, m := range map[string]*fixed{
			"refused":  {n: after, run: []int32{1, 2}, accept: refused},
			"too high": {n: after, run: []int32{1, int32(e.model.tokens)}},
			"negative": {n: after, run: []int32{-1}},
		} {
			r := greedy(ramp(0, 20), 50)
			r.Mask = m
			ids, _, err := generate(e, r)
			if err == nil || len(ids) < after || len(ids) > after+1 {
				t.Errorf("%s after %d: %d tokens, error %v", name, after, len(ids), err)
			}
			if m.accept != nil && !errors.Is(err, refused) || m.accept == nil && !strings.Contains(err.Error(), "the vocabulary has") {
				t.Errorf("%s after %d: error %v", name, after, err)
			}
		}
	}
	r := greedy(ramp(0, 20), 50)
	r.Mask = &panicking{}
	var p *PanicError
	if _, err := e.Submit(context.Background(), r); !errors.As(err, &p) {
		t.Errorf("a mask that panics at once: %v", err)
	}
	if got := collect(t, other); !slices.Equal(got, want) {
		t.Error("another request was disturbed")
	}
}

type panicking struct{ fixed }

func (panicking) Forced([]int32) []int32 { panic("forced") }

// funcMask is a mask of one function.
type funcMask func(buf []uint64) []uint64

func (f funcMask) Allowed(buf []uint64) []uint64 { return f(buf) }
func (f funcMask) Accept(int32) error            { return nil }

// TestMasksWhileTheDeviceRuns: masks are asked after the step is queued and
// before its logits are read, and only those of sequences that draw a token.
func TestMasksWhileTheDeviceRuns(t *testing.T) {
	e, dev := hashEngine(t, EngineOptions{Parallel: 8, Chunk: 16})
	var running atomic.Bool
	dev.forward = func([]int32) { running.Store(true) }
	dev.fail = func() error { running.Store(false); return nil }
	var asked, late atomic.Int32
	var streams []*Stream
	for i := range 8 {
		r := greedy(ramp(i, 50), 20)
		r.Mask = funcMask(func([]uint64) []uint64 {
			asked.Add(1)
			if !running.Load() {
				late.Add(1)
			}
			return nil
		})
		streams = append(streams, submit(t, e, r))
	}
	for _, s := range streams {
		collect(t, s)
	}
	if late.Load() != 0 || asked.Load() != 8*20 {
		t.Errorf("%d of %d masks were asked while nothing ran; want 0 of 160", late.Load(), asked.Load())
	}
}

// TestOneMaskOfManyPanics: it ends one request, whichever goroutine asked it.
func TestOneMaskOfManyPanics(t *testing.T) {
	const n = 32
	m := loadTiny(t, &hashDevice{vocab: tiny.Small().Vocab}, tiny.Small())
	e := startEngine(t, m, EngineOptions{Parallel: n, Chunk: n, Cache: kernels.CacheF32})
	streams := make([]*Stream, n)
	for i := range streams {
		r := greedy(ramp(i, 5), 30)
		left := 10 + i
		r.Mask = funcMask(func([]uint64) []uint64 {
			if left--; left == 0 && i%3 == 0 {
				panic(i)
			}
			return nil
		})
		streams[i] = submit(t, e, r)
	}
	for i, s := range streams {
		count, failed := 0, false
		for _, err := range s.Tokens() {
			var p *PanicError
			if failed = errors.As(err, &p); failed && p.Value != any(i) {
				t.Errorf("request %d: %v", i, err)
			} else if !failed {
				count++
			}
		}
		if want := i%3 == 0 && 10+i <= 30; failed != want || !failed && count != 30 {
			t.Errorf("request %d: failed %v after %d tokens, want %v", i, failed, count, want)
		}
	}
}
