package regex

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"orchrt/sampler/grammar/budget"
)

// hostile are patterns and what comes of them.
var hostile = []struct {
	name, pattern string
	refused       bool
}{
	{"nested groups", strings.Repeat("(", 60_000/2) + strings.Repeat(")", 60_000/2), true},
	{"open groups", strings.Repeat("(", 60_000), true},
	{"megabyte", strings.Repeat("a", 1<<20), true},
	{"long literal", "^" + strings.Repeat("a", 60_000) + "$", false},
	{"long options", "^" + strings.Repeat("a?", 30_000) + "$", false},
	{"long optional groups", "^" + strings.Repeat("(ab)?", 12_000) + "$", false},
	{"long look-ahead", strings.Repeat("(?=a)a", 10_000), true},
	{"long boundaries", strings.Repeat(`\ba`, 20_000), true},
	{"nested counts", strings.Repeat("(", 100) + "a" + strings.Repeat("{2})", 100), true},
	{"nested counts of pairs", strings.Repeat("(?:b", 100) + "a" + strings.Repeat("{2})", 100), false},
	{"huge count", "^a{1000000000}$", false},
	{"huge count of words", `^(\w+ ){1000000000}$`, false},
	{"count beyond all", "a{99999999999999999999}", true},
	{"count around an assertion", `(?:(?=a)a){100000}`, true},
	{"exponential", "(a|b)*a(a|b){40}$", false},
	{"exponential and not", "^(?!.*(a|b)*a(a|b){40}$)(?=.*b(a|b){40}b)(a|b)*$", true},
	{"stars", strings.Repeat("(", 60) + "a*" + strings.Repeat(")*b*", 60), false},
	{"classes", strings.Repeat(`[\p{L}\p{N}]`, 4_000), true},
	{"alternatives", "^(" + strings.Repeat("a|", 30_000) + "b)$", false},
	{"look-aheads", strings.Repeat(`(?!.*a.{9}b)`, 100), false},
}

// steps is a budget for one pattern.
const steps = 1 << 20

func TestHostile(t *testing.T) {
	for _, c := range hostile {
		s := NewSpace(budget.New(steps))
		l, err := s.Pattern(c.pattern)
		if err == nil {
			// Follow it for a while.
			x := NewLexer(s)
			st := x.Start(l)
			x.Distance(st)
			for _, b := range []byte(strings.Repeat("ab", 20)) {
				if next := x.Step(st, b); next != 0 {
					st = next
				}
			}
			err = s.Err()
		}
		var pattern *PatternError
		var spent *budget.ExceededError
		if err != nil && !errors.As(err, &pattern) && !errors.As(err, &spent) {
			t.Errorf("%s: %T", c.name, err)
		}
		if err != nil != c.refused {
			t.Errorf("%s: error %v", c.name, err)
		}
		if s.Bytes() > 64<<20 {
			t.Errorf("%s: %d bytes", c.name, s.Bytes())
		}
	}
}

// TestNearString looks for a string where the shortest one is out of reach: it
// must come within the steps of one pattern, and its way must hold together.
func TestNearString(t *testing.T) {
	s := NewSpace(budget.New(steps))
	p, err := s.Pattern("(ab|ba|aab)*c(.*x){50}")
	if err != nil {
		t.Fatal(err)
	}
	l := s.Intersect(p, s.Length(5000, 5003))
	x := NewLexer(s)
	st := x.Start(l)
	text, ok := s.Shortest(l)
	if n := utf8.RuneCountInString(text); !ok || !s.Matches(l, text) || n < 5000 || n > 5003 {
		t.Fatalf("a string of %d characters, %v: %v", n, ok, s.Err())
	}
	for i := range 40 {
		before := x.Distance(st)
		if st = x.Step(st, text[i]); st == 0 || x.Distance(st) != before-1 {
			t.Fatalf("byte %d leads from distance %d to %d", i, before, x.Distance(st))
		}
	}
	// The same for one that is not on the way.
	st = run(x, x.Start(l), "cabcabxb")
	rest := x.Shortest(st)
	if st == 0 || !s.Matches(l, "cabcabxb"+rest) || x.Distance(st) != len(rest) || s.Err() != nil {
		t.Fatalf("state %d goes on with %d bytes, its distance is %d: %v", st, len(rest), x.Distance(st), s.Err())
	}
}

