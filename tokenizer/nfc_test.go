package tokenizer

import (
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// agreed reports whether golang.org/x/text, which follows a newer Unicode, normalises all of s by the same data, and
// leaves it whole: it inserts U+034F after 30 marks.
func agreed(c *chars, s string) bool {
	marks := 0
	for _, r := range s {
		p := norm.NFC.PropertiesString(string(r))
		if marks++; p.CCC() == 0 && p.BoundaryBefore() {
			marks = 0
		}
		if p.CCC() != uint8(c.of(r)>>cccShift) || norm.NFD.String(string(r)) != string(c.decompose(nil, string(r))) || marks > 20 {
			return false
		}
	}
	return true
}

func checkNFC(t *testing.T, c *chars, s string) (compared bool) {
	t.Helper()
	got := c.nfc(s)
	if again := c.nfc(got); again != got {
		t.Fatalf("%+q: normalised %+q, once more %+q", s, got, again)
	}
	if !agreed(c, s) {
		return false
	}
	if want := norm.NFC.String(s); got != want {
		t.Fatalf("%+q: got %+q, want %+q", s, got, want)
	}
	return true
}

func TestNFC(t *testing.T) {
	c := newChars()
	same := 0
	for r := range rune(utf8.MaxRune + 1) {
		if utf8.ValidRune(r) && checkNFC(t, c, "a"+string(r)+"\u0301") {
			same++
		}
	}
	if same < 1_112_064-300 {
		t.Errorf("only %d characters could be compared", same)
	}
	g := newGenerator(8, nil)
	compared := 0
	for range 20_000 {
		for _, s := range []string{g.marks(), g.hangul(), g.anything()} {
			if checkNFC(t, c, s) {
				compared++
			}
		}
	}
	if compared < 30_000 {
		t.Errorf("only %d texts could be compared", compared)
	}
}

// Marks newer than Unicode 9 are not reordered: the reference's normaliser does not know them.
func TestNFCIsTheReferences(t *testing.T) {
	c := newChars()
	for in, want := range map[string]string{
		"a\u07fd\u0334":                    "a\u07fd\u0334", // U+07FD is a mark of class 220 since Unicode 11
		"a\u0316\u0334":                    "a\u0334\u0316",
		"\U00011935\U00011930":             "\U00011935\U00011930", // composes since Unicode 13
		"a" + strings.Repeat("\u0301", 99): "\u00e1" + strings.Repeat("\u0301", 98),
	} {
		if got := c.nfc(in); got != want {
			t.Errorf("%+q: got %+q, want %+q", in, got, want)
		}
	}
}

func TestNFCKeepsNormalText(t *testing.T) {
	c := newChars()
	s := strings.Repeat("The caf\u00e9, \u4e2d\u6587, \ud55c\uad6d\uc5b4, \u0928\u092e\u0938\u094d\u0924\u0947, \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35. ", 100)
	if n := testing.AllocsPerRun(10, func() { c.nfc(s) }); n != 0 {
		t.Errorf("%v allocations for text that is normal already", n)
	}
}

func FuzzNFC(f *testing.F) {
	c := newChars()
	for _, s := range []string{"e\u0301\u0323", "\u1100\u1161\u11a8", "\u0344\u0315", "\u0958\u093c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if utf8.ValidString(s) {
			checkNFC(t, c, s)
		}
	})
}
