package tokenizer

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Token types, as GGUF's tokenizer.ggml.token_type numbers them.
const (
	TypeNormal      int32 = 1
	TypeUnknown     int32 = 2
	TypeControl     int32 = 3 // an added token that "skip special tokens" leaves out of decoded text
	TypeUserDefined int32 = 4 // an added token that is ordinary text when decoded
	TypeUnused      int32 = 5 // a row without a token: never the result of Encode, empty when decoded
	TypeByte        int32 = 6 // not part of byte-level BPE: refused
)

// Limits of the packed tables.
const (
	maxTokens = 1 << 20
	maxMerges = 1<<24 - 2
)

// Vocab is a vocabulary as files hold it, the input of [New]. The field names of GGUF are tokenizer.ggml.tokens,
// .token_type, .merges, .pre, .bos_token_id, .eos_token_id, .padding_token_id and .add_bos_token.
type Vocab struct {
	Tokens []string // by id: byte-level alphabet for ordinary tokens, literal text for added ones
	Types  []int32  // by id, see TypeNormal …
	Merges []string // "left right", the most important first
	Pre    string   // the pre-tokeniser: "qwen2"
	BOS    int32    // -1 = none, as for the next two
	EOS    int32
	PAD    int32
	AddBOS bool // the model expects BOS first; Encode leaves that to its caller

	// Added tells how added tokens match text, where the file says so (tokenizer.json does, GGUF does not). Tokens of
	// type control and user-defined that it does not name match exactly as they are spelt.
	Added []AddedToken
	// IgnoreMerges makes a word that is itself a token that token, whatever the merges say.
	IgnoreMerges bool
}

// Pad lengthens the vocabulary to size rows with unused ones, as a model's embedding matrix is padded. It does
// nothing where size is not larger.
func (v *Vocab) Pad(size int) {
	for i := len(v.Tokens); i < size; i++ {
		v.Tokens = append(v.Tokens, padding(i))
		v.Types = append(v.Types, TypeUnused)
	}
}

// padding is the text that GGUF files give a row without a token.
func padding(id int) string { return "[PAD" + strconv.Itoa(id) + "]" }

// AddedToken is a token that stands for its literal spelling, found in the text before anything else is done to it.
type AddedToken struct {
	ID         int32
	Text       string
	Special    bool // left out of decoded text where special tokens are skipped
	SingleWord bool // matches only where no word character touches it
	LStrip     bool // takes the white space before it
	RStrip     bool // takes the white space behind it
	Normalized bool // matches in normalised text, by its normalised spelling
}

// VocabError reports a vocabulary that cannot be used.
type VocabError struct {
	Key    string // tokens, token_type, merges, pre, bos_token_id …, or a path within tokenizer.json
	Index  int    // the entry, -1 where Key is no list
	Reason string
}

func (e *VocabError) Error() string {
	if e.Index < 0 {
		return fmt.Sprintf("tokenizer: %s: %s", e.Key, e.Reason)
	}
	return fmt.Sprintf("tokenizer: %s[%d]: %s", e.Key, e.Index, e.Reason)
}

func bad(key string, index int, format string, args ...any) error {
	return &VocabError{Key: key, Index: index, Reason: fmt.Sprintf(format, args...)}
}

// New builds a tokenizer. Errors are *[VocabError].
func New(v Vocab) (*Tokenizer, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	t := &Tokenizer{
		chars:  newChars(),
		types:  make([]uint8, len(v.Tokens)),
		bos:    v.BOS,
		eos:    v.EOS,
		pad:    v.PAD,
		addBOS: v.AddBOS,

		ignoreMerges: v.IgnoreMerges,
	}
	for i, k := range v.Types {
		t.types[i] = uint8(k)
	}
	if err := t.loadTokens(v.Tokens); err != nil {
		return nil, err
	}
	if err := t.loadMerges(v.Merges); err != nil {
		return nil, err
	}
	if err := t.loadAdded(v); err != nil {
		return nil, err
	}
	t.scratch.New = func() any { return newScratch() }
	t.giant = make(chan struct{}, 1)
	return t, nil
}

// check looks at everything that needs no table.
func (v *Vocab) check() error {
	switch {
	case v.Pre != "qwen2":
		return bad("pre", -1, "pre-tokenizer %q is not supported, only qwen2", clip(v.Pre))
	case len(v.Tokens) == 0:
		return bad("tokens", -1, "the list is empty")
	case len(v.Tokens) > maxTokens:
		return bad("tokens", -1, "%d tokens, at most %d", len(v.Tokens), maxTokens)
	case len(v.Types) != len(v.Tokens):
		return bad("token_type", -1, "%d entries for %d tokens", len(v.Types), len(v.Tokens))
	case len(v.Merges) == 0:
		return bad("merges", -1, "the list is empty")
	case len(v.Merges) > maxMerges:
		return bad("merges", -1, "%d merges, at most %d", len(v.Merges), maxMerges)
	}
	for i, k := range v.Types {
		if k == TypeByte {
			return bad("token_type", i, "byte tokens are not part of byte-level BPE")
		}
		if k < TypeNormal || k > TypeByte {
			return bad("token_type", i, "%d is not a token type (1 to 5)", k)
		}
	}
	for _, x := range []struct {
		key string
		id  int32
	}{{"bos_token_id", v.BOS}, {"eos_token_id", v.EOS}, {"padding_token_id", v.PAD}} {
		if x.id < -1 || int(x.id) >= len(v.Tokens) {
			return bad(x.key, -1, "id %d is not in the vocabulary of %d tokens", x.id, len(v.Tokens))
		}
	}
	if v.AddBOS && v.BOS < 0 {
		return bad("add_bos_token", -1, "is true, but bos_token_id is missing")
	}
	return nil
}

