package tokenizer

import "hash/maphash"

// Byte-level BPE stores bytes as printable characters: printable Latin-1 bytes as themselves, the 68 others as
// U+0100 and up, in order.
const alphabetEnd = 0x100 + 68

// alphabetByte returns the byte that a character of the alphabet stands for.
func alphabetByte(r rune) (byte, bool) {
	switch {
	case r >= 0x21 && r <= 0x7e, r >= 0xa1 && r <= 0xac, r >= 0xae && r <= 0xff:
		return byte(r), true
	case r < 0x100 || r >= alphabetEnd:
		return 0, false
	case r <= 0x120: // 0x00-0x20
		return byte(r - 0x100), true
	case r <= 0x142: // 0x7f-0xa0
		return byte(r - 0x121 + 0x7f), true
	}
	return 0xad, true
}

// appendByteLevel appends the bytes that s, written in the alphabet, stands for. ok is false if s has a character
// outside of it.
func appendByteLevel(dst []byte, s string) (_ []byte, ok bool) {
	for _, r := range s {
		b, ok := alphabetByte(r)
		if !ok {
			return dst, false
		}
		dst = append(dst, b)
	}
	return dst, true
}

// texts holds the bytes of every token in one piece of memory.
type texts struct {
	bytes []byte
	ends  []uint32 // by id + 1: where the token ends
}

func newTexts(tokens, bytes int) texts {
	return texts{bytes: make([]byte, 0, bytes), ends: make([]uint32, 1, tokens+1)}
}

// at returns a token's bytes, not to be written to.
func (t *texts) at(id int32) []byte {
	end := t.ends[id+1]
	return t.bytes[t.ends[id]:end:end]
}

// end closes the token that was appended to bytes.
func (t *texts) end() { t.ends = append(t.ends, uint32(len(t.bytes))) }

func (t *texts) add(s string) {
	t.bytes = append(t.bytes, s...)
	t.end()
}

// addByteLevel adds a token written in the alphabet, or nothing if s is not.
func (t *texts) addByteLevel(s string) bool {
	start := len(t.bytes)
	b, ok := appendByteLevel(t.bytes, s)
	if !ok {
		t.bytes = b[:start]
		return false
	}
	t.bytes = b
	t.end()
	return true
}

// wordTable finds ordinary tokens by their bytes: open addressing, each slot a token's id and a few bits of its hash.
type wordTable struct {
	seed  maphash.Seed
	slots []uint32 // tag<<20 | id, noSlot if free
	mask  uint64
}

const noSlot = ^uint32(0)

// newWordTable makes a table that n tokens fill to between 0.375 and 0.75.
func newWordTable(n int) wordTable {
	size := tableSize(n)
	t := wordTable{seed: maphash.MakeSeed(), slots: make([]uint32, size), mask: uint64(size - 1)}
	for i := range t.slots {
		t.slots[i] = noSlot
	}
	return t
}

// tableSize is the power of two of which n is at most three quarters.
func tableSize(n int) int {
	size := 8
	for size/4*3 < n {
		size *= 2
	}
	return size
}

// search returns the slot of text, or the free one where it belongs, and the tag.
func (w *wordTable) search(t *texts, text []byte) (slot uint64, tag uint32) {
	h := maphash.Bytes(w.seed, text)
	tag = uint32(h>>52) % (1<<12 - 1) // never that of noSlot
	for i := h & w.mask; ; i = (i + 1) & w.mask {
		x := w.slots[i]
		if x == noSlot || x>>20 == tag && string(t.at(int32(x%maxTokens))) == string(text) {
			return i, tag
		}
	}
}

// insert adds a token of t. ok is false if another has the same bytes; that one's id is returned.
func (w *wordTable) insert(t *texts, id int32) (_ int32, ok bool) {
	slot, tag := w.search(t, t.at(id))
	if x := w.slots[slot]; x != noSlot {
		return int32(x % maxTokens), false
	}
	w.slots[slot] = tag<<20 | uint32(id)
	return id, true
}

// find returns the id of the ordinary token text, -1 if there is none.
func (w *wordTable) find(t *texts, text []byte) int32 {
	slot, _ := w.search(t, text)
	if x := w.slots[slot]; x != noSlot {
		return int32(x % maxTokens)
	}
	return -1
}
