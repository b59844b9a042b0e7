package orchestrate

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes text that a tool gave into text that a prompt may hold: valid
// UTF-8, no control characters but tabs and line breaks, no terminal sequences.
// Spellings of special tokens stay as they are: the prompt's encoder keeps them
// plain text.
func clean(s string) string {
	if plain(s) {
		return s
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		if n := escapeLen(s[i:]); n > 0 {
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == '\r':
			if !strings.HasPrefix(s[i+n:], "\n") {
				b.WriteByte('\n')
			}
		case r == '\n' || r == '\t' || !unicode.IsControl(r):
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}

// plain reports that clean has nothing to do.
func plain(s string) bool {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return false
			}
		}
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return false
		}
	}
	return true
}

// escapeLen is the length of the terminal sequence that s begins with: ESC [ …
// to a final byte (ECMA-48, 5.4), or ESC ] … to BEL or ESC \; 0 for none.
func escapeLen(s string) int {
	if len(s) < 2 || s[0] != 0x1b {
		return 0
	}
	switch s[1] {
	case '[':
		for i := 2; i < len(s); i++ {
			if s[i] >= 0x40 && s[i] <= 0x7e {
				return i + 1
			}
			if s[i] < 0x20 || s[i] > 0x7e {
				break
			}
		}
	case ']':
		for i := 2; i < min(len(s), 4096); i++ {
			if s[i] == 0x07 {
				return i + 1
			}
			if s[i] == 0x1b && i+1 < len(s) && s[i+1] == '\\' {
				return i + 2
			}
		}
	}
	return 0
}

// CutText bounds s to limit bytes: the beginning and the end stay, and a line
// between them says how many bytes are left out. Characters stay whole. It
// returns how many bytes are left out; a limit too small for the line leaves
// the beginning of the line.
func CutText(s string, limit int) (string, int) {
	if limit = max(limit, 0); len(s) <= limit {
		return s, 0
	}
	mark := func(n int) string { return fmt.Sprintf("\n[… %d bytes left out …]\n", n) }
	room := max(limit-len(mark(len(s))), 0)
	head, tail := room-room/4, room/4
	for head > 0 && !utf8.RuneStart(s[head]) {
		head--
	}
	from := len(s) - tail
	for from < len(s) && !utf8.RuneStart(s[from]) {
		from++
	}
	m := mark(from - head)
	if len(m) > limit {
		m = strings.ToValidUTF8(m[:limit], "")
	}
	return s[:head] + m + s[from:], from - head
}

// redact replaces the secrets in s.
func redact(s string, secrets []string) string {
	for _, secret := range secrets {
		if strings.Contains(s, secret) {
			s = strings.ReplaceAll(s, secret, "[secret]")
		}
	}
	return s
}

// longestFirst returns the secrets worth looking for, longer ones first so that
// none is hidden by a part of it.
func longestFirst(secrets []string) []string {
	const least = 4 // shorter ones would tear ordinary words apart
	out := slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < least })
	slices.SortFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}

// redactAny is redact for what a record may hold.
func redactAny(v any, secrets []string) any {
	switch v := v.(type) {
	case string:
		return redact(v, secrets)
	case []byte:
		return redact(string(v), secrets)
	case error:
		return redact(v.Error(), secrets)
	case []string:
		out := make([]string, len(v))
		for i, s := range v {
			out[i] = redact(s, secrets)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = redactAny(e, secrets)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[k] = redactAny(e, secrets)
		}
		return out
	}
	return v
}
