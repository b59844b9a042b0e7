package cpu

/*
#include "cpu.h"
#include "ops.h"
*/
import "C"

import "slices"

const (
	// bandwidthBytes is the least that is read: beyond any cache.
	bandwidthBytes = 1<<30 + 1<<20
	// bandwidthSeconds is how long all ways of reading take together.
	bandwidthSeconds = 0.5
)

// MeasureBandwidth returns the bytes per second that all threads together read
// from main memory, the limit of decoding. Which way of reading is the fastest
// depends on what a processor fetches by itself, so several are measured in turn
// (in sequence, several sequences at once, with software prefetch; read_parts in
// kern.inc) and the best counts. What is read are the packed weights, as in
// decoding; a buffer of its own where they are fewer than bandwidthBytes. No
// operation may run meanwhile. 0 where there is no memory for the buffer.
func (d *Device) MeasureBandwidth() float64 {
	best, _ := d.measureReads()
	return best
}

// measureReads is MeasureBandwidth, with what each way of reading reached.
func (d *Device) measureReads() (best float64, ways [C.ORT_WAYS]float64) {
	base, size := d.packedSpans()
	var total C.int64_t
	for _, n := range size {
		total += n &^ (1<<20 - 1)
	}
	if total < bandwidthBytes {
		p := C.ort_map(bandwidthBytes)
		if p == 0 {
			return 0, ways
		}
		defer C.ort_unmap(p, bandwidthBytes)
		C.ort_fill(p, bandwidthBytes)
		base, size = []C.uintptr_t{p}, []C.int64_t{bandwidthBytes}
	}
	var each [C.ORT_WAYS]C.double
	best = float64(C.ort_read_bandwidth(d.c, &base[0], &size[0], C.int(len(base)), bandwidthSeconds, &each[0]))
	for i, w := range each {
		ways[i] = float64(w)
	}
	return best, ways
}

// packedSpans is where the packed weights lie, in order of their addresses. The
// rest of what is allocated may never have been written, and so be one page of
// zeros, over and over, that a cache holds.
func (d *Device) packedSpans() (base []C.uintptr_t, size []C.int64_t) {
	var at []uintptr
	for p, a := range d.bufs {
		if a.packed {
			at = append(at, p)
		}
	}
	slices.Sort(at)
	for _, p := range at {
		base, size = append(base, C.uintptr_t(p)), append(size, C.int64_t(d.bufs[p].size))
	}
	return base, size
}
