package tokenizer

import (
	"slices"
	"unicode/utf8"
)

// Hangul syllables are composed by formula from lead, vowel and tail jamo (Unicode standard, section 3.12).
const (
	hangulL, hangulV, hangulT    = 0x1100, 0x1161, 0x11a7
	hangulLs, hangulVs, hangulTs = 19, 21, 28
	hangulS, hangulSs            = 0xac00, hangulLs * hangulVs * hangulTs
)

// nfc composes s canonically. It returns s itself where nothing changes, which a scan without allocation shows for
// ordinary text. Runs of combining marks have no limit in length.
func (c *chars) nfc(s string) string {
	var out, segment []byte
	done := 0 // s[:done] stands in out
	safe := 0 // the last character at which normalisation can start afresh
	last := properties(0)
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			i = skipASCII(s, i)
			safe, last = i-1, 0
			continue
		}
		r, n := decode(s, i)
		p := c.of(r)
		if ccc := p >> cccShift; p&nfcFlag == 0 && (ccc == 0 || ccc >= last) {
			if ccc == 0 {
				safe = i
			}
			last = ccc
			i += n
			continue
		}
		i = c.nextSafe(s, i+n)
		segment = c.recompose(segment[:0], s[safe:i])
		if string(segment) != s[safe:i] {
			out = append(append(out, s[done:safe]...), segment...)
			done = i
		}
		safe, last = i, 0
	}
	if done == 0 {
		return s
	}
	return string(append(out, s[done:]...))
}

// skipASCII returns the end of the run of ASCII bytes at s[i:].
func skipASCII(s string, i int) int {
	for i+8 <= len(s) && le64(s, i)&0x8080808080808080 == 0 {
		i += 8
	}
	for i < len(s) && s[i] < utf8.RuneSelf {
		i++
	}
	return i
}

// nextSafe returns the offset, at or after i, of a character at which normalisation can start afresh.
func (c *chars) nextSafe(s string, i int) int {
	for i < len(s) && s[i] >= utf8.RuneSelf {
		r, n := decode(s, i)
		if c.of(r)&unsafeMask == 0 {
			break
		}
		i += n
	}
	return i
}

// recompose appends the NFC form of segment to dst: decompose, order the marks, compose.
func (c *chars) recompose(dst []byte, segment string) []byte {
	var space [32]rune
	runes := c.decompose(space[:0], segment)
	c.order(runes)
	kept := 0                 // runes[:kept] is composed
	starter := -1             // the last character of class 0 in it
	previous := properties(0) // class of the last character in it
	for _, r := range runes {
		ccc := c.of(r) >> cccShift
		if starter >= 0 && (starter == kept-1 || previous < ccc) {
			if composite, ok := c.compose(runes[starter], r); ok {
				runes[starter] = composite
				continue
			}
		}
		if ccc == 0 {
			starter = kept
		}
		previous = ccc
		runes[kept] = r
		kept++
	}
	for _, r := range runes[:kept] {
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// decompose appends the full canonical decomposition of s.
func (c *chars) decompose(dst []rune, s string) []rune {
	for _, r := range s {
		if x := r - hangulS; x >= 0 && x < hangulSs {
			dst = append(dst, hangulL+x/(hangulVs*hangulTs), hangulV+x/hangulTs%hangulVs)
			if t := x % hangulTs; t != 0 {
				dst = append(dst, hangulT+t)
			}
			continue
		}
		if parts, ok := c.decomposed[r]; ok {
			for _, p := range parts {
				dst = append(dst, p)
			}
			continue
		}
		dst = append(dst, r)
	}
	return dst
}

// order sorts each run of combining marks by class; marks of one class keep their order.
func (c *chars) order(runes []rune) {
	byClass := func(a, b rune) int { return int(c.of(a)>>cccShift) - int(c.of(b)>>cccShift) }
	for i := 0; i < len(runes); i++ {
		start := i
		for i < len(runes) && c.of(runes[i])>>cccShift != 0 {
			i++
		}
		if i-start > 1 {
			slices.SortStableFunc(runes[start:i], byClass)
		}
	}
}

// compose joins two characters to a primary composite, if there is one.
func (c *chars) compose(a, b rune) (rune, bool) {
	if l, v := a-hangulL, b-hangulV; l >= 0 && l < hangulLs && v >= 0 && v < hangulVs {
		return hangulS + (l*hangulVs+v)*hangulTs, true
	}
	if s, t := a-hangulS, b-hangulT; s >= 0 && s < hangulSs && s%hangulTs == 0 && t > 0 && t < hangulTs {
		return a + t, true
	}
	r, ok := c.composed[[2]rune{a, b}]
	return r, ok
}
