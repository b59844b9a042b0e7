package gpu

import "unsafe"

// Driver is what a Device needs of a GPU. Work is queued on one stream and
// done in order; only Read, Capture and Close wait. A Driver is used by one goroutine
// at a time, on any thread.
type Driver interface {
	Info() Info
	// Memory returns the free and the total bytes of the GPU's memory.
	Memory() (free, total int64, err error)

	// Alloc returns the address of n bytes, aligned to 256. They are not cleared.
	// Where memory lacks, the error is an *OutOfMemoryError.
	Alloc(n int64) (addr uint64, err error)
	Free(addr uint64) error
	// Write queues a copy of src to the device. src may be reused on return.
	Write(dst uint64, src []byte) error
	// Copy queues a copy within the device; the spans do not overlap.
	Copy(dst, src uint64, n int64) error
	// Zero queues clearing n bytes.
	Zero(dst uint64, n int64) error
	// Read waits for all work and copies from the device.
	Read(dst []byte, src uint64) error

	// Later queues a copy of n bytes to the host. The function returned waits for the copy,
	// not for what is queued after it, and copies to dst. Of two calls of Later the first one's function is
	// called first, before a third call.
	Later(src uint64, n int64) (read func(dst []byte) error, err error)

	// Ring makes page-locked memory through which data reaches the device beside the launches.
	Ring(slots int, bytes int64) (Ring, error)

	// Function finds a kernel by the name that ORT_KERNEL gave it.
	Function(name string) (Function, error)
	// Launch queues a kernel. args points at its argument structure of size bytes, which is
	// copied.
	Launch(f Function, g Grid, args unsafe.Pointer, size uintptr) error
	// TensorMap describes a matrix to kernels. The error says what cannot be described, or that the GPU, below
	// compute capability 9.0, knows no tensor maps.
	TensorMap(m TensorMatrix) (TensorMap, error)

	// Capture records what queue launches, copies within the device and clears, without running it. A
	// nil Graph without an error means that the driver does not record.
	Capture(queue func() error) (Graph, error)
	// Replay queues a recorded graph.
	Replay(g Graph) error

	Close() error
}

// Ring is memory in slots: page-locked memory of the host, each with as many bytes of the device. Data is copied from the one
// to the other on a queue of its own, beside the launches. A slot goes through Wait, filling, Send, the launches that
// read it, Done, and again. The methods are the Driver's: one goroutine calls them. Any may fill a slot.
type Ring interface {
	// Slot is slot i: what is filled, and where Send copies it.
	Slot(i int) (host []byte, dev uint64)
	// Wait waits until slot i may be filled.
	Wait(i int) error
	// Send queues the copy of the first n bytes of slot i, behind the launches before its last Done. Launches queued
	// from now on run after it.
	Send(i int, n int64) error
	// Done says that the launches that read slot i have been queued.
	Done(i int) error
	// Close waits for what is queued and frees the memory.
	Close() error
}

// Meter is a Driver that can also measure.
type Meter interface {
	// CopyBandwidth copies within the device's memory and returns the bytes read and
	// written a second.
	CopyBandwidth() (float64, error)
	// Clocks says what the GPU does now.
	Clocks() Clocks
	// Profile turns on and off that every launch is timed. While it is on, launches do not
	// overlap, Capture records nothing and a step takes longer.
	Profile(on bool) error
	// Times returns the time that each kernel took since the last call, that with the most first.
	Times() ([]KernelTime, error)
}

// Clocks is the state of a GPU at one moment; 0: not known.
type Clocks struct {
	SMMHz     int     `json:"sm_mhz"`
	MemoryMHz int     `json:"memory_mhz"`
	Watts     float64 `json:"watts"`
	Celsius   int     `json:"celsius"`
}

// KernelTime is what a kernel's launches took.
type KernelTime struct {
	Name     string  `json:"name"`
	Launches int     `json:"launches"`
	Seconds  float64 `json:"seconds"` // of all launches
}

// Function is a kernel that a Driver has found.
type Function int

// Graph is a recorded sequence of launches.
type Graph interface{ Close() error }

// Grid is the geometry of a launch.
type Grid struct {
	X, Y, Z int  // blocks; 0 counts as 1 for Y and Z
	Threads int  // threads of a block, a multiple of 32
	Shared  int  // bytes of dynamic shared memory
	Overlap bool // may start before the launch before it has ended (see package documentation)
	Cluster int  // blocks of a cluster along X, for compute capability 9.0 on; 0: none
}

// Info describes a GPU.
type Info struct {
	Name           string
	Major, Minor   int   // compute capability
	SMs            int   // multiprocessors
	SharedPerBlock int   // most dynamic shared memory of a block, in bytes
	SharedPerSM    int   // shared memory of a multiprocessor, in bytes
	L2             int64 // bytes of the second-level cache
	ClockMHz       int   // highest clock of the multiprocessors
	MemoryMHz      int   // highest clock of the memory
	BusBits        int   // width of the memory's bus
	DriverVersion  string
	Emulated       bool
}

// Bandwidth is the memory's bandwidth by its specification in bytes a second; 0: not known.
func (i Info) Bandwidth() float64 {
	return 2 * float64(i.MemoryMHz) * 1e6 * float64(i.BusBits) / 8
}

// OutOfMemoryError says that the GPU's memory does not hold an allocation.
type OutOfMemoryError struct {
	Asked, Free, Total int64 // bytes
}
