//go:build cuda

package cuda

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"unsafe"

	"orchrt/kernels/gpu"
)

func TestWithoutDriver(t *testing.T) {
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "libcuda.so.1"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := report(t, "LD_LIBRARY_PATH="+broken); !strings.HasPrefix(got, "0 devices, there is no NVIDIA driver (") {
		t.Errorf("without a driver: %s", got)
	}
	if got := report(t, "FAKE_INIT=803"); got != "0 devices, the NVIDIA driver does not start: the fake fails (CUDA error 803)\n" {
		t.Errorf("with a driver that does not start: %s", got)
	}
	if got := report(t, "FAKE_COUNT=0"); got != "0 devices, the NVIDIA driver shows no GPU (see CUDA_VISIBLE_DEVICES)\n" {
		t.Errorf("with a driver without a GPU: %s", got)
	}
	if got := report(t, "FAKE_COUNT=2"); got != "2 devices, <nil>\n" {
		t.Errorf("with two GPUs: %s", got)
	}
}

// TestLoadsLate: programs that use no GPU must not load the driver.
func TestLoadsLate(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	report(t, "FAKE_LOG="+log)
	if b, err := os.ReadFile(log); err != nil || !strings.HasPrefix(string(b), "cuInit 0\ncuDeviceGetCount") {
		t.Errorf("log of a program that counts the GPUs: %v\n%s", err, b)
	}
}

func TestDevices(t *testing.T) {
	infos, err := Devices()
	if err != nil || len(infos) != 1 {
		t.Fatal(infos, err)
	}
	want := gpu.Info{Name: "Fake GPU", Major: 9, SMs: 132, SharedPerBlock: 232448, SharedPerSM: 233472, L2: 60 << 20,
		ClockMHz: 1980, MemoryMHz: 3201, BusBits: 6144, DriverVersion: infos[0].DriverVersion}
	if infos[0] != want {
		t.Errorf("got %+v, want %+v", infos[0], want)
	}
	if !strings.HasSuffix(want.DriverVersion, "CUDA 13.0") {
		t.Errorf("version of the driver: %q", want.DriverVersion)
	}
	if b := infos[0].Bandwidth() / 1e12; b < 4.9 || b > 4.93 {
		t.Errorf("bandwidth %v TB/s", b)
	}
}

func TestOpenRefuses(t *testing.T) {
	kernels := fakeKernels(t)
	stale := fstest.MapFS{"images/manifest.json": {Data: []byte(`{"sources": "1234"}`)}}
	for _, c := range []struct {
		env, value string
		ordinal    int
		kernels    fstest.MapFS
		want       string
	}{
		{"", "", 1, kernels.(fstest.MapFS), "there is no GPU number 1: this machine has 1"},
		{"", "", -1, kernels.(fstest.MapFS), "there is no GPU number -1"},
		{"", "", 0, fstest.MapFS{}, "make cuda"},
		{"", "", 0, stale, "compiled from other sources"},
		{"FAKE_MAJOR", "7", 0, kernels.(fstest.MapFS), "compute capability 7.0"},
		{"FAKE_FAIL", "cuCtxCreate_v2:46:1", 0, kernels.(fstest.MapFS), "another program holds the GPU"},
		{"FAKE_FAIL", "cuStreamCreate:2:1", 0, kernels.(fstest.MapFS), "making a stream"},
		{"FAKE_FAIL", "cuMemHostAlloc:2:3", 0, kernels.(fstest.MapFS), "page-locked"},
		{"FAKE_FAIL", "cuEventCreate:2:2", 0, kernels.(fstest.MapFS), "page-locked"},
	} {
		log := filepath.Join(t.TempDir(), "log")
		t.Setenv("FAKE_LOG", log)
		if c.env != "" {
			t.Setenv(c.env, c.value)
		}
		drv, err := open(c.ordinal, c.kernels)
		if err == nil || !strings.Contains(err.Error(), c.want) || drv != nil {
			t.Errorf("%s=%s: got %v, %v; want %q", c.env, c.value, drv, err, c.want)
		}
		if b, _ := os.ReadFile(log); bytes.Count(b, []byte("cuCtxCreate_v2")) != bytes.Count(b, []byte("cuCtxDestroy_v2")) && !strings.HasPrefix(c.value, "cuCtxCreate") {
			t.Errorf("%s=%s: the context stays", c.env, c.value)
		}
		if c.env != "" {
			os.Unsetenv(c.env)
		}
	}
}

