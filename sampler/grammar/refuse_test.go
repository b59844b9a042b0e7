package grammar

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestRefused asks for what takes too much: the error names the keyword that asks
// for most, wherever the work ended.
func TestRefused(t *testing.T) {
	list := func(n int, item func(i int) string) string {
		items := make([]string, n)
		for i := range items {
			items[i] = item(i)
		}
		return strings.Join(items, ",")
	}
	bounded := func(i int) string {
		return fmt.Sprintf(`{"type": "object", "properties": {"a": {"minimum": %d}}}`, i)
	}
	for _, c := range []struct{ schema, path, keyword, reason string }{
		{`{"type": "array", "minItems": 1000000000}`, "", "minItems", "ask for fewer"},
		{`{"required": ["a"], "type": "object", "properties": {"a": {"type": "array", "minItems": 1000000, "items": {"type": "object", "required": ["b"]}}}}`, "/properties/a", "minItems", "ask for fewer"},
		{`{"type": "string", "allOf": [{"$ref": "#/$defs/long"}], "$defs": {"long": {"minLength": 2000000}}}`, "/$defs/long", "minLength", "ask for fewer"},
		{`{"type": "array", "contains": {"type": "integer"}, "minContains": 1000000}`, "", "minContains", "ask for fewer"},
		{`{"type": "array", "uniqueItems": true, "minItems": 5000, "items": {"type": "integer", "maximum": 5000, "minimum": 1}}`, "", "minItems", "ask for fewer"},
		{`{"properties": {"a": {"oneOf": [` + list(400, bounded) + `]}}}`, "/properties/a", "oneOf", "use anyOf"},
		{`{"type": "array", "maxItems": 12, "allOf": [` + list(30, func(i int) string { return fmt.Sprintf(`{"contains": {"multipleOf": %d}}`, i+2) }) + `]}`, "", "allOf", "simplify it"},
		{`{"items": {"enum": [` + list(40000, func(i int) string { return fmt.Sprintf(`{"a": %d}`, i) }) + `]}}`, "/items", "enum", "list less"},
		{`{"type": "string", "pattern": "^(ab){1000000000}$"}`, "", "pattern", ""},
		{`{"type": "object", "required": ["` + strings.Repeat("k", 1<<20) + `"]}`, "", "required", "less than 1048576 bytes"},
	} {
		_, err := qwenVocabulary().CompileSchema([]byte(c.schema), SchemaOptions{Strict: true, EOS: []int32{imEnd}})
		var e *SchemaError
		if !errors.As(err, &e) || e.Path != c.path || e.Keyword != c.keyword || !strings.Contains(e.Reason, c.reason) {
			t.Errorf("%.100s: %.300v", c.schema, err)
		}
	}
}
