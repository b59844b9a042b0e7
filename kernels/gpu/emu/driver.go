// Package emu is a gpu.Driver without a GPU, for tests: it compiles the kernels with the C++ compiler and
// runs them on the host, the threads of a block as fibers.
//
// It finds what hardware leaves undefined, and names kernel, block and thread: accesses out of bounds or misaligned, in
// global and in shared memory; reads of shared memory before anything was written
// (it is full of NaNs); races in shared memory; barriers and warp operations that not all reach; asynchronous copies
// that nobody waits for, and those, or products of wgmma, of what was written without a fence; writes before griddep_wait, and reads there of what an earlier launch wrote; launches
// with wrong arguments or geometry; kernels that do not end.
// Blocks run in an order that changes from launch to launch.
//
// It proves nothing about the order of memory between blocks, registers, or speed. Products of wgmma and boxes of
// tensor maps are what the PTX ISA says of them.
package emu

/*
#cgo LDFLAGS: -ldl
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct { const char *name; void *run; uint32_t args, threads, blocks; } ort_kernel;

typedef struct {
	void *(*open)(int threads, int major);
	void (*close)(void *m);
	uint64_t (*alloc)(void *m, int64_t n);
	int (*free)(void *m, uint64_t at);
	int (*holds)(void *m, uint64_t at, int64_t n);
	void (*settle)(void *m);
	int (*count)(void);
	const ort_kernel *(*at)(int i);
	const char *(*launch)(void *m, int kernel, const void *args, uint32_t x, uint32_t y, uint32_t z, int threads, int shared, int overlap, int seconds);
} emu_core;

// Opens the shared object and finds the core's functions; returns an error's text.
static const char *emu_load(const char *path, emu_core *c) {
	void *h = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!h) return dlerror();
	struct { const char *name; void **to; } all[] = {
		{"ort_open", (void **)&c->open}, {"ort_close", (void **)&c->close}, {"ort_alloc", (void **)&c->alloc},
		{"ort_free", (void **)&c->free}, {"ort_holds", (void **)&c->holds}, {"ort_settle", (void **)&c->settle},
		{"ort_kernel_count", (void **)&c->count}, {"ort_kernel_at", (void **)&c->at}, {"ort_launch", (void **)&c->launch},
	};
	for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
		if (!(*all[i].to = dlsym(h, all[i].name))) return all[i].name;
	return 0;
}

static void *emu_open(emu_core *c, int threads, int major) { return c->open(threads, major); }
static void emu_close(emu_core *c, void *m) { c->close(m); }
static uint64_t emu_alloc(emu_core *c, void *m, int64_t n) { return c->alloc(m, n); }
static int emu_free(emu_core *c, void *m, uint64_t at) { return c->free(m, at); }
static int emu_holds(emu_core *c, void *m, uint64_t at, int64_t n) { return c->holds(m, at, n); }
static void emu_settle(emu_core *c, void *m) { c->settle(m); }
static int emu_count(emu_core *c) { return c->count(); }
static const ort_kernel *emu_at(emu_core *c, int i) { return c->at(i); }
static const char *emu_launch(emu_core *c, void *m, int kernel, const void *args, uint32_t x, uint32_t y, uint32_t z, int threads, int shared, int overlap, int seconds) {
	return c->launch(m, kernel, args, x, y, z, threads, shared, overlap, seconds);
}
static void emu_write(uint64_t dst, const void *src, size_t n) { memcpy((void *)dst, src, n); }
static void emu_read(void *dst, uint64_t src, size_t n) { memcpy(dst, (const void *)src, n); }
static void emu_copy(uint64_t dst, uint64_t src, size_t n) { memcpy((void *)dst, (const void *)src, n); }
static void emu_zero(uint64_t dst, size_t n) { memset((void *)dst, 0, n); }
*/
import "C"

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"time"
	"unsafe"

	"orchrt/kernels/gpu"
)

// Options configure a Driver. The zero value is a small GPU of compute capability 9.0.
type Options struct {
	Major, Minor int           // compute capability; 0: 9.0
	SMs          int           // multiprocessors; 0: 4
	Memory       int64         // bytes of memory; 0: 8 GB
	Threads      int           // of the host, that run blocks; 0: 2
	Limit        time.Duration // of processor time that a launch may take, in seconds; 0: 60 s
	Sources      fs.FS         // .cu files at its root; nil: gpu.Sources
}

