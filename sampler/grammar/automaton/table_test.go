package automaton_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"orchrt/sampler/grammar/automaton"
	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/number"
	"orchrt/sampler/grammar/regex"
	"orchrt/sampler/grammar/schema"
	"orchrt/sampler/grammar/value"
)

// TestTable checks texts by hand: the texts before the bar are accepted, those
// after it refused.
func TestTable(t *testing.T) {
	const bar = "|"
	for _, test := range []struct {
		schema string
		style  automaton.Style
		texts  []string
	}{
		{`{}`, automaton.Trained, []string{
			`null`, `-0.5e+1`, `"\ud83d\ude00"`, `{"a": 1, "b": []}`, `[1, [], {}]`, bar,
			`[1,2]`, `{"a":1}`, `{ }`, `[ ]`, ` 1`, `1 `, `01`, `"\ud83d"`, "\"\x01\"", "\"\xff\"", `{"a": 1, "\u0061": 2}`, `[1, ]`, `tru`,
		}},
		{`{}`, automaton.Flexible, []string{
			`[1,2]`, `[1 ,2]`, "[\n\t1,\n\t2\n]", `{ "a" :1}`, "{\n  \"a\": {}\n}", bar,
			`[  1]`, "[\n\n1]", "[\n" + strings.Repeat(" ", 121) + "1]", ` 1`, "1\n",
		}},
		{`{"properties": {"a": {"type": "integer"}}, "required": ["a", "b"], "additionalProperties": {"type": "string"}}`, automaton.Trained, []string{
			`{"b": "", "a": 1}`, `{"a": 1.0, "z": "", "b": ""}`, `[]`, bar, `{"a": 1}`, `{"a": "1", "b": ""}`, `{"a": 1, "b": 2}`, `{"a": 1, "b": "", "a": 1}`,
		}},
		{`{"type": "array", "uniqueItems": true, "items": {"enum": [1, 2, {"a": 1, "b": [2]}]}, "minItems": 3}`, automaton.Trained, []string{
			`[{"b": [2], "a": 1}, 2, 1]`, `[1, {"a": 1.0, "b": [20e-1]}, 2.0]`, bar,
			`[1, 2, 1.0]`, `[{"a": 1, "b": [2]}, {"b": [2], "a": 1}, 1]`, `[1, 2]`,
		}},
		{`{"not": {"uniqueItems": true}}`, automaton.Trained, []string{
			`[1, 2, 1]`, `[{"a": 1, "b": 2}, {"b": 2, "a": 1}]`, bar, `[]`, `[1]`, `[1, 2, 3]`, `{}`,
		}},
		{`{"type": "array", "prefixItems": [{"enum": [1, 2]}, {"const": 1}], "uniqueItems": true, "minItems": 2}`, automaton.Trained, []string{
			`[2, 1]`, `[2, 1, 3]`, bar, `[1`, `[2, 1, 2]`, `[2]`,
		}},
		{`{"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"}`, automaton.Trained, []string{
			`{"a": 1}`, `{"c": 1, "b": 1}`, bar, `{}`, `{"a": 1, "b": 1}`,
		}},
		{`{"type": "object", "patternProperties": {"^x": {"type": "number"}}, "propertyNames": {"maxLength": 2}, "minProperties": 2, "maxProperties": 3}`, automaton.Trained, []string{
			`{"x": 1, "y": "a"}`, `{"xa": 1, "y": null, "z": []}`, bar, `{"x": 1}`, `{"x": "a"`, `{"abc"`, `{"a": 1, "b": 1, "c": 1, "d": 1}`,
		}},
		{`{"type": "array", "contains": {"type": "number"}, "minContains": 2, "maxContains": 3}`, automaton.Trained, []string{
			`[1, "a", 2]`, `[1, 2, 3, null]`, bar, `[1]`, `["a", "b"]`, `[1, 2, 3, 4]`,
		}},
		{`{"$ref": "#/$defs/t", "$defs": {"t": {"type": "object", "properties": {"l": {"$ref": "#/$defs/t"}, "v": {"type": "null"}}, "required": ["v"], "additionalProperties": false}}}`, automaton.Trained, []string{
			`{"v": null, "l": {"v": null}}`, `{"l": {"l": {"v": null}, "v": null}, "v": null}`, bar, `{"l": {"v": null}}`, `{"v": null, "l": {}}`,
		}},
	} {
		sp, f, err := compile([]byte(test.schema))
		if err != nil {
			t.Fatalf("%s: %v", test.schema, err)
		}
		m, err := automaton.New(sp, f, automaton.Options{Style: test.style})
		if err != nil {
			t.Fatalf("%s: %v", test.schema, err)
		}
		want := true
		for _, text := range test.texts {
			if text == bar {
				want = false
			} else if accepts(m, text) != want {
				t.Errorf("%s: %q: accepted %v; %v", test.schema, text, !want, m.Err())
			}
		}
	}
}

