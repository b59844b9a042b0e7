package regex

import (
	"math/rand/v2"
	"testing"

	"orchrt/sampler/grammar/budget"
)

// TestFree checks what Free and Most say of languages, and of those that random
// characters lead to, on random texts.
func TestFree(t *testing.T) {
	s := NewSpace(budget.New(1 << 40))
	x := NewLexer(s)
	pattern := func(p string) Lang {
		l, err := s.Pattern(p)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	languages := map[string]Lang{
		"all":            s.All(),
		"all but two":    s.Not(s.Literals([]string{"ab", "c"})),
		"two or others":  s.Union(s.Literals([]string{"ab", "c"}), s.Not(s.Literals([]string{"abc"}))),
		"up to 3":        s.Length(0, 3),
		"2 to 5":         s.Length(2, 5),
		"at least 4":     s.Length(4, Unbounded),
		"up to 1000":     s.Length(0, 1000),
		"up to 4 but ab": s.Minus(s.Length(0, 4), s.Literal("ab")),
		"two words":      s.Literals([]string{"ab", "abc"}),
		"lower":          pattern("^[a-c]{2,10}$"),
		"find":           pattern("b.*c"),
		"grows":          pattern("^(a[ab]{30}|[^a]*)$"),
	}
	const limit = 6
	letters := []rune("abcdé\"\x01𝄞")
	r := rand.New(rand.NewPCG(5, 6))
	for name, l := range languages {
		for range 300 {
			st := x.Start(l)
			for range r.IntN(4) {
				for _, b := range appendEscaped(nil, string(letters[r.IntN(len(letters))])) {
					if next := x.Step(st, b); next != 0 {
						st = next
					}
				}
			}
			k, ok := x.Free(st, limit)
			most, known := x.Most(st)
			n := 0
			for st != 0 && n <= limit {
				if known && x.Distance(st) > most {
					t.Fatalf("%s: distance %d, at most %d were promised", name, x.Distance(st), most)
				}
				for _, b := range appendEscaped(nil, string(letters[r.IntN(len(letters))])) {
					st = x.Step(st, b)
				}
				if st != 0 {
					n++
				}
			}
			if ok && (n < k || k < limit && n > k) {
				t.Fatalf("%s: %d characters are read where Free said %d", name, n, k)
			}
		}
	}
	for name, want := range map[string]int{"all": limit, "all but two": limit, "two or others": limit, "up to 3": 3, "2 to 5": 5, "at least 4": limit, "up to 1000": limit, "up to 4 but ab": 4} {
		if k, ok := x.Free(x.Start(languages[name]), limit); !ok || k != want {
			t.Errorf("Free(%s) = %d, %v, want %d", name, k, ok, want)
		}
	}
}
