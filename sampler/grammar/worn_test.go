package grammar

import (
	"errors"
	"testing"
)

// TestWornDocument: a document whose schema has taken all that it may does not hand
// that on to those begun afterwards.
func TestWornDocument(t *testing.T) {
	doc, err := qwenVocabulary().CompileSchema([]byte(`{"type": "string", "maxLength": 77}`), SchemaOptions{Strict: true, EOS: []int32{imEnd}})
	if err != nil {
		t.Fatal(err)
	}
	begin := func() *Matcher {
		m, err := doc.Matcher(0)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	before := begin()
	doc.u.spent = errors.New("the schema has taken all")
	if before.Err() == nil {
		t.Error("a document of the worn schema does not say so")
	}
	after := begin()
	if err := after.Err(); err != nil {
		t.Errorf("a new document: %v", err)
	}
	ids, err := qwen().Encode(`"xyz"`, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if err := after.Accept(id); err != nil {
			t.Fatal(err)
		}
	}
}
