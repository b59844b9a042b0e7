package sampler

import "math/bits"

// philox is the counter-based generator Philox4x32-10 (Salmon, Moraes, Dror
// and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011). Draw n of a
// stream is a pure function of (seed, stream, n): it depends on no Go version,
// needs no state beyond the counter, and distinct streams never overlap.
type philox struct {
	seed   uint64 // key
	stream uint64 // high half of the counter
	n      uint64 // low half of the counter: draws made so far
}

// uniform returns the next number in [0, 1), a multiple of 2^-53.
func (g *philox) uniform() float64 {
	out := philox4x32([4]uint32{
		uint32(g.n), uint32(g.n >> 32), uint32(g.stream), uint32(g.stream >> 32),
	}, [2]uint32{uint32(g.seed), uint32(g.seed >> 32)})
	g.n++
	word := uint64(out[1])<<32 | uint64(out[0])
	return float64(word>>11) * 0x1p-53
}

// philox4x32 runs the ten rounds; the constants are those of the paper.
func philox4x32(c [4]uint32, k [2]uint32) [4]uint32 {
	for range 10 {
		hi0, lo0 := bits.Mul32(0xD2511F53, c[0])
		hi1, lo1 := bits.Mul32(0xCD9E8D57, c[2])
		c = [4]uint32{hi1 ^ c[1] ^ k[0], lo1, hi0 ^ c[3] ^ k[1], lo0}
		k[0] += 0x9E3779B9
		k[1] += 0xBB67AE85
	}
	return c
}