// Driver emulates one GPU. It implements gpu.Driver.
type Driver struct {
	core    C.emu_core
	machine unsafe.Pointer
	object  string // path of the shared object
	opt     Options
	kernels map[string]int
	list    []Kernel
	live    map[uint64]int64 // allocations
	used    int64
	record  *graph // being recorded
}

// Kernel is a kernel that the sources define.
type Kernel struct {
	Name     string
	Args     int // bytes of its argument structure
	Threads  int // most threads of a block
	Launches int // so far
}

// New compiles the kernels, where that has not been done before, and makes a GPU that runs them.
func New(opt Options) (*Driver, error) {
	opt.Major = first(opt.Major, 9)
	opt.SMs = first(opt.SMs, 4)
	opt.Memory = first(opt.Memory, 8<<30)
	opt.Threads = first(opt.Threads, 2)
	opt.Limit = first(opt.Limit, 60*time.Second)
	if opt.Sources == nil {
		opt.Sources = gpu.Sources
	}
	object, err := Build(opt.Sources)
	if err != nil {
		return nil, err
	}
	d := &Driver{opt: opt, object: object, kernels: map[string]int{}, live: map[uint64]int64{}}
	path := C.CString(object)
	defer C.free(unsafe.Pointer(path))
	if text := C.emu_load(path, &d.core); text != nil {
		return nil, fmt.Errorf("emu: %s: %s", object, C.GoString(text))
	}
	if d.machine = C.emu_open(&d.core, C.int(opt.Threads), C.int(opt.Major)); d.machine == nil {
		return nil, errors.New("emu: no address space for the emulator")
	}
	for i := range int(C.emu_count(&d.core)) {
		k := C.emu_at(&d.core, C.int(i))
		d.list = append(d.list, Kernel{Name: C.GoString(k.name), Args: int(k.args), Threads: int(k.threads)})
		d.kernels[d.list[i].Name] = i
	}
	return d, nil
}

// first is a, or b where a is zero.
func first[T comparable](a, b T) T {
	var zero T
	if a != zero {
		return a
	}
	return b
}

// Info implements gpu.Driver.
func (d *Driver) Info() gpu.Info {
	shared := 227 << 10
	if d.opt.Major < 9 || d.opt.Major > 10 {
		shared = 99 << 10
	}
	return gpu.Info{Name: "emulator", Major: d.opt.Major, Minor: d.opt.Minor, SMs: d.opt.SMs, SharedPerBlock: shared,
		SharedPerSM: shared + 1<<10, L2: 1 << 20, ClockMHz: 1, MemoryMHz: 1, BusBits: 1, DriverVersion: "emulator", Emulated: true}
}

// Memory implements gpu.Driver.
func (d *Driver) Memory() (free, total int64, err error) {
	return d.opt.Memory - d.used, d.opt.Memory, nil
}

// Kernels lists the kernels of the sources, with how often each was launched.
func (d *Driver) Kernels() []Kernel { return append([]Kernel(nil), d.list...) }

// Alloc implements gpu.Driver. The memory is full of 0xff.
func (d *Driver) Alloc(n int64) (uint64, error) {
	if d.record != nil {
		return 0, errors.New("emu: Alloc while recording")
	}
	if n <= 0 {
		return 0, fmt.Errorf("emu: Alloc of %d bytes", n)
	}
	if d.used+n > d.opt.Memory {
		return 0, &gpu.OutOfMemoryError{Asked: n, Free: d.opt.Memory - d.used, Total: d.opt.Memory}
	}
	at := uint64(C.emu_alloc(&d.core, d.machine, C.int64_t(n)))
	if at == 0 {
		return 0, errors.New("emu: the host has no memory left")
	}
	d.live[at] = n
	d.used += n
	return at, nil
}

// Free implements gpu.Driver.
func (d *Driver) Free(at uint64) error {
	n, ok := d.live[at]
	if !ok || d.record != nil {
		return fmt.Errorf("emu: Free of %#x, which is not allocated, or while recording", at)
	}
	C.emu_free(&d.core, d.machine, C.uint64_t(at))
	delete(d.live, at)
	d.used -= n
	return nil
}

// holds is an error unless n bytes at the address lie within one allocation.
func (d *Driver) holds(what string, at uint64, n int64) error {
	if C.emu_holds(&d.core, d.machine, C.uint64_t(at), C.int64_t(n)) == 0 {
		return fmt.Errorf("emu: %s of %d bytes at %#x: not within one allocation", what, n, at)
	}
	return nil
}

