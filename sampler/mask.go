package sampler

// Mask restricts which tokens may be drawn, as a grammar does.
type Mask interface {
	// Allow writes the set of tokens allowed next: bit i%64 of bits[i/64]
	// stands for token i. It writes every word; what bits held before is
	// undefined. Bits beyond the vocabulary are ignored.
	Allow(bits []uint64)
	// Accept moves the mask past token id. An error says that id is not
	// allowed here. The sampler never calls it: the engine does, with the
	// token that it keeps.
	Accept(id int32) error
}

// clearTail clears the bits of the last word that stand for no token.
func clearTail(bits []uint64, vocab int) {
	if r := vocab % 64; r != 0 {
		bits[len(bits)-1] &= 1<<r - 1
	}
}
