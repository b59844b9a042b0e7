package checkpoint

import (
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"orchrt/gguf"
	"orchrt/kernels"
	"orchrt/runtime/internal/tiny"
	"orchrt/tokenizer"
)

// write writes a tiny model after a change and returns its path.
func write(t testing.TB, change func(*tiny.Model)) string {
	t.Helper()
	m := tiny.Small()
	m.Meta = make(map[string]any)
	if change != nil {
		change(&m)
	}
	path := filepath.Join(t.TempDir(), "model.gguf")
	if err := m.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// open opens a tiny model after a change.
func open(t testing.TB, change func(*tiny.Model)) *Checkpoint {
	t.Helper()
	ck, err := Open(write(t, change))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ck.Close() })
	return ck
}

// nvfp4 has one matrix in NVFP4 with both of its scales, 0.25.
func nvfp4(change func(*tiny.Model)) func(*tiny.Model) {
	return func(m *tiny.Model) {
		m.Hidden = 64
		m.Kinds = map[string]gguf.Type{"blk.0.attn_q.weight": gguf.NVFP4}
		m.Extra = []string{"blk.0.attn_q.scale", "blk.0.attn_q.input_scale"}
		m.Shapes = map[string][]int64{"blk.0.attn_q.scale": {1}, "blk.0.attn_q.input_scale": {1}}
		m.Fill = func(string, int) float32 { return 0.25 }
		if change != nil {
			change(m)
		}
	}
}

func set(key string, value any) func(*tiny.Model) {
	return func(m *tiny.Model) { m.Meta[key] = value }
}

func TestOpen(t *testing.T) {
	ck := open(t, nil)
	want := Config{
		Layers: 2, Hidden: 32, FFN: 64, Heads: 4, KVHeads: 2, HeadDim: 16, Vocab: 288, Context: 512,
		Eps: 1e-6, RopeBase: 1e6, RopeScaling: RopeScaling{Kind: RopeNone},
	}
	if ck.Config != want {
		t.Errorf("config %+v, want %+v", ck.Config, want)
	}
	kind, shape, data, ok := ck.Tensor("blk.1.ffn_down.weight")
	if !ok || kind != kernels.F32 || !slices.Equal(shape, []int{32, 64}) {
		t.Errorf("ffn_down: %v %v %v", kind, shape, ok)
	}
	first := make([]byte, 32*64*4)
	if n, err := data.ReadAt(first, 0); n != len(first) || err != nil && err != io.EOF {
		t.Errorf("read %d bytes: %v", n, err)
	}
	ck.Release("blk.1.ffn_down.weight")
	ck.Release("no such tensor")
	again := make([]byte, len(first))
	if _, err := data.ReadAt(again, 0); err != nil && err != io.EOF || !slices.Equal(first, again) {
		t.Errorf("a released tensor reads differently: %v", err)
	}
	if _, _, _, ok := ck.Tensor("blk.2.ffn_down.weight"); ok {
		t.Error("a tensor of a layer too many")
	}
	if !slices.Equal(ck.EOS, []int32{279, 277}) {
		t.Errorf("eos %v, want im_end and endoftext", ck.EOS)
	}
	if len(ck.Suppress) != 8 || ck.Suppress[0] != 280 {
		t.Errorf("suppressed %v, want 280 to 287", ck.Suppress)
	}
	v := ck.Vocab
	if len(v.Tokens) != 288 || len(v.Types) != 288 || v.Pre != "qwen2" || v.EOS != 279 || v.BOS != -1 || v.PAD != 277 || v.AddBOS {
		t.Errorf("vocabulary of %d: pre %q, eos %d, bos %d, pad %d", len(v.Tokens), v.Pre, v.EOS, v.BOS, v.PAD)
	}
	if _, err := tokenizer.New(v); err != nil {
		t.Errorf("the tokenizer does not take the vocabulary: %v", err)
	}
	if ck.ChatTemplate != "{{ messages }}" || ck.Name != "tiny" {
		t.Errorf("template %q, name %q", ck.ChatTemplate, ck.Name)
	}
}

