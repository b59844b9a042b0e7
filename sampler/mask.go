package sampler

import "fmt"

// Mask restricts which tokens may be drawn, as a grammar does. Allowed and
// Accept are never called at the same time.
type Mask interface {
	// Allowed returns the set of tokens allowed next: bit i%64 of word i/64
	// stands for token i. The set is buf, which has a word for every 64 tokens
	// of the vocabulary and of which every word was then written; or a set of
	// at least as many words that is shared and that nobody may write; or nil,
	// which allows every token. What buf holds before is undefined; bits beyond
	// the vocabulary are ignored. Nothing about the mask changes: until the next
	// Accept, Allowed may be called again.
	Allowed(buf []uint64) []uint64
	// Accept moves the mask past token id. An error says that id is not
	// allowed here. The sampler never calls it: the engine does, with the
	// token that it keeps.
	Accept(id int32) error
}

// Forcer is a Mask that knows where there is no choice. Such tokens need not be
// drawn, and the model can compute all of them in one step.
type Forcer interface {
	Mask
	// Forced appends to dst the tokens that must come next, in the tokenisation
	// that the model was trained on; none where there is a choice. Nothing about
	// the mask changes: the engine calls Accept for as many of them, from the
	// first on, as it takes.
	Forced(dst []int32) []int32
}

// words is the length of the set of a vocabulary.
func words(vocab int) int { return (vocab + 63) / 64 }

// Allowed asks mask for the tokens allowed next, for SampleFrom: the set is
// valid until the next call of Allowed or Sample. nil, which a nil mask gives,
// allows every token. Another goroutine may call it than the one that samples,
// but not at the same time.
func (s *Sampler) Allowed(mask Mask) []uint64 {
	if mask == nil {
		return nil
	}
	if s.bits == nil {
		s.bits = make([]uint64, words(s.vocab))
	}
	set := mask.Allowed(s.bits)
	if set == nil {
		return nil
	}
	if len(set) < len(s.bits) {
		panic(fmt.Sprintf("sampler: a mask of %d words for a vocabulary of %d", len(set), s.vocab))
	}
	return s.trim(set[:len(s.bits)])
}

// trim returns set without bits that stand for no token. A shared set that has
// some is copied.
func (s *Sampler) trim(set []uint64) []uint64 {
	last := len(set) - 1
	r := s.vocab % 64
	if r == 0 || set[last]>>r == 0 {
		return set
	}
	if &set[0] != &s.bits[0] {
		copy(s.bits, set)
	}
	clearTail(s.bits, s.vocab)
	return s.bits
}

// clearTail clears the bits of the last word that stand for no token.
func clearTail(bits []uint64, vocab int) {
	if r := vocab % 64; r != 0 {
		bits[len(bits)-1] &= 1<<r - 1
	}
}
