package cpu

/*
#cgo CFLAGS: -O3 -std=gnu11 -Wall -Wno-psabi
#cgo LDFLAGS: -lm -lpthread
#include <stdlib.h>
#include <string.h>
#include "ops.h"
*/
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"orchrt/kernels"
)

// Options configure a Device.
type Options struct {
	Threads int    // threads that compute; 0 means one for each processor that Go may use
	Exact   bool   // float32 activations and products for every weight
	ISA     string // "avx512-vnni", "avx2" or "generic"; "" is the best that is here
}

// Device computes on the host's processor. It implements kernels.Device.
type Device struct {
	c     *C.ort_device
	exact bool
	bufs  map[uintptr]allocation // live, by address
	arena *arena                 // where the next small allocation goes; nil: none yet
	used  int64                  // bytes allocated
	err   error
	books map[kernels.Type][]int8
}

var _ kernels.Device = (*Device)(nil)

// allISAs are the instruction sets from the fastest down.
var allISAs = []string{"avx512-vnni", "avx2", "generic"}

// ISAs lists the instruction sets that this machine can use, the best first.
func ISAs() []string {
	var have []string
	for _, isa := range allISAs {
		if hasISA(isa) {
			have = append(have, isa)
		}
	}
	return have
}

func hasISA(isa string) bool {
	s := C.CString(isa)
	defer C.free(unsafe.Pointer(s))
	return C.ort_has_isa(s) != 0
}

// maxThreads bounds Options.Threads: more is a mistake in units, not a wish.
const maxThreads = 1024

// New starts a device. It fails where the machine lacks the instruction set
// asked for, or the threads cannot be started.
func New(opt Options) (*Device, error) {
	if opt.Threads == 0 {
		opt.Threads = runtime.GOMAXPROCS(0)
	}
	if opt.Threads < 0 || opt.Threads > maxThreads {
		return nil, fmt.Errorf("cpu: %d threads: want 1 to %d", opt.Threads, maxThreads)
	}
	if opt.ISA != "" && !hasISA(opt.ISA) {
		return nil, fmt.Errorf("cpu: no instruction set %q on this machine: it has %v", opt.ISA, ISAs())
	}
	isa := C.CString(opt.ISA)
	defer C.free(unsafe.Pointer(isa))
	exact := C.int(0)
	if opt.Exact {
		exact = 1
	}
	c := C.ort_open(C.int(opt.Threads), isa, exact)
	if c == nil {
		return nil, fmt.Errorf("cpu: cannot start %d threads", opt.Threads)
	}
	return &Device{c: c, exact: opt.Exact, bufs: map[uintptr]allocation{}, books: map[kernels.Type][]int8{}}, nil
}

// ISA is the instruction set in use.
func (d *Device) ISA() string { return C.GoString(C.ort_isa(d.c)) }

// Threads is the number of threads that compute.
func (d *Device) Threads() int { return int(C.ort_threads(d.c)) }

// Name implements kernels.Device.
func (d *Device) Name() string {
	exact := ""
	if d.exact {
		exact = ", exact"
	}
	return fmt.Sprintf("cpu (%s, %d threads%s)", d.ISA(), d.Threads(), exact)
}

// Memory returns the bytes that the system could give and those that it has.
func (d *Device) Memory() (free, total int64) { return systemMemory() }

// errClosed is what a device says after Close.
var errClosed = errors.New("cpu: the device is closed")

// Write implements kernels.Device.
func (d *Device) Write(dst kernels.Buf, src []byte) {
	if int64(len(src)) > dst.Size {
		panic("cpu: Write beyond the buffer")
	}
	if len(src) > 0 && d.err == nil {
		C.ort_write(d.c, C.uintptr_t(dst.Addr), unsafe.Pointer(&src[0]), C.int64_t(len(src)))
	}
}

// Read implements kernels.Device.
func (d *Device) Read(dst []byte, src kernels.Buf) error {
	if int64(len(dst)) > src.Size {
		panic("cpu: Read beyond the buffer")
	}
	if d.err == nil && C.ort_wait(d.c) != 0 {
		d.err = errMemory
	}
	if len(dst) > 0 && d.err == nil {
		C.ort_read(d.c, unsafe.Pointer(&dst[0]), C.uintptr_t(src.Addr), C.int64_t(len(dst)))
	}
	return d.err
}

// Close frees all memory and ends the threads.
func (d *Device) Close() error {
	if d.c == nil {
		return nil
	}
	C.ort_wait(d.c)
	d.freeAll()
	C.ort_close(d.c)
	d.c = nil
	d.err = errClosed
	return nil
}