// loadTokens fills the texts, the index of ordinary tokens, the literal ones and the 256 bytes.
func (t *Tokenizer) loadTokens(tokens []string) error {
	size := 0
	for _, s := range tokens {
		size += len(s)
	}
	if size > 1<<31 {
		return bad("tokens", -1, "%d bytes of text, at most 2 GiB", size)
	}
	t.texts = newTexts(len(tokens), size)
	t.words = newWordTable(len(tokens))
	t.literal = make(map[string]int32)
	for i, s := range tokens {
		if int32(t.types[i]) == TypeUnused {
			t.texts.end()
			continue
		}
		if s == "" {
			return bad("tokens", i, "the token is empty")
		}
		ordinary := int32(t.types[i]) == TypeNormal && t.texts.addByteLevel(s)
		if !ordinary {
			if !utf8.ValidString(s) {
				return bad("tokens", i, "%q is not valid UTF-8", clip(s))
			}
			if j, ok := t.literal[s]; ok {
				return bad("tokens", i, "%q is also token %d", clip(s), j)
			}
			t.literal[s] = int32(i)
			t.texts.add(s)
		} else if j, ok := t.words.insert(&t.texts, int32(i)); !ok {
			return bad("tokens", i, "%q is also token %d", clip(s), j)
		}
	}
	return t.checkTokens()
}

// checkTokens finds the 256 bytes, and spellings that are both an ordinary and an added token.
func (t *Tokenizer) checkTokens() error {
	for s, id := range t.literal {
		if b, ok := appendByteLevel(nil, s); ok {
			if j := t.words.find(&t.texts, b); j >= 0 {
				return bad("tokens", int(max(id, j)), "%q is also token %d", clip(s), min(id, j))
			}
		}
	}
	for r := rune(0); r < alphabetEnd; r++ {
		b, ok := alphabetByte(r)
		if !ok {
			continue
		}
		id := t.part(string(r), []byte{b})
		if id < 0 {
			return bad("tokens", -1, "no token for byte 0x%02x: this is not a byte-level vocabulary", b)
		}
		t.bytes[b] = uint32(id)
	}
	return nil
}

// loadMerges fills the tables of pairs.
func (t *Tokenizer) loadMerges(merges []string) error {
	t.pairs = newPairTable(len(merges))
	t.results = make([]uint32, len(merges))
	var joined []byte
	next := int32(-1) // vocabularies mostly list the results of merges in order
	for rank, m := range merges {
		left, right, ok := strings.Cut(m, " ")
		if !ok || left == "" || right == "" || strings.Contains(right, " ") {
			return bad("merges", rank, "%q is not two tokens with a space between them", clip(m))
		}
		joined, ok = appendByteLevel(joined[:0], left)
		cut := len(joined)
		if ok {
			joined, ok = appendByteLevel(joined, right)
		}
		if !ok {
			return bad("merges", rank, "%q has characters that are not in the byte-level alphabet", clip(m))
		}
		a, b := t.part(left, joined[:cut]), t.part(right, joined[cut:])
		if a < 0 || b < 0 {
			missing := left
			if a >= 0 {
				missing = right
			}
			return bad("merges", rank, "%q is not a token", clip(missing))
		}
		result := next
		if result < 0 || int(result) >= len(t.types) || string(t.texts.at(result)) != string(joined) {
			result = t.part(left+right, joined)
		}
		if result < 0 {
			return bad("merges", rank, "the result %q is not a token", clip(left+right))
		}
		next = result + 1
		if first, ok := t.pairs.insert(uint32(a), uint32(b), uint32(rank)); !ok {
			return bad("merges", rank, "%q is also merge %d", clip(m), first)
		}
		t.results[rank] = uint32(result)
	}
	t.fillBytePairs()
	return nil
}

// part finds the token that a merge names: stored as in the file, text as its bytes. It returns -1 if there is none.
func (t *Tokenizer) part(stored string, text []byte) int32 {
	if id := t.words.find(&t.texts, text); id >= 0 {
		return id
	}
	if id, ok := t.literal[stored]; ok {
		return id
	}
	return -1
}

// loadAdded sets up the matching of added tokens.
func (t *Tokenizer) loadAdded(v Vocab) error {
	flags := make(map[int32]AddedToken, len(v.Added))
	for i, a := range v.Added {
		if a.ID < 0 || int(a.ID) >= len(v.Tokens) || v.Tokens[a.ID] != a.Text {
			return bad("added", i, "%q is not token %d", clip(a.Text), a.ID)
		}
		if k := v.Types[a.ID]; k != TypeControl && k != TypeUserDefined {
			return bad("added", i, "%q is of type %d, not control or user-defined", clip(a.Text), k)
		}
		flags[a.ID] = a
	}
	for i, k := range v.Types {
		if k != TypeControl && k != TypeUserDefined && k != TypeUnknown {
			continue
		}
		a, ok := flags[int32(i)]
		if !ok {
			a = AddedToken{ID: int32(i), Text: v.Tokens[i]}
		}
		a.Special = k != TypeUserDefined
		t.added = append(t.added, a)
		if a.Normalized {
			a.Text = t.chars.nfc(a.Text)
			t.inNormal.add(a)
		} else {
			t.inRaw.add(a)
		}
	}
	return nil
}

// clip shortens text for an error message.
func clip(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
