package vocab

import (
	"bytes"
	"unicode/utf8"
)

// fate is what becomes of a token in the body of a JSON string.
type fate int

const (
	refused fate = iota // a raw control character, invalid UTF-8, no escape
	inside              // it stays in the body
	unsure              // it depends on a quote or on what escapes there are: run the automaton
)

// inText runs a token over the body of a string that may hold anything, from
// between two of its characters. With inside comes the number of characters
// that it writes, one that it only begins counted too.
func inText(b []byte) (characters int, f fate) {
	for len(b) > 0 {
		n, f := character(b)
		if f != inside {
			return 0, f
		}
		characters++
		b = b[n:]
	}
	return characters, inside
}

// character takes one character, or the beginning of one, from the front of b.
func character(b []byte) (n int, f fate) {
	switch c := b[0]; {
	case c == '"':
		return 0, unsure
	case c == '\\':
		return escape(b)
	case c < 0x20:
		return 0, refused
	case c < utf8.RuneSelf:
		return 1, inside
	case !utf8.FullRune(b):
		return len(b), inside
	}
	if n = wholeCharacter(b); n == 0 {
		return 0, refused
	}
	return n, inside
}

// wholeCharacter is the length of the character at the front of b, 0 if it is
// not valid or not complete.
func wholeCharacter(b []byte) int {
	r, n := utf8.DecodeRune(b)
	if r == utf8.RuneError && n == 1 {
		return 0
	}
	return n
}

// escape is character for an escape.
func escape(b []byte) (n int, f fate) {
	if len(b) == 1 {
		return 1, inside
	}
	switch b[1] {
	case '"', '\\', 'b', 'f', 'n', 'r', 't':
		return 2, inside
	case '/', 'u':
		return 0, unsure
	}
	return 0, refused
}

// written is the number of characters that the front of a string writes, one that
// it only begins counted too. The string may be followed by other bytes that make
// it valid JSON.
func written(b []byte) (characters int) {
	for len(b) > 0 {
		n, f := character(b)
		switch {
		case f == inside:
		case b[0] == '\\' && b[1] == 'u':
			n = min(6, len(b))
			if n == 6 && isHighSurrogate(b[2:6]) {
				n = min(12, len(b))
			}
		default:
			n = min(2, len(b))
		}
		characters++
		b = b[n:]
	}
	return characters
}

// isHighSurrogate reports that hexadecimal digits are the first half of a pair.
func isHighSurrogate(hex []byte) bool {
	return (hex[0] == 'd' || hex[0] == 'D') && bytes.IndexByte([]byte("89abAB"), hex[1]) >= 0
}
