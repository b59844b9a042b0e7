package number

import (
	"strconv"
	"testing"
)

func benchSets(b *testing.B) map[string]Set {
	m, err := Multiples(dec(b, "0.01"))
	if err != nil {
		b.Fatal(err)
	}
	return map[string]Set{
		"all":        All(),
		"integers":   Integers(),
		"range":      Integers().Intersect(AtLeast(FromInt(1))).Intersect(AtMost(FromInt(65535))),
		"hundredths": m.Intersect(AtLeast(FromInt(0))),
	}
}

var sink State

// BenchmarkStep steps a text whose states are known; one operation is a byte.
func BenchmarkStep(b *testing.B) {
	const text = "4096"
	for name, s := range benchSets(b) {
		b.Run(name, func(b *testing.B) {
			x := NewLexerOf(Normal)
			start := x.Start(s)
			b.ReportAllocs()
			for i := 0; i < b.N; i += len(text) {
				st := start
				for j := range len(text) {
					st = x.Step(st, text[j])
				}
				sink = st
			}
		})
	}
}

// BenchmarkCold tries all bytes after each byte of a text, in a new Lexer.
func BenchmarkCold(b *testing.B) {
	const text = "4096"
	for name, s := range benchSets(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x := NewLexerOf(Normal)
				st := x.Start(s)
				for j := range len(text) {
					for c := range 256 {
						sink = x.Step(st, byte(c))
					}
					st = x.Step(st, text[j])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(text)), "ns/state")
		})
	}
}

// BenchmarkSet makes the set of an integer with bounds.
func BenchmarkSet(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if Integers().Intersect(AtLeast(FromInt(1))).Intersect(AtMost(FromInt(65535))).IsEmpty() {
			b.Fatal("empty")
		}
	}
}

// BenchmarkPoints makes the set of an enum.
func BenchmarkPoints(b *testing.B) {
	ds := make([]Decimal, 1000)
	for i := range ds {
		ds[i] = dec(b, strconv.Itoa(i*i*7919%1000003))
	}
	b.ReportAllocs()
	for b.Loop() {
		if Points(ds...).IsEmpty() {
			b.Fatal("empty")
		}
	}
}

func BenchmarkContains(b *testing.B) {
	sets := benchSets(b)
	d := dec(b, "4096")
	b.ReportAllocs()
	for b.Loop() {
		if !sets["range"].Contains(d) {
			b.Fatal("not a member")
		}
	}
}

func BenchmarkParseDecimal(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		dec(b, "-123.4500e+10")
	}
}