// TestLongStates reads a long string of an intersection: each state must be
// found alive without counting through all lengths again.
func TestLongStates(t *testing.T) {
	s := newSpace()
	list := []Lang{s.Length(100, Unbounded)}
	for _, p := range []string{"^([a-z][0-9])+$", "((c1d3g3).{4,8}){6,6}", "(t|8){10,10}$"} {
		l, err := s.Pattern(p)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, l)
	}
	x := NewLexer(s)
	st := x.Start(s.Intersect(append(list, s.Not(s.Intersect(list[1:]...)), all)...))
	if st != 0 {
		t.Fatal("a language and its complement meet")
	}
	st = x.Start(s.Intersect(list[0], list[1], s.Not(list[2])))
	for _, b := range []byte(strings.Repeat("c1d3g3a1b2", 5)) {
		before := s.spent
		if st = x.Step(st, b); st == 0 || s.spent-before > 20_000 {
			t.Fatalf("state %d took %d steps: %v", st, s.spent-before, s.Err())
		}
	}
}

// TestFarAway asks for bounds of languages whose derivatives grow.
func TestFarAway(t *testing.T) {
	s := newSpace()
	l, err := s.Pattern("^(((a{1,1000}){1,1000}){1,1000})$")
	if err != nil {
		t.Fatal(err)
	}
	x := NewLexer(s)
	before := s.spent
	x.Most(x.Start(l))
	if n := s.spent - before; n > 2*maxFollowed {
		t.Fatalf("%d steps were spent on what is only to save some", n)
	}
}

