package tokenizer

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"unicode/utf8"
)

// Tokenizer encodes and decodes text. It is safe for concurrent use.
type Tokenizer struct {
	chars   *chars
	texts   texts
	types   []uint8 // by id
	words   wordTable
	literal map[string]int32 // added tokens, and ordinary ones outside of the byte-level alphabet

	bytes     [256]uint32 // token of each byte
	pairs     pairTable
	bytePairs []uint32 // [256 × 256] rank of each pair of bytes
	results   []uint32 // by rank: the token that the pair becomes

	added           []AddedToken
	inRaw, inNormal addedSet // found before and after normalisation

	bos, eos, pad int32
	addBOS        bool
	ignoreMerges  bool

	scratch sync.Pool     // of *scratch
	giant   chan struct{} // of size 1: held by mergeLong for a giant word
}

// UTF8Error reports text that is not valid UTF-8.
type UTF8Error struct {
	Offset int // of the first byte that belongs to no character
}

func (e *UTF8Error) Error() string {
	return fmt.Sprintf("the text is not valid UTF-8 at byte %d", e.Offset)
}

// checkUTF8 returns a *UTF8Error if s is not valid UTF-8.
func checkUTF8(s string) error {
	if utf8.ValidString(s) {
		return nil
	}
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return &UTF8Error{Offset: i}
			}
		}
	}
	return nil
}

// Encode returns the tokens of text. With special, spellings of added tokens (<|im_start|>, <think> …) in it become
// their ids; without, all of it is ordinary text, as that of users and tools has to be. No BOS is added.
// The error is *[UTF8Error].
func (t *Tokenizer) Encode(text string, special bool) ([]int32, error) {
	return t.AppendEncode(make([]int32, 0, len(text)/4+2), text, special)
}

// AppendEncode is Encode into dst, which it returns longer. On an error dst is returned as it was.
func (t *Tokenizer) AppendEncode(dst []int32, text string, special bool) ([]int32, error) {
	return t.AppendEncodeContext(context.Background(), dst, text, special)
}

// AppendEncodeContext is AppendEncode until ctx ends, whose cause is the error then: one word of megabytes takes
// seconds, and longer where others wait for theirs.
func (t *Tokenizer) AppendEncodeContext(ctx context.Context, dst []int32, text string, special bool) ([]int32, error) {
	if err := checkUTF8(text); err != nil {
		return dst, err
	}
	s := t.scratch.Get().(*scratch)
	s.done, s.ended = ctx.Done(), false
	defer t.scratch.Put(s)
	ids := t.appendEncode(dst, text, special, s)
	if s.ended {
		return dst, context.Cause(ctx)
	}
	return ids, nil
}

func (t *Tokenizer) appendEncode(dst []int32, text string, special bool, s *scratch) []int32 {
	if !special {
		return t.appendText(dst, t.chars.nfc(text), s)
	}
	ordinary := func(part string) { dst = t.appendText(dst, part, s) }
	token := func(id int32) { dst = append(dst, id) }
	normalise := func(part string) {
		part = t.chars.nfc(part)
		if t.inNormal.empty() {
			ordinary(part)
			return
		}
		t.inNormal.split(t.chars, part, ordinary, token)
	}
	if t.inRaw.empty() {
		normalise(text)
	} else {
		t.inRaw.split(t.chars, text, normalise, token)
	}
	return dst
}

// appendText appends the tokens of normalised text without added tokens.
func (t *Tokenizer) appendText(dst []int32, text string, s *scratch) []int32 {
	for words, i := 0, 0; i < len(text); words++ {
		if words%4096 == 0 && s.stopped() {
			break
		}
		j := t.chars.next(text, i)
		dst = t.appendWord(dst, text, i, j, s)
		i = j
	}
	return dst
}

// Normalize returns text as Encode sees it: composed (NFC, with the reference's Unicode tables).
// The error is *[UTF8Error].
func (t *Tokenizer) Normalize(text string) (string, error) {
	if err := checkUTF8(text); err != nil {
		return "", err
	}
	return t.chars.nfc(text), nil
}

// Size is the number of ids, unused ones included: valid ids are 0 … Size()-1.
func (t *Tokenizer) Size() int { return len(t.types) }

// Bytes returns the bytes that a token stands for, which need not be whole characters: nil for an unused id or one
// out of range. The slice must not be written to.
func (t *Tokenizer) Bytes(id int32) []byte {
	if id < 0 || int(id) >= len(t.types) || int32(t.types[id]) == TypeUnused {
		return nil
	}
	return t.texts.at(id)
}

// ID finds a token by its text: the spelling of an added token, or the bytes of an ordinary one.
func (t *Tokenizer) ID(token string) (int32, bool) {
	if id, ok := t.literal[token]; ok {
		return id, true
	}
	id := t.words.find(&t.texts, []byte(token))
	return id, id >= 0
}

// IsControl reports whether the token is special: one that steers the model and is left out of decoded text where
// special tokens are skipped.
func (t *Tokenizer) IsControl(id int32) bool {
	if id < 0 || int(id) >= len(t.types) {
		return false
	}
	k := int32(t.types[id])
	return k == TypeControl || k == TypeUnknown
}

// IsUnused reports whether id has no token: a padding row of the vocabulary, or out of range.
func (t *Tokenizer) IsUnused(id int32) bool {
	return id < 0 || int(id) >= len(t.types) || int32(t.types[id]) == TypeUnused
}

// Added returns the added tokens by ascending id.
func (t *Tokenizer) Added() []AddedToken { return slices.Clone(t.added) }

// BOS is the token at the beginning of a text, -1 if the vocabulary names none.
func (t *Tokenizer) BOS() int32 { return t.bos }

// EOS is the token that ends generation, -1 if the vocabulary names none.
func (t *Tokenizer) EOS() int32 { return t.eos }

// PAD is the padding token, -1 if the vocabulary names none.
func (t *Tokenizer) PAD() int32 { return t.pad }

// AddBOS reports whether the model expects BOS before a text. Encode does not add it.
func (t *Tokenizer) AddBOS() bool { return t.addBOS }