// TestVariants are files that must be read, with what they mean.
func TestVariants(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*tiny.Model)
		ok     func(*Checkpoint) bool
	}{
		{"tied", func(m *tiny.Model) { m.Tied = true }, func(ck *Checkpoint) bool { return ck.Config.Tied }},
		{"no key_length", func(m *tiny.Model) {
			m.Heads, m.KVHeads = 2, 1
			m.Meta["qwen3.attention.key_length"], m.Meta["qwen3.attention.value_length"] = nil, nil
		}, func(ck *Checkpoint) bool { return ck.Config.HeadDim == 16 }},
		{"no head_count_kv", func(m *tiny.Model) { m.KVHeads = 4; m.Meta["qwen3.attention.head_count_kv"] = nil },
			func(ck *Checkpoint) bool { return ck.Config.KVHeads == 4 }},
		{"signed numbers", set("qwen3.block_count", int32(2)), func(ck *Checkpoint) bool { return ck.Config.Layers == 2 }},
		{"64-bit numbers", set("qwen3.block_count", uint64(2)), func(ck *Checkpoint) bool { return ck.Config.Layers == 2 }},
		{"NVFP4", nvfp4(nil), func(ck *Checkpoint) bool {
			return ck.Scale("blk.0.attn_q.weight") == 0.25 && ck.Scale("blk.1.attn_q.weight") == 1
		}},
		{"type model", set("general.type", "model"), func(ck *Checkpoint) bool { return true }},
		{"no token types", set("tokenizer.ggml.token_type", nil), func(ck *Checkpoint) bool { return len(ck.Suppress) == 0 }},
		{"no template", set("tokenizer.chat_template", nil), func(ck *Checkpoint) bool { return ck.ChatTemplate == "" }},
		{"eot id", set("tokenizer.ggml.eot_token_id", uint32(5)), func(ck *Checkpoint) bool { return slices.Equal(ck.EOS, []int32{279, 5, 277}) }},
		{"vocab_size", set("qwen3.vocab_size", uint32(288)), func(ck *Checkpoint) bool { return true }},
		{"linear", func(m *tiny.Model) {
			m.Meta["qwen3.rope.scaling.type"], m.Meta["qwen3.rope.scaling.factor"] = "linear", float32(2)
		}, func(ck *Checkpoint) bool {
			f, a := ck.Config.Frequencies()
			return f[0] == 0.5 && a == 1
		}},
		{"old linear", set("qwen3.rope.scale_linear", float32(4)), func(ck *Checkpoint) bool {
			f, _ := ck.Config.Frequencies()
			return f[0] == 0.25
		}},
		{"scaling none", set("qwen3.rope.scaling.type", "none"), func(ck *Checkpoint) bool {
			f, a := ck.Config.Frequencies()
			return f[0] == 1 && a == 1
		}},
		{"yarn", func(m *tiny.Model) {
			m.Meta["qwen3.rope.scaling.type"], m.Meta["qwen3.rope.scaling.factor"] = "yarn", float32(4)
			m.Meta["qwen3.rope.scaling.original_context_length"] = uint32(32768)
		}, func(ck *Checkpoint) bool {
			s := ck.Config.RopeScaling
			return s.Kind == RopeYaRN && s.Factor == 4 && s.Original == 32768 && s.BetaFast == 32 && s.BetaSlow == 1 &&
				math.Abs(s.Attn-1.138629436111989) < 1e-12
		}},
		{"sampling", func(m *tiny.Model) {
			m.Meta["general.sampling.temp"], m.Meta["general.sampling.top_p"] = float32(0.6), float32(0.95)
			m.Meta["general.sampling.top_k"] = int32(20)
		}, func(ck *Checkpoint) bool {
			s := ck.Sampling
			return *s.Temperature == 0.6 && *s.TopP == 0.95 && *s.TopK == 20 && s.MinP == nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if ck := open(t, tt.change); !tt.ok(ck) {
				t.Errorf("read as %+v, eos %v, sampling %+v", ck.Config, ck.EOS, ck.Sampling)
			}
		})
	}
}

// yarn is a change to a file with YaRN and one more key.
func yarn(key string, value any) func(*tiny.Model) {
	return func(m *tiny.Model) {
		m.Meta["qwen3.rope.scaling.type"], m.Meta["qwen3.rope.scaling.factor"] = "yarn", float32(4)
		m.Meta["qwen3.rope.scaling.original_context_length"] = uint32(32768)
		m.Meta[key] = value
	}
}

// sized is a change to one dimension and the key that tells it.
func sized(key string, value any) func(*tiny.Model) { return set("qwen3."+key, value) }

