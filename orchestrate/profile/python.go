package profile

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"

	"orchrt/tokenizer/chat/pyjson"
)

// pyString is repr(s) of Python: single quotes unless there are only single
// ones inside; what is not printable is escaped.
func pyString(s string) string {
	q := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		q = '"'
	}
	var b strings.Builder
	b.WriteByte(q)
	for _, r := range s {
		switch {
		case r == rune(q) || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r >= ' ' && r < 0x7f, r > 0x7f && unicode.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xff:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
	}
	b.WriteByte(q)
	return b.String()
}

// pyRepr is str() of a JSON value that Python has read.
func pyRepr(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case string:
		return pyString(v)
	case pyjson.Number:
		switch string(v) {
		case "Infinity":
			return "inf"
		case "-Infinity":
			return "-inf"
		case "NaN":
			return "nan"
		}
		return string(v)
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = pyRepr(e)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case *pyjson.Object:
		parts := make([]string, len(v.Keys))
		for i, k := range v.Keys {
			parts[i] = pyString(k) + ": " + pyRepr(v.Values[k])
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	panic(fmt.Sprintf("profile: %T is no JSON value", v))
}

// pyTools is str() of a list of tools.
func pyTools(defs []json.RawMessage) (string, error) {
	list := make([]any, len(defs))
	for i, d := range defs {
		v, err := pyjson.Parse(d)
		if err != nil {
			return "", fmt.Errorf("profile: tool %d: %w", i, err)
		}
		list[i] = v
	}
	return pyRepr(list), nil
}

// pyASCII is JSON text as json.dumps writes it by default: in ASCII. What is no
// JSON stays as it is.
func pyASCII(text string) string {
	s, err := pyjson.Reformat([]byte(text))
	if err != nil {
		return text
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r <= 0x7f:
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, hi, lo)
		}
	}
	return b.String()
}

// digits is the number that s begins with.
func digits(s string) (int, bool) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	n, err := strconv.Atoi(s[:i])
	return n, err == nil
}
