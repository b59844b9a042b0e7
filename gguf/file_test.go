package gguf

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	file := write(t, sample(), sampleTensors())
	mapped := mustOpen(t, save(t, t.TempDir(), "m.gguf", file))
	streamed, err := New(bytes.NewReader(file), int64(len(file)), "m.gguf")
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]*File{"mapped": mapped, "streamed": streamed, "memory": mustRead(t, file)} {
		t.Run(name, func(t *testing.T) {
			checkKeys(t, f, sample())
			checkTensors(t, f, sampleTensors())
			if f.Version() != 3 || f.Size() != int64(len(file)) || f.Alignment() != 32 || len(f.Shards()) != 1 {
				t.Errorf("version %d, %d bytes, alignment %d, shards %q", f.Version(), f.Size(), f.Alignment(), f.Shards())
			}
			if err := readAll(f, int64(len(file))); err != nil {
				t.Error(err)
			}
		})
	}
	file[4] = 2
	if f := mustRead(t, file); f.Version() != 2 {
		t.Errorf("version %d", f.Version())
	} else {
		checkKeys(t, f, sample())
	}
}

// checkKeys compares all keys, their order and their values.
func checkKeys(t *testing.T, f *File, want []entry) {
	t.Helper()
	var keys []string
	for _, e := range want {
		keys = append(keys, e.key)
		v, ok := f.Value(e.key)
		if !ok || !f.Has(e.key) {
			t.Errorf("key %q is missing", e.key)
			continue
		}
		kind, elem, n, _ := kindOf(e.value)
		if v.Kind() != kind || v.Elem() != elem || v.Len() != n {
			t.Errorf("key %q: %v of %d %v, expected %v of %d %v", e.key, v.Kind(), v.Len(), v.Elem(), kind, n, elem)
		}
		if got := goValue(t, v); !reflect.DeepEqual(got, e.value) {
			t.Errorf("key %q: %#v, expected %#v", e.key, got, e.value)
		}
	}
	if !reflect.DeepEqual(f.Keys(), keys) {
		t.Errorf("keys %q, expected %q", f.Keys(), keys)
	}
}

// goValue is v as the Go type that Writer.Set takes for its kind.
func goValue(t *testing.T, v Value) any {
	t.Helper()
	if v.Kind() == Array {
		return goArray(t, v)
	}
	u, i, x := v.bits, int64(0), 0.0
	if v.Kind().signed() {
		i = must(v.Int())(t)
	} else if v.Kind().float() {
		x = must(v.Float())(t)
	}
	switch v.Kind() {
	case Uint8:
		return uint8(u)
	case Int8:
		return int8(i)
	case Uint16:
		return uint16(u)
	case Int16:
		return int16(i)
	case Uint32:
		return uint32(u)
	case Int32:
		return int32(i)
	case Int64:
		return i
	case Float32:
		return float32(x)
	case Float64:
		return x
	case Bool:
		return must(v.Bool())(t)
	case String:
		return must(v.Text())(t)
	}
	return must(v.Uint())(t)
}

// goArray makes the slice by Head, and checks it against the typed methods.
func goArray(t *testing.T, v Value) any {
	t.Helper()
	head := must(v.Head(v.Len() + 1))(t)
	zero := reflect.TypeOf(goValue(t, Value{sh: v.sh, kind: v.elem}))
	list := reflect.MakeSlice(reflect.SliceOf(zero), 0, 0)
	for _, e := range head {
		list = reflect.Append(list, reflect.ValueOf(goValue(t, e)))
	}
	var typed any
	switch {
	case v.elem == String:
		typed = must(v.Strings())(t)
	case v.elem == Bool:
		typed = must(v.Bools())(t)
	case v.elem.float():
		typed = must(v.Floats())(t)
	case v.elem == Uint64: // does not fit in int64
	default:
		typed = must(v.Ints())(t)
	}
	if typed != nil {
		for i := range head {
			a, b := list.Index(i), reflect.ValueOf(typed).Index(i)
			if !a.Convert(b.Type()).Equal(b) {
				t.Errorf("element %d of %v: %v, expected %v", i, v, b, a)
			}
		}
	}
	return list.Interface()
}

func must[T any](x T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Error(err)
		}
		return x
	}
}

