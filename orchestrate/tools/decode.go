package tools

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"orchrt/orchestrate"
)

// decoder fills structs from nodes and gathers what is wrong.
type decoder struct {
	path    string
	dir     string
	lookup  func(string) (string, bool)
	secrets []string
	faults  []fault
	lenient bool // unknown keys become notes
	notes   []string
}

type fault struct {
	line int
	text string
}

// maxFaults bounds the error's text.
const maxFaults = 20

// fail records a fault.
func (d *decoder) fail(line int, format string, args ...any) {
	d.faults = append(d.faults, fault{line, fmt.Sprintf(format, args...)})
}

// err is all faults in the order of their lines.
func (d *decoder) err() error {
	slices.SortStableFunc(d.faults, func(a, b fault) int { return a.line - b.line })
	var all []error
	for i, f := range d.faults {
		if i == maxFaults {
			all = append(all, fmt.Errorf("%s: and %d faults more", d.path, len(d.faults)-i))
			break
		}
		all = append(all, fmt.Errorf("%s:%d: %s", d.path, f.line, f.text))
	}
	return errors.Join(all...)
}

// field is a key of a struct.
type field struct {
	name   string
	plain  bool // ${…} is not expanded
	secret bool // what it holds of the environment is secret
	value  reflect.Value
}

// fields lists the keys of a struct, those of embedded structs first.
func fields(v reflect.Value) (out []field) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			out = append(out, fields(v.Field(i))...)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if name == "" {
			continue
		}
		out = append(out, field{name, strings.Contains(options, "plain"), strings.Contains(options, "secret"), v.Field(i)})
	}
	return out
}

// mapping fills the structs that into points to, together, from a mapping.
// Each key must belong to one of them. What is the thing's name in messages.
func (d *decoder) mapping(n *yaml.Node, what string, into ...any) {
	if n.Kind != yaml.MappingNode {
		d.fail(n.Line, "%s is %s, want a mapping of keys and values", what, kindName(n))
		return
	}
	var all []field
	for _, p := range into {
		all = append(all, fields(reflect.ValueOf(p).Elem())...)
	}
	seen := make(map[string]bool)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		at := slices.IndexFunc(all, func(f field) bool { return f.name == key.Value })
		switch {
		case seen[key.Value]:
			d.fail(key.Line, "%s has the key %s twice", what, key.Value)
		case at >= 0:
			d.value(n.Content[i+1], what+": "+key.Value, all[at], all[at].value)
		case d.lenient:
			d.notes = append(d.notes, fmt.Sprintf("%s:%d: %s: the key %s is not used", d.path, key.Line, what, key.Value))
		default:
			d.fail(key.Line, "%s has no key %q%s", what, key.Value, suggestion(key.Value, all))
		}
		seen[key.Value] = true
	}
}

// suggestion is the keys that there are.
func suggestion(key string, all []field) string {
	names := make([]string, len(all))
	for i, f := range all {
		names[i] = f.name
	}
	for _, n := range names {
		if strings.EqualFold(strings.ReplaceAll(key, "-", "_"), n) || distance(key, n) <= 2 {
			return "; did you mean " + n + "?"
		}
	}
	slices.Sort(names)
	return "; there are " + strings.Join(slices.Compact(names), ", ")
}

// distance is the number of characters to change, add or drop between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// kindName is what a node is, in words.
func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!null":
		return "empty"
	case "!!int", "!!float":
		return "the number " + n.Value
	case "!!bool":
		return n.Value
	}
	return "text"
}

