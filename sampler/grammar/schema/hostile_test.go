package schema

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/value"
)

// steps is what a server would grant: 100 ms and 64 MB at the least.
const steps = 1_000_000

// TestHostile checks that schemas made to exhaust the compiler end in an Error
// or a formula, within the budget.
func TestHostile(t *testing.T) {
	nested := func(open, shut string, n int) string {
		return strings.Repeat(open, n) + "true" + strings.Repeat(shut, n)
	}
	chain := func(n int, link string) string {
		var b strings.Builder
		b.WriteString(`{"$ref": "#/$defs/d0", "$defs": {`)
		for i := range n {
			fmt.Fprintf(&b, `"d%d": `+link+`, `, i, i+1)
		}
		fmt.Fprintf(&b, `"d%d": {"type": "string"}}}`, n)
		return b.String()
	}
	list := func(n int, item func(i int) string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = item(i)
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	for _, c := range []struct {
		name, schema string
		fails        bool
	}{
		{"deep allOf", nested(`{"allOf":[`, `]}`, 490), true},
		{"deep properties", nested(`{"properties":{"a":`, `}}`, 490), true},
		{"deep not", nested(`{"not":`, `}`, 900), true},
		{"long chain", chain(20000, `{"$ref": "#/$defs/d%[2]d"}`), true},
		{"doubling allOf", chain(100, `{"allOf": [{"$ref": "#/$defs/d%[2]d"}, {"$ref": "#/$defs/d%[2]d"}]}`), false},
		{"doubling properties", chain(100, `{"properties": {"a": {"$ref": "#/$defs/d%[2]d"}, "b": {"$ref": "#/$defs/d%[2]d"}}}`), false},
		{"doubling oneOf", chain(60, `{"oneOf": [{"$ref": "#/$defs/d%[2]d"}, {"minLength": %[2]d}]}`), false},
		{"many subschemas", `{"anyOf": ` + list(maxNodes+1, func(i int) string { return `{}` }) + `}`, true},
		{"unevaluated combinations", `{"unevaluatedProperties": false, "anyOf": ` + list(40, func(i int) string {
			return fmt.Sprintf(`{"properties": {"p%d": true}}`, i)
		}) + `}`, true},
		{"cycles of references", `{"$ref": "#/$defs/d0", "$defs": {` + func() string {
			var defs []string
			for i := range 30 {
				defs = append(defs, fmt.Sprintf(`"d%d": {"anyOf": %s}`, i, list(30, func(j int) string {
					return fmt.Sprintf(`{"$ref": "#/$defs/d%d"}`, j)
				})))
			}
			return strings.Join(defs, ",")
		}() + `}}`, true},
		{"cycles of references in propertyNames", `{"propertyNames": {"$ref": "#/$defs/d0"}, "$defs": {` + func() string {
			var defs []string
			for i := range 30 {
				defs = append(defs, fmt.Sprintf(`"d%d": {"anyOf": %s}`, i, list(30, func(j int) string {
					return fmt.Sprintf(`{"$ref": "#/$defs/d%d"}`, j)
				})))
			}
			return strings.Join(defs, ",")
		}() + `}}`, true},
		{"huge bounds", `{"minLength": 1000000000, "maxItems": 1e30, "minProperties": 99999999999999999999, "maximum": 1e300}`, false},
		{"long number", `{"minimum": 1e999999999}`, true},
		{"wide oneOf", `{"oneOf": ` + list(3000, func(i int) string { return fmt.Sprintf(`{"minLength": %d}`, i) }) + `}`, true},
		{"large enum", `{"enum": ` + list(200000, func(i int) string { return fmt.Sprintf(`"value %d"`, i) }) + `}`, true},
		{"nested groups", `{"pattern": "` + strings.Repeat("(", 60000) + strings.Repeat(")", 60000) + `"}`, true},
		{"counted alternatives", `{"pattern": "^((a|b|ab){1000}){1000}$", "not": {"pattern": "(a|aa|aaa){500}b"}}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc, err := value.Parse([]byte(c.schema), value.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = Compile(formula.NewSpace(budget.New(steps)), doc, Options{})
			var e *Error
			if err != nil && !errors.As(err, &e) {
				t.Errorf("error is %T: %v", err, err)
			}
			if (err != nil) != c.fails {
				t.Errorf("error is %v", err)
			}
		})
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{
		`{"type": "object", "properties": {"a": {"type": ["string", "null"], "pattern": "^a+$", "maxLength": 4}}, "required": ["a"], "additionalProperties": false}`,
		`{"oneOf": [{"$ref": "#/$defs/n"}, {"type": "integer", "multipleOf": 3}], "$defs": {"n": {"items": {"$ref": "#"}, "type": "array", "uniqueItems": true}}}`,
		`{"if": {"required": ["a"]}, "then": {"properties": {"b": {"const": [1, {"c": null}]}}}, "else": {"minProperties": 2}, "unevaluatedProperties": {"type": "number"}}`,
		`{"$id": "http://x.test/a", "$dynamicAnchor": "n", "prefixItems": [{"$dynamicRef": "#n"}], "contains": {"enum": [1, "a"]}, "maxContains": 2, "unevaluatedItems": false}`,
		`{"propertyNames": {"not": {"format": "uuid"}}, "patternProperties": {"x": {"exclusiveMinimum": 1.5}}, "dependentRequired": {"x": ["y"]}, "dependentSchemas": {"y": false}}`,
		`{"$schema": "http://json-schema.org/draft-04/schema#", "id": "a", "minimum": 1, "exclusiveMinimum": true, "items": [{}], "additionalItems": {"$ref": "#"}, "dependencies": {"a": ["b"], "c": {}}}`,
		`{"$schema": "https://json-schema.org/draft/2019-09/schema", "$recursiveAnchor": true, "anyOf": [{"$recursiveRef": "#"}, {"$ref": "http://json-schema.org/draft-07/schema"}]}`,
	} {
		f.Add(s, `{"a": ["a", 1, null, {"b": 2.0}]}`)
	}
	f.Fuzz(func(t *testing.T, text, instance string) {
		doc, err := value.Parse([]byte(text), value.Limits{})
		if err != nil {
			return
		}
		v, err := value.Parse([]byte(instance), value.Limits{})
		if err != nil {
			return
		}
		sp := formula.NewSpace(budget.New(steps))
		g, err := Compile(sp, doc, Options{})
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("error is %T: %v", err, err)
			}
			return
		}
		got := formula.Eval(sp, g, v)
		if sp.Err() != nil {
			return
		}
		d := newDirect()
		h, err := compile(d, d.rx, &doc, Options{})
		if err != nil {
			t.Fatalf("compiles for one space only: %v", err)
		}
		if want := d.eval(h, &v); got != want {
			t.Fatalf("%s for %s: formula %v, functions %v", text, instance, got, want)
		}
	})
}
