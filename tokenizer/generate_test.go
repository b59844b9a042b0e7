package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// generator makes text that tokenizers get wrong, the same for the same seed.
type generator struct {
	*rand.Rand
	scripts []*unicode.RangeTable
	added   []string
}

func newGenerator(seed uint64, added []AddedToken) *generator {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 0x6f726368))}
	names := make([]string, 0, len(unicode.Scripts))
	for name := range unicode.Scripts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		g.scripts = append(g.scripts, unicode.Scripts[name])
	}
	for _, a := range added {
		g.added = append(g.added, a.Text)
	}
	return g
}

func pick[T any](g *generator, list []T) T { return list[g.IntN(len(list))] }

// text returns one string of a kind chosen at random.
func (g *generator) text() string {
	return pick(g, []func() string{g.scriptText, g.marks, g.hangul, g.emoji, g.whitespace, g.contractions, g.code,
		g.lookalike, g.anything, g.control, g.longWord, g.blend})()
}

// in returns a character of a table.
func (g *generator) in(t *unicode.RangeTable) rune {
	n := g.IntN(len(t.R16) + len(t.R32))
	if n < len(t.R16) {
		r := t.R16[n]
		return rune(r.Lo) + rune(r.Stride)*rune(g.IntN(int(r.Hi-r.Lo)/int(r.Stride)+1))
	}
	r := t.R32[n-len(t.R16)]
	return rune(r.Lo) + rune(r.Stride)*rune(g.IntN(int(r.Hi-r.Lo)/int(r.Stride)+1))
}

func (g *generator) repeat(most int, f func() string) string {
	var b strings.Builder
	for range 1 + g.IntN(most) {
		b.WriteString(f())
	}
	return b.String()
}

// scriptText is words of one or two scripts.
func (g *generator) scriptText() string {
	a, b := pick(g, g.scripts), pick(g, g.scripts)
	return g.repeat(8, func() string {
		script := a
		if g.IntN(4) == 0 {
			script = b
		}
		word := g.repeat(7, func() string { return string(g.in(script)) })
		return word + pick(g, []string{"", " ", " ", " ", ", ", ".\n", "\u3000", "-", "'s ", "1", "\u200d"})
	})
}

// marks is base characters under heaps of combining marks, in and out of canonical order.
func (g *generator) marks() string {
	bases := []rune("aeiouAEIOUyncsz\u00c5\u1ea1\u03b1\u0438\u05d0\u0627\u0915\u0995\u0b92\u0ddd\u304b\u30cf\u00df=<\u2260 '1\n")
	return g.repeat(12, func() string {
		s := string(pick(g, bases))
		for range g.IntN(5) {
			s += string(g.mark())
		}
		if g.IntN(40) == 0 {
			s += strings.Repeat(string(g.mark()), 20+g.IntN(30))
		}
		return s
	})
}

func (g *generator) mark() rune {
	switch g.IntN(4) {
	case 0:
		return g.in(unicode.M)
	case 1:
		r := combiningRanges[g.IntN(len(combiningRanges))]
		return r[0] + rune(g.IntN(int(r[1]-r[0])+1))
	case 2:
		return pick(g, []rune("\u09be\u0bbe\u0dcf\u102e\u3099\u309a\u0345\u0653\u0654\u0340\u0344\U00011127\U000110ba\U0001d165\U0001d16e"))
	}
	return 0x300 + rune(g.IntN(0x70))
}

// hangul is syllables and jamo that do and do not compose.
func (g *generator) hangul() string {
	return g.repeat(20, func() string {
		switch g.IntN(6) {
		case 0:
			return string(hangulS + rune(g.IntN(hangulSs)))
		case 1:
			return string(hangulS + hangulTs*rune(g.IntN(hangulSs/hangulTs)))
		case 2:
			return string(pick(g, []rune(" \u0300\u115f\u11ff\u1160\ua960\ud7b0\u3131")))
		case 3:
			return string(hangulL + rune(g.IntN(hangulLs+1)))
		case 4:
			return string(hangulV + rune(g.IntN(hangulVs+1)))
		}
		return string(hangulT + rune(g.IntN(hangulTs+1)))
	})
}

// emoji is pictures with modifiers, joiners, selectors and flags.
func (g *generator) emoji() string {
	return g.repeat(10, func() string {
		r := pick(g, [][2]rune{{0x1f300, 0x1faff}, {0x2600, 0x27bf}, {0x1f1e6, 0x1f1ff}})
		return string(r[0]+rune(g.IntN(int(r[1]-r[0])+1))) + pick(g, []string{"", "\ufe0f", "\u200d", "\U0001f3fd", "\U000e0067", "\u20e3", " ", "a", "\n"})
	})
}