// value fills v.
func (d *decoder) value(n *yaml.Node, what string, f field, v reflect.Value) {
	switch p := v.Addr().Interface().(type) {
	case **yaml.Node:
		*p = n
		return
	case *json.RawMessage:
		raw, err := toJSON(n)
		if err != nil {
			d.fail(n.Line, "%s: %v", what, err)
		}
		*p = raw
		return
	case *Duration:
		d.duration(n, what, p)
		return
	case *Size:
		d.size(n, what, p)
		return
	case **orchestrate.Approval:
		a, err := orchestrate.ParseApproval(n.Value)
		if err != nil || n.Kind != yaml.ScalarNode {
			d.fail(n.Line, "%s is %s, want auto, ask or deny", what, show(n))
		}
		*p = &a
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, what, f, v.Elem())
	case reflect.Struct:
		d.mapping(n, what, v.Addr().Interface())
		if l, ok := v.Addr().Interface().(interface{ at(int) }); ok {
			l.at(n.Line)
		}
	case reflect.Slice:
		d.list(n, what, f, v)
	case reflect.Map:
		d.table(n, what, f, v)
	default:
		d.scalar(n, what, f, v)
	}
}

func show(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" {
		return strconv.Quote(n.Value)
	}
	return kindName(n)
}

func (d *decoder) list(n *yaml.Node, what string, f field, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n.Line, "%s is %s, want a list", what, kindName(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	for i, c := range n.Content {
		d.value(c, fmt.Sprintf("%s[%d]", what, i), f, v.Index(i))
	}
}

func (d *decoder) table(n *yaml.Node, what string, f field, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.fail(n.Line, "%s is %s, want a mapping of names and values", what, kindName(n))
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := reflect.ValueOf(n.Content[i].Value).Convert(v.Type().Key())
		if v.MapIndex(key).IsValid() {
			d.fail(n.Content[i].Line, "%s has %s twice", what, n.Content[i].Value)
		}
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(n.Content[i+1], what+": "+n.Content[i].Value, f, e)
		v.SetMapIndex(key, e)
	}
}

// scalar fills a string, a number or a bool.
func (d *decoder) scalar(n *yaml.Node, what string, f field, v reflect.Value) {
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" {
		d.fail(n.Line, "%s is %s, want %s", what, kindName(n), wanted(v.Kind()))
		return
	}
	tag, text := n.ShortTag(), n.Value
	switch v.Kind() {
	case reflect.String:
		if tag != "!!str" && tag != "!!int" && tag != "!!float" {
			d.fail(n.Line, "%s is %s, want text; put it in quotes", what, kindName(n))
			return
		}
		if !f.plain {
			text = d.expand(n.Line, what, text, f.secret)
		}
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if tag != "!!bool" || err != nil {
			d.fail(n.Line, "%s is %s, want true or false", what, show(n))
		}
		v.SetBool(b)
	case reflect.Int:
		i, err := strconv.Atoi(text)
		if tag != "!!int" || err != nil {
			d.fail(n.Line, "%s is %s, want a whole number", what, show(n))
		}
		v.SetInt(int64(i))
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if tag != "!!int" && tag != "!!float" && !exponent(n) || err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			d.fail(n.Line, "%s is %s, want a number", what, show(n))
		}
		v.SetFloat(x)
	default:
		panic("tools: no decoding into " + v.Type().String())
	}
}

// exponent reports 1e-6, which YAML 1.1 reads as text for want of a point.
func exponent(n *yaml.Node) bool {
	_, err := strconv.ParseFloat(n.Value, 64)
	return n.ShortTag() == "!!str" && n.Style == 0 && err == nil
}

func wanted(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	}
	return "a number"
}

func (d *decoder) duration(n *yaml.Node, what string, into *Duration) {
	t, err := time.ParseDuration(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode || t <= 0 {
		d.fail(n.Line, "%s is %s, want a time with its unit, such as 500ms, 20s or 2m", what, show(n))
		return
	}
	*into = Duration(t)
}

// size reads bytes: a whole number, with B, KiB, MiB or GiB behind it or without.
func (d *decoder) size(n *yaml.Node, what string, into *Size) {
	text, unit := strings.TrimSuffix(n.Value, "B"), int64(1)
	for suffix, u := range map[string]int64{"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			text, unit = rest, u
			break
		}
	}
	i, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n.Kind != yaml.ScalarNode || i <= 0 || i > 1<<40/unit {
		d.fail(n.Line, "%s is %s, want a number of bytes such as 4096, 32KiB or 1MiB", what, show(n))
		return
	}
	*into = Size(i * unit)
}
