package value

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func parse(tb testing.TB, text string) Value {
	tb.Helper()
	v, err := Parse([]byte(text), Limits{})
	if err != nil {
		tb.Fatalf("%.100q: %v", text, err)
	}
	return v
}

func TestParse(t *testing.T) {
	v := parse(t, ` {"b": [1.50, -0E+1, "x\u00e9\ud83d\ude00\/\n"], "a": {}, "": null, "t":true,"f":false , "e":[ ]} `)
	want := []struct {
		key, text string
		kind      Kind
		offset    int32
	}{
		{"b", `[1.50, -0E+1, "xé😀/\n"]`, Array, 7}, {"a", `{}`, Object, 54}, {"", "null", Null, 62},
		{"t", "true", True, 72}, {"f", "false", False, 81}, {"e", "[]", Array, 93},
	}
	if v.Kind != Object || v.Offset != 1 || v.Len() != len(want) {
		t.Fatalf("%+v", v)
	}
	for i, w := range want {
		m := v.Members[i]
		if m.Key != w.key || m.Value.Kind != w.kind || m.Value.Offset != w.offset || m.Value.String() != w.text {
			t.Errorf("member %d is %q: %v at %d, %v, want %+v", i, m.Key, m.Value, m.Value.Offset, m.Value.Kind, w)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct {
		text   string
		offset int
		reason string
	}{
		{``, 0, "missing"}, {` `, 1, "missing"}, {`nul`, 0, "must begin"}, {`[1,]`, 3, "must begin"}, {`[1 2]`, 3, "',' or ']'"},
		{`{"a" 1}`, 5, "':'"}, {`{"a":1,}`, 7, "a key"}, {`{a:1}`, 1, "a key"}, {`{"a":1`, 6, "end of the text"}, {`[`, 1, "missing"},
		{`01`, 1, "leading zero"}, {`-`, 1, "digit"}, {`+1`, 0, "must begin"}, {`.5`, 0, "must begin"}, {`1.`, 2, "fraction"}, {`1.e5`, 2, "fraction"},
		{`1e`, 2, "exponent"}, {`1e+`, 3, "exponent"}, {`NaN`, 0, "must begin"}, {`-Infinity`, 1, "digit"}, {`1 1`, 2, "after the value"},
		{`"a`, 2, "within a string"}, {`"\`, 1, "within a string"}, {"\"a\nb\"", 2, "0x0A"}, {`"\x"`, 1, "backslash"}, {`"\u12g4"`, 1, "hexadecimal"},
		{`"\ud800"`, 1, "surrogate"}, {`"\udc00\ud800"`, 1, "surrogate"}, {`"\ud800\u0041"`, 1, "surrogate"}, {`"\ud83d` + "\u00e9" + `"`, 1, "surrogate"},
		{"\"\xff\"", 1, "UTF-8"}, {"\"\\n\xc0\x80\"", 3, "UTF-8"}, {"\"\xed\xa0\x80\"", 1, "UTF-8"}, {"\xef\xbb\xbf1", 0, "must begin"}, {"1\xff", 1, "UTF-8"},
		{`{"a":1,"b":2,"\u0061":3}`, 13, `the key "a"`},
	} {
		_, err := Parse([]byte(c.text), Limits{})
		var se *SyntaxError
		if !errors.As(err, &se) || se.Offset != c.offset || !strings.Contains(se.Reason, c.reason) {
			t.Errorf("%q: %v, want %q at byte %d", c.text, err, c.reason, c.offset)
		}
	}
}

func TestLimits(t *testing.T) {
	var le *LimitError
	deep := strings.Repeat("[", 1000) + strings.Repeat("]", 1000)
	parse(t, deep)
	if _, err := Parse([]byte("["+deep+"]"), Limits{}); !errors.As(err, &le) || le.Limit != 1000 || le.Offset != 1000 {
		t.Errorf("1001 levels: %v", err)
	}
	if _, err := Parse([]byte("[[1]]"), Limits{Depth: 1}); !errors.As(err, &le) || le.Offset != 1 {
		t.Errorf("two levels of one: %v", err)
	}
	if _, err := Parse([]byte("[1,2]"), Limits{Values: 2}); !errors.As(err, &le) || le.Offset != 3 {
		t.Errorf("three values of two: %v", err)
	}
	if _, err := Parse([]byte("["+strings.Repeat("1,", 1<<19)+"1]"), Limits{}); !errors.As(err, &le) {
		t.Errorf("2^19 values: %v", err)
	}
}

// TestLastWins uses an object that is long enough to be indexed.
func TestLastWins(t *testing.T) {
	var text strings.Builder
	text.WriteString("{")
	for i := range 100 {
		fmt.Fprintf(&text, `"%d": %d, `, i%40, i)
	}
	v, err := Parse([]byte(text.String()+`"x": [{"a": 1, "b": 2, "a": 3}]}`), Limits{LastWins: true})
	if err != nil || v.Len() != 41 {
		t.Fatalf("%v, %v", v, err)
	}
	for i, m := range v.Members[:40] {
		want := i + 40
		if i < 20 {
			want = i + 80
		}
		if m.Key != fmt.Sprint(i) || m.Value.Text != fmt.Sprint(want) {
			t.Errorf("member %d is %q: %v, want %d", i, m.Key, m.Value, want)
		}
	}
	if got := v.Members[40].Value.String(); got != `[{"a": 3, "b": 2}]` {
		t.Error(got)
	}
	var se *SyntaxError
	if _, err := Parse([]byte(text.String()+`"x": 1}`), Limits{}); !errors.As(err, &se) || !strings.Contains(se.Reason, `"0"`) {
		t.Error(err)
	}
}

// FuzzParse compares with encoding/json, which takes any bytes as strings, lone
// surrogates as U+FFFD and equal keys as one.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"a": [1, -0.5e+10, "\u00e9\ud83d\ude00"], "b": {"": null}}`, `[true, false, [[]], {}]`, `"\ud800"`, "\"\xff\"", `1e400000000`, ` [ ] `, `{"a":1,"a":2}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := Parse(text, Limits{LastWins: true})
		if err != nil {
			var le *LimitError
			if json.Valid(text) && utf8.Valid(text) && !bytes.Contains(text, []byte(`\u`)) && !errors.As(err, &le) {
				t.Fatalf("refused: %v", err)
			}
			return
		}
		want := decode(t, text)
		for _, style := range []Style{Python, Compact, Indent2, Indent4, Tab} {
			out := Append(nil, v, style)
			if got := decode(t, out); !reflect.DeepEqual(got, want) {
				t.Fatalf("style %d: %q means %v, must mean %v", style, out, got, want)
			}
		}
		w, err := Parse([]byte(v.Canonical()), Limits{})
		if err != nil || !w.Equal(v) || w.Canonical() != v.Canonical() {
			t.Fatalf("canonical text %q: %v", v.Canonical(), err)
		}
	})
}

func decode(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	if _, err := d.Token(); err != io.EOF {
		t.Fatalf("%q: text after the value", text)
	}
	return v
}

func BenchmarkParse(b *testing.B) {
	var text bytes.Buffer
	text.WriteString(`{"type": "object", "properties": {`)
	for i := range 5000 {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, `"property_%d": {"type": ["string", "null"], "description": "Some text with\n an escape", "minLength": %d, "enum": ["a", "b", 1.5e3]}`, i, i)
	}
	text.WriteString("}}")
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		parse(b, text.String())
	}
}