// TestCopies writes more than the page-locked buffers hold, in pieces of all
// sizes, and changes each piece at once: the fake copies late.
func TestCopies(t *testing.T) {
	f := openFake(t)
	defer f.close()
	const n = 3*stageSlots*stageBytes + 12345
	buf, other := f.alloc(n), f.alloc(n)
	r := rand.New(rand.NewPCG(1, 2))
	want := make([]byte, n)
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(want[i:min(i+8, n)], r.Uint64())
		if i+16 > n {
			break
		}
	}
	scratch := make([]byte, 2*stageBytes)
	for at := 0; at < n; {
		size := min(1+r.IntN([]int{8, 100, 70000, 2 * stageBytes}[r.IntN(4)]), n-at)
		piece := scratch[:size]
		copy(piece, want[at:])
		f.must(f.Write(buf+uint64(at), piece))
		clear(piece)
		at += size
	}
	f.must(f.Copy(other, buf, n))
	f.must(f.Zero(buf, 1000))
	got := make([]byte, n)
	f.must(f.Read(got, other))
	if !bytes.Equal(got, want) {
		t.Error("what was written and copied is not what is read")
	}
	f.must(f.Read(got, buf))
	if clear(want[:1000]); !bytes.Equal(got, want) {
		t.Error("clearing 1000 bytes")
	}
	f.must(errors.Join(f.Write(buf, nil), f.Copy(buf, other, 0), f.Zero(buf, 0), f.Read(nil, buf)))
	f.must(errors.Join(f.Free(buf), f.Free(other)))
}

// TestRing sends more through a ring than it holds. The fake copies late and only what is waited for, so that an
// event that is missing shows: of the copy before the launch, of the launch before the next copy, of the copy before the filling.
func TestRing(t *testing.T) {
	f := openFake(t)
	defer f.close()
	const slots, size, spans = 3, 1000, 50
	r, err := f.Ring(slots, size)
	f.must(err)
	dst := f.alloc(spans * size)
	random := rand.New(rand.NewPCG(3, 4))
	var want []byte
	for i := range spans {
		slot := i % slots
		f.must(r.Wait(slot))
		host, dev := r.Slot(slot)
		for k := range host {
			host[k] = byte(random.Uint32())
		}
		n := 1 + random.IntN(size)
		f.must(errors.Join(r.Send(slot, int64(n)), f.Copy(dst+uint64(len(want)), dev, int64(n)), r.Done(slot)))
		want = append(want, host[:n]...)
	}
	got := make([]byte, len(want))
	if f.must(f.Read(got, dst)); !bytes.Equal(got, want) {
		t.Error("what went through the ring is not what arrived")
	}
	f.must(errors.Join(r.Close(), r.Close(), f.Free(dst)))
	if n := f.calls("cuStreamDestroy_v2"); len(n) != 1 {
		t.Errorf("%d streams were destroyed", len(n))
	}
	for _, fail := range []string{"cuStreamCreate:2:1", "cuMemHostAlloc:2:1", "cuMemAlloc_v2:2:1", "cuEventCreate:2:4"} {
		t.Setenv("FAKE_FAIL", fail)
		if r, err := f.Ring(slots, size); r != nil || err == nil || !strings.Contains(err.Error(), "page-locked") {
			t.Errorf("%s: %v, %v", fail, r, err)
		}
	}
	os.Unsetenv("FAKE_FAIL")
	_, err = f.Ring(slots, size) // Close of the driver frees it
	f.must(err)
}

