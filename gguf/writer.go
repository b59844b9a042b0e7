package gguf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// Writer writes one file of version 3, front to back:
//
//	w := gguf.NewWriter(out)
//	w.Set("general.architecture", "qwen3")
//	w.Add("token_embd.weight", []int64{4096, 151936}, gguf.Q4_K)
//	w.WriteHeader()
//	w.WriteTensor(r) // once for each Add, in that order
//	w.Close()
//
// The first failure sticks: it is returned by all later calls, so that it is
// enough to check that of Close. Failures of the output are returned as they
// are, all others as *Error. The Writer's memory is the directory's; tensors
// stream through.
type Writer struct {
	w       *bufio.Writer
	off     int64 // bytes written
	align   int64
	keys    []entry
	seen    map[string]bool // "k" + key, "t" + tensor
	tensors []*Tensor
	state   int // next tensor, or -1 before the header
	err     error
}

type entry struct {
	key   string
	value any
}

// NewWriter makes a Writer to w. Close does not close w.
func NewWriter(w io.Writer) *Writer {
	return &Writer{w: bufio.NewWriterSize(w, 1<<20), align: DefaultAlignment, seen: map[string]bool{}, state: -1}
}

// stick remembers the first failure.
func (w *Writer) stick(err error) error {
	if w.err == nil {
		w.err = err
	}
	return w.err
}

// failKey and failTensor are errors of the caller's.
func failKey(key, format string, args ...any) error {
	return &Error{File: "writer", Key: key, Offset: -1, Reason: fmt.Sprintf(format, args...), Err: ErrFormat}
}

func failTensor(name, format string, args ...any) error {
	return &Error{File: "writer", Tensor: name, Offset: -1, Reason: fmt.Sprintf(format, args...), Err: ErrFormat}
}

// Set adds a metadata value, whose kind is its Go type: an integer with a size,
// float32, float64, bool, string, or a slice of one of these. A slice is kept
// until WriteHeader and must not change. "general.alignment" takes effect.
func (w *Writer) Set(key string, value any) error {
	switch {
	case w.err != nil:
		return w.err
	case w.state >= 0:
		return w.stick(failKey(key, "set after WriteHeader"))
	case len(key) == 0 || len(key) > MaxKeyLen || !utf8.ValidString(key) || strings.IndexByte(key, 0) >= 0:
		return w.stick(failKey(key, "a key is 1 to %d bytes of UTF-8 without NUL", MaxKeyLen))
	case w.seen["k"+key]:
		return w.stick(failKey(key, "set twice"))
	case len(w.keys) == MaxKeys:
		return w.stick(failKey(key, "more than %d keys", MaxKeys))
	}
	if err := checkValue(key, value); err != nil {
		return w.stick(err)
	}
	if key == keyAlignment {
		a, ok := value.(uint32)
		if !ok || a < MinAlignment || a > MaxAlignment || a&(a-1) != 0 {
			return w.stick(failKey(key, "it must be a uint32, a power of two from %d to %d", MinAlignment, MaxAlignment))
		}
		w.align = int64(a)
	}
	w.seen["k"+key] = true
	w.keys = append(w.keys, entry{key, value})
	return nil
}

// checkValue checks the type of a value and the limits of strings and arrays.
func checkValue(key string, value any) error {
	_, _, n, ok := kindOf(value)
	switch {
	case !ok:
		return failKey(key, "a value of Go type %T, which has no kind in a file", value)
	case n > MaxArrayLen:
		return failKey(key, "%d elements, the limit is %d", n, MaxArrayLen)
	}
	list, _ := value.([]string)
	if s, ok := value.(string); ok {
		list = []string{s}
	}
	for i, s := range list {
		if len(s) > MaxStringLen || !utf8.ValidString(s) {
			return failKey(key, "string %d: it must be UTF-8 of at most %d bytes", i, MaxStringLen)
		}
	}
	return nil
}

// Add declares a tensor: dims fastest first.
func (w *Writer) Add(name string, dims []int64, t Type) error {
	if w.err != nil {
		return w.err
	}
	size, err := SizeOf(t, dims)
	switch {
	case w.state >= 0:
		err = errors.New("added after WriteHeader")
	case len(name) == 0 || len(name) > MaxNameLen || !utf8.ValidString(name) || strings.IndexByte(name, 0) >= 0:
		err = fmt.Errorf("a name is 1 to %d bytes of UTF-8 without NUL", MaxNameLen)
	case w.seen["t"+name]:
		err = errors.New("added twice")
	case len(w.tensors) == MaxTensors:
		err = fmt.Errorf("more than %d tensors", MaxTensors)
	}
	if err != nil {
		return w.stick(failTensor(name, "%v", err))
	}
	w.seen["t"+name] = true
	w.tensors = append(w.tensors, &Tensor{Name: name, Dims: append([]int64(nil), dims...), Type: t, Size: size})
	return nil
}