// Write implements gpu.Driver.
func (d *Driver) Write(dst uint64, src []byte) error {
	if len(src) == 0 {
		return nil
	}
	if d.record != nil {
		return errors.New("emu: Write while recording")
	}
	if err := d.holds("Write", dst, int64(len(src))); err != nil {
		return err
	}
	C.emu_write(C.uint64_t(dst), unsafe.Pointer(&src[0]), C.size_t(len(src)))
	return nil
}

// Read implements gpu.Driver.
func (d *Driver) Read(dst []byte, src uint64) error {
	if d.record != nil {
		return errors.New("emu: Read while recording")
	}
	C.emu_settle(&d.core, d.machine)
	if len(dst) == 0 {
		return nil
	}
	if err := d.holds("Read", src, int64(len(dst))); err != nil {
		return err
	}
	C.emu_read(unsafe.Pointer(&dst[0]), C.uint64_t(src), C.size_t(len(dst)))
	return nil
}

// Later implements gpu.Driver.
func (d *Driver) Later(src uint64, n int64) (func(dst []byte) error, error) {
	host := make([]byte, n)
	if err := d.Read(host, src); err != nil {
		return nil, err
	}
	return func(dst []byte) error {
		copy(dst, host)
		return nil
	}, nil
}

// ring is a gpu.Ring whose copies are done at once.
type ring struct {
	d     *Driver
	slots []slot
}

// slot is one slot and where it is on its way.
type slot struct {
	host []byte
	dev  uint64
	free bool // it may be filled and sent
}

// Ring implements gpu.Driver. Slots are full of 0xff once they have been copied.
func (d *Driver) Ring(slots int, bytes int64) (gpu.Ring, error) {
	r := &ring{d: d}
	for range slots {
		dev, err := d.Alloc(bytes)
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		r.slots = append(r.slots, slot{host: make([]byte, bytes), dev: dev})
	}
	return r, nil
}

// Slot implements gpu.Ring.
func (r *ring) Slot(i int) ([]byte, uint64) { return r.slots[i].host, r.slots[i].dev }

// Wait implements gpu.Ring.
func (r *ring) Wait(i int) error {
	r.slots[i].free = true
	return nil
}

// Send implements gpu.Ring.
func (r *ring) Send(i int, n int64) error {
	s := &r.slots[i]
	if !s.free {
		return fmt.Errorf("emu: Send of slot %d without Wait", i)
	}
	s.free = false
	err := r.d.Write(s.dev, s.host[:n])
	for k := range s.host {
		s.host[k] = 0xff
	}
	return err
}

// Done implements gpu.Ring.
func (r *ring) Done(int) error { return nil }

// Close implements gpu.Ring.
func (r *ring) Close() error {
	var errs []error
	for _, s := range r.slots {
		errs = append(errs, r.d.Free(s.dev))
	}
	return errors.Join(errs...)
}

// Copy implements gpu.Driver.
func (d *Driver) Copy(dst, src uint64, n int64) error {
	if err := errors.Join(d.holds("Copy to", dst, n), d.holds("Copy from", src, n)); err != nil || n == 0 {
		return err
	}
	if dst < src+uint64(n) && src < dst+uint64(n) {
		return errors.New("emu: Copy between spans that overlap")
	}
	return d.queue(func() error {
		C.emu_copy(C.uint64_t(dst), C.uint64_t(src), C.size_t(n))
		return nil
	})
}

// Zero implements gpu.Driver.
func (d *Driver) Zero(dst uint64, n int64) error {
	if err := d.holds("Zero", dst, n); err != nil || n == 0 {
		return err
	}
	return d.queue(func() error {
		C.emu_zero(C.uint64_t(dst), C.size_t(n))
		return nil
	})
}

// Function implements gpu.Driver.
func (d *Driver) Function(name string) (gpu.Function, error) {
	i, ok := d.kernels[name]
	if !ok {
		return 0, fmt.Errorf("emu: no kernel is named %q", name)
	}
	return gpu.Function(i), nil
}

