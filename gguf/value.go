package gguf

import (
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"
)

// Kind is the kind of a metadata value, numbered as in the file.
type Kind uint32

// The kinds of metadata values.
const (
	Uint8 Kind = iota
	Int8
	Uint16
	Int16
	Uint32
	Int32
	Float32
	Bool
	String
	Array
	Uint64
	Int64
	Float64
)

// kinds is indexed by Kind. A width of 0 is that of a value of no fixed size.
var kinds = [...]struct {
	name  string
	width int64
}{
	Uint8: {"uint8", 1}, Int8: {"int8", 1}, Uint16: {"uint16", 2}, Int16: {"int16", 2},
	Uint32: {"uint32", 4}, Int32: {"int32", 4}, Float32: {"float32", 4}, Bool: {"bool", 1},
	String: {"string", 0}, Array: {"array", 0},
	Uint64: {"uint64", 8}, Int64: {"int64", 8}, Float64: {"float64", 8},
}

// String is the kind's name, such as "uint32".
func (k Kind) String() string {
	if int64(k) < int64(len(kinds)) {
		return kinds[k].name
	}
	return fmt.Sprintf("kind %d", uint32(k))
}

// width is the size in bytes of a value of kind k.
func (k Kind) width() int64 { return kinds[k].width }

// integer and float tell the families of kinds.
func (k Kind) integer() bool { return k.signed() || k.unsigned() }
func (k Kind) float() bool   { return k == Float32 || k == Float64 }
func (k Kind) signed() bool  { return k == Int8 || k == Int16 || k == Int32 || k == Int64 }
func (k Kind) unsigned() bool {
	return k == Uint8 || k == Uint16 || k == Uint32 || k == Uint64
}

// Value is a metadata value. Numbers are held; strings and arrays stay in the
// file until they are asked for, so their methods fail once the file is closed.
type Value struct {
	sh   *shard
	key  string
	kind Kind
	elem Kind   // of an array
	n    int64  // elements of an array
	off  int64  // of the payload: the scalar, the string's bytes, the first element
	size int64  // bytes of the payload
	bits uint64 // a scalar as stored
}

// Kind is the kind of the value.
func (v Value) Kind() Kind { return v.kind }

// Elem is the kind of an array's elements; of other values it is their Kind.
func (v Value) Elem() Kind {
	if v.kind == Array {
		return v.elem
	}
	return v.kind
}

// Len is the number of an array's elements, or 1.
func (v Value) Len() int { return int(v.n) }

// Size is the number of bytes that the value takes in the file, without the
// length of a string and the head of an array.
func (v Value) Size() int64 { return v.size }

// describe is what the value is, for errors.
func (v Value) describe() string {
	if v.kind == Array {
		return fmt.Sprintf("an array of %d %v", v.n, v.elem)
	}
	return "of kind " + v.kind.String()
}

// fail is an error about the value.
func (v Value) fail(class error, format string, args ...any) *Error {
	return &Error{File: v.sh.path, Key: v.key, Offset: v.off, Reason: fmt.Sprintf(format, args...), Err: class}
}

// mismatch is the error of a value of another kind than want.
func (v Value) mismatch(want string) *Error {
	return v.fail(ErrKind, "the value is %s, expected %s", v.describe(), want)
}

// Uint is a non-negative integer of any width.
func (v Value) Uint() (uint64, error) {
	if v.kind.signed() {
		if i := v.signed(); i < 0 {
			return 0, v.fail(ErrKind, "the value is %d, it must not be negative", i)
		}
	} else if !v.kind.unsigned() {
		return 0, v.mismatch("an integer")
	}
	return v.bits, nil
}

// Int is an integer of any width that fits in 64 bits with a sign.
func (v Value) Int() (int64, error) {
	switch {
	case v.kind.signed():
		return v.signed(), nil
	case !v.kind.unsigned():
		return 0, v.mismatch("an integer")
	case v.bits > math.MaxInt64:
		return 0, v.fail(ErrKind, "the value is %d, the largest that is taken is %d", v.bits, int64(math.MaxInt64))
	}
	return int64(v.bits), nil
}

// Float is a float32 or a float64; it may be infinite or not a number.
func (v Value) Float() (float64, error) {
	if !v.kind.float() {
		return 0, v.mismatch("a float")
	}
	return v.float(), nil
}

// Bool is a bool.
func (v Value) Bool() (bool, error) {
	if v.kind != Bool {
		return false, v.mismatch("a bool")
	}
	return v.bits == 1, nil
}

// Text is a copy of a string. It must be UTF-8.
func (v Value) Text() (string, error) {
	b, err := v.Bytes()
	if err != nil {
		return "", err
	}
	if !utf8.Valid(b) {
		return "", v.fail(ErrFormat, "the string is not UTF-8: %q", clip(b))
	}
	return string(b), nil
}

// Bytes is a copy of a string's bytes, which need not be UTF-8.
func (v Value) Bytes() ([]byte, error) {
	if v.kind != String {
		return nil, v.mismatch("a string")
	}
	return v.load(v.size)
}

// load copies the first n bytes of the payload.
func (v Value) load(n int64) ([]byte, error) {
	b := make([]byte, n)
	if n == 0 {
		return b, nil
	}
	_, err := v.sh.src.ReadAt(b, v.off)
	return b, v.sh.wrap(err, v.key, "")
}

// signed is the stored number of a kind with a sign.
func (v Value) signed() int64 {
	shift := 64 - 8*v.kind.width()
	return int64(v.bits<<shift) >> shift
}

// float is the stored number of a float kind.
func (v Value) float() float64 {
	if v.kind == Float32 {
		return float64(math.Float32frombits(uint32(v.bits)))
	}
	return math.Float64frombits(v.bits)
}

// String is the value for people to read: long strings and arrays are
// shortened, and a failure to read is shown in place of the value.
func (v Value) String() string {
	switch {
	case v.kind == String:
		return v.quoted()
	case v.kind == Array:
		return v.listed()
	case v.kind.signed():
		return strconv.FormatInt(v.signed(), 10)
	case v.kind == Float32:
		return strconv.FormatFloat(v.float(), 'g', -1, 32)
	case v.kind == Float64:
		return strconv.FormatFloat(v.float(), 'g', -1, 64)
	case v.kind == Bool:
		return strconv.FormatBool(v.bits == 1)
	}
	return strconv.FormatUint(v.bits, 10)
}

// Of strings and arrays, String shows this much.
const (
	shownBytes    = 60
	shownElements = 4
)

func (v Value) quoted() string {
	b, err := v.load(min(v.size, shownBytes))
	switch {
	case err != nil:
		return "(" + err.Error() + ")"
	case v.size > shownBytes:
		for len(b) > shownBytes-utf8.UTFMax && !utf8.Valid(b) {
			b = b[:len(b)-1] // a character cut in two
		}
		return fmt.Sprintf("%q… (%d bytes)", b, v.size)
	}
	return strconv.Quote(string(b))
}

func (v Value) listed() string {
	head, err := v.Head(shownElements)
	if err != nil {
		return "(" + err.Error() + ")"
	}
	s := "["
	for i, e := range head {
		if i > 0 {
			s += ", "
		}
		s += e.String()
	}
	if v.n > shownElements {
		s += fmt.Sprintf(", … (%d in all)", v.n)
	}
	return s + "]"
}
