//go:build cuda

package cuda

import (
	"cmp"
	"maps"
	"slices"

	"gorgonia.org/cu"

	"orchrt/kernels/gpu"
)

var _ gpu.Meter = (*driver)(nil)

// Clocks implements gpu.Meter.
func (d *driver) Clocks() gpu.Clocks {
	c := readClocks(d.device)
	return gpu.Clocks{SMMHz: int(c.sm_mhz), MemoryMHz: int(c.memory_mhz), Watts: float64(c.power_mw) / 1000, Celsius: int(c.celsius)}
}

// Copies of CopyBandwidth: large beside the second-level cache, and long
// beside the time that a launch takes.
const (
	copyBytes = 512 << 20
	copies    = 12
)

// CopyBandwidth implements gpu.Meter. It takes less memory where there is less.
func (d *driver) CopyBandwidth() (float64, error) {
	free, _, err := d.Memory()
	if err != nil {
		return 0, err
	}
	n := max(min(copyBytes, free/4), 1<<20) &^ 255
	buf, err := d.Alloc(2 * n)
	if err != nil {
		return 0, err
	}
	defer d.Free(buf)
	span := newSpan("copies")
	defer span.destroy()
	err = d.within("measuring the bandwidth", func() error {
		if err := span.create(); err != nil {
			return err
		}
		for i := range copies + 2 { // the first two warm up
			if i == 2 {
				if err := span.start.Record(d.stream); err != nil {
					return err
				}
			}
			if err := cu.MemcpyDtoDAsync(cu.DevicePtr(buf+uint64(n)), cu.DevicePtr(buf), n, d.stream); err != nil {
				return err
			}
		}
		return span.end.Record(d.stream)
	})
	if err != nil {
		return 0, err
	}
	seconds, err := d.elapsed(span)
	return 2 * float64(n) * copies / max(seconds, 1e-9), err
}

// span is a pair of events around what is timed.
type span struct {
	name       string
	start, end cu.Event
}

func newSpan(name string) *span { return &span{name: name} }

// create makes the events, with the context current.
func (s *span) create() (err error) {
	if s.start, err = cu.MakeEvent(cu.DefaultEvent); err == nil {
		s.end, err = cu.MakeEvent(cu.DefaultEvent)
	}
	return err
}

// destroy needs no context to be current.
func (s *span) destroy() {
	for _, e := range []*cu.Event{&s.start, &s.end} {
		if *e != (cu.Event{}) {
			cu.DestroyEvent(e)
		}
	}
}

// elapsed waits for the end of a span and returns its seconds.
func (d *driver) elapsed(s *span) (seconds float64, err error) {
	err = d.within("waiting for the GPU", func() error {
		if err := s.end.Synchronize(); err != nil {
			return err
		}
		ms, err := s.start.Elapsed(s.end)
		seconds = ms / 1000
		return err
	})
	return seconds, err
}

// profile times launches. Their events are read and used again when there are
// maxSpans of them, or Times asks.
type profile struct {
	spans []*span // the first used hold launches
	used  int
	times map[string]*gpu.KernelTime
}

const maxSpans = 2048

// Profile implements gpu.Meter.
func (d *driver) Profile(on bool) error {
	if on == (d.profile != nil) {
		return nil
	}
	if on {
		d.profile = &profile{times: map[string]*gpu.KernelTime{}}
		return nil
	}
	d.profile.close()
	d.profile = nil
	return nil
}

// close destroys the events; p may be nil.
func (p *profile) close() {
	if p == nil {
		return
	}
	for _, s := range p.spans {
		s.destroy()
	}
	p.spans, p.used = nil, 0
}

// timed runs launch between two events.
func (d *driver) timed(name string, launch func() error) error {
	p := d.profile
	if p.used == maxSpans {
		if err := d.collect(); err != nil {
			return err
		}
	}
	var s *span
	err := d.within("timing kernel "+name, func() error {
		if p.used == len(p.spans) {
			fresh := newSpan(name)
			p.spans = append(p.spans, fresh)
			if err := fresh.create(); err != nil {
				return err
			}
		}
		s = p.spans[p.used]
		s.name = name
		return s.start.Record(d.stream)
	})
	if err != nil {
		return err
	}
	if err := launch(); err != nil {
		return err
	}
	p.used++
	return d.within("timing kernel "+name, func() error { return s.end.Record(d.stream) })
}

// collect adds up the launches so far.
func (d *driver) collect() error {
	p := d.profile
	for _, s := range p.spans[:p.used] {
		seconds, err := d.elapsed(s)
		if err != nil {
			return err
		}
		t := p.times[s.name]
		if t == nil {
			t = &gpu.KernelTime{Name: s.name}
			p.times[s.name] = t
		}
		t.Launches++
		t.Seconds += seconds
	}
	p.used = 0
	return nil
}

// Times implements gpu.Meter.
func (d *driver) Times() ([]gpu.KernelTime, error) {
	if d.profile == nil {
		return nil, nil
	}
	if err := d.collect(); err != nil {
		return nil, err
	}
	var all []gpu.KernelTime
	for _, name := range slices.Sorted(maps.Keys(d.profile.times)) {
		all = append(all, *d.profile.times[name])
	}
	clear(d.profile.times)
	slices.SortStableFunc(all, func(a, b gpu.KernelTime) int { return cmp.Compare(b.Seconds, a.Seconds) })
	return all, nil
}
