package grammar

import (
	"slices"
	"strings"
)

// wrapper is the literal text before a JSON document: each of its texts is
// followed by the document of a unit.
type wrapper struct {
	texts []string // sorted, none the beginning of another
	units []*unit  // of each text
	// blank is a wrapper whose one text, of newlines, may break off anywhere:
	// the document may begin at once. Its unit may be nil: no document then.
	blank bool
}

// newWrapper sorts texts with their units.
func newWrapper(texts []string, units []*unit) *wrapper {
	w := &wrapper{}
	order := make([]int, len(texts))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int { return strings.Compare(texts[i], texts[j]) })
	for _, i := range order {
		w.texts = append(w.texts, texts[i])
		w.units = append(w.units, units[i])
	}
	return w
}

// cursor is a place in the bytes of a wrapper or of the document after it. Equal
// cursors are the same place.
type cursor struct {
	w      *wrapper // nil in the document
	lo, hi int      // the texts that begin with the bytes read
	pos    int      // the bytes read of these texts
	u      *unit    // of the document
	s      state
}

// begin is the place before a wrapper.
func (w *wrapper) begin() cursor { return cursor{w: w, hi: len(w.texts)} }

// step moves past a byte.
func (c cursor) step(b byte) (cursor, bool) {
	if c.u != nil {
		return c.read([]byte{b})
	}
	if c.w.blank {
		return c.stepBlank(b)
	}
	texts := c.w.texts
	for c.lo < c.hi && (len(texts[c.lo]) == c.pos || texts[c.lo][c.pos] < b) {
		c.lo++
	}
	hi := c.lo
	for hi < c.hi && texts[hi][c.pos] == b {
		hi++
	}
	if hi == c.lo {
		return c, false
	}
	c.hi, c.pos = hi, c.pos+1
	if hi == c.lo+1 && c.pos == len(texts[c.lo]) {
		u := c.w.units[c.lo]
		return cursor{u: u, s: u.start}, true
	}
	return c, true
}

func (c cursor) stepBlank(b byte) (cursor, bool) {
	if c.pos < len(c.w.texts[0]) && c.w.texts[0][c.pos] == b {
		c.pos++
		return c, true
	}
	u := c.w.units[0]
	if u == nil {
		return c, false
	}
	return cursor{u: u, s: u.start}.read([]byte{b})
}

// advance moves past several bytes.
func (c cursor) advance(bytes []byte) (cursor, bool) {
	ok := true
	for i := 0; i < len(bytes) && ok; i++ {
		if c.u != nil {
			return c.read(bytes[i:])
		}
		c, ok = c.step(bytes[i])
	}
	return c, ok
}

// read is advance within a document: one lock for all bytes.
func (c cursor) read(bytes []byte) (cursor, bool) {
	c.u.mu.Lock()
	defer c.u.mu.Unlock()
	for _, b := range bytes {
		if c.s = c.s.Step(b); c.s == nil {
			return c, false
		}
	}
	return c, true
}

// final reports that the document is complete.
func (c cursor) final() bool {
	if c.u == nil {
		return false
	}
	c.u.mu.Lock()
	defer c.u.mu.Unlock()
	return c.s.Final()
}

// distance is the number of bytes of shortest.
func (c cursor) distance() int {
	if c.u != nil {
		c.u.mu.Lock()
		defer c.u.mu.Unlock()
		return c.s.Distance()
	}
	_, n := c.nearest()
	return n
}

// nearest is the text of a wrapper, by its number, from which the end of the
// document is nearest, and the bytes up to it.
func (c cursor) nearest() (best, bytes int) {
	for i := c.lo; i < c.hi; i++ {
		u, n := c.w.units[i], 0
		if !c.w.blank {
			n = len(c.w.texts[i]) - c.pos
		}
		n += cursor{u: u, s: u.start}.distance()
		if i == c.lo || n < bytes {
			best, bytes = i, n
		}
	}
	return best, bytes
}

// shortest appends a shortest completion to dst.
func (c cursor) shortest(dst []byte) []byte {
	u, s := c.u, c.s
	if u == nil {
		i, _ := c.nearest()
		if !c.w.blank {
			dst = append(dst, c.w.texts[i][c.pos:]...)
		}
		u, s = c.w.units[i], c.w.units[i].start
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return s.Shortest(dst)
}
