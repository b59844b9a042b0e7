package vocab

import "unicode/utf8"

// Encode appends the canonical tokens of text to dst, none of them added
// tokens. ok is false, and dst as it was, where no canonical tokens stand for
// exactly these bytes: text is not valid UTF-8, or not in the normal form that
// the tokenizer makes.
func (t *Table) Encode(dst []int32, text []byte) (_ []int32, ok bool) {
	ids, err := t.src.AppendEncode(dst, string(text), false)
	if err != nil || !t.spells(ids[len(dst):], text) {
		return dst, false
	}
	return ids, true
}

// spells reports whether ids stand for text.
func (t *Table) spells(ids []int32, text []byte) bool {
	for _, id := range ids {
		b := t.Bytes(id)
		if len(b) == 0 || len(b) > len(text) || string(text[:len(b)]) != string(b) {
			return false
		}
		text = text[len(b):]
	}
	return len(text) == 0
}

// Spell appends tokens that stand for text to dst: the canonical ones where
// there are such, and for the rest the longest ones that fit. Text may begin and end
// within a character. It panics if the vocabulary lacks a token for a byte.
func (t *Table) Spell(dst []int32, text []byte) []int32 {
	start := 0
	for start < len(text) && !utf8.RuneStart(text[start]) {
		start++
	}
	dst = t.longestMatches(dst, text[:start])
	text = text[start:]
	if ids, ok := t.Encode(dst, text); ok {
		return ids
	}
	return t.longestMatches(dst, text)
}

// longestMatches is Spell by the longest token at each place.
func (t *Table) longestMatches(dst []int32, text []byte) []int32 {
	for len(text) > 0 {
		id, n := int32(-1), 0
		step := func(i int, b byte) (int, bool) { return i + 1, i < len(text) && text[i] == b }
		Walk(t.all, 0, step, func(token int32, length int) {
			if length > n {
				id, n = token, length
			}
		})
		if id < 0 {
			panic("vocab: no token begins the text")
		}
		dst, text = append(dst, id), text[n:]
	}
	return dst
}
