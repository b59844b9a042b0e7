package openai

import (
	"encoding/json"
	"errors"
	"strconv"

	"orchrt/sampler"
)

// Limits of one request that do not depend on the model.
const (
	maxStops     = 64   // stop strings
	maxStopBytes = 1024 // bytes of one stop string
	maxStopIDs   = 1024 // stop token ids
	maxBias      = 4096 // entries of logit_bias
	maxTopLog    = 20   // alternatives per token in logprobs
	maxTokens    = 1 << 30
)

// Sampling holds the sampling fields of a request; nil and empty mean that the
// request leaves the choice to the server.
type Sampling struct {
	Temperature       *float64
	TopP              *float64
	MinP              *float64
	TypicalP          *float64
	TopK              *int64
	RepetitionPenalty *float64
	PresencePenalty   *float64
	FrequencyPenalty  *float64
	LogitBias         map[int32]float32
	Seed              *int64
}

// Limits holds when a generation is to end.
type Limits struct {
	MaxTokens int      // 0: as many as the context has room for
	maxField  string   // the field that MaxTokens came from
	Stop      []string // the text before the first of these is the result
	StopIDs   []int32
	IgnoreEOS bool
}

// readSampling reads the fields that chat completions and completions share.
func readSampling(o *object) Sampling {
	s := Sampling{
		Temperature:       o.number("temperature"),
		TopP:              o.number("top_p"),
		MinP:              o.number("min_p"),
		TypicalP:          o.number("typical_p"),
		TopK:              o.integer("top_k", -1, 1<<31-1),
		RepetitionPenalty: o.number("repetition_penalty"),
		PresencePenalty:   o.number("presence_penalty"),
		FrequencyPenalty:  o.number("frequency_penalty"),
		Seed:              o.integer("seed", -1<<63, 1<<63-1),
	}
	if raw, ok := o.raw("logit_bias"); ok {
		bias, err := parseBias(o.in("logit_bias"), raw)
		if err != nil {
			o.fail(err)
		}
		s.LogitBias = bias
	}
	return s
}

// parseBias reads {"token id": number}.
func parseBias(path string, raw json.RawMessage) (map[int32]float32, *Error) {
	o, err := newObject(path, raw)
	if err != nil {
		return nil, err
	}
	if len(o.fields) > maxBias {
		return nil, invalid(path, CodeInvalidValue, "%q has %d entries, at most %d are allowed", path, len(o.fields), maxBias)
	}
	bias := make(map[int32]float32, len(o.fields))
	for _, f := range o.fields {
		id, perr := strconv.ParseInt(f.name, 10, 32)
		if perr != nil || id < 0 {
			return nil, invalid(path, CodeInvalidValue, "%q: the key %q is not a token id", path, clip(f.name))
		}
		v, err := parseNumber(path+"."+f.name, f.raw)
		if err != nil {
			return nil, err
		}
		if v < -100 || v > 100 {
			return nil, invalid(path, CodeInvalidValue, "%q: the bias of token %d must be from -100 to 100, not %s", path, id, f.raw)
		}
		if _, twice := bias[int32(id)]; twice {
			return nil, invalid(path, CodeInvalidValue, "%q names token %d twice", path, id)
		}
		bias[int32(id)] = float32(v)
	}
	return bias, nil
}

// readLimits reads stop, stop_token_ids, ignore_eos and the first of the given
// fields for the largest number of tokens.
func readLimits(o *object, maxFields ...string) Limits {
	var l Limits
	for _, name := range maxFields {
		v := o.integer(name, 1, maxTokens)
		switch {
		case v == nil:
		case l.MaxTokens != 0 && l.MaxTokens != int(*v):
			o.fail(invalid(name, CodeInvalidValue, "%q is %d and %q is %d; send one of them", l.maxField, l.MaxTokens, name, *v))
		default:
			l.MaxTokens, l.maxField = int(*v), name
		}
	}
	if raw, ok := o.raw("stop"); ok {
		stop, err := parseStop(o.in("stop"), raw)
		if err != nil {
			o.fail(err)
		}
		l.Stop = stop
	}
	if raw, ok := o.raw("stop_token_ids"); ok {
		ids, err := parseIDs(o.in("stop_token_ids"), raw, maxStopIDs)
		if err != nil {
			o.fail(err)
		}
		l.StopIDs = ids
	}
	l.IgnoreEOS = o.boolean("ignore_eos", false)
	return l
}

