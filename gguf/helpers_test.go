package gguf

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// raw builds files byte by byte, right and wrong ones.
type raw struct{ b []byte }

func (r *raw) u8(x uint8) *raw   { r.b = append(r.b, x); return r }
func (r *raw) u32(x uint32) *raw { r.b = binary.LittleEndian.AppendUint32(r.b, x); return r }
func (r *raw) u64(x uint64) *raw { r.b = binary.LittleEndian.AppendUint64(r.b, x); return r }
func (r *raw) str(s string) *raw { r.u64(uint64(len(s))); r.b = append(r.b, s...); return r }

// head is a header of version 3.
func head(tensors, keys uint64) *raw {
	return (&raw{b: []byte("GGUF")}).u32(3).u64(tensors).u64(keys)
}

// key is a key and the kind of its value, which is to follow.
func (r *raw) key(name string, k Kind) *raw { return r.str(name).u32(uint32(k)) }

// tensor is an entry of the directory.
func (r *raw) tensor(name string, t Type, off uint64, dims ...uint64) *raw {
	r.str(name).u32(uint32(len(dims)))
	for _, d := range dims {
		r.u64(d)
	}
	return r.u32(uint32(t)).u64(off)
}

// data pads to the alignment and appends n bytes.
func (r *raw) data(n int) *raw {
	for len(r.b)%DefaultAlignment != 0 {
		r.b = append(r.b, 0)
	}
	r.b = append(r.b, make([]byte, n)...)
	return r
}

// sample is a value of every kind, in order of a file's keys.
func sample() []entry {
	return []entry{
		{"general.architecture", "qwen3"},
		{"u8", uint8(200)}, {"i8", int8(-100)},
		{"u16", uint16(60000)}, {"i16", int16(-30000)},
		{"u32", uint32(4e9)}, {"i32", int32(-2e9)},
		{"u64", uint64(1 << 63)}, {"i64", int64(math.MinInt64)},
		{"f32", float32(1e-6)}, {"f64", float64(math.Pi)},
		{"yes", true}, {"no", false},
		{"text", "naïve\x00 日本語 🙂"}, {"empty", ""},
		{"a.u8", []uint8{0, 255}}, {"a.i8", []int8{-128, 127}},
		{"a.u16", []uint16{0, 65535}}, {"a.i16", []int16{-32768, 32767}},
		{"a.u32", []uint32{0, math.MaxUint32}}, {"a.i32", []int32{math.MinInt32, math.MaxInt32}},
		{"a.u64", []uint64{0, math.MaxUint64}}, {"a.i64", []int64{math.MinInt64, math.MaxInt64}},
		{"a.f32", []float32{float32(math.Inf(-1)), 0.5}}, {"a.f64", []float64{math.Inf(1), 1e300}},
		{"a.bool", []bool{true, false, true}},
		{"a.text", []string{"<|im_start|>", "", "Ġthe", "é"}}, {"a.none", []int32{}}, {"a.no text", []string{}},
	}
}

// sampleTensors are the tensors that write puts into a file.
func sampleTensors() []*Tensor {
	return []*Tensor{
		{Name: "token_embd.weight", Dims: []int64{256, 3}, Type: Q4_K},
		{Name: "norm", Dims: []int64{5}, Type: F32},
		{Name: "cube", Dims: []int64{32, 2, 3, 2}, Type: Q8_0},
	}
}

// content is the bytes of the named tensor.
func content(name string, size int64) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i*7 + len(name))
	}
	return b
}

// write makes a file of keys and tensors with Writer.
func write(t testing.TB, keys []entry, tensors []*Tensor) []byte {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out)
	for _, e := range keys {
		w.Set(e.key, e.value)
	}
	for _, x := range tensors {
		w.Add(x.Name, x.Dims, x.Type)
	}
	w.WriteHeader()
	for _, x := range tensors {
		size, err := SizeOf(x.Type, x.Dims)
		if err != nil {
			t.Fatal(err)
		}
		w.WriteTensor(bytes.NewReader(content(x.Name, size)))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// save writes a file into dir and returns its path.
func save(t testing.TB, dir, name string, b []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// mustOpen opens a file and closes it at the end of the test.
func mustOpen(t testing.TB, path string) *File {
	t.Helper()
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// readAll reads every value and every tensor, and checks what holds for any
// file that opens: sizes of shards are given in order.
func readAll(f *File, sizes ...int64) error {
	for _, key := range f.Keys() {
		v, ok := f.Value(key)
		if !ok {
			return fmt.Errorf("key %q is listed and cannot be found", key)
		}
		if err := readValue(v); err != nil {
			return err
		}
	}
	ends := make([]int64, len(sizes))
	seen := map[string]bool{}
	for _, t := range f.Tensors() {
		if x, ok := f.Tensor(t.Name); !ok || x != t || seen[t.Name] {
			return fmt.Errorf("tensor %q is not found, or twice", t.Name)
		}
		seen[t.Name] = true
		if t.Offset < 24 || t.Size <= 0 || t.Size > sizes[t.Shard]-t.Offset {
			return fmt.Errorf("tensor %q at %d+%d outside of its file of %d", t.Name, t.Offset, t.Size, sizes[t.Shard])
		}
		ends[t.Shard] += t.Size
		last := make([]byte, 1)
		if _, err := t.Reader().ReadAt(last, t.Size-1); err != nil {
			return err
		}
		t.Release()
	}
	for i, n := range ends {
		if n > sizes[i] {
			return fmt.Errorf("the tensors of shard %d overlap: %d bytes of %d", i, n, sizes[i])
		}
	}
	return nil
}

// readValue decodes v by every method; what the file rightly refuses only when
// asked (invalid UTF-8, bools, the range of integers) is not an error here.
func readValue(v Value) error {
	_ = v.String()
	_, e1 := v.Uint()
	_, e2 := v.Int()
	_, e3 := v.Float()
	_, e4 := v.Bool()
	_, e5 := v.Text()
	_, e6 := v.Strings()
	_, e7 := v.Ints()
	_, e8 := v.Floats()
	_, e9 := v.Bools()
	good := 0
	for _, err := range []error{e1, e2, e3, e4, e5, e6, e7, e8, e9} {
		if err == nil {
			good++
		} else if _, ok := err.(*Error); !ok {
			return fmt.Errorf("an error that is no *Error: %v", err)
		}
	}
	if good > 1 && !v.Kind().integer() {
		return fmt.Errorf("%v was taken for %d types", v, good)
	}
	return nil
}