func TestBudgetRunsOut(t *testing.T) {
	r := rand.New(rand.NewPCG(15, 16))
	for range 300 {
		text := randomPattern(r, 4, 1)
		full := newSpace()
		want, err := full.Pattern(text)
		if err != nil {
			continue
		}
		s := NewSpace(budget.New(int64(r.IntN(400))))
		l, err := s.Pattern(text)
		var spent *budget.ExceededError
		if err != nil && !errors.As(err, &spent) {
			t.Fatalf("%q: %v", text, err)
		}
		x := NewLexer(s)
		if err == nil {
			x.Distance(x.Start(l))
			s.IsEmpty(l)
		}
		// With a new budget, nothing wrong may be left.
		s.SetBudget(budget.New(1 << 24))
		l, err = s.Pattern(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		allTexts("ab ", 3, func(w string) {
			if got, want := s.Matches(l, w), full.Matches(want, w); got != want {
				t.Fatalf("%q on %q after the budget ran out: got %v", text, w, got)
			}
		})
		if s.IsEmpty(l) != full.IsEmpty(want) || s.cost(l) != full.cost(want) {
			t.Fatalf("%q: emptiness or cost changed after the budget ran out", text)
		}
	}
}

func TestLengths(t *testing.T) {
	s := newSpace()
	p := func(text string) Lang {
		l, err := s.Pattern(text)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for _, c := range []struct {
		l     Lang
		empty bool
	}{
		{s.Intersect(p("^(ab)*$"), s.Length(1_000_000_001, 1_000_000_001)), true},
		{s.Intersect(p("^(ab)*$"), s.Length(1_000_000_001, 1_000_000_002)), false},
		{s.Intersect(p("^(ab|cde)*$"), s.Length(1_000_000_000, Unbounded)), false},
		{s.Intersect(p("^(?!a)(aab|cde)*x$"), s.Length(1_000_000_000, 1_000_000_000)), false},
		{s.Intersect(p("^(?!a)(aab|cde)*x$"), s.Length(999_999_999, 999_999_999)), true},
		{s.Intersect(p("^.{1,9}$"), s.Length(10, 20)), true},
		{s.Intersect(s.Not(p("^a*$")), s.Length(1_000_000_000, Unbounded), p("^[ab]*$")), false},
		{s.Not(s.Union(s.Length(0, 5), s.Length(6, Unbounded))), true},
	} {
		if s.IsEmpty(c.l) != c.empty {
			t.Errorf("language %d: empty %v", c.l, !c.empty)
		}
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
}

func TestPatternErrors(t *testing.T) {
	for text, offset := range map[string]int{
		"a**": 2, "(": 0, ")": 0, "[a": 0, "[b-a]": 1, `\1`: 0, `(a)\1`: 3, `\k<a>`: 0, `\Z`: 0, `\A`: 0, `a\`: 1,
		"*": 0, "a{2,1}": 1, `\p{Nonsense}`: 0, `\pL`: 0, `\u{110000}`: 0, `\u12`: 0, `\x1`: 0, `\c1`: 0, `\01`: 0,
		"(?<=a$)b": 0, "(?a)": 0, "(?": 0, "(?<a": 0, "(?<1>a)": 0, "{2}": 0, "a\xff": 0, "(?i": 0, `[\1]`: 1,
	} {
		_, err := newSpace().Pattern(text)
		var e *PatternError
		if !errors.As(err, &e) {
			t.Errorf("%q: %v", text, err)
		} else if e.Offset != offset || e.Reason == "" {
			t.Errorf("%q: offset %d, want %d: %v", text, e.Offset, offset, e)
		}
	}
}

func TestPatternDialect(t *testing.T) {
	for _, c := range []struct {
		pattern string
		yes, no []string
	}{
		{`^\d+$`, []string{"12"}, []string{"१", "", "1\n"}},
		{`^\s$`, []string{" ", "\u00a0", "\ufeff", "\u2029", "\v"}, []string{"\u200b", "x"}},
		{`^\S$`, []string{"x"}, []string{"\u3000"}},
		{`^.$`, []string{"x", "😀", "\u0085"}, []string{"\n", "\r", "\u2028"}},
		{`^(?s).$`, []string{"\n"}, []string{""}},
		{`^(?i:straße)K$`, []string{"STRAßEK", "straẞeK"}, []string{"strassek", "straßek"}},
		{`(?i)^[^k]$`, []string{"x"}, []string{"K", "k", "\u212a"}},
		{`(?m)^a$`, []string{"a", "b\na", "a\r"}, []string{"ba"}},
		{`^\p{Letter}\p{Lu}\P{L}$`, []string{"éÉ1"}, []string{"éé1"}},
		{`^\p{Script=Greek}\p{sc=Cyrl}$`, []string{"αж"}, []string{"жα"}},
		{`^\u{1F600}\ud83d\ude00\cA\x41\0$`, []string{"😀😀\x01A\x00"}, nil},
		{`^[]$`, nil, []string{"", "a"}},
		{`^[^]$`, []string{"a", "\n"}, []string{""}},
		{`^[\w-.]+$`, []string{"a-.b"}, []string{"+"}},
		{`^[\b\-\]\/]+$`, []string{"\b-]/"}, []string{"b"}},
		{`^{a}]}a{,2}$`, []string{"{a}]}a{,2}"}, []string{"aa"}},
		{`^\_\@\-\/\"\é$`, []string{`_@-/"é`}, nil},
		{`(?<year>\d{4})-(?P<m>\d\d)`, []string{"x2020-12y"}, []string{"2020-1"}},
		{`^(?!a)(?=.{2}$)`, []string{"bc"}, []string{"ab", "b"}},
		{`(?<!\d)\d{2}(?!\d)`, []string{"12", "a12b"}, []string{"123"}},
		{`(?<=^|,)x`, []string{"x", "a,x"}, []string{"ax"}},
		{`^(?:(?!ab).)*$`, []string{"", "ba", "aacb"}, []string{"ab", "caab"}},
		{`\bfoo\b`, []string{"foo", "a foo-"}, []string{"afoo", "foo_"}},
		{`[\ud83d]`, nil, []string{"x", "😀"}},
		{`a|^$`, []string{"", "ba"}, []string{"b"}},
		{`^\$\{[^}]+\}$`, []string{"${a}"}, []string{"${}"}},
	} {
		s := newSpace()
		l, err := s.Pattern(c.pattern)
		if err != nil {
			t.Errorf("%q: %v", c.pattern, err)
			continue
		}
		for _, w := range c.yes {
			if !s.Matches(l, w) {
				t.Errorf("%q refuses %q", c.pattern, w)
			}
		}
		for _, w := range c.no {
			if s.Matches(l, w) {
				t.Errorf("%q accepts %q", c.pattern, w)
			}
		}
	}
}

// TestBooleans compares union, intersection and complement with sets of words.
func TestBooleans(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	s := newSpace()
	var universe []string
	allTexts("abé", 3, func(w string) { universe = append(universe, w) })
	type both struct {
		l    Lang
		in   map[string]bool
		name string
	}
	pick := func(f func(w string) bool) map[string]bool {
		out := map[string]bool{}
		for _, w := range universe {
			if f(w) {
				out[w] = true
			}
		}
		return out
	}
	var pool []both
	for i := range 40 {
		var words []string
		for range r.IntN(12) {
			words = append(words, universe[r.IntN(len(universe))])
		}
		in := map[string]bool{}
		for _, w := range words {
			in[w] = true
		}
		pool = append(pool, both{s.Literals(words), in, fmt.Sprint("words ", i)})
	}
	for lo := range int64(4) {
		hi := lo + int64(r.IntN(3))
		pool = append(pool, both{s.Length(lo, hi), pick(func(w string) bool {
			n := int64(utf8.RuneCountInString(w))
			return n >= lo && n <= hi
		}), "length"})
		pool = append(pool, both{s.Repeat(s.Class('a', 'b'), lo, hi), pick(func(w string) bool {
			n := int64(len(w))
			return n >= lo && n <= hi && !strings.Contains(w, "é")
		}), "repeat"})
	}
	for range 1500 {
		a, b := pool[r.IntN(len(pool))], pool[r.IntN(len(pool))]
		var c both
		switch r.IntN(4) {
		case 0:
			c = both{s.Union(a.l, b.l), pick(func(w string) bool { return a.in[w] || b.in[w] }), a.name + "|" + b.name}
		case 1:
			c = both{s.Intersect(a.l, b.l), pick(func(w string) bool { return a.in[w] && b.in[w] }), a.name + "&" + b.name}
		case 2:
			c = both{s.Minus(a.l, b.l), pick(func(w string) bool { return a.in[w] && !b.in[w] }), a.name + "-" + b.name}
		default:
			c = both{s.Not(a.l), pick(func(w string) bool { return !a.in[w] }), "~" + a.name}
		}
		for _, w := range universe {
			if s.Matches(c.l, w) != c.in[w] {
				t.Fatalf("%s: %q: want %v", c.name, w, c.in[w])
			}
		}
		if s.IsEmpty(c.l) && len(c.in) > 0 {
			t.Fatalf("%s is empty", c.name)
		}
		if n, ok := s.Size(c.l, 100); ok && n != len(c.in) && !strings.Contains(c.name, "length") {
			// Words outside of the universe come from lengths and complements only.
			if n < len(c.in) {
				t.Fatalf("%s: size %d, want %d", c.name, n, len(c.in))
			}
		}
		if len(c.name) < 60 {
			pool = append(pool, c)
		}
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
}

// longCount finds counts that the reference takes too long for.
var longCount = regexp.MustCompile(`\d{3}`)

func FuzzPattern(f *testing.F) {
	for _, c := range hostile {
		f.Add(c.pattern[:min(len(c.pattern), 60)], "ab")
	}
	f.Add(`(?<=^|,)x\b[^\d-z]{2,}`, "a,x-")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		s := NewSpace(budget.New(1 << 16))
		tree, err := s.parse(pattern)
		if err != nil {
			return
		}
		l, err := s.Pattern(pattern)
		if err != nil || len(text) > 8 || len(pattern) > 40 || !utf8.ValidString(text) || longCount.MatchString(pattern) {
			return
		}
		if got := s.Matches(l, text); s.Err() == nil && got != finds(tree, []rune(text)) {
			t.Fatalf("%q on %q: got %v", pattern, text, got)
		}
		if w, ok := s.Shortest(l); ok && !s.Matches(l, w) && s.Err() == nil {
			t.Fatalf("%q: shortest %q does not match", pattern, w)
		}
	})
}
