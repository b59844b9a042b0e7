package checkpoint

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"orchrt/gguf"
	"orchrt/kernels"
	"orchrt/sampler"
)

const architecture = "qwen3"

// fromGGUF reads everything but the weights.
func fromGGUF(path string, f *gguf.File) (*Checkpoint, error) {
	ck := &Checkpoint{path: path, file: f}
	k := &keys{file: f, path: path}
	ck.readTensors()
	steps := []func(*keys) error{
		ck.checkKind, ck.readConfig, ck.readRope, ck.checkConfig, ck.readVocab, ck.readTemplate, ck.readSampling,
	}
	for _, step := range steps {
		if err := step(k); err != nil {
			return nil, err
		}
		if k.err != nil {
			return nil, k.err
		}
	}
	if err := ck.checkTensors(); err != nil {
		return nil, err
	}
	return ck, nil
}

// checkKind refuses files that hold no Qwen3.
func (ck *Checkpoint) checkKind(k *keys) error {
	if err := ck.file.CheckModel(); err != nil {
		return err
	}
	arch := k.str("general.architecture")
	if k.err != nil {
		return k.err
	}
	if arch != architecture {
		return badKey(k.path, "general.architecture", "%q is not supported: only %q (dense) is", clip(arch), architecture)
	}
	if k.file.Has("general.name") {
		ck.Name = k.str("general.name")
	}
	return nil
}

func (ck *Checkpoint) readConfig(k *keys) error {
	c := &ck.Config
	c.Layers = k.count("block_count")
	c.Hidden = k.count("embedding_length")
	c.FFN = k.count("feed_forward_length")
	c.Heads = k.count("attention.head_count")
	c.KVHeads = c.Heads
	if k.has("attention.head_count_kv") {
		c.KVHeads = k.count("attention.head_count_kv")
	}
	c.Context = k.count("context_length")
	c.Eps = float32(k.float("attention.layer_norm_rms_epsilon"))
	c.RopeBase = float32(k.float("rope.freq_base"))
	if k.err != nil {
		return k.err
	}
	return ck.readHeadDim(k)
}

// readHeadDim reads the size of a head, which is hidden/heads where the file
// does not say.
func (ck *Checkpoint) readHeadDim(k *keys) error {
	c := &ck.Config
	if k.has("attention.key_length") {
		c.HeadDim = k.count("attention.key_length")
	} else if c.Heads > 0 {
		if c.Hidden%c.Heads != 0 {
			return badKey(k.path, k.name("attention.head_count"), "%d heads do not divide the width %d, and %s is missing", c.Heads, c.Hidden, k.name("attention.key_length"))
		}
		c.HeadDim = c.Hidden / c.Heads
	}
	for _, same := range []string{"attention.value_length", "rope.dimension_count"} {
		if !k.has(same) {
			continue
		}
		if v := k.count(same); k.err == nil && v != c.HeadDim {
			return badKey(k.path, k.name(same), "%d differs from the size of a head, %d: not supported", v, c.HeadDim)
		}
	}
	return nil
}

// readRope reads RoPE scaling. Keys are those of llama.cpp; a key of the group
// that is not known here is refused, since leaving it out would change every
// position.
func (ck *Checkpoint) readRope(k *keys) error {
	s := &ck.Config.RopeScaling
	s.Kind = RopeNone
	if k.has("rope.scaling.type") {
		s.Kind = RopeKind(k.str(k.name("rope.scaling.type")))
	} else if k.has("rope.scale_linear") {
		s.Kind, s.Factor = RopeLinear, k.float("rope.scale_linear")
	}
	switch s.Kind {
	case RopeNone:
	case RopeLinear, RopeYaRN:
		if s.Factor == 0 || k.has("rope.scaling.factor") {
			s.Factor = k.float("rope.scaling.factor")
		}
	default:
		return badKey(k.path, k.name("rope.scaling.type"), "%q is not supported: none, linear and yarn are", clip(string(s.Kind)))
	}
	known := []string{"type", "factor", "finetuned", "original_context_length"}
	if s.Kind == RopeYaRN {
		known = append(known, "attn_factor", "yarn_ext_factor", "yarn_attn_factor", "yarn_beta_fast", "yarn_beta_slow")
		if err := s.readYaRN(k); err != nil {
			return err
		}
	}
	return k.onlyKnown("rope.scaling.", known)
}

