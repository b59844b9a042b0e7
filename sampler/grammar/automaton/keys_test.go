package automaton_test

import (
	"fmt"
	"testing"

	"orchrt/sampler/grammar/automaton"
	"orchrt/sampler/grammar/regex"
)

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
	var walk func(int)
	x := s.Lexer()
	stack := []int32{int32(lex)}
	walk = func(depth int) {
		st := stack[len(stack)-1]
		for b := byte('0'); b <= 'z'; b++ {
			if b == '\\' {
				continue
			}
			if next := x.Step(regex.State(st), b); next != 0 {
				stack = append(stack, int32(next))
				walk(depth + 1)
				stack = stack[:len(stack)-1]
			}
		}
	}
	walk(0)
}
