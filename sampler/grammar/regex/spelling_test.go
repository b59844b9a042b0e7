package regex

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"orchrt/sampler/grammar/budget"
)

// Of every string of a language, the Written lexer takes the one text that
// appendEscaped writes, and no other text of any string.
func TestWritten(t *testing.T) {
	for _, pattern := range []string{`^[\s\S]*$`, `^[\u0000-\u0041"\\]{0,4}$`, `^(\n|\u0001|\u001f|/|\u00e9|\ud83d\ude00|a)+$`, `^[^\n"]*$`, `^\u000b?$`} {
		s := NewSpace(budget.New(1 << 24))
		l, err := s.Pattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		x := NewLexerOf(s, Written)
		rng := rand.New(rand.NewPCG(1, 2))
		sample := []rune{0, 1, '\b', '\t', '\n', '\v', '\f', '\r', 0x0e, 0x1f, ' ', '"', '/', 'a', 'A', '\\', 0x7f, 0xe9, 0x2028, 0xffff, 0x1f600}
		for range 300 {
			text := make([]rune, rng.IntN(5))
			for i := range text {
				text[i] = sample[rng.IntN(len(sample))]
			}
			if got, want := accepts(x, l, string(appendEscaped(nil, string(text)))), s.Matches(l, string(text)); got != want {
				t.Fatalf("%s: %q is accepted: %t, want %t", pattern, string(text), got, want)
			}
		}
		for range 300 {
			st, text := x.Start(l), []byte(nil)
			for range 1 + rng.IntN(12) {
				var next []byte
				for b := range 256 {
					if x.Step(st, byte(b)) != 0 {
						next = append(next, byte(b))
					}
				}
				if len(next) == 0 {
					break
				}
				b := next[rng.IntN(len(next))]
				if rng.IntN(3) == 0 {
					b = next[0] // rare bytes: quote, backslash and what follows them
					for _, c := range next {
						if c == '\\' || c == 'u' {
							b = c
						}
					}
				}
				text, st = append(text, b), x.Step(st, b)
			}
			if rest := x.Shortest(st); len(rest) != x.Distance(st) {
				t.Fatalf("%s: after %q comes %q, of which Distance says %d bytes", pattern, text, rest, x.Distance(st))
			} else {
				text = append(text, rest...)
			}
			var decoded string
			if err := json.Unmarshal([]byte(`"`+string(text)+`"`), &decoded); err != nil {
				t.Fatalf("%s: %q: %v", pattern, text, err)
			}
			if again := string(appendEscaped(nil, decoded)); again != string(text) || !accepts(x, l, again) {
				t.Fatalf("%s: took %q for %q", pattern, text, again)
			}
		}
		if s.Err() != nil {
			t.Fatal(s.Err())
		}
	}
}

func accepts(x *Lexer, l Lang, text string) bool {
	st := x.Start(l)
	for i := range len(text) {
		if st = x.Step(st, text[i]); st == 0 {
			return false
		}
	}
	return x.Accepts(st)
}
