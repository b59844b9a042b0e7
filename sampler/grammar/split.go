package grammar

// Qwen's pre-tokeniser splits text into words before it joins bytes to tokens,
// by the expression
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d) | [^\r\n\p{L}\p{N}]?\p{L}+ | \p{N} | ?[^\s\p{L}\p{N}]+[\r\n]* | \s*[\r\n]+ | \s+(?!\S) | \s+
//
// No token reaches over the end of a word. Where the end of one is certain,
// whatever follows, so are the tokens before it.

// splits reports that a word certainly ends between text, to its left, and the
// byte b, and that the words of text are the same without b. It knows ASCII
// alone, and answers no where it is not certain.
func splits(text []byte, b byte) bool {
	if len(text) == 0 || b >= 0x80 {
		return false
	}
	switch a := text[len(text)-1]; {
	case isDigit(a): // a word of its own
		return true
	case isDigit(b): // words of digits take nothing before them; the last of several spaces is a word because of b
		return isLetter(a) || isMark(a) || a == '\n' || a == ' ' && len(text) > 1 && text[len(text)-2] < 0x80 && !isSpace(text[len(text)-2])
	case isLetter(a):
		return !isLetter(b)
	case a == '\n':
		return !isSpace(b)
	case isMark(a):
		return splitsMarks(text, b)
	}
	return false
}

// splitsMarks is splits for text that ends in a punctuation mark.
func splitsMarks(text []byte, b byte) bool {
	switch {
	case b == ' ' || b == '\t':
		return true
	case !isLetter(b):
		return false
	}
	// A single mark and letters are one word, unless the mark belongs to the
	// space before it.
	if len(text) == 1 {
		return false
	}
	before := text[len(text)-2]
	return before == ' ' || isMark(before)
}

func isDigit(b byte) bool  { return '0' <= b && b <= '9' }
func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }
func isSpace(b byte) bool  { return b == ' ' || '\t' <= b && b <= '\r' }

// isMark reports a character of ASCII that is no letter, digit, space or
// control character.
func isMark(b byte) bool { return ' ' < b && b < 0x7f && !isDigit(b) && !isLetter(b) }

// splitBefore returns the last of the tokens that begin at starts in context
// before which a word certainly ends, -1 if there is none. The first token
// begins a word unless context was cut.
func splitBefore(context []byte, starts []int, cut bool) int {
	for i := len(starts) - 1; i > 0; i-- {
		if splits(context[:starts[i]], context[starts[i]]) {
			return i
		}
	}
	if cut {
		return -1
	}
	return 0
}

// lastSplit returns the last place in text, behind the given one, at which a
// word certainly ends if one of the bytes of next follows text; behind if there
// is none.
func lastSplit(text []byte, behind int, next []byte) int {
	certain := len(next) > 0
	for _, b := range next {
		certain = certain && splits(text, b)
	}
	if certain {
		return len(text)
	}
	for i := len(text) - 1; i > behind; i-- {
		if splits(text[:i], text[i]) {
			return i
		}
	}
	return behind
}
