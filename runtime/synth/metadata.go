package synth

import (
	_ "embed"
	"fmt"

	"orchrt/tokenizer"
)

// chatTemplate is the template of Qwen3's tokenizer_config.json.
//
//go:embed testdata/chat_template.jinja
var chatTemplate string

// tokenUnused is GGUF's token_type of an embedding row without a token.
const tokenUnused = 5

// pair is one key of the metadata. The value's Go type is its type in the file.
type pair struct {
	key   string
	value any // string, uint32, float32, bool, []string or []int32
}

// metadata lists the keys of a model in the order of the file.
func metadata(s Shape, m mix, v tokenizer.Vocab) []pair {
	arch := func(key string, value any) pair { return pair{"qwen3." + key, value} }
	n := func(i int) uint32 { return uint32(i) }
	ps := []pair{
		{"general.architecture", "qwen3"},
		{"general.type", "model"},
		{"general.name", s.Title + " random " + m.name},
		{"general.basename", "Qwen3"},
		{"general.size_label", s.Size},
		{"general.description", "Random weights in the shape of a Qwen3, for benchmarks: it has learnt nothing."},
		arch("block_count", n(s.Layers)),
		arch("context_length", n(s.Context)),
		arch("embedding_length", n(s.Hidden)),
		arch("feed_forward_length", n(s.FFN)),
		arch("attention.head_count", n(s.Heads)),
		arch("attention.head_count_kv", n(s.KVHeads)),
		arch("attention.key_length", n(s.HeadDim)),
		arch("attention.value_length", n(s.HeadDim)),
		arch("attention.layer_norm_rms_epsilon", float32(1e-6)),
		arch("rope.freq_base", float32(1e6)),
		{"general.sampling.temp", float32(0.6)},
		{"general.sampling.top_k", int32(20)},
		{"general.sampling.top_p", float32(0.95)},
		{"general.quantization_version", uint32(2)},
		{"general.file_type", m.fileType},
		{"tokenizer.ggml.model", "gpt2"},
		{"tokenizer.ggml.pre", v.Pre},
		{"tokenizer.ggml.tokens", v.Tokens},
		{"tokenizer.ggml.token_type", v.Types},
		{"tokenizer.ggml.merges", v.Merges},
	}
	for _, id := range []struct {
		key string
		id  int32
	}{{"bos", v.BOS}, {"eos", v.EOS}, {"padding", v.PAD}} {
		if id.id >= 0 {
			ps = append(ps, pair{"tokenizer.ggml." + id.key + "_token_id", uint32(id.id)})
		}
	}
	return append(ps,
		pair{"tokenizer.ggml.add_bos_token", v.AddBOS},
		pair{"tokenizer.chat_template", chatTemplate})
}

// padVocab gives every embedding row a token: rows past the vocabulary become
// unused tokens [PADn], as the converters of real checkpoints name them.
func padVocab(v tokenizer.Vocab, rows int) (tokenizer.Vocab, error) {
	if len(v.Tokens) == 0 || len(v.Tokens) > rows {
		return v, fmt.Errorf("synth: a vocabulary of %d tokens does not fit the shape's %d rows", len(v.Tokens), rows)
	}
	if len(v.Types) != len(v.Tokens) {
		return v, fmt.Errorf("synth: a vocabulary of %d tokens has %d token types", len(v.Tokens), len(v.Types))
	}
	tokens, types := make([]string, 0, rows), make([]int32, 0, rows)
	tokens, types = append(tokens, v.Tokens...), append(types, v.Types...)
	for i := len(tokens); i < rows; i++ {
		tokens, types = append(tokens, fmt.Sprintf("[PAD%d]", i)), append(types, tokenUnused)
	}
	v.Tokens, v.Types = tokens, types
	return v, nil
}
