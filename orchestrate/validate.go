package orchestrate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// validator checks arguments against a tool's grammar.
type validator struct {
	schema  *jsonschema.Schema // nil: any object
	skipped []string           // patterns that Go cannot read, which are not checked
}

// newValidator compiles the grammar of a tool.
func newValidator(t *Tool) (*validator, error) {
	v := &validator{}
	grammar := t.grammar()
	if len(grammar) == 0 {
		return v, nil
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(grammar))
	if err != nil {
		return nil, fmt.Errorf("orchestrate: tool %s: its schema is not JSON: %w", t.Name, err)
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	c.UseRegexpEngine(v.regexp)
	const url = "arguments.json"
	if err := c.AddResource(url, doc); err != nil {
		return nil, fmt.Errorf("orchestrate: tool %s: %w", t.Name, err)
	}
	if v.schema, err = c.Compile(url); err != nil {
		return nil, fmt.Errorf("orchestrate: tool %s: its schema is none: %w", t.Name, err)
	}
	return v, nil
}

// noLoader fetches nothing: schemas stand alone.
type noLoader struct{}

// Load implements jsonschema.URLLoader.
func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("the schema refers to %s, which is not fetched", url)
}

// regexp compiles a pattern; one that Go's syntax lacks matches everything.
func (v *validator) regexp(pattern string) (jsonschema.Regexp, error) {
	r, err := regexp.Compile(pattern)
	if err != nil {
		v.skipped = append(v.skipped, pattern)
		return anything(pattern), nil
	}
	return r, nil
}

// anything is a pattern that matches every string.
type anything string

// MatchString implements jsonschema.Regexp.
func (anything) MatchString(string) bool { return true }

// String implements jsonschema.Regexp.
func (a anything) String() string { return string(a) }

// check validates arguments and returns them compact. The error tells the model
// what is wrong with which argument.
func (v *validator) check(args json.RawMessage) (json.RawMessage, *ToolError) {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(args))
	if err != nil {
		return nil, toolError(Invalid, "the arguments are not a JSON object: %v", err)
	}
	if _, ok := value.(map[string]any); !ok {
		return nil, toolError(Invalid, "the arguments are not a JSON object")
	}
	if v.schema != nil {
		if err := v.schema.Validate(value); err != nil {
			return nil, toolError(Invalid, "the arguments do not fit the tool's schema: %s", validationText(err))
		}
	}
	var b bytes.Buffer
	if err := json.Compact(&b, args); err != nil {
		return nil, toolError(Invalid, "the arguments are not a JSON object: %v", err)
	}
	return b.Bytes(), nil
}

// validationText is the first few faults, each with its place.
func validationText(err error) string {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err.Error()
	}
	p := message.NewPrinter(language.English)
	var faults []string
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 && len(faults) < 4 {
			faults = append(faults, "/"+strings.Join(e.InstanceLocation, "/")+": "+e.ErrorKind.LocalizedString(p))
		}
		for _, c := range e.Causes {
			walk(c)
		}
	}
	walk(invalid)
	text, _ := CutText(clean(strings.Join(faults, "; ")), 1000)
	return text
}

// canonical is JSON that equal arguments have in common: keys sorted, no space.
func canonical(args json.RawMessage) string {
	d := json.NewDecoder(bytes.NewReader(args))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return string(args)
	}
	out, err := json.Marshal(v)
	if err != nil {
		return string(args)
	}
	return string(out)
}
