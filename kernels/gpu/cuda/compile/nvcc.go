package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// target is what an object is compiled for.
type target struct {
	arch string // such as "90a"
	ptx  bool   // PTX of the virtual architecture, for GPUs that come later
}

func (t target) String() string {
	if t.ptx {
		return "compute_" + t.arch
	}
	return "sm_" + t.arch
}

// targets are the GPUs that orchrt supports: A100; A10, RTX 30; L4, L40, RTX 40;
// H100, H200; B200 (and B300); RTX 50. Machine code runs on GPUs of the same major
// version and an equal or higher minor one, but that of 90a on 9.0 only. PTX is
// that of 9.0 without its a, for all that follow.
var targets = []target{{"80", false}, {"86", false}, {"89", false}, {"90a", false}, {"100", false}, {"120", false}, {"90", true}}

// virtuals are the architectures that sources are compiled to PTX for, in ascending order. The sources say
// one thing to several GPUs, so that one PTX serves them, and compiling it is more than half of
// the work. word: of no use but to sources that contain it (ptx.cuh, which all include, aside).
var virtuals = []struct{ arch, word string }{{"80", ""}, {"89", "e4m3x2"}, {"90", ""}, {"90a", "wgmma_"}}

// virtualOf is the architecture whose PTX of a source becomes a target.
func virtualOf(t target, source []byte) string {
	best := ""
	for _, v := range virtuals {
		if version(v.arch) > version(t.arch) || strings.HasSuffix(v.arch, "a") && v.arch != t.arch || !bytes.Contains(source, []byte(v.word)) {
			continue
		}
		best = v.arch
	}
	return best
}

// version is 90 for "90a".
func version(arch string) int {
	n, _ := strconv.Atoi(strings.TrimSuffix(arch, "a"))
	return n
}

// Flags of every compilation, to PTX and from there. No -use_fast_math: kernels say themselves where an approximation does.
var (
	frontFlags = []string{"-std=c++17", "-O3", "-ptx"}
	backFlags  = []string{"-O3", "-m64", "-v"}
)

// object is one file compiled for one target.
type object struct {
	op      string // name of the .cu file without its end
	target  target
	file    string // what the compiler wrote
	kernels []kernel
	fresh   bool          // compiled now, not before
	cpu     time.Duration // that compiling it took, now
}

// toolchain is an nvcc and where its objects go.
type toolchain struct {
	bin, cache, version string
	targets             []target
	jobs                int
}

// openToolchain asks nvcc for its version and the GPUs that it knows.
func openToolchain(o options) (*toolchain, error) {
	if o.cuda == "" {
		return nil, errors.New("-cuda names no toolkit; kernels/gpu/cuda/toolkit.sh install prints one")
	}
	tc := &toolchain{bin: filepath.Join(o.cuda, "bin"), cache: o.cache, jobs: max(o.jobs, 1)}
	out, err := tc.run("nvcc", "--version")
	if err != nil {
		return nil, err
	}
	version := regexp.MustCompile(`release \S+, V(\S+)`).FindSubmatch(out)
	if version == nil {
		return nil, fmt.Errorf("nvcc --version says %q", out)
	}
	tc.version = string(version[1])
	codes, err := tc.run("nvcc", "--list-gpu-code")
	if err != nil {
		return nil, err
	}
	for _, t := range targets {
		if t.ptx || slices.Contains(strings.Fields(string(codes)), "sm_"+strings.TrimSuffix(t.arch, "a")) {
			tc.targets = append(tc.targets, t)
		} else {
			fmt.Fprintf(os.Stderr, "compile: nvcc %s does not know %v: left out\n", tc.version, t)
		}
	}
	return tc, os.MkdirAll(tc.cache, 0o755)
}

// run runs a program of the toolkit; the error holds what it printed.
func (tc *toolchain) run(name string, args ...string) ([]byte, error) {
	out, _, err := tc.timed(name, args...)
	return out, err
}

// timed is run; it also returns the processor time that the program and its children took.
func (tc *toolchain) timed(name string, args ...string) ([]byte, time.Duration, error) {
	var out bytes.Buffer
	c := exec.Command(filepath.Join(tc.bin, name), args...)
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		return nil, 0, fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out.Bytes())
	}
	return out.Bytes(), c.ProcessState.UserTime() + c.ProcessState.SystemTime(), nil
}

// compileAll compiles every file for every target. The PTX that several are made of is compiled once.
func (tc *toolchain) compileAll(files []string) (objects, fronts []*object, err error) {
	from := map[*object]*object{}
	sources := map[*object]source{}
	for _, file := range files {
		src, err := readSource(file)
		if err != nil {
			return nil, nil, err
		}
		mine := map[string]*object{}
		for _, t := range tc.targets {
			arch := virtualOf(t, src.text)
			if mine[arch] == nil {
				mine[arch] = &object{op: src.op, target: target{arch, true}}
				sources[mine[arch]] = src
				fronts = append(fronts, mine[arch])
			}
			ob := &object{op: src.op, target: t}
			objects = append(objects, ob)
			from[ob] = mine[arch]
		}
	}
	err = tc.each(fronts, func(ob *object) error { return tc.toPTX(sources[ob], ob) })
	if err == nil {
		err = tc.each(objects, func(ob *object) error { return tc.assemble(from[ob], ob) })
	}
	return objects, fronts, err
}

