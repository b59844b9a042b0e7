package automaton_test

import (
	"fmt"
	"testing"

	"orchrt/sampler/grammar/automaton"
	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/formula"
)

// name returns the ith of many words.
func name(i int) string {
	const heads, tails = "stmlkrndbpvh", "aeiou"
	text := ""
	for n := i*7919 + 1; n > 0; n /= 60 {
		text += heads[n%12:n%12+1] + tails[n/12%5:n/12%5+1]
	}
	return text + fmt.Sprint(i%10)
}

// wide is an object of n optional properties of which three are required.
func wide(n int, closed bool) (*formula.Space, formula.F) {
	sp := formula.NewSpace(budget.New(100_000_000))
	names, fs := make([]string, n), make([]formula.F, n)
	for i := range names {
		names[i] = name(i)
		fs[i] = sp.Kinds([]formula.Kinds{formula.String, formula.Boolean, formula.Number, formula.Array}[i%4])
	}
	f := sp.And(sp.Kinds(formula.Object), sp.Properties(names, fs), sp.Required(names[:3]...))
	if closed {
		f = sp.And(f, sp.Every(sp.Others(names), sp.False()))
	}
	return sp, f
}

// BenchmarkWide reads a document of ten members with a new machine each time:
// compile, then every state for the first time.
func BenchmarkWide(b *testing.B) {
	text := "{"
	for i := range 10 {
		text += fmt.Sprintf(`"%s": %s, `, name(i), []string{`"a text"`, `true`, `-12.5`, `[1, 2]`}[i%4])
	}
	text = text[:len(text)-2] + "}"
	for _, n := range []int{10, 100, 1000} {
		for _, closed := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d,closed=%v", n, closed), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					sp, f := wide(n, closed)
					m, err := automaton.New(sp, f, automaton.Options{})
					if err != nil {
						b.Fatal(err)
					}
					if !accepts(m, text) {
						b.Fatal("refused")
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(text)), "ns/byte")
			})
		}
	}
}

// BenchmarkStep steps states that exist.
func BenchmarkStep(b *testing.B) {
	sp, f := wide(20, false)
	m, err := automaton.New(sp, f, automaton.Options{})
	if err != nil {
		b.Fatal(err)
	}
	text := fmt.Sprintf(`{"%s": "some text that is free", "%s": true, "%s": -1}`, name(0), name(1), name(2))
	if !accepts(m, text) {
		b.Fatal("refused")
	}
	for b.Loop() {
		accepts(m, text)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(text)), "ns/byte")
}
