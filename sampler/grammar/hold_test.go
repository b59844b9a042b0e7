package grammar

import (
	"encoding/json"
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

// TestTrim lets go of units that hold too much together, and of the turns that
// hold these.
func TestTrim(t *testing.T) {
	v := forgetful()
	first, second := oneTool(`{"maxProperties": 1}`), oneTool(`{"maxProperties": 2}`)
	old, err := v.Compile(first)
	if err != nil {
		t.Fatal(err)
	}
	young, err := v.Compile(second)
	if err != nil {
		t.Fatal(err)
	}
	both := old.units[0].size.Load() + young.units[0].size.Load()
	if old.units[0].size.Load() < 1000 {
		t.Errorf("a unit holds %d bytes", old.units[0].size.Load())
	}
	for _, c := range []struct {
		most int64
		kept bool
	}{{both, true}, {both - 1, false}, {0, false}} {
		v.trim(c.most)
		if again, err := v.Compile(second); err != nil || again != young {
			t.Errorf("at most %d bytes: what was used last was dropped", c.most)
		}
		if _, ok := v.turns.get(mustKey(t, first)); ok != c.kept || len(v.units.slots) == 2 != c.kept {
			t.Errorf("at most %d bytes: the first turn is kept: %v; units: %d", c.most, ok, len(v.units.slots))
		}
	}
}

// forgetful returns the vocabulary of the tests with empty caches of its own.
func forgetful() *Vocabulary {
	q := qwenVocabulary()
	v := &Vocabulary{table: q.table, imStart: q.imStart, think: q.think, endThink: q.endThink, call: q.call, endCall: q.endCall, newline: q.newline}
	v.units, v.turns = newLRU[*unit](maxUnits, maxSchemaText), newLRU[*Turn](maxTurns, maxSchemaText)
	return v
}

// oneTool is a turn with one tool.
func oneTool(schema string) Config {
	return Config{EOS: []int32{imEnd}, Tools: []Tool{{Name: "f", Parameters: []byte(schema)}}}
}

// TestUse finds a turn again: its units were used, and outlast others.
func TestUse(t *testing.T) {
	v := forgetful()
	first, second := oneTool(`{"maxProperties": 1}`), oneTool(`{"maxProperties": 2}`)
	var turns []*Turn
	for _, c := range []Config{first, second, first} {
		turn, err := v.Compile(c)
		if err != nil {
			t.Fatal(err)
		}
		turns = append(turns, turn)
	}
	if turns[0] != turns[2] {
		t.Fatal("the first turn was made anew")
	}
	v.trim(0)
	if _, ok := v.units.get(turns[0].units[0].key); !ok || len(v.units.slots) != 1 {
		t.Errorf("the unit used last is kept: %v; units: %d", ok, len(v.units.slots))
	}
	v.units.drop(v.units.order.Front())
	if _, err := v.Compile(first); err != nil || len(v.units.slots) != 1 {
		t.Errorf("a unit that a turn in use holds is not counted: %d units, %v", len(v.units.slots), err)
	}
}

func mustKey(t *testing.T, c Config) string {
	t.Helper()
	key, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(key)
}
