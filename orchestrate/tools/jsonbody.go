package tools

import (
	"bytes"
	"encoding/json"

	"go.yaml.in/yaml/v3"
)

// jsonStrings checks the templates in the strings of a JSON body.
func (d *decoder) jsonStrings(t *toolConfig, raw json.RawMessage) {
	n, err := readJSON(d.path, raw)
	if err != nil {
		d.fail(t.line, "tool %s: json: %v", t.Name, err)
		return
	}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
			d.template(t, "json", n.Value)
		}
		for i, c := range n.Content {
			if n.Kind != yaml.MappingNode || i%2 == 1 {
				walk(c)
			}
		}
	}
	walk(n)
}

// fillJSON puts arguments into the strings of a JSON value. A string that is one
// argument becomes its value, whatever its type; where the argument is absent,
// the key or element is left out.
func fillJSON(raw json.RawMessage, args arguments) ([]byte, error) {
	n, err := readJSON("json", raw)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := fillNode(&b, n, args); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// fillNode writes a node; false: there is nothing to write.
func fillNode(b *bytes.Buffer, n *yaml.Node, args arguments) (bool, error) {
	switch {
	case n.Kind == yaml.MappingNode || n.Kind == yaml.SequenceNode:
		open, end, width := byte('['), byte(']'), 1
		if n.Kind == yaml.MappingNode {
			open, end, width = '{', '}', 2
		}
		b.WriteByte(open)
		first := true
		for i := 0; i+width <= len(n.Content); i += width {
			mark := b.Len()
			if !first {
				b.WriteByte(',')
			}
			if width == 2 {
				writeString(b, n.Content[i].Value)
				b.WriteByte(':')
			}
			wrote, err := fillNode(b, n.Content[i+width-1], args)
			if err != nil {
				return false, err
			}
			if !wrote {
				b.Truncate(mark)
				continue
			}
			first = false
		}
		b.WriteByte(end)
	case n.ShortTag() == "!!str":
		t, err := parseTemplate(n.Value)
		if err != nil {
			return false, err
		}
		if name := t.only(); name != "" {
			b.Write(args[name])
			return len(args[name]) > 0, nil
		}
		writeString(b, t.fill(args, nil))
	default:
		return true, writeScalar(b, n)
	}
	return true, nil
}
