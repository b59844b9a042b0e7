//go:build cuda

package cuda

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"reflect"
)

// Values of CUresult.
const (
	success     = 0
	outOfMemory = 2
	notFound    = 500
)

// Error is a failure that NVIDIA's driver reported.
type Error struct {
	Doing string // what was being done
	Code  int    // CUresult
	Name  string // such as CUDA_ERROR_ILLEGAL_ADDRESS
	Text  string // in the driver's words
	Lost  bool   // the context is of no more use
}

// Error implements error.
func (e *Error) Error() string {
	s := fmt.Sprintf("cuda: %s: %s (%s, CUDA error %d)", e.Doing, e.Text, e.Name, e.Code)
	if hint := hints[e.Code]; hint != "" {
		s += ": " + hint
	}
	return s
}

// newError describes a CUresult.
func newError(doing string, code int) *Error {
	e := &Error{Doing: doing, Code: code, Name: C.GoString(C.ort_cuda_error_name(C.int(code))), Text: C.GoString(C.ort_cuda_error_text(C.int(code)))}
	if e.Name == "" {
		e.Name, e.Text = "unknown", "unknown error"
	}
	_, e.Lost = loses[code]
	return e
}

// check makes an error of a CUresult of the shim, and remembers one that loses the context.
func (d *driver) check(doing string, r C.int) error {
	if r == success {
		return nil
	}
	return d.note(newError(doing, int(r)))
}

// failure makes an error of one of cu's.
func (d *driver) failure(doing string, err error) error { return d.note(newError(doing, code(err))) }

func (d *driver) note(e *Error) error {
	if e.Lost && d.lost == nil {
		d.lost = e
	}
	return e
}

// code is the CUresult in an error of cu, whose type is not exported.
func code(err error) int {
	for err != nil {
		if v := reflect.ValueOf(err); v.Kind() == reflect.Int {
			return int(v.Int())
		}
		err = errors.Unwrap(err)
	}
	return 999 // CUDA_ERROR_UNKNOWN
}

// loses are the errors after which every call on the context fails (CUDA
// driver API, description of CUresult).
var loses = map[int]struct{}{
	4: {}, 201: {}, 214: {}, 220: {}, 226: {}, 700: {}, 702: {}, 709: {}, 710: {}, 714: {}, 715: {}, 716: {}, 717: {}, 718: {}, 719: {}, 721: {}, 909: {}, 910: {}, 999: {},
}

// again is what helps against an error in a kernel.
const again = "the GPU's context is lost, start again; compute-sanitizer shows the kernel at fault"

// hints say what to do about an error.
var hints = map[int]string{
	2:   "another program may hold the memory (nvidia-smi lists them); --gpu-memory, --ctx, --parallel and --kv take less",
	46:  "another program holds the GPU for itself (nvidia-smi -q -d COMPUTE)",
	100: "no GPU is visible; see CUDA_VISIBLE_DEVICES and nvidia-smi",
	101: "CUDA_VISIBLE_DEVICES or --device names a GPU that is not there",
	200: "the driver does not take these kernels: this program may be newer than the driver",
	209: "the kernels were built for other GPUs than this one, which needs compute capability 8.0 or more",
	214: "the GPU's memory has a fault: see nvidia-smi -q -d ECC; the GPU needs a reset",
	218: "the driver is older than the toolkit that compiled the kernels: a newer driver helps",
	222: "the driver is older than the toolkit that compiled the kernels: a newer driver helps",
	500: "the driver is too old: CUDA 12 is needed",
	700: again, 714: again, 715: again, 716: again, 717: again, 718: again, 719: again,
	702: "a kernel ran into the time limit of a GPU that also drives a display",
	802: "the system's fabric manager is not running (nvidia-fabricmanager)",
	803: "driver and kernel module are of different versions: restart the machine",
	804: "the driver does not support this GPU with the CUDA compatibility package installed",
}
