// Command compile compiles the kernels of kernels/gpu with nvcc for every GPU
// that orchrt supports, and writes what package cuda embeds: for each <op>.cu one
// fatbin with machine code for each architecture and PTX for those to come, and
// manifest.json. It compiles only what changed since it last ran.
//
// With -check it fails where a kernel spills registers, keeps values in local
// memory, has products of wgmma that ptxas serialises, or needs more than the budget that stands beside it:
//
//	// budget gemv_*: 64 registers
//	// budget gemm_*_sm90: 168 registers, on sm_90a
//
// A pattern is that of path.Match over the names of the kernels of its file; of
// several that match, the last holds. Kernels without one are named, and only their
// launch bounds hold them. Shared
// memory is dynamic throughout, so that static shared memory is an error too;
// drivers check the dynamic one when a kernel is launched.
package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"
)

// options are the flags.
type options struct {
	cuda, src, out, cache string
	jobs                  int
	check, report         bool
}

func main() {
	var o options
	flag.StringVar(&o.cuda, "cuda", "", "folder of the CUDA toolkit, with bin/nvcc")
	flag.StringVar(&o.src, "src", "kernels/gpu", "folder of the .cu files")
	flag.StringVar(&o.out, "out", "kernels/gpu/cuda/images", "folder to write to")
	flag.StringVar(&o.cache, "cache", "bin/cuda/cache", "folder of what was compiled before")
	flag.IntVar(&o.jobs, "j", runtime.NumCPU(), "compilers at work at the same time")
	flag.BoolVar(&o.check, "check", false, "fail where a kernel spills or is over its budget")
	flag.BoolVar(&o.report, "report", false, "print what every kernel needs")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "compile:", err)
		os.Exit(1)
	}
}

// run compiles, reports and writes.
func run(o options) error {
	tc, err := openToolchain(o)
	if err != nil {
		return err
	}
	unlock, err := lock(tc.cache)
	if err != nil {
		return err
	}
	defer unlock()
	begin := time.Now()
	files, err := filepath.Glob(filepath.Join(o.src, "*.cu"))
	if err != nil {
		return err
	}
	slices.Sort(files)
	objects, fronts, err := tc.compileAll(files)
	if err != nil {
		return err
	}
	if o.report {
		printReport(os.Stdout, objects)
	}
	problems, err := checkBudgets(files, objects)
	if err != nil {
		return err
	}
	for _, p := range problems {
		fmt.Fprintln(os.Stderr, p)
	}
	if err := write(o, tc, files, objects); err != nil {
		return err
	}
	printTimes(os.Stderr, len(files), countKernels(objects), append(fronts, objects...), time.Since(begin))
	if o.check && len(problems) > 0 {
		return fmt.Errorf("%d kernels spill or are over their budget", len(problems))
	}
	return nil
}

// lock waits until no other run uses the cache: each removes what the other has begun to write.
func lock(cache string) (unlock func() error, err error) {
	f, err := os.OpenFile(filepath.Join(cache, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		fmt.Fprintf(os.Stderr, "compile: waiting for another run that uses %s\n", cache)
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
			return nil, fmt.Errorf("locking %s: %w", cache, errors.Join(err, f.Close()))
		}
	}
	return f.Close, nil
}

// printTimes says what was compiled, to PTX and from there, and what took longest.
func printTimes(w io.Writer, files, kernels int, objects []*object, all time.Duration) {
	slowest := slices.Clone(objects)
	slices.SortStableFunc(slowest, func(a, b *object) int { return cmp.Compare(b.cpu, a.cpu) })
	fresh, cpu, names := 0, time.Duration(0), ""
	for i, ob := range slowest {
		if !ob.fresh {
			continue
		}
		fresh, cpu = fresh+1, cpu+ob.cpu
		if i < 3 {
			names += fmt.Sprintf(", %s for %v %.0f s", ob.op, ob.target, ob.cpu.Seconds())
		}
	}
	fmt.Fprintf(w, "compile: %d kernels in %d files, %d of %d objects compiled in %.1f s (%.0f s of processor time%s)\n",
		kernels, files, fresh, len(objects), all.Seconds(), cpu.Seconds(), names)
}

// write makes the fatbins and the manifest, and removes those of files that are gone.
func write(o options, tc *toolchain, files []string, objects []*object) error {
	sum, err := hashSources(o.src)
	if err != nil {
		return err
	}
	m := struct {
		Sources string              `json:"sources"`
		Toolkit string              `json:"toolkit"`
		Files   map[string][]string `json:"files"`
	}{sum, tc.version, map[string][]string{}}
	keep := map[string]bool{}
	for _, file := range files {
		op := strings.TrimSuffix(filepath.Base(file), ".cu")
		mine := slices.DeleteFunc(slices.Clone(objects), func(ob *object) bool { return ob.op != op })
		m.Files[op] = kernelNames(mine)
		name := op + ".fatbin.zst"
		keep[name] = true
		if err := tc.writeFatbin(filepath.Join(o.out, name), mine); err != nil {
			return err
		}
	}
	old, err := filepath.Glob(filepath.Join(o.out, "*.fatbin.zst"))
	if err != nil {
		return err
	}
	for _, f := range old {
		if !keep[filepath.Base(f)] {
			err = errors.Join(err, os.Remove(f))
		}
	}
	b, _ := json.MarshalIndent(m, "", " ")
	return errors.Join(err, replace(filepath.Join(o.out, "manifest.json"), append(b, '\n')))
}

// hashSources is the SHA-256 of the .cu and .cuh files of a folder, in order of
// name: name, a zero, size in decimal, a zero, content. Package cuda computes the same of what is
// embedded.
func hashSources(dir string) (string, error) {
	names, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, e := range names { // in order of name
		if ext := filepath.Ext(e.Name()); ext != ".cu" && ext != ".cuh" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s\x00%d\x00%s", e.Name(), len(b), b)
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}

// replace writes a file unless it holds just that, so that Go's build cache
// sees no change where there is none.
func replace(name string, b []byte) error {
	if old, err := os.ReadFile(name); err == nil && string(old) == string(b) {
		return nil
	}
	tmp := name + ".tmp"
	if err := os.WriteFile(tmp, b, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}

// compress is zstd at its strongest.
func compress(b []byte) ([]byte, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	return z.EncodeAll(b, nil), z.Close()
}

// kernelNames are the kernels that any of the objects holds.
func kernelNames(objects []*object) []string {
	names := []string{}
	for _, ob := range objects {
		for _, k := range ob.kernels {
			names = append(names, k.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// countKernels counts kernels once, not for each architecture.
func countKernels(objects []*object) int {
	return len(kernelNames(objects))
}

// byName orders kernels for the report.
func byName(a, b kernel) int { return cmp.Compare(a.name, b.name) }
