package score

import (
	"fmt"
	"strings"
	"testing"

	"orchrt/sampler/grammar/value"
)

func fuzzOne(t *testing.T, s *Scorer, line string, n, limited int) (*Result, []Output) {
	t.Helper()
	var got *Result
	var outputs []Output
	err := s.Fuzz(t.Context(), readAll(t, line), FuzzOptions{N: n, Judge: true, Limited: limited, Tokens: 5 * min(limited-1, 1)}, func(r *Result) { got, outputs = r, r.Outputs })
	if err != nil {
		t.Fatal(err)
	}
	return got, outputs
}

const objectCase = `{"name": "o", "schema": {"type": "object", "properties": {"a": {"type": "boolean"}}}}`

func TestFuzz(t *testing.T) {
	texts := []string{`{"a": true}`, `{"a":false}`, `{ }`}
	tests := []struct {
		name    string
		decoder finite
		kind    string
	}{
		{"exact", finite{texts: texts}, ""},
		{"against the schema", finite{texts: []string{`{"a": 1}`}}, badOutput},
		{"not JSON", finite{texts: []string{`{"a": tru}`}}, badOutput},
		{"not UTF-8", finite{texts: []string{"{\"a\": \"\xff\"}"}}, badOutput},
		{"duplicate keys", finite{texts: []string{`{"a": true, "a": true}`}}, badOutput},
		{"empty mask", finite{texts: texts, deadEnd: `{"a"`}, deadEnd},
		{"added token", finite{texts: texts, stray: true}, strayToken},
		{"mask of refused tokens", finite{texts: texts, lies: true}, inconsistent},
		{"rollback", finite{texts: []string{`{"a": true` + strings.Repeat(" ", 100) + "}"}, noBack: true}, badRollback},
		{"no end", finite{texts: texts, noEnd: true}, deadEnd},
		{"goes on for ever", finite{texts: []string{strings.Repeat(" ", 1000)}}, endless},
		{"anything", finite{anything: true}, strayToken},
	}
	for i := range 2 * len(tests) {
		tt, limited := tests[i/2], 1+i%2*1000
		if limited > 1 && tt.kind == endless {
			continue // its completion is one that ends
		}
		t.Run(fmt.Sprint(tt.name, limited), func(t *testing.T) {
			t.Parallel()
			r, outputs := fuzzOne(t, scorerOf(t, &tt.decoder, Options{Seed: 3}), objectCase, 40, limited)
			if tt.kind == "" {
				if r.Outcome != Passed || len(outputs) != 40 || r.Judged != 40 {
					t.Errorf("%+v, %d outputs", r, len(outputs))
				}
				return
			}
			found := false
			for _, f := range r.Faults {
				found = found || f.Kind == tt.kind
			}
			if r.Outcome != Failed || !found {
				t.Errorf("want a fault %q: %+v", tt.kind, r)
			}
		})
	}
}

func TestFuzzCalls(t *testing.T) {
	line := strings.ReplaceAll(callCase, "\n", "")
	r, outputs := fuzzOne(t, scorerOf(t, &finite{texts: callTexts()}, Options{}), line, 30, 1)
	if r.Outcome != Passed || len(outputs) < 30 {
		t.Fatalf("%+v", r)
	}
	tools := map[string]int{}
	for _, o := range outputs {
		tools[o.Tool+" "+o.Text]++
		if len(o.Schema) == 0 {
			t.Errorf("%+v", o)
		}
	}
	if tools[`f {"x": "u"}`] == 0 || tools[`f {"x": "v"}`] == 0 || tools[`g {}`] == 0 || len(tools) != 3 {
		t.Errorf("%v", tools)
	}
	for _, bad := range []string{
		`{"name": "h", "arguments": {}}`, `{"name": "g", "arguments": []}`, `{"name": "g"}`, `{"arguments": {}, "name": "g"}`,
		`{"name": "g", "arguments": {"a": 1}}`, `{"name": "g", "name": "g", "arguments": {}}`,
	} {
		d := &finite{texts: []string{callMark + "\n" + bad + "\n" + endMark}}
		if r, _ := fuzzOne(t, scorerOf(t, d, Options{}), line, 2, 1); r.Outcome != Failed || r.Faults[0].Kind != badOutput {
			t.Errorf("%s: %+v", bad, r)
		}
	}
}

