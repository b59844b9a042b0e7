package schema

import (
	"errors"
	"strings"
	"testing"
)

// TestErrors checks that what is malformed or impossible is named.
func TestErrors(t *testing.T) {
	for _, c := range []struct{ schema, path, keyword, reason string }{
		{`3`, "", "", "must be an object, true or false, is 3"},
		{`{"properties": {"a/b": {"type": "strnig"}}}`, "/properties/a~1b", "type", `"strnig" is no type`},
		{`{"type": []}`, "", "type", "at least one type"},
		{`{"type": ["string", 3]}`, "", "type", "name of a type"},
		{`{"minimum": "3"}`, "", "minimum", `must be a number, is "3"`},
		{`{"exclusiveMaximum": "3"}`, "", "exclusiveMaximum", "must be a number"},
		{`{"$schema": "http://json-schema.org/draft-07/schema#", "minimum": 3, "exclusiveMinimum": true}`, "", "exclusiveMinimum", "must be a number, is true"},
		{`{"minimum": 1e99999}`, "", "minimum", "1e1000"},
		{`{"multipleOf": 0}`, "", "multipleOf", "greater than 0"},
		{`{"minLength": -1}`, "", "minLength", "non-negative integer"},
		{`{"maxItems": 1.5}`, "", "maxItems", "non-negative integer"},
		{`{"minProperties": "many"}`, "", "minProperties", "non-negative integer"},
		{`{"uniqueItems": 1}`, "", "uniqueItems", "true or false"},
		{`{"required": "a"}`, "", "required", "array of strings"},
		{`{"items": {"required": ["a", 7]}}`, "/items", "required", "item 1 is 7"},
		{`{"required": true}`, "", "required", "array of strings, is true"},
		{`{"enum": {"a": 1}}`, "", "enum", "must be an array"},
		{`{"pattern": "(a"}`, "", "pattern", ""},
		{`{"pattern": 1}`, "", "pattern", "must be a string"},
		{`{"pattern": "(a)\\1"}`, "", "pattern", ""},
		{`{"patternProperties": {"[": {}}}`, "", "patternProperties", ""},
		{`{"patternProperties": []}`, "", "patternProperties", "must be an object"},
		{`{"properties": {"a": 1}}`, "/properties/a", "", "must be an object, true or false"},
		{`{"properties": []}`, "", "properties", "must be an object"},
		{`{"allOf": []}`, "", "allOf", "at least one schema"},
		{`{"anyOf": {}}`, "", "anyOf", "array of at least one schema"},
		{`{"oneOf": [{}, 1]}`, "/oneOf/1", "", "must be an object, true or false"},
		{`{"prefixItems": {}}`, "", "prefixItems", "array of at least one schema"},
		{`{"$schema": "https://json-schema.org/draft/2020-12/schema", "items": [{}]}`, "", "items", "prefixItems"},
		{`{"prefixItems": [{}], "items": [{}]}`, "", "items", "prefixItems"},
		{`{"dependentRequired": {"a": "b"}}`, "", "dependentRequired", "array of strings"},
		{`{"dependentSchemas": []}`, "", "dependentSchemas", "must be an object"},
		{`{"dependencies": {"a": [1]}}`, "", "dependencies", "array of strings"},
		{`{"format": 1}`, "", "format", "must be a string"},
		{`{"contains": {}, "minContains": -2}`, "", "minContains", "non-negative integer"},
		{`{"$ref": 1}`, "", "$ref", "URI reference"},
		{`{"$ref": "#/$defs/x"}`, "", "$ref", `there is no "$defs"`},
		{`{"$ref": "#x"}`, "", "$ref", `no anchor "x"`},
		{`{"$ref": "http://example.com/s"}`, "", "$ref", "nothing is fetched"},
		{`{"items": {"$ref": "other.json"}}`, "/items", "$ref", "nothing is fetched"},
		{`{"$ref": "http://json-schema.org/draft-03/schema"}`, "", "$ref", "http://json-schema.org/draft-04/schema, draft-06 and draft-07"},
		{`{"$ref": "https://json-schema.org/draft/../draft-05/schema"}`, "", "$ref", "nothing is fetched"},
		{`{"$id": "http://x.test/%zz"}`, "", "$id", "not a URI"},
		{`{"$defs": {"a": {"$id": "http://x.test/a"}, "b": {"$id": "http://x.test/a"}}, "$ref": "http://x.test/a"}`, "", "$ref", "ambiguous"},
		{`{"$ref": "#"}`, "", "$ref", "no value is valid"},
		{`{"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"allOf": [{"$ref": "#/$defs/a"}]}}}`, "", "$ref", "no value is valid"},
		{`{"not": {"$ref": "#"}}`, "", "not", "no meaning"},
		{`{"if": {"$ref": "#"}, "then": {"type": "string"}}`, "", "if", "no meaning"},
	} {
		_, err := Compile(newSpace(), parse(t, []byte(c.schema)), Options{})
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: error is %v", c.schema, err)
			continue
		}
		if e.Path != c.path || e.Keyword != c.keyword || !strings.Contains(e.Reason, c.reason) {
			t.Errorf("%s: %q %q %q", c.schema, e.Path, e.Keyword, e.Reason)
		}
	}
}

