package sampler

import "maps"

// history counts the tokens that the penalties look at: the last window
// tokens of prompt and generated text together, or all of them.
type history struct {
	window int             // -1 all tokens
	index  map[int32]int32 // token id → its place in seen
	seen   []occurrence    // the distinct ids in the window, in no order
	ring   []int32         // the window's tokens, if window > 0; ^id for a prompt token
	head   int             // the oldest token in a full ring
}

// occurrence is how often a token stands in the window.
type occurrence struct {
	id        int32
	total     int32 // in prompt and generated text
	generated int32 // in generated text
}

func newHistory(window int) *history {
	return &history{window: window, index: make(map[int32]int32)}
}

// add records one token and forgets the one that leaves the window.
func (h *history) add(id int32, generated bool) {
	switch {
	case h.window < 0:
	case h.window == 0:
		return
	case len(h.ring) < h.window:
		h.ring = append(h.ring, entry(id, generated))
	default:
		h.forget(h.ring[h.head])
		h.ring[h.head] = entry(id, generated)
		h.head = (h.head + 1) % h.window
	}
	at, ok := h.index[id]
	if !ok {
		at = int32(len(h.seen))
		h.index[id] = at
		h.seen = append(h.seen, occurrence{id: id})
	}
	h.seen[at].total++
	if generated {
		h.seen[at].generated++
	}
}

// forget takes back one ring entry; the last of seen fills a gap.
func (h *history) forget(e int32) {
	id, generated := e, true
	if e < 0 {
		id, generated = ^e, false
	}
	at := h.index[id]
	o := &h.seen[at]
	o.total--
	if generated {
		o.generated--
	}
	if o.total > 0 {
		return
	}
	last := len(h.seen) - 1
	h.seen[at] = h.seen[last]
	h.index[h.seen[at].id] = at
	h.seen = h.seen[:last]
	delete(h.index, id)
}

func entry(id int32, generated bool) int32 {
	if generated {
		return id
	}
	return ^id
}

func (h *history) clone() *history {
	if h == nil {
		return nil
	}
	c := *h
	c.index = maps.Clone(h.index)
	c.seen = append([]occurrence(nil), h.seen...)
	c.ring = append([]int32(nil), h.ring...)
	return &c
}