// readYaRN reads YaRN's parameters. Attn is what multiplies cos and sin in the
// end: 0.1·ln(factor) + 1, times the file's own factors.
func (s *RopeScaling) readYaRN(k *keys) error {
	s.Original = k.count("rope.scaling.original_context_length")
	s.BetaFast = k.floatOr("rope.scaling.yarn_beta_fast", 32)
	s.BetaSlow = k.floatOr("rope.scaling.yarn_beta_slow", 1)
	s.Attn = 0.1*math.Log(max(s.Factor, 1)) + 1
	s.Attn *= k.floatOr("rope.scaling.attn_factor", 1)
	s.Attn *= k.floatOr("rope.scaling.yarn_attn_factor", 1)
	if ext := k.floatOr("rope.scaling.yarn_ext_factor", 1); k.err == nil && ext != 1 && ext != -1 {
		return badKey(k.path, k.name("rope.scaling.yarn_ext_factor"), "%v is not supported: only 1 is", ext)
	}
	return k.err
}

// checkConfig checks the values and finds out whether the head is tied.
func (ck *Checkpoint) checkConfig(k *keys) error {
	c := &ck.Config
	if f := c.check(); f != nil {
		return badKey(k.path, k.name(f.field), "%s", f.reason)
	}
	embedding, ok := ck.tensors[Embedding]
	if !ok {
		return badTensor(k.path, Embedding, "is missing: the file is incomplete")
	}
	if len(embedding.shape) != 2 || embedding.shape[1] != c.Hidden {
		return badTensor(k.path, Embedding, "has the shape %v (slowest first), want [vocabulary, %d]", embedding.shape, c.Hidden)
	}
	c.Vocab = embedding.shape[0]
	if c.Vocab < 1 || c.Vocab > maxVocab {
		return badTensor(k.path, Embedding, "has %d rows: from 1 to %d is possible", c.Vocab, maxVocab)
	}
	_, head := ck.tensors[Output]
	c.Tied = !head
	if c.Tied && ck.mustBeUntied() {
		return badTensor(k.path, Output, "is missing: a model of this size (Orchestrator-8B among them) has a head of its own; the file is incomplete")
	}
	return nil
}

// mustBeUntied reports the published sizes that have an output matrix of their
// own (8B, 14B, 32B), and a file that calls itself Orchestrator.
func (ck *Checkpoint) mustBeUntied() bool {
	c := &ck.Config
	return c.Hidden >= 4096 && c.Layers >= 36 || strings.Contains(strings.ToLower(ck.Name), "orchestrator")
}

// readTensors lists the file's tensors.
func (ck *Checkpoint) readTensors() {
	list := ck.file.Tensors()
	ck.order = make([]string, 0, len(list))
	ck.tensors = make(map[string]tensor, len(list))
	for _, t := range list {
		shape := make([]int, len(t.Dims))
		for i, d := range t.Dims {
			shape[len(shape)-1-i] = int(d)
		}
		ck.order = append(ck.order, t.Name)
		ck.tensors[t.Name] = tensor{
			kind: kernels.Type(t.Type), shape: shape, bytes: t.Size, scale: 1, data: t.Reader(), release: t.Release,
		}
	}
}

// maxTemplate bounds a chat template; Qwen3's has 4 KB.
const maxTemplate = 1 << 20

