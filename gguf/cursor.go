package gguf

import "encoding/binary"

// readAhead is how much a cursor reads at a time from a source that is not in
// memory.
const readAhead = 64 << 10

// cursor walks over a part of a source. It is used inside source.hold.
type cursor struct {
	src  source
	off  int64 // the next byte
	end  int64 // the first byte that is out of bounds
	win  []byte
	base int64 // offset of win[0]
	buf  []byte
}

// newCursor starts at off; nothing from end on is touched.
func newCursor(src source, off, end int64) *cursor {
	c := &cursor{src: src, off: off, end: end}
	if all := src.bytes(); all != nil {
		c.win = all[:end]
	}
	return c
}

// left is the number of bytes up to the end.
func (c *cursor) left() int64 { return c.end - c.off }

// next returns the next n bytes, which stay valid until the next call. The
// caller has checked that n is at most left().
func (c *cursor) next(n int) ([]byte, error) {
	i := c.off - c.base
	if i < 0 || i > int64(len(c.win)) || int64(len(c.win))-i < int64(n) {
		if err := c.fill(n); err != nil {
			return nil, err
		}
		i = 0
	}
	c.off += int64(n)
	return c.win[i : i+int64(n)], nil
}

// fill reads a window of at least n bytes from off.
func (c *cursor) fill(n int) error {
	want := int(min(max(int64(n), readAhead), c.left()))
	if cap(c.buf) < want {
		c.buf = make([]byte, want)
	}
	c.win, c.base = c.buf[:want], c.off
	_, err := c.src.ReadAt(c.win, c.off)
	if err != nil {
		c.win = nil
	}
	return err
}

func (c *cursor) u32() (uint32, error) {
	b, err := c.next(4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

func (c *cursor) u64() (uint64, error) {
	b, err := c.next(8)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b), nil
}

// uint reads a little-endian number of 1, 2, 4 or 8 bytes.
func (c *cursor) uint(size int) (uint64, error) {
	b, err := c.next(size)
	if err != nil {
		return 0, err
	}
	return decode(b), nil
}

// decode is the little-endian number in b, of 1, 2, 4 or 8 bytes.
func decode(b []byte) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}
