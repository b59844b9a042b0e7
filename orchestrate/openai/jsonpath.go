package openai

import (
	"strconv"
	"strings"
)

// maxPath is the longest path that pathAt gives, in steps.
const maxPath = 8

// pathAt is the path of the value that a JSON text cut off at its end was in, as
// error messages write it: messages[0].content. The text need not be proper JSON
// before that; the path is "" where it is outside of any field.
func pathAt(text []byte) string {
	type step struct {
		array bool
		index int
		key   string // "" before its colon
	}
	var steps []step
	last := "" // the last string, which may turn out to be a key
	for i := 0; i < len(text); i++ {
		top := len(steps) - 1
		switch b := text[i]; {
		case b == '"':
			n := stringEnd(text[i:])
			if last = ""; i+n <= len(text) && n <= 2*maxName {
				last = string(text[i+1 : i+n-1])
			}
			i += n - 1
		case b == '{' || b == '[':
			if len(steps) == maxDepth {
				return ""
			}
			steps = append(steps, step{array: b == '['})
		case (b == '}' || b == ']') && top >= 0:
			steps = steps[:top]
		case b == ':' && top >= 0:
			steps[top].key = last
		case b == ',' && top >= 0:
			steps[top].index++
			steps[top].key = ""
		}
	}
	var path strings.Builder
	end := func() string { return clip(strings.ToValidUTF8(path.String(), "\ufffd")) }
	for i, s := range steps {
		switch {
		case i == maxPath:
			return end()
		case s.array:
			path.WriteString("[" + strconv.Itoa(s.index) + "]")
		case s.key == "":
			return end()
		case i > 0:
			path.WriteString("." + s.key)
		default:
			path.WriteString(s.key)
		}
	}
	return end()
}

// stringEnd is the length of the JSON string that text starts with, its quotes
// included; beyond the end of the text where it does not end.
func stringEnd(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text) + 1
}
