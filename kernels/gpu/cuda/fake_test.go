//go:build cuda

package cuda

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/klauspost/compress/zstd"

	"orchrt/kernels/gpu"
)

// TestMain runs the tests with testdata/fake.c in the place of NVIDIA's driver: it
// compiles it and starts itself again, for the loader reads LD_LIBRARY_PATH at the start only.
func TestMain(m *testing.M) {
	if os.Getenv("CUDA_TEST_CHILD") != "" {
		if report := os.Getenv("CUDA_TEST_REPORT"); report != "" {
			infos, err := Devices()
			fmt.Printf("%d devices, %v\n", len(infos), err)
			return
		}
		os.Exit(m.Run())
	}
	code, err := runWithFake()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func runWithFake() (int, error) {
	dir, err := os.MkdirTemp("", "fakecuda")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	args := append(strings.Fields(os.Getenv("CGO_CFLAGS")), "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", filepath.Join(dir, "libcuda.so.1"), "testdata/fake.c")
	if out, err := exec.Command("cc", args...).CombinedOutput(); err != nil {
		return 1, fmt.Errorf("compiling testdata/fake.c (CGO_CFLAGS must name the folder of cuda.h, as make cuda-test does): %w\n%s", err, out)
	}
	c := exec.Command(os.Args[0], os.Args[1:]...)
	c.Env = append(os.Environ(), "CUDA_TEST_CHILD=1", "LD_LIBRARY_PATH="+dir)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := c.Run(); err != nil {
		return 1, nil // it has said why
	}
	return 0, nil
}

// report is what Devices says in a process with these environment variables.
func report(t *testing.T, env ...string) string {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), append(env, "CUDA_TEST_REPORT=1")...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

// fakeKernels are the kernels that the fake runs.
func fakeKernels(t testing.TB) fs.FS {
	t.Helper()
	sum, err := hashSources(gpu.Sources)
	if err != nil {
		t.Fatal(err)
	}
	m, err := json.Marshal(manifest{Sources: sum, Files: map[string][]string{"words": {"fill", "add", "gone"}}})
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	return fstest.MapFS{
		"images/manifest.json":    {Data: m},
		"images/words.fatbin.zst": {Data: z.EncodeAll([]byte("fill 16 add 16 "), nil)},
	}
}

// fill are the arguments of the fake's kernels.
type fill struct {
	dst      uint64
	n, value uint32
}

// fake is a driver of the fake GPU with its log.
type fake struct {
	*driver
	log string
	t   *testing.T
}

// openFake opens the fake GPU. At the end of the test it checks that nothing
// was left when the context went.
func openFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{log: filepath.Join(t.TempDir(), "log"), t: t}
	t.Setenv("FAKE_LOG", f.log)
	drv, err := open(0, fakeKernels(t))
	if err != nil {
		t.Fatal(err)
	}
	f.driver = drv.(*driver)
	return f
}

// calls are the lines of the log that begin with a word.
func (f *fake) calls(word string) []string {
	f.t.Helper()
	b, err := os.ReadFile(f.log)
	if err != nil {
		f.t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line == word || strings.HasPrefix(line, word+" ") {
			all = append(all, line)
		}
	}
	return all
}

// close closes the driver and checks what it left.
func (f *fake) close() {
	f.t.Helper()
	if err := f.Close(); err != nil {
		f.t.Error(err)
	}
	if err := f.Close(); err != nil {
		f.t.Errorf("a second Close: %v", err)
	}
	left := f.calls("cuCtxDestroy_v2")
	if len(left) != 1 || left[0] != fmt.Sprintf("cuCtxDestroy_v2 memory %d host 0 events 0 streams 1 graphs 0 modules %d", len(f.live), len(f.images)) {
		f.t.Errorf("left when the context was destroyed: %q", left)
	}
	if n := f.calls("no"); len(n) > 0 {
		f.t.Errorf("%d calls without a context", len(n))
	}
}

// alloc allocates or fails.
func (f *fake) alloc(n int64) uint64 {
	f.t.Helper()
	p, err := f.Alloc(n)
	f.must(err)
	return p
}

func (f *fake) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// function finds a kernel or fails.
func (f *fake) function(name string) gpu.Function {
	f.t.Helper()
	fn, err := f.Function(name)
	f.must(err)
	return fn
}
