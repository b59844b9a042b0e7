package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// maxJSON bounds a tokenizer.json: Qwen3's has 11 MB.
const maxJSON = 1 << 28

// tokenizerJSON is the part of tokenizer.json that decides about ids. Truncation and padding are left to whoever
// makes batches.
type tokenizerJSON struct {
	AddedTokens   []addedJSON     `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Decoder       json.RawMessage `json:"decoder"`
	Model         *modelJSON      `json:"model"`
}

type addedJSON struct {
	ID         *int32  `json:"id"`
	Content    *string `json:"content"`
	SingleWord bool    `json:"single_word"`
	LStrip     bool    `json:"lstrip"`
	RStrip     bool    `json:"rstrip"`
	Normalized bool    `json:"normalized"`
	Special    bool    `json:"special"`
}

type modelJSON struct {
	Type         string          `json:"type"`
	Dropout      *float64        `json:"dropout"`
	Prefix       string          `json:"continuing_subword_prefix"`
	Suffix       string          `json:"end_of_word_suffix"`
	ByteFallback bool            `json:"byte_fallback"`
	IgnoreMerges bool            `json:"ignore_merges"`
	Vocab        json.RawMessage `json:"vocab"`
	Merges       json.RawMessage `json:"merges"`
}

// FromJSON builds a tokenizer from a Hugging Face tokenizer.json.
func FromJSON(r io.Reader) (*Tokenizer, error) {
	v, err := ParseJSON(r)
	if err != nil {
		return nil, err
	}
	return New(v)
}

// ParseJSON reads a Hugging Face tokenizer.json as a Vocab, in the form that GGUF stores. Only byte-level BPE with
// Qwen's normaliser and pre-tokeniser is supported; anything else is a *[VocabError] that names it. Ids without a
// token become unused ones.
//
// The file does not name its special tokens' parts: EOS is <|im_end|> and PAD is <|endoftext|>, as Qwen's
// tokenizer_config.json has it, if these are added tokens; BOS is none.
func ParseJSON(r io.Reader) (Vocab, error) {
	v := Vocab{Pre: "qwen2", BOS: -1, EOS: -1, PAD: -1}
	data, err := io.ReadAll(io.LimitReader(r, maxJSON+1))
	if err != nil {
		return Vocab{}, fmt.Errorf("reading tokenizer.json: %w", err)
	}
	if len(data) > maxJSON {
		return Vocab{}, fmt.Errorf("tokenizer.json is larger than %d bytes", maxJSON)
	}
	if !utf8.Valid(data) { // encoding/json would replace it
		return Vocab{}, fmt.Errorf("tokenizer.json: %w", checkUTF8(string(data)))
	}
	var file tokenizerJSON
	if err := json.Unmarshal(data, &file); err != nil {
		return Vocab{}, jsonError("", err)
	}
	if err := file.check(); err != nil {
		return Vocab{}, err
	}
	v.IgnoreMerges = file.Model.IgnoreMerges
	if v.Merges, err = parseMerges(file.Model.Merges); err != nil {
		return Vocab{}, err
	}
	if err := v.parseTokens(file.Model.Vocab, file.AddedTokens); err != nil {
		return Vocab{}, err
	}
	return v, nil
}

// jsonError says where in tokenizer.json decoding failed.
func jsonError(path string, err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		if path == "" {
			path = wrong.Field
		}
		return bad(path, -1, "found %s where %s is expected", wrong.Value, wrong.Type)
	}
	if path == "" {
		path = "tokenizer.json"
	}
	return bad(path, -1, "not valid JSON: %v", err)
}

// check refuses what Encode would do otherwise than the file says.
func (f *tokenizerJSON) check() error {
	m := f.Model
	switch {
	case m == nil:
		return bad("model", -1, "is missing")
	case m.Type != "" && m.Type != "BPE":
		return bad("model.type", -1, "%q is not supported, only BPE", clip(m.Type))
	case m.Dropout != nil && *m.Dropout != 0:
		return bad("model.dropout", -1, "%v is not supported, only 0: ids have to be the same each time", *m.Dropout)
	case m.Prefix != "":
		return bad("model.continuing_subword_prefix", -1, "%q is not supported, only none", clip(m.Prefix))
	case m.Suffix != "":
		return bad("model.end_of_word_suffix", -1, "%q is not supported, only none", clip(m.Suffix))
	case m.ByteFallback:
		return bad("model.byte_fallback", -1, "is not supported: byte-level BPE has a token for each byte")
	}
	if err := checkStage("normalizer", f.Normalizer, "NFC"); err != nil {
		return err
	}
	if err := checkPreTokenizer(f.PreTokenizer); err != nil {
		return err
	}
	if string(f.PostProcessor) != "null" && len(f.PostProcessor) > 0 {
		if err := checkStage("post_processor", f.PostProcessor, "ByteLevel"); err != nil {
			return err
		}
	}
	return checkStage("decoder", f.Decoder, "ByteLevel")
}

// stageJSON is a normaliser, pre-tokeniser, post-processor or decoder.
type stageJSON struct {
	Type           string            `json:"type"`
	Normalizers    []json.RawMessage `json:"normalizers"`
	PreTokenizers  []json.RawMessage `json:"pretokenizers"`
	Pattern        map[string]string `json:"pattern"`
	Behavior       string            `json:"behavior"`
	Invert         bool              `json:"invert"`
	AddPrefixSpace bool              `json:"add_prefix_space"`
	UseRegex       *bool             `json:"use_regex"`
}

// checkStage requires a stage to be of the type want, or a sequence of just that.
func checkStage(path string, raw json.RawMessage, want string) error {
	var s stageJSON
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &s); err != nil {
			return jsonError(path, err)
		}
	}
	if s.Type == "Sequence" && len(s.Normalizers) == 1 {
		return checkStage(path+".normalizers[0]", s.Normalizers[0], want)
	}
	if s.Type != want {
		return bad(path, -1, "%s is not supported, only %s", describe(s.Type), want)
	}
	return nil
}

func describe(kind string) string {
	if kind == "" {
		return "none"
	}
	return fmt.Sprintf("type %q", clip(kind))
}

// checkPreTokenizer requires Qwen's: a split by its regular expression, then the byte-level alphabet.
func checkPreTokenizer(raw json.RawMessage) error {
	const path = "pre_tokenizer"
	var s stageJSON
	parts := make([]stageJSON, 2)
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &s); err != nil {
			return jsonError(path, err)
		}
	}
	if s.Type != "Sequence" || len(s.PreTokenizers) != 2 {
		return bad(path, -1, "%s is not supported, only a Sequence of Split and ByteLevel", describe(s.Type))
	}
	for i := range parts {
		if err := json.Unmarshal(s.PreTokenizers[i], &parts[i]); err != nil {
			return jsonError(fmt.Sprintf("%s.pretokenizers[%d]", path, i), err)
		}
	}
	split, level := parts[0], parts[1]
	switch {
	case split.Type != "Split" || split.Behavior != "Isolated" || split.Invert:
		return bad(path+".pretokenizers", 0, "not supported, only a Split with behavior Isolated, not inverted")
	case split.Pattern["Regex"] != qwen2Pattern:
		return bad(path+".pretokenizers", 0, "pattern %q is not supported, only that of Qwen2 and Qwen3", clip(split.Pattern["Regex"]))
	case level.Type != "ByteLevel" || level.AddPrefixSpace || level.UseRegex == nil || *level.UseRegex:
		return bad(path+".pretokenizers", 1, "not supported, only ByteLevel without add_prefix_space and use_regex")
	}
	return nil
}

// parseTokens orders the vocabulary by id and puts the added tokens into it.
func (v *Vocab) parseTokens(raw json.RawMessage, added []addedJSON) error {
	named, err := parseVocab(raw)
	if err != nil {
		return err
	}
	size := len(named) + len(added) // enough unless ids have gaps
	for _, e := range named {
		size = max(size, int(e.id)+1)
	}
	for i, a := range added {
		if a.ID == nil || a.Content == nil || *a.Content == "" {
			return bad("added_tokens", i, "id or content is missing")
		}
		if *a.ID < 0 || *a.ID >= maxTokens {
			return bad("added_tokens", i, "id %d is not between 0 and %d", *a.ID, maxTokens-1)
		}
		size = max(size, int(*a.ID)+1)
	}
	v.Tokens, v.Types = make([]string, size), make([]int32, size)
	end := 0
	ids := make(map[string]int32, len(added))
	for _, a := range added {
		ids[*a.Content] = *a.ID
	}
	for _, e := range named {
		if v.Types[e.id] != 0 {
			return bad("model.vocab", -1, "id %d is both %q and %q", e.id, clip(v.Tokens[e.id]), clip(e.text))
		}
		if id, ok := ids[e.text]; ok && id != e.id {
			return bad("added_tokens", -1, "%q has id %d there and %d in model.vocab", clip(e.text), id, e.id)
		}
		v.Tokens[e.id], v.Types[e.id] = e.text, TypeNormal
		end = max(end, int(e.id)+1)
	}
	for i, a := range added {
		if err := v.parseAdded(i, a); err != nil {
			return err
		}
		end = max(end, int(*a.ID)+1)
	}
	v.Tokens, v.Types = v.Tokens[:end], v.Types[:end]
	for id, k := range v.Types {
		if k == 0 {
			v.Tokens[id], v.Types[id] = padding(id), TypeUnused
		}
	}
	return nil
}

// parseAdded puts the i-th added token at its id.
func (v *Vocab) parseAdded(i int, a addedJSON) error {
	id, text := *a.ID, *a.Content
	if k := v.Types[id]; k != 0 && (k != TypeNormal || v.Tokens[id] != text) {
		return bad("added_tokens", i, "id %d is both %q and %q", id, clip(v.Tokens[id]), clip(text))
	}
	v.Tokens[id], v.Types[id] = text, TypeUserDefined
	if a.Special {
		v.Types[id] = TypeControl
	}
	if a.SingleWord || a.LStrip || a.RStrip || a.Normalized {
		v.Added = append(v.Added, AddedToken{ID: id, Text: text, Special: a.Special, SingleWord: a.SingleWord,
			LStrip: a.LStrip, RStrip: a.RStrip, Normalized: a.Normalized})
	}
	switch text {
	case "<|im_end|>":
		v.EOS = id
	case "<|endoftext|>":
		v.PAD = id
	}
	return nil
}