func TestMemory(t *testing.T) {
	t.Setenv("FAKE_MEMORY", "10000000")
	f := openFake(t)
	defer f.close()
	a := f.alloc(4_000_000)
	if free, total, err := f.Memory(); free != 6_000_000 || total != 10_000_000 || err != nil {
		t.Errorf("free %d, total %d, %v", free, total, err)
	}
	_, err := f.Alloc(7_000_000)
	var e *gpu.OutOfMemoryError
	if !errors.As(err, &e) || *e != (gpu.OutOfMemoryError{Asked: 7_000_000, Free: 6_000_000, Total: 10_000_000}) {
		t.Errorf("got %v", err)
	}
	b := f.alloc(5_000_000) // goes on after that
	f.must(errors.Join(f.Free(a), f.Free(b)))
	defer func() {
		if recover() == nil {
			t.Error("Free of what was freed does not panic")
		}
	}()
	f.Free(a)
}

func TestLaunch(t *testing.T) {
	f := openFake(t)
	defer f.close()
	buf := f.alloc(64)
	args := fill{buf, 16, 7}
	set, add := f.function("fill"), f.function("add")
	launch := func(fn gpu.Function, g gpu.Grid) {
		t.Helper()
		f.must(f.Launch(fn, g, unsafe.Pointer(&args), unsafe.Sizeof(args)))
	}
	launch(set, gpu.Grid{X: 3, Threads: 64})
	args.value = 9 // it must have been copied
	launch(add, gpu.Grid{X: 1, Y: 2, Z: 3, Threads: 128, Shared: 1000, Overlap: true, Cluster: 4})
	launch(add, gpu.Grid{X: 5, Threads: 32, Shared: 100 << 10})
	launch(add, gpu.Grid{X: 5, Threads: 32, Shared: 90 << 10}) // allowed before
	words := make([]byte, 64)
	f.must(f.Read(words, buf))
	for i := range 16 {
		if got := binary.LittleEndian.Uint32(words[4*i:]); got != 10 {
			t.Fatalf("word %d is %d, want 10", i, got)
		}
	}
	want := []string{
		"cuLaunchKernelEx fill 3x1x1 64x1x1 shared 0 overlap 0 cluster 0",
		"cuLaunchKernelEx add 1x2x3 128x1x1 shared 1000 overlap 1 cluster 411",
		"cuLaunchKernelEx add 5x1x1 32x1x1 shared 102400 overlap 0 cluster 0",
		"cuLaunchKernelEx add 5x1x1 32x1x1 shared 92160 overlap 0 cluster 0",
	}
	if got := f.calls("cuLaunchKernelEx"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("launches:\n%s", strings.Join(got, "\n"))
	}
	if got := f.calls("cuFuncSetAttribute"); len(got) != 1 || got[0] != "cuFuncSetAttribute add 8 102400" {
		t.Errorf("attributes: %q", got)
	}
	if n := len(f.calls("cuModuleLoadData")); n != 1 {
		t.Errorf("%d modules loaded", n)
	}
	if err := f.Launch(add, gpu.Grid{X: 1, Threads: 32, Shared: 300 << 10}, unsafe.Pointer(&args), unsafe.Sizeof(args)); err == nil || !strings.Contains(err.Error(), "307200 bytes of shared memory") {
		t.Errorf("too much shared memory: %v", err)
	}
	if _, err := f.Function("none"); err == nil || !strings.Contains(err.Error(), "no kernel is called none") {
		t.Errorf("an unknown kernel: %v", err)
	}
	if _, err := f.Function("gone"); err == nil || !strings.Contains(err.Error(), "looking up kernel gone") {
		t.Errorf("a kernel that the module lacks: %v", err)
	}
	f.must(f.Free(buf))
	defer func() {
		if recover() == nil {
			t.Error("arguments of the wrong size do not panic")
		}
	}()
	f.Launch(add, gpu.Grid{X: 1, Threads: 32}, unsafe.Pointer(&args), 12)
}

