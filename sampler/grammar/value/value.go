// Package value reads, compares and writes JSON values without losing anything:
// numbers keep their text, objects the order of their keys, and every value the
// offset at which it stood, so that an error about a schema can point at it.
//
// Two values are equal as JSON Schema defines it (2020-12 core, 4.2.2): numbers
// by their mathematical value (1, 1.0 and 10e-1 are one number), strings by
// their characters, arrays item by item, objects whatever the order of their
// members.
package value

import "fmt"

// Kind is what a value is. The two booleans are kinds of their own.
type Kind uint8

const (
	Null Kind = iota
	False
	True
	Number
	String
	Array
	Object
)

// String returns JSON's name of the kind, as type errors show it.
func (k Kind) String() string {
	switch k {
	case Null:
		return "null"
	case False:
		return "false"
	case True:
		return "true"
	case Number:
		return "number"
	case String:
		return "string"
	case Array:
		return "array"
	case Object:
		return "object"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// A Value is a JSON value. The zero Value is null.
type Value struct {
	Kind    Kind
	Offset  int32    // of its first byte in the text that was parsed
	Text    string   // String: the characters; Number: the text as it was written
	Items   []Value  // Array
	Members []Member // Object, in the order of the text; keys differ pairwise
}

// A Member is a key and its value.
type Member struct {
	Key   string
	Value Value
}

// Len returns the number of items or members.
func (v Value) Len() int { return len(v.Items) + len(v.Members) }
