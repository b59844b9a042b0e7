package tokenizer

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(v *Vocab)
		want   string // start of the message after "tokenizer: "
	}{
		"other pre-tokeniser": {func(v *Vocab) { v.Pre = "llama-bpe" }, `pre: pre-tokenizer "llama-bpe" is not supported`},
		"no pre-tokeniser":    {func(v *Vocab) { v.Pre = "" }, `pre: pre-tokenizer "" is not supported`},
		"no tokens":           {func(v *Vocab) { v.Tokens = nil }, "tokens: the list is empty"},
		"no merges":           {func(v *Vocab) { v.Merges = nil }, "merges: the list is empty"},
		"no types":            {func(v *Vocab) { v.Types = nil }, "token_type: 0 entries for 260 tokens"},
		"too many tokens":     {func(v *Vocab) { v.Pad(maxTokens + 1) }, "tokens: 1048577 tokens, at most"},
		"type 0":              {func(v *Vocab) { v.Types[3] = 0 }, "token_type[3]: 0 is not a token type"},
		"type 7":              {func(v *Vocab) { v.Types[3] = 7 }, "token_type[3]: 7 is not a token type"},
		"negative type":       {func(v *Vocab) { v.Types[3] = -250 }, "token_type[3]: -250 is not a token type"},
		"byte token":          {func(v *Vocab) { v.Types[3] = TypeByte }, "token_type[3]: byte tokens"},
		"empty token":         {func(v *Vocab) { v.Tokens[257] = "" }, "tokens[257]: the token is empty"},
		"empty added token":   {func(v *Vocab) { v.Tokens[258] = "" }, "tokens[258]: the token is empty"},
		"duplicate":           {func(v *Vocab) { v.Tokens[257] = "ab" }, `tokens[257]: "ab" is also token 256`},
		"duplicate added":     {func(v *Vocab) { v.Tokens[259] = "<end>" }, `tokens[259]: "<end>" is also token 258`},
		"added and ordinary":  {func(v *Vocab) { v.Tokens[258] = "ab" }, `tokens[258]: "ab" is also token 256`},
		"not UTF-8":           {func(v *Vocab) { v.Tokens[258] = "<\xff>" }, `tokens[258]: "<\xff>" is not valid UTF-8`},
		"ordinary not UTF-8":  {func(v *Vocab) { v.Tokens[257] = "a\xc3" }, `tokens[257]: "a\xc3" is not valid UTF-8`},
		"byte missing":        {func(v *Vocab) { v.Tokens['z'] = "zz" }, "tokens: no token for byte 0x7a"},
		"merge of one":        {func(v *Vocab) { v.Merges[1] = "abc" }, `merges[1]: "abc" is not two tokens`},
		"merge of three":      {func(v *Vocab) { v.Merges[1] = "a b c" }, `merges[1]: "a b c" is not two tokens`},
		"merge of none":       {func(v *Vocab) { v.Merges[1] = " b" }, `merges[1]: " b" is not two tokens`},
		"unknown left":        {func(v *Vocab) { v.Merges[1] = "xy c" }, `merges[1]: "xy" is not a token`},
		"unknown right":       {func(v *Vocab) { v.Merges[1] = "c xy" }, `merges[1]: "xy" is not a token`},
		"unknown result":      {func(v *Vocab) { v.Merges[1] = "x y" }, `merges[1]: the result "xy" is not a token`},
		"merge not in bytes":  {func(v *Vocab) { v.Merges[1] = "a \u4e2d" }, "merges[1]: \"a \u4e2d\" has characters that are not in the byte-level alphabet"},
		"merge twice":         {func(v *Vocab) { v.Merges[1] = "a b" }, `merges[1]: "a b" is also merge 0`},
		"merge not UTF-8":     {func(v *Vocab) { v.Merges[1] = "a \xff" }, `merges[1]: "a \xff" has characters`},
		"bos out of range":    {func(v *Vocab) { v.BOS = 260 }, "bos_token_id: id 260 is not in the vocabulary of 260 tokens"},
		"eos out of range":    {func(v *Vocab) { v.EOS = -2 }, "eos_token_id: id -2 is not"},
		"pad out of range":    {func(v *Vocab) { v.PAD = 1 << 30 }, "padding_token_id: id 1073741824 is not"},
		"bos to add, none":    {func(v *Vocab) { v.AddBOS = true }, "add_bos_token: is true, but bos_token_id is missing"},
		"flags for no token":  {func(v *Vocab) { v.Added = []AddedToken{{ID: 258, Text: "x"}} }, `added[0]: "x" is not token 258`},
		"flags for ordinary":  {func(v *Vocab) { v.Added = []AddedToken{{ID: 97, Text: "a"}} }, `added[0]: "a" is of type 1`},
	} {
		v := tinyVocab("a+b", "ab+c")
		c.change(&v)
		_, err := New(v)
		var e *VocabError
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), "tokenizer: "+c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// tinyJSON is tinyVocab as a tokenizer.json.
func tinyJSON(t testing.TB) map[string]any {
	t.Helper()
	v := tinyVocab("a+b", "ab+c")
	vocab, merges := map[string]any{}, []any{}
	for id, s := range v.Tokens[:258] {
		vocab[s] = id
	}
	for _, m := range v.Merges {
		merges = append(merges, strings.Split(m, " "))
	}
	level := func() any {
		return map[string]any{"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false}
	}
	split := map[string]any{"type": "Split", "pattern": map[string]any{"Regex": qwen2Pattern}, "behavior": "Isolated", "invert": false}
	return map[string]any{
		"version": "1.0",
		"added_tokens": []any{
			map[string]any{"id": 258, "content": "<end>", "special": true},
			map[string]any{"id": 259, "content": "<tool>", "special": false},
		},
		"normalizer":     map[string]any{"type": "NFC"},
		"pre_tokenizer":  map[string]any{"type": "Sequence", "pretokenizers": []any{split, level()}},
		"post_processor": level(),
		"decoder":        level(),
		"model":          map[string]any{"type": "BPE", "vocab": vocab, "merges": merges, "byte_fallback": false},
	}
}

// set changes the value at a path of keys and list indices; a nil value removes it.
func set(spec any, value any, path ...any) {
	for _, p := range path[:len(path)-1] {
		if i, ok := p.(int); ok {
			spec = spec.([]any)[i]
		} else {
			spec = spec.(map[string]any)[p.(string)]
		}
	}
	switch last := path[len(path)-1].(type) {
	case int:
		spec.([]any)[last] = value
	case string:
		if value == nil {
			delete(spec.(map[string]any), last)
		} else {
			spec.(map[string]any)[last] = value
		}
	}
}

func parse(t testing.TB, spec any) (*Tokenizer, error) {
	t.Helper()
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	return FromJSON(strings.NewReader(string(data)))
}

func TestFromJSON(t *testing.T) {
	for name, change := range map[string]func(spec map[string]any){
		"as it is":          func(map[string]any) {},
		"merges as strings": func(s map[string]any) { set(s, []string{"a b", "ab c"}, "model", "merges") },
		"normaliser in a sequence": func(s map[string]any) {
			set(s, map[string]any{"type": "Sequence", "normalizers": []any{s["normalizer"]}}, "normalizer")
		},
		"no post-processor": func(s map[string]any) { set(s, nil, "post_processor") },
		"affixes empty":     func(s map[string]any) { set(s, "", "model", "end_of_word_suffix") },
	} {
		spec := tinyJSON(t)
		change(spec)
		tok, err := parse(t, spec)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := fmt.Sprint(mustEncode(t, tok, "abc<end>e\u0301", true)); got != "[257 258 195 169]" {
			t.Errorf("%s: ids %s", name, got)
		}
	}
}

func TestFromJSONGap(t *testing.T) {
	spec := tinyJSON(t)
	set(spec, 262, "added_tokens", 1, "id")
	tok, err := parse(t, spec)
	if err != nil {
		t.Fatal(err)
	}
	if tok.Size() != 263 || !tok.IsUnused(260) || tok.IsUnused(262) {
		t.Errorf("size %d, 260 unused %v, 262 unused %v", tok.Size(), tok.IsUnused(260), tok.IsUnused(262))
	}
}

func TestFromJSONRefuses(t *testing.T) {
	type path = []any
	for name, c := range map[string]struct {
		value any
		at    path
		want  string
	}{
		"no model":            {nil, path{"model"}, "tokenizer: model: is missing"},
		"other model":         {"WordPiece", path{"model", "type"}, `tokenizer: model.type: "WordPiece" is not supported`},
		"dropout":             {0.1, path{"model", "dropout"}, "tokenizer: model.dropout: 0.1 is not supported"},
		"prefix":              {"##", path{"model", "continuing_subword_prefix"}, `tokenizer: model.continuing_subword_prefix: "##"`},
		"suffix":              {"</w>", path{"model", "end_of_word_suffix"}, `tokenizer: model.end_of_word_suffix: "</w>"`},
		"byte fallback":       {true, path{"model", "byte_fallback"}, "tokenizer: model.byte_fallback: is not supported"},
		"model a string":      {"x", path{"model"}, "tokenizer: model: found string where"},
		"no normaliser":       {nil, path{"normalizer"}, "tokenizer: normalizer: none is not supported, only NFC"},
		"other normaliser":    {"NFKC", path{"normalizer", "type"}, `tokenizer: normalizer: type "NFKC" is not supported`},
		"no pre-tokeniser":    {nil, path{"pre_tokenizer"}, "tokenizer: pre_tokenizer: none is not supported"},
		"other pattern":       {`\s+`, path{"pre_tokenizer", "pretokenizers", 0, "pattern", "Regex"}, `tokenizer: pre_tokenizer.pretokenizers[0]: pattern "\\s+"`},
		"other behaviour":     {"Removed", path{"pre_tokenizer", "pretokenizers", 0, "behavior"}, "tokenizer: pre_tokenizer.pretokenizers[0]: not supported"},
		"inverted":            {true, path{"pre_tokenizer", "pretokenizers", 0, "invert"}, "tokenizer: pre_tokenizer.pretokenizers[0]: not supported"},
		"prefix space":        {true, path{"pre_tokenizer", "pretokenizers", 1, "add_prefix_space"}, "tokenizer: pre_tokenizer.pretokenizers[1]: not supported"},
		"its own pattern":     {nil, path{"pre_tokenizer", "pretokenizers", 1, "use_regex"}, "tokenizer: pre_tokenizer.pretokenizers[1]: not supported"},
		"other decoder":       {"WordPiece", path{"decoder", "type"}, `tokenizer: decoder: type "WordPiece"`},
		"other processor":     {"TemplateProcessing", path{"post_processor", "type"}, `tokenizer: post_processor: type "TemplateProcessing"`},
		"no vocabulary":       {nil, path{"model", "vocab"}, "tokenizer: model.vocab: is missing or no object"},
		"vocabulary a list":   {[]int{1}, path{"model", "vocab"}, "tokenizer: model.vocab: is missing or no object"},
		"id a string":         {"5", path{"model", "vocab", "a"}, `tokenizer: model.vocab: the id of "a" is "\"5\""`},
		"id a fraction":       {5.5, path{"model", "vocab", "a"}, `tokenizer: model.vocab: the id of "a" is "5.5"`},
		"id negative":         {-5, path{"model", "vocab", "a"}, `tokenizer: model.vocab: the id of "a" is "-5"`},
		"id huge":             {1 << 40, path{"model", "vocab", "a"}, `tokenizer: model.vocab: the id of "a" is "1099511627776"`},
		"id a list":           {[]int{1}, path{"model", "vocab", "a"}, `tokenizer: model.vocab: the id of "a" is "[1"`},
		"id twice":            {98, path{"model", "vocab", "a"}, "tokenizer: model.vocab: id 98 is both"},
		"byte missing":        {nil, path{"model", "vocab", "z"}, "tokenizer: tokens: no token for byte 0x7a"},
		"no merges":           {nil, path{"model", "merges"}, "tokenizer: model.merges: is missing or no list"},
		"merges an object":    {map[string]int{}, path{"model", "merges"}, "tokenizer: model.merges: is missing or no list"},
		"merge a number":      {7, path{"model", "merges", 1}, "tokenizer: model.merges[1]: neither"},
		"merge of three":      {[]string{"a", "b", "c"}, path{"model", "merges", 1}, "tokenizer: model.merges[1]: not a list of two"},
		"merge with a space":  {[]string{"a b", "c"}, path{"model", "merges", 1}, "tokenizer: model.merges[1]: not a list of two"},
		"merge of unknown":    {[]string{"a", "xyz"}, path{"model", "merges", 1}, `tokenizer: merges[1]: "xyz" is not a token`},
		"added without id":    {nil, path{"added_tokens", 0, "id"}, "tokenizer: added_tokens[0]: id or content is missing"},
		"added without text":  {"", path{"added_tokens", 0, "content"}, "tokenizer: added_tokens[0]: id or content is missing"},
		"added id huge":       {maxTokens, path{"added_tokens", 0, "id"}, "tokenizer: added_tokens[0]: id 1048576 is not between"},
		"added id negative":   {-1, path{"added_tokens", 0, "id"}, "tokenizer: added_tokens[0]: id -1 is not between"},
		"added id taken":      {97, path{"added_tokens", 0, "id"}, `tokenizer: added_tokens[0]: id 97 is both "a" and "<end>"`},
		"added twice":         {258, path{"added_tokens", 1, "id"}, `tokenizer: added_tokens[1]: id 258 is both "<end>" and "<tool>"`},
		"added elsewhere":     {"ab", path{"added_tokens", 1, "content"}, `tokenizer: added_tokens: "ab" has id 259 there and 256 in model.vocab`},
		"added id a string":   {"258", path{"added_tokens", 0, "id"}, "tokenizer: added_tokens.id: found string where"},
		"added tokens a word": {"x", path{"added_tokens"}, "tokenizer: added_tokens: found string where"},
	} {
		spec := tinyJSON(t)
		set(spec, c.value, c.at...)
		_, err := parse(t, spec)
		var e *VocabError
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestFromJSONBroken(t *testing.T) {
	data, err := json.Marshal(tinyJSON(t))
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(data) {
		if _, err := FromJSON(strings.NewReader(string(data[:n]))); err == nil {
			t.Fatalf("the first %d bytes of %d are accepted", n, len(data))
		}
	}
	twice := strings.Replace(string(data), `"vocab":{`, `"vocab":{"a":97,`, 1)
	if _, err := FromJSON(strings.NewReader(twice)); err == nil || !strings.Contains(err.Error(), "id 97 is both") {
		t.Errorf("a token named twice: %v", err)
	}
	var e *UTF8Error
	if _, err := FromJSON(strings.NewReader(strings.Replace(string(data), "1.0", "1.\xff", 1))); !errors.As(err, &e) {
		t.Errorf("invalid UTF-8: %v", err)
	}
}

func FuzzFromJSON(f *testing.F) {
	data, err := json.Marshal(tinyJSON(f))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(data))
	f.Add(`{"model":{"vocab":{"a":1},"merges":[["a"]]},"added_tokens":[{}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		tok, err := FromJSON(strings.NewReader(text))
		if err == nil {
			checkRoundTrip(t, tok, "abc <end> <tool>\u00e9")
		}
	})
}

// FuzzNew adds tokens, types and merges of every kind to a good vocabulary.
func FuzzNew(f *testing.F) {
	f.Add("abc\nab\u4e2d", "a b\nab c", []byte{1, 1}, int32(5))
	f.Add("\xff\n\n<x>", "a\n b\na b c", []byte{1, 3, 4, 9}, int32(-7))
	f.Fuzz(func(t *testing.T, tokens, merges string, types []byte, eos int32) {
		v := tinyVocab("a+b")
		v.Tokens = append(v.Tokens, strings.Split(tokens, "\n")...)
		for _, k := range types {
			v.Types = append(v.Types, int32(k))
		}
		v.Merges = append(v.Merges, strings.Split(merges, "\n")...)
		v.EOS = eos
		tok, err := New(v)
		if err != nil {
			if e := (*VocabError)(nil); !errors.As(err, &e) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		checkRoundTrip(t, tok, "abc <end> "+strings.ToValidUTF8(tokens, "?"))
	})
}