func TestTensorMap(t *testing.T) {
	f := openFake(t)
	defer f.close()
	whole := gpu.TensorMatrix{Addr: f.alloc(4096), Rows: 16, Cols: 128, BoxRows: 8}
	m, err := f.TensorMap(whole)
	f.must(err)
	if m[0] != whole.Addr || m[1] != 128 || m[2] != 16 || m[15] != 0x5a5a5a5a5a5a5a5a {
		t.Errorf("the map is not what the driver made: %x", m)
	}
	want := []string{"cuTensorMapEncodeTiled type 6 rank 2 size 128,16 stride 256 box 64,8 step 1,1 interleave 0 swizzle 3 promotion 3 fill 0"}
	if got := f.calls("cuTensorMapEncodeTiled"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("asked for %q, want %q", got, want)
	}
	for _, c := range []struct {
		spoil func(m *gpu.TensorMatrix)
		want  string
	}{
		{func(m *gpu.TensorMatrix) { m.Addr += 8 }, "multiple of 16"},
		{func(m *gpu.TensorMatrix) { m.Addr = 0 }, "multiple of 16"},
		{func(m *gpu.TensorMatrix) { m.Rows = 0 }, "rows must be 1 to 2147483647"},
		{func(m *gpu.TensorMatrix) { m.Rows = 1 << 31 }, "rows must be 1 to 2147483647"},
		{func(m *gpu.TensorMatrix) { m.Cols = 96 }, "columns must be a multiple of 64"},
		{func(m *gpu.TensorMatrix) { m.Cols = 0 }, "columns must be a multiple of 64"},
		{func(m *gpu.TensorMatrix) { m.BoxRows = 257 }, "1 to 256 rows"},
		{func(m *gpu.TensorMatrix) { m.BoxRows = 0 }, "1 to 256 rows"},
	} {
		bad := whole
		c.spoil(&bad)
		if _, err := f.TensorMap(bad); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: got %v, want %q", bad, err, c.want)
		}
	}
	if n := len(f.calls("cuTensorMapEncodeTiled")); n != 1 {
		t.Errorf("the driver was asked %d times, once for what is right", n)
	}
	t.Setenv("FAKE_FAIL", "cuTensorMapEncodeTiled:1:1")
	if _, err := f.TensorMap(whole); err == nil || !strings.Contains(err.Error(), "making a tensor map of [16, 128]") {
		t.Errorf("where the driver refuses: %v", err)
	}
	os.Unsetenv("FAKE_FAIL")
	f.must(f.Free(whole.Addr))
}

// TestOldChips: what compute capability 9.0 brought is not asked of an 8.0.
func TestOldChips(t *testing.T) {
	t.Setenv("FAKE_MAJOR", "8")
	f := openFake(t)
	defer f.close()
	args := fill{f.alloc(64), 16, 7}
	f.must(f.Launch(f.function("fill"), gpu.Grid{X: 1, Threads: 32, Overlap: true, Cluster: 4}, unsafe.Pointer(&args), unsafe.Sizeof(args)))
	if got := f.calls("cuLaunchKernelEx"); len(got) != 1 || !strings.HasSuffix(got[0], "overlap 0 cluster 0") {
		t.Errorf("launched with %q", got)
	}
	if _, err := f.TensorMap(gpu.TensorMatrix{Addr: args.dst, Rows: 1, Cols: 64, BoxRows: 1}); err == nil || !strings.Contains(err.Error(), "Fake GPU has 8.0") {
		t.Errorf("a tensor map: %v", err)
	}
	f.must(f.Free(args.dst))
}

