package tokenizer

import (
	"encoding/json"
	"strconv"
	"strings"
)

// jsonList reads the two long lists of tokenizer.json, the vocabulary and the merges, element by element: decoding
// them with reflection takes several times as long. Its input has passed encoding/json, so its syntax is right.
type jsonList struct {
	rest string
}

// kind skips white space and separators and returns the first byte of what follows, 0 at the end.
func (l *jsonList) kind() byte {
	for l.rest != "" && strings.IndexByte(" \t\r\n,:", l.rest[0]) >= 0 {
		l.rest = l.rest[1:]
	}
	if l.rest == "" {
		return 0
	}
	return l.rest[0]
}

// open passes over a bracket or brace.
func (l *jsonList) open(b byte) bool {
	if l.kind() != b {
		return false
	}
	l.rest = l.rest[1:]
	return true
}

// text reads a string. Strings without escapes share the memory of the file.
func (l *jsonList) text() (string, bool) {
	if l.kind() != '"' {
		return "", false
	}
	end := 1
	escaped := false
	for l.rest[end] != '"' {
		if l.rest[end] == '\\' {
			escaped = true
			end++
		}
		end++
	}
	raw := l.rest[:end+1]
	l.rest = l.rest[end+1:]
	if !escaped {
		return raw[1:end], true
	}
	var s string
	err := json.Unmarshal([]byte(raw), &s)
	return s, err == nil
}

// number reads an id, and returns how it is spelt if it is none.
func (l *jsonList) number() (id int32, spelt string, ok bool) {
	l.kind()
	spelt = l.rest
	if end := strings.IndexAny(spelt, ",]} \t\r\n"); end >= 0 {
		spelt = spelt[:end]
	}
	l.rest = l.rest[len(spelt):]
	x, err := strconv.ParseUint(spelt, 10, 31)
	return int32(x), spelt, err == nil && x < maxTokens
}

type vocabEntry struct {
	text string
	id   int32
}

// parseVocab reads the object of tokens and ids; a Go map would hide a token that is named twice.
func parseVocab(raw json.RawMessage) ([]vocabEntry, error) {
	const path = "model.vocab"
	l := jsonList{string(raw)}
	if !l.open('{') {
		return nil, bad(path, -1, "is missing or no object")
	}
	entries := make([]vocabEntry, 0, len(raw)/40)
	for l.kind() == '"' {
		text, _ := l.text()
		id, spelt, ok := l.number()
		if !ok {
			return nil, bad(path, -1, "the id of %q is %q, not a whole number from 0 to %d", clip(text), clip(spelt), maxTokens-1)
		}
		entries = append(entries, vocabEntry{text, id})
	}
	return entries, nil
}

// parseMerges reads either spelling of the list: "left right", or ["left", "right"].
func parseMerges(raw json.RawMessage) ([]string, error) {
	const path = "model.merges"
	l := jsonList{string(raw)}
	if !l.open('[') {
		return nil, bad(path, -1, "is missing or no list")
	}
	merges := make([]string, 0, len(raw)/30)
	for {
		switch l.kind() {
		case '"':
			m, _ := l.text()
			merges = append(merges, m)
		case '[':
			m, ok := l.pair()
			if !ok {
				return nil, bad(path, len(merges), "not a list of two strings without spaces")
			}
			merges = append(merges, m)
		case ']':
			return merges, nil
		default:
			return nil, bad(path, len(merges), "neither a string nor a list of two")
		}
	}
}

// pair reads ["left", "right"] as "left right".
func (l *jsonList) pair() (string, bool) {
	l.open('[')
	left, ok := l.text()
	if !ok || strings.Contains(left, " ") {
		return "", false
	}
	right, ok := l.text()
	if !ok || strings.Contains(right, " ") || l.kind() != ']' {
		return "", false
	}
	l.rest = l.rest[1:]
	return left + " " + right, true
}