// each calls f for all objects, as many at a time as there are jobs.
func (tc *toolchain) each(objects []*object, f func(*object) error) error {
	errs := make([]error, len(objects))
	var wg sync.WaitGroup
	slots := make(chan struct{}, tc.jobs)
	for i, ob := range objects {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = f(ob)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// toPTX compiles a file for a virtual architecture, unless that was done before.
func (tc *toolchain) toPTX(src source, ob *object) error {
	args := append(slices.Clone(frontFlags), "-arch=compute_"+ob.target.arch)
	_, err := tc.cached(ob, "nvcc", args, src.file, src.all)
	return err
}

// assemble makes machine code of PTX, unless that was done before. A target that is PTX is it already.
func (tc *toolchain) assemble(front, ob *object) error {
	if ob.target.ptx {
		ob.file = front.file
		return nil
	}
	args := append(slices.Clone(backFlags), "-arch=sm_"+ob.target.arch)
	log, err := tc.cached(ob, "ptxas", args, front.file, []byte(filepath.Base(front.file)))
	if err != nil {
		return err
	}
	if ob.kernels, err = parseReport(log); err != nil {
		return fmt.Errorf("%s for %v: %w", ob.op, ob.target, err)
	}
	return nil
}

// cached runs a compiler on a file, unless it ran before with the same arguments on the same content, and returns what it printed.
func (tc *toolchain) cached(ob *object, program string, args []string, file string, content []byte) ([]byte, error) {
	h := sha256.New()
	fmt.Fprintln(h, tc.version, program, args)
	h.Write(content)
	ob.file = filepath.Join(tc.cache, fmt.Sprintf("%s.%v.%x", ob.op, ob.target, h.Sum(nil)[:8]))
	log, err := os.ReadFile(ob.file + ".log")
	if err == nil {
		return log, nil
	}
	ob.fresh = true
	old, _ := filepath.Glob(filepath.Join(tc.cache, fmt.Sprintf("%s.%v.*", ob.op, ob.target)))
	for _, f := range old {
		os.Remove(f)
	}
	if log, ob.cpu, err = tc.timed(program, append(args, "-o", ob.file, file)...); err != nil {
		return nil, err
	}
	return log, os.WriteFile(ob.file+".log", log, 0o644)
}

// source is a .cu file.
type source struct {
	file, op string
	text     []byte // with the headers that it includes but ptx.cuh
	all      []byte // with all of them
}

// readSource reads a .cu file and the headers that it includes.
func readSource(file string) (source, error) {
	src := source{file: file, op: strings.TrimSuffix(filepath.Base(file), ".cu")}
	err := withIncludes(file, map[string]bool{}, func(name string, b []byte) {
		src.all = append(src.all, b...)
		if filepath.Base(name) != "ptx.cuh" {
			src.text = append(src.text, b...)
		}
	})
	return src, err
}

// withIncludes gives f the name and the content of a file and of those that it includes by #include "…", each once.
func withIncludes(name string, seen map[string]bool, f func(string, []byte)) error {
	if seen[name] {
		return nil
	}
	seen[name] = true
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	f(name, b)
	for _, m := range regexp.MustCompile(`(?m)^\s*#\s*include\s*"([^"]+)"`).FindAllSubmatch(b, -1) {
		inner := filepath.Join(filepath.Dir(name), string(m[1]))
		if err := withIncludes(inner, seen, f); err != nil && !errors.Is(err, os.ErrNotExist) { // emu.h is the emulator's
			return err
		}
	}
	return nil
}

// writeFatbin joins the objects of one file. The images within stay as they are: zstd
// over all of them does better, and any driver reads them.
func (tc *toolchain) writeFatbin(name string, objects []*object) error {
	tmp := filepath.Join(tc.cache, filepath.Base(name)+".fatbin")
	defer os.Remove(tmp)
	args := []string{"--create=" + tmp, "-64", "--compress=false"}
	for _, ob := range objects {
		kind := "elf"
		if ob.target.ptx {
			kind = "ptx"
		}
		args = append(args, fmt.Sprintf("--image3=kind=%s,sm=%s,file=%s", kind, ob.target.arch, ob.file))
	}
	if _, err := tc.run("fatbinary", args...); err != nil {
		return err
	}
	b, err := os.ReadFile(tmp)
	if err != nil {
		return err
	}
	if b, err = compress(b); err != nil {
		return err
	}
	return replace(name, b)
}
