//go:build cuda

package cuda

// #cgo CFLAGS: -O2 -Wall
// #cgo LDFLAGS: -lcuda -ldl -lpthread
// #include "shim.h"
// #include "libcuda/libcuda.h"
import "C"

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"unsafe"

	"gorgonia.org/cu"

	"orchrt/kernels/gpu"
)

// Built says whether this program was built with CUDA.
const Built = true

// Page-locked memory of a driver: stageSlots buffers of stageBytes. One is for
// reading, the others take turns for writing what steps need, some kilobytes. Weights go through a ring.
const (
	stageSlots = 4
	stageBytes = 4 << 20
)

// driver implements gpu.Driver.
type driver struct {
	device cu.Device
	info   gpu.Info
	ctx    cu.CUContext
	stream cu.Stream
	shim   *C.ort_cuda_shim

	images  map[string]cu.Module // file of kernels → module
	kernels *manifest
	funcs   []function // by gpu.Function

	capturing bool
	profile   *profile // nil: off
	lost      error    // the error after which the context is of no more use
	live      map[uint64]int64
	graphs    map[*graph]struct{}
	rings     map[*ring]struct{}
}

// function is a kernel that was found.
type function struct {
	name   string
	fn     cu.Function
	handle C.uintptr_t
	params int // bytes of its argument structure; 0: the driver does not tell
	shared int // dynamic shared memory that has been allowed
}

var _ gpu.Driver = (*driver)(nil)

// Open makes a context on the GPU of the number given, from 0, in the order
// of CUDA_VISIBLE_DEVICES.
func Open(ordinal int) (gpu.Driver, error) {
	return open(ordinal, images)
}

