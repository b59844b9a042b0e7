//go:build verify

package gguf

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
)

// reference runs testdata/verify.py.
func reference(t *testing.T, args ...string) []byte {
	t.Helper()
	python := cmp.Or(os.Getenv("ORCHRT_VERIFY_PYTHON"), "../.verify/venv/bin/python")
	cmd := exec.Command(python, append([]string{"testdata/verify.py"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd, err, stderr.Bytes())
	}
	return out
}

// described is what verify.py prints of a file.
type described struct {
	Version   uint32
	Alignment int64
	Keys      [][4]any // name, kind, kind of elements (-1: unknown), values
	Tensors   [][6]any // name, dims, type, offset, bytes, sha256
}

// describe is f as verify.py prints it. The kind of an empty array's elements is
// not told.
func describe(t *testing.T, f *File) (d described) {
	t.Helper()
	d.Version, d.Alignment = f.Version(), f.Alignment()
	for _, key := range f.Keys() {
		v, _ := f.Value(key)
		elems, elem := []Value{v}, int(v.Elem())
		if v.Kind() == Array {
			elems = must(v.Head(v.Len()))(t)
			if len(elems) == 0 {
				elem = -1
			}
		}
		values := []any{}
		for _, e := range elems {
			values = append(values, spell(t, e))
		}
		d.Keys = append(d.Keys, [4]any{key, float64(v.Kind()), float64(elem), values})
	}
	for _, x := range f.Tensors() {
		var dims []any
		for _, n := range x.Dims {
			dims = append(dims, float64(n))
		}
		sum := sha256.New()
		if n, err := io.Copy(sum, io.NewSectionReader(x.Reader(), 0, x.Size)); err != nil || n != x.Size {
			t.Errorf("tensor %s: %d bytes, %v", x.Name, n, err)
		}
		d.Tensors = append(d.Tensors, [6]any{x.Name, dims, float64(x.Type), float64(x.Offset), float64(x.Size), hex.EncodeToString(sum.Sum(nil))})
	}
	return d
}

func spell(t *testing.T, v Value) string {
	t.Helper()
	switch {
	case v.Kind().float():
		return hex.EncodeToString(binary.BigEndian.AppendUint64(nil, math.Float64bits(must(v.Float())(t))))
	case v.Kind() == String:
		return must(v.Text())(t)
	case v.Kind() == Bool:
		return strconv.FormatBool(must(v.Bool())(t))
	case v.Kind().signed():
		return strconv.FormatInt(must(v.Int())(t), 10)
	}
	return strconv.FormatUint(must(v.Uint())(t), 10)
}

// compare compares how both read the files.
func compare(t *testing.T, paths ...string) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(reference(t, append([]string{"read"}, paths...)...)))
	lines.Buffer(nil, 1<<30)
	for _, path := range paths {
		var want described
		if !lines.Scan() {
			t.Fatalf("%s: no answer", path)
		}
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		got := describe(t, mustOpen(t, path))
		if got.Version != want.Version || got.Alignment != want.Alignment {
			t.Errorf("%s: version %d, alignment %d; the reference: %d, %d", path, got.Version, got.Alignment, want.Version, want.Alignment)
		}
		difference(t, path+": key", got.Keys, want.Keys)
		difference(t, path+": tensor", got.Tensors, want.Tensors)
	}
}

func difference[T any](t *testing.T, what string, got, want []T) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d of them; the reference: %d", what, len(got), len(want))
		return
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("%s %d: %.300v; the reference: %.300v", what, i, got[i], want[i])
		}
	}
}

// TestVerifyGGUF compares reader and writer with the gguf package: the golden
// files, files written here, and files written by the package.
func TestVerifyGGUF(t *testing.T) {
	t.Run("golden", func(t *testing.T) {
		compare(t, append(golden(t), filepath.Join(goldenDir, "imatrix.gguf"))...)
	})
	dir := t.TempDir()
	t.Run("written here", func(t *testing.T) {
		aligned := append(sample(), entry{keyAlignment, uint32(64)})
		version2 := write(t, sample(), sampleTensors())
		version2[4] = 2
		compare(t, save(t, dir, "all.gguf", write(t, sample(), everyType())), vocabulary(t),
			save(t, dir, "aligned.gguf", write(t, aligned, everyType())), save(t, dir, "v2.gguf", version2))
	})
	reference(t, "write", dir)
	t.Run("written by the package", func(t *testing.T) {
		compare(t, filepath.Join(dir, "plain.gguf"), filepath.Join(dir, "aligned.gguf"))
	})
	t.Run("split", func(t *testing.T) { compareSplit(t, dir) })
	if _, err := Open(filepath.Join(dir, "big.gguf")); !errors.Is(err, ErrVersion) {
		t.Errorf("a big-endian file: %v", err)
	}
}

// everyType is a tensor of each type that the package knows by ggml's size.
func everyType() (list []*Tensor) {
	for id := range Type(len(blocks)) {
		if values, _, ok := id.Block(); ok && id != Q8_1 && id != Q2_0 {
			list = append(list, &Tensor{Name: id.String(), Dims: []int64{2 * values, 3}, Type: id})
		}
	}
	return list
}

// compareSplit compares a split file with the same in one.
func compareSplit(t *testing.T, dir string) {
	shards, _ := filepath.Glob(filepath.Join(dir, "split-*.gguf"))
	whole := describe(t, mustOpen(t, filepath.Join(dir, "plain.gguf")))
	if len(shards) < 3 {
		t.Fatalf("the package wrote the shards %q", shards)
	}
	for _, path := range shards {
		f := mustOpen(t, path)
		got := describe(t, f)
		if fmt.Sprint(f.Shards()) != fmt.Sprint(shards) {
			t.Errorf("shards %q, expected %q", f.Shards(), shards)
		}
		difference(t, "key", got.Keys[:len(got.Keys)-3], whole.Keys)
		for i := range got.Tensors {
			got.Tensors[i][3] = whole.Tensors[i][3] // the offset
		}
		difference(t, "tensor", got.Tensors, whole.Tensors)
	}
}