// parseStop reads a string or an array of strings.
func parseStop(path string, raw json.RawMessage) ([]string, *Error) {
	items := []json.RawMessage{raw}
	if raw[0] == '[' {
		var err *Error
		if items, err = elements(path, raw); err != nil {
			return nil, err
		}
	}
	if len(items) > maxStops {
		return nil, invalid(path, CodeInvalidValue, "%q has %d strings, at most %d are allowed", path, len(items), maxStops)
	}
	var stop []string
	for _, it := range items {
		if it[0] != '"' {
			return nil, wrongType(path, "a string or an array of strings", it)
		}
		s := unquote(it)
		if s == "" || len(s) > maxStopBytes {
			return nil, invalid(path, CodeInvalidValue, "%q: a stop string must have from 1 to %d bytes, not %d", path, maxStopBytes, len(s))
		}
		stop = append(stop, s)
	}
	return stop, nil
}

// parseIDs reads an array of at most limit token ids.
func parseIDs(path string, raw json.RawMessage, limit int) ([]int32, *Error) {
	items, err := elements(path, raw)
	if err != nil {
		return nil, err
	}
	if len(items) > limit {
		return nil, invalid(path, CodeInvalidValue, "%q has %d ids, at most %d are allowed", path, len(items), limit)
	}
	ids := make([]int32, len(items))
	for i, it := range items {
		v, err := parseInteger(path+"["+strconv.Itoa(i)+"]", it, 0, 1<<31-1)
		if err != nil {
			return nil, err
		}
		ids[i] = int32(v)
	}
	return ids, nil
}

// apply lays the request's fields over the defaults p.
func (s *Sampling) apply(p sampler.Params) sampler.Params {
	set(&p.Temperature, s.Temperature)
	set(&p.TopP, s.TopP)
	set(&p.MinP, s.MinP)
	set(&p.TypicalP, s.TypicalP)
	set(&p.RepetitionPenalty, s.RepetitionPenalty)
	set(&p.PresencePenalty, s.PresencePenalty)
	set(&p.FrequencyPenalty, s.FrequencyPenalty)
	if s.TopK != nil {
		p.TopK = max(int(*s.TopK), 0) // -1 and 0 both say: all
	}
	if s.LogitBias != nil {
		p.LogitBias = s.LogitBias
	}
	if s.Seed != nil {
		p.Seed, p.SeedSet = uint64(*s.Seed), true
	}
	return p
}

// set overwrites dst where the request has a value.
func set(dst *float64, v *float64) {
	if v != nil {
		*dst = *v
	}
}

// paramFields gives the request's name for each field of sampler.Params.
func paramField(field string) string {
	switch field {
	case "Temperature":
		return "temperature"
	case "TopP":
		return "top_p"
	case "MinP":
		return "min_p"
	case "TypicalP":
		return "typical_p"
	case "TopK":
		return "top_k"
	case "RepetitionPenalty":
		return "repetition_penalty"
	case "PresencePenalty":
		return "presence_penalty"
	case "FrequencyPenalty":
		return "frequency_penalty"
	case "LogitBias":
		return "logit_bias"
	case "Logprobs":
		return "top_logprobs"
	}
	return field
}

// samplingError turns what sampler.Params.Validate says into a 400.
func samplingError(err error) *Error {
	var p *sampler.ParamError
	if !errors.As(err, &p) {
		return invalid("", CodeInvalidValue, "%v", err)
	}
	name := paramField(p.Field)
	return invalid(name, CodeInvalidValue, "%q: %v %s", name, p.Value, p.Reason)
}
