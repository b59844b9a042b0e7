package tokenizer

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// IDError reports an id outside of the vocabulary.
type IDError struct {
	ID    int32
	Index int // its place in the list, 0 where there is none
	Size  int // of the vocabulary
}

func (e *IDError) Error() string {
	return fmt.Sprintf("token id %d at index %d is not in the vocabulary of %d tokens", e.ID, e.Index, e.Size)
}

// appendID appends a token's bytes. ok is false for an id out of range. Unused ids have none.
func (t *Tokenizer) appendID(dst []byte, id int32, skipSpecial bool) (_ []byte, ok bool) {
	if id < 0 || int(id) >= len(t.types) {
		return dst, false
	}
	if skipSpecial && t.IsControl(id) || int32(t.types[id]) == TypeUnused {
		return dst, true
	}
	return append(dst, t.texts.at(id)...), true
}

func (t *Tokenizer) decodeBytes(ids []int32, skipSpecial bool) ([]byte, error) {
	out := make([]byte, 0, 5*len(ids))
	for i, id := range ids {
		var ok bool
		if out, ok = t.appendID(out, id, skipSpecial); !ok {
			return nil, &IDError{ID: id, Index: i, Size: len(t.types)}
		}
	}
	return out, nil
}

// Decode returns the text of ids, with special tokens left out if skipSpecial is set. Errors are *[IDError], and
// *[UTF8Error] where the tokens' bytes do not form text, its offset within those bytes: a model can write such
// tokens. [Tokenizer.DecodeLossy] and [Decoder] replace those bytes instead.
func (t *Tokenizer) Decode(ids []int32, skipSpecial bool) (string, error) {
	b, err := t.decodeBytes(ids, skipSpecial)
	if err != nil {
		return "", err
	}
	s := string(b)
	if err := checkUTF8(s); err != nil {
		return "", err
	}
	return s, nil
}

// DecodeLossy is Decode with U+FFFD for bytes that are not valid UTF-8: one for each longest sequence that could
// begin a character, as Unicode recommends and the reference does. The error is *[IDError].
func (t *Tokenizer) DecodeLossy(ids []int32, skipSpecial bool) (string, error) {
	b, err := t.decodeBytes(ids, skipSpecial)
	if err != nil {
		return "", err
	}
	if utf8.Valid(b) {
		return string(b), nil
	}
	var out strings.Builder
	rest := appendComplete(&out, b)
	if len(rest) > 0 {
		out.WriteRune(utf8.RuneError)
	}
	return out.String(), nil
}

// Decoder turns a stream of ids into text, whole characters at a time. What it returns, joined, is what DecodeLossy
// gives for all ids together.
type Decoder struct {
	t           *Tokenizer
	skipSpecial bool
	tail        []byte // the beginning of a character, at most 3 bytes
}

// NewDecoder starts a stream. With skipSpecial, special tokens give no text.
func (t *Tokenizer) NewDecoder(skipSpecial bool) *Decoder {
	return &Decoder{t: t, skipSpecial: skipSpecial}
}

// Push adds a token and returns the characters that it completes, often none. Bytes that cannot become a character
// are returned as U+FFFD. The error is *[IDError]; the stream can go on after it.
func (d *Decoder) Push(id int32) (string, error) {
	b, ok := d.t.appendID(d.tail, id, d.skipSpecial)
	if !ok {
		return "", &IDError{ID: id, Size: len(d.t.types)}
	}
	if len(d.tail) == 0 && utf8.Valid(b) {
		return string(b), nil
	}
	var out strings.Builder
	rest := appendComplete(&out, b)
	d.tail = append(d.tail[:0], rest...)
	return out.String(), nil
}

// Flush ends the stream: it returns U+FFFD if a character is incomplete. The decoder can be used again.
func (d *Decoder) Flush() string {
	if len(d.tail) == 0 {
		return ""
	}
	d.tail = d.tail[:0]
	return string(utf8.RuneError)
}

// appendComplete writes the characters of b to out, and U+FFFD for what is none. It returns the beginning of a
// character that b ends with, which more bytes may complete.
func appendComplete(out *strings.Builder, b []byte) []byte {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r != utf8.RuneError || n > 1 {
			out.Write(b[:n])
			b = b[n:]
			continue
		}
		n = prefixLen(b)
		if n == len(b) {
			return b
		}
		out.WriteRune(utf8.RuneError)
		b = b[max(n, 1):]
	}
	return nil
}

// prefixLen returns the length of the longest start of b, which does not begin with a whole character, that begins
// one: 0 if its first byte never does.
func prefixLen(b []byte) int {
	n := 0
	for n < len(b) && n < utf8.UTFMax-1 && !utf8.FullRune(b[:n+1]) {
		n++
	}
	return n
}
