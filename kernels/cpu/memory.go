package cpu

/*
#include "ops.h"
*/
import "C"

import (
	"fmt"

	"orchrt/kernels"
)

// arenaSize is the address space that small allocations share. Matrices that
// lie side by side fill huge pages; each in a mapping of its own would have
// small pages at both ends, where reading in sequence stumbles.
const arenaSize = 256 << 20

// arena is a span of address space from which allocations are cut in order.
// Space is not used twice, so that new memory is always zero.
type arena struct {
	base uintptr
	size int64
	used int64 // bytes cut off
	live int   // allocations not freed
}

// allocation is what Alloc gave out.
type allocation struct {
	from   *arena
	size   int64
	packed bool // a matrix of weights, all of it written
}

// Alloc implements kernels.Device.
func (d *Device) Alloc(n int64) (kernels.Buf, error) {
	if n < 0 {
		panic("cpu: Alloc of a negative size")
	}
	if d.c == nil {
		return kernels.Buf{}, errClosed
	}
	need := (max(n, 1) + 63) &^ 63
	a := d.arena
	if a == nil || need > a.size-a.used {
		size := max(need, arenaSize)
		p := uintptr(C.ort_map(C.int64_t(size)))
		if p == 0 {
			return kernels.Buf{}, fmt.Errorf("cpu: no memory for %d bytes beside the %d in use", n, d.used)
		}
		a = &arena{base: p, size: size}
		if need < arenaSize {
			d.retire()
			d.arena = a
		}
	}
	p := a.base + uintptr(a.used)
	a.used += need
	a.live++
	d.bufs[p] = allocation{from: a, size: n}
	d.used += n
	return kernels.Buf{Addr: p, Size: n}, nil
}

// retire lets go of the current arena, which lives on while allocations do.
func (d *Device) retire() {
	if a := d.arena; a != nil && a.live == 0 {
		C.ort_unmap(C.uintptr_t(a.base), C.int64_t(a.size))
	}
	d.arena = nil
}

// Free implements kernels.Device.
func (d *Device) Free(b kernels.Buf) {
	if b.Addr == 0 {
		return
	}
	m, ok := d.bufs[b.Addr]
	if !ok {
		panic("cpu: Free of memory that Alloc did not return")
	}
	C.ort_wait(d.c) // an operation may still use it
	delete(d.bufs, b.Addr)
	d.used -= m.size
	m.from.live--
	switch {
	case m.from.live > 0:
		C.ort_discard(C.uintptr_t(b.Addr), C.int64_t(m.size))
	case m.from == d.arena:
		d.retire()
	default:
		C.ort_unmap(C.uintptr_t(m.from.base), C.int64_t(m.from.size))
	}
}

// arenas is the set of arenas that are mapped.
func (d *Device) arenas() map[*arena]bool {
	all := map[*arena]bool{}
	for _, m := range d.bufs {
		all[m.from] = true
	}
	if d.arena != nil {
		all[d.arena] = true
	}
	return all
}

// freeAll unmaps everything.
func (d *Device) freeAll() {
	for a := range d.arenas() {
		C.ort_unmap(C.uintptr_t(a.base), C.int64_t(a.size))
	}
	d.bufs, d.arena, d.used = nil, nil, 0
}
