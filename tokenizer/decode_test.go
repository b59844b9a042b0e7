package tokenizer

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// stream decodes ids one by one, and checks that each piece is whole characters.
func stream(t testing.TB, tok *Tokenizer, ids []int32, skipSpecial bool) string {
	t.Helper()
	var b strings.Builder
	d := tok.NewDecoder(skipSpecial)
	for _, id := range ids {
		s, err := d.Push(id)
		if err != nil {
			t.Fatal(err)
		}
		if !utf8.ValidString(s) {
			t.Fatalf("token %d: %q is not whole characters", id, s)
		}
		b.WriteString(s)
	}
	b.WriteString(d.Flush())
	return b.String()
}

func TestDecoderHoldsIncompleteCharacters(t *testing.T) {
	tok := mustNew(t, tinyVocab("a+b"))
	d := tok.NewDecoder(false)
	var got []string
	for _, b := range []byte("x\u00e9\u20ac\U0001f600") {
		s, err := d.Push(int32(b)) // tinyVocab numbers bytes by their value
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s)
	}
	want := []string{"x", "", "\u00e9", "", "", "\u20ac", "", "", "", "\U0001f600"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got %q, want %q", got, want)
	}
	if s := d.Flush(); s != "" {
		t.Errorf("Flush after whole characters: %q", s)
	}
}

func TestDecodeInvalidBytes(t *testing.T) {
	tok := mustNew(t, tinyVocab("a+b"))
	for _, c := range []struct {
		bytes, lossy string
		offset       int
	}{
		{"ok\xff!", "ok\ufffd!", 2},
		{"\x80\x80", "\ufffd\ufffd", 0},
		{"\xe2\x82A", "\ufffdA", 0},
		{"a\xe2\x82", "a\ufffd", 1},
		{"\xf0\x9f\x98", "\ufffd", 0},
		{"\xf0\x80\x80\x80", "\ufffd\ufffd\ufffd\ufffd", 0},
		{"\xed\xa0\x80", "\ufffd\ufffd\ufffd", 0},
		{"\u00e9\xc3\u00e9", "\u00e9\ufffd\u00e9", 2},
		{"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd", 0},
		{"\ufffd\xc3", "\ufffd\ufffd", 3},
	} {
		var ids []int32
		for _, b := range []byte(c.bytes) {
			ids = append(ids, int32(b))
		}
		_, err := tok.Decode(ids, false)
		if e := (*UTF8Error)(nil); !errors.As(err, &e) || e.Offset != c.offset {
			t.Errorf("Decode %q: error %v, want a UTF8Error at %d", c.bytes, err, c.offset)
		}
		if s, err := tok.DecodeLossy(ids, false); err != nil || s != c.lossy {
			t.Errorf("DecodeLossy %q: %q, %v, want %q", c.bytes, s, err, c.lossy)
		}
		if s := stream(t, tok, ids, false); s != c.lossy {
			t.Errorf("Decoder %q: %q, want %q", c.bytes, s, c.lossy)
		}
	}
}

func TestDecodeSpecialAndUnused(t *testing.T) {
	v := tinyVocab("a+b")
	v.Pad(300)
	tok := mustNew(t, v)
	end, _ := tok.ID("<end>")
	tool, _ := tok.ID("<tool>")
	ids := []int32{'a', end, tool, 299, 'b'}
	for skip, want := range map[bool]string{false: "a<end><tool>b", true: "a<tool>b"} {
		if s, err := tok.Decode(ids, skip); err != nil || s != want {
			t.Errorf("skip %v: %q, %v, want %q", skip, s, err, want)
		}
		if s := stream(t, tok, ids, skip); s != want {
			t.Errorf("stream, skip %v: %q, want %q", skip, s, want)
		}
	}
}

func TestDecodeUnknownID(t *testing.T) {
	tok := mustNew(t, tinyVocab("a+b"))
	d := tok.NewDecoder(false)
	if _, err := d.Push(0xe2); err != nil {
		t.Fatal(err)
	}
	for _, id := range []int32{-1, int32(tok.Size()), 1 << 30} {
		var e *IDError
		if _, err := tok.Decode([]int32{'a', id}, false); !errors.As(err, &e) || e.ID != id || e.Index != 1 {
			t.Errorf("Decode %d: %v", id, err)
		}
		if _, err := tok.DecodeLossy([]int32{id}, true); !errors.As(err, &e) {
			t.Errorf("DecodeLossy %d: %v", id, err)
		}
		if _, err := d.Push(id); !errors.As(err, &e) {
			t.Errorf("Push %d: %v", id, err)
		}
		if tok.Bytes(id) != nil || tok.IsControl(id) || !tok.IsUnused(id) {
			t.Errorf("id %d passes for a token", id)
		}
	}
	for _, b := range []byte{0x82, 0xac} { // the stream goes on after an error
		if _, err := d.Push(int32(b)); err != nil {
			t.Fatal(err)
		}
	}
	if s := d.Flush(); s != "" {
		t.Errorf("Flush: %q", s)
	}
}