func TestGraphs(t *testing.T) {
	f := openFake(t)
	defer f.close()
	buf := f.alloc(64)
	add := f.function("add")
	args := fill{buf, 16, 0}
	step := func() error {
		return errors.Join(f.Zero(buf, 32),
			f.Launch(add, gpu.Grid{X: 1, Threads: 32}, unsafe.Pointer(&args), unsafe.Sizeof(args)),
			f.Copy(buf+32, buf, 4))
	}
	f.must(f.Write(buf, bytes.Repeat([]byte{1, 0, 0, 0}, 16)))
	g, err := f.Capture(step)
	f.must(err)
	word := func(i int) uint32 {
		t.Helper()
		b := make([]byte, 64)
		f.must(f.Read(b, buf))
		return binary.LittleEndian.Uint32(b[4*i:])
	}
	if word(0) != 1 || word(15) != 1 {
		t.Error("what is recorded is run")
	}
	f.must(errors.Join(f.Replay(g), f.Replay(g), f.Replay(g)))
	if word(0) != 1 || word(15) != 4 || word(8) != 1 {
		t.Errorf("after three steps: %d, %d, %d", word(0), word(8), word(15))
	}
	if _, err := f.Capture(func() error { return f.Write(buf, []byte{1}) }); err == nil || !strings.Contains(err.Error(), "cannot be recorded") {
		t.Errorf("recording a copy from the host: %v", err)
	}
	failed := errors.New("failed")
	if g, err := f.Capture(func() error { return errors.Join(step(), failed) }); g != nil || !errors.Is(err, failed) {
		t.Errorf("recording what fails: %v, %v", g, err)
	}
	func() {
		defer func() { recover() }()
		f.Capture(func() error { panic("in the middle") })
	}()
	if word(15) != 4 {
		t.Error("what failed to be recorded was run")
	}
	f.must(errors.Join(g.Close(), g.Close()))
	_, err = f.Capture(step) // Close of the driver frees this one
	f.must(err)
	f.must(f.Free(buf))
	if n := len(f.calls("cuGraphDestroy")); n != 5 {
		t.Errorf("%d graphs destroyed, want 5", n)
	}
}

// TestErrorsStick: after an error in a kernel everything fails with it, and at
// once; Close still frees all.
func TestErrorsStick(t *testing.T) {
	f := openFake(t)
	buf := f.alloc(64)
	fn := f.function("fill")
	g, err := f.Capture(func() error { return f.Zero(buf, 64) })
	f.must(err)
	t.Setenv("FAKE_ASYNC", "700")
	first := f.Read(make([]byte, 64), buf)
	os.Unsetenv("FAKE_ASYNC")
	var e *Error
	if !errors.As(first, &e) || e.Code != 700 || !e.Lost || !strings.Contains(first.Error(), "compute-sanitizer") {
		t.Fatalf("got %v", first)
	}
	args := fill{buf, 16, 7}
	before := len(f.calls("cuCtxSetCurrent"))
	_, allocErr := f.Alloc(10)
	_, _, memErr := f.Memory()
	_, captureErr := f.Capture(func() error { return nil })
	_, bandErr := f.CopyBandwidth()
	for i, err := range []error{f.Write(buf, []byte{1}), f.Read(make([]byte, 1), buf), f.Copy(buf, buf+32, 8), f.Zero(buf, 8),
		f.Launch(fn, gpu.Grid{X: 1, Threads: 32}, unsafe.Pointer(&args), unsafe.Sizeof(args)), f.Replay(g), allocErr, memErr, captureErr, bandErr, f.Free(buf)} {
		if err != first {
			t.Errorf("call %d after the error: %v", i, err)
		}
	}
	if n := len(f.calls("cuCtxSetCurrent")); n != before {
		t.Errorf("%d calls of the driver after the error", n-before)
	}
	if err := errors.Join(g.Close(), f.Close()); err != nil {
		t.Error(err)
	}
	// Memory and graph could not be freed before: they go with the context.
	if left := f.calls("cuCtxDestroy_v2"); len(left) != 1 || left[0] != "cuCtxDestroy_v2 memory 1 host 0 events 0 streams 1 graphs 1 modules 1" {
		t.Errorf("left when the context was destroyed: %q", left)
	}
	again := openFake(t)
	again.alloc(64)
	again.close()
}

