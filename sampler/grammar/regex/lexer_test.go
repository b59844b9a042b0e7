package regex

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"orchrt/sampler/grammar/budget"
)

// spell writes text as the inside of a JSON string, escaping at random.
func spell(r *rand.Rand, text string, escapes int) string {
	var b strings.Builder
	for _, c := range text {
		short := strings.IndexRune("\"\\/\b\f\n\r\t", c)
		must := c < 0x20 || c == '"' || c == '\\'
		switch {
		case !must && r.IntN(100) >= escapes:
			b.WriteRune(c)
		case short >= 0 && r.IntN(2) == 0:
			b.WriteByte('\\')
			b.WriteByte(`"\/bfnrt`[short])
		case c >= 0x10000:
			fmt.Fprintf(&b, `\u%04x\u%04X`, 0xD800+(c-0x10000)>>10, 0xDC00+(c-0x10000)&0x3FF)
		default:
			fmt.Fprintf(&b, `\u%04x`, c)
		}
	}
	return b.String()
}

// decode reads the inside of a JSON string; false if it is none, or holds half
// a surrogate pair or bytes that are no UTF-8.
func decode(body string) (string, bool) {
	if !utf8.ValidString(body) {
		return "", false
	}
	var text string
	if json.Unmarshal([]byte(`"`+body+`"`), &text) != nil {
		return "", false
	}
	// encoding/json writes U+FFFD for half a pair: mark the real ones to tell.
	var marked strings.Builder
	for i := 0; i < len(body); i++ {
		switch {
		case strings.HasPrefix(body[i:], "\uFFFD"):
			marked.WriteByte('x')
			i += 2
		case body[i] == '\\' && body[i+1] == 'u' && strings.EqualFold(body[i+2:i+6], "fffd"):
			marked.WriteByte('x')
			i += 5
		case body[i] == '\\':
			marked.WriteString(body[i : i+2])
			i++
		default:
			marked.WriteByte(body[i])
		}
	}
	var check string
	if json.Unmarshal([]byte(`"`+marked.String()+`"`), &check) != nil || strings.ContainsRune(check, utf8.RuneError) {
		return "", false
	}
	return text, true
}

// run steps a body and returns the state after it.
func run(x *Lexer, st State, body string) State {
	for _, b := range []byte(body) {
		if st = x.Step(st, b); st == 0 {
			return 0
		}
	}
	return st
}

// lexed are languages of different kinds.
func lexed(s *Space) map[string]Lang {
	out := map[string]Lang{
		"all": all, "not ascii": s.fixed(`[^\x00-\x7F]*`), "letters": s.fixed(`\p{L}{2,5}`), "astral": s.fixed(`[\u{1F600}-\u{1F64F}]+x`),
		"control": s.fixed(`[\x00-\x1F]*"`), "odd": s.fixed(`(..)*.`), "names": s.Literals([]string{"name", "näme", "na\"me", "n\\", "n/a", "😀", "퟿", ""}),
		"not names": s.Not(s.Literals([]string{"name", "n", ""})), "long": s.Length(3, 6), "u+e000": s.fixed(`[\uE000\uD7FF\u{10000}\u{10FFFF}\u0800\u07FF]+`),
		"fffd": s.fixed(`[^\uFFFD]*\uFFFD[^\uFFFD]*`),
	}
	for name := range formats {
		out[name], _ = s.Format(name)
	}
	return out
}

