package score

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

// Case is one line of a file of cases: a schema with instances, or tools with
// calls of them.
type Case struct {
	Name string `json:"name"`

	Schema json.RawMessage `json:"schema"`
	Tests  []Test          `json:"tests"`

	Tools []Tool `json:"tools"` // OpenAI's; with them there is no Schema
	Calls []Call `json:"calls"`
}

// Test is an instance of a schema.
type Test struct {
	Valid bool            `json:"valid"`
	Data  json.RawMessage `json:"data"`
}

// Tool is a tool in the form of OpenAI's chat completions.
type Tool struct {
	Function struct {
		Name       string          `json:"name"`
		Parameters json.RawMessage `json:"parameters"`
		Strict     bool            `json:"strict"`
	} `json:"function"`
}

// Call is a call that is valid under the parameters of its tool.
type Call struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// Read reads cases, one JSON object a line, as they are or compressed by gzip
// or zstd. Errors name the line.
func Read(r io.Reader) ([]Case, error) {
	r, err := decompress(r)
	if err != nil {
		return nil, err
	}
	var cases []Case
	in := bufio.NewReaderSize(r, 1<<20)
	for n := 1; ; n++ {
		line, rerr := in.ReadBytes('\n')
		if line = bytes.TrimSpace(line); len(line) > 0 {
			c, err := parseCase(line)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			if c.Name == "" {
				c.Name = fmt.Sprintf("line %d", n)
			}
			cases = append(cases, c)
		}
		if rerr == io.EOF {
			return cases, nil
		}
		if rerr != nil {
			return nil, fmt.Errorf("line %d: %w", n, rerr)
		}
	}
}

// decompress looks at the first bytes of r for what it is.
func decompress(r io.Reader) (io.Reader, error) {
	in := bufio.NewReader(r)
	head, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return gzip.NewReader(in)
	case bytes.Equal(head, []byte("\x28\xb5\x2f\xfd")):
		d, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return in, nil
}

func parseCase(line []byte) (Case, error) {
	var c Case
	if err := json.Unmarshal(line, &c); err != nil {
		return c, err
	}
	switch {
	case c.Schema == nil && c.Tools == nil:
		return c, errors.New(`a case needs "schema" (with "tests") or "tools" (with "calls")`)
	case c.Schema != nil && c.Tools != nil:
		return c, errors.New(`a case has "schema" or "tools", not both`)
	}
	for i, t := range c.Tests {
		if t.Data == nil {
			return c, fmt.Errorf(`test %d has no "data"`, i)
		}
	}
	for i, t := range c.Tools {
		if t.Function.Name == "" {
			return c, fmt.Errorf(`tool %d has no "function" with a "name"`, i)
		}
	}
	for i, call := range c.Calls {
		if call.Name == "" || call.Arguments == nil {
			return c, fmt.Errorf(`call %d needs "name" and "arguments"`, i)
		}
	}
	return c, nil
}

// hasCalls tells the two forms of cases apart.
func (c *Case) hasCalls() bool { return c.Tools != nil }

// parameters returns the schema of a tool's arguments, ok if there is one of
// that name. A tool without parameters takes the empty object only.
func (c *Case) parameters(name string) (schema json.RawMessage, ok bool) {
	for i := range c.Tools {
		if f := &c.Tools[i].Function; f.Name == name {
			if f.Parameters == nil {
				return json.RawMessage(`{"type": "object", "maxProperties": 0}`), true
			}
			return f.Parameters, true
		}
	}
	return nil, false
}