// TestOldSpellings checks words that later drafts have dropped or do not have
// yet, in schemas that say which draft they are and in others.
func TestOldSpellings(t *testing.T) {
	const (
		draft4 = `"$schema": "http://json-schema.org/draft-04/schema#", `
		draft7 = `"$schema": "http://json-schema.org/draft-07/schema#", `
	)
	for _, c := range []struct {
		schema     string
		good, evil string // instances separated by spaces
	}{
		{`{"minimum": 3, "exclusiveMinimum": true}`, `4 3.5 "a"`, `3 2`},
		{`{"maximum": 3, "exclusiveMaximum": false}`, `3 2`, `4`},
		{`{` + draft4 + `"maximum": 3, "exclusiveMaximum": true}`, `2`, `3`},
		{`{"items": [{"type": "string"}], "additionalItems": false}`, `[] ["a"]`, `[1] ["a",1]`},
		{`{"items": {"type": "string"}, "additionalItems": false}`, `[] ["a","b"]`, `[1]`},
		{`{"dependencies": {"a": ["b"], "c": {"required": ["d"]}}}`, `{} {"a":1,"b":1} {"c":1,"d":1}`, `{"a":1} {"c":1}`},
		{`{"definitions": {"a": {"type": "string"}}, "$ref": "#/definitions/a", "maxLength": 1}`, `"a"`, `"ab" 1`},
		{`{` + draft7 + `"definitions": {"a": {"type": "string"}}, "$ref": "#/definitions/a", "maxLength": 1}`, `"a" "ab"`, `1`},
		{`{` + draft4 + `"const": 1, "contains": {"type": "string"}}`, `1 2 [1]`, ``},
		{`{` + draft7 + `"const": 1}`, `1 1.0 10e-1`, `2`},
		{`{` + draft7 + `"prefixItems": [{"type": "string"}]}`, `["a"] [1]`, ``},
		{`{` + draft7 + `"dependentRequired": {"a": ["b"]}, "unevaluatedProperties": false}`, `{"a":1}`, ``},
		{`{` + draft7 + `"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"minimum": 2}}`, `"ab" 2 []`, `"a" 1`},
		{`{` + draft4 + `"id": "http://x.test/s", "definitions": {"a": {"id": "#a", "type": "string"}}, "items": {"$ref": "#a"}}`, `["a"]`, `[1]`},
		{`{` + draft4 + `"id": "http://x.test/s", "definitions": {"a": {"id": "a.json", "type": "string"}}, "items": {"$ref": "a.json"}}`, `["a"]`, `[1]`},
		{`{` + draft4 + `"properties": {"m": {"$ref": "http://json-schema.org/draft-04/schema#/definitions/positiveInteger"}}}`, `{} {"m":1}`, `{"m":-1} {"m":"a"}`},
		{`{"$schema": "https://json-schema.org/draft/2019-09/schema", "$id": "http://x.test/t", "$recursiveAnchor": true, "properties": {"next": {"$recursiveRef": "#"}}, "additionalProperties": false}`, `{} {"next":{"next":{}}}`, `{"next":{"last":{}}}`},
		{`{"$schema": "http://x.test/unknown", "type": "string", "maxLength": 1}`, `"a"`, `"ab" 1`},
		{`{"not": {"uniqueItems": true, "type": "array"}}`, `[1,1] 1`, `[] [1,2]`},
		{`{"definitions": {"a": {"$id": "a", "properties": {"b": {"$ref": "#/definitions/a/c"}}, "c": {"type": "string"}}}, "$ref": "#/definitions/a"}`, `{"b":"x"} 1`, `{"b":1}`},
		{`{"format": "made-up"}`, `"a" 1`, ``},
		{`{"format": "ipv4"}`, `"1.2.3.4" 1`, `"1.2.3"`},
	} {
		j, err := newJudge(t, []byte(c.schema), Options{})
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		check := func(texts string, want bool) {
			for text := range strings.FieldsSeq(texts) {
				v := parse(t, []byte(text))
				if j.holds(t, &v) != want {
					t.Errorf("%s: %s is valid: %v, must be %v", c.schema, text, !want, want)
				}
			}
		}
		check(c.good, true)
		check(c.evil, false)
	}
}

