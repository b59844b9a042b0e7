package tokenizer

import (
	"strings"
	"testing"

	"orchrt/testdata"
)

// qwen3Vocab is the embedded vocabulary.
func qwen3Vocab(t testing.TB) Vocab {
	t.Helper()
	r, err := testdata.Qwen3Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	v, err := ParseJSON(r)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func qwen3(t testing.TB) *Tokenizer {
	t.Helper()
	return mustNew(t, qwen3Vocab(t))
}

func mustNew(t testing.TB, v Vocab) *Tokenizer {
	t.Helper()
	tok, err := New(v)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func mustEncode(t testing.TB, tok *Tokenizer, text string, special bool) []int32 {
	t.Helper()
	ids, err := tok.Encode(text, special)
	if err != nil {
		t.Fatalf("Encode(%.80q): %v", text, err)
	}
	return ids
}

// alphabetRune is the character that stands for a byte.
func alphabetRune(b byte) rune {
	for r := rune(0); r < alphabetEnd; r++ {
		if x, ok := alphabetByte(r); ok && x == b {
			return r
		}
	}
	panic("the alphabet has all bytes")
}

// spell writes text in the byte-level alphabet.
func spell(text string) string {
	var b strings.Builder
	for i := range len(text) {
		b.WriteRune(alphabetRune(text[i]))
	}
	return b.String()
}

// tinyVocab is the 256 bytes, the merges given as "left right" in plain text, their results, and two added tokens.
func tinyVocab(merges ...string) Vocab {
	v := Vocab{Pre: "qwen2", BOS: -1, EOS: -1, PAD: -1}
	for b := range 256 {
		v.Tokens = append(v.Tokens, string(alphabetRune(byte(b))))
	}
	for _, m := range merges {
		left, right, _ := strings.Cut(m, "+")
		v.Tokens = append(v.Tokens, spell(left+right))
		v.Merges = append(v.Merges, spell(left)+" "+spell(right))
	}
	for range v.Tokens {
		v.Types = append(v.Types, TypeNormal)
	}
	v.Tokens = append(v.Tokens, "<end>", "<tool>")
	v.Types = append(v.Types, TypeControl, TypeUserDefined)
	v.EOS = int32(len(v.Tokens) - 2)
	return v
}
