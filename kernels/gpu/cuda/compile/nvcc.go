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

// flags of every compilation. No -use_fast_math: kernels say themselves where an approximation does.
var flags = []string{"-std=c++17", "-O3", "-Xptxas", "-v"}

// object is one file compiled for one target.
type object struct {
	op      string // name of the .cu file without its end
	target  target
	file    string // what nvcc wrote
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

// compileAll compiles every file for every target, the slowest targets first.
func (tc *toolchain) compileAll(files []string) ([]*object, error) {
	var objects []*object
	var sources []string
	for _, file := range files {
		for _, t := range tc.targets {
			objects = append(objects, &object{op: strings.TrimSuffix(filepath.Base(file), ".cu"), target: t})
			sources = append(sources, file)
		}
	}
	errs := make([]error, len(objects))
	var wg sync.WaitGroup
	slots := make(chan struct{}, tc.jobs)
	for i, ob := range objects {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = tc.compile(sources[i], ob)
		})
	}
	wg.Wait()
	return objects, errors.Join(errs...)
}

// compile compiles one file for one target, unless that was done before.
func (tc *toolchain) compile(source string, ob *object) error {
	args := slices.Clone(flags)
	if ob.target.ptx {
		args = append(args, "-ptx", "-arch=compute_"+ob.target.arch)
	} else {
		args = append(args, "-cubin", "-gencode", "arch=compute_"+ob.target.arch+",code=sm_"+ob.target.arch)
	}
	h := sha256.New()
	fmt.Fprintln(h, tc.version, args)
	included := map[string]bool{}
	if err := withIncludes(source, included, func(b []byte) { h.Write(b) }); err != nil {
		return err
	}
	ob.file = filepath.Join(tc.cache, fmt.Sprintf("%s.%v.%x", ob.op, ob.target, h.Sum(nil)[:8]))
	log, err := os.ReadFile(ob.file + ".log")
	if err != nil {
		ob.fresh = true
		old, _ := filepath.Glob(filepath.Join(tc.cache, fmt.Sprintf("%s.%v.*", ob.op, ob.target)))
		for _, f := range old {
			os.Remove(f)
		}
		if log, ob.cpu, err = tc.timed("nvcc", append(args, "-o", ob.file, source)...); err != nil {
			return err
		}
		if err := os.WriteFile(ob.file+".log", log, 0o644); err != nil {
			return err
		}
	}
	ob.kernels, err = parseReport(log)
	if err != nil {
		return fmt.Errorf("%s for %v: %w", source, ob.target, err)
	}
	return nil
}

// withIncludes gives f a file and those that it includes by #include "…", each once.
func withIncludes(name string, seen map[string]bool, f func([]byte)) error {
	if seen[name] {
		return nil
	}
	seen[name] = true
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	f(b)
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
	args := []string{"--create=" + tmp, "-64", "--compress-mode=none"}
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