// TestNoDeadEnd checks bytes that must be refused because nothing could complete
// them.
func TestNoDeadEnd(t *testing.T) {
	for _, test := range []struct{ schema, begin, refused string }{
		{`{"type": "array", "items": {"enum": [1, 2]}, "uniqueItems": true, "minItems": 2}`, `[1, `, `1`},
		{`{"type": "array", "items": {"type": "boolean"}, "uniqueItems": true}`, `[true, false`, `,`},
		{`{"type": "object", "properties": {"a": false}}`, `{"`, `a"`},
		{`{"type": "object", "properties": {"n": {"$ref": "#"}}, "required": ["n"], "maxProperties": 1, "anyOf": [{"properties": {"n": {"type": "null"}}}, {"maxProperties": 0}]}`, ``, `{`},
		{`{"type": "object", "maxProperties": 2, "required": ["a", "b"]}`, `{"`, `c`},
		{`{"type": "object", "maxProperties": 2, "required": ["a"]}`, `{"b": 1, "`, `c`},
		{`{"type": "object", "propertyNames": {"enum": ["a", "b"]}, "minProperties": 2, "properties": {"b": {"const": 1}}}`, `{"a": 1, "b": `, `2`},
		{`{"type": "string", "pattern": "^ab?$", "minLength": 2}`, `"a`, `"`},
		{`{"type": "integer", "minimum": 15, "maximum": 19}`, ``, `-`},
		{`{"anyOf": [{"properties": {"k": {"const": "x"}}, "required": ["k", "p"], "additionalProperties": false}, {"properties": {"k": {"const": "y"}}}], "type": "object"}`, `{"p": 1, "k": "`, `z`},
	} {
		sp, f, err := compile([]byte(test.schema))
		if err != nil {
			t.Fatalf("%s: %v", test.schema, err)
		}
		m, err := automaton.New(sp, f, automaton.Options{})
		if errors.Is(err, automaton.ErrUnsatisfiable) && test.begin == "" {
			continue
		}
		if err != nil {
			t.Fatalf("%s: %v", test.schema, err)
		}
		s := follow(m.Start(), test.begin)
		if s == nil || follow(s, test.refused) != nil {
			t.Errorf("%s: after %q: %q is offered, or that is not (%v); %v", test.schema, test.begin, test.refused, s == nil, m.Err())
		}
	}
}

// TestSpelling checks that machines restricted to one spelling complete what they
// begin in it.
func TestSpelling(t *testing.T) {
	sp, f, err := compile([]byte(`{"type": "object", "properties": {"a\n": {"minimum": 1e30, "type": "number"}}, "required": ["a\n"]}`))
	if err != nil {
		t.Fatal(err)
	}
	m, err := automaton.New(sp, f, automaton.Options{Numbers: number.Normal, Strings: regex.Written})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		`{"a\n": 1e+30}`: true, `{"a\n": 1.5e30, "é\u0001": "/"}`: true,
		`{"a\u000a": 1e30}`: false, `{"a\n": 10e29}`: false, `{"a\n": 1e30, "b": "\/"}`: false,
	} {
		if got := accepts(m, text); got != want {
			t.Errorf("%s: accepted %v", text, got)
		}
	}
	if end := follow(m.Start(), string(m.Start().Shortest(nil))); end == nil || !end.Final() {
		t.Errorf("%s does not complete the document", m.Start().Shortest(nil))
	}
}