// checkTensors compares all tensors with those that write was given.
func checkTensors(t *testing.T, f *File, want []*Tensor) {
	t.Helper()
	if len(f.Tensors()) != len(want) {
		t.Fatalf("%d tensors, expected %d", len(f.Tensors()), len(want))
	}
	for i, got := range f.Tensors() {
		w := want[i]
		if got.Name != w.Name || got.Type != w.Type || !reflect.DeepEqual(got.Dims, w.Dims) {
			t.Errorf("tensor %q %v %v, expected %q %v %v", got.Name, got.Type, got.Dims, w.Name, w.Type, w.Dims)
		}
		b, err := io.ReadAll(io.NewSectionReader(got.Reader(), 0, 1<<40))
		if err != nil || !bytes.Equal(b, content(w.Name, got.Size)) {
			t.Errorf("tensor %q: %d bytes, %v: not what was written", got.Name, len(b), err)
		}
		got.Release()
		part := min(got.Size, 3)
		if n, err := got.Reader().ReadAt(make([]byte, 8), got.Size-part); int64(n) != part || err != io.EOF {
			t.Errorf("tensor %q: a read over its end: %d, %v", got.Name, n, err)
		}
		if n, err := got.Reader().ReadAt(make([]byte, 8), got.Size); n != 0 || err != io.EOF {
			t.Errorf("tensor %q: a read behind its end: %d, %v", got.Name, n, err)
		}
		if _, err := got.Reader().ReadAt(make([]byte, 8), -1); err == nil {
			t.Errorf("tensor %q: a read before its start succeeds", got.Name)
		}
	}
}

func TestTypedValues(t *testing.T) {
	f := mustRead(t, write(t, append(sample(), entry{"big", []uint64{1 << 63}}), nil))
	wrong := func(key, found, expected string, err error) {
		t.Helper()
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, ErrKind) || e.Key != key || !strings.Contains(err.Error(), found) || !strings.Contains(err.Error(), expected) {
			t.Errorf("%v: expected key %q, found %q, expected %q", err, key, found, expected)
		}
	}
	wrong("u64", "9223372036854775808", "largest", second(f.Int("u64")))
	wrong("i8", "-100", "negative", second(f.Uint("i8")))
	wrong("text", "string", "integer", second(f.Uint("text")))
	wrong("yes", "bool", "integer", second(f.Int("yes")))
	wrong("u32", "uint32", "float", second(f.Float("u32")))
	wrong("u8", "uint8", "bool", second(f.Bool("u8")))
	wrong("a.text", "an array of 4 string", "a string", second(f.String("a.text")))
	wrong("text", "string", "array of strings", second(f.Strings("text")))
	wrong("a.u8", "an array of 2 uint8", "array of floats", second(f.Floats("a.u8")))
	wrong("a.f32", "float32", "array of integers", second(f.Ints("a.f32")))
	wrong("a.i32", "int32", "array of bools", second(f.Bools("a.i32")))
	wrong("big", "9223372036854775808", "largest", second(f.Ints("big")))
	_, err := f.Uint("absent")
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, ErrMissing) || e.Key != "absent" {
		t.Errorf("missing key: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestValueString(t *testing.T) {
	long := strings.Repeat("é", 40)
	f := mustRead(t, write(t, append(sample(), entry{"long", long}, entry{"many", []int8{-1, 2, 3, 4, 5}}), nil))
	for key, want := range map[string]string{
		"i8": "-100", "u64": "9223372036854775808", "f32": "1e-06", "yes": "true", "general.architecture": `"qwen3"`,
		"a.text": `["<|im_start|>", "", "Ġthe", "é"]`, "a.none": "[]", "many": "[-1, 2, 3, 4, … (5 in all)]",
		"long": `"` + strings.Repeat("é", 30) + `"… (80 bytes)`, "a.bool": "[true, false, true]",
	} {
		if v, _ := f.Value(key); v.String() != want {
			t.Errorf("%s is shown as %s, expected %s", key, v, want)
		}
	}
}

// TestLateValues checks what is found out only when a value is asked for.
func TestLateValues(t *testing.T) {
	r := head(0, 3).key("s", String).str("a\xff")
	r.key("l", Array).u32(uint32(String)).u64(2).str("ok").str("\xed\xa0\x80")
	r.key("b", Array).u32(uint32(Bool)).u64(2).u8(1).u8(7)
	f := mustRead(t, r.data(0).b)
	for key, err := range map[string]error{"s": second(f.String("s")), "l": second(f.Strings("l")), "b": second(f.Bools("b"))} {
		var e *Error
		if !errors.As(err, &e) || e.Key != key || !errors.Is(err, ErrFormat) {
			t.Errorf("key %s: %v", key, err)
		}
	}
	if b, err := must2(f.Value("s")).Bytes(); err != nil || string(b) != "a\xff" {
		t.Errorf("the bytes of s: %q, %v", b, err)
	}
}

func must2(v Value, ok bool) Value { return v }

// TestShrink cuts a file while it is mapped.
func TestShrink(t *testing.T) {
	tensors := []*Tensor{{Name: "w", Dims: []int64{1 << 18}, Type: F32}}
	keys := []entry{{"words", []string{strings.Repeat("a", 9000), strings.Repeat("b", 9000), "c"}}, {"text", strings.Repeat("x", 8000)}}
	file := write(t, keys, tensors)
	for _, size := range []int64{int64(len(file)) - 100, 1 << 17, 5000, 100, 0} {
		path := save(t, t.TempDir(), "m.gguf", file)
		f := mustOpen(t, path)
		w := f.Tensors()[0]
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		_, err := w.Reader().ReadAt(make([]byte, w.Size), 0)
		checkChanged(t, err, "", "w")
		_, err = w.Reader().ReadAt(make([]byte, 10), w.Size-10)
		checkChanged(t, err, "", "w")
		_, err = f.Strings("words")
		checkChanged(t, err, "words", "")
		if text, err := f.String("text"); size > 1<<16 {
			if text != keys[1].value || err != nil {
				t.Errorf("a string before the cut: %d bytes, %v", len(text), err)
			}
		} else {
			checkChanged(t, err, "text", "")
		}
		w.Release()
	}
}

func checkChanged(t *testing.T, err error, key, tensor string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, ErrChanged) || e.Key != key || e.Tensor != tensor {
		t.Errorf("error %v, expected ErrChanged for key %q, tensor %q", err, key, tensor)
	}
}

