//go:build cuda

package cuda

// #include "shim.h"
import "C"

import (
	"errors"
	"unsafe"

	"orchrt/kernels/gpu"
)

// ring implements gpu.Ring.
type ring struct {
	d     *driver
	r     *C.ort_cuda_ring
	bytes int64 // of a slot
}

// Ring implements gpu.Driver.
func (d *driver) Ring(slots int, bytes int64) (gpu.Ring, error) {
	if d.lost != nil {
		return nil, d.lost
	}
	r := &ring{d: d, bytes: (bytes + 255) &^ 255}
	err := d.check("allocating page-locked memory", C.ort_cuda_ring_open(&r.r, d.shim, C.size_t(slots), C.size_t(r.bytes)))
	if err != nil {
		return nil, err
	}
	d.rings[r] = struct{}{}
	return r, nil
}

// Slot implements gpu.Ring.
func (r *ring) Slot(i int) ([]byte, uint64) {
	return unsafe.Slice((*byte)(C.ort_cuda_ring_host(r.r, C.size_t(i))), r.bytes), uint64(C.ort_cuda_ring_device(r.r, C.size_t(i)))
}

// Wait implements gpu.Ring.
func (r *ring) Wait(i int) error {
	if r.d.lost != nil {
		return r.d.lost
	}
	return r.d.check("waiting for the GPU", C.ort_cuda_ring_wait(r.r, C.size_t(i)))
}

// Send implements gpu.Ring.
func (r *ring) Send(i int, n int64) error {
	if r.d.lost != nil {
		return r.d.lost
	}
	if n < 0 || n > r.bytes {
		panic("cuda: Send beyond the slot")
	}
	return r.d.check("copying to the GPU", C.ort_cuda_ring_send(r.r, C.size_t(i), C.size_t(n)))
}

// Done implements gpu.Ring.
func (r *ring) Done(i int) error {
	if r.d.lost != nil {
		return r.d.lost
	}
	return r.d.check("copying to the GPU", C.ort_cuda_ring_done(r.r, C.size_t(i)))
}

// Close implements gpu.Ring.
func (r *ring) Close() error {
	if r.r == nil {
		return nil
	}
	c := r.r
	r.r = nil
	delete(r.d.rings, r)
	err := r.d.check("freeing page-locked memory", C.ort_cuda_ring_close(c))
	if e := (*Error)(nil); errors.As(err, &e) && e.Lost {
		return r.d.lost
	}
	return err
}
