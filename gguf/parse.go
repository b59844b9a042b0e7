package gguf

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"unicode/utf8"
)

// parser reads the header, the keys and the tensor directory of one shard.
// key and tensor say what is being read, for errors.
type parser struct {
	*cursor
	sh          *shard
	key, tensor string
}

// parse fills sh from its source.
func (sh *shard) parse() error {
	err := sh.src.hold(func() error {
		p := &parser{cursor: newCursor(sh.src, 0, sh.size), sh: sh}
		return p.file()
	})
	return sh.wrap(err, "", "")
}

// fail is an error at offset off.
func (p *parser) fail(class error, off int64, format string, args ...any) *Error {
	return &Error{File: p.sh.path, Key: p.key, Tensor: p.tensor, Offset: off,
		Reason: fmt.Sprintf(format, args...), Err: class}
}

// need checks that n more bytes are there for what.
func (p *parser) need(n int64, what string) error {
	if n <= p.left() {
		return nil
	}
	return p.fail(ErrTruncated, p.off, "%s takes %d bytes, and the file ends after %d more: it is incomplete or damaged, fetch it again",
		what, n, p.left())
}

func (p *parser) file() error {
	tensors, keys, err := p.header()
	if err != nil {
		return err
	}
	if err := p.metadata(keys); err != nil {
		return err
	}
	align, err := p.alignment()
	if err != nil {
		return err
	}
	if err := p.directory(tensors); err != nil {
		return err
	}
	p.sh.align = align
	p.sh.data = (p.off + align - 1) &^ (align - 1)
	return p.place()
}

// header reads the first 24 bytes.
func (p *parser) header() (tensors, keys uint64, err error) {
	if err := p.magic(); err != nil {
		return 0, 0, err
	}
	if err := p.need(20, "the header"); err != nil {
		return 0, 0, err
	}
	if p.sh.version, err = p.u32(); err != nil {
		return 0, 0, err
	}
	if err := p.checkVersion(p.sh.version); err != nil {
		return 0, 0, err
	}
	if tensors, err = p.u64(); err != nil {
		return 0, 0, err
	}
	if keys, err = p.u64(); err != nil {
		return 0, 0, err
	}
	if err := p.count(8, "tensors", tensors, MaxTensors, minTensorBytes); err != nil {
		return 0, 0, err
	}
	return tensors, keys, p.count(16, "keys", keys, MaxKeys, minKeyBytes)
}

// magic checks the first four bytes.
func (p *parser) magic() error {
	head, err := p.next(int(min(sniffLen, p.left())))
	if err != nil {
		return err
	}
	if !strings.HasPrefix(string(head), "GGUF") {
		return p.fail(ErrNotGGUF, 0, "%s", sniff(head, p.end))
	}
	p.off = 4
	return nil
}

func (p *parser) checkVersion(v uint32) error {
	switch swapped := bits.ReverseBytes32(v); {
	case v == 2 || v == 3:
		return nil
	case v == 1:
		return p.fail(ErrVersion, 4, "version 1 of the format, which was given up in 2023: convert the model anew")
	case swapped >= 1 && swapped <= 3:
		return p.fail(ErrVersion, 4, "a big-endian file (version %d): fetch the little-endian one, or convert it with gguf-convert-endian", swapped)
	}
	return p.fail(ErrVersion, 4, "version %d of the format is unknown, 2 and 3 are read: the file is damaged or newer than this program", v)
}

// count checks a number of entries of at least size bytes each.
func (p *parser) count(off int64, what string, n, limit uint64, size int64) error {
	if n > limit {
		return p.fail(ErrLimit, off, "%d %s, the limit is %d: the file is damaged", n, what, limit)
	}
	if int64(n) > p.left()/size {
		return p.fail(ErrTruncated, off, "%d %s do not fit in the %d bytes that follow: the file is incomplete or damaged, fetch it again", n, what, p.left())
	}
	return nil
}

// metadata reads n keys with their values.
func (p *parser) metadata(n uint64) error {
	p.sh.values = make(map[string]Value, min(n, 256))
	for i := range n {
		start := p.off
		key, err := p.name(fmt.Sprintf("key %d", i), MaxKeyLen)
		if err != nil {
			return err
		}
		p.key = key
		if _, ok := p.sh.values[key]; ok {
			return p.fail(ErrFormat, start, "the key stands in the file twice")
		}
		v, err := p.value()
		if err != nil {
			return err
		}
		p.sh.keys = append(p.sh.keys, key)
		p.sh.values[key] = v
		p.key = ""
	}
	return nil
}

// name reads the name of a key or a tensor; what says of which.
func (p *parser) name(what string, limit int64) (string, error) {
	start := p.off
	n, err := p.length("the name of "+what, limit)
	if err != nil {
		return "", err
	}
	b, err := p.next(int(n))
	if err != nil {
		return "", err
	}
	switch {
	case n == 0:
		return "", p.fail(ErrFormat, start, "the name of %s is empty", what)
	case !utf8.Valid(b):
		return "", p.fail(ErrFormat, start, "the name of %s is not UTF-8: %q", what, clip(b))
	case strings.IndexByte(string(b), 0) >= 0:
		return "", p.fail(ErrFormat, start, "the name of %s has a NUL in it: %q", what, clip(b))
	}
	return string(b), nil
}

