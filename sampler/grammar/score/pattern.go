package score

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// White space and line ends of ECMA-262 (12.2, 12.3), in a class of Go's regexp.
const (
	ecmaSpace    = `\t\n\v\f\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`
	ecmaNotSpace = `\x{0}-\x{8}\x{e}-\x{1f}!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}` +
		`\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}`
	ecmaNotLine = `[^\n\r\x{2028}\x{2029}]`
)

// compilePattern is a jsonschema.RegexpEngine.
func compilePattern(pattern string) (jsonschema.Regexp, error) {
	t, err := translate(pattern)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", pattern, err)
	}
	re, err := regexp.Compile(t)
	if err != nil {
		return nil, err
	}
	return re, nil
}

// translate writes an ECMA-262 pattern (unicode mode) for Go's regexp. What Go
// reads differently and cannot say is an error.
func translate(pattern string) (string, error) {
	var b strings.Builder
	inClass := false
	for i := 0; i < len(pattern); {
		rest := pattern[i:]
		switch c := rest[0]; {
		case c == '\\':
			n, err := translateEscape(&b, rest, inClass)
			if err != nil {
				return "", err
			}
			i += n
			continue
		case inClass && c == '[':
			b.WriteString(`\[`)
		case inClass:
			inClass = c != ']'
			b.WriteByte(c)
		case strings.HasPrefix(rest, "[^]"):
			b.WriteString(`[\x{0}-\x{10ffff}]`)
			i += 2
		case strings.HasPrefix(rest, "[]"):
			b.WriteString(`[^\x{0}-\x{10ffff}]`)
			i++
		case c == '[':
			inClass = true
			b.WriteByte(c)
			if strings.HasPrefix(rest, "[^") {
				b.WriteByte('^')
				i++
			}
		case c == '.':
			b.WriteString(ecmaNotLine)
		default:
			b.WriteByte(c)
		}
		i++
	}
	return b.String(), nil
}

// translateEscape writes the escape that rest begins with and returns its length.
func translateEscape(b *strings.Builder, rest string, inClass bool) (int, error) {
	if len(rest) < 2 {
		return 0, errors.New("a backslash at the end")
	}
	class := func(set string) {
		if inClass {
			b.WriteString(set)
		} else {
			b.WriteString("[" + set + "]")
		}
	}
	switch c := rest[1]; c {
	case 's':
		class(ecmaSpace)
	case 'S':
		class(ecmaNotSpace)
	case 'b':
		if inClass {
			b.WriteString(`\x08`)
		} else {
			b.WriteString(`\b`)
		}
	case '0':
		b.WriteString(`\x00`)
	case 'c':
		if len(rest) < 3 {
			return 0, errors.New(`\c at the end`)
		}
		fmt.Fprintf(b, `\x{%x}`, rest[2]&31)
		return 3, nil
	case 'u':
		return translateUnicode(b, rest)
	case 'd', 'D', 'w', 'W', 'B', 'n', 'r', 't', 'f', 'v', 'x', 'p', 'P':
		b.WriteString(rest[:2])
	default:
		if c >= 0x80 || c >= '1' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			return 0, fmt.Errorf("no escape %q in Go", rest[:2])
		}
		b.WriteString(rest[:2])
	}
	return 2, nil
}

// translateUnicode writes \uXXXX, a pair of them, or \u{…}.
func translateUnicode(b *strings.Builder, rest string) (int, error) {
	if strings.HasPrefix(rest, `\u{`) {
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			return 0, errors.New(`\u{ without }`)
		}
		b.WriteString(`\x` + rest[2:end+1])
		return end + 1, nil
	}
	unit := func(s string) (uint64, bool) {
		if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
			return 0, false
		}
		v, err := strconv.ParseUint(s[2:6], 16, 32)
		return v, err == nil
	}
	hi, ok := unit(rest)
	if !ok {
		return 0, errors.New(`\u without four digits`)
	}
	if lo, ok := unit(rest[6:]); ok && hi>>10 == 0xd800>>10 && lo>>10 == 0xdc00>>10 {
		fmt.Fprintf(b, `\x{%x}`, 0x10000+(hi&0x3ff)<<10+lo&0x3ff)
		return 12, nil
	}
	fmt.Fprintf(b, `\x{%x}`, hi)
	return 6, nil
}
