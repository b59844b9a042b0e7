// Package orchrt_test checks what holds for the source tree as a whole: which
// package imports which, where cgo stands, that every package is documented,
// and how long files get.
package orchrt_test

import (
	"bytes"
	"cmp"
	"fmt"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// topLevel is all that stands at the root, beside dot-files.
var topLevel = []string{
	"cmd", "runtime", "kernels", "gguf", "tokenizer", "sampler", "orchestrate", "testdata",
	"go.mod", "go.sum", "Makefile", "README.md", "LICENSE", "tree_test.go",
}

// builtHere is what .gitignore leaves out at the root.
var builtHere = []string{"bin", "gpu-results", "*.gguf", "*.test", "*.prof"}

// mayImport says which of our folders the code of a top-level folder may import
// beside its own. Tests may import anything.
var mayImport = map[string][]string{
	"cmd":         {"orchestrate", "runtime", "sampler", "tokenizer", "gguf", "kernels", "testdata"},
	"orchestrate": {"runtime", "sampler", "tokenizer", "gguf", "kernels"},
	"runtime":     {"sampler", "tokenizer", "gguf", "kernels"},
	"sampler":     {},
	"tokenizer":   {},
	"gguf":        {},
	"kernels":     {},
	"testdata":    {},
}

// maxLines bounds a file of Go, C, C++ or CUDA.
const maxLines = 600

// longFiles may be longer, each for the reason given.
var longFiles = map[string]string{}

func TestTree(t *testing.T) {
	for _, p := range checkTree(os.DirFS("."), longFiles) {
		t.Error(p)
	}
}

// checkTree returns what is wrong in a tree, one line each, in order.
func checkTree(tree fs.FS, long map[string]string) []string {
	c := &checker{tree: tree, long: long, docs: make(map[string]bool)}
	c.checkRoot()
	if err := fs.WalkDir(tree, ".", c.visit); err != nil {
		c.report(".", "%v", err)
	}
	for dir, ok := range c.docs {
		if !ok {
			c.report(dir, "no file has a package comment")
		}
	}
	for name := range long {
		if !c.seenLong[name] {
			c.report(name, "is excused from the limit of %d lines but is not longer: take it off the list", maxLines)
		}
	}
	slices.Sort(c.problems)
	return c.problems
}

// checker gathers what is wrong in a tree.
type checker struct {
	tree     fs.FS
	long     map[string]string
	seenLong map[string]bool
	docs     map[string]bool // folder with Go files → has a package comment
	problems []string
}

func (c *checker) report(where, format string, args ...any) {
	c.problems = append(c.problems, where+": "+fmt.Sprintf(format, args...))
}

// checkRoot compares the root with topLevel.
func (c *checker) checkRoot() {
	entries, err := fs.ReadDir(c.tree, ".")
	if err != nil {
		c.report(".", "%v", err)
	}
	for _, e := range entries {
		built := slices.ContainsFunc(builtHere, func(p string) bool {
			ok, _ := path.Match(p, e.Name())
			return ok
		})
		if !built && !strings.HasPrefix(e.Name(), ".") && !slices.Contains(topLevel, e.Name()) {
			c.report(e.Name(), "the top level is fixed: %s", strings.Join(topLevel, ", "))
		}
	}
}

// visit checks one file, or skips a folder that holds no source of ours.
func (c *checker) visit(name string, d fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	base := path.Base(name)
	if d.IsDir() {
		if name != "." && (strings.HasPrefix(base, ".") || name == "bin" || base == "testdata" && name != "testdata") {
			return fs.SkipDir
		}
		return nil
	}
	if !slices.Contains([]string{".go", ".c", ".h", ".cc", ".cu", ".cuh", ".s"}, path.Ext(name)) {
		return nil
	}
	src, err := fs.ReadFile(c.tree, name)
	if err != nil {
		return err
	}
	c.checkLength(name, src)
	if path.Ext(name) == ".go" {
		c.checkGo(name, src)
	}
	return nil
}

func (c *checker) checkLength(name string, src []byte) {
	n := bytes.Count(src, []byte("\n"))
	if n <= maxLines {
		return
	}
	if c.long[name] == "" {
		c.report(name, "%d lines, at most %d", n, maxLines)
		return
	}
	if c.seenLong == nil {
		c.seenLong = make(map[string]bool)
	}
	c.seenLong[name] = true
}

func (c *checker) checkGo(name string, src []byte) {
	if want, err := format.Source(src); err != nil {
		c.report(name, "%v", err)
		return
	} else if !bytes.Equal(want, src) {
		c.report(name, "is not formatted: run gofmt -w %s", name)
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		c.report(name, "%v", err)
		return
	}
	test := strings.HasSuffix(name, "_test.go")
	dir := path.Dir(name)
	if documented := file.Doc != nil && strings.TrimSpace(file.Doc.Text()) != ""; dir == "." || !test {
		c.docs[dir] = c.docs[dir] || documented
	}
	for _, spec := range file.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			c.report(name, "%v", err)
			continue
		}
		if problem := checkImport(dir, target, test); problem != "" {
			c.report(name, "%s", problem)
		}
	}
}

