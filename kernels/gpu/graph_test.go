package gpu

import (
	"errors"
	"testing"
	"unsafe"

	"orchrt/kernels"
)

// tapeDriver counts; what is captured is a list of launches.
type tapeDriver struct {
	Driver
	next     uint64
	capture  bool
	tape     int // launches captured
	launched int // launches run, replays included
	replays  int
	open     int // graphs not closed
	none     bool
	fail     error
}

type tape struct {
	d *tapeDriver
	n int
}

func (g *tape) Close() error { g.d.open--; return nil }

func (d *tapeDriver) Info() Info { return Info{} }
func (d *tapeDriver) Alloc(n int64) (uint64, error) {
	d.next += 1 << 20
	return d.next, nil
}
func (d *tapeDriver) Free(uint64) error                 { return nil }
func (d *tapeDriver) Zero(uint64, int64) error          { return nil }
func (d *tapeDriver) Close() error                      { return nil }
func (d *tapeDriver) Function(string) (Function, error) { return 0, nil }
func (d *tapeDriver) Launch(Function, Grid, unsafe.Pointer, uintptr) error {
	if d.capture {
		d.tape++
	} else {
		d.launched++
	}
	return d.fail
}
func (d *tapeDriver) Capture(f func() error) (Graph, error) {
	if d.none {
		return nil, nil
	}
	d.capture, d.tape = true, 0
	err := f()
	d.capture = false
	if err != nil {
		return nil, err
	}
	d.open++
	return &tape{d, d.tape}, nil
}
func (d *tapeDriver) Replay(g Graph) error {
	d.replays++
	d.launched += g.(*tape).n
	return nil
}

func newTape(t *testing.T) (*Device, *tapeDriver) {
	drv := &tapeDriver{}
	d, err := New(drv)
	if err != nil {
		t.Fatal(err)
	}
	return d, drv
}

// A step runs, is recorded, and is repeated, until memory is freed.
func TestStepsAreRecorded(t *testing.T) {
	d, drv := newTape(t)
	buf, err := d.Alloc(64)
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	run := func(rows int) {
		d.Step(kernels.StepKey{Rows: rows}, func() {
			calls++
			launch(d, "a", Grid{}, int64(0))
			launch(d, "b", Grid{}, int64(0))
		})
	}
	for i, want := range []struct{ calls, replays int }{{1, 0}, {2, 1}, {2, 2}, {2, 3}} {
		run(1)
		if calls != want.calls || drv.replays != want.replays || drv.launched != 2*(i+1) {
			t.Errorf("run %d: %d calls, %d replays, %d launches, want %d, %d, %d", i, calls, drv.replays, drv.launched, want.calls, want.replays, 2*(i+1))
		}
	}
	run(2)
	if calls != 3 || drv.open != 1 {
		t.Errorf("another shape: %d calls, %d graphs, want 3 and 1", calls, drv.open)
	}
	d.Free(buf)
	if drv.open != 0 {
		t.Error("a graph outlived memory that it may use")
	}
	run(1)
	if calls != 4 {
		t.Error("a step was repeated after memory was freed")
	}
}

func TestStepsAreForgottenInOrder(t *testing.T) {
	d, drv := newTape(t)
	for range 2 {
		for i := range 3 * maxGraphs {
			d.Step(kernels.StepKey{Rows: i}, func() {})
			d.Step(kernels.StepKey{Rows: i}, func() {})
		}
	}
	if drv.open != maxGraphs {
		t.Errorf("%d graphs are kept, want %d", drv.open, maxGraphs)
	}
	if err := d.Close(); err != nil || drv.open != 0 {
		t.Errorf("after Close: %d graphs, %v", drv.open, err)
	}
}

func TestStepsOfADriverThatDoesNotRecord(t *testing.T) {
	d, drv := newTape(t)
	drv.none = true
	calls := 0
	for range 4 {
		d.Step(kernels.StepKey{}, func() { calls++ })
	}
	if calls != 4 {
		t.Errorf("%d calls, want 4", calls)
	}
}

// A failure while recording sticks, and nothing is repeated afterwards.
func TestStepFails(t *testing.T) {
	d, drv := newTape(t)
	ops := func() { launch(d, "a", Grid{}, int64(0)) }
	d.Step(kernels.StepKey{}, ops)
	drv.fail = errors.New("broken")
	d.Step(kernels.StepKey{}, ops)
	d.Step(kernels.StepKey{}, ops)
	if !errors.Is(d.err, drv.fail) || drv.replays != 0 {
		t.Errorf("error %v, %d replays", d.err, drv.replays)
	}
}

// Working memory cannot move while its address is being recorded.
func TestWorkingMemoryStaysWhileRecorded(t *testing.T) {
	d, _ := newTape(t)
	n := int64(64)
	step := func() { d.Step(kernels.StepKey{}, func() { d.working("test", n) }) }
	step()
	step()
	n = 128
	step() // repeated: not asked for
	defer func() {
		if recover() == nil {
			t.Error("working memory grew while a step was recorded")
		}
	}()
	d.graphs.forget()
	n = 64
	step()
	n = 256
	step()
}
