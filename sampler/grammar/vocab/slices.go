package vocab

import (
	"bytes"
	"math/bits"
	"slices"

	"orchrt/sampler/grammar/regex"
)

// In most states of a string's automaton, most tokens need not be run. They are
// sorted beforehand by the number of characters that they write, for texts that
// may be anything up to some length; by their narrowest alphabet and length; and
// by the classes of their characters, for texts that are known to take every
// string of some classes up to some length. What is left is run.

// odd is the rank of a token that belongs to no alphabet: it has an escape, a
// control character or a part of a character in it.
const odd = byte(regex.Alphabets)

// widening are the alphabets from narrow to wide, each within the next. The rank
// of an alphabet is its place here.
var widening = [regex.Alphabets]regex.Alphabet{
	regex.Lower, regex.Letters, regex.Alphanumeric, regex.Word, regex.Printable, regex.Text,
}

// maxChars is the largest number of characters with a set of its own among the
// texts that may be anything. Of Qwen3's tokens, 180 are longer than 30.
const maxChars = 32

// lengths are the numbers of characters with sets of their own for alphabets.
var lengths = [...]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 24, maxChars, maxTokenBytes}

// textSlices are the tokens that can stand in the body of a JSON string.
type textSlices struct {
	plain *Trie // every token without a quotation mark or a control character

	// Of the tokens in plain, by what they do in a string that may hold anything:
	upTo   [maxChars + 1][]uint64 // [k]: they write at most k characters
	long   []entry                // they write more than maxChars …
	chars  []uint8                // … these many
	most   int                    // the longest writes these many
	unsure *Trie                  // an automaton must tell

	// Of the tokens in plain, those of an alphabet of rank r at most and
	// lengths[i] characters at most: [r][i].
	within [regex.Alphabets][len(lengths)][]uint64
	sizes  [regex.Alphabets][len(lengths)]int
	beyond *Trie // the rest, for the widest alphabet and any length

	// By the classes of their characters, the tokens of within:
	classes   *classTrie
	with      [regex.NumClasses][]uint64     // those with a character of a class
	classesOf [regex.Alphabets]regex.Classes // by rank: the classes of the alphabet
}

// slice sorts tokens, which are in a trie's order.
func (t *Table) slice(tokens []entry) {
	x := &t.text
	plain := filter(tokens, func(e entry) bool {
		return !slices.ContainsFunc(e.bytes, func(b byte) bool { return b == '"' || b < ' ' })
	})
	x.plain = newTrie(plain)
	x.plain.index()
	isBlank := func(e entry) bool { return len(bytes.Trim(e.bytes, " \t\r\n")) == 0 }
	t.solid = newTrie(filter(tokens, func(e entry) bool { return !isBlank(e) }))
	outside := filter(tokens, func(e entry) bool { return !isBlank(e) && mayStandOutside(e.bytes) })
	t.outside = newTrie(outside)
	t.quoted = newQuoted(filter(tokens, func(e entry) bool { return bytes.IndexByte(e.bytes, '"') >= 0 }), outside)
	t.findRests()
	t.tail = make([]int32, t.size)
	for _, e := range outside {
		t.tail[e.id] = t.quoted.tails.numbers[string(e.bytes)]
	}
	for _, b := range []byte(" \t\r\n") {
		some := filter(tokens, func(e entry) bool { return e.bytes[0] == b && isBlank(e) })
		t.blankFirst = append(t.blankFirst, blank{b, newTrie(some)})
	}
	t.sliceByLength(plain)
	t.sliceByAlphabet(plain)
}

func (t *Table) sliceByLength(plain []entry) {
	x := &t.text
	var unsures []entry
	for k := range x.upTo {
		x.upTo[k] = make([]uint64, t.Words())
	}
	for _, e := range plain {
		switch n, f := inText(e.bytes); {
		case f == unsure:
			unsures = append(unsures, e)
			x.most = max(x.most, written(e.bytes))
		case f == inside && n > maxChars:
			x.long = append(x.long, e)
			x.chars = append(x.chars, uint8(n))
			x.most = max(x.most, n)
		case f == inside:
			x.upTo[n][e.id>>6] |= 1 << (e.id & 63)
			x.most = max(x.most, n)
		}
	}
	accumulate(x.upTo[:])
	x.unsure = newTrie(unsures)
}

