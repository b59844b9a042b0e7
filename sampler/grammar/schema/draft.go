package schema

import "strings"

// Draft is a version of JSON Schema. The zero value means Draft2020.
type Draft int

// The drafts, in the order of their publication.
const (
	Draft4    Draft = 4
	Draft6    Draft = 6
	Draft7    Draft = 7
	Draft2019 Draft = 2019
	Draft2020 Draft = 2020
)

// String returns the draft's usual name.
func (d Draft) String() string {
	switch d {
	case Draft4:
		return "draft-04"
	case Draft6:
		return "draft-06"
	case Draft7:
		return "draft-07"
	case Draft2019:
		return "2019-09"
	}
	return "2020-12"
}

// draftOf returns the draft that a $schema URI names.
func draftOf(uri string) (Draft, bool) {
	uri = strings.TrimSuffix(uri, "#")
	rest, ok := strings.CutPrefix(uri, "http://json-schema.org/")
	if !ok {
		if rest, ok = strings.CutPrefix(uri, "https://json-schema.org/"); !ok {
			return 0, false
		}
	}
	switch rest {
	case "schema", "draft/2020-12/schema":
		return Draft2020, true
	case "draft/2019-09/schema":
		return Draft2019, true
	case "draft-07/schema":
		return Draft7, true
	case "draft-06/schema":
		return Draft6, true
	case "draft-04/schema":
		return Draft4, true
	}
	return 0, false
}

// idKeyword returns the keyword that gives a subschema a URI.
func (d Draft) idKeyword() string {
	if d == Draft4 {
		return "id"
	}
	return "$id"
}

// vocabulary is a set of the vocabularies that change what a schema means. The
// core vocabulary is always in force.
type vocabulary uint8

const (
	applicator vocabulary = 1 << iota
	validation
	unevaluated
	formatAssertion

	usual = applicator | validation | unevaluated
)

// vocabularyOf returns the vocabulary behind a URI in $vocabulary.
func vocabularyOf(uri string) (v vocabulary, known bool) {
	rest, ok := strings.CutPrefix(uri, "https://json-schema.org/draft/2020-12/vocab/")
	if !ok {
		if rest, ok = strings.CutPrefix(uri, "https://json-schema.org/draft/2019-09/vocab/"); !ok {
			return 0, false
		}
		if rest == "applicator" { // holds unevaluated*, too
			return applicator | unevaluated, true
		}
	}
	switch rest {
	case "applicator":
		return applicator, true
	case "validation":
		return validation, true
	case "unevaluated":
		return unevaluated, true
	case "format-assertion", "format":
		return formatAssertion, true
	case "core", "meta-data", "format-annotation", "content":
		return 0, true
	}
	return 0, false
}

// place says what a keyword holds, where the walk for identifiers must look.
type place uint8

const (
	notSchema place = iota
	oneSchema
	schemaList
	schemaMap
	schemaOrList
	schemaMapOrLists
)

// placeOf returns what keyword holds in draft d.
func (d Draft) placeOf(keyword string) place {
	switch keyword {
	case "not", "additionalProperties", "additionalItems":
		return oneSchema
	case "propertyNames", "contains":
		return since(d, Draft6, oneSchema)
	case "if", "then", "else":
		return since(d, Draft7, oneSchema)
	case "unevaluatedProperties", "unevaluatedItems", "contentSchema":
		return since(d, Draft2019, oneSchema)
	case "allOf", "anyOf", "oneOf":
		return schemaList
	case "prefixItems":
		return since(d, Draft2020, schemaList)
	case "definitions", "properties", "patternProperties":
		return schemaMap
	case "$defs", "dependentSchemas":
		return since(d, Draft2019, schemaMap)
	case "items":
		return schemaOrList
	case "dependencies":
		return schemaMapOrLists
	}
	return notSchema
}

func since(d, first Draft, p place) place {
	if d < first {
		return notSchema
	}
	return p
}
