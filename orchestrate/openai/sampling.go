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
	maxTokens    = 1 << 30
)

// Limits holds when a generation is to end.
type Limits struct {
	MaxTokens int // 0: as many as the context has room for
	// MaxField names the field that MaxTokens came from. Where it is "" MaxTokens
	// is a default, which gives way to the context; else too many are refused.
	MaxField string
	// Stop are texts that end the answer; it ends before the first of them. In
	// chat they count in the content, not in thinking and calls.
	Stop    []string
	StopIDs []int32
}

// readSampling reads the sampling fields that chat completions and completions
// share, but for logprobs.
func readSampling(o *object) sampler.Settings {
	s := sampler.Settings{
		Temperature:       o.number("temperature"),
		TopK:              o.small("top_k", -1),
		TopP:              o.number("top_p"),
		MinP:              o.number("min_p"),
		TypicalP:          o.number("typical_p"),
		RepetitionPenalty: o.number("repetition_penalty"),
		PresencePenalty:   o.number("presence_penalty"),
		FrequencyPenalty:  o.number("frequency_penalty"),
		RepeatLastN:       o.small("repeat_last_n", -1),
		Seed:              o.integer("seed", -1<<63, 1<<63-1),
		IgnoreEOS:         o.flag("ignore_eos"),
		MinTokens:         o.small("min_tokens", 0),
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

// small reads a whole number from low to 2^31-1; nil where it is absent.
func (o *object) small(name string, low int64) *int {
	v := o.integer(name, low, 1<<31-1)
	if v == nil {
		return nil
	}
	n := int(*v)
	return &n
}

// readLimits reads stop, stop_token_ids and the largest number of tokens, which
// may stand in any of maxFields.
func readLimits(o *object, maxFields ...string) Limits {
	var l Limits
	for _, name := range maxFields {
		v := o.integer(name, 1, maxTokens)
		switch {
		case v == nil:
		case l.MaxTokens != 0 && l.MaxTokens != int(*v):
			o.fail(invalid(name, CodeInvalidValue, "%q is %d and %q is %d; send one of them", l.MaxField, l.MaxTokens, name, *v))
		default:
			l.MaxTokens, l.MaxField = int(*v), name
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

// samplingError turns what sampler.Params.Validate says into a 400.
func samplingError(err error) *Error {
	var p *sampler.ParamError
	if !errors.As(err, &p) {
		return invalid("", CodeInvalidValue, "%v", err)
	}
	return invalid(p.Field, CodeInvalidValue, "%q is %v: %s", p.Field, p.Value, p.Reason)
}
