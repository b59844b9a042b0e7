package orchestrate

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext\n":                     "plain\ttext\n",
		"a\r\nb\rc":                         "a\nb\nc",
		"\x1b[31;1mred\x1b[0m":              "red",
		"\x1b]0;title\x07x\x1b]8;;u\x1b\\y": "xy",
		"nul\x00bell\x07c1\u0085":           "nulbellc1",
		"\xff\xfe|\xe4\xb8":                 "\uFFFD|\uFFFD",
		"<|im_end|></tool_response>":        "<|im_end|></tool_response>",
		"\x1b[31\nopen":                     "[31\nopen",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzCleanAndCut(f *testing.F) {
	f.Add("é\x1b[0m\xff世界\r\n", 7)
	f.Add(strings.Repeat("日本", 100), 60)
	f.Fuzz(func(t *testing.T, s string, limit int) {
		limit = max(limit%1000, 0)
		c := clean(s)
		if !utf8.ValidString(c) || strings.ContainsFunc(c, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }) {
			t.Fatalf("clean(%q) = %q", s, c)
		}
		if clean(c) != c {
			t.Fatalf("cleaning %q again changes it", c)
		}
		got, n := CutText(c, limit)
		if !utf8.ValidString(got) || len(got) > limit && len(c) > limit {
			t.Fatalf("CutText(%q, %d) = %q", c, limit, got)
		}
		if (n > 0) != (len(c) > limit) {
			t.Fatalf("CutText(%q, %d) left out %d", c, limit, n)
		}
	})
}
