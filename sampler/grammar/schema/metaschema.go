package schema

import (
	"embed"
	"strings"

	"orchrt/sampler/grammar/value"
)

// metaSchemas holds the meta-schemas of the drafts, as published, under the paths of their URIs.
//
//go:embed metaschemas/draft-*/*.json metaschemas/draft/*/*.json metaschemas/draft/*/meta/*.json
var metaSchemas embed.FS

// metaSchemaNames says in an error which documents may be referred to without being part of the schema.
const metaSchemaNames = "http://json-schema.org/draft-04/schema, draft-06 and draft-07 alike, " +
	"https://json-schema.org/draft/2019-09/schema and 2020-12 alike, with their meta/*"

// metaSchemaURI returns the URI that a meta-schema has by its own $id, for one with the other scheme, and for
// https://json-schema.org/schema, the latest. Other URIs stay as they are.
func metaSchemaURI(uri string) string {
	scheme, rest, _ := strings.Cut(uri, "://json-schema.org/")
	if scheme != "http" && scheme != "https" {
		return uri
	}
	switch {
	case rest == "schema":
		return "https://json-schema.org/draft/2020-12/schema"
	case strings.HasPrefix(rest, "draft/"):
		return "https://json-schema.org/" + rest
	case strings.HasPrefix(rest, "draft-"):
		return "http://json-schema.org/" + rest
	}
	return uri
}

// metaSchema returns the meta-schema with a URI, parsed; nil if there is none.
func metaSchema(uri string) *value.Value {
	_, rest, ok := strings.Cut(uri, "://json-schema.org/")
	if !ok || metaSchemaURI(uri) != uri {
		return nil
	}
	text, err := metaSchemas.ReadFile("metaschemas/" + rest + ".json")
	if err != nil {
		return nil
	}
	v, err := value.Parse(text, value.Limits{})
	if err != nil {
		panic("schema: embedded meta-schema " + uri + ": " + err.Error())
	}
	return &v
}