const allSpaces = " \t\n\r\v\f\u0085\u00a0\u1680\u2000\u2003\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

// whitespace is runs of every kind of it among other characters.
func (g *generator) whitespace() string {
	spaces := []rune(allSpaces + "\u200b\u180e\ufeff\u001c\u001f")
	return g.repeat(8, func() string {
		s := g.repeat(5, func() string { return string(pick(g, spaces)) })
		if g.IntN(2) == 0 {
			s = g.repeat(5, func() string { return pick(g, []string{" ", " ", "\n", "\t", "\r\n"}) })
		}
		return s + pick(g, []string{"", "word", "7", "!", "\u4e2d", "'ll", "\u0301", "\u00e9t\u00e9", "<|im_end|>"})
	})
}

// contractions is apostrophes before every kind of continuation.
func (g *generator) contractions() string {
	return g.repeat(10, func() string {
		s := pick(g, []string{"'", "'", "'", "\u2019", "''", " '"}) +
			pick(g, []string{"s", "t", "re", "ve", "m", "ll", "d", "r", "v", "l", "\u017f", "\u212a", "\u00df", "x", "l\u0301", "\ufb06", ""})
		if g.IntN(3) == 0 {
			s = strings.ToUpper(s)
		}
		return s + pick(g, []string{"", "", " ", "a", "s", "7", "I", "don", "\n", "\u00e9", "'"})
	})
}

// code is something like a program.
func (g *generator) code() string {
	parts := []string{"func ", "(x int)", " {\n", "\n\t", "    ", "return ", "==", "!=", "\"str\\n\"", "0x1F", "3.14159", "// ",
		"/*", "*/", "});", "\n\n", "\r\n", "__init__", "camelCase", "self.", "<div class=\"a\">", "&amp;", "#include <", "->", "::",
		"a[i+1]", "%d", "{}", "$", "@", "~", "`", "\\", "|", "^", "λ", "émile", "for i in range(10):\n", "TODO", ";;;", "....", "1e-06"}
	return g.repeat(25, func() string { return pick(g, parts) })
}

// lookalike is spellings of added tokens, whole and damaged.
func (g *generator) lookalike() string {
	return g.repeat(6, func() string {
		s := pick(g, g.added)
		switch g.IntN(6) {
		case 0:
			s = s[:g.IntN(len(s))]
		case 1:
			i := g.IntN(len(s))
			s = s[:i] + pick(g, []string{" ", "<", "|", "x", "\u0301", "\n", "\u200b"}) + s[i:]
		case 2:
			s = strings.ToUpper(s)
		}
		return s + pick(g, []string{"", "", "<", " ", "\n", "  ", "user\n", "\u0301", "\u0338", "e\u0301", "'s", "ok"})
	})
}

// anything is characters from all of Unicode, assigned or not.
func (g *generator) anything() string {
	return g.repeat(30, func() string {
		r := rune(g.IntN(pick(g, []int{0x80, 0x250, 0x3000, 0x10000, 0x20000, utf8.MaxRune + 1})))
		if !utf8.ValidRune(r) {
			r = utf8.RuneError
		}
		return string(r)
	})
}

// control is control, format and private characters.
func (g *generator) control() string {
	return g.repeat(15, func() string {
		r := rune(g.IntN(0xa0))
		switch g.IntN(4) {
		case 0:
			r = g.in(unicode.Cf)
		case 1:
			r = g.in(unicode.Co)
		}
		return string(r) + pick(g, []string{"", "a", " ", "1", "\n"})
	})
}

// longWord is one word longer than what is merged by plain search.
func (g *generator) longWord() string {
	alphabets := []string{"a", "ab", "abcdefghijklmnopqrstuvwxyz", "=", "-=", "的一是不了人我在有他", "あいうえお", "ат", "สวัส"}
	alphabet := []rune(pick(g, alphabets))
	return strings.Repeat(" ", g.IntN(3)) + g.repeat(300, func() string { return string(pick(g, alphabet)) })
}

// blend is pieces of the other kinds.
func (g *generator) blend() string {
	kinds := []func() string{g.scriptText, g.marks, g.hangul, g.emoji, g.whitespace, g.contractions, g.code, g.lookalike, g.anything}
	return g.repeat(4, func() string { return pick(g, kinds)() })
}
