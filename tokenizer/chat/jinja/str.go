package jinja

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

// span is a range of bytes.
type span struct{ lo, hi int }

// Str is a string that knows which of its bytes came from the request.
type Str struct {
	S    string
	user []span // ascending, not touching
}

// Literal returns text of the template itself.
func Literal(s string) Str { return Str{S: s} }

// User returns text of the request.
func User(s string) Str {
	if s == "" {
		return Str{}
	}
	return Str{S: s, user: []span{{0, len(s)}}}
}

// like returns s with the origin of from, when s was computed from it: of the
// request if any byte was.
func (from Str) like(s string) Str {
	if len(from.user) > 0 {
		return User(s)
	}
	return Literal(s)
}

// slice returns bytes lo to hi.
func (s Str) slice(lo, hi int) Str {
	out := Str{S: s.S[lo:hi]}
	first := sort.Search(len(s.user), func(i int) bool { return s.user[i].hi > lo })
	for _, u := range s.user[first:] {
		if u.lo >= hi {
			break
		}
		if a, b := max(u.lo, lo), min(u.hi, hi); a < b {
			out.user = append(out.user, span{a - lo, b - lo})
		}
	}
	return out
}

// strBuilder joins strings and keeps their origins.
type strBuilder struct {
	text strings.Builder
	user []span
}

func (b *strBuilder) add(s Str) {
	at := b.text.Len()
	b.text.WriteString(s.S)
	for _, u := range s.user {
		if n := len(b.user); n > 0 && b.user[n-1].hi == at+u.lo {
			b.user[n-1].hi = at + u.hi
			continue
		}
		b.user = append(b.user, span{at + u.lo, at + u.hi})
	}
}

func (b *strBuilder) str() Str { return Str{S: b.text.String(), user: b.user} }

// Piece is a run of text of one origin.
type Piece struct {
	Text string
	User bool
}

// pieces cuts s where its origin changes.
func (s Str) pieces() []Piece {
	var out []Piece
	at := 0
	for _, u := range s.user {
		if u.lo > at {
			out = append(out, Piece{s.S[at:u.lo], false})
		}
		out = append(out, Piece{s.S[u.lo:u.hi], true})
		at = u.hi
	}
	if at < len(s.S) {
		out = append(out, Piece{s.S[at:], false})
	}
	return out
}

// isSpace is Python's str.isspace for one character.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// strip removes from the ends what is in chars, or white space for nil.
func (s Str) strip(chars *string, left, right bool) Str {
	in := isSpace
	if chars != nil {
		in = func(r rune) bool { return strings.ContainsRune(*chars, r) }
	}
	lo, hi := 0, len(s.S)
	if left {
		lo = hi - len(strings.TrimLeftFunc(s.S, in))
	}
	if right {
		hi = lo + len(strings.TrimRightFunc(s.S[lo:], in))
	}
	return s.slice(lo, hi)
}

// splitSpace is str.split(None, limit): at runs of white space.
func (s Str) splitSpace(limit int) []Str {
	var out []Str
	rest := s.strip(nil, true, false)
	for rest.S != "" {
		i := strings.IndexFunc(rest.S, isSpace)
		if i < 0 || limit >= 0 && len(out) >= limit {
			return append(out, rest)
		}
		out = append(out, rest.slice(0, i))
		rest = rest.slice(i, len(rest.S)).strip(nil, true, false)
	}
	return out
}

// split is str.split(sep, limit), or rsplit from the right; sep is not empty.
func (s Str) split(sep string, limit int, right bool) []Str {
	var cuts []int
	if right {
		for end := len(s.S); limit < 0 || len(cuts) < limit; {
			i := strings.LastIndex(s.S[:end], sep)
			if i < 0 {
				break
			}
			cuts = append(cuts, i)
			end = i
		}
		for i, j := 0, len(cuts)-1; i < j; i, j = i+1, j-1 {
			cuts[i], cuts[j] = cuts[j], cuts[i]
		}
	} else {
		for at := 0; limit < 0 || len(cuts) < limit; {
			i := strings.Index(s.S[at:], sep)
			if i < 0 {
				break
			}
			cuts = append(cuts, at+i)
			at += i + len(sep)
		}
	}
	return s.cut(cuts, len(sep))
}

// cut returns the pieces between separators of n bytes at the given places.
func (s Str) cut(cuts []int, n int) []Str {
	out := make([]Str, 0, len(cuts)+1)
	at := 0
	for _, c := range cuts {
		out = append(out, s.slice(at, c))
		at = c + n
	}
	return append(out, s.slice(at, len(s.S)))
}

// replace is str.replace(old, new, count).
func (s Str) replace(old string, repl Str, count int) Str {
	var b strBuilder
	if old == "" {
		return s.interleave(repl, count)
	}
	for i, part := range s.split(old, count, false) {
		if i > 0 {
			b.add(repl)
		}
		b.add(part)
	}
	return b.str()
}

// interleave puts repl before every character and at the end, count times.
func (s Str) interleave(repl Str, count int) Str {
	var b strBuilder
	n := 0
	for i := 0; i <= len(s.S); {
		if count < 0 || n < count {
			b.add(repl)
			n++
		}
		if i == len(s.S) {
			break
		}
		_, w := utf8.DecodeRuneInString(s.S[i:])
		b.add(s.slice(i, i+w))
		i += w
	}
	return b.str()
}

// lines is str.splitlines(keep).
func (s Str) lines(keep bool) []Str {
	var out []Str
	at := 0
	for i, r := range s.S {
		if i < at || !strings.ContainsRune("\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029", r) {
			continue
		}
		end := i + utf8.RuneLen(r)
		if r == '\r' && strings.HasPrefix(s.S[end:], "\n") {
			end++
		}
		if keep {
			i = end
		}
		out = append(out, s.slice(at, i))
		at = end
	}
	if at < len(s.S) {
		out = append(out, s.slice(at, len(s.S)))
	}
	return out
}
