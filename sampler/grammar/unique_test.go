package grammar

import "testing"

// TestUniqueMasks compares masks with plain walks in arrays whose items must
// differ, where what may follow a string depends on it, or seems to.
func TestUniqueMasks(t *testing.T) {
	v := qwenVocabulary()
	for _, c := range []struct{ schema, text string }{
		{`{"type": "array", "uniqueItems": true, "items": {"type": "string"}}`, `["a", "na`},
		{`{"type": "array", "uniqueItems": true, "items": {"enum": ["name", "id"]}}`, `["id", "name"`},
		{`{"type": "array", "uniqueItems": true, "items": {"enum": ["name", "id", 1]}}`, `["id", "name", `},
		{`{"type": "array", "uniqueItems": true, "minItems": 2, "items": {"pattern": "^na?(me)?$"}}`, `["na", "n`},
		{`{"type": "array", "uniqueItems": true, "maxItems": 2, "items": {"type": "string"}}`, `["", "x`},
		{`{"type": "array", "uniqueItems": true, "prefixItems": [{"type": "string"}, {"enum": ["id", "name"]}, {"enum": ["id"]}], "minItems": 3, "items": false}`, `["x", "`},
		{`{"type": "array", "uniqueItems": true, "items": {"type": "array", "uniqueItems": true, "items": {"type": "string"}}}`, `[["a", "b"], ["a`},
		{`{"type": "array", "uniqueItems": true, "items": {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": false}}`, `[{"a": "x"}, {"a": "`},
		{`{"properties": {"tags": {"type": "array", "uniqueItems": true, "items": {"enum": ["id", "name", "http"]}, "contains": {"const": "id"}}}}`, `{"tags": ["name", "`},
	} {
		for _, style := range []Style{Trained, Flexible} {
			doc, err := v.CompileSchema([]byte(c.schema), SchemaOptions{Strict: true, Style: style, EOS: []int32{imEnd}})
			if err != nil {
				t.Fatalf("%s: %v", c.schema, err)
			}
			ids, err := qwen().Encode(c.text, false)
			if err != nil {
				t.Fatal(err)
			}
			s := doc.u.start
			for i := 0; ; i++ {
				buf := make([]uint64, v.table.Words())
				got, want := doc.u.masks.Of(s).Fill(buf), plainSet(doc.u, s)
				for w := range want {
					if got[w] != want[w] {
						t.Fatalf("%s, style %v, behind %d tokens of %s: word %d is %064b, want %064b", c.schema, style, i, c.text, w, got[w], want[w])
					}
				}
				if i == len(ids) {
					break
				}
				next, ok := cursor{u: doc.u, s: s}.advance(v.table.Bytes(ids[i]))
				if !ok {
					t.Fatalf("%s: %s is refused at token %d", c.schema, c.text, i)
				}
				s = next.s
			}
		}
	}
}
