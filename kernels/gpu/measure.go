package gpu

import "errors"

// ErrNoMeter is what a device says that cannot measure, such as the emulator.
var ErrNoMeter = errors.New("gpu: this device does not measure")

// MeasureBandwidth copies within the device's memory and returns the bytes read and
// written a second; 0 where that is not known.
func (d *Device) MeasureBandwidth() float64 {
	m, ok := d.drv.(Meter)
	if !ok || d.err != nil {
		return 0
	}
	b, err := m.CopyBandwidth()
	if e := (*OutOfMemoryError)(nil); errors.As(err, &e) {
		return 0 // nothing is broken
	}
	d.fail(err)
	return b
}

// Clocks says what the GPU does now.
func (d *Device) Clocks() Clocks {
	if m, ok := d.drv.(Meter); ok && d.err == nil {
		return m.Clocks()
	}
	return Clocks{}
}

// Profile turns on and off that every launch is timed, for Times. Steps are
// then not recorded, and take longer.
func (d *Device) Profile(on bool) error {
	m, ok := d.drv.(Meter)
	if !ok {
		return ErrNoMeter
	}
	if d.err == nil {
		d.fail(errors.Join(d.graphs.forget(), m.Profile(on)))
		d.graphs.off = on
	}
	return d.err
}

// Times returns the time that each kernel took since the last call, that with
// the most first.
func (d *Device) Times() ([]KernelTime, error) {
	m, ok := d.drv.(Meter)
	if !ok {
		return nil, ErrNoMeter
	}
	if d.err != nil {
		return nil, d.err
	}
	t, err := m.Times()
	d.fail(err)
	return t, err
}
