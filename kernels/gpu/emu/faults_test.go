package emu

import (
	"embed"
	"encoding/binary"
	"fmt"
	"io/fs"
	"math"
	"strings"
	"testing"
	"time"
	"unsafe"

	"orchrt/kernels/gpu"
)

//go:embed testdata
var testdata embed.FS

// testSources are the kernels under testdata.
func testSources(t *testing.T) fs.FS {
	t.Helper()
	sub, err := fs.Sub(testdata, "testdata")
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// open makes an emulator of the kernels under testdata.
func open(t *testing.T, opt Options) *Driver {
	t.Helper()
	opt.Sources = testSources(t)
	d, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// faultArgs mirrors FaultArgs.
type faultArgs struct {
	Out, In  uint64
	N, Fault int32
}

// launch runs a kernel by name.
func launch[A any](d *Driver, name string, g gpu.Grid, args A) error {
	f, err := d.Function(name)
	if err != nil {
		return err
	}
	return d.Launch(f, g, unsafe.Pointer(&args), unsafe.Sizeof(args))
}

// floats puts values into new device memory.
func floats(t *testing.T, d *Driver, x []float32) uint64 {
	t.Helper()
	at, err := d.Alloc(int64(4 * len(x)))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := binary.Append(nil, binary.NativeEndian, x)
	if err := d.Write(at, b); err != nil {
		t.Fatal(err)
	}
	return at
}

// values reads n values back.
func values[T any](t *testing.T, d *Driver, at uint64, n int) []T {
	t.Helper()
	x := make([]T, n)
	b := make([]byte, binary.Size(x))
	if err := d.Read(b, at); err != nil {
		t.Fatal(err)
	}
	binary.Decode(b, binary.NativeEndian, x)
	return x
}

// TestFaults runs each kernel of faults.cu with and without its fault.
func TestFaults(t *testing.T) {
	d := open(t, Options{Limit: time.Second})
	for _, c := range []struct {
		kernel string
		fault  int
		want   string // in the error
	}{
		{"barrier", 1, "no barrier lies between"},
		{"warp_barrier", 1, "no barrier lies between"},
		{"reuse", 1, "no barrier lies between"},
		{"wait", 1, "no wait for it"},
		{"wait_deep", 1, "no wait for it"},
		{"bulk", 1, "a copy of thread 0 is under way|without mbar_wait|writes shared memory at offset"},
		{"bulk", 2, "no thread can go on|is under way|writes shared memory at offset"},
		{"bounds", 1, "read of 4 bytes of global memory 0 bytes after the end of an allocation of 256 bytes"},
		{"bounds", 2, "write of 4 bytes of global memory 0 bytes after the end of an allocation of 256 bytes"},
		{"bounds", 3, "read of 4 bytes of global memory 4 bytes before an allocation of 256 bytes"},
		{"bounds", 4, "misaligned|bytes after the end"},
		{"bounds", 5, "0x0|(nil)"},
		{"bounds", 6, "bytes after the end"},
		{"shared_bounds", 1, "write of 4 bytes at offset 256 of shared memory, which has 256"},
		{"shared_bounds", 2, "at offset -4 of shared memory"},
		{"misaligned", 1, "misaligned"},
		{"divergent", 1, "threads 5 to 5 have ended"},
		{"divergent_shuffle", 1, "no thread can go on"},
		{"divergent_shuffle", 2, "while other lanes of the warp wait at"},
		{"forever", 1, "has not ended"},
		{"forever", 2, "has not ended"},
		{"stack", 1, "bytes of stack"},
		{"counter", 1, "the counter holds 3 when the launch has ended"},
		{"counter", 2, "the counter holds 1 when the launch has ended"},
		{"counter", 3, "it was not 0 at first"},
	} {
		t.Run(fmt.Sprintf("%s-%d", c.kernel, c.fault), func(t *testing.T) {
			n, threads := 64, 64
			if strings.HasPrefix(c.kernel, "wait") {
				n = 512
			}
			if c.kernel == "bulk" {
				n, threads = 64, 64
			}
			in, out := floats(t, d, make([]float32, n)), floats(t, d, make([]float32, n))
			shared := 4 * n
			if c.kernel == "bulk" {
				shared += 128
			}
			g := gpu.Grid{X: 3, Threads: threads, Shared: shared}
			if err := launch(d, "fault_"+c.kernel, g, faultArgs{out, in, int32(n), 0}); err != nil {
				t.Fatalf("without the fault: %v", err)
			}
			err := launch(d, "fault_"+c.kernel, g, faultArgs{out, in, int32(n), int32(c.fault)})
			if err == nil {
				t.Fatal("the fault was not found")
			}
			if !strings.Contains(err.Error(), "fault_"+c.kernel) || !strings.Contains(err.Error(), "block (") {
				t.Errorf("the error does not name kernel and block: %v", err)
			}
			for _, w := range strings.Split(c.want, "|") {
				if strings.Contains(err.Error(), w) {
					return
				}
			}
			t.Errorf("got %q, want %q", err, c.want)
		})
	}
}

// TestWrongValues: faults that show in the results alone.
func TestWrongValues(t *testing.T) {
	d := open(t, Options{})
	x := make([]float32, 64)
	for i := range x {
		x[i] = float32(i)
	}
	in, out := floats(t, d, x), floats(t, d, x)
	for fault := range 2 {
		if err := launch(d, "fault_shuffle", gpu.Grid{X: 1, Threads: 64}, faultArgs{out, in, 64, int32(fault)}); err != nil {
			t.Fatal(err)
		}
		for i, v := range values[float32](t, d, out, 64) {
			want := float32(496 + i/32*1024)
			if (v == want) != (fault == 0) {
				t.Fatalf("fault %d: value %d is %v, the warp's sum %v", fault, i, v, want)
			}
		}
		if err := launch(d, "fault_uninitialised", gpu.Grid{X: 2, Threads: 64, Shared: 256}, faultArgs{out, in, 64, int32(fault)}); err != nil {
			t.Fatal(err)
		}
		if v := float64(values[float32](t, d, out, 1)[0]); (v == 1) != (fault == 0) || fault == 1 && !math.IsNaN(v) {
			t.Fatalf("fault %d: uninitialised shared memory reads as %v", fault, v)
		}
	}
}

// TestOverlap: what a kernel may not do before griddep_wait.
func TestOverlap(t *testing.T) {
	d := open(t, Options{})
	in, out := floats(t, d, make([]float32, 64)), floats(t, d, make([]float32, 64))
	g := gpu.Grid{X: 2, Threads: 64, Overlap: true}
	for fault, want := range []string{"", "though the launch before wrote there, at faults.cu:", "write of global memory before griddep_wait", "never calls griddep_wait", "griddep_launch before griddep_wait"} {
		if err := launch(d, "fault_early", gpu.Grid{X: 1, Threads: 64}, faultArgs{in, in, 64, 0}); err != nil {
			t.Fatal(err)
		}
		err := launch(d, "fault_early", g, faultArgs{out, in, 64, int32(fault)})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("fault %d: got %v, want %q", fault, err, want)
		}
	}
	values[float32](t, d, in, 1) // the host has waited: reading early is right now
	if err := launch(d, "fault_early", g, faultArgs{out, in, 64, 1}); err != nil {
		t.Error(err)
	}
}