// TestShrinkStream is the same for a reader.
func TestShrinkStream(t *testing.T) {
	file := write(t, sample(), sampleTensors())
	r := &shrinking{b: file}
	f, err := New(r, int64(len(file)), "m.gguf")
	if err != nil {
		t.Fatal(err)
	}
	r.b = r.b[:100]
	w := f.Tensors()[0]
	_, err = w.Reader().ReadAt(make([]byte, 10), 0)
	checkChanged(t, err, "", w.Name)
	checkChanged(t, second(f.Strings("a.text")), "a.text", "")
}

type shrinking struct{ b []byte }

func (s *shrinking) ReadAt(p []byte, off int64) (int, error) { return memory(s.b).ReadAt(p, off) }

// TestRewrite changes lengths inside an open file.
func TestRewrite(t *testing.T) {
	file := write(t, []entry{{"words", []string{"one", "two", "three"}}}, nil)
	f := mustRead(t, file)
	at := bytes.Index(file, []byte("two")) - 8
	for _, n := range []byte{255, 12, 6} {
		file[at] = n
		checkChanged(t, second(f.Strings("words")), "words", "")
	}
	file[at+7] = 0xff
	checkChanged(t, second(f.Strings("words")), "words", "")
}

func TestClosed(t *testing.T) {
	f := mustOpen(t, save(t, t.TempDir(), "m.gguf", write(t, sample(), sampleTensors())))
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() { // until the file is closed
			w := f.Tensors()[2]
			for err := error(nil); err == nil; {
				_, err = w.Reader().ReadAt(make([]byte, 100), 0)
				if err != nil && !errors.Is(err, ErrClosed) {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	readers.Wait()
	if _, err := f.String("text"); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if n, err := f.Uint("u8"); n != 200 || err != nil {
		t.Errorf("a number after Close: %d, %v", n, err)
	}
	f.Tensors()[0].Release()
}

func TestSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	good := save(t, dir, "good.gguf", write(t, sample(), sampleTensors()))
	link := filepath.Join(dir, "link.gguf")
	if err := os.Symlink(good, link); err != nil {
		t.Skip("no symbolic links: ", err)
	}
	if f := mustOpen(t, link); f.Path() != link {
		t.Errorf("path %q", f.Path())
	}
	dangling, loop := filepath.Join(dir, "dangling.gguf"), filepath.Join(dir, "loop.gguf")
	os.Symlink("nothing", dangling)
	os.Symlink(loop, loop)
	for path, says := range map[string]string{
		dir: "folder", filepath.Join(dir, "absent.gguf"): "no such file", dangling: "no such file", loop: "too many",
		save(t, dir, "empty.gguf", nil): "empty", "": "no such file",
	} {
		checkOpen(t, path, says)
	}
	if !errors.Is(second(Open(dangling)), os.ErrNotExist) {
		t.Error("a missing file is not os.ErrNotExist")
	}
}

func checkOpen(t *testing.T, path, says string) {
	t.Helper()
	_, err := Open(path)
	var e *Error
	if !errors.As(err, &e) || e.File != path || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: %v, expected %q", path, err, says)
	}
}