// TestCycles checks references that lead back to the same value beside a way out.
func TestCycles(t *testing.T) {
	for _, c := range []struct{ schema, good, evil string }{
		{`{"anyOf": [{"$ref": "#"}, {"type": "string"}]}`, `"a"`, `1`},
		{`{"oneOf": [{"$ref": "#"}, {"type": "string"}]}`, `"a"`, `1`},
		{`{"$ref": "#/$defs/x", "$defs": {"x": {"anyOf": [{"$ref": "#/$defs/y"}, {"const": 1}]}, "y": {"anyOf": [{"$ref": "#/$defs/x"}, {"const": 2}]}}}`, `1 2`, `3`},
		{`{"properties": {"y": {"$ref": "#/$defs/y"}}, "$defs": {"x": {"anyOf": [{"$ref": "#/$defs/y"}, {"const": 1}]}, "y": {"anyOf": [{"$ref": "#/$defs/x"}, {"const": 2}]}}, "anyOf": [{"$ref": "#/$defs/x"}, {"type": "object"}]}`, `1 2 {"y":1} {"y":2}`, `3 {"y":3}`},
		{`{"properties": {"a": {"$ref": "#/properties/a"}}}`, `1 {}`, `{"a":1}`},
		{`{"items": {"$ref": "#"}, "type": "array", "allOf": [{"items": {"$ref": "#/items"}}]}`, `[] [[]] [[[]]]`, `1 [1] [[1]]`},
		{`{"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "properties": {"n": {"$ref": "#/$defs/n"}}, "additionalProperties": false}}, "unevaluatedProperties": false}`, `{} {"n":{"n":{}}}`, `{"m":{}} {"n":{"m":1}}`},
		{`{"propertyNames": {"anyOf": [{"$ref": "#/propertyNames"}, {"maxLength": 1}]}}`, `{"a":1}`, `{"ab":1}`},
	} {
		j, err := newJudge(t, []byte(c.schema), Options{})
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		for i, texts := range []string{c.evil, c.good} {
			for text := range strings.FieldsSeq(texts) {
				v := parse(t, []byte(text))
				if j.holds(t, &v) != (i == 1) {
					t.Errorf("%s: %s is valid: %v", c.schema, text, i != 1)
				}
			}
		}
	}
}

func TestPath(t *testing.T) {
	root := &path{}
	if s := root.String(); s != "" {
		t.Errorf("root is %q", s)
	}
	p := root.member("a~/b").item(3).member("")
	if s := p.String(); s != "/a~0~1b/3/" {
		t.Errorf("path is %q", s)
	}
}
