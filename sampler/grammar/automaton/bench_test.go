package automaton_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"orchrt/sampler/grammar/automaton"
	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/regex"
	"orchrt/sampler/grammar/value"
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

// BenchmarkKeys walks, after each member of a closed object, all beginnings of
// the keys that may come next, as a mask does.
func BenchmarkKeys(b *testing.B) {
	for _, n := range []int{10, 30, 100, 300} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			positions := 0
			for b.Loop() {
				sp, f := wide(n, true)
				m, err := automaton.New(sp, f, automaton.Options{})
				if err != nil {
					b.Fatal(err)
				}
				s := follow(m.Start(), `{"`)
				for i := range 10 {
					tree(s)
					positions++
					s = follow(s, fmt.Sprintf(`%s": %s, "`, name(i), []string{`"a"`, `true`, `-1`, `[1, 2]`}[i%4]))
					if i == 9 {
						break
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(positions), "ns/position")
		})
	}
}

// tree visits every text that a key may begin with.
func tree(s *automaton.State) {
	lex, ok := s.Text()
	if !ok {
		return
	}
	x := s.Lexer()
	var visit func(regex.State)
	visit = func(st regex.State) {
		for b := byte('0'); b <= 'z'; b++ {
			if b == '\\' {
				continue
			}
			if next := x.Step(st, b); next != 0 {
				visit(next)
			}
		}
	}
	visit(lex)
}

// BenchmarkSample compiles the schemas of the sample, and reads their instances
// with new machines: every state is made. It reports percentiles over schemas
// and over bytes.
func BenchmarkSample(b *testing.B) {
	var compiles, steps []time.Duration
	for b.Loop() {
		eachSample(b, 1, func(s sample) {
			began := time.Now()
			sp, f, err := compile(s.Schema)
			if err != nil {
				return
			}
			m, err := automaton.New(sp, f, automaton.Options{})
			compiles = append(compiles, time.Since(began))
			if err != nil {
				return
			}
			for _, test := range s.Tests {
				v, err := value.Parse(test.Data, value.Limits{})
				if err != nil {
					continue
				}
				state := m.Start()
				for _, c := range value.Append(nil, v, value.Python) {
					began := time.Now()
					state = state.Step(c)
					steps = append(steps, time.Since(began))
					if state == nil {
						break
					}
				}
			}
		})
	}
	for name, times := range map[string][]time.Duration{"compile": compiles, "step": steps} {
		slices.Sort(times)
		for _, q := range []float64{50, 99, 99.9, 100} {
			at := min(len(times)-1, int(q/100*float64(len(times))))
			b.ReportMetric(float64(times[at].Nanoseconds()), fmt.Sprintf("%s-p%v-ns", name, q))
		}
	}
}