// TestRefused are files that must not be read. The error names the key or
// tensor, or the reason.
func TestRefused(t *testing.T) {
	tokens := func(change func([]string) []string) func(*tiny.Model) {
		return func(m *tiny.Model) {
			ck := open(t, nil)
			m.Meta["tokenizer.ggml.tokens"] = change(slices.Clone(ck.Vocab.Tokens))
		}
	}
	types := func(change func([]int32) []int32) func(*tiny.Model) {
		return func(m *tiny.Model) {
			ck := open(t, nil)
			m.Meta["tokenizer.ggml.token_type"] = change(slices.Clone(ck.Vocab.Types))
		}
	}
	missing := func(name string) func(*tiny.Model) { return func(m *tiny.Model) { m.Missing = []string{name} } }
	extra := func(name string) func(*tiny.Model) { return func(m *tiny.Model) { m.Extra = []string{name} } }
	shaped := func(name string, dims ...int64) func(*tiny.Model) {
		return func(m *tiny.Model) { m.Shapes = map[string][]int64{name: dims} }
	}
	for _, tt := range []struct {
		name   string
		change func(*tiny.Model)
		want   []string // what the message holds
	}{
		{"no architecture", set("general.architecture", nil), []string{"general.architecture"}},
		{"other architecture", set("general.architecture", "qwen3moe"), []string{"general.architecture", "qwen3moe"}},
		{"adapter", set("general.type", "adapter"), []string{"adapter"}},
		{"mmproj", set("general.type", "mmproj"), []string{"mmproj"}},
		{"imatrix", set("general.type", "imatrix"), []string{"imatrix"}},

		{"no layers key", sized("block_count", nil), []string{"qwen3.block_count"}},
		{"no width", sized("embedding_length", nil), []string{"qwen3.embedding_length"}},
		{"no ffn", sized("feed_forward_length", nil), []string{"qwen3.feed_forward_length"}},
		{"no heads key", sized("attention.head_count", nil), []string{"qwen3.attention.head_count"}},
		{"no context", sized("context_length", nil), []string{"qwen3.context_length"}},
		{"no eps", sized("attention.layer_norm_rms_epsilon", nil), []string{"layer_norm_rms_epsilon"}},
		{"no rope base", sized("rope.freq_base", nil), []string{"qwen3.rope.freq_base"}},

		{"heads as text", sized("attention.head_count", "four"), []string{"qwen3.attention.head_count"}},
		{"heads per layer", sized("attention.head_count", []uint32{4, 4}), []string{"qwen3.attention.head_count"}},
		{"layers as float", sized("block_count", float32(2)), []string{"qwen3.block_count"}},
		{"negative layers", sized("block_count", int32(-2)), []string{"qwen3.block_count"}},
		{"architecture as number", set("general.architecture", uint32(3)), []string{"general.architecture"}},

		{"0 layers", sized("block_count", uint32(0)), []string{"qwen3.block_count", "0"}},
		{"10^6 layers", sized("block_count", uint32(1e6)), []string{"qwen3.block_count", "1000000"}},
		{"2^63 layers", sized("block_count", uint64(1<<63)), []string{"qwen3.block_count"}},
		{"0 heads", sized("attention.head_count", uint32(0)), []string{"qwen3.attention.head_count"}},
		{"0 KV heads", sized("attention.head_count_kv", uint32(0)), []string{"qwen3.attention.head_count_kv"}},
		{"KV heads do not divide", sized("attention.head_count_kv", uint32(3)), []string{"head_count_kv", "divide"}},
		{"0 head size", func(m *tiny.Model) {
			m.Meta["qwen3.attention.key_length"], m.Meta["qwen3.attention.value_length"] = uint32(0), uint32(0)
		}, []string{"qwen3.attention.key_length"}},
		{"odd head size", sized("attention.key_length", uint32(15)), []string{"value_length"}},
		{"huge head size", func(m *tiny.Model) {
			m.Meta["qwen3.attention.key_length"], m.Meta["qwen3.attention.value_length"] = uint32(1<<20), uint32(1<<20)
		}, []string{"key_length"}},
		{"head size not given and not whole", func(m *tiny.Model) {
			m.Meta["qwen3.attention.key_length"], m.Meta["qwen3.attention.head_count"] = nil, uint32(5)
		}, []string{"head_count", "do not divide"}},
		{"partial rotation", sized("rope.dimension_count", uint32(8)), []string{"rope.dimension_count"}},
		{"context 2^31", sized("context_length", uint32(1<<31)), []string{"qwen3.context_length"}},
		{"context 0", sized("context_length", uint32(0)), []string{"qwen3.context_length"}},
		{"context -1", sized("context_length", int32(-1)), []string{"qwen3.context_length"}},
		{"rope base NaN", sized("rope.freq_base", float32(math.NaN())), []string{"rope.freq_base"}},
		{"rope base Inf", sized("rope.freq_base", float32(math.Inf(1))), []string{"rope.freq_base"}},
		{"rope base 0", sized("rope.freq_base", float32(0)), []string{"rope.freq_base"}},
		{"eps NaN", sized("attention.layer_norm_rms_epsilon", float32(math.NaN())), []string{"layer_norm_rms_epsilon"}},
		{"eps -1", sized("attention.layer_norm_rms_epsilon", float32(-1)), []string{"layer_norm_rms_epsilon"}},

		{"longrope", sized("rope.scaling.type", "longrope"), []string{"rope.scaling.type", "longrope", "yarn"}},
		{"linear without factor", sized("rope.scaling.type", "linear"), []string{"rope.scaling.factor"}},
		{"yarn without context", func(m *tiny.Model) {
			m.Meta["qwen3.rope.scaling.type"], m.Meta["qwen3.rope.scaling.factor"] = "yarn", float32(4)
		}, []string{"original_context_length"}},
		{"yarn factor 0", yarn("qwen3.rope.scaling.factor", float32(0)), []string{"rope.scaling.factor"}},
		{"yarn factor NaN", yarn("qwen3.rope.scaling.factor", float32(math.NaN())), []string{"rope.scaling.factor"}},
		{"yarn betas", yarn("qwen3.rope.scaling.yarn_beta_fast", float32(0.5)), []string{"yarn_beta_fast"}},
		{"yarn ext factor", yarn("qwen3.rope.scaling.yarn_ext_factor", float32(0.5)), []string{"yarn_ext_factor"}},
		{"yarn log multiplier", yarn("qwen3.rope.scaling.yarn_log_multiplier", float32(0.1)), []string{"yarn_log_multiplier"}},

		{"missing norm", missing("blk.1.ffn_norm.weight"), []string{"blk.1.ffn_norm.weight", "missing"}},
		{"missing embedding", missing("token_embd.weight"), []string{"token_embd.weight", "missing"}},
		{"a layer too many", sized("block_count", uint32(3)), []string{"blk.2.", "missing"}},
		{"a layer too few", sized("block_count", uint32(1)), []string{"blk.1.", "no part"}},
		{"bias", extra("blk.0.attn_q.bias"), []string{"blk.0.attn_q.bias", "bias"}},
		{"scale of another type", extra("blk.0.attn_q.scale"), []string{"blk.0.attn_q.scale", "NVFP4 only"}},
		{"scale in F16", nvfp4(func(m *tiny.Model) { m.Kinds["blk.0.attn_q.scale"] = gguf.F16 }), []string{"blk.0.attn_q.scale", "F16"}},
		{"scales of rows", nvfp4(func(m *tiny.Model) { m.Shapes["blk.0.attn_q.scale"] = []int64{64} }), []string{"blk.0.attn_q.scale", "[64]"}},
		{"scale 0", nvfp4(func(m *tiny.Model) { m.Fill = func(string, int) float32 { return 0 } }), []string{"blk.0.attn_q.scale", "positive"}},
		{"scale NaN", nvfp4(func(m *tiny.Model) { m.Fill = func(string, int) float32 { return float32(math.NaN()) } }), []string{"blk.0.attn_q.scale", "positive"}},
		{"experts", extra("blk.0.ffn_gate_exps.weight"), []string{"blk.0.ffn_gate_exps.weight", "experts"}},
		{"rope factors", extra("rope_freqs.weight"), []string{"rope_freqs.weight"}},
		{"misshaped", shaped("blk.0.attn_k.weight", 32, 64), []string{"blk.0.attn_k.weight", "[64 32]", "[32 32]"}},
		{"turned", shaped("blk.0.ffn_down.weight", 32, 64), []string{"blk.0.ffn_down.weight"}},
		{"misshaped norm", shaped("blk.0.attn_q_norm.weight", 32), []string{"blk.0.attn_q_norm.weight", "[16]"}},
		{"three dimensions", shaped("blk.0.attn_q.weight", 32, 64, 2), []string{"blk.0.attn_q.weight"}},
		{"one-dimensional embedding", shaped("token_embd.weight", 32), []string{"token_embd.weight"}},
		{"other type", func(m *tiny.Model) { m.Kinds = map[string]gguf.Type{"blk.0.attn_q.weight": 26} }, []string{"blk.0.attn_q.weight", "I32"}},
		{"integer norm", func(m *tiny.Model) { m.Kinds = map[string]gguf.Type{"blk.0.attn_norm.weight": 8} }, []string{"blk.0.attn_norm.weight", "Q8_0"}},
		{"odd width", func(m *tiny.Model) { m.FFN = 48 }, []string{"feed_forward_length", "48"}},
		{"head of Orchestrator", func(m *tiny.Model) { m.Tied = true; m.Meta["general.name"] = "Nemotron-Orchestrator-8B" },
			[]string{"output.weight", "Orchestrator"}},

		{"no vocabulary", set("tokenizer.ggml.tokens", nil), []string{"tokenizer.ggml.tokens"}},
		{"empty vocabulary", set("tokenizer.ggml.tokens", []string{}), []string{"tokenizer.ggml.tokens", "empty"}},
		{"no merges", set("tokenizer.ggml.merges", nil), []string{"tokenizer.ggml.merges"}},
		{"other tokenizer", set("tokenizer.ggml.model", "llama"), []string{"tokenizer.ggml.model", "llama"}},
		{"a token too few", tokens(func(s []string) []string { return s[:287] }), []string{"287", "288 rows"}},
		{"a token too many", tokens(func(s []string) []string { return append(s, "x") }), []string{"289", "288 rows"}},
		{"other vocab_size", set("qwen3.vocab_size", uint32(287)), []string{"vocab_size", "287"}},
		{"tokens as numbers", set("tokenizer.ggml.tokens", []uint8{1}), []string{"tokenizer.ggml.tokens"}},
		{"a type too few", types(func(s []int32) []int32 { return s[:287] }), []string{"token_type", "287"}},
		{"type out of range", types(func(s []int32) []int32 { s[5] = 7; return s }), []string{"token_type", "token 5", "7"}},
		{"eos out of range", set("tokenizer.ggml.eos_token_id", uint32(288)), []string{"eos_token_id", "288"}},
		{"eos -1", set("tokenizer.ggml.eos_token_id", int32(-1)), []string{"eos_token_id"}},
		{"bos out of range", set("tokenizer.ggml.bos_token_id", uint32(1<<31)), []string{"bos_token_id"}},
		{"huge template", set("tokenizer.chat_template", strings.Repeat("x", maxTemplate+1)), []string{"chat_template", "1048577"}},
		{"template as number", set("tokenizer.chat_template", uint32(1)), []string{"chat_template"}},
		{"temperature -1", set("general.sampling.temp", float32(-1)), []string{"general.sampling.temp"}},
		{"top_p 2", set("general.sampling.top_p", float32(2)), []string{"general.sampling.top_p"}},
		{"top_k as text", set("general.sampling.top_k", "x"), []string{"general.sampling.top_k"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, tt.change)
			ck, err := Open(path)
			if err == nil {
				ck.Close()
				t.Fatal("the file was read")
			}
			var own *Error
			var container *gguf.Error
			if !errors.As(err, &own) && !errors.As(err, &container) {
				t.Errorf("an error of type %T", err)
			}
			for _, want := range append(tt.want, path) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not tell of %q", err, want)
				}
			}
		})
	}
}

