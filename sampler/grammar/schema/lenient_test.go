package schema

import (
	"testing"

	"orchrt/sampler/grammar/formula"
)

// TestLenient reads schemas as function-calling data sets and other dialects
// spell them: each holds for the first instances, and not for the second.
func TestLenient(t *testing.T) {
	for _, c := range []struct {
		schema       string
		good, bad    string
		misspellings int
	}{
		{`{"type":"dict","properties":{"a":{"type":"float"},"b":{"type":"any"}},"required":["a"]}`, `{"a":1.5,"b":[null]}`, `{"a":"x"}`, 3},
		{`{"type":"dict","properties":{"a":{"type":"float"}},"required":["a"]}`, `{"a":1.5}`, `{}`, 2},
		{`{"type":"OBJECT","properties":{"a":{"type":"STRING","enum":["x"]},"b":{"type":"INTEGER"}}}`, `{"a":"x","b":2}`, `{"b":2.5}`, 3},
		{`{"type":"HashMap","additionalProperties":{"type":["str","NoneType"]}}`, `{"a":null,"b":"c"}`, `{"a":1}`, 3},
		{`{"properties":{"a":{"type":"tuple","items":{"type":"bool"},"required":true}},"required":null}`, `{"a":[true]}`, `{"a":[1]}`, 4},
		{`{"type":"object","required":["a"]}`, `{"a":1}`, `{}`, 0},
	} {
		told := 0
		doc := parse(t, []byte(c.schema))
		sp := newSpace()
		f, err := Compile(sp, doc, Options{Lenient: func(m *Misspelling) {
			told++
			if m.Keyword == "" || m.Reason == "" || m.Meaning == "" {
				t.Errorf("%s: %+v", c.schema, m)
			}
		}})
		if err != nil || told != c.misspellings {
			t.Errorf("%s: %v, %d misspellings", c.schema, err, told)
			continue
		}
		if !formula.Eval(sp, f, parse(t, []byte(c.good))) || formula.Eval(sp, f, parse(t, []byte(c.bad))) {
			t.Errorf("%s: %s or %s is taken the wrong way", c.schema, c.good, c.bad)
		}
		if _, err := Compile(newSpace(), parse(t, []byte(c.schema)), Options{}); (err != nil) != (told > 0) {
			t.Errorf("%s: %v where nothing is lenient", c.schema, err)
		}
	}
	for _, schema := range []string{`{"type":"strnig"}`, `{"type":"any value"}`, `{"required":"a"}`, `{"required":[1]}`} {
		if _, err := Compile(newSpace(), parse(t, []byte(schema)), Options{Lenient: func(*Misspelling) {}}); err == nil {
			t.Errorf("%s is no error", schema)
		}
	}
}
