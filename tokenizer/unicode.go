package tokenizer

import "unicode/utf8"

// class is what the pre-tokeniser tells characters apart by.
type class uint8

const (
	other   class = iota
	letter        // \p{L}
	number        // \p{N}
	space         // \s except newline
	newline       // \r and \n
	multi         // in chars.ascii only: the byte belongs to a longer character
)

// properties of a character: bits 0-2 class, the flags below, bits 8-15 canonical combining class.
type properties uint16

const (
	classMask properties = 7
	wordFlag  properties = 1 << 3 // \w
	nfcFlag   properties = 1 << 4 // NFC may replace it, or join it to what stands before
	cccShift             = 8
	// A character with neither flag nor combining class is where normalisation can start afresh.
	unsafeMask = nfcFlag | 0xff<<cccShift
)

const blockSize = 256

// chars holds the Unicode data, indexed for the hot paths. It is read-only once built.
type chars struct {
	ascii  [256]class
	index  [(utf8.MaxRune + 1) / blockSize]uint16 // block number of each run of 256 characters
	blocks [][blockSize]properties

	decomposed map[rune]string  // full canonical decompositions, Hangul syllables excepted
	composed   map[[2]rune]rune // primary composites by their two parts, likewise
}

// newChars indexes the tables of tables_*.go. It takes about a millisecond.
func newChars() *chars {
	c := &chars{blocks: make([][blockSize]properties, 1, 1024)}
	c.fill(letterRanges[:], properties(letter)|wordFlag)
	c.fill(numberRanges[:], properties(number)|wordFlag)
	c.fill(spaceRanges[:], properties(space))
	c.fill(wordRanges[:], wordFlag)
	for _, r := range nonWordRanges {
		for x := r[0]; x <= r[1]; x++ {
			*c.cell(x) &^= wordFlag
		}
	}
	for _, x := range "\r\n" {
		*c.cell(x) = properties(newline)
	}
	for _, r := range combiningRanges {
		for x := r[0]; x <= r[1]; x++ {
			*c.cell(x) |= properties(r[2]) << cccShift
		}
	}
	c.loadCompositions()
	c.shareBlocks()
	for b := range c.ascii {
		c.ascii[b] = multi
		if b < utf8.RuneSelf {
			c.ascii[b] = class(c.of(rune(b)) & classMask)
		}
	}
	return c
}

// loadCompositions reads the text of decompositions and flags what NFC may change.
func (c *chars) loadCompositions() {
	c.decomposed = make(map[rune]string, 2100)
	c.composed = make(map[[2]rune]rune, 1000)
	whole := make(map[string]rune, 1000) // composites by their full decomposition
	for rest := decompositions; rest != ""; {
		r, n := utf8.DecodeRuneInString(rest)
		end := n + 1
		for end < len(rest) && rest[end] != ' ' {
			end++
		}
		parts, composes := rest[n+1:end], rest[n] == '='
		c.decomposed[r] = parts
		if composes {
			whole[parts] = r
		} else {
			*c.cell(r) |= nfcFlag
		}
		rest = rest[min(end+1, len(rest)):]
	}
	for parts, r := range whole {
		last, n := utf8.DecodeLastRuneInString(parts)
		head := parts[:len(parts)-n]
		first, n := utf8.DecodeRuneInString(head)
		if n < len(head) {
			first = whole[head]
		}
		c.composed[[2]rune{first, last}] = r
		*c.cell(last) |= nfcFlag
	}
	for _, jamo := range [][2]rune{{hangulV, hangulV + hangulVs - 1}, {hangulT + 1, hangulT + hangulTs - 1}} {
		for x := jamo[0]; x <= jamo[1]; x++ {
			*c.cell(x) |= nfcFlag
		}
	}
}

// fill sets bits on every character of ranges.
func (c *chars) fill(ranges [][2]rune, bits properties) {
	for _, r := range ranges {
		for x := r[0]; x <= r[1]; x++ {
			*c.cell(x) |= bits
		}
	}
}

// cell is the place of a character's properties while the table is built.
func (c *chars) cell(r rune) *properties {
	i := &c.index[r/blockSize]
	if *i == 0 { // block 0 stands for characters without properties
		*i = uint16(len(c.blocks))
		c.blocks = append(c.blocks, [blockSize]properties{})
	}
	return &c.blocks[*i][r%blockSize]
}

// shareBlocks keeps one copy of equal blocks: most of those of Chinese and Korean are.
func (c *chars) shareBlocks() {
	numbers := make(map[[blockSize]properties]uint16, 256)
	var kept [][blockSize]properties
	renumbered := make([]uint16, len(c.blocks))
	for i, b := range c.blocks {
		n, ok := numbers[b]
		if !ok {
			n = uint16(len(kept))
			numbers[b] = n
			kept = append(kept, b)
		}
		renumbered[i] = n
	}
	for i, n := range c.index {
		c.index[i] = renumbered[n]
	}
	c.blocks = kept
}

// of gives a character's properties.
func (c *chars) of(r rune) properties {
	return c.blocks[c.index[uint32(r)/blockSize]][uint32(r)%blockSize]
}

// decode reads the character at s[i:], which must be valid UTF-8 and longer than one byte.
func decode(s string, i int) (rune, int) {
	b := s[i]
	if b < 0xe0 && i+1 < len(s) {
		return rune(b&0x1f)<<6 | rune(s[i+1]&0x3f), 2
	}
	if b < 0xf0 && i+2 < len(s) {
		return rune(b&0x0f)<<12 | rune(s[i+1]&0x3f)<<6 | rune(s[i+2]&0x3f), 3
	}
	return utf8.DecodeRuneInString(s[i:])
}