// checkImport says what is wrong with a file of folder dir importing target.
func checkImport(dir, target string, test bool) string {
	from, _, _ := strings.Cut(dir, "/")
	if target == "C" {
		if from != "kernels" {
			return `import "C" stands only under kernels`
		}
		return ""
	}
	ours, ok := strings.CutPrefix(target, "orchrt/")
	if !ok || test {
		return ""
	}
	to, _, _ := strings.Cut(ours, "/")
	if from != to && !slices.Contains(mayImport[from], to) {
		return fmt.Sprintf("%s may not import %s: imports run cmd → orchestrate → runtime → {sampler, tokenizer, gguf, kernels}", from, target)
	}
	if to == "kernels" && ours != "kernels" && from != "kernels" {
		if ours == "kernels/kerneltest" {
			return target + " is for tests"
		}
		if from != "cmd" {
			return "only cmd names a concrete device, " + target
		}
	}
	return ""
}

// TestTreeReports gives checkTree small trees, each with one fault.
func TestTreeReports(t *testing.T) {
	const doc = "// Package p is documented.\npackage p\n"
	imports := func(target string) string { return doc + "\nimport _ " + strconv.Quote(target) + "\n" }
	long := doc + strings.Repeat("//\n", maxLines)
	for _, tt := range []struct {
		name, file, src string
		long            map[string]string
		want            string // what one report holds; "": no report
	}{
		{name: "clean", file: "kernels/cpu/a.go", src: imports("orchrt/kernels")},
		{name: "downwards", file: "orchestrate/server/a.go", src: imports("orchrt/tokenizer/chat")},
		{name: "own folder", file: "tokenizer/chat/a.go", src: imports("orchrt/tokenizer")},
		{name: "device in cmd", file: "cmd/orchrt/a.go", src: imports("orchrt/kernels/cpu")},
		{name: "upwards", file: "runtime/a.go", src: imports("orchrt/orchestrate"), want: "runtime may not import orchrt/orchestrate"},
		{name: "leaf", file: "tokenizer/a.go", src: imports("orchrt/gguf"), want: "tokenizer may not import"},
		{name: "embedded data", file: "runtime/synth/a.go", src: imports("orchrt/testdata"), want: "runtime may not import orchrt/testdata"},
		{name: "device in runtime", file: "runtime/a.go", src: imports("orchrt/kernels/cpu"), want: "only cmd names a concrete device"},
		{name: "kerneltest outside tests", file: "cmd/orchrt/a.go", src: imports("orchrt/kernels/kerneltest"), want: "is for tests"},
		{name: "kerneltest in tests", file: "runtime/a_test.go", src: imports("orchrt/kernels/kerneltest")},
		{name: "cgo", file: "gguf/a.go", src: imports("C"), want: `import "C" stands only under kernels`},
		{name: "cgo in tests", file: "gguf/a_test.go", src: imports("C"), want: `import "C" stands only under kernels`},
		{name: "no doc", file: "sampler/a.go", src: "package p\n", want: "sampler: no file has a package comment"},
		{name: "top level", file: "util/a.go", src: doc, want: "util: the top level is fixed"},
		{name: "stray file", file: "notes.txt", src: "x", want: "notes.txt: the top level is fixed"},
		{name: "built file", file: "tiny.gguf", src: "x"},
		{name: "unformatted", file: "gguf/a.go", src: doc + "var  x int\n", want: "is not formatted"},
		{name: "syntax", file: "gguf/a.go", src: doc + "var (\n", want: "gguf/a.go: "},
		{name: "long Go", file: "gguf/a.go", src: long, want: "602 lines, at most 600"},
		{name: "long C", file: "kernels/cpu/a.c", src: long, want: "602 lines"},
		{name: "excused", file: "kernels/cpu/a.c", src: long, long: map[string]string{"kernels/cpu/a.c": "a table"}},
		{name: "excused for nothing", file: "kernels/cpu/a.c", src: "\n", long: map[string]string{"kernels/cpu/a.c": "a table"}, want: "take it off the list"},
		{name: "fixtures are not ours", file: "gguf/testdata/a.go", src: "package  p"},
		{name: "hidden", file: ".verify/a.go", src: "package  p"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, filepath.FromSlash(tt.file))
			if err := cmp.Or(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(tt.src), 0o644)); err != nil {
				t.Fatal(err)
			}
			got := checkTree(os.DirFS(dir), tt.long)
			if tt.want == "" && len(got) > 0 {
				t.Errorf("reported %q, want nothing", got)
			}
			if tt.want != "" && !slices.ContainsFunc(got, func(p string) bool { return strings.Contains(p, tt.want) }) {
				t.Errorf("reported %q, want %q", got, tt.want)
			}
		})
	}
}
