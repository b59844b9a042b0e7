package vocab

import (
	"bytes"
	"strings"
)

// structure are the bytes of JSON outside of strings but for letters.
const structure = " \t\r\n{}[],:+-.0123456789"

// mayStandOutside reports whether a token may come where no string is open: up
// to its first quotation mark it has bytes of JSON alone, and its letters are
// those of literals and exponents. It may say yes for others.
func mayStandOutside(b []byte) bool {
	if i := bytes.IndexByte(b, '"'); i >= 0 {
		b = b[:i]
	}
	for len(b) > 0 {
		n := 0
		for n < len(b) && (b[n] >= 'a' && b[n] <= 'z' || b[n] == 'E') {
			n++
		}
		switch word := string(b[:n]); {
		case n == 0 && strings.IndexByte(structure, b[0]) < 0:
			return false
		case n == 0:
			n = 1
		case word != "E" && !strings.Contains("true", word) && !strings.Contains("false", word) && !strings.Contains("null", word):
			return false
		}
		b = b[n:]
	}
	return true
}

// endsValue holds for the bytes that may come right behind a value in an object
// or array.
func endsValue(b byte) bool { return strings.IndexByte(",}] \t\r\n", b) >= 0 }
