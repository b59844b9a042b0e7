package tools

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// jsonPath is a path (RFC 9535) of names, indices and wildcards: $.items[*].title,
// $['a b'][-1].
type jsonPath []step

type step struct {
	name  string
	index int
	kind  byte // n name, i index, * all
}

// parsePath reads a path.
func parsePath(s string) (jsonPath, error) {
	rest, ok := strings.CutPrefix(s, "$")
	if !ok {
		return nil, errors.New("a path begins with $, such as $.items[0].title")
	}
	var p jsonPath
	for rest != "" {
		switch {
		case strings.HasPrefix(rest, ".."):
			return nil, errors.New("a path has no ..; name each step")
		case rest[0] == '.':
			end := strings.IndexAny(rest[1:], ".[")
			if end < 0 {
				end = len(rest) - 1
			}
			name := rest[1 : 1+end]
			rest = rest[1+end:]
			if name == "" {
				return nil, errors.New("a name is empty")
			}
			if name == "*" {
				p = append(p, step{kind: '*'})
			} else {
				p = append(p, step{kind: 'n', name: name})
			}
		case rest[0] == '[':
			st, n, err := bracket(rest)
			if err != nil {
				return nil, err
			}
			p, rest = append(p, st), rest[n:]
		default:
			return nil, fmt.Errorf("%q does not go on a path", rest)
		}
	}
	return p, nil
}

// bracket reads [n], [*], ['name'] or ["name"], and its length.
func bracket(s string) (step, int, error) {
	if len(s) > 2 && (s[1] == '\'' || s[1] == '"') {
		end := strings.Index(s[2:], s[1:2]+"]")
		if end < 0 {
			return step{}, 0, errors.New("[ without ]")
		}
		return step{kind: 'n', name: s[2 : 2+end]}, end + 4, nil
	}
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return step{}, 0, errors.New("[ without ]")
	}
	if s[1:end] == "*" {
		return step{kind: '*'}, end + 1, nil
	}
	i, err := strconv.Atoi(s[1:end])
	if err != nil {
		return step{}, 0, fmt.Errorf("[%s] is no index, want [0], [-1], [*] or ['name']", s[1:end])
	}
	return step{kind: 'i', index: i}, end + 1, nil
}

// find returns what the path leads to, in order.
func (p jsonPath) find(doc json.RawMessage) []json.RawMessage {
	at := []json.RawMessage{doc}
	for _, s := range p {
		var next []json.RawMessage
		for _, v := range at {
			next = append(next, s.of(v)...)
		}
		at = next
	}
	return at
}

func (s step) of(v json.RawMessage) []json.RawMessage {
	v = bytes.TrimLeft(v, " \t\r\n")
	if len(v) == 0 {
		return nil
	}
	switch {
	case v[0] == '{' && s.kind != 'i':
		return member(v, s)
	case v[0] == '[' && s.kind != 'n':
		var list []json.RawMessage
		if json.Unmarshal(v, &list) != nil {
			return nil
		}
		if s.kind == '*' {
			return list
		}
		i := s.index
		if i < 0 {
			i += len(list)
		}
		if i < 0 || i >= len(list) {
			return nil
		}
		return list[i : i+1]
	}
	return nil
}

// member is the value of a name, or all values in the order of the text.
func member(v json.RawMessage, s step) []json.RawMessage {
	d := json.NewDecoder(bytes.NewReader(v))
	if _, err := d.Token(); err != nil {
		return nil
	}
	var out []json.RawMessage
	for d.More() {
		key, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return nil
		}
		if s.kind == '*' {
			out = append(out, value)
		} else if key == s.name {
			out = []json.RawMessage{value} // the last, as json.Unmarshal has it
		}
	}
	return out
}

// single reports a path that leads to one place at most.
func (p jsonPath) single() bool {
	return !slices.ContainsFunc(p, func(s step) bool { return s.kind == '*' })
}

// plainText is a JSON value as a model reads it: a string without quotes, the
// rest as it stands.
func plainText(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	return string(v)
}