// accumulate adds each set to those after it.
func accumulate(sets [][]uint64) {
	for k := 1; k < len(sets); k++ {
		for i, w := range sets[k-1] {
			sets[k][i] |= w
		}
	}
}

func (t *Table) sliceByAlphabet(plain []entry) {
	x := &t.text
	for r := range x.within {
		for i := range x.within[r] {
			x.within[r][i] = make([]uint64, t.Words())
		}
	}
	ranks := ranksOfASCII()
	rank, chars := make([]byte, t.size), make([]byte, t.size)
	var rest []entry
	for _, e := range plain {
		r, n := narrowest(e.bytes, &ranks)
		rank[e.id], chars[e.id] = r, byte(n)
		if r == odd {
			if _, f := inText(e.bytes); f != refused {
				rest = append(rest, e)
			}
			continue
		}
		i := 0
		for lengths[i] < n {
			i++
		}
		x.within[r][i][e.id>>6] |= 1 << (e.id & 63)
	}
	for r := range x.within {
		accumulate(x.within[r][:])
	}
	for i := range lengths {
		var column [regex.Alphabets][]uint64
		for r := range column {
			column[r] = x.within[r][i]
		}
		accumulate(column[:])
	}
	for r := range x.sizes {
		for i, set := range x.within[r] {
			x.sizes[r][i] = (&Set{dense: set}).Len()
		}
	}
	x.beyond = newTrie(rest)
	t.sliceByClass(plain, rank, chars)
}

// sliceByClass sorts the tokens of alphabets by the classes of their characters.
func (t *Table) sliceByClass(plain []entry, rank, chars []byte) {
	x := &t.text
	x.classes = newClassTrie(filter(plain, func(e entry) bool { return rank[e.id] != odd }), chars)
	for r, a := range widening {
		x.classesOf[r] = a.Classes()
	}
	for c := range x.with {
		x.with[c] = make([]uint64, t.Words())
	}
	for _, e := range plain {
		if rank[e.id] == odd {
			continue
		}
		for _, r := range string(e.bytes) {
			x.with[regex.ClassOf(r)][e.id>>6] |= 1 << (e.id & 63)
		}
	}
}

// lengthBelow is the greatest of lengths up to n.
func lengthBelow(n int) int {
	i := len(lengths) - 1
	for lengths[i] > n {
		i--
	}
	return lengths[i]
}

// without returns the tokens of up to lengthBelow(n) characters, n at least 1,
// that have none of the classes except.
func (x *textSlices) without(except regex.Classes, n int) []uint64 {
	set := slices.Clone(x.within[regex.Alphabets-1][slices.Index(lengths[:], lengthBelow(n))])
	for ; except != 0; except &= except - 1 {
		for i, w := range x.with[bits.TrailingZeros64(uint64(except))] {
			set[i] &^= w
		}
	}
	return set
}

// ranksOfASCII returns the rank of each character of ASCII.
func ranksOfASCII() (ranks [128]byte) {
	for c := range ranks {
		ranks[c] = odd
		for r := len(widening) - 1; r >= 0; r-- {
			if widening[r].Contains(rune(c)) {
				ranks[c] = byte(r)
			}
		}
	}
	return ranks
}

// narrowest returns the rank of the narrowest alphabet that has all characters
// of b, and their number.
func narrowest(b []byte, ranks *[128]byte) (rank byte, chars int) {
	for len(b) > 0 {
		n, r := 1, odd
		if b[0] < 128 {
			r = ranks[b[0]]
		} else if n = wholeCharacter(b); n > 0 {
			r = odd - 1
		}
		if r == odd {
			return odd, maxTokenBytes
		}
		rank = max(rank, r)
		chars++
		b = b[n:]
	}
	return rank, chars
}

// anyText sorts the tokens for a text that may be anything of up to k
// characters. Those of dense, and those appended to ids, are allowed; those of
// unsure are to be run; the others are longer.
func (x *textSlices) anyText(ids []int32, k int) (dense []uint64, _ []int32) {
	if k > maxChars {
		for i, e := range x.long {
			if int(x.chars[i]) <= k {
				ids = append(ids, e.id)
			}
		}
	}
	return x.upTo[min(k, maxChars)], ids
}