// TestFuzzSeed checks that outputs depend on the seed and on nothing else.
func TestFuzzSeed(t *testing.T) {
	text := func(seed uint64, jobs int) string {
		d := &finite{texts: []string{`{"a": true}`, `{"a":false}`, `{ }`, `{"a" : true}`, `{"b": 1}`, `{"c": 1}`}}
		s := scorerOf(t, d, Options{Seed: seed, Jobs: jobs})
		var b strings.Builder
		cases := readAll(t, objectCase+"\n"+objectCase)
		if err := s.Fuzz(t.Context(), cases, FuzzOptions{N: 20}, func(r *Result) {
			for _, o := range r.Outputs {
				b.WriteString(o.Text + "\n")
			}
		}); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	one := text(1, 1)
	if one != text(1, 2) {
		t.Error("the outputs of one seed differ")
	}
	if one == text(2, 1) {
		t.Error("two seeds give the same outputs")
	}
	if half := len(one) / 2; one[:half] == one[half:] {
		t.Error("two cases get the same draws")
	}
}

func TestJudge(t *testing.T) {
	tests := []struct {
		schema, text string
		valid        bool
	}{
		{`{"pattern": "^\\s$"}`, `"\u00a0"`, true},
		{`{"pattern": "^\\S$"}`, `"\u2028"`, false},
		{`{"pattern": "^\\S$"}`, `"\u2027"`, true},
		{`{"pattern": "^[^\\S]$"}`, `" "`, true},
		{`{"pattern": "^.$"}`, `"\r"`, false},
		{`{"pattern": "^[\\u0041-\\u{43}\\/\\-]$"}`, `"B"`, true},
		{`{"pattern": "^\\ud83d\\ude00$"}`, `"😀"`, true},
		{`{"pattern": "^[^]$"}`, `"\n"`, true},
		{`{"pattern": "[]"}`, `"x"`, false},
		{`{"pattern": "^[[]$"}`, `"["`, true},
		{`{"pattern": "^\\0\\cA[\\b]$"}`, `"\u0000\u0001\b"`, true},
		{`{"format": "date"}`, `"2021-02-29"`, false},
		{`{"type": "integer"}`, `1.0`, true},
		{`{"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}`, `1`, false},
		{`{}`, `{"a"`, false},
	}
	for _, tt := range tests {
		j, err := NewJudge([]byte(tt.schema))
		if err != nil {
			t.Errorf("%s: %v", tt.schema, err)
			continue
		}
		if err := j.Check([]byte(tt.text)); (err == nil) != tt.valid {
			t.Errorf("%s, %s: %v", tt.schema, tt.text, err)
		}
	}
	for _, bad := range []string{
		`{"pattern": "(?=a)"}`, `{"pattern": "\\q"}`, `{"pattern": "\\1"}`, `{"pattern": "\\"}`, `{"pattern": "\\u12"}`,
		`{"$ref": "http://example.com/x"}`, `{"$ref": "file:///etc/passwd"}`, `{`,
	} {
		if _, err := NewJudge([]byte(bad)); err == nil {
			t.Errorf("%s was compiled", bad)
		}
	}
}

func TestHugeExponent(t *testing.T) {
	for text, want := range map[string]bool{"1": false, "1e5": false, "1E+999": false, "1e1001": true, "1e-99999999999999999999": true} {
		if hugeExponent(text) != want {
			t.Errorf("%s", text)
		}
	}
}

// TestSites checks that a mutant differs from its original in one place and
// leaves it alone.
func TestSites(t *testing.T) {
	v, err := parse([]byte(`{"a": [1, "x", {"b": null}], "c": true}`))
	if err != nil {
		t.Fatal(err)
	}
	before := v.String()
	seen := map[string]int{}
	for _, m := range sites(v) {
		text := value.Append(nil, change(v, m.path, m.with), value.Compact)
		seen[m.kind]++
		if string(text) == before {
			t.Errorf("%s changes nothing", m.kind)
		}
		if v.String() != before {
			t.Fatalf("%s changed the original", m.kind)
		}
	}
	for _, kind := range []string{"other type", "other value", "missing key", "extra key", duplicated, "missing item", "repeated item", "extra item"} {
		if seen[kind] == 0 {
			t.Errorf("no %s", kind)
		}
	}
}
