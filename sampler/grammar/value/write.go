package value

import "strings"

// Style is how Append spaces a text.
type Style uint8

const (
	Python  Style = iota // json.dumps(v, ensure_ascii=False): ", " and ": "
	Compact              // no white space
	Indent2              // json.dumps(…, indent=2)
	Indent4              // json.dumps(…, indent=4)
	Tab                  // json.dumps(…, indent="\t")
)

var indents = [...]string{Indent2: "  ", Indent4: "    ", Tab: "\t"}

// Append appends the text of v to dst. Keys keep their order and numbers their
// text; strings are escaped as Python's json.dumps(ensure_ascii=False) does.
func Append(dst []byte, v Value, style Style) []byte {
	w := writer{dst: dst, comma: ",", colon: ": "}
	switch style {
	case Python:
		w.comma = ", "
	case Compact:
		w.colon = ":"
	default:
		w.indent = indents[style]
	}
	w.value(v)
	return w.dst
}

// String returns the text of v in the style Python.
func (v Value) String() string { return string(Append(nil, v, Python)) }

type writer struct {
	dst          []byte
	comma, colon string
	indent       string // of one level; "" for a text in one line
	depth        int
}

func (w *writer) value(v Value) {
	switch v.Kind {
	case Number:
		w.dst = append(w.dst, v.Text...)
	case String:
		w.dst = AppendString(w.dst, v.Text)
	case Array:
		w.open('[')
		for i := range v.Items {
			w.next(i)
			w.value(v.Items[i])
		}
		w.shut(']', len(v.Items))
	case Object:
		w.open('{')
		for i := range v.Members {
			w.next(i)
			w.dst = AppendString(w.dst, v.Members[i].Key)
			w.dst = append(w.dst, w.colon...)
			w.value(v.Members[i].Value)
		}
		w.shut('}', len(v.Members))
	default:
		w.dst = append(w.dst, v.Kind.String()...)
	}
}

func (w *writer) open(c byte) {
	w.dst = append(w.dst, c)
	w.depth++
}

// next begins the i-th item or member.
func (w *writer) next(i int) {
	if i > 0 {
		w.dst = append(w.dst, w.comma...)
	}
	w.line()
}

func (w *writer) line() {
	if w.indent == "" {
		return
	}
	w.dst = append(w.dst, '\n')
	for range w.depth {
		w.dst = append(w.dst, w.indent...)
	}
}

func (w *writer) shut(c byte, n int) {
	w.depth--
	if n > 0 {
		w.line()
	}
	w.dst = append(w.dst, c)
}

// AppendString appends s in quotes, escaped as Python's
// json.dumps(ensure_ascii=False) does: quote, backslash and the characters below
// U+0020, with two-character escapes where JSON has them.
func AppendString(dst []byte, s string) []byte {
	const short = "\bb\ff\nn\rr\tt\"\"\\\\" // pairs of a byte and its letter
	dst = append(dst, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		dst = append(append(dst, s[from:i]...), '\\')
		from = i + 1
		if k := strings.IndexByte(short, c); k >= 0 && k%2 == 0 {
			dst = append(dst, short[k+1])
		} else {
			const hex = "0123456789abcdef"
			dst = append(dst, 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}
