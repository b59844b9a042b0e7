package vocab

import (
	"fmt"
	"slices"

	"orchrt/sampler/grammar/regex"
)

// Table is a vocabulary prepared for masks. It does not change and is safe for
// concurrent use.
type Table struct {
	src      Source
	size     int
	ordinary []uint64 // the tokens that stand for bytes: neither added nor padding
	bytes    [][]byte // of the ordinary tokens, by id; nil for others
	longest  int      // bytes of the longest

	all    *Trie // the ordinary tokens
	single *Trie // those of one byte
	solid  *Trie // those that are not all white space
	// Those of solid that may come outside of strings; and, of them and of the
	// tokens with a quotation mark, what may come behind a value or a string:
	outside *Trie
	quoted  quotedTokens
	tail    []int32 // by token: the tail that it is as a whole, 0 if it is none
	text    textSlices
	whole   [2]*whole // by spelling
	most    int       // characters that a token may write in a string

	blankFirst []blank // the tokens of white space, by their first byte
}

// blank are the tokens of JSON's white space that begin with a byte.
type blank struct {
	byte byte
	trie *Trie
}

// New prepares a vocabulary. The error says what about it cannot be used.
func New(src Source) (*Table, error) {
	t := &Table{src: src, size: src.Size()}
	if t.size <= 0 {
		return nil, fmt.Errorf("grammar: the vocabulary has no tokens")
	}
	tokens, err := t.read()
	if err != nil {
		return nil, err
	}
	sortEntries(tokens)
	for i := 1; i < len(tokens); i++ {
		if slices.Equal(tokens[i-1].bytes, tokens[i].bytes) {
			return nil, fmt.Errorf("grammar: tokens %d and %d of the vocabulary have the same bytes", tokens[i-1].id, tokens[i].id)
		}
	}
	if err := t.checkBytes(); err != nil {
		return nil, err
	}
	t.all = newTrie(tokens)
	t.single = newTrie(filter(tokens, func(e entry) bool { return len(e.bytes) == 1 }))
	t.slice(tokens)
	for as := range t.whole {
		t.whole[as] = newWhole(t, regex.Spelling(as))
		t.most = max(t.text.most, t.most, t.whole[as].most)
	}
	return t, nil
}

// read finds the ordinary tokens.
func (t *Table) read() ([]entry, error) {
	t.ordinary = make([]uint64, t.Words())
	t.bytes = make([][]byte, t.size)
	tokens := make([]entry, 0, t.size)
	first := t.firstControl()
	for id := range int32(t.size) {
		b := t.src.Bytes(id)
		if len(b) == 0 || t.src.IsUnused(id) || t.src.IsControl(id) {
			continue
		}
		if (id >= first || b[0] == '<' && b[len(b)-1] == '>') && t.isAdded(id, b) {
			continue
		}
		if len(b) > maxTokenBytes {
			return nil, fmt.Errorf("grammar: token %d of the vocabulary has %d bytes, at most %d are supported", id, len(b), maxTokenBytes)
		}
		t.ordinary[id>>6] |= 1 << (id & 63)
		t.bytes[id] = b
		t.longest = max(t.longest, len(b))
		tokens = append(tokens, entry{b, id})
	}
	return tokens, nil
}

// checkBytes makes sure that every text can be spelt.
func (t *Table) checkBytes() error {
	for b := range 256 {
		if id, ok := t.src.ID(string([]byte{byte(b)})); !ok || !t.IsOrdinary(id) {
			return fmt.Errorf("grammar: the vocabulary has no token for byte %#02x: it is not byte-level", b)
		}
	}
	return nil
}

// firstControl is the lowest id of a special token; other added tokens, which
// Source does not tell from ordinary ones, stand behind it or are spelt as tags.
func (t *Table) firstControl() int32 {
	for id := range int32(t.size) {
		if t.src.IsControl(id) {
			return id
		}
	}
	return int32(t.size)
}

// isAdded reports that only a tokenizer that looks for added tokens makes b
// the token id.
func (t *Table) isAdded(id int32, b []byte) bool {
	is := func(special bool) bool {
		ids, err := t.src.AppendEncode(nil, string(b), special)
		return err == nil && len(ids) == 1 && ids[0] == id
	}
	return is(true) && !is(false)
}

// Size is the number of ids.
func (t *Table) Size() int { return t.size }

// Words is the length of a mask: (Size+63)/64.
func (t *Table) Words() int { return (t.size + 63) / 64 }

// Ordinary is the set of the tokens that stand for bytes. It must not be
// written to.
func (t *Table) Ordinary() []uint64 { return t.ordinary }

// IsOrdinary reports that id stands for bytes: it is no added token, no
// padding, and in range.
func (t *Table) IsOrdinary(id int32) bool {
	return id >= 0 && int(id) < t.size && t.bytes[id] != nil
}

// Bytes returns what an ordinary token stands for; nil for any other id. They
// must not be written to.
func (t *Table) Bytes(id int32) []byte {
	if id < 0 || int(id) >= t.size {
		return nil
	}
	return t.bytes[id]
}

// Special finds an added token by its spelling; -1 if there is none.
func (t *Table) Special(spelling string) int32 {
	id, ok := t.src.ID(spelling)
	if !ok || t.IsOrdinary(id) {
		return -1
	}
	return id
}

// Trie holds all ordinary tokens.
func (t *Table) Trie() *Trie { return t.all }
