package tools

import (
	"fmt"
	"strings"
	"sync"
)

// capture keeps the first and the last bytes that are written to it, half of
// limit each, and calls over, once, when flood bytes have come.
type capture struct {
	limit int
	flood int64
	over  func()

	mu    sync.Mutex
	head  []byte
	tail  []byte // a ring once it is full
	at    int
	total int64
}

// Write implements io.Writer. It takes everything.
func (c *capture) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(p)
	before := c.total
	c.total += int64(n)
	if c.flood > 0 && before < c.flood && c.total >= c.flood && c.over != nil {
		c.over()
	}
	half := c.limit / 2
	if room := half - len(c.head); room > 0 {
		take := min(room, len(p))
		c.head = append(c.head, p[:take]...)
		p = p[take:]
	}
	if len(p) > half {
		p = p[len(p)-half:]
	}
	for len(p) > 0 && half > 0 {
		if len(c.tail) < half {
			take := min(half-len(c.tail), len(p))
			c.tail = append(c.tail, p[:take]...)
			p = p[take:]
			continue
		}
		k := copy(c.tail[c.at:], p)
		c.at, p = (c.at+k)%half, p[k:]
	}
	return n, nil
}

// text is what was kept, with a mark where bytes are missing, and their number.
func (c *capture) text() (string, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	tail := append(append([]byte(nil), c.tail[c.at:]...), c.tail[:c.at]...)
	cut := int(c.total) - len(c.head) - len(tail)
	if cut <= 0 {
		return valid(string(c.head) + string(tail)), 0
	}
	return valid(string(c.head)) + fmt.Sprintf("\n[… %d bytes left out …]\n", cut) + valid(string(tail)), cut
}

// valid is text in UTF-8.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
