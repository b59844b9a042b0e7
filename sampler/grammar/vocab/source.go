// Package vocab holds a tokenizer's vocabulary in the forms that make the sets
// of tokens which a byte automaton allows next cheap to find.
package vocab

// Source is what a vocabulary is made of; *tokenizer.Tokenizer is one. It must
// be safe for concurrent use.
type Source interface {
	// Size is the number of ids, padding included.
	Size() int
	// Bytes returns the bytes that a token stands for, nil for padding. They
	// are not written to.
	Bytes(id int32) []byte
	// IsControl reports a special token, one that steers the model.
	IsControl(id int32) bool
	// IsUnused reports a padding row.
	IsUnused(id int32) bool
	// ID finds a token by its bytes or its spelling.
	ID(token string) (int32, bool)
	// AppendEncode appends the canonical tokens of text; with special,
	// spellings of added tokens in it become those tokens.
	AppendEncode(dst []int32, text string, special bool) ([]int32, error)
}
