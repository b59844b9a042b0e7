package grammar

import (
	"errors"
	"testing"
)

// TestMaskComplete compares masks with Accept where the string's automaton takes
// more steps than a transition has.
func TestMaskComplete(t *testing.T) {
	v := qwenVocabulary()
	for _, c := range []struct{ schema, text string }{
		{`{"format": "idn-email", "type": "string"}`, `"john.doe@example.com"`},
		{`{"format": "idn-hostname", "type": "string"}`, `"실례.테스트"`},
	} {
		doc, err := v.CompileSchema([]byte(c.schema), SchemaOptions{Strict: true, EOS: []int32{imEnd}})
		if err != nil {
			t.Fatal(err)
		}
		m, err := doc.Matcher(0)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range append(encode(t, c.text), imEnd) {
			if !allows(t, m, id) {
				t.Fatalf("%s: %s: token %d is not in the mask", c.schema, c.text, id)
			}
			if err := m.Accept(id); err != nil {
				t.Fatalf("%s: %s: %v", c.schema, c.text, err)
			}
		}
	}
}

// TestStopped makes a mask that takes more work than it may: what was begun is
// completed.
func TestStopped(t *testing.T) {
	m := begun(t, `{"type": "array", "items": {"type": "string", "format": "email"}, "minItems": 2}`, `["ab@`, 0)
	u := m.top().spot.cursor.u
	u.spent = errors.New("spent")
	if m.Err() != u.spent {
		t.Errorf("error %v", m.Err())
	}
	ids := newDrawer(1).turn(t, m, 100)
	if text := spell(ids); !m.Done() || len(ids) > 12 {
		t.Errorf("completed by %q", text)
	}
	if !u.worn() {
		t.Error("the unit is to be used again")
	}
}

// begun returns the matcher of a schema's document behind its beginning.
func begun(t *testing.T, schema, text string, limit int) *Matcher {
	t.Helper()
	doc, err := qwenVocabulary().CompileSchema([]byte(schema), SchemaOptions{Strict: true, EOS: []int32{imEnd}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := doc.Matcher(limit)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range encode(t, text) {
		if err := m.Accept(id); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// TestTooLong asks for documents that nobody can write, and for some with a
// member that nobody can write.
func TestTooLong(t *testing.T) {
	v := qwenVocabulary()
	for _, schema := range []string{
		`{"type": "string", "minLength": 1000000000}`,
		`{"type": "string", "pattern": "^a{1000000000}$"}`,
		`{"type": "object", "properties": {"a": {"type": "array", "minItems": 1000000000}}, "required": ["a"]}`,
	} {
		_, err := v.CompileSchema([]byte(schema), SchemaOptions{Strict: true, EOS: []int32{imEnd}})
		if e := (*SchemaError)(nil); !errors.As(err, &e) {
			t.Errorf("%s: error %v", schema, err)
		}
	}
	d := newDrawer(5)
	for _, schema := range []string{
		`{"type": "object", "properties": {"a": {"type": "string", "minLength": 1000000000}, "b": {"type": "integer"}}}`,
		`{"type": "object", "additionalProperties": {"type": "string", "pattern": "^a{9000}$"}}`,
		`{"type": "object", "patternProperties": {"^a": {"type": "array", "minItems": 3000}}}`,
		`{"type": "array", "items": {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "string", "minLength": 500000}]}}`,
	} {
		for n := range 3 {
			m := begun(t, schema, "", 10+50*n)
			d.turn(t, m, 10+50*n)
			if !m.Done() {
				t.Errorf("%s: a document of at most %d tokens is cut", schema, 10+50*n)
			}
		}
	}
}
