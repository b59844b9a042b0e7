package tools

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// readTree parses YAML, or JSON where the text begins with {, into nodes that
// know their lines. YAML's anchors and aliases are refused: a few lines of them
// unfold to gigabytes.
func readTree(path string, data []byte) (*yaml.Node, error) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if t := bytes.TrimLeft(data, " \t\r\n"); len(t) > 0 && t[0] == '{' && json.Valid(data) {
		return readJSON(path, data)
	}
	var doc yaml.Node
	d := yaml.NewDecoder(bytes.NewReader(data))
	err := d.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		return nil, fmt.Errorf("%s: the file is empty; it needs a list called tools", path)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: a second document begins after ---; want one", path)
	}
	root := doc.Content[0]
	return root, noAliases(path, root)
}

// noAliases reports the first anchor or alias.
func noAliases(path string, n *yaml.Node) error {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return fmt.Errorf("%s:%d: anchors and aliases (& and *) are not taken; write the value out", path, n.Line)
	}
	for _, c := range n.Content {
		if err := noAliases(path, c); err != nil {
			return err
		}
	}
	return nil
}

// readJSON makes the same nodes of a JSON text. YAML's parser takes most JSON,
// but neither tabs nor surrogate pairs.
func readJSON(path string, data []byte) (*yaml.Node, error) {
	r := &jsonReader{d: json.NewDecoder(bytes.NewReader(data)), data: data}
	r.d.UseNumber()
	n, err := r.value()
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", path, r.line(), err)
	}
	return n, nil
}

type jsonReader struct {
	d     *json.Decoder
	data  []byte
	lines int // before offset seen
	seen  int64
}

// line is the line of the token read last.
func (r *jsonReader) line() int {
	at := min(r.d.InputOffset(), int64(len(r.data)))
	r.lines += bytes.Count(r.data[r.seen:at], []byte("\n"))
	r.seen = at
	return r.lines + 1
}

// value reads the next value.
func (r *jsonReader) value() (*yaml.Node, error) {
	token, err := r.d.Token()
	if err != nil {
		return nil, err
	}
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: r.line()}
	switch t := token.(type) {
	case json.Delim:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		if t == '[' {
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		}
		for r.d.More() { // keys and values in turn, as yaml.Node has them
			c, err := r.value()
			if err != nil {
				return nil, err
			}
			n.Content = append(n.Content, c)
		}
		_, err = r.d.Token()
	case string:
		n.Tag, n.Value, n.Style = "!!str", t, yaml.DoubleQuotedStyle
	case json.Number:
		n.Tag, n.Value = "!!float", t.String()
		if _, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
			n.Tag = "!!int"
		}
	case bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(t)
	default:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, err
}

// toJSON writes a node as JSON, its keys in their order.
func toJSON(n *yaml.Node) (json.RawMessage, error) {
	var b bytes.Buffer
	if err := writeJSON(&b, n); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func writeJSON(b *bytes.Buffer, n *yaml.Node) error {
	switch n.Kind {
	case yaml.MappingNode:
		b.WriteByte('{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				b.WriteString(", ")
			}
			writeString(b, n.Content[i].Value)
			b.WriteString(": ")
			if err := writeJSON(b, n.Content[i+1]); err != nil {
				return err
			}
		}
		b.WriteByte('}')
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, c := range n.Content {
			if i > 0 {
				b.WriteString(", ")
			}
			if err := writeJSON(b, c); err != nil {
				return err
			}
		}
		b.WriteByte(']')
	default:
		return writeScalar(b, n)
	}
	return nil
}

// writeScalar writes a number as it stands where JSON has it so.
func writeScalar(b *bytes.Buffer, n *yaml.Node) error {
	switch n.ShortTag() {
	case "!!str", "!!timestamp":
		writeString(b, n.Value)
	case "!!null":
		b.WriteString("null")
	case "!!bool", "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			b.WriteString(n.Value)
			return nil
		}
		var v any
		if err := n.Decode(&v); err != nil {
			return fmt.Errorf("line %d: %w", n.Line, err)
		}
		out, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("line %d: %s is not a JSON value", n.Line, n.Value)
		}
		b.Write(out)
	default:
		return fmt.Errorf("line %d: a value of kind %s has no place in JSON", n.Line, n.ShortTag())
	}
	return nil
}

func writeString(b *bytes.Buffer, s string) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // of a string into memory cannot fail
	b.Truncate(b.Len() - 1)
}
