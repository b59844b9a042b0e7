package gpu

import (
	"errors"
	"fmt"
	"unsafe"

	"orchrt/kernels"
)

// Device computes on a GPU. It implements kernels.Device.
type Device struct {
	drv   Driver
	info  Info
	funcs map[string]Function
	work  map[string]kernels.Buf // working memory of operations, by what it is for
	live  map[uint64]int64       // allocations, address → bytes
	err   error                  // the first failure; sticks
	large LargeKernels

	order     order
	graphs    graphs
	recording bool // a step is being recorded: no memory may be allocated
}

var (
	_ kernels.Recorder = (*Device)(nil)
	_ kernels.Drawer   = (*Device)(nil)
)

// errClosed is what a device says after Close.
var errClosed = errors.New("gpu: the device is closed")

// New makes a device of a driver, which it owns from then on.
func New(drv Driver) (*Device, error) {
	d := &Device{drv: drv, info: drv.Info(), funcs: map[string]Function{},
		work: map[string]kernels.Buf{}, live: map[uint64]int64{}}
	return d, nil
}

// Name implements kernels.Device.
func (d *Device) Name() string {
	return fmt.Sprintf("cuda (%s, compute capability %d.%d)", d.info.Name, d.info.Major, d.info.Minor)
}

// Info describes the GPU.
func (d *Device) Info() Info { return d.info }

// Memory implements kernels.Device.
func (d *Device) Memory() (free, total int64) {
	free, total, err := d.drv.Memory()
	if err != nil {
		d.fail(err)
	}
	return free, total
}

// fail records the first failure.
func (d *Device) fail(err error) {
	if d.err == nil && err != nil {
		d.err = err
	}
}

// ready says whether an operation may run on n rows.
func (d *Device) ready(n int) bool { return d.err == nil && n > 0 }

// Alloc implements kernels.Device.
func (d *Device) Alloc(n int64) (kernels.Buf, error) {
	if n < 0 {
		panic("gpu: Alloc of a negative size")
	}
	if d.err != nil {
		return kernels.Buf{}, d.err
	}
	addr, err := d.drv.Alloc(max(n, 1))
	if err != nil {
		return kernels.Buf{}, err
	}
	if err := d.drv.Zero(addr, max(n, 1)); err != nil {
		d.fail(err)
		return kernels.Buf{}, err
	}
	d.live[addr] = n
	return kernels.Buf{Addr: uintptr(addr), Size: n}, nil
}

// Free implements kernels.Device.
func (d *Device) Free(b kernels.Buf) {
	addr := uint64(b.Addr)
	if _, ok := d.live[addr]; !ok {
		panic("gpu: Free of memory that was not allocated, or not here")
	}
	delete(d.live, addr)
	d.order.forget()
	if err := d.graphs.forget(); err != nil {
		d.fail(err)
	}
	if err := d.drv.Free(addr); err != nil {
		d.fail(err)
	}
}

// Write implements kernels.Device.
func (d *Device) Write(dst kernels.Buf, src []byte) {
	if int64(len(src)) > dst.Size {
		panic("gpu: Write beyond the buffer")
	}
	if len(src) > 0 && d.err == nil {
		d.fail(d.drv.Write(uint64(dst.Addr), src))
	}
}

// Read implements kernels.Device.
func (d *Device) Read(dst []byte, src kernels.Buf) error {
	if int64(len(dst)) > src.Size {
		panic("gpu: Read beyond the buffer")
	}
	if d.err == nil {
		d.fail(d.drv.Read(dst, uint64(src.Addr)))
	}
	return d.err
}

// working returns at least n bytes of working memory for the purpose named. It
// is cleared when it is new, grows, and keeps its address otherwise.
func (d *Device) working(purpose string, n int64) kernels.Buf {
	b := d.work[purpose]
	if b.Size >= n {
		return b
	}
	if d.recording {
		panic("gpu: working memory for " + purpose + " grows while a step is recorded")
	}
	if b.Size > 0 {
		delete(d.work, purpose)
		d.Free(b)
	}
	b, err := d.Alloc(n)
	if err != nil {
		d.fail(fmt.Errorf("gpu: working memory for %s: %w", purpose, err))
		return kernels.Buf{Size: n}
	}
	d.work[purpose] = b
	return b
}

// launch queues the kernel named on arguments of type A, which mirrors its
// argument structure.
func launch[A any](d *Device, name string, g Grid, args A) {
	if d.err != nil {
		return
	}
	f, ok := d.funcs[name]
	if !ok {
		var err error
		if f, err = d.drv.Function(name); err != nil {
			d.fail(err)
			return
		}
		d.funcs[name] = f
	}
	if err := d.drv.Launch(f, g, unsafe.Pointer(&args), unsafe.Sizeof(args)); err != nil {
		d.fail(fmt.Errorf("gpu: %s: %w", name, err))
	}
}

// addr is a buffer's address as kernels take it.
func addr(b kernels.Buf) uint64 { return uint64(b.Addr) }

// Close implements kernels.Device.
func (d *Device) Close() error {
	if d.drv == nil {
		return nil
	}
	err := errors.Join(d.graphs.forget(), d.drv.Close())
	d.drv, d.err = nil, errClosed
	return err
}