// Launch implements gpu.Driver. It runs the kernel before it returns.
func (d *Driver) Launch(f gpu.Function, g gpu.Grid, args unsafe.Pointer, size uintptr) error {
	if f < 0 || int(f) >= len(d.list) {
		return fmt.Errorf("emu: no function %d", f)
	}
	k := &d.list[f]
	g.Y, g.Z = max(g.Y, 1), max(g.Z, 1)
	if int(size) != k.Args {
		return fmt.Errorf("emu: kernel %s takes %d bytes of arguments, not %d", k.Name, k.Args, size)
	}
	if g.X <= 0 || g.X > math.MaxInt32 || g.Y > 65535 || g.Z > 65535 {
		return fmt.Errorf("emu: kernel %s: a grid of %d x %d x %d blocks", k.Name, g.X, g.Y, g.Z)
	}
	if g.Threads <= 0 || g.Threads%32 != 0 || g.Threads > k.Threads {
		return fmt.Errorf("emu: kernel %s: blocks of %d threads; they must be whole warps, of at most %d", k.Name, g.Threads, k.Threads)
	}
	if most := d.Info().SharedPerBlock; g.Shared < 0 || g.Shared > most {
		return fmt.Errorf("emu: kernel %s: %d bytes of shared memory; at most %d", k.Name, g.Shared, most)
	}
	if g.Cluster > 1 && (d.opt.Major < 9 || g.Cluster > 8 || g.X%g.Cluster != 0) {
		return fmt.Errorf("emu: kernel %s: clusters of %d of %d blocks, on compute capability %d.%d", k.Name, g.Cluster, g.X, d.opt.Major, d.opt.Minor)
	}
	kept := append([]byte(nil), unsafe.Slice((*byte)(args), size)...)
	return d.queue(func() error { return d.run(int(f), g, kept) })
}

// tensorMark begins a tensor map (tensor_mark in core.h).
const tensorMark = 0x74656e736f722e31

// TensorMap implements gpu.Driver. Its words are the mark, address, rows, columns and rows of a box.
func (d *Driver) TensorMap(m gpu.TensorMatrix) (gpu.TensorMap, error) {
	if d.opt.Major < 9 {
		return gpu.TensorMap{}, fmt.Errorf("emu: tensor maps need compute capability 9.0, this is %d.%d", d.opt.Major, d.opt.Minor)
	}
	if err := m.Check(); err != nil {
		return gpu.TensorMap{}, err
	}
	if err := d.holds("TensorMap", m.Addr, 2*m.Rows*m.Cols); err != nil {
		return gpu.TensorMap{}, err
	}
	return gpu.TensorMap{tensorMark, m.Addr, uint64(m.Rows), uint64(m.Cols), uint64(m.BoxRows)}, nil
}

// run launches kernel i.
func (d *Driver) run(i int, g gpu.Grid, args []byte) error {
	overlap := 0
	if g.Overlap {
		overlap = 1
	}
	d.list[i].Launches++
	a := C.aligned_alloc(64, C.size_t(len(args)+64)&^63) // as a GPU aligns parameters
	defer C.free(a)
	copy(unsafe.Slice((*byte)(a), len(args)), args)
	text := C.emu_launch(&d.core, d.machine, C.int(i), a, C.uint32_t(g.X), C.uint32_t(g.Y), C.uint32_t(g.Z),
		C.int(g.Threads), C.int(g.Shared), C.int(overlap), C.int(math.Ceil(d.opt.Limit.Seconds())))
	if message := C.GoString(text); message != "" {
		return fmt.Errorf("emu: kernel %s, %s", d.list[i].Name, places(d.object, message))
	}
	return nil
}

// graph is a recording.
type graph struct{ steps []func() error }

// Close implements gpu.Graph.
func (g *graph) Close() error { return nil }

// queue runs or records a step.
func (d *Driver) queue(step func() error) error {
	if d.record != nil {
		d.record.steps = append(d.record.steps, step)
		return nil
	}
	return step()
}

// Capture implements gpu.Driver.
func (d *Driver) Capture(queue func() error) (gpu.Graph, error) {
	if d.record != nil {
		return nil, errors.New("emu: Capture within Capture")
	}
	g := &graph{}
	d.record = g
	err := queue()
	d.record = nil
	if err != nil {
		return nil, err
	}
	return g, nil
}

// Replay implements gpu.Driver.
func (d *Driver) Replay(g gpu.Graph) error {
	if d.record != nil {
		return errors.New("emu: Replay while recording")
	}
	for _, step := range g.(*graph).steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// Close implements gpu.Driver.
func (d *Driver) Close() error {
	if d.machine != nil {
		C.emu_close(&d.core, d.machine)
		d.machine = nil
	}
	return nil
}
