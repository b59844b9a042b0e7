package runtime

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"orchrt/runtime/internal/tiny"
	"orchrt/sampler"
)

// TestDeviceError: a failure ends the requests of its step and no others; the
// engine goes on, and what comes after is right.
func TestDeviceError(t *testing.T) {
	e, dev := hashEngine(t, EngineOptions{Parallel: 2, Queue: 8})
	want := mustGenerate(t, e, greedy(ramp(7, 100), 20))
	g := gate(dev)
	broken := errors.New("the device is broken")
	var streams []*Stream
	for i := range 3 {
		streams = append(streams, submit(t, e, greedy(ramp(30*i, 90), 10)))
	}
	// The gate holds the step back until the failure is in place.
	waitFor(t, e, "three requests", func(s Stats) bool { return s.Waiting+s.Running == 3 })
	failures := 1
	dev.fail = func() error {
		if failures == 0 {
			return nil
		}
		failures--
		return broken
	}
	close(g)
	failed := 0
	for i, s := range streams {
		n := 0
		for _, err := range s.Tokens() {
			var device *DeviceError
			if errors.As(err, &device) && errors.Is(err, broken) && strings.Contains(err.Error(), "hash") {
				failed++
			} else if err != nil {
				t.Errorf("request %d: %v", i, err)
			} else {
				n++
			}
		}
		if n != 0 && n != 10 {
			t.Errorf("request %d: %d tokens", i, n)
		}
	}
	if failed == 0 || failed == 3 {
		t.Errorf("%d of 3 requests failed in one step of two", failed)
	}
	if got := mustGenerate(t, e, greedy(ramp(7, 100), 20)); !slices.Equal(got, want) {
		t.Errorf("after the failure %v, before it %v", got, want)
	}
	if s := e.Stats(); s.Failures != 1 || s.Failure != nil {
		t.Errorf("%d failures, the last step %v", s.Failures, s.Failure)
	}
}