// open is Open with the kernels of a file system.
func open(ordinal int, kernels fs.FS) (gpu.Driver, error) {
	infos, err := Devices()
	if err != nil {
		return nil, err
	}
	if ordinal < 0 || ordinal >= len(infos) {
		return nil, fmt.Errorf("there is no GPU number %d: this machine has %d, from 0", ordinal, len(infos))
	}
	if err := Usable(infos[ordinal]); err != nil {
		return nil, err
	}
	m, err := readManifest(kernels)
	if err != nil {
		return nil, err
	}
	d := &driver{info: infos[ordinal], kernels: m, images: map[string]cu.Module{}, live: map[uint64]int64{}, graphs: map[*graph]struct{}{}, rings: map[*ring]struct{}{}}
	if err := d.start(ordinal); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// start makes the context, its stream and the buffers.
func (d *driver) start(ordinal int) (err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if d.device, err = cu.GetDevice(ordinal); err != nil {
		return d.failure("finding the GPU", err)
	}
	if d.ctx, err = d.device.MakeContext(cu.SchedAuto); err != nil {
		return d.failure("making a context on "+d.info.Name, err)
	} // it is current on this thread now
	if d.stream, err = cu.MakeStream(cu.NonBlocking); err != nil {
		return d.failure("making a stream", err)
	}
	stream := C.uintptr_t(uintptr(unsafe.Pointer(d.stream.C())))
	return d.check("allocating page-locked memory", C.ort_cuda_open(&d.shim, handle(&d.ctx), stream, stageSlots, stageBytes))
}

// handle is the driver's handle in a type of cu that holds nothing else.
func handle[T cu.CUContext | cu.Function | cu.Event](v *T) C.uintptr_t {
	return C.uintptr_t(*(*uintptr)(unsafe.Pointer(v)))
}

// within runs f, which calls cu, with the context current.
func (d *driver) within(what string, f func() error) error {
	if d.lost != nil {
		return d.lost
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := d.check(what, C.ort_cuda_use(d.shim)); err != nil {
		return err
	}
	if err := f(); err != nil {
		return d.failure(what, err)
	}
	return nil
}

// Info implements gpu.Driver.
func (d *driver) Info() gpu.Info { return d.info }

// Memory implements gpu.Driver.
func (d *driver) Memory() (free, total int64, err error) {
	err = d.within("asking for the free memory", func() (err error) {
		free, total, err = cu.MemInfo()
		return err
	})
	return free, total, err
}

// Alloc implements gpu.Driver.
func (d *driver) Alloc(n int64) (uint64, error) {
	var p cu.DevicePtr
	err := d.within("allocating memory", func() (err error) {
		p, err = cu.MemAlloc(n)
		return err
	})
	if e := (*Error)(nil); errors.As(err, &e) && e.Code == outOfMemory {
		free, total, err := d.Memory()
		if err != nil {
			return 0, err
		}
		return 0, &gpu.OutOfMemoryError{Asked: n, Free: free, Total: total}
	}
	if err != nil {
		return 0, err
	}
	d.live[uint64(p)] = n
	return uint64(p), nil
}

// Free implements gpu.Driver.
func (d *driver) Free(addr uint64) error {
	if _, ok := d.live[addr]; !ok {
		panic("cuda: Free of an address that Alloc did not return")
	}
	delete(d.live, addr)
	return d.within("freeing memory", func() error { return cu.MemFree(cu.DevicePtr(addr)) })
}

// Write implements gpu.Driver.
func (d *driver) Write(dst uint64, src []byte) error {
	if d.lost != nil || len(src) == 0 {
		return d.lost
	}
	if d.capturing {
		return errors.New("cuda: a copy from the host cannot be recorded")
	}
	return d.check("copying to the GPU", C.ort_cuda_write(d.shim, C.uint64_t(dst), unsafe.Pointer(&src[0]), C.size_t(len(src))))
}

// Read implements gpu.Driver.
func (d *driver) Read(dst []byte, src uint64) error {
	if d.lost != nil {
		return d.lost
	}
	if d.capturing {
		return errors.New("cuda: a copy to the host cannot be recorded")
	}
	return d.check("waiting for the GPU", C.ort_cuda_read(d.shim, unsafe.Pointer(unsafe.SliceData(dst)), C.uint64_t(src), C.size_t(len(dst))))
}

// Later implements gpu.Driver.
func (d *driver) Later(src uint64, n int64) (func(dst []byte) error, error) {
	if d.lost != nil {
		return nil, d.lost
	}
	if d.capturing {
		return nil, errors.New("cuda: a copy to the host cannot be recorded")
	}
	if n > stageBytes {
		return nil, fmt.Errorf("cuda: Later of %d bytes, at most %d", n, stageBytes)
	}
	var ticket C.int
	if err := d.check("copying from the GPU", C.ort_cuda_later(d.shim, C.uint64_t(src), C.size_t(n), &ticket)); err != nil {
		return nil, err
	}
	return func(dst []byte) error {
		if d.lost != nil || len(dst) == 0 {
			return d.lost
		}
		return d.check("waiting for the GPU", C.ort_cuda_await(d.shim, ticket, unsafe.Pointer(&dst[0]), C.size_t(min(len(dst), int(n)))))
	}, nil
}

// Copy implements gpu.Driver.
func (d *driver) Copy(dst, src uint64, n int64) error {
	if d.lost != nil || n == 0 {
		return d.lost
	}
	return d.check("copying on the GPU", C.ort_cuda_copy(d.shim, C.uint64_t(dst), C.uint64_t(src), C.size_t(n)))
}

// Zero implements gpu.Driver.
func (d *driver) Zero(dst uint64, n int64) error {
	if d.lost != nil || n == 0 {
		return d.lost
	}
	return d.check("clearing memory", C.ort_cuda_zero(d.shim, C.uint64_t(dst), C.size_t(n)))
}

// Close implements gpu.Driver. It frees all memory of the context, whether it was freed
// before or not.
func (d *driver) Close() error {
	if d.ctx == (cu.CUContext{}) {
		return nil
	}
	for g := range d.graphs {
		g.Close()
	}
	for r := range d.rings {
		r.Close()
	}
	d.profile.close()
	if d.shim != nil {
		C.ort_cuda_close(d.shim)
		d.shim = nil
	}
	err := d.ctx.Destroy() // with its stream, modules and memory
	d.ctx = cu.CUContext{}
	if d.lost != nil {
		return nil // it was reported, and nothing more can be expected of the context
	}
	d.lost = errClosed
	if err != nil {
		return newError("destroying the context", code(err))
	}
	return nil
}

// errClosed is what a driver says after Close.
var errClosed = errors.New("cuda: the driver is closed")
