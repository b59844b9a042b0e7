package tokenizer

import (
	"regexp"
	"testing"
	"unicode/utf8"
)

// alternatives is qwen2Pattern, one regular expression an alternative, with the classes of ASCII. The look-ahead of
// the last but one is left to slowNext.
var alternatives = []*regexp.Regexp{
	regexp.MustCompile(`^(?i:'s|'t|'re|'ve|'m|'ll|'d)`),
	regexp.MustCompile(`^[^\r\nA-Za-z0-9]?[A-Za-z]+`),
	regexp.MustCompile(`^[0-9]`),
	regexp.MustCompile(`^ ?[^\sA-Za-z0-9]+[\r\n]*`),
	regexp.MustCompile(`^\s*[\r\n]+`),
	regexp.MustCompile(`^\s+`),
}

// standIns replaces each character by one of ASCII that the pattern treats alike.
func standIns(c *chars, text string) string {
	var out []byte
	for _, r := range text {
		k := class(c.of(r) & classMask)
		switch {
		case r == '\u017f':
			out = append(out, 's')
		case r < utf8.RuneSelf && k != space || r == ' ':
			out = append(out, byte(r))
		default:
			out = append(out, map[class]byte{letter: 'x', number: '1', space: '\t', other: '!'}[k])
		}
	}
	return string(out)
}

// slowNext applies the alternatives in order.
func slowNext(s string) int {
	for i, re := range alternatives {
		m := re.FindStringIndex(s)
		if m == nil {
			continue
		}
		n := m[1]
		if i == len(alternatives)-1 && n > 1 && n < len(s) {
			n-- // \s+(?!\S) gives one back
		}
		return n
	}
	return 0
}

func checkScan(t *testing.T, c *chars, text string) {
	t.Helper()
	want := standIns(c, text)
	for i, at := 0, 0; i < len(text); {
		j := c.next(text, i)
		if j <= i || j > len(text) {
			t.Fatalf("%q: a word from %d to %d", text, i, j)
		}
		got := utf8.RuneCountInString(text[i:j])
		if n := slowNext(want[at:]); n != got {
			t.Fatalf("%q: word %q of %d characters, the expression matches %d", text, text[i:j], got, n)
		}
		i, at = j, at+got
	}
}

func TestScan(t *testing.T) {
	c := newChars()
	g := newGenerator(7, []AddedToken{{Text: "<|im_end|>"}})
	for range 20_000 {
		checkScan(t, c, g.text())
	}
}

func FuzzScan(f *testing.F) {
	c := newChars()
	for _, s := range []string{"I'll\r\n  go", " \t\n x", "'\u017fa", "a\u3000\u3000b!\n\n", "\u0301a1\u0663"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if utf8.ValidString(text) {
			checkScan(t, c, text)
		}
	})
}
