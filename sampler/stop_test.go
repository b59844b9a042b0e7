package sampler

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"
)

// naiveStop finds the first stop string to be complete, the longest of those.
func naiveStop(text string, stops []string) (before, matched string, found bool) {
	for end := 1; end <= len(text); end++ {
		for _, s := range stops {
			if s != "" && len(s) > len(matched) && strings.HasSuffix(text[:end], s) {
				matched = s
			}
		}
		if matched != "" {
			return text[:end-len(matched)], matched, true
		}
	}
	return text, "", false
}

// heldBack is the length of the longest end of text that may go on to become a
// stop string.
func heldBack(text string, stops []string) int {
	for n := len(text); n > 0; n-- {
		for _, s := range stops {
			if strings.HasPrefix(s, text[len(text)-n:]) {
				return n
			}
		}
	}
	return 0
}

// checkSplit pushes the pieces and compares with the naive search after each.
func checkSplit(t *testing.T, stops, pieces []string) {
	t.Helper()
	s := NewStop(stops)
	text, out := "", ""
	want, match, found := "", "", false
	for _, piece := range pieces {
		text += piece
		emit, matched, done := s.Push(piece)
		out += emit
		want, match, found = naiveStop(text, stops)
		if done != found || matched != match {
			t.Fatalf("stops %q, pieces %q: matched %q, %v, want %q, %v", stops, pieces, matched, done, match, found)
		}
		if !found {
			want = text[:len(text)-heldBack(text, stops)]
		}
		if out != want {
			t.Fatalf("stops %q, pieces %q: %q let through of %q, want %q", stops, pieces, out, text, want)
		}
		if found {
			break
		}
	}
	out += s.Flush()
	if want, _, _ := naiveStop(text, stops); out != want {
		t.Fatalf("stops %q, pieces %q: %q in all, want %q", stops, pieces, out, want)
	}
}

// Every way to cut every short text is tried.
func TestStopForAllSplits(t *testing.T) {
	for _, stops := range [][]string{
		{"ab"}, {"aab", "ab"}, {"abc", "b"}, {"aaa"}, {"abab", "ba"}, {"c", "cc"},
		{"abcab", "bca", "ca"}, {"bb", "abba", "a"}, {}, {""}, {"cab", "abb", "bac"},
	} {
		for n := range 7 {
			eachText("abc", n, func(text string) {
				for cuts := range 1 << max(0, n-1) {
					checkSplit(t, stops, split(text, cuts))
				}
			})
		}
	}
}

// eachText calls f with every text of n letters.
func eachText(letters string, n int, f func(string)) {
	if n == 0 {
		f("")
		return
	}
	eachText(letters, n-1, func(rest string) {
		for _, c := range letters {
			f(rest + string(c))
		}
	})
}

// split cuts text after byte i where bit i of cuts is set.
func split(text string, cuts int) []string {
	var pieces []string
	from := 0
	for i := range len(text) {
		if cuts>>i&1 == 1 {
			pieces = append(pieces, text[from:i+1])
			from = i + 1
		}
	}
	return append(pieces, text[from:])
}

func TestStopOnRandomTexts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	word := func(letters string, n int) string {
		var b strings.Builder
		runes := []rune(letters)
		for range n {
			b.WriteRune(runes[r.IntN(len(runes))])
		}
		return b.String()
	}
	for range 3000 {
		letters := []string{"ab", "abcd", "aé日🙂"}[r.IntN(3)]
		stops := make([]string, r.IntN(6))
		for i := range stops {
			stops[i] = word(letters, 1+r.IntN(6))
		}
		var pieces []string
		for range r.IntN(12) {
			pieces = append(pieces, word(letters, r.IntN(5)))
		}
		checkSplit(t, stops, pieces)
	}
}

func TestStopNeverCutsACharacter(t *testing.T) {
	s := NewStop([]string{"日本", "🙂🙃"})
	for _, piece := range []string{"日", "日🙂", "🙂日", "é"} {
		if emit, _, _ := s.Push(piece); !utf8.ValidString(emit) {
			t.Errorf("%q is not UTF-8", emit)
		}
	}
}

func TestStopWithManyStrings(t *testing.T) {
	stops := make([]string, 50_000)
	for i := range stops {
		stops[i] = fmt.Sprintf("<stop %d/>", i)
	}
	s := NewStop(stops)
	emit, matched, done := s.Push("<stop 4999x <stop 49999/> rest")
	if emit != "<stop 4999x " || matched != "<stop 49999/>" || !done {
		t.Errorf("Push = %q, %q, %v", emit, matched, done)
	}
}

// Every byte of a text can fall back through the whole string; time stays
// linear.
func TestStopWithALongString(t *testing.T) {
	long := strings.Repeat("a", 1<<20)
	s := NewStop([]string{long + "b"})
	n := 0
	for range 3 {
		emit, _, done := s.Push(long)
		if done {
			t.Fatal("matched a's alone")
		}
		n += len(emit)
	}
	if n += len(s.Flush()); n != 3<<20 {
		t.Errorf("%d bytes came out of %d", n, 3<<20)
	}
}

func TestStopAfterItsEnd(t *testing.T) {
	s := NewStop([]string{"x"})
	s.Push("axb")
	if emit, matched, done := s.Push("more"); emit != "" || matched != "x" || !done {
		t.Errorf("Push after the end = %q, %q, %v", emit, matched, done)
	}
	if out := s.Flush(); out != "" {
		t.Errorf("Flush after a match = %q", out)
	}
	if emit, _, done := s.Push("new"); emit != "new" || done {
		t.Errorf("Push after Flush = %q, %v", emit, done)
	}
	s = NewStop([]string{"xy"})
	s.Push("x")
	s.Flush()
	if emit, _, done := s.Push("y"); emit != "y" || done {
		t.Errorf("Push after Flush = %q, %v: it goes on with the first text", emit, done)
	}
}

func TestStopClone(t *testing.T) {
	a := NewStop([]string{"xy"})
	a.Push("x")
	b := a.Clone()
	if _, _, done := b.Push("y"); done {
		t.Error("the clone goes on with the first text")
	}
	if _, _, done := a.Push("y"); !done {
		t.Error("the clone disturbed the first text")
	}
}

func TestValidateStop(t *testing.T) {
	var e *ParamError
	if err := ValidateStop([]string{"a", ""}); !errors.As(err, &e) || e.Field != "stop" {
		t.Errorf("error %v for an empty stop string", err)
	}
	if err := ValidateStop([]string{"a", "b"}); err != nil {
		t.Error(err)
	}
}

func FuzzStop(f *testing.F) {
	f.Add("ab,abc", "xxabab", uint64(0b1011))
	f.Add("aaa,aab", "aaaaab", uint64(0xffff))
	f.Add("\xff\xfe,é", "\xff\xffé", uint64(5))
	f.Fuzz(func(t *testing.T, list, text string, cuts uint64) {
		if len(list) > 60 || len(text) > 60 {
			return
		}
		checkSplit(t, strings.Split(list, ","), split(text, int(cuts)))
	})
}