// TestDeviceErrorSticks: with a device that stays broken every request ends with its error, those that wait and those
// that come later too, the device's memory is given back, and the engine says so.
func TestDeviceErrorSticks(t *testing.T) {
	e, dev := hashEngine(t, EngineOptions{Parallel: 2, Queue: 8})
	weights := len(e.model.owned)
	g := gate(dev)
	var streams []*Stream
	for i := range 5 {
		streams = append(streams, submit(t, e, greedy(ramp(30*i, 90), 10)))
	}
	waitFor(t, e, "five requests", func(s Stats) bool { return s.Waiting+s.Running == 5 })
	broken := errors.New("gone")
	dev.fail = func() error { return broken }
	select {
	case <-e.Failed():
		t.Error("the engine says that its device failed, before it did")
	default:
	}
	close(g)
	var device *DeviceError
	for i, s := range streams {
		var last error
		for _, err := range s.Tokens() {
			last = err
		}
		if !errors.Is(last, broken) || !errors.As(last, &device) {
			t.Errorf("request %d: %v", i, last)
		}
	}
	<-e.Failed()
	if _, _, err := generate(e, greedy(ramp(0, 10), 5)); !errors.Is(err, broken) || !errors.As(err, &device) {
		t.Errorf("a request that comes later: %v", err)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if s := e.Stats(); !errors.Is(s.Failure, broken) || s.Running+s.Waiting != 0 || s.Failures != 1 {
		t.Errorf("%+v", s)
	}
	if dev.live != weights {
		t.Errorf("%d buffers stay beside the model's %d", dev.live-weights, weights)
	}
}

// TestPanicInDevice: the requests of the step end, others are computed anew.
func TestPanicInDevice(t *testing.T) {
	e, dev := hashEngine(t, EngineOptions{Parallel: 3, Chunk: 64})
	long := greedy(ramp(0, 300), 10)
	want := mustGenerate(t, e, long)
	bad := slices.Repeat([]int32{270}, 40)
	dev.forward = func(ids []int32) {
		if i := slices.Index(ids, 270); i >= 0 && i+4 < len(ids) && ids[i+4] == 270 {
			panic("wrong shape")
		}
	}
	s := submit(t, e, greedy(ramp(1, 300), 100))
	_, _, err := generate(e, greedy(bad, 5))
	var p *PanicError
	if !errors.As(err, &p) || p.Value != "wrong shape" || !strings.Contains(string(p.Stack), "forward") {
		t.Errorf("got %v, want a PanicError with a stack", err)
	}
	for range s.Tokens() { // ends in one way or the other
	}
	if got := mustGenerate(t, e, long); !slices.Equal(got, want) {
		t.Errorf("after the panic %v, before it %v", got, want)
	}
}

// only allows one token, in a given way of going wrong.
type only struct {
	id     int32
	allow  func()
	accept error
}

func (m only) Allowed(bits []uint64) []uint64 {
	if m.allow != nil {
		m.allow()
	}
	clear(bits)
	if m.id >= 0 {
		bits[m.id/64] |= 1 << (m.id % 64)
	}
	return bits
}
func (m only) Accept(int32) error { return m.accept }

// TestOneRequestFails: what goes wrong in a request's own sampling ends it
// alone.
func TestOneRequestFails(t *testing.T) {
	refused := errors.New("refused")
	for _, tt := range []struct {
		name string
		mask sampler.Mask
		ok   func(error) bool
	}{
		{"mask panics", only{1, func() { panic("mask") }, nil}, func(err error) bool {
			var p *PanicError
			return errors.As(err, &p) && p.Value == "mask"
		}},
		{"mask refuses", only{1, nil, refused}, func(err error) bool { return errors.Is(err, refused) }},
		{"mask allows nothing", only{-1, nil, nil}, func(err error) bool { return errors.Is(err, sampler.ErrEmptyMask) }},
		{"mask is right", only{5, nil, nil}, func(err error) bool { return err == nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, _ := hashEngine(t, EngineOptions{Parallel: 2})
			want := mustGenerate(t, e, greedy(ramp(0, 20), 200))
			other := submit(t, e, greedy(ramp(0, 20), 200))
			r := greedy(ramp(9, 20), 4)
			r.Mask = tt.mask
			ids, _, err := generate(e, r)
			if !tt.ok(err) {
				t.Errorf("got %v", err)
			}
			if err == nil && !slices.Equal(ids, []int32{5, 5, 5, 5}) {
				t.Errorf("got %v through the mask", ids)
			}
			got := collect(t, other)
			if !slices.Equal(got, want) {
				t.Error("the other request's tokens changed")
			}
		})
	}
}

// TestBrokenLogits: NaN from the model is an error, not a token.
func TestBrokenLogits(t *testing.T) {
	e, dev := hashEngine(t, EngineOptions{})
	dev.logit = func(row []uint32) { row[3] = math.Float32bits(float32(math.NaN())) }
	var bad *sampler.LogitError
	if _, _, err := generate(e, greedy(ramp(0, 20), 4)); !errors.As(err, &bad) || bad.ID != 3 {
		t.Errorf("got %v, want a LogitError of token 3", err)
	}
}

func TestEnds(t *testing.T) {
	small := tiny.Small()
	tokens := int32(small.Vocab - small.Unused)
	imEnd, endOfText := tokens-1, tokens-3
	e, dev := hashEngine(t, EngineOptions{})
	forced := int32(0)
	dev.logit = func(row []uint32) { row[forced] = math.Float32bits(100) }
	for _, tt := range []struct {
		name   string
		id     int32
		ignore bool
		stops  []int32
		n      int
		finish FinishReason
	}{
		{"im_end", imEnd, false, nil, 1, FinishStop},
		{"endoftext", endOfText, false, nil, 1, FinishStop},
		{"ignored", imEnd, true, nil, 4, FinishLength},
		{"stop id", 9, false, []int32{8, 9}, 1, FinishStop},
		{"stop id though eos is ignored", 9, true, []int32{9}, 1, FinishStop},
		{"neither", 10, false, []int32{9}, 4, FinishLength},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forced = tt.id
			r := greedy(ramp(0, 3), 4)
			r.IgnoreEOS, r.StopIDs = tt.ignore, tt.stops
			ids, finish, err := generate(e, r)
			if err != nil || len(ids) != tt.n || finish != tt.finish || ids[0] != tt.id {
				t.Errorf("got %v, %q, %v; want %d times %d, %q", ids, finish, err, tt.n, tt.id, tt.finish)
			}
		})
	}
}

// TestPaddingIsNeverDrawn: rows of the embedding without a token cannot win,
// whatever the model says.
func TestPaddingIsNeverDrawn(t *testing.T) {
	small := tiny.Small()
	first := small.Vocab - small.Unused
	e, dev := hashEngine(t, EngineOptions{})
	dev.logit = func(row []uint32) {
		for i := first; i < len(row); i++ {
			row[i] = math.Float32bits(50)
		}
	}
	hot := greedy(ramp(0, 5), 300)
	hot.Params.Temperature, hot.Params.Seed = 2, 1
	for _, r := range []Request{greedy(ramp(0, 5), 300), hot} {
		for _, id := range mustGenerate(t, e, r) {
			if int(id) >= first {
				t.Fatalf("token %d was drawn: ids from %d on stand for nothing", id, first)
			}
		}
	}
}

// TestChoices: choices of one request differ, and each is the same again.
func TestChoices(t *testing.T) {
	e, _ := hashEngine(t, EngineOptions{Parallel: 4})
	r := greedy(ramp(0, 200), 30)
	r.Params.Temperature, r.Params.Seed = 1, 42
	var outs [2][3][]int32
	for i := range outs {
		for c := range outs[i] {
			r.Choice = c
			outs[i][c] = mustGenerate(t, e, r)
		}
	}
	for c := range outs[0] {
		if !slices.Equal(outs[0][c], outs[1][c]) {
			t.Errorf("choice %d differs from itself", c)
		}
		if c > 0 && slices.Equal(outs[0][c], outs[0][0]) {
			t.Errorf("choice %d is choice 0", c)
		}
	}
}