// TestDeterminism checks that two machines of one schema agree on everything that
// can be seen.
func TestDeterminism(t *testing.T) {
	text := []byte(`{"type": "object", "patternProperties": {"^a": {"type": "integer"}, "b$": {"minimum": 3}}, "minProperties": 3,
		"anyOf": [{"required": ["x", "y"]}, {"properties": {"ab": {"enum": [7, 8]}}, "required": ["ab"]}]}`)
	trace := func() string {
		sp, f, err := compile(text)
		if err != nil {
			t.Fatal(err)
		}
		m, err := automaton.New(sp, f, automaton.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		s := m.Start()
		for i, b := range []byte(`{"abb": 4, "x": [], "q": "zz", "ab": 7}`) {
			fmt.Fprintf(&out, "%d %q %d\n", i, s.Shortest(nil), m.States())
			if s = s.Step(b); s == nil {
				t.Fatalf("byte %d is refused", i)
			}
		}
		return out.String()
	}
	want := trace()
	for range 3 {
		if got := trace(); got != want {
			t.Fatalf("two runs differ:\n%s\n%s", want, got)
		}
	}
}

// TestHostile checks that schemas made to be hard end, in a machine or an error,
// with the work that they are granted.
func TestHostile(t *testing.T) {
	list := func(n int, item func(int) string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = item(i)
		}
		return strings.Join(items, ",")
	}
	for name, text := range map[string]string{
		"choices": `{"type": "object", "allOf": [` + list(40, func(i int) string {
			return fmt.Sprintf(`{"anyOf": [{"required": ["a%d"]}, {"required": ["b%d"]}]}`, i, i)
		}) + `], "maxProperties": 39}`,
		"exclusive": `{"type": "object", "oneOf": [` + list(60, func(i int) string {
			return fmt.Sprintf(`{"properties": {"k": {"minimum": %d}, "p%d": {"type": "string"}}}`, i, i)
		}) + `]}`,
		"names": `{"type": "object", "additionalProperties": false, "patternProperties": {` + list(30, func(i int) string {
			return fmt.Sprintf(`"[a-z]{%d}x.*y[0-9]*": {"minimum": %d}`, i, i)
		}) + `}, "minProperties": 1}`,
		"pigeons":  `{"type": "array", "uniqueItems": true, "minItems": 40, "items": {"enum": [` + list(39, func(i int) string { return fmt.Sprint(i) }) + `]}}`,
		"long":     `{"type": "array", "minItems": 1000000000, "items": {"type": "string", "minLength": 1000000000}}`,
		"contains": `{"type": "array", "allOf": [` + list(25, func(i int) string { return fmt.Sprintf(`{"contains": {"multipleOf": %d}, "maxContains": 3}`, i+2) }) + `], "maxItems": 6}`,
		"nested":   strings.Repeat(`{"items":`, 300) + `{}` + strings.Repeat(`}`, 300),
		"tower": `{"$defs": {` + list(30, func(i int) string {
			return fmt.Sprintf(`"d%d": {"type": "object", "required": ["a", "b"], "properties": {"a": {"$ref": "#/$defs/d%d"}, "b": {"$ref": "#/$defs/d%d"}}}`, i, i+1, i+1)
		}) + `, "d30": {}}, "$ref": "#/$defs/d0"}`,
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			doc, err := value.Parse([]byte(text), value.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			sp := formula.NewSpace(budget.New(compileBudget))
			f, err := schema.Compile(sp, doc, schema.Options{})
			var m *automaton.Machine
			if err == nil {
				m, err = automaton.New(sp, f, automaton.Options{StepBudget: compileBudget})
			}
			steps := compileBudget - sp.Budget().Left()
			if err != nil {
				t.Logf("%v after %v, %d steps", err, time.Since(began), steps)
				return
			}
			s := m.Start()
			var read []byte
			for len(read) < 40 && !s.Final() {
				moved := false
				for _, b := range []byte(`{[" 1,:ak0b}]`) {
					if next := s.Step(b); next != nil {
						s, read, moved = next, append(read, b), true
						break
					}
				}
				if !moved {
					break
				}
			}
			t.Logf("read %s in %v, compiled in %d steps, %d MB; %v", read, time.Since(began), steps, m.Bytes()>>20, m.Err())
			if m.Err() == nil {
				rest := s.Shortest(nil)
				if s.Distance() == automaton.Far && len(rest) == 0 {
					return
				}
				if end := follow(s, string(rest)); end == nil || !end.Final() {
					t.Errorf("%.100s does not complete %s; %v", rest, read, m.Err())
				}
			}
		})
	}
}
