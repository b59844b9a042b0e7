package regex

import (
	"testing"

	"orchrt/sampler/grammar/budget"
)

func BenchmarkNewSpace(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		NewSpace(budget.New(1 << 20))
	}
}

func BenchmarkPattern(b *testing.B) {
	for _, c := range []struct{ name, pattern string }{
		{"short", `^[a-z0-9-]+$`},
		{"semver", `^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?$`},
		{"lookahead", `^(?!.*://)(?=.{1,255}$)((.{1,63}\.){1,127}(?![0-9]*$)[a-z0-9-]+\.?)$`},
		{"letters", `^\p{L}+$`},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := NewSpace(budget.New(1 << 20))
				if _, err := s.Pattern(c.pattern); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFormat(b *testing.B) {
	for _, name := range []string{"date-time", "uri", "email", "ipv6", "idn-hostname", "regex"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s := NewSpace(budget.New(1 << 20))
				if _, ok := s.Format(name); !ok {
					b.Fatal("not known")
				}
			}
		})
	}
}

// BenchmarkLexerStep steps known text; ns/op is that of one byte.
func BenchmarkLexerStep(b *testing.B) {
	const text = `The quick brown fox, 12 km away, says \"h\u00e9llo\" — ça va? 😀 `
	s := NewSpace(budget.New(1 << 24))
	for _, c := range []struct {
		name string
		l    Lang
	}{{"free", all}, {"bounded", s.Length(0, 1<<30)}} {
		b.Run(c.name, func(b *testing.B) {
			x := NewLexer(s)
			start := x.Start(c.l)
			st := run(x, start, text)
			if st == 0 {
				b.Fatal("refused")
			}
			i := 0
			for b.Loop() {
				if i == 0 {
					st = start
				}
				st = x.Step(st, text[i])
				if i++; i == len(text) {
					i = 0
				}
			}
		})
	}
}

// BenchmarkLexerFresh makes the states along a text anew.
func BenchmarkLexerFresh(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		s := NewSpace(budget.New(1 << 20))
		l, err := s.Pattern(`^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$`)
		if err != nil {
			b.Fatal(err)
		}
		x := NewLexer(s)
		if run(x, x.Start(l), "www.example.com") == 0 {
			b.Fatal("refused")
		}
	}
}

func BenchmarkSafe(b *testing.B) {
	s := NewSpace(budget.New(1 << 24))
	x := NewLexer(s)
	l, err := s.Pattern("^[^/]{100}$")
	if err != nil {
		b.Fatal(err)
	}
	st := x.Start(l)
	for b.Loop() {
		if len(x.Safe(st)) == 0 {
			b.Fatal("nothing is safe")
		}
	}
}
