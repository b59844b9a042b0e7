package sandbox

import (
	"fmt"
	"io"
)

// capture keeps the first and the last half of what it is given, up to limit
// bytes in all, and counts the rest. Memory is bounded by limit.
type capture struct {
	limit int64
	head  []byte
	tail  []byte // a ring once it is full
	at    int    // where the ring's oldest byte lies
	total int64
}

// Write keeps what fits and never fails.
func (c *capture) Write(b []byte) (int, error) {
	n := len(b)
	c.total += int64(n)
	headMax, tailMax := int((c.limit+1)/2), int(c.limit/2)
	if room := headMax - len(c.head); room > 0 {
		k := min(room, len(b))
		c.head = append(c.head, b[:k]...)
		b = b[k:]
	}
	if len(b) > tailMax {
		b = b[len(b)-tailMax:]
	}
	if room := tailMax - len(c.tail); room > 0 {
		k := min(room, len(b))
		c.tail = append(c.tail, b[:k]...)
		b = b[k:]
	}
	for len(b) > 0 {
		k := copy(c.tail[c.at:], b)
		c.at = (c.at + k) % len(c.tail)
		b = b[k:]
	}
	return n, nil
}

// cut is how many bytes were not kept.
func (c *capture) cut() int64 { return c.total - int64(len(c.head)) - int64(len(c.tail)) }

// bytes joins what was kept, with a line in place of what was not.
func (c *capture) bytes() []byte {
	out := append([]byte(nil), c.head...)
	if n := c.cut(); n > 0 {
		out = fmt.Appendf(out, "\n[… %d bytes cut …]\n", n)
	}
	out = append(out, c.tail[c.at:]...)
	return append(out, c.tail[:c.at]...)
}

// drain copies r into c until r ends, and calls over once when more than max
// bytes came.
func (c *capture) drain(r io.Reader, max int64, over func()) {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		c.Write(buf[:n])
		if c.total > max && over != nil {
			over()
			over = nil
		}
		if err != nil {
			return
		}
	}
}