// TestErrorsThatPass: an error that leaves the context whole ends only the call.
func TestErrorsThatPass(t *testing.T) {
	f := openFake(t)
	defer f.close()
	buf := f.alloc(64)
	fn, args := f.function("fill"), fill{}
	args.dst = buf
	for _, c := range []struct {
		call string
		do   func() error
	}{
		{"cuLaunchKernelEx:1:1", func() error {
			return f.Launch(fn, gpu.Grid{X: 1, Threads: 32}, unsafe.Pointer(&args), unsafe.Sizeof(args))
		}},
		{"cuMemcpyHtoDAsync_v2:1:1", func() error { return f.Write(buf, []byte{1}) }},
		{"cuStreamBeginCapture_v2:1:1", func() error { _, err := f.Capture(func() error { return nil }); return err }},
		{"cuGraphInstantiateWithFlags:1:1", func() error { _, err := f.Capture(func() error { return nil }); return err }},
		{"cuMemGetInfo_v2:1:1", func() error { _, _, err := f.Memory(); return err }},
	} {
		t.Setenv("FAKE_FAIL", c.call)
		err := c.do()
		os.Unsetenv("FAKE_FAIL")
		if e := (*Error)(nil); !errors.As(err, &e) || e.Code != 1 || e.Lost {
			t.Errorf("%s: got %v", c.call, err)
		}
		if err := c.do(); err != nil {
			t.Errorf("%s: the error stays: %v", c.call, err)
		}
	}
	f.must(f.Free(buf))
}

// TestAnyThread: calls come from whatever thread, and two drivers live side by side.
func TestAnyThread(t *testing.T) {
	a := openFake(t)
	defer a.close()
	buf := a.alloc(64)
	for i := range 8 {
		var wg sync.WaitGroup
		wg.Go(func() {
			runtime.LockOSThread() // the thread ends with this goroutine
			if err := errors.Join(a.Write(buf, []byte{byte(i)}), a.Zero(buf+1, 3)); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
	}
	got := make([]byte, 4)
	if err := a.Read(got, buf); err != nil || got[0] != 7 {
		t.Errorf("read %v, %v", got, err)
	}
	a.must(a.Free(buf))
}

func TestMeasure(t *testing.T) {
	f := openFake(t)
	defer f.close()
	// Each of the copies takes a millisecond.
	n := float64(1<<30/4&^255) * 2 * copies / (copies / 1e3)
	if b, err := f.CopyBandwidth(); err != nil || b < n*0.99 || b > n*1.01 {
		t.Errorf("%v bytes/s, want %v; %v", b, n, err)
	}
	if times, err := f.Times(); len(times) != 0 || err != nil {
		t.Errorf("without a profile: %v, %v", times, err)
	}
	f.must(f.Profile(true))
	fn, add, args := f.function("fill"), f.function("add"), fill{f.alloc(64), 16, 7}
	for i := range maxSpans + 10 { // more than there are events
		k := fn
		if i%4 == 0 {
			k = add
		}
		f.must(f.Launch(k, gpu.Grid{X: 1, Threads: 32, Overlap: true}, unsafe.Pointer(&args), unsafe.Sizeof(args)))
	}
	if g, err := f.Capture(func() error { t.Error("queued"); return nil }); g != nil || err != nil {
		t.Errorf("recorded while timing: %v, %v", g, err)
	}
	times, err := f.Times()
	if err != nil || len(times) != 2 || times[0].Name != "fill" || times[0].Launches+times[1].Launches != maxSpans+10 {
		t.Fatalf("%v, %v", times, err)
	}
	for _, k := range times {
		if per := k.Seconds / float64(k.Launches); per < 0.99e-3 || per > 1.01e-3 {
			t.Errorf("%s took %v s", k.Name, per)
		}
	}
	if got := f.calls("cuLaunchKernelEx"); !strings.Contains(got[0], "overlap 0") {
		t.Errorf("timed launches overlap: %s", got[0])
	}
	f.must(errors.Join(f.Profile(false), f.Free(args.dst)))
	f.Clocks() // there may be an NVML, and there may be none
}

// TestEmbedded: what is embedded was compiled from these sources.
func TestEmbedded(t *testing.T) {
	m, err := readManifest(images)
	if err != nil {
		t.Fatal(err)
	}
	for file, kernels := range m.Files {
		b, err := m.image(file)
		if err != nil {
			t.Error(err)
		}
		for _, k := range kernels {
			if !bytes.Contains(b, []byte(k)) {
				t.Errorf("%s does not hold kernel %s", file, k)
			}
		}
	}
}
