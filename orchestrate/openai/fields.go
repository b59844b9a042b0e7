package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// object is a JSON object of a request, split into its fields. Each field that
// is read counts as known; done reports the ones nobody read. The first error
// sticks, so that a list of reads needs one check at its end.
type object struct {
	path   string // "" for the request itself
	fields []field
	err    *Error
}

// field is one key of an object with the JSON of its value.
type field struct {
	name string
	raw  json.RawMessage
	read bool
}

// newObject splits raw, which checkJSON has passed, into fields.
func newObject(path string, raw []byte) (*object, *Error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '{' {
		if path == "" {
			return nil, invalid("", CodeInvalidType, "the request body must be a JSON object, not %s", kind(raw))
		}
		return nil, wrongType(path, "an object", raw)
	}
	o := &object{path: path}
	c := checker{data: raw, pos: 1}
	for {
		c.space()
		if c.peek() != '"' {
			return o, nil
		}
		at := c.pos
		c.str()
		f := field{name: unquote(raw[at:c.pos])}
		c.space()
		c.pos++ // the colon
		c.space()
		at = c.pos
		c.value(0)
		f.raw = json.RawMessage(raw[at:c.pos:c.pos])
		o.fields = append(o.fields, f)
		c.space()
		c.pos++ // the comma or the closing brace
	}
}

// elements splits raw, an array which checkJSON has passed.
func elements(path string, raw []byte) ([]json.RawMessage, *Error) {
	if len(raw) == 0 || raw[0] != '[' {
		return nil, wrongType(path, "an array", raw)
	}
	var out []json.RawMessage
	c := checker{data: raw, pos: 1}
	for {
		c.space()
		if c.pos >= len(raw) || c.peek() == ']' {
			return out, nil
		}
		at := c.pos
		c.value(0)
		out = append(out, json.RawMessage(raw[at:c.pos:c.pos]))
		c.space()
		c.pos++ // the comma or the closing bracket
		if raw[c.pos-1] == ']' {
			return out, nil
		}
	}
}

// in is the path of the field name.
func (o *object) in(name string) string {
	if o.path == "" {
		return name
	}
	return o.path + "." + name
}

// fail keeps the first error; nil is none.
func (o *object) fail(err *Error) {
	if o.err == nil {
		o.err = err
	}
}

// raw is the value of a field; ok is false where it is absent or null.
func (o *object) raw(name string) (raw json.RawMessage, ok bool) {
	for i := range o.fields {
		if f := &o.fields[i]; f.name == name {
			f.read = true
			return f.raw, !isNull(f.raw)
		}
	}
	return nil, false
}

// done returns the first error, or one about the first field that nobody read.
func (o *object) done() *Error {
	if o.err != nil {
		return o.err
	}
	for _, f := range o.fields {
		if !f.read {
			path := o.in(clip(f.name))
			return invalid(path, CodeUnknownField, "unknown field %q; leave it out", path)
		}
	}
	return nil
}

// str reads a string.
func (o *object) str(name string) (s string, ok bool) {
	raw, ok := o.raw(name)
	if !ok {
		return "", false
	}
	if raw[0] != '"' {
		o.fail(wrongType(o.in(name), "a string", raw))
		return "", false
	}
	return unquote(raw), true
}

// boolean reads true or false, with a default.
func (o *object) boolean(name string, def bool) bool {
	raw, ok := o.raw(name)
	if !ok {
		return def
	}
	if raw[0] != 't' && raw[0] != 'f' {
		o.fail(wrongType(o.in(name), "true or false", raw))
		return def
	}
	return raw[0] == 't'
}

// number reads a float; nil where it is absent.
func (o *object) number(name string) *float64 {
	raw, ok := o.raw(name)
	if !ok {
		return nil
	}
	v, err := parseNumber(o.in(name), raw)
	if err != nil {
		o.fail(err)
		return nil
	}
	return &v
}

// integer reads a whole number from low to high; nil where it is absent.
func (o *object) integer(name string, low, high int64) *int64 {
	raw, ok := o.raw(name)
	if !ok {
		return nil
	}
	v, err := parseInteger(o.in(name), raw, low, high)
	if err != nil {
		o.fail(err)
		return nil
	}
	return &v
}

// only refuses every value but those listed (as JSON) and null: for fields that
// may be sent where they change nothing.
func (o *object) only(name, why string, allowed ...string) {
	raw, ok := o.raw(name)
	if !ok {
		return
	}
	for _, a := range allowed {
		if string(raw) == a {
			return
		}
	}
	msg := fmt.Sprintf("%q is not supported: %s; leave it out", o.in(name), why)
	if len(allowed) > 0 {
		msg = fmt.Sprintf("%q may only be %s here: %s", o.in(name), join(allowed), why)
	}
	o.fail(&Error{Status: 400, Type: TypeInvalidRequest, Param: o.in(name), Code: CodeUnsupported, Message: msg})
}

// join lists alternatives.
func join(list []string) string {
	s := list[0]
	for i, a := range list[1:] {
		if i == len(list)-2 {
			s += " or " + a
		} else {
			s += ", " + a
		}
	}
	return s
}

// parseNumber reads a JSON number that checkJSON has passed.
func parseNumber(path string, raw []byte) (float64, *Error) {
	if raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return 0, wrongType(path, "a number", raw)
	}
	v, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		return 0, invalid(path, CodeInvalidValue, "%q: %s is not a number of 64 bits", path, clip(string(raw)))
	}
	return v, nil
}

// parseInteger reads a whole number from low to high; 3.0 and 3e0 are whole.
func parseInteger(path string, raw []byte, low, high int64) (int64, *Error) {
	if raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return 0, wrongType(path, "an integer", raw)
	}
	v, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		f, _ := strconv.ParseFloat(string(raw), 64)
		if f != math.Trunc(f) {
			return 0, wrongType(path, "an integer", raw)
		}
		if math.Abs(f) > 1<<53 {
			return 0, outOfRange(path, raw, low, high)
		}
		v = int64(f)
	}
	if v < low || v > high {
		return 0, outOfRange(path, raw, low, high)
	}
	return v, nil
}

func outOfRange(path string, raw []byte, low, high int64) *Error {
	return invalid(path, CodeInvalidValue, "%q must be an integer from %d to %d, not %s", path, low, high, clip(string(raw)))
}

// wrongType is the 400 for a value of the wrong JSON type.
func wrongType(path, want string, raw []byte) *Error {
	return invalid(path, CodeInvalidType, "%q must be %s, not %s", path, want, kind(raw))
}

// kind names the JSON type of raw in words.
func kind(raw []byte) string {
	if len(raw) == 0 {
		return "nothing"
	}
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f', 'n':
		return string(raw)
	}
	return "the number " + clip(string(raw))
}

// isNull tells whether raw is absent or null.
func isNull(raw []byte) bool { return len(raw) == 0 || string(raw) == "null" }
