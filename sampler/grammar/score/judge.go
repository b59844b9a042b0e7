package score

import (
	"bytes"
	"fmt"
	"math/big"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Judge tells valid from invalid documents of a schema. It is a validator that
// has nothing in common with the decoder: santhosh-tekuri/jsonschema with
// formats asserted. Patterns are read as ECMA-262 has them where Go's regexp
// can match them, and are an error otherwise.
type Judge struct{ schema *jsonschema.Schema }

// NewJudge compiles a schema. The error says what the validator cannot do with
// it; nothing is ever fetched.
func NewJudge(schema []byte) (j *Judge, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the reference validator panicked: %v", p)
		}
	}()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.UseLoader(noLoader{})
	c.UseRegexpEngine(compilePattern)
	const where = "https://schema.invalid/case"
	if err := c.AddResource(where, doc); err != nil {
		return nil, err
	}
	s, err := c.Compile(where)
	if err != nil {
		return nil, err
	}
	return &Judge{s}, nil
}

// Check returns nil for a valid document and what is wrong with another one.
func (j *Judge) Check(text []byte) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the reference validator panicked: %v", p)
		}
	}()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	return j.schema.Validate(doc)
}

// noLoader refuses to fetch.
type noLoader struct{}

// Load implements jsonschema.URLLoader.
func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%s is not part of the schema", url)
}

// judges are those of a case: of its schema, or of its tools by name.
type judges struct {
	c    *Case
	made map[string]*Judge // nil: the validator cannot do it
}

// of returns the judge of the case's schema or of a tool, nil if there is none.
func (j *judges) of(tool string) *Judge {
	if made, ok := j.made[tool]; ok {
		return made
	}
	schema := j.c.Schema
	if j.c.hasCalls() {
		schema, _ = j.c.parameters(tool)
	}
	judge, err := NewJudge(schema)
	if err != nil {
		judge = nil
	}
	if j.made == nil {
		j.made = map[string]*Judge{}
	}
	j.made[tool] = judge
	return judge
}

// hugeExponent reports a number that a validator with exact arithmetic would
// need very long for.
func hugeExponent(number string) bool {
	i := strings.IndexAny(number, "eE")
	if i < 0 {
		return false
	}
	e, ok := new(big.Int).SetString(strings.TrimPrefix(number[i+1:], "+"), 10)
	return !ok || e.CmpAbs(big.NewInt(1000)) > 0
}
