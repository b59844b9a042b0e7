package sampler

import "maps"

// Settings are sampling parameters of which any may be absent (nil). A model
// file's defaults and a request each give one; Params.With lays them over each
// other. The JSON names are those of requests and of a generation_config.json.
type Settings struct {
	Temperature       *float64          `json:"temperature,omitempty"`
	TopK              *int              `json:"top_k,omitempty"`
	TopP              *float64          `json:"top_p,omitempty"`
	MinP              *float64          `json:"min_p,omitempty"`
	TypicalP          *float64          `json:"typical_p,omitempty"`
	RepetitionPenalty *float64          `json:"repetition_penalty,omitempty"`
	PresencePenalty   *float64          `json:"presence_penalty,omitempty"`
	FrequencyPenalty  *float64          `json:"frequency_penalty,omitempty"`
	RepeatLastN       *int              `json:"repeat_last_n,omitempty"`
	LogitBias         map[int32]float32 `json:"logit_bias,omitempty"` // replaces the map below it as a whole
	Seed              *int64            `json:"seed,omitempty"`       // any 64-bit integer; its bits are Params.Seed
	Logprobs          *bool             `json:"logprobs,omitempty"`
	TopLogprobs       *int              `json:"top_logprobs,omitempty"` // counts only with Logprobs true
	IgnoreEOS         *bool             `json:"ignore_eos,omitempty"`
	MinTokens         *int              `json:"min_tokens,omitempty"`
}

// With returns p with the values that the layers set, a later layer over an
// earlier one: Defaults(thinking).With(file, request).
func (p Params) With(layers ...Settings) Params {
	for _, s := range layers {
		p.lay(s)
	}
	return p
}

func (p *Params) lay(s Settings) {
	set(&p.Temperature, s.Temperature)
	set(&p.TopK, s.TopK)
	set(&p.TopP, s.TopP)
	set(&p.MinP, s.MinP)
	set(&p.TypicalP, s.TypicalP)
	set(&p.RepetitionPenalty, s.RepetitionPenalty)
	set(&p.PresencePenalty, s.PresencePenalty)
	set(&p.FrequencyPenalty, s.FrequencyPenalty)
	set(&p.RepeatLastN, s.RepeatLastN)
	set(&p.IgnoreEOS, s.IgnoreEOS)
	set(&p.MinTokens, s.MinTokens)
	if s.LogitBias != nil {
		p.LogitBias = maps.Clone(s.LogitBias)
	}
	if s.Seed != nil {
		p.Seed, p.SeedSet = uint64(*s.Seed), true
	}
	p.layLogprobs(s)
}

// layLogprobs joins OpenAI's two fields into the one count.
func (p *Params) layLogprobs(s Settings) {
	if s.Logprobs == nil {
		return
	}
	p.Logprobs = -1
	if *s.Logprobs {
		p.Logprobs = 0
		set(&p.Logprobs, s.TopLogprobs)
	}
}

func set[T any](dst, src *T) {
	if src != nil {
		*dst = *src
	}
}

// settings is the inverse of With: every value of p that a request can set.
func (p Params) settings() Settings {
	logprobs := p.Logprobs >= 0
	s := Settings{
		Temperature:       &p.Temperature,
		TopK:              &p.TopK,
		TopP:              &p.TopP,
		MinP:              &p.MinP,
		TypicalP:          &p.TypicalP,
		RepetitionPenalty: &p.RepetitionPenalty,
		PresencePenalty:   &p.PresencePenalty,
		FrequencyPenalty:  &p.FrequencyPenalty,
		RepeatLastN:       &p.RepeatLastN,
		LogitBias:         p.LogitBias,
		Logprobs:          &logprobs,
		IgnoreEOS:         &p.IgnoreEOS,
		MinTokens:         &p.MinTokens,
	}
	if logprobs {
		s.TopLogprobs = &p.Logprobs
	}
	if p.SeedSet || p.Seed != 0 {
		seed := int64(p.Seed)
		s.Seed = &seed
	}
	return s
}