// DataSize is the number of bytes that the tensors declared so far will take
// with their padding.
func (w *Writer) DataSize() int64 {
	var n int64
	for _, t := range w.tensors {
		n += w.padded(t.Size)
	}
	return n
}

func (w *Writer) padded(n int64) int64 { return (n + w.align - 1) &^ (w.align - 1) }

// WriteHeader writes everything up to the first tensor's data.
func (w *Writer) WriteHeader() error {
	if w.err != nil {
		return w.err
	}
	if w.state >= 0 {
		return w.stick(failKey("", "WriteHeader was called twice"))
	}
	w.state = 0
	w.bytes([]byte("GGUF"))
	w.number(uint32(3))
	w.number(uint64(len(w.tensors)))
	w.number(uint64(len(w.keys)))
	for _, e := range w.keys {
		w.str(e.key)
		w.value(e.value)
	}
	var off int64
	for _, t := range w.tensors {
		w.str(t.Name)
		w.number(uint32(len(t.Dims)))
		for _, d := range t.Dims {
			w.number(uint64(d))
		}
		w.number(uint32(t.Type))
		w.number(uint64(off))
		if off += w.padded(t.Size); off < 0 || off > maxSize {
			return w.stick(failTensor(t.Name, "the file would be too large"))
		}
	}
	w.pad()
	return w.err
}

// WriteTensor copies the next tensor's bytes from r, no more than its Size; it
// is an error where r has fewer.
func (w *Writer) WriteTensor(r io.Reader) error {
	switch {
	case w.err != nil:
		return w.err
	case w.state < 0:
		return w.stick(failTensor("", "WriteTensor before WriteHeader"))
	case w.state == len(w.tensors):
		return w.stick(failTensor("", "WriteTensor after the last of %d tensors", len(w.tensors)))
	}
	t := w.tensors[w.state]
	n, err := io.CopyN(w.w, r, t.Size)
	w.off += n
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return w.stick(&Error{File: "writer", Tensor: t.Name, Offset: w.off, Reason: fmt.Sprintf("%v after %d of %d bytes", err, n, t.Size), Err: err})
	}
	w.state++
	w.pad()
	return w.err
}

// Close writes what is buffered and checks that every tensor was written.
func (w *Writer) Close() error {
	if w.err != nil {
		return w.err
	}
	if w.state != len(w.tensors) {
		return w.stick(failTensor("", "closed with %d of %d tensors written", max(w.state, 0), len(w.tensors)))
	}
	return w.stick(w.w.Flush())
}

// bytes, number, str, value and pad write; the first failure sticks.
func (w *Writer) bytes(b []byte) {
	if w.err == nil {
		n, err := w.w.Write(b)
		w.off += int64(n)
		w.err = err
	}
}

// number writes a fixed-size number.
func (w *Writer) number(x any) {
	var buf [8]byte
	b := buf[:0]
	switch x := x.(type) {
	case uint8:
		b = append(b, x)
	case int8:
		b = append(b, byte(x))
	case bool:
		b = append(b, 0)
		if x {
			b[0] = 1
		}
	case uint16:
		b = binary.LittleEndian.AppendUint16(b, x)
	case int16:
		b = binary.LittleEndian.AppendUint16(b, uint16(x))
	case uint32:
		b = binary.LittleEndian.AppendUint32(b, x)
	case int32:
		b = binary.LittleEndian.AppendUint32(b, uint32(x))
	case float32:
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	case uint64:
		b = binary.LittleEndian.AppendUint64(b, x)
	case int64:
		b = binary.LittleEndian.AppendUint64(b, uint64(x))
	case float64:
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
	}
	w.bytes(b)
}

func (w *Writer) str(s string) {
	w.number(uint64(len(s)))
	if w.err == nil {
		n, err := w.w.WriteString(s)
		w.off += int64(n)
		w.err = err
	}
}

func (w *Writer) pad() {
	w.bytes(make([]byte, w.padded(w.off)-w.off))
}
