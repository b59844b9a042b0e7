package gguf

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestWriterAlignment(t *testing.T) {
	file := write(t, []entry{{keyAlignment, uint32(128)}}, sampleTensors())
	f := mustRead(t, file)
	checkTensors(t, f, sampleTensors())
	for _, x := range f.Tensors() {
		if x.Offset%128 != 0 {
			t.Errorf("tensor %q at %d", x.Name, x.Offset)
		}
	}
	if len(file)%128 != 0 {
		t.Errorf("a file of %d bytes", len(file))
	}
}

func TestWriterErrors(t *testing.T) {
	good := bytes.NewReader(make([]byte, 1000))
	for name, c := range map[string]struct {
		do   func(w *Writer)
		says string
	}{
		"key twice":          {func(w *Writer) { w.Set("a", true); w.Set("a", true) }, `"a": set twice`},
		"empty key":          {func(w *Writer) { w.Set("", true) }, "1 to 65535"},
		"long key":           {func(w *Writer) { w.Set(strings.Repeat("k", 1<<16), true) }, "1 to 65535"},
		"key with NUL":       {func(w *Writer) { w.Set("a\x00", true) }, "NUL"},
		"int":                {func(w *Writer) { w.Set("a", 1) }, "Go type int"},
		"nil":                {func(w *Writer) { w.Set("a", nil) }, "nil"},
		"nested":             {func(w *Writer) { w.Set("a", [][]string{}) }, "[][]string"},
		"text not UTF-8":     {func(w *Writer) { w.Set("a", "\xff") }, "UTF-8"},
		"element not UTF-8":  {func(w *Writer) { w.Set("a", []string{"b", "\xff"}) }, "string 1"},
		"long text":          {func(w *Writer) { w.Set("a", strings.Repeat("a", MaxStringLen+1)) }, "16777216"},
		"long array":         {func(w *Writer) { w.Set("a", make([]uint8, MaxArrayLen+1)) }, "67108864"},
		"alignment 3":        {func(w *Writer) { w.Set(keyAlignment, uint32(3)) }, "power of two"},
		"alignment uint64":   {func(w *Writer) { w.Set(keyAlignment, uint64(32)) }, "uint32"},
		"tensor twice":       {func(w *Writer) { w.Add("a", []int64{1}, F32); w.Add("a", []int64{1}, F32) }, `"a": added twice`},
		"long name":          {func(w *Writer) { w.Add(strings.Repeat("n", 64), []int64{1}, F32) }, "1 to 63"},
		"cut block":          {func(w *Writer) { w.Add("a", []int64{100}, Q4_K) }, "blocks of 256"},
		"removed type":       {func(w *Writer) { w.Add("a", []int64{32}, 4) }, "removed"},
		"too large":          {func(w *Writer) { w.Add("a", []int64{1 << 62}, I8); w.Add("b", []int64{1 << 62}, I8); w.WriteHeader() }, "too large"},
		"set late":           {func(w *Writer) { w.WriteHeader(); w.Set("a", true) }, "after WriteHeader"},
		"added late":         {func(w *Writer) { w.WriteHeader(); w.Add("a", []int64{1}, F32) }, "after WriteHeader"},
		"two headers":        {func(w *Writer) { w.WriteHeader(); w.WriteHeader() }, "twice"},
		"no header":          {func(w *Writer) { w.Add("a", []int64{1}, F32); w.WriteTensor(good) }, "before WriteHeader"},
		"closed at once":     {func(w *Writer) {}, "closed"},
		"tensor not written": {func(w *Writer) { w.Add("a", []int64{1}, F32); w.WriteHeader() }, "0 of 1"},
		"one too many":       {func(w *Writer) { w.WriteHeader(); w.WriteTensor(good) }, "after the last"},
		"short":              {func(w *Writer) { w.Add("a", []int64{9}, F32); w.WriteHeader(); w.WriteTensor(strings.NewReader("abc")) }, "3 of 36"},
		"failing reader": {func(w *Writer) {
			w.Add("a", []int64{9}, F32)
			w.WriteHeader()
			w.WriteTensor(iotest.ErrReader(errors.New("disk")))
		}, "disk"},
	} {
		w := NewWriter(io.Discard)
		c.do(w)
		err := w.Close()
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, expected %q", name, err, c.says)
		}
		for _, again := range []error{w.Set("z", true), w.Add("z", []int64{1}, F32), w.WriteHeader(), w.WriteTensor(good), w.Close()} {
			if again != err {
				t.Errorf("%s: %v, then %v", name, err, again)
			}
		}
	}
}

// TestWriterFails lets the output fail: the error comes back as it is.
func TestWriterFails(t *testing.T) {
	for _, n := range []int{0, 10, 1 << 10, 1 << 20} {
		w := NewWriter(&limited{n})
		w.Set("text", strings.Repeat("x", 1<<20)) // as much as the Writer buffers
		w.WriteHeader()
		if err := w.Close(); err != errFull {
			t.Fatalf("after %d bytes: %v", n, err)
		}
	}
}

var errFull = errors.New("disk full")

// limited takes left bytes and fails.
type limited struct{ left int }

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.left {
		n := l.left
		l.left = 0
		return n, errFull
	}
	l.left -= len(p)
	return len(p), nil
}

// TestWriterStreams writes a tensor larger than memory should hold.
func TestWriterStreams(t *testing.T) {
	const rows = 1 << 12
	dims := []int64{1 << 14, rows}
	allocated := testing.AllocsPerRun(1, func() {
		w := NewWriter(io.Discard)
		w.Add("w", dims, F32)
		if w.DataSize() != 4<<26 {
			t.Errorf("%d bytes of data", w.DataSize())
		}
		w.WriteHeader()
		w.WriteTensor(zeros{})
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	if allocated > 60 {
		t.Errorf("%v allocations", allocated)
	}
}

// zeros is endless.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
