package vocab

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/regex"
)

// list is a machine for arrays of strings of a language, without white space:
// ["a","b"].
type list struct {
	lex  *regex.Lexer
	lang regex.Lang
	free bool // say what Free knows
}

type listState struct {
	at   int // 0: before [, 1: behind [, 2: in a string, 3: behind it, 4: behind a comma, 5: behind ]
	text regex.State
}

func (m *list) Step(s listState, b byte) (listState, bool) {
	switch {
	case s.at == 2 && (b != '"' || !m.lex.Accepts(s.text)):
		t, ok := m.StepText(s.text, b)
		return listState{2, t}, ok
	case s.at == 2:
		return listState{at: 3}, true
	case s.at == 0 && b == '[':
		return listState{at: 1}, true
	case (s.at == 1 || s.at == 4) && b == '"':
		return listState{2, m.lex.Start(m.lang)}, true
	case s.at == 3 && b == ',':
		return listState{at: 4}, true
	case (s.at == 1 || s.at == 3) && b == ']':
		return listState{at: 5}, true
	}
	return s, false
}

func (m *list) Text(s listState) (regex.State, bool) { return s.text, s.at == 2 }

func (m *list) StepText(text regex.State, b byte) (regex.State, bool) {
	t := m.lex.Step(text, b)
	return t, t != 0
}

func (m *list) Rows() []regex.Row { return m.lex.Rows() }

func (m *list) Close(_ listState, _ []byte, text regex.State) (listState, bool) {
	return listState{at: 3}, true
}

func (m *list) Accepts(text regex.State) bool { return m.lex.Accepts(text) }

func (m *list) Texts(dst []regex.State, _ listState) []regex.State { return dst }

func (m *list) Alike(listState) bool { return m.free }

func (m *list) Inner(s listState) bool { return true }

func (m *list) Similar(s listState) bool { return true }

func (m *list) Between(text regex.State) bool {
	_, ok := m.lex.Residual(text)
	return ok
}

func (m *list) Named(listState) bool { return false }

func (m *list) Value(s listState) (alone, behind listState, ok bool) { return s, s, false }

func (m *list) Over(listState, byte) bool { return false }

func (m *list) Remaining(text regex.State, limit int) ([]string, bool, bool) {
	return m.lex.Remaining(text, limit)
}

func (m *list) Anything() regex.State { return m.lex.Anything() }

func (m *list) Spelling() regex.Spelling { return m.lex.Spelling() }

func (m *list) AnyMember(s listState, _ []byte) (alone, behind listState, ok bool) {
	return s, s, false
}

func (m *list) Outside(s listState) bool { return s.at != 2 }

func (m *list) White(listState) (int, bool) { return 0, false }

func (m *list) Distance(s listState) int {
	if s.at == 2 {
		return m.lex.Distance(s.text) + 2
	}
	return [...]int{2, 1, 0, 1, 3, 0}[s.at]
}

func (m *list) TextDistance(text regex.State) int { return m.lex.Distance(text) }

func (m *list) Rest(listState) int { return 2 }

func (m *list) TextMost(text regex.State) (int, bool) {
	if !m.free {
		return 0, false
	}
	return m.lex.Most(text)
}

func (m *list) Free(text regex.State, limit int) (int, bool) {
	if !m.free {
		return 0, false
	}
	return m.lex.Free(text, limit)
}

func (m *list) Unbounded(text regex.State, chars int) regex.State {
	if !m.free {
		return text
	}
	return m.lex.Unbounded(text, chars)
}

func (m *list) Bounded(text regex.State, limit int) (free regex.State, most int, ok bool) {
	if !m.free {
		return 0, 0, false
	}
	return m.lex.Bounded(text, limit)
}

func (m *list) Lengths(text regex.State, limit int) (least, most int, ok bool) {
	if !m.free {
		return 0, 0, false
	}
	return m.lex.Lengths(text, limit)
}

func (m *list) Safe(text regex.State) []regex.Safe { return m.lex.Safe(text) }

func same(a, b *Set, words int) error {
	x, y := a.Fill(make([]uint64, words)), b.Fill(make([]uint64, words))
	for i := range x {
		if x[i] != y[i] {
			return fmt.Errorf("word %d: %064b, want %064b", i, x[i], y[i])
		}
	}
	if a.Len() != b.Len() {
		return fmt.Errorf("%d tokens counted, %d of the other", a.Len(), b.Len())
	}
	return nil
}

