package tokenizer

import (
	"math/bits"
	"slices"
)

// giantWord is the length in bytes of words of which one at a time is merged: each byte takes 24 or more of memory.
const giantWord = 1 << 20

// node is a token of a long word while it is merged: a doubly linked list over the word's bytes.
type node struct {
	id         uint32
	rank       uint32 // of the pair that starts here, noRank if none does or the node is gone
	prev, next int32  // -1 at the ends
}

// mergeLong is merge in O(n log n): the candidate pairs wait in a queue. What it returns is of no use once s has ended.
func (t *Tokenizer) mergeLong(dst []int32, word string, s *scratch) []int32 {
	if len(word) > giantWord {
		select {
		case t.giant <- struct{}{}:
		case <-s.done:
			s.ended = true
			return dst
		}
		defer func() { <-t.giant }()
	}
	s.startLong(t, word)
	nodes := s.nodes
	for merges := 1; ; merges++ {
		x, ok := s.queue.pop()
		if !ok || merges%(1<<14) == 0 && s.stopped() {
			break
		}
		at, rank := int32(uint32(x)), uint32(x>>32)
		n := &nodes[at]
		if n.rank != rank {
			continue // an earlier merge took one of its sides
		}
		gone := &nodes[n.next]
		n.id = t.results[rank]
		n.next = gone.next
		gone.rank = noRank
		n.rank = noRank
		if n.next >= 0 {
			nodes[n.next].prev = at
			n.rank = t.pairs.rank(n.id, nodes[n.next].id)
			s.queue.push(n.rank, at)
		}
		if n.prev >= 0 {
			p := &nodes[n.prev]
			p.rank = t.pairs.rank(p.id, n.id)
			s.queue.push(p.rank, n.prev)
		}
	}
	for i := int32(0); i >= 0; i = nodes[i].next {
		dst = append(dst, int32(nodes[i].id))
	}
	s.endLong()
	return dst
}

// startLong lists the word's bytes and queues their pairs.
func (s *scratch) startLong(t *Tokenizer, word string) {
	s.nodes = append(s.nodes[:0], make([]node, len(word))...)
	s.queue.reset()
	for i := range s.nodes {
		n := node{id: t.bytes[word[i]], rank: noRank, prev: int32(i - 1), next: int32(i + 1)}
		if i+1 < len(word) {
			n.rank = t.bytePairs[int(word[i])<<8|int(word[i+1])]
		} else {
			n.next = -1
		}
		s.nodes[i] = n
		s.queue.push(n.rank, int32(i))
	}
}

// endLong gives back the memory of an unusually long word.
func (s *scratch) endLong() {
	const keep = 1 << 14
	if cap(s.nodes) > keep {
		s.nodes, s.queue = nil, pairQueue{}
	}
}

// pairQueue gives out pairs, as rank<<32 | position, the smallest first. Merging a pair makes pairs of higher rank
// only, wherever each token has its merge before those that use it, as training leaves them. So the queue is a radix
// heap over the ranks: it moves through memory in sequence, where a binary heap over a long word misses the cache at
// every level. What comes too late all the same goes through a binary heap.
type pairQueue struct {
	last  uint32       // rank of the pairs in now
	now   []uint64     // ascending, from next on
	next  int          // what is left of now
	later [33][]uint64 // at i: pairs whose rank differs from last in bit i-1 and in none above; 0 is empty
	early pairHeap     // pairs that came at or below last
}

func (q *pairQueue) reset() {
	q.last, q.now, q.next, q.early = 0, q.now[:0], 0, q.early[:0]
	for i := range q.later {
		q.later[i] = q.later[i][:0]
	}
}

// push adds a pair, unless it has no rank.
func (q *pairQueue) push(rank uint32, at int32) {
	if rank == noRank {
		return
	}
	x := uint64(rank)<<32 | uint64(at)
	if rank <= q.last {
		q.early.push(x)
		return
	}
	i := bits.Len32(rank ^ q.last)
	q.later[i] = append(q.later[i], x)
}

// pop takes the smallest. ok is false if there is none.
func (q *pairQueue) pop() (x uint64, ok bool) {
	if q.next == len(q.now) && len(q.early) == 0 && !q.advance() {
		return 0, false
	}
	if len(q.early) > 0 && (q.next == len(q.now) || q.early[0] < q.now[q.next]) {
		return q.early.pop(), true
	}
	x = q.now[q.next]
	q.next++
	return x, true
}

// advance moves the pairs of the next rank to now, and those that shared their place to nearer ones.
func (q *pairQueue) advance() bool {
	i := slices.IndexFunc(q.later[:], func(l []uint64) bool { return len(l) > 0 })
	if i < 0 {
		return false
	}
	from := q.later[i]
	q.later[i] = from[:0] // what is moved goes elsewhere
	q.last = uint32(slices.Min(from) >> 32)
	q.now, q.next = q.now[:0], 0
	for _, x := range from {
		if to := bits.Len32(uint32(x>>32) ^ q.last); to > 0 {
			q.later[to] = append(q.later[to], x)
		} else {
			q.now = append(q.now, x)
		}
	}
	slices.Sort(q.now)
	return true
}

// pairHeap is a binary heap of rank<<32 | position, the smallest first.
type pairHeap []uint64

func (h *pairHeap) push(x uint64) {
	a := append(*h, x)
	i := len(a) - 1
	for i > 0 {
		up := (i - 1) / 2
		if a[up] <= x {
			break
		}
		a[i] = a[up]
		i = up
	}
	a[i] = x
	*h = a
}

// pop takes the smallest.
func (h *pairHeap) pop() uint64 {
	a := *h
	x, n := a[0], len(a)-1
	a[0] = a[n]
	*h = a[:n]
	if n > 1 {
		h.down(0)
	}
	return x
}

func (h pairHeap) down(i int) {
	x := h[i]
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1] < h[child] {
			child++
		}
		if h[child] >= x {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = x
}
