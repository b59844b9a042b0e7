package emu

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"orchrt/kernels/gpu"
)

// coreFlags compile the emulator itself, kernelFlags the kernels: -fsanitize=thread makes the
// compiler announce every access to memory; what it calls for that is the emulator's own.
var (
	coreFlags   = []string{"-std=c++17", "-O2", "-g1", "-fPIC", "-fvisibility=hidden", "-DORT_EMULATOR", "-Wall", "-ffp-contract=off", "-fno-strict-aliasing"}
	kernelFlags = []string{"-std=c++17", "-Og", "-g1", "-fPIC", "-fvisibility=hidden", "-DORT_EMULATOR", "-ffp-contract=off", "-fno-strict-aliasing",
		"-fsanitize=thread", "-fsanitize=alignment", "-fstack-clash-protection", "-fno-exceptions", "-Wall", "-Wno-unknown-pragmas", "-Wno-unused-function", "-Wno-unused-variable", "-Wno-unused-but-set-variable"}
)

// Build compiles the .cu files at the root of sources, with the headers beside them, and returns
// the path of a shared object. ptx.cuh and the emulator come from package gpu. Objects are kept
// under the user's cache directory by a hash of all that goes into them, so that they are never stale.
func Build(sources fs.FS) (string, error) {
	b, err := newBuilder(sources)
	if err != nil {
		return "", err
	}
	objects, err := b.compileAll()
	if err != nil {
		return "", err
	}
	lib := filepath.Join(b.cache, hash(append(slices.Clone(objects), b.id)...)[:32]+".so")
	if _, err := os.Stat(lib); err == nil {
		return lib, nil
	}
	return lib, b.produce(lib, append([]string{"-shared"}, objects...))
}

// builder compiles one set of sources.
type builder struct {
	files  map[string]string // by name
	cache  string
	dir    string // sources as files; "": not written yet
	cxx    string
	id     string // the compiler and its version
	native []string
	once   sync.Once
	werr   error
}

func newBuilder(sources fs.FS) (*builder, error) {
	b := &builder{files: map[string]string{}, cxx: cmp(os.Getenv("CXX"), "g++")}
	for i, from := range []fs.FS{sources, gpu.Sources} {
		for _, pattern := range []string{"*.cu", "*.cuh", "emu/*.h", "emu/*.cc"}[i:] {
			names, err := fs.Glob(from, pattern)
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				text, err := fs.ReadFile(from, name)
				if err != nil {
					return nil, err
				}
				b.files[name] = string(text)
			}
		}
	}
	version, err := exec.Command(b.cxx, "-dumpfullversion", "-dumpmachine").Output()
	if err != nil {
		return nil, fmt.Errorf("emu: the emulator needs a C++ compiler, %s (or set CXX): %w", b.cxx, err)
	}
	if runtime.GOARCH == "amd64" && hasF16C() {
		b.native = []string{"-mf16c", "-mavx"}
	}
	b.id = b.cxx + string(version) + strings.Join(b.native, " ")
	base, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	b.cache = filepath.Join(base, "orchrt-emu")
	return b, os.MkdirAll(b.cache, 0o755)
}

// cmp is a, or b where a is empty.
func cmp(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// hasF16C says whether the processor converts halves.
func hasF16C() bool {
	info, err := os.ReadFile("/proc/cpuinfo")
	return err == nil && bytes.Contains(info, []byte(" f16c"))
}

// compileAll compiles what is not in the cache and returns the objects.
func (b *builder) compileAll() ([]string, error) {
	defer func() {
		if b.dir != "" {
			os.RemoveAll(b.dir)
		}
	}()
	var names []string
	for name := range b.files {
		if ext := path.Ext(name); ext == ".cu" || ext == ".cc" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	objects, errs := make([]string, len(names)), make([]error, len(names))
	slots := make(chan struct{}, runtime.NumCPU())
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			slots <- struct{}{}
			objects[i], errs[i] = b.compile(name)
			<-slots
		})
	}
	all.Wait()
	return objects, errors.Join(errs...)
}

// compile compiles one file unless its object is in the cache.
func (b *builder) compile(name string) (string, error) {
	flags := slices.Clone(coreFlags)
	if path.Ext(name) == ".cu" {
		flags = slices.Clone(kernelFlags)
	}
	flags = append(flags, b.native...)
	parts := []string{b.id, strings.Join(flags, " "), name}
	for _, dep := range b.closure(name) {
		parts = append(parts, dep, b.files[dep])
	}
	object := filepath.Join(b.cache, hash(parts...)[:32]+".o")
	if _, err := os.Stat(object); err == nil {
		return object, nil
	}
	b.once.Do(func() { b.werr = b.write() })
	if b.werr != nil {
		return "", b.werr
	}
	return object, b.produce(object, append(flags, "-I", b.dir, "-I", filepath.Join(b.dir, "emu"), "-x", "c++", "-c", filepath.Join(b.dir, name)))
}

// include finds what a source includes of its own.
var include = regexp.MustCompile(`(?m)^\s*#\s*include\s+"([^"]+)"`)

// closure is name and all that it includes, in order.
func (b *builder) closure(name string) []string {
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, m := range include.FindAllStringSubmatch(b.files[name], -1) {
			for _, at := range []string{path.Join(path.Dir(name), m[1]), m[1], path.Join("emu", m[1])} {
				if _, ok := b.files[at]; ok {
					visit(at)
					break
				}
			}
		}
	}
	visit(name)
	var all []string
	for name := range seen {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// write puts the sources into a folder.
func (b *builder) write() error {
	dir, err := os.MkdirTemp("", "orchrt-emu-")
	if err != nil {
		return err
	}
	b.dir = dir
	for name, text := range b.files {
		to := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// produce runs the compiler for a file that appears only when it is whole.
func (b *builder) produce(file string, args []string) error {
	part, err := os.CreateTemp(b.cache, "part-")
	if err != nil {
		return err
	}
	part.Close()
	defer os.Remove(part.Name())
	c := exec.CommandContext(context.Background(), b.cxx, append(args, "-o", part.Name())...)
	out, err := c.CombinedOutput()
	if err != nil {
		text := strings.ReplaceAll(string(out), b.dir+"/", "")
		return fmt.Errorf("emu: %s %s: %w\n%s", b.cxx, strings.Join(args[len(args)-1:], " "), err, text)
	}
	return os.Rename(part.Name(), file)
}

// hash is the SHA-256 of texts, kept apart.
func hash(texts ...string) string {
	h := sha256.New()
	for _, t := range texts {
		fmt.Fprintf(h, "%d:%s", len(t), t)
	}
	return hex.EncodeToString(h.Sum(nil))
}
