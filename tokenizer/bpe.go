package tokenizer

import "math/bits"

// noRank is the rank of a pair that is never merged, above all others.
const noRank = ^uint32(0)

// pairTable finds the rank of a pair of tokens: open addressing, each slot a whole entry of 64 bits.
type pairTable struct {
	slots []uint64 // left<<44 | right<<24 | rank, noPair if free
	shift int
}

const noPair = ^uint64(0)

func newPairTable(n int) pairTable {
	size := tableSize(n)
	p := pairTable{slots: make([]uint64, size), shift: 64 - bits.TrailingZeros(uint(size))}
	for i := range p.slots {
		p.slots[i] = noPair
	}
	return p
}

// slot returns where the pair stands, or the free slot where it belongs.
func (p *pairTable) slot(pair uint64) int {
	mask := len(p.slots) - 1
	i := int(pair * 0x9e3779b97f4a7c15 >> p.shift)
	for {
		x := p.slots[i&mask]
		if x>>24 == pair || x == noPair {
			return i & mask
		}
		i++
	}
}

// insert adds a pair. ok is false if it is there; its rank is returned.
func (p *pairTable) insert(left, right, rank uint32) (_ uint32, ok bool) {
	pair := uint64(left)<<20 | uint64(right)
	i := p.slot(pair)
	if x := p.slots[i]; x != noPair {
		return uint32(x & (1<<24 - 1)), false
	}
	p.slots[i] = pair<<24 | uint64(rank)
	return rank, true
}

// rank returns the pair's place in the list of merges, noRank if it is not in it.
func (p *pairTable) rank(left, right uint32) uint32 {
	x := p.slots[p.slot(uint64(left)<<20|uint64(right))]
	if x == noPair {
		return noRank
	}
	return uint32(x & (1<<24 - 1))
}

// fillBytePairs spares the look-up of pairs of single bytes, with which every word starts.
func (t *Tokenizer) fillBytePairs() {
	t.bytePairs = make([]uint32, 1<<16)
	for i := range t.bytePairs {
		t.bytePairs[i] = t.pairs.rank(t.bytes[i>>8], t.bytes[i&0xff])
	}
}

// shortWord is the longest word, in bytes, that is merged by looking through all pairs each time. Beyond it the queue
// is faster.
const shortWord = 40

// merge appends the tokens of a word: its bytes, joined pair by pair, always the pair of lowest rank and of equal
// pairs the leftmost, until no pair is in the list of merges.
func (t *Tokenizer) merge(dst []int32, word string, s *scratch) []int32 {
	if len(word) > shortWord {
		return t.mergeLong(dst, word, s)
	}
	ids, ranks := s.ids[:len(word)], s.ranks[:len(word)]
	for i := range ids {
		ids[i] = t.bytes[word[i]]
		ranks[i] = noRank
	}
	for i := 1; i < len(word); i++ {
		ranks[i-1] = t.bytePairs[int(word[i-1])<<8|int(word[i])]
	}
	for {
		best, at := noRank, 0
		for i, r := range ranks {
			if r < best {
				best, at = r, i
			}
		}
		if best == noRank {
			break
		}
		n := len(ids) - 1
		ids[at] = t.results[best]
		copy(ids[at+1:], ids[at+2:])
		copy(ranks[at+1:], ranks[at+2:])
		ids, ranks = ids[:n], ranks[:n]
		ranks[at] = noRank
		if at+1 < n {
			ranks[at] = t.pairs.rank(ids[at], ids[at+1])
		}
		if at > 0 {
			ranks[at-1] = t.pairs.rank(ids[at-1], ids[at])
		}
	}
	for _, id := range ids {
		dst = append(dst, int32(id))
	}
	return dst
}