func (ck *Checkpoint) readTemplate(k *keys) error {
	const key = "tokenizer.chat_template"
	if !k.file.Has(key) {
		return nil
	}
	ck.ChatTemplate = k.str(key)
	if n := len(ck.ChatTemplate); n > maxTemplate {
		return badKey(k.path, key, "has %d bytes, more than the %d that are taken", n, maxTemplate)
	}
	return k.err
}

// readSampling reads the generation defaults and checks their ranges. Samplers
// that package sampler does not have are left alone: they are advice, and no
// request is wrong without them.
func (ck *Checkpoint) readSampling(k *keys) error {
	s := &ck.Sampling
	float := func(key string, to **float64) {
		if k.file.Has(key) {
			v := shortest(k.number(key))
			*to = &v
		}
	}
	whole := func(key string, to **int) {
		if k.file.Has(key) {
			v := k.whole(key)
			*to = &v
		}
	}
	float("general.sampling.temp", &s.Temperature)
	whole("general.sampling.top_k", &s.TopK)
	float("general.sampling.top_p", &s.TopP)
	float("general.sampling.min_p", &s.MinP)
	float("general.sampling.penalty_repeat", &s.RepetitionPenalty)
	whole("general.sampling.penalty_last_n", &s.RepeatLastN)
	if k.err != nil {
		return k.err
	}
	err := sampler.Greedy().With(*s).Validate(ck.Config.Vocab)
	if bad := (*sampler.ParamError)(nil); errors.As(err, &bad) {
		return &Error{File: k.path, Key: samplingKey(bad.Field), Reason: bad.Error(), Err: err}
	}
	return err
}

// samplingKey is the key that sets a sampling parameter.
func samplingKey(field string) string {
	switch field {
	case "temperature":
		field = "temp"
	case "repetition_penalty":
		field = "penalty_repeat"
	case "repeat_last_n":
		field = "penalty_last_n"
	}
	return "general.sampling." + field
}

// keys reads metadata and keeps the first error.
type keys struct {
	file *gguf.File
	path string
	err  error
}

// name is the full name of a key of the architecture.
func (k *keys) name(key string) string { return architecture + "." + key }

func (k *keys) has(key string) bool { return k.file.Has(k.name(key)) }

func (k *keys) keep(err error) {
	if k.err == nil {
		k.err = err
	}
}

// str reads a string by its full name.
func (k *keys) str(full string) string {
	s, err := k.file.String(full)
	k.keep(err)
	return s
}

// count reads a whole number of the architecture; one that fits no int gives
// an error.
func (k *keys) count(key string) int {
	v, err := k.file.Uint(k.name(key))
	if err == nil && v > math.MaxInt32 {
		err = badKey(k.path, k.name(key), "%d is out of range", v)
	}
	k.keep(err)
	return int(v)
}

// float reads a number of the architecture.
func (k *keys) float(key string) float64 { return k.number(k.name(key)) }

func (k *keys) floatOr(key string, missing float64) float64 {
	if !k.has(key) {
		return missing
	}
	return k.float(key)
}

// number reads a number by its full name.
func (k *keys) number(full string) float64 {
	v, err := k.file.Float(full)
	k.keep(err)
	return v
}

// whole reads a whole number, of either sign, by its full name.
func (k *keys) whole(full string) int {
	v, err := k.file.Int(full)
	if err == nil && (v > math.MaxInt32 || v < math.MinInt32) {
		err = badKey(k.path, full, "%d is out of range", v)
	}
	k.keep(err)
	return int(v)
}

// onlyKnown refuses keys of the architecture that start with prefix and go on
// with none of known.
func (k *keys) onlyKnown(prefix string, known []string) error {
	for _, key := range k.file.Keys() {
		rest, ok := strings.CutPrefix(key, k.name(prefix))
		if ok && !slices.Contains(known, rest) {
			return badKey(k.path, key, "is not supported with this kind of scaling")
		}
	}
	return nil
}

// clip shortens text of a file for a message.
func clip(s string) string {
	if len(s) > 64 {
		return fmt.Sprintf("%.64s… (%d bytes)", s, len(s))
	}
	return s
}