var textLanguages = []struct {
	name  string
	build func(*regex.Space) regex.Lang
	texts []string
}{
	{"all", func(s *regex.Space) regex.Lang { return s.All() }, []string{"", "a", `\`, `\u`, `\ud8`, `\ud83d`, `\ud83d\`, "\xe4", "\xf0\x9f"}},
	{"none but two", func(s *regex.Space) regex.Lang { return s.Not(s.Literals([]string{"name", "id"})) }, []string{"", "i", "id", "na"}},
	{"up to 3", func(s *regex.Space) regex.Lang { return s.Length(0, 3) }, []string{"", "a", "aa", "aaa", `a\u00`}},
	{"5 to 40", func(s *regex.Space) regex.Lang { return s.Length(5, 40) }, []string{"", "a", "123456789012345678901234567890", "\xe4\xb8"}},
	{"up to 1000", func(s *regex.Space) regex.Lang { return s.Length(0, 1000) }, []string{"", "ab"}},
	{"up to 60", func(s *regex.Space) regex.Lang { return s.Length(0, 60) }, []string{"", "a", `\n`, "12345678901234567890123456789012345678901234567890"}},
	{"3 or more", func(s *regex.Space) regex.Lang { return s.Length(3, regex.Unbounded) }, []string{"", "a", "ab", "abc"}},
	{"300 or more", func(s *regex.Space) regex.Lang { return s.Length(300, regex.Unbounded) }, []string{"", "a"}},
	{"lower", pattern("^[a-z]{2,10}$"), []string{"", "a", "abcdefghij"}},
	{"words", pattern("^[A-Za-z0-9_-]+$"), []string{"", "a"}},
	{"no space", pattern(`^\S+$`), []string{"", "a"}},
	{"printable", pattern("^[ -~]{0,64}$"), []string{"", "a"}},
	{"two parts", pattern("^[^/]+/[^/é東]+$"), []string{"", "a", "a/", "a/b", "\xe4"}},
	{"not at first", pattern("^[^a-f:]{3}[^,]*$"), []string{"", "x", "xxxxx"}},
	{"spaced", pattern(`^(\S+ ){0,9}\S{1,40}$`), []string{"", "a", "a b", "a b "}},
	{"not so long", func(s *regex.Space) regex.Lang { return s.Intersect(pattern("^[^|]*$")(s), s.Length(0, 30)) }, []string{"", "a", "0123456789", "01234567890123456789012", "012345678901234567890123456"}},
	{"words of few", func(s *regex.Space) regex.Lang { return s.Intersect(pattern(`^(\S+\s){0,3}\S+$`)(s), s.Length(0, 9)) }, []string{"", "a", "a b", "01234567", "0123 ", "a b c d"}},
	{"a suffix", pattern(`^.*\.xsl$`), []string{"", ".", "a.xs"}},
	{"hash", pattern("^([^:]+:[a-fA-F0-9]+|[a-fA-F0-9]{32}|)$"), []string{"", "a", "md5:", "md5:0"}},
	{"uuid", pattern("^[0-9A-Za-z]{8}-[0-9A-Za-z]{4}$"), []string{"", "a", "0123456", "01234567", "01234567-0"}},
	{"letters of two scripts", func(s *regex.Space) regex.Lang { return s.Intersect(pattern("^[a-zа-м/\"]*$")(s), s.Length(0, 40)) }, []string{"", "a", `\/`, "abcdefghijklmnopqrstuvwxyzabcdefghijkl", "abcdefghijklmnop"}},
	{"date", pattern(`^\d{4}-\d\d$`), []string{"", "2020", "2020-1"}},
	{"find", pattern("x{3}y"), []string{"", "xx", "xxxy"}},
	{"enum", func(s *regex.Space) regex.Lang { return s.Literals([]string{"celsius", "fahrenheit"}) }, []string{"", "cel"}},
	{"odd words", func(s *regex.Space) regex.Lang { return s.Literals(oddWords) }, []string{"", "a", `\u`, `\u00`, "\xc3", "\xf0", "na"}},
	{"none but odd words", func(s *regex.Space) regex.Lang { return s.Not(s.Literals(oddWords)) }, []string{"", "a", "na", "name", "h", "http"}},
}

// oddWords have characters with several spellings, or of several bytes, and what
// stands before the quotation mark in some tokens.
var oddWords = []string{"", "\n", "\x01a", " ", "a", `a"b`, `a\b`, "a/b", "é", "\U0001D11E", "\U0001D11F.", "name", "na", "id", "http", "~", `\`, `\"`, "\t"}

func pattern(p string) func(*regex.Space) regex.Lang {
	return func(s *regex.Space) regex.Lang {
		l, err := s.Pattern(p)
		if err != nil {
			panic(err)
		}
		return l
	}
}

// TestMasks compares sets made with slices with those of the plain walk,
// before, in and behind strings of many languages.
func TestMasks(t *testing.T) {
	v := qwenTable()
	for _, c := range textLanguages {
		for i := range 4 {
			free, spelling := i%2 == 0, regex.Spelling(i/2)
			sp := regex.NewSpace(budget.New(1 << 40))
			m := &list{lex: regex.NewLexerOf(sp, spelling), lang: c.build(sp), free: free}
			masks := NewMasks(v, m, 1<<20)
			states := []listState{{at: 0}, {at: 1}, {at: 3}}
			for _, text := range c.texts {
				s := listState{2, m.lex.Start(m.lang)}
				for _, b := range []byte(text) {
					var ok bool
					if s, ok = m.Step(s, b); ok {
						continue
					}
					if spelling == regex.Any {
						t.Fatalf("%s: %q is refused at %q", c.name, text, b)
					}
					break // not written so
				}
				if s.text != 0 {
					states = append(states, s)
				}
			}
			for _, s := range states {
				want := Plain(v, m, s)
				for range 2 {
					if err := same(masks.Of(s), want, v.Words()); err != nil {
						t.Errorf("%s, free %v, state %v: %v", c.name, free, s, err)
					}
				}
			}
		}
	}
}

// TestMasksBounded fills the caches many times over.
func TestMasksBounded(t *testing.T) {
	v := qwenTable()
	sp := regex.NewSpace(budget.New(1 << 40))
	m := &list{lex: regex.NewLexer(sp), lang: sp.Length(0, 200)}
	masks := NewMasks(v, m, 100_000)
	s := listState{2, m.lex.Start(m.lang)}
	for range 200 {
		masks.Of(s)
		if masks.used > 100_000 && len(masks.states) > 1 {
			t.Fatalf("%d bytes are kept in %d sets", masks.used, len(masks.states))
		}
		s, _ = m.Step(s, 'a')
	}
}

func TestSet(t *testing.T) {
	v := qwenTable()
	for _, ids := range [][]int32{nil, {5}, {0, 63, 64, 151935}, slices.Collect(numbers(2000))} {
		for _, dense := range [][]uint64{nil, v.text.upTo[1]} {
			want := map[int32]bool{}
			var extra []int32
			for i, w := range dense {
				for j := range 64 {
					if w>>j&1 != 0 {
						want[int32(i*64+j)] = true
					}
				}
			}
			for _, id := range ids {
				if !want[id] {
					extra = append(extra, id)
					want[id] = true
				}
			}
			s := v.union(dense, extra)
			buf := make([]uint64, v.Words())
			for i := range buf {
				buf[i] = ^uint64(0)
			}
			bits := s.Fill(buf)
			n := 0
			for id := range s.Tokens {
				if !want[id] {
					t.Errorf("token %d is listed", id)
				}
				n++
			}
			if n != len(want) || s.Len() != n {
				t.Errorf("%d tokens listed, %d counted, want %d", n, s.Len(), len(want))
			}
			for id := range int32(v.Size()) {
				if s.Has(id) != want[id] || bits[id>>6]>>(id&63)&1 != 0 != want[id] {
					t.Fatalf("token %d: Has %v, want %v", id, s.Has(id), want[id])
				}
			}
		}
	}
}

func numbers(n int32) func(func(int32) bool) {
	return func(yield func(int32) bool) {
		for i := range n {
			if !yield(i * 7) {
				return
			}
		}
	}
}

func BenchmarkMask(b *testing.B) {
	v := qwenTable()
	for _, c := range textLanguages {
		b.Run(c.name, func(b *testing.B) {
			sp := regex.NewSpace(budget.New(1 << 40))
			m := &list{lex: regex.NewLexer(sp), lang: c.build(sp), free: true}
			masks := NewMasks(v, m, 1<<20)
			s := listState{2, m.lex.Start(m.lang)}
			b.ReportAllocs()
			for b.Loop() {
				clear(masks.states)
				clear(masks.texts)
				masks.Of(s)
			}
		})
	}
}

// TestNear compares the tokens near the end of a document with those of the
// plain walk, and the farthest of them with Reach.
func TestNear(t *testing.T) {
	v := qwenTable()
	for _, c := range textLanguages {
		sp := regex.NewSpace(budget.New(1 << 40))
		m := &list{lex: regex.NewLexer(sp), lang: c.build(sp), free: true}
		masks := NewMasks(v, m, 1<<20)
		for _, s := range []listState{{at: 0}, {at: 3}, {2, m.lex.Start(m.lang)}} {
			distances := map[int]int{}
			Walk(v.all, s, m.Step, func(_ int32, next listState) { distances[m.Distance(next)]++ })
			most := slices.Max(slices.Collect(maps.Keys(distances)))
			if got := masks.Reach(s); got < most || got > most+12 {
				t.Errorf("%s, %v: reach %d, the farthest token is at %d", c.name, s, got, most)
			}
			n := 0
			for d := range most + 2 {
				n += distances[d]
				buf := make([]uint64, v.Words())
				masks.Near(buf, s, d, func(s listState) bool { return m.Distance(s) <= d })
				if got := (&Set{dense: buf}).Len(); got != n {
					t.Errorf("%s, %v: %d tokens at most %d from the end, want %d", c.name, s, got, d, n)
				}
			}
		}
	}
}
