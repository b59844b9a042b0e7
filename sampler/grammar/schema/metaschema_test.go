package schema

import (
	"io/fs"
	"strings"
	"testing"
)

// metaURIs returns the URIs of the meta-schemas.
func metaURIs(tb testing.TB) []string {
	tb.Helper()
	var uris []string
	err := fs.WalkDir(metaSchemas, "metaschemas", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rest := strings.TrimSuffix(strings.TrimPrefix(path, "metaschemas/"), ".json")
			uris = append(uris, metaSchemaURI("https://json-schema.org/"+rest))
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return uris
}

// TestMetaSchemasAreInstances has each meta-schema, whose $id must be its URI, hold under the one it names. Formats are left
// out: that of patterns, which are written here, is a part of all there are.
func TestMetaSchemasAreInstances(t *testing.T) {
	uris := metaURIs(t)
	if len(uris) != 19 {
		t.Errorf("%d meta-schemas", len(uris))
	}
	for _, uri := range uris {
		v := metaSchema(uri)
		id := member(v, "$id")
		if strings.Contains(uri, "draft-04") {
			id = member(v, "id")
		}
		if id == nil || strings.TrimSuffix(id.Text, "#") != uri {
			t.Errorf("%s: its $id is %v", uri, id)
		}
		j, err := newJudge(t, []byte(`{"$ref": "`+member(v, "$schema").Text+`"}`), Options{FormatAnnotation: true})
		if err != nil {
			t.Errorf("%s: %v", uri, err)
			continue
		}
		if !j.holds(t, v) {
			t.Errorf("%s is not valid under its meta-schema", uri)
		}
	}
}

func TestMetaSchemas(t *testing.T) {
	const draft4, draft6, draft7 = "http://json-schema.org/draft-04/schema", "http://json-schema.org/draft-06/schema#", "http://json-schema.org/draft-07/schema"
	const draft2019, draft2020 = "https://json-schema.org/draft/2019-09/schema", "https://json-schema.org/draft/2020-12/schema"
	for _, c := range []struct {
		uri, instance string
		valid         bool
	}{
		{draft4, `{"minimum": 1, "exclusiveMinimum": true}`, true},
		{draft4, `{"exclusiveMinimum": true}`, false}, // depends on minimum
		{draft4, `true`, false},
		{draft4 + "#/definitions/stringArray", `["a", "a"]`, false},
		{draft4 + "#/definitions/stringArray", `["a", "b"]`, true},
		{draft6, `{"not": true}`, true},
		{draft6, `{"exclusiveMinimum": true}`, false},
		{draft6, `{"examples": 1}`, false},
		{draft6, `{"if": 1}`, true}, // of draft 7
		{draft7, `{"if": 1}`, false},
		{draft7 + "#", `{"if": {"properties": {"a": {"type": "strnig"}}}}`, false},
		{draft7 + "#", `{"if": {"properties": {"a": {"type": "string"}}}}`, true},
		{"https" + strings.TrimPrefix(draft7, "http"), `{"items": [{"enum": 1}]}`, false},

		// The whole is what meta-schemas within one another mean by $recursiveRef and $dynamicRef.
		{draft2019, `{"properties": {"a": {"items": {"type": "strnig"}}}}`, false},
		{draft2019, `{"properties": {"a": {"items": {"type": "string"}}}}`, true},
		{draft2019, `{"$defs": {"a": {"unevaluatedItems": 1}}}`, false},
		{draft2020, `{"properties": {"a": {"items": {"type": "strnig"}}}}`, false},
		{draft2020, `{"properties": {"a": {"items": {"type": "string"}}}}`, true},
		{draft2020, `{"properties": {"a": {"items": []}}}`, false},
		{draft2020, `{"$defs": {"a": {"unevaluatedItems": 1}}}`, false},
		{draft2020, `{"$dynamicAnchor": "%"}`, false},
		{"https://json-schema.org/schema", `{"allOf": []}`, false},
		// One of its parts alone means itself.
		{"https://json-schema.org/draft/2019-09/meta/applicator", `{"properties": {"a": {"type": "strnig"}}}`, true},
		{"https://json-schema.org/draft/2019-09/meta/applicator", `{"properties": {"a": {"allOf": []}}}`, false},
		{"https://json-schema.org/draft/2020-12/meta/applicator", `{"properties": {"a": {"type": "strnig"}}}`, true},
		{"https://json-schema.org/draft/2020-12/meta/applicator", `{"properties": {"a": {"allOf": []}}}`, false},
		{"https://json-schema.org/draft/2020-12/meta/validation#/$defs/simpleTypes", `"strnig"`, false},
	} {
		// A tool that takes a schema, beside something of its own and the same under the other scheme.
		other := "http" + strings.TrimPrefix(c.uri, "https")
		if other == c.uri {
			other = "https" + strings.TrimPrefix(c.uri, "http")
		}
		for _, schema := range []string{
			`{"$ref": "` + c.uri + `"}`,
			`{"type": "object", "properties": {"name": {"$ref": "` + other + `"}, "schema": {"$ref": "` + c.uri + `"}, "again": {"$ref": "` + other + `"}}}`,
		} {
			instance := c.instance
			if strings.Contains(schema, "name") {
				instance = `{"again": ` + instance + `, "schema": ` + instance + `}`
			}
			j, err := newJudge(t, []byte(schema), Options{})
			if err != nil {
				t.Errorf("%s: %v", schema, err)
				continue
			}
			v := parse(t, []byte(instance))
			if got := j.holds(t, &v); got != c.valid {
				t.Errorf("%s: %s is valid: %v, must be %v", schema, instance, got, c.valid)
			}
		}
	}
}

// TestOwnMeta has a schema of one's own extend a meta-schema: $dynamicRef and $recursiveRef in it lead to the schema outside.
func TestOwnMeta(t *testing.T) {
	for _, schema := range []string{
		`{"$id": "http://x.test/strict", "$dynamicAnchor": "meta", "$ref": "https://json-schema.org/draft/2020-12/schema", "unevaluatedProperties": false}`,
		`{"$schema": "https://json-schema.org/draft/2019-09/schema", "$id": "http://x.test/strict", "$recursiveAnchor": true,
		  "$ref": "https://json-schema.org/draft/2019-09/schema", "unevaluatedProperties": false}`,
	} {
		j, err := newJudge(t, []byte(schema), Options{})
		if err != nil {
			t.Errorf("%s: %v", schema, err)
			continue
		}
		for instance, valid := range map[string]bool{
			`{"properties": {"a": {"type": "string"}}}`: true,
			`{"tpye": "string"}`:                        false,
			`{"properties": {"a": {"tpye": "string"}}}`: false,
		} {
			v := parse(t, []byte(instance))
			if got := j.holds(t, &v); got != valid {
				t.Errorf("%s: %s is valid: %v, must be %v", schema, instance, got, valid)
			}
		}
	}
}
