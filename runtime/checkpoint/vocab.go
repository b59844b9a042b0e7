package checkpoint

import (
	"errors"
	"slices"
	"strconv"

	"orchrt/gguf"
)

// Token types of GGUF that have a meaning here.
const (
	typeNormal  = 1
	typeControl = 3
	typeUnused  = 5
	typeByte    = 6
)

// readVocab reads the byte-level BPE vocabulary and the ids that end a
// generation.
func (ck *Checkpoint) readVocab(k *keys) error {
	if model := k.str("tokenizer.ggml.model"); k.err == nil && model != "gpt2" {
		return badKey(k.path, "tokenizer.ggml.model", "%q is not supported: only gpt2, byte-level BPE, is", clip(model))
	}
	v := &ck.Vocab
	v.Pre = k.str("tokenizer.ggml.pre")
	v.Tokens = k.strs("tokenizer.ggml.tokens")
	v.Merges = k.strs("tokenizer.ggml.merges")
	if k.err != nil {
		return k.err
	}
	if err := ck.checkVocabSize(k); err != nil {
		return err
	}
	if err := ck.readTypes(k); err != nil {
		return err
	}
	v.BOS = ck.tokenID(k, "tokenizer.ggml.bos_token_id")
	v.EOS = ck.tokenID(k, "tokenizer.ggml.eos_token_id")
	v.PAD = ck.tokenID(k, "tokenizer.ggml.padding_token_id")
	if k.file.Has("tokenizer.ggml.add_bos_token") {
		add, err := k.file.Bool("tokenizer.ggml.add_bos_token")
		k.keep(err)
		v.AddBOS = add
	}
	ck.readEOS(k)
	return k.err
}

// checkVocabSize compares the tokens with the rows of the embedding.
func (ck *Checkpoint) checkVocabSize(k *keys) error {
	n := len(ck.Vocab.Tokens)
	if n == 0 {
		return badKey(k.path, "tokenizer.ggml.tokens", "is empty: the file has no vocabulary")
	}
	if n != ck.Config.Vocab {
		return badKey(k.path, "tokenizer.ggml.tokens", "has %d tokens, but %s has %d rows", n, Embedding, ck.Config.Vocab)
	}
	if k.has("vocab_size") {
		if size := k.count("vocab_size"); k.err == nil && size != n {
			return badKey(k.path, k.name("vocab_size"), "is %d, but there are %d tokens", size, n)
		}
	}
	return k.err
}

// readTypes reads the kinds of the tokens. Those of kind "unused" stand for
// rows of the embedding that have no token.
func (ck *Checkpoint) readTypes(k *keys) error {
	const key = "tokenizer.ggml.token_type"
	types, err := k.file.Ints(key)
	if errors.Is(err, gguf.ErrMissing) {
		types, err = slices.Repeat([]int64{typeNormal}, len(ck.Vocab.Tokens)), nil
	}
	if err != nil {
		return err
	}
	if len(types) != len(ck.Vocab.Tokens) {
		return badKey(k.path, key, "has %d entries for %d tokens", len(types), len(ck.Vocab.Tokens))
	}
	ck.Vocab.Types = make([]int32, len(types))
	for i, t := range types {
		if t < typeNormal || t > typeByte {
			return badKey(k.path, key, "token %d has the type %d: 1 to 6 are possible", i, t)
		}
		ck.Vocab.Types[i] = int32(t)
		if t == typeUnused {
			ck.Suppress = append(ck.Suppress, int32(i))
		}
	}
	return nil
}

// tokenID reads an id that may be absent (-1).
func (ck *Checkpoint) tokenID(k *keys, full string) int32 {
	if !k.file.Has(full) {
		return -1
	}
	id, err := k.file.Uint(full)
	if err == nil && id >= uint64(len(ck.Vocab.Tokens)) {
		err = badKey(k.path, full, "%d is no token: there are %d", id, len(ck.Vocab.Tokens))
	}
	k.keep(err)
	return int32(id)
}

// readEOS gathers the ids that end a generation: those that the file names,
// and Qwen3's two, of which a file names one only.
func (ck *Checkpoint) readEOS(k *keys) {
	add := func(id int32) {
		if id >= 0 && !slices.Contains(ck.EOS, id) {
			ck.EOS = append(ck.EOS, id)
		}
	}
	add(ck.Vocab.EOS)
	add(ck.tokenID(k, "tokenizer.ggml.eot_token_id"))
	add(ck.tokenID(k, "tokenizer.ggml.eom_token_id"))
	for id, t := range ck.Vocab.Types {
		if t != typeControl {
			continue
		}
		if text := ck.Vocab.Tokens[id]; text == "<|im_end|>" || text == "<|endoftext|>" {
			add(int32(id))
		}
	}
}

func (k *keys) strs(full string) []string {
	s, err := k.file.Strings(full)
	k.keep(err)
	return s
}

// shortest is the float64 that a float32 of a file was written for: 0.95, not
// 0.949999988079071.
func shortest(v float64) float64 {
	if f := float32(v); float64(f) == v {
		if short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', -1, 32), 64); err == nil {
			return short
		}
	}
	return v
}
