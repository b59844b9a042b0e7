package tools

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compileFault says why a schema is none; "" where it is one.
func compileFault(raw json.RawMessage) string {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return fmt.Sprintf("is not JSON: %v", err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	c.UseRegexpEngine(func(p string) (jsonschema.Regexp, error) { // patterns are of another dialect than Go's
		return anyPattern(p), nil
	})
	if err := c.AddResource("parameters.json", doc); err != nil {
		return fmt.Sprintf("is not a JSON Schema: %v", err)
	}
	if _, err := c.Compile("parameters.json"); err != nil {
		return fmt.Sprintf("is not a JSON Schema: %v", err)
	}
	return ""
}

// noLoader fetches nothing: schemas stand alone.
type noLoader struct{}

// Load implements jsonschema.URLLoader.
func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("it refers to %s, which is not fetched", url)
}

// anyPattern is a pattern that is not looked into.
type anyPattern string

// MatchString implements jsonschema.Regexp.
func (anyPattern) MatchString(string) bool { return true }

// String implements jsonschema.Regexp.
func (p anyPattern) String() string { return string(p) }

// parameters is what the templates of a tool know of its schema.
type parameters struct {
	properties map[string]property
}

type property struct {
	Default json.RawMessage `json:"default"`
}

func readParameters(raw json.RawMessage) (parameters, error) {
	var s struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	p := parameters{properties: make(map[string]property)}
	if len(raw) == 0 {
		return p, nil
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return p, err
	}
	for name, v := range s.Properties {
		var one property
		_ = json.Unmarshal(v, &one) // a property may be true, which has no default
		p.properties[name] = one
	}
	return p, nil
}

// arguments are those of one call, with the schema's defaults.
type arguments map[string]json.RawMessage

// arguments reads those of a call.
func (p parameters) arguments(raw json.RawMessage) (arguments, error) {
	a := make(arguments)
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &a); err != nil {
			return nil, invalid("the arguments are not a JSON object")
		}
	}
	for name, prop := range p.properties {
		if _, ok := a[name]; !ok && len(prop.Default) > 0 {
			a[name] = prop.Default
		}
	}
	return a, nil
}

// text is an argument as a template puts it in: a string without its quotes,
// anything else as JSON; "" and false where it is absent or null.
func (a arguments) text(name string) (string, bool) {
	raw, ok := a[name]
	if !ok || string(raw) == "null" {
		return "", false
	}
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s, true
	}
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return "", false
	}
	return b.String(), true
}
