package sampler

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
)

// MaxLogprobs is the largest number of alternatives reported per token, the
// limit of OpenAI's top_logprobs.
const MaxLogprobs = 20

// Params are the sampling parameters of one request. The zero value is not
// valid; start from Greedy or Defaults and lay Settings over it with With.
//
// Field names in errors and in JSON are those of OpenAI's API where it has the
// parameter, and otherwise those of vLLM and Hugging Face (llama.cpp's for
// repeat_last_n).
type Params struct {
	Temperature float64 // 0 to 2; 0 is greedy: the highest logit, the lowest id among equals
	TopK        int     // the k highest logits are kept; 0 or -1 is off
	TopP        float64 // 0 to 1; the fewest tokens whose probability reaches TopP; 1 is off, 0 keeps one
	MinP        float64 // 0 to 1; least probability, as a share of the highest; 0 is off
	TypicalP    float64 // above 0, to 1; locally typical sampling; 1 is off

	RepetitionPenalty float64 // 0.01 to 100; divides positive logits and multiplies negative ones; 1 is off
	PresencePenalty   float64 // -2 to 2; subtracted once from each token generated so far; 0 is off
	FrequencyPenalty  float64 // -2 to 2; subtracted once per occurrence among the tokens generated so far; 0 is off
	RepeatLastN       int     // the penalties look at this many last tokens; -1 is all of them, 0 none

	LogitBias map[int32]float32 // token id → -100 to 100, added to the logit

	Seed    uint64 // same seed, same text; used if SeedSet or not 0
	SeedSet bool   // Seed counts even if it is 0; otherwise New draws a seed

	Logprobs int // -1 none; 0 the drawn token's; n > 0 also the n most likely tokens', at most MaxLogprobs

	EOS       []int32 // ids that end a generation
	IgnoreEOS bool    // Ends is false for every id; EOS ids may still be drawn
	MinTokens int     // no EOS id is drawn before this many tokens have been generated
	Suppress  []int32 // ids that are never drawn, such as the padding rows of an output matrix
}

// Greedy returns the parameters that always take the most likely token and
// change nothing else.
func Greedy() Params {
	return Params{
		TopP:              1,
		TypicalP:          1,
		RepetitionPenalty: 1,
		RepeatLastN:       -1,
		Logprobs:          -1,
	}
}

// Defaults returns the sampling that Qwen3's model cards recommend: with
// thinking temperature 0.6, top-p 0.95, top-k 20, min-p 0; without thinking
// temperature 0.7, top-p 0.8, top-k 20, min-p 0.
func Defaults(thinking bool) Params {
	p := Greedy()
	p.TopK = 20
	if thinking {
		p.Temperature, p.TopP = 0.6, 0.95
	} else {
		p.Temperature, p.TopP = 0.7, 0.8
	}
	return p
}

// ParamError reports a parameter that is out of its range.
type ParamError struct {
	Field  string // name in a request: "temperature", "logit_bias"
	Value  any    // the value refused
	Reason string // what a valid value is
}

// Error returns "top_p: 2 is not valid: must be …".
func (e *ParamError) Error() string {
	return fmt.Sprintf("%s: %v is not valid: %s", e.Field, e.Value, e.Reason)
}

// Validate checks every parameter for a vocabulary of vocab tokens. The error
// is a *ParamError that names the first field out of range.
func (p Params) Validate(vocab int) error {
	checks := []error{
		inRange("temperature", p.Temperature, 0, 2),
		atLeast("top_k", p.TopK, -1, "-1 or 0 (off), or the number of tokens to keep"),
		inRange("top_p", p.TopP, 0, 1),
		inRange("min_p", p.MinP, 0, 1),
		aboveZero("typical_p", p.TypicalP, 1),
		inRange("repetition_penalty", p.RepetitionPenalty, 0.01, 100),
		inRange("presence_penalty", p.PresencePenalty, -2, 2),
		inRange("frequency_penalty", p.FrequencyPenalty, -2, 2),
		atLeast("repeat_last_n", p.RepeatLastN, -1, "-1 (all tokens), 0 (none), or a number of tokens"),
		validBias(p.LogitBias, vocab),
		validLogprobs(p.Logprobs),
		atLeast("min_tokens", p.MinTokens, 0, "a number of tokens, 0 or more"),
		validIDs("stop_token_ids", p.EOS, vocab),
		validIDs("suppress_tokens", p.Suppress, vocab),
	}
	for _, err := range checks {
		if err != nil {
			return err
		}
	}
	return nil
}

// inRange checks lo ≤ v ≤ hi; NaN is out of every range.
func inRange(field string, v, lo, hi float64) error {
	if v >= lo && v <= hi {
		return nil
	}
	return &ParamError{field, v, fmt.Sprintf("must be from %v to %v", lo, hi)}
}

func aboveZero(field string, v, hi float64) error {
	if v > 0 && v <= hi {
		return nil
	}
	return &ParamError{field, v, fmt.Sprintf("must be above 0 and at most %v", hi)}
}

func atLeast(field string, v, lo int, valid string) error {
	if v >= lo {
		return nil
	}
	return &ParamError{field, v, "must be " + valid}
}

func validLogprobs(n int) error {
	if n >= -1 && n <= MaxLogprobs {
		return nil
	}
	return &ParamError{"top_logprobs", n, fmt.Sprintf("must be from 0 to %d", MaxLogprobs)}
}

// validBias checks ids and values, the lowest id first so that the error does
// not depend on the order of the map.
func validBias(bias map[int32]float32, vocab int) error {
	bad, found := int32(math.MaxInt32), false
	for id, b := range bias {
		ok := id >= 0 && int(id) < vocab && b >= -100 && b <= 100
		if !ok && (!found || id < bad) {
			bad, found = id, true
		}
	}
	if !found {
		return nil
	}
	if bad < 0 || int(bad) >= vocab {
		return &ParamError{"logit_bias", bad, fmt.Sprintf("token ids must be from 0 to %d", vocab-1)}
	}
	reason := fmt.Sprintf("the bias of token %d must be from -100 to 100", bad)
	return &ParamError{"logit_bias", bias[bad], reason}
}

func validIDs(field string, ids []int32, vocab int) error {
	i := slices.IndexFunc(ids, func(id int32) bool { return id < 0 || int(id) >= vocab })
	if i < 0 {
		return nil
	}
	return &ParamError{field, ids[i], fmt.Sprintf("token ids must be from 0 to %d", vocab-1)}
}

// MarshalJSON writes the values in force under their request names, so that a
// response can echo them and a later request can send them again. The lists of
// ids, which come from the model's files, are left out, as is an unset seed.
func (p Params) MarshalJSON() ([]byte, error) {
	return json.Marshal(p.settings())
}
