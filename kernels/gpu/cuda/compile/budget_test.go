package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// log is what nvcc -Xptxas -v prints.
const log = `ptxas info    : (C7513) Potential Performance Loss: wgmma.mma_async instructions are serialized due to input registers in the function 'wide'
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function 'wide' for 'sm_90a'
ptxas info    : Function properties for wide
    16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers, 16 bytes cumulative stack size
ptxas info    : Compiling entry function 'gemv_q4' for 'sm_90a'
ptxas info    : Function properties for gemv_q4
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 64 registers, used 0 barriers, 1024 bytes smem
`

func TestParseReport(t *testing.T) {
	got, err := parseReport([]byte(log))
	want := []kernel{{name: "gemv_q4", registers: 64, shared: 1024}, {name: "wide", registers: 255, stack: 16, spills: 20, serial: "input registers"}}
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if _, err := parseReport([]byte("ptxas info : Compiling entry function 'x' for 'sm_80'\n")); err == nil {
		t.Error("a kernel without registers is taken")
	}
}

func TestBudgets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "op.cu")
	source := "// budget gemv_*: 64 registers\n// budget gemv_q6: 80 registers, on sm_80\n// budget none: 1 registers\n"
	if err := os.WriteFile(file, []byte(source), 0o644); err != nil {
		t.Fatal(err)
	}
	sm80, sm90 := target{"80", false}, target{"90a", false}
	objects := []*object{
		{op: "op", target: sm80, kernels: []kernel{{name: "gemv_q4", registers: 64}, {name: "gemv_q6", registers: 80}, {name: "free", registers: 9}}},
		{op: "op", target: sm90, kernels: []kernel{{name: "gemv_q4", registers: 65}, {name: "gemv_q6", registers: 80}, {name: "free", registers: 12},
			{name: "gemv_a", registers: 10, stack: 8}, {name: "gemv_b", registers: 10, shared: 4}, {name: "gemv_c", registers: 64, spills: 4},
			{name: "gemv_d", registers: 64, serial: "input registers"}}},
		{op: "other", target: sm80, kernels: []kernel{{name: "far", registers: 300}}},
	}
	got, err := checkBudgets([]string{file}, objects)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"kernel gemv_a for sm_90a: keeps 8 bytes in local memory: an array is indexed by a variable",
		"kernel gemv_b for sm_90a: has 4 bytes of static shared memory: all of it is to be dynamic",
		"kernel gemv_c for sm_90a: spills 4 bytes with 64 registers",
		"kernel gemv_d for sm_90a: has products of wgmma that do not overlap, due to input registers",
		"kernel gemv_q4 for sm_90a: takes 65 registers, the budget at " + file + ":1 is 64",
		"kernel gemv_q6 for sm_90a: takes 80 registers, the budget at " + file + ":1 is 64",
		file + ":3: the budget is no kernel's",
	}
	if len(got) != len(want) {
		t.Fatalf("got\n%s", strings.Join(got, "\n"))
	}
	for i := range want {
		if !strings.HasSuffix(got[i], want[i]) {
			t.Errorf("line %d is %q, want %q", i, got[i], want[i])
		}
	}
	budgets, err := parseBudgets(file, []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	if got := unbounded(budgets, objects[:2]); len(got) != 1 || got[0] != "free takes 12" {
		t.Errorf("without a budget: %q", got)
	}
	if _, err := parseBudgets("x.cu", []byte("a\n// budget gemv: many\n")); err == nil || !strings.HasPrefix(err.Error(), "x.cu:2: ") {
		t.Errorf("a budget that cannot be read: %v", err)
	}
}

// TestWithIncludes: an object is compiled again when a header of a header changes.
func TestWithIncludes(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"a.cu": "#include \"b.cuh\"\n#include \"b.cuh\"\n", "b.cuh": "#include \"c.cuh\"\n #  include \"absent.h\"\n", "c.cuh": "deep"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var all strings.Builder
	if err := withIncludes(filepath.Join(dir, "a.cu"), map[string]bool{}, func(_ string, b []byte) { all.Write(b) }); err != nil {
		t.Fatal(err)
	}
	if got := all.String(); strings.Count(got, "deep") != 1 || !strings.Contains(got, "absent.h") {
		t.Errorf("read %q", got)
	}
}

// TestVirtual: a target is made of the PTX of the nearest architecture that says what the source has to say.
func TestVirtual(t *testing.T) {
	plain, fp8, wgmma := "h2_mul(a, b)", "e4m3x2_to_f16x2(v)", "wgmma_commit()"
	for _, c := range []struct{ arch, source, want string }{
		{"80", plain, "80"}, {"86", fp8, "80"}, {"89", plain, "80"}, {"89", fp8, "89"},
		{"90a", plain, "90"}, {"90a", fp8, "90"}, {"90a", wgmma, "90a"}, {"100", wgmma, "90"}, {"120", fp8, "90"},
	} {
		if got := virtualOf(target{arch: c.arch}, []byte(c.source)); got != c.want {
			t.Errorf("%s for sm_%s is made of the PTX of compute_%s, want compute_%s", c.source, c.arch, got, c.want)
		}
	}
}

// TestLock: another run finds the cache taken until the first has ended.
func TestLock(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != unix.EWOULDBLOCK {
		t.Errorf("while it is locked: %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Errorf("after that: %v", err)
	}
	if _, err := lock(filepath.Join(dir, "none")); err == nil {
		t.Error("no error for a folder that is not there")
	}
}