// TestVocabularyFaults are caught by the tokenizer, which the commands make of
// every checkpoint.
func TestVocabularyFaults(t *testing.T) {
	for name, change := range map[string]func(*tokenizer.Vocab){
		"duplicate token": func(v *tokenizer.Vocab) { v.Tokens[5] = v.Tokens[6] },
		"unknown merge":   func(v *tokenizer.Vocab) { v.Merges = append(v.Merges, "qqq zzz") },
		"merge of one":    func(v *tokenizer.Vocab) { v.Merges = append(v.Merges, "q") },
	} {
		v := open(t, nil).Vocab
		change(&v)
		if _, err := tokenizer.New(v); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestNotAFile(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "without a model") {
		t.Errorf("an empty folder: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "Hugging Face") || !strings.Contains(err.Error(), "GGUF") {
		t.Errorf("a Hugging Face folder: %v", err)
	}
	odd := filepath.Join(t.TempDir(), "a[b]*")
	if err := os.MkdirAll(odd, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(odd, "x.gguf"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(odd); err == nil || !strings.Contains(err.Error(), "x.gguf") {
		t.Errorf("a folder with a GGUF file: %v", err)
	}
	if _, err := Open(filepath.Join(dir, "absent.gguf")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestGoldenFiles reads real files, and refuses the one that is no model.
func TestGoldenFiles(t *testing.T) {
	const dir = "../../../shared/golden"
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no golden files in %s", dir)
	}
	ck, err := Open(filepath.Join(dir, "IQ2_M.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	s := ck.Summary()
	if s.Layers != 2 || s.Tokenizer.Tokens != 538 || len(s.Types) != 5 || s.Types[0].Type != "Q6_K" && s.Types[0].Type != "IQ3_S" && s.Types[0].Type != "IQ2_S" {
		t.Errorf("summary %+v", s)
	}
	if !slices.Equal(ck.EOS, []int32{514, 512}) {
		t.Errorf("eos %v", ck.EOS)
	}
	if _, err := Open(filepath.Join(dir, "imatrix.gguf")); err == nil || !strings.Contains(err.Error(), "imatrix") && !strings.Contains(err.Error(), "importance matrix") {
		t.Errorf("an imatrix: %v", err)
	}
}

func TestSummary(t *testing.T) {
	s := open(t, nil).Summary()
	// per layer: norms 32+16+16+32; q 64·32, k, v 32·32, out 32·64, three of 64·32
	const params = 2*(96+2*2048+2*1024+3*2048) + 32 + 2*288*32
	if s.Parameters != params || s.WeightBytes != 4*params || s.BitsPerWeight != 32 {
		t.Errorf("%d parameters, %d bytes, %v bits; want %d", s.Parameters, s.WeightBytes, s.BitsPerWeight, params)
	}
	if len(s.Types) != 1 || s.Types[0] != (TypeCount{"F32", 25, params, 4 * params}) {
		t.Errorf("types %+v", s.Types)
	}
	if s.KVBytes != 2*2*2*2*16 || s.RopeBase != "1000000" || s.Rope != "none" || s.Format != "GGUF" || s.Version != 3 || s.Tokenizer.Unused != 8 {
		t.Errorf("%+v", s)
	}
}

// TestYaRN compares with figures of the paper's formulas at Qwen3's published
// settings (factor 4 over 32768), worked out apart from this code.
func TestYaRN(t *testing.T) {
	c := Config{HeadDim: 128, RopeBase: 1e6, RopeScaling: RopeScaling{
		Kind: RopeYaRN, Factor: 4, Original: 32768, BetaFast: 32, BetaSlow: 1, Attn: 1.138629436111989,
	}}
	freq, attn := c.Frequencies()
	if attn != 1.138629436111989 {
		t.Errorf("attention factor %v", attn)
	}
	for pair, want := range map[int]float64{
		0: 1, 1: 0.8058421877614819, 20: 0.01333521432163324, 23: 0.006978305848598663, 24: 0.005375321490790102,
		30: 0.0010643609812470017, 39: 6.490394320837028e-05, 40: 4.445698525097307e-05, 63: 3.102344401879299e-07,
	} {
		if math.Abs(freq[pair]/want-1) > 1e-12 {
			t.Errorf("pair %d turns %v, want %v", pair, freq[pair], want)
		}
	}
	c.RopeScaling.Factor = 1
	freq, _ = c.Frequencies()
	c.RopeScaling.Kind = RopeNone
	plain, _ := c.Frequencies()
	for i := range plain {
		if math.Abs(freq[i]/plain[i]-1) > 1e-15 {
			t.Errorf("pair %d: a factor of 1 changes %v to %v", i, plain[i], freq[i])
		}
	}
}

// FuzzOpen changes bytes of a small file: Open returns, whatever is in it.
func FuzzOpen(f *testing.F) {
	m := tiny.Small()
	m.Layers, m.Context = 1, 64
	path := filepath.Join(f.TempDir(), "seed.gguf")
	if err := m.WriteFile(path); err != nil {
		f.Fatal(err)
	}
	seed, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(100), []byte{0xff})
	f.Add(uint32(400), []byte{0, 0, 0, 0x80})
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		data := slices.Clone(seed)
		copy(data[int(at)%min(len(data), 12<<10):], patch)
		file, err := gguf.New(strings.NewReader(string(data)), int64(len(data)), "fuzzed")
		if err != nil {
			return
		}
		defer file.Close()
		ck, err := fromGGUF("fuzzed", file)
		if err != nil {
			return
		}
		ck.Summary()
	})
}
