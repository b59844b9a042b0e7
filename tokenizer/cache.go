package tokenizer

import "math/bits"

const (
	cacheSize  = 1 << 13 // entries of 64 bytes
	cachedWord = 31      // bytes of the longest word kept
	cachedIDs  = 7       // tokens of the longest result kept
)

// scratch is what one call of Encode works with. Calls take turns with a few of them.
type scratch struct {
	cache [cacheSize]cacheEntry
	ids   [shortWord]uint32
	ranks [shortWord]uint32
	nodes []node
	queue pairQueue

	done  <-chan struct{} // ends the encoding early; nil: nothing does
	ended bool            // it did
}

// stopped reports whether the encoding is to end.
func (s *scratch) stopped() bool {
	if s.done == nil || s.ended {
		return s.ended
	}
	select {
	case <-s.done:
		s.ended = true
	default:
	}
	return s.ended
}

func newScratch() *scratch { return new(scratch) }

// cacheEntry is a word and its tokens: a cache line.
type cacheEntry struct {
	key wordKey
	ids [cachedIDs]int32
	n   int32
}

// wordKey is a word of up to 31 bytes, zeros behind it, and its length in the last byte.
type wordKey [4]uint64

// slot is the only place in the cache where the word may stand.
func (k *wordKey) slot() uint64 {
	hi, lo := bits.Mul64(k[0]^0x9e3779b97f4a7c15, k[1]^0xd1b54a32d192ed03)
	hi ^= (k[2] ^ bits.RotateLeft64(k[3], 29)) * 0x94d049bb133111eb
	return (hi ^ lo ^ hi>>32) % cacheSize
}

// keyAt returns the key of s[i:j], j-i <= cachedWord.
func keyAt(s string, i, j int) (k wordKey) {
	n := j - i
	if i+32 <= len(s) {
		k[0], k[1] = le64(s, i), le64(s, i+8)
		if n <= 8 {
			k[0] &= ^uint64(0) >> (64 - 8*n)
			k[1] = 0
		} else if n <= 16 {
			k[1] &= ^uint64(0) >> (128 - 8*n)
		} else {
			k[2], k[3] = le64(s, i+16), le64(s, i+24)
			if n <= 24 {
				k[2] &= ^uint64(0) >> (192 - 8*n)
				k[3] = 0
			} else {
				k[3] &= ^uint64(0) >> (256 - 8*n)
			}
		}
	} else {
		for x := i; x < j; x++ {
			k[(x-i)/8] |= uint64(s[x]) << ((x - i) % 8 * 8)
		}
	}
	k[3] |= uint64(n) << 56
	return k
}

// le64 reads eight bytes of s at i, little-endian.
func le64(s string, i int) uint64 {
	b := s[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// appendWord appends the tokens of the word s[i:j].
func (t *Tokenizer) appendWord(dst []int32, s string, i, j int, sc *scratch) []int32 {
	if j-i == 1 {
		return append(dst, int32(t.bytes[s[i]]))
	}
	if j-i > cachedWord {
		return t.mergeWord(dst, s[i:j], sc)
	}
	key := keyAt(s, i, j)
	e := &sc.cache[key.slot()]
	if e.key == key {
		if e.n == 1 {
			return append(dst, e.ids[0])
		}
		return append(dst, e.ids[:e.n]...)
	}
	start := len(dst)
	dst = t.mergeWord(dst, s[i:j], sc)
	if n := len(dst) - start; n <= cachedIDs {
		e.key = key
		e.n = int32(copy(e.ids[:], dst[start:]))
	}
	return dst
}

// mergeWord appends the tokens of a word that is not in the cache.
func (t *Tokenizer) mergeWord(dst []int32, word string, sc *scratch) []int32 {
	if t.ignoreMerges {
		if id := t.words.find(&t.texts, []byte(word)); id >= 0 {
			return append(dst, id)
		}
	}
	return t.merge(dst, word, sc)
}