// length reads the length of a string and checks that the string is there.
func (p *parser) length(what string, limit int64) (int64, error) {
	if err := p.need(8, what); err != nil {
		return 0, err
	}
	n, err := p.u64()
	if err != nil {
		return 0, err
	}
	if n > uint64(limit) {
		return 0, p.fail(ErrLimit, p.off-8, "%s has %d bytes, the limit is %d: the file is damaged", what, n, limit)
	}
	return int64(n), p.need(int64(n), what)
}

// value reads a value. Scalars are decoded, the rest is stepped over.
func (p *parser) value() (Value, error) {
	if err := p.need(4, "the kind of the value"); err != nil {
		return Value{}, err
	}
	k, err := p.u32()
	if err != nil {
		return Value{}, err
	}
	v := Value{sh: p.sh, key: p.key, kind: Kind(k), n: 1}
	switch {
	case v.kind > Float64:
		return v, p.fail(ErrFormat, p.off-4, "the value is of kind %d, kinds are 0 to %d: the file is damaged", k, Float64)
	case v.kind == String:
		n, err := p.length("the string", MaxStringLen)
		v.off, v.size = p.off, n
		p.off += n
		return v, err
	case v.kind == Array:
		return v, p.array(&v)
	}
	v.size = v.kind.width()
	if err := p.need(v.size, "the value"); err != nil {
		return v, err
	}
	v.off = p.off
	if v.bits, err = p.uint(int(v.size)); err != nil {
		return v, err
	}
	if v.kind == Bool && v.bits > 1 {
		return v, p.fail(ErrFormat, v.off, "a bool is 0 or 1, not %d: the file is damaged", v.bits)
	}
	return v, nil
}

// array steps over an array and notes where its elements lie.
func (p *parser) array(v *Value) error {
	if err := p.need(12, "the head of the array"); err != nil {
		return err
	}
	k, err := p.u32()
	if err != nil {
		return err
	}
	n, err := p.u64()
	if err != nil {
		return err
	}
	v.elem, v.off = Kind(k), p.off
	switch {
	case v.elem == Array:
		return p.fail(ErrFormat, p.off-12, "an array of arrays, which no model needs and no loader takes")
	case v.elem > Float64:
		return p.fail(ErrFormat, p.off-12, "an array of kind %d, kinds are 0 to %d: the file is damaged", k, Float64)
	case n > MaxArrayLen:
		return p.fail(ErrLimit, p.off-8, "an array of %d elements, the limit is %d: the file is damaged", n, MaxArrayLen)
	}
	v.n = int64(n)
	if v.elem == String {
		err = p.skipStrings(v.n)
	} else if err = p.need(v.n*v.elem.width(), "the array"); err == nil {
		p.off += v.n * v.elem.width()
	}
	v.size = p.off - v.off
	return err
}

// skipStrings steps over n strings.
func (p *parser) skipStrings(n int64) error {
	if err := p.need(8*n, "the array of strings"); err != nil {
		return err
	}
	for i := range n {
		if p.left() < 8 {
			return p.need(8, fmt.Sprintf("element %d", i))
		}
		size, err := p.u64()
		if err != nil {
			return err
		}
		if size > MaxStringLen {
			return p.fail(ErrLimit, p.off-8, "element %d has %d bytes, the limit is %d: the file is damaged", i, size, MaxStringLen)
		}
		if int64(size) > p.left() {
			return p.need(int64(size), fmt.Sprintf("element %d", i))
		}
		p.off += int64(size)
	}
	return nil
}

// alignment is that of the tensors' data.
func (p *parser) alignment() (int64, error) {
	v, ok := p.sh.values[keyAlignment]
	if !ok {
		return DefaultAlignment, nil
	}
	p.key = keyAlignment
	defer func() { p.key = "" }()
	if v.kind != Uint32 {
		return 0, p.fail(ErrKind, v.off, "the value is %v, it must be a uint32", v.describe())
	}
	if a := v.bits; a < MinAlignment || a > MaxAlignment || a&(a-1) != 0 {
		return 0, p.fail(ErrFormat, v.off, "an alignment of %d, it must be a power of two from %d to %d: the file is damaged", a, MinAlignment, MaxAlignment)
	}
	return int64(v.bits), nil
}

// wrap makes an *Error of err, unless it is one.
func (sh *shard) wrap(err error, key, tensor string) error {
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &Error{File: sh.path, Key: key, Tensor: tensor, Offset: -1, Reason: reason(err), Err: err}
}

// reason is the text of err as the Reason of an Error.
func reason(err error) string {
	if err == ErrClosed {
		return "the file is closed"
	}
	return err.Error()
}

// clip is b, shortened for an error message.
func clip(b []byte) []byte { return b[:min(len(b), 64)] }