func TestLexerAgainstDecoding(t *testing.T) {
	s := newSpace()
	x := NewLexer(s)
	r := rand.New(rand.NewPCG(9, 10))
	languages := lexed(s)
	for _, name := range slices.Sorted(maps.Keys(languages)) {
		l := languages[name]
		start := x.Start(l)
		for i := range 300 {
			w := randomWord(r, s, l, i%20)
			body := spell(r, w, []int{0, 20, 100}[i%3])
			if st := run(x, start, body); st == 0 || !x.Accepts(st) {
				t.Fatalf("%s: %q is refused, the spelling of %q", name, body, w)
			} else if rest, ok := x.Residual(st); !ok || !s.Nullable(rest) {
				t.Fatalf("%s: after %q nothing should be missing", name, body)
			}
			// Damage it; the automaton and a decoder must agree.
			damaged := []byte(body)
			for range 1 + r.IntN(2) {
				if len(damaged) > 0 {
					damaged[r.IntN(len(damaged))] = "a0\\uD8/dCf\x1f\x7f\x80\xbf\xc3\xe2\xed\xa0\xf0\xf4\x90"[r.IntN(21)]
				}
			}
			if strings.ContainsRune(string(damaged), '"') {
				continue
			}
			text, ok := decode(string(damaged))
			st := run(x, start, string(damaged))
			if got, want := st != 0 && x.Accepts(st), ok && s.Matches(l, text); got != want {
				t.Fatalf("%s: %q: got %v, want %v", name, damaged, got, want)
			}
		}
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
}

// TestLexerNeverDead walks bytes at random: every state has a completion that
// is as long as it says, and its first byte brings it nearer.
func TestLexerNeverDead(t *testing.T) {
	s := newSpace()
	x := NewLexer(s)
	r := rand.New(rand.NewPCG(11, 12))
	languages := lexed(s)
	for _, name := range slices.Sorted(maps.Keys(languages)) {
		l := languages[name]
		for range 40 {
			st := x.Start(l)
			var body []byte
			for range 40 {
				rest := x.Shortest(st)
				if len(rest) != x.Distance(st) {
					t.Fatalf("%s: after %q the shortest completion is %q, its distance %d", name, body, rest, x.Distance(st))
				}
				if text, ok := decode(string(body) + rest); !ok || !s.Matches(l, text) {
					t.Fatalf("%s: %q completed by %q does not match", name, body, rest)
				}
				if rest != "" && x.Distance(x.Step(st, rest[0])) != len(rest)-1 {
					t.Fatalf("%s: after %q, %q does not bring %q nearer", name, body, rest[0], rest)
				}
				var next []byte
				for b := range 256 {
					if x.Step(st, byte(b)) != 0 {
						next = append(next, byte(b))
					}
				}
				if len(next) == 0 {
					if !x.Accepts(st) {
						t.Fatalf("%s: dead end after %q", name, body)
					}
					break
				}
				b := next[r.IntN(len(next))]
				body = append(body, b)
				st = x.Step(st, b)
			}
		}
	}
}

func TestLexerSharesStates(t *testing.T) {
	s := newSpace()
	x := NewLexer(s)
	start := x.Start(all)
	for _, body := range []string{"a", "é", "€", "😀", `\n`, `\u0041`, `\ud83d\ude00`} {
		if run(x, start, body) != start {
			t.Errorf("a free string does not come back to its state after %q", body)
		}
	}
	for range 100 {
		x.Distance(start)
	}
	before := s.Bytes()
	long := x.Start(s.Length(1_000_000, 1_000_000_000))
	if d := x.Distance(long); d != 1_000_000 {
		t.Errorf("distance %d", d)
	}
	for range 1000 {
		long = x.Step(long, 'a')
	}
	if grown := s.Bytes() - before; grown > 1000*1200 {
		t.Errorf("1,000 states of a counted string take %d bytes", grown)
	}
	if x.Start(none) != 0 || x.Step(0, 'a') != 0 || x.Accepts(0) {
		t.Error("the dead state is alive")
	}
}

func FuzzLexer(f *testing.F) {
	f.Add(`^\p{L}+$`, `ab\u00e9`)
	f.Add(`^(?!foo).*$`, `fo\ud83d\ude00`)
	f.Fuzz(func(t *testing.T, pattern, body string) {
		s := NewSpace(budget.New(1 << 18))
		l, err := s.Pattern(pattern)
		if err != nil {
			return
		}
		x := NewLexer(s)
		st := run(x, x.Start(l), body)
		accepted := st != 0 && x.Accepts(st)
		text, ok := decode(body)
		want := ok && !strings.Contains(body, `\"`) && s.Matches(l, text)
		if s.Err() == nil && accepted != want && !strings.Contains(body, `"`) {
			t.Fatalf("%q on %q: got %v, want %v", pattern, body, accepted, want)
		}
	})
}
