package vocab

import (
	"math/bits"
	"slices"
)

// Set is a set of tokens: those of a dense part and of a list, which other sets
// may share, and those of a list of its own. It is not changed once it is
// built.
type Set struct {
	dense []uint64 // nil: none
	ids   []int32  // not in dense, different, in no order
	more  []int32  // not in dense or ids
	own   bool     // nothing else holds dense
	lent  bool     // another set holds ids
}

// denseFrom is the number of tokens from which a list is made dense.
const denseFrom = 1024

// Fill writes the set into buf, bit i%64 of word i/64 standing for token i, and
// returns it; a set with no list is returned itself, and must not be written to.
func (s *Set) Fill(buf []uint64) []uint64 {
	if s.dense != nil && len(s.ids)+len(s.more) == 0 {
		return s.dense
	}
	n := copy(buf, s.dense)
	clear(buf[n:])
	s.addLists(buf)
	return buf
}

// addTo adds the set to bits.
func (s *Set) addTo(bits []uint64) {
	for i, w := range s.dense {
		bits[i] |= w
	}
	s.addLists(bits)
}

func (s *Set) addLists(bits []uint64) {
	for _, id := range s.ids {
		bits[id>>6] |= 1 << (id & 63)
	}
	for _, id := range s.more {
		bits[id>>6] |= 1 << (id & 63)
	}
}

// Has reports whether the token is in the set.
func (s *Set) Has(id int32) bool {
	if id < 0 {
		return false
	}
	if w := int(id >> 6); w < len(s.dense) && s.dense[w]>>(id&63)&1 != 0 {
		return true
	}
	return slices.Contains(s.ids, id) || slices.Contains(s.more, id)
}

// Len is the number of tokens in the set.
func (s *Set) Len() int {
	n := len(s.ids) + len(s.more)
	for _, w := range s.dense {
		n += bits.OnesCount64(w)
	}
	return n
}

// memory is the number of bytes that only this set holds, about.
func (s *Set) memory() int {
	n := 96 + 4*len(s.more)
	if !s.lent {
		n += 4 * len(s.ids)
	}
	if s.own {
		n += 8 * len(s.dense)
	}
	return n
}

// Tokens calls yield for each token of the set, the dense part's in order first.
func (s *Set) Tokens(yield func(int32) bool) {
	for i, w := range s.dense {
		for ; w != 0; w &= w - 1 {
			if !yield(int32(i<<6 + bits.TrailingZeros64(w))) {
				return
			}
		}
	}
	for _, id := range s.ids {
		if !yield(id) {
			return
		}
	}
	for _, id := range s.more {
		if !yield(id) {
			return
		}
	}
}

// union builds the set of dense, which it shares, and ids, which dense does not
// hold. It copies ids.
func (t *Table) union(dense []uint64, ids []int32) *Set {
	if len(ids) < denseFrom {
		return &Set{dense: dense, ids: slices.Clone(ids)}
	}
	own := make([]uint64, t.Words())
	copy(own, dense)
	for _, id := range ids {
		own[id>>6] |= 1 << (id & 63)
	}
	return &Set{dense: own, own: true}
}

// Set builds the set of ids, which are different.
func (t *Table) Set(ids []int32) *Set { return t.union(nil, ids) }
