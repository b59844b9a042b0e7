//go:build cuda

package cuda

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"gorgonia.org/cu"

	"orchrt/kernels/gpu"
)

// freeShared is the dynamic shared memory that a function may use without
// being allowed more.
const freeShared = 48 << 10

// Function implements gpu.Driver.
func (d *driver) Function(name string) (gpu.Function, error) {
	file, ok := d.kernels.file(name)
	if !ok {
		return 0, fmt.Errorf("cuda: no kernel is called %s", name)
	}
	mod, err := d.module(file)
	if err != nil {
		return 0, err
	}
	f := function{name: name, shared: freeShared}
	err = d.within("looking up kernel "+name, func() (err error) {
		f.fn, err = mod.Function(name)
		return err
	})
	if err != nil {
		return 0, err
	}
	f.handle = handle(&f.fn)
	var n C.size_t
	switch r := C.ort_cuda_param_bytes(d.shim, f.handle, &n); r {
	case success:
		f.params = int(n)
	case notFound: // drivers before CUDA 12.4
	default:
		return 0, d.check("asking for the parameters of kernel "+name, r)
	}
	d.funcs = append(d.funcs, f)
	return gpu.Function(len(d.funcs) - 1), nil
}

// module loads the kernels of a file.
func (d *driver) module(file string) (cu.Module, error) {
	if m, ok := d.images[file]; ok {
		return m, nil
	}
	image, err := d.kernels.image(file)
	if err != nil {
		return cu.Module{}, err
	}
	var m cu.Module
	err = d.within("loading the kernels of "+file, func() (err error) {
		m, err = cu.LoadData(string(image))
		return err
	})
	if err == nil {
		d.images[file] = m
	}
	return m, err
}

// Launch implements gpu.Driver.
func (d *driver) Launch(fn gpu.Function, g gpu.Grid, args unsafe.Pointer, size uintptr) error {
	if d.lost != nil {
		return d.lost
	}
	f := &d.funcs[fn]
	if f.params != 0 && f.params != int(size) {
		panic(fmt.Sprintf("cuda: kernel %s takes %d bytes of arguments, not %d", f.name, f.params, size))
	}
	if g.Shared > f.shared {
		if g.Shared > d.info.SharedPerBlock {
			return fmt.Errorf("cuda: kernel %s needs %d bytes of shared memory, a block has %d on %s", f.name, g.Shared, d.info.SharedPerBlock, d.info.Name)
		}
		if err := d.check("allowing shared memory for kernel "+f.name, C.ort_cuda_allow_shared(d.shim, f.handle, C.size_t(g.Shared))); err != nil {
			return err
		}
		f.shared = g.Shared
	}
	grid := C.ort_cuda_grid{x: C.uint32_t(g.X), y: C.uint32_t(max(g.Y, 1)), z: C.uint32_t(max(g.Z, 1)), threads: C.uint32_t(g.Threads),
		shared: C.uint32_t(g.Shared)}
	if d.info.Major >= 9 {
		grid.cluster = C.uint32_t(g.Cluster)
		if g.Overlap && d.profile == nil {
			grid.overlap = 1
		}
	}
	if d.profile != nil {
		return d.timed(f.name, func() error { return d.launch(f, grid, args) })
	}
	return d.launch(f, grid, args)
}

func (d *driver) launch(f *function, grid C.ort_cuda_grid, args unsafe.Pointer) error {
	if r := C.ort_cuda_launch(d.shim, f.handle, grid, args); r != success {
		return d.check("launching kernel "+f.name, r)
	}
	return nil
}

// TensorMap implements gpu.Driver.
func (d *driver) TensorMap(m gpu.TensorMatrix) (t gpu.TensorMap, err error) {
	if d.lost != nil {
		return t, d.lost
	}
	if d.info.Major < 9 {
		return t, fmt.Errorf("cuda: tensor maps need compute capability 9.0, %s has %d.%d", d.info.Name, d.info.Major, d.info.Minor)
	}
	if err := m.Check(); err != nil {
		return t, err
	}
	return t, d.check(fmt.Sprintf("making a tensor map of [%d, %d] at %#x", m.Rows, m.Cols, m.Addr),
		C.ort_cuda_tensor_map(d.shim, C.uint64_t(m.Addr), C.uint64_t(m.Rows), C.uint64_t(m.Cols), C.uint32_t(m.BoxRows), gpu.TensorCols, unsafe.Pointer(&t)))
}

// graph is a recorded step.
type graph struct {
	d    *driver
	exec C.uintptr_t
}

// Capture implements gpu.Driver.
func (d *driver) Capture(queue func() error) (gpu.Graph, error) {
	if d.lost != nil {
		return nil, d.lost
	}
	if d.capturing {
		panic("cuda: Capture within Capture")
	}
	if d.profile != nil {
		return nil, nil
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := d.check("beginning to record", C.ort_cuda_capture_begin(d.shim)); err != nil {
		return nil, err
	}
	d.capturing = true
	drop := C.int(1) // unless queue returns, and without an error
	var err error
	g := &graph{d: d}
	func() {
		defer func() {
			d.capturing = false
			end := d.check("ending a recording", C.ort_cuda_capture_end(d.shim, drop, &g.exec))
			err = errors.Join(err, end)
		}()
		if err = queue(); err == nil {
			drop = 0
		}
	}()
	if err != nil {
		return nil, err
	}
	d.graphs[g] = struct{}{}
	return g, nil
}

// Replay implements gpu.Driver.
func (d *driver) Replay(g gpu.Graph) error {
	if d.lost != nil {
		return d.lost
	}
	return d.check("starting a recorded step", C.ort_cuda_replay(d.shim, g.(*graph).exec))
}

// Close implements gpu.Graph.
func (g *graph) Close() error {
	if g.exec == 0 {
		return nil
	}
	exec := g.exec
	g.exec = 0
	delete(g.d.graphs, g)
	if g.d.lost != nil {
		return nil // it goes with the context
	}
	return g.d.check("freeing a recorded step", C.ort_cuda_free_graph(g.d.shim, exec))
}
