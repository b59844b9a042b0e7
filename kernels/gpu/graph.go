package gpu

import (
	"container/list"
	"errors"

	"orchrt/kernels"
)

// maxGraphs bounds the recorded steps that a device keeps. An instantiated graph of a
// step of 36 layers takes well under a megabyte.
const maxGraphs = 128

// graphs are the steps that a device has seen, the one used last in front.
type graphs struct {
	order list.List // of *step
	byKey map[kernels.StepKey]*list.Element
	off   bool // the driver does not record
}

// step is a shape of steps. The first run allocates working memory and finds
// the kernels; the second is recorded.
type step struct {
	key   kernels.StepKey
	graph Graph // nil: not recorded yet
}

// Step implements kernels.Recorder.
func (d *Device) Step(key kernels.StepKey, ops func()) {
	if d.err != nil {
		return
	}
	s, seen := d.graphs.find(key)
	if !seen || d.graphs.off {
		ops()
		return
	}
	if s.graph == nil && !d.record(s, ops) {
		return
	}
	d.fail(d.drv.Replay(s.graph))
}

// find returns the step of a key, and whether it has run since memory was last freed.
func (g *graphs) find(key kernels.StepKey) (s *step, seen bool) {
	if e, ok := g.byKey[key]; ok {
		g.order.MoveToFront(e)
		return e.Value.(*step), true
	}
	if g.byKey == nil {
		g.byKey = make(map[kernels.StepKey]*list.Element)
	}
	if len(g.byKey) >= maxGraphs {
		g.drop(g.order.Back())
	}
	s = &step{key: key}
	g.byKey[key] = g.order.PushFront(s)
	return s, false
}

// record records ops; false means that they were run instead, or failed.
func (d *Device) record(s *step, ops func()) bool {
	d.recording = true
	g, err := d.drv.Capture(func() error {
		ops()
		return d.err
	})
	d.recording = false
	if err != nil {
		d.fail(err)
		return false
	}
	if g == nil {
		d.graphs.off = true
		ops()
		return false
	}
	s.graph = g
	return true
}

// drop forgets one step.
func (g *graphs) drop(e *list.Element) error {
	s := g.order.Remove(e).(*step)
	delete(g.byKey, s.key)
	if s.graph == nil {
		return nil
	}
	return s.graph.Close()
}

// forget forgets all steps: their graphs hold addresses of memory that goes.
func (g *graphs) forget() error {
	var errs []error
	for g.order.Len() > 0 {
		errs = append(errs, g.drop(g.order.Front()))
	}
	return errors.Join(errs...)
}
