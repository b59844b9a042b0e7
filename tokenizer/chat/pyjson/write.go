package pyjson

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// FormatFloat spells f as Python's json.dumps does: repr(f), and Infinity,
// -Infinity, NaN.
func FormatFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	s := strconv.FormatFloat(f, 'e', -1, 64)
	e := strings.IndexByte(s, 'e')
	exp, _ := strconv.Atoi(s[e+1:])
	if exp < -4 || exp >= 16 {
		return s // Go and Python agree: shortest digits, sign, at least two exponent digits
	}
	s = strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// AppendString appends s in double quotes, escaped as ensure_ascii=False does:
// only the quote, the backslash and characters below U+0020.
func AppendString(dst []byte, s string) []byte {
	const short = "\b\t\n\f\r"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch j := strings.IndexByte(short, c); {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case j >= 0:
			dst = append(dst, '\\', "btnfr"[j])
		default:
			dst = fmt.Appendf(dst, `\u%04x`, c)
		}
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// Append appends a value made by Parse in the spelling of
// json.dumps(value, ensure_ascii=False).
func Append(dst []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case Number:
		return append(dst, v...)
	case string:
		return AppendString(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = Append(dst, item)
		}
		return append(dst, ']')
	case *Object:
		dst = append(dst, '{')
		for i, key := range v.Keys {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = AppendString(dst, key)
			dst = append(dst, ": "...)
			dst = Append(dst, v.Values[key])
		}
		return append(dst, '}')
	}
	panic(fmt.Sprintf("pyjson: %T is not a value made by Parse", value))
}

// Reformat rewrites JSON text in Python's spelling.
func Reformat(data []byte) (string, error) {
	v, err := Parse(data)
	if err != nil {
		return "", err
	}
	return string(Append(make([]byte, 0, len(data)+len(data)/4), v)), nil
}
