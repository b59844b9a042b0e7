package gguf

import (
	"math"
	"strings"
	"unicode/utf8"
)

// Strings is a copy of an array of strings. All must be UTF-8. They share one
// allocation, so that keeping one of them keeps all.
func (v Value) Strings() ([]string, error) {
	if v.kind != Array || v.elem != String {
		return nil, v.mismatch("an array of strings")
	}
	var text strings.Builder
	text.Grow(int(v.size - 8*v.n))
	ends := make([]int, v.n)
	err := v.each(v.n, func(i int64, off int64, b []byte) error {
		if !utf8.Valid(b) {
			return v.fail(ErrFormat, "element %d is not UTF-8: %q", i, clip(b))
		}
		text.Write(b)
		ends[i] = text.Len()
		return nil
	})
	if err != nil {
		return nil, err
	}
	all, start := text.String(), 0
	list := make([]string, v.n)
	for i, end := range ends {
		list[i], start = all[start:end], end
	}
	return list, nil
}

// Ints is a copy of an array of integers of any width; each must fit in 64
// bits with a sign.
func (v Value) Ints() ([]int64, error) {
	if v.kind != Array || !v.elem.integer() {
		return nil, v.mismatch("an array of integers")
	}
	list := make([]int64, v.n)
	return list, v.each(v.n, func(i, off int64, b []byte) (err error) {
		e := Value{sh: v.sh, key: v.key, kind: v.elem, off: off, bits: decode(b)}
		list[i], err = e.Int()
		return err
	})
}

// Floats is a copy of an array of float32 or float64.
func (v Value) Floats() ([]float64, error) {
	if v.kind != Array || !v.elem.float() {
		return nil, v.mismatch("an array of floats")
	}
	list := make([]float64, v.n)
	return list, v.each(v.n, func(i, off int64, b []byte) error {
		if v.elem == Float32 {
			list[i] = float64(math.Float32frombits(uint32(decode(b))))
		} else {
			list[i] = math.Float64frombits(decode(b))
		}
		return nil
	})
}

// Bools is a copy of an array of bools.
func (v Value) Bools() ([]bool, error) {
	if v.kind != Array || v.elem != Bool {
		return nil, v.mismatch("an array of bools")
	}
	list := make([]bool, v.n)
	return list, v.each(v.n, func(i, off int64, b []byte) error {
		list[i] = b[0] == 1
		return v.checkBool(i, b[0])
	})
}

func (v Value) checkBool(i int64, b byte) error {
	if v.elem == Bool && b > 1 {
		return v.fail(ErrFormat, "element %d: a bool is 0 or 1, not %d: the file is damaged", i, b)
	}
	return nil
}

// Head is the first n elements of an array, or all where it has fewer.
func (v Value) Head(n int) ([]Value, error) {
	if v.kind != Array {
		return nil, v.mismatch("an array")
	}
	list := make([]Value, max(min(int64(n), v.n), 0))
	return list, v.each(int64(len(list)), func(i, off int64, b []byte) error {
		list[i] = Value{sh: v.sh, key: v.key, kind: v.elem, n: 1, off: off, size: int64(len(b))}
		if v.elem == String {
			return nil
		}
		list[i].bits = decode(b)
		return v.checkBool(i, b[0])
	})
}

// each calls f with the first n elements of an array: index, offset in the file
// and bytes, which are valid during the call. The lengths of strings are checked
// again: the file may have changed since it was opened.
func (v Value) each(n int64, f func(i, off int64, b []byte) error) error {
	err := v.sh.src.hold(func() error {
		c := newCursor(v.sh.src, v.off, v.off+v.size)
		for i := range n {
			size := v.elem.width()
			if v.elem == String {
				if c.left() < 8 {
					return errRewritten
				}
				u, err := c.u64()
				if err != nil {
					return err
				}
				if u > uint64(c.left()) {
					return errRewritten
				}
				size = int64(u)
			}
			off := c.off
			b, err := c.next(int(size))
			if err != nil {
				return err
			}
			if err := f(i, off, b); err != nil {
				return err
			}
		}
		return nil
	})
	return v.sh.wrap(err, v.key, "")
}
