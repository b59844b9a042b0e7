package tokenizer

// qwen2Pattern is the pre-tokeniser's regular expression, as tokenizer.json spells it. GGUF calls it "qwen2".
// (*chars).next is the same thing as a scanner: the look-ahead is beyond RE2, and a scanner is faster.
const qwen2Pattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

// classAt gives the class and length of the character at s[i:], i < len(s).
func (c *chars) classAt(s string, i int) (class, int) {
	k := c.ascii[s[i]]
	if k != multi {
		return k, 1
	}
	r, n := decode(s, i)
	return class(c.of(r) & classMask), n
}

// next returns the end of the word that starts at s[i], i < len(s). s is valid UTF-8, and one stretch of text: the
// end of s counts as the end of the text.
func (c *chars) next(s string, i int) int {
	k, n := c.classAt(s, i)
	j := i + n
	switch k {
	case letter:
		return c.letters(s, j)
	case number:
		return j
	case newline:
		return c.spaces(s, i)
	}
	if s[i] == '\'' {
		if n := contraction(s[j:]); n > 0 {
			return j + n
		}
	}
	if j == len(s) {
		return j
	}
	after, n := c.classAt(s, j)
	switch {
	case after == letter: // one character of any other kind may precede a word
		return c.letters(s, j+n)
	case k == other:
		return c.others(s, j)
	case s[i] == ' ' && after == other: // so may a space precede punctuation
		return c.others(s, j+n)
	}
	return c.spaces(s, i)
}

// letters returns the end of the run of letters at s[i:].
func (c *chars) letters(s string, i int) int {
	for i < len(s) {
		k := c.ascii[s[i]]
		if k == letter {
			i++
			continue
		}
		if k != multi {
			break
		}
		r, n := decode(s, i)
		if class(c.of(r)&classMask) != letter {
			break
		}
		i += n
	}
	return i
}

// others returns the end of the run of characters that are no letter, number or space, and of the line ends behind it.
func (c *chars) others(s string, i int) int {
	for i < len(s) {
		k, n := c.classAt(s, i)
		if k != other {
			break
		}
		i += n
	}
	for i < len(s) && (s[i] == '\n' || s[i] == '\r') {
		i++
	}
	return i
}

// spaces splits the run of white space at s[i:]: up to its last line end if it has one, else up to its last
// character, which is left to a following word; all of it at the end of the text.
func (c *chars) spaces(s string, i int) int {
	lineEnd, lastStart, j := -1, i, i
	for j < len(s) {
		k, n := c.classAt(s, j)
		if k != space && k != newline {
			break
		}
		lastStart = j
		j += n
		if k == newline {
			lineEnd = j
		}
	}
	switch {
	case lineEnd > 0:
		return lineEnd
	case j == len(s) || lastStart == i:
		return j
	}
	return lastStart
}

// contraction returns the length of the English suffix that s, the text after an apostrophe, starts with: s, t, m, d,
// re, ve or ll in either case. The reference's case folding takes U+017F, the long s, for an s.
func contraction(s string) int {
	if s == "" {
		return 0
	}
	var second byte
	switch s[0] | 0x20 {
	case 's', 't', 'm', 'd':
		return 1
	case 'r', 'v':
		second = 'e'
	case 'l':
		second = 'l'
	default:
		if len(s) >= 2 && s[0] == 0xc5 && s[1] == 0xbf {
			return 2
		}
		return 0
	}
	if len(s) >= 2 && s[1]|0x20 == second {
		return 2
	}
	return 0
}
