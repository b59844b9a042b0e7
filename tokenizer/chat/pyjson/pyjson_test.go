package pyjson

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestReformat: the expected texts are Python's json.dumps(json.loads(source),
// ensure_ascii=False).
func TestReformat(t *testing.T) {
	cases := []struct{ source, want string }{
		{`{"b":1,"a":[1,2,{}],"c":{}}`, `{"b": 1, "a": [1, 2, {}], "c": {}}`},
		{"[]", "[]"},
		{" [ 1 , 2 ] \n", "[1, 2]"},
		{`{"a":1,"b":2,"a":3}`, `{"a": 3, "b": 2}`},
		{"1.0", "1.0"}, {"-0.0", "-0.0"}, {"-0", "0"}, {"1E5", "100000.0"}, {"1e400", "Infinity"}, {"-1e400", "-Infinity"},
		{"1e15", "1000000000000000.0"}, {"1e16", "1e+16"}, {"1e-4", "0.0001"}, {"1e-5", "1e-05"}, {"1.10", "1.1"},
		{"12345678901234567890", "12345678901234567890"}, {"5e-324", "5e-324"}, {"1e22", "1e+22"}, {"0.1e1", "1.0"},
		{"123456789012345678.0", "1.2345678901234568e+17"}, {"1e-400", "0.0"}, {"9007199254740993.0", "9007199254740992.0"},
		{`"<b>&'\u003c\/"`, `"<b>&'</"`},
		{`"\u0041\u00e9\ud83d\ude00\u2028"`, "\"Aé😀\u2028\""},
		{`"\b\f\n\r\t\"\\\u0000\u001f\u007f"`, "\"\\b\\f\\n\\r\\t\\\"\\\\\\u0000\\u001f\u007f\""},
		{"[true,false,null]", "[true, false, null]"},
	}
	for _, c := range cases {
		if got, err := Reformat([]byte(c.source)); err != nil || got != c.want {
			t.Errorf("%s: got %s, %v; want %s", c.source, got, err, c.want)
		}
	}
}

func TestRefused(t *testing.T) {
	for source, reason := range map[string]string{
		"": "unexpected end", "{": "key", "[1": "unexpected end", "[1,]": "value", `{"a" 1}`: "':'", `{"a":1,}`: "key",
		"01": "malformed", "1.": "malformed", "-": "malformed", ".5": "value", "1e": "malformed", "+1": "value", "nul": "value", "nullx": "after",
		`"a`: "unterminated", "\"a\nb\"": "control", `"\x"`: "escape", `"\u12"`: "escape", `"\u+123"`: "escape",
		`"\ud800"`: "lone surrogate", `"\udc00"`: "lone surrogate", `"\ud800\u0041"`: "lone surrogate", "\"\xff\"": "UTF-8", "\"\xed\xa0\x80\"": "UTF-8",
		"1 2": "after", "\ufeff1": "value", "NaN": "value", "Infinity": "value", "-Infinity": "malformed",
		strings.Repeat("[", 100000): "nested", strings.Repeat("1", 5000): "digits",
	} {
		v, err := Parse([]byte(source))
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%.50q: got %v, %v; want an error with %q", source, v, err, reason)
		}
	}
}

func TestParsePython(t *testing.T) {
	v, err := ParsePython(`{"a": [NaN, Infinity, -Infinity]}`)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(Append(nil, v)); got != `{"a": [NaN, Infinity, -Infinity]}` {
		t.Error(got)
	}
}

// FuzzParse: what is accepted is JSON to encoding/json too, and its spelling is
// stable and means the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e-3,true,null,"\u00e9\n"],"b":{}}`, `"\ud83d\ude00"`, "-0", "1e400", `{"a":1,"a":2}`, "[[[]]]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Parse(data)
		if err != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q is no JSON", data)
		}
		text := Append(nil, v)
		if !utf8.Valid(text) {
			t.Fatalf("%q gives invalid UTF-8 %q", data, text)
		}
		again, err := ParsePython(string(text))
		if err != nil {
			t.Fatalf("%q gives %q: %v", data, text, err)
		}
		if twice := Append(nil, again); string(twice) != string(text) {
			t.Fatalf("%q gives %q, then %q", data, text, twice)
		}
	})
}

func BenchmarkReformat(b *testing.B) {
	data := []byte(`{"type":"function","function":{"name":"search","description":"` + strings.Repeat("words and words ", 20) +
		`","parameters":{"type":"object","properties":{"q":{"type":"string"},"n":{"type":"integer","minimum":1.5}},"required":["q"]}}}`)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Reformat(data); err != nil {
			b.Fatal(err)
		}
	}
}
