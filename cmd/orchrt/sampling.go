package main

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/spf13/pflag"

	"orchrt/sampler"
)

// samplingFlags are the flags for sampling. Those that are not set leave the
// choice to the model's file.
type samplingFlags struct {
	fs                              *pflag.FlagSet
	temp, topP, minP, typicalP      float64
	repetition, presence, frequency float64
	topK                            int
	seed                            int64
}

// add declares the flags.
func (f *samplingFlags) add(fs *pflag.FlagSet) {
	f.fs = fs
	fs.Float64Var(&f.temp, "temp", 0, "temperature, 0 to 2; 0 always takes the likeliest token (default: the model's)")
	fs.IntVar(&f.topK, "top-k", 0, "keep the k likeliest tokens; 0 is all (default: the model's)")
	fs.Float64Var(&f.topP, "top-p", 0, "keep the fewest tokens that together reach this probability (default: the model's)")
	fs.Float64Var(&f.minP, "min-p", 0, "keep tokens with this share of the highest probability (default: the model's)")
	fs.Float64Var(&f.typicalP, "typical-p", 0, "locally typical sampling (default: the model's)")
	fs.Float64Var(&f.repetition, "repetition-penalty", 0, "divides the logits of tokens that were there before (default: the model's)")
	fs.Float64Var(&f.presence, "presence-penalty", 0, "taken from the logits of tokens generated before (default: the model's)")
	fs.Float64Var(&f.frequency, "frequency-penalty", 0, "taken from logits once for each time (default: the model's)")
	fs.Int64Var(&f.seed, "seed", 0, "same seed, same text (default: drawn)")
}

// settings are the flags that are set.
func (f *samplingFlags) settings() sampler.Settings {
	return sampler.Settings{
		Temperature:       changed(f.fs, "temp", &f.temp),
		TopK:              changed(f.fs, "top-k", &f.topK),
		TopP:              changed(f.fs, "top-p", &f.topP),
		MinP:              changed(f.fs, "min-p", &f.minP),
		TypicalP:          changed(f.fs, "typical-p", &f.typicalP),
		RepetitionPenalty: changed(f.fs, "repetition-penalty", &f.repetition),
		PresencePenalty:   changed(f.fs, "presence-penalty", &f.presence),
		FrequencyPenalty:  changed(f.fs, "frequency-penalty", &f.frequency),
		Seed:              changed(f.fs, "seed", &f.seed),
	}
}

// check reports a value out of range. Whether a token id exists only the model
// can tell; no flag has any.
func (f *samplingFlags) check() error {
	err := sampler.Greedy().With(f.settings()).Validate(math.MaxInt32)
	var bad *sampler.ParamError
	if !errors.As(err, &bad) {
		return err
	}
	flag := strings.ReplaceAll(bad.Field, "_", "-")
	if flag == "temperature" {
		flag = "temp"
	}
	return fmt.Errorf("--%s is %v: %s", flag, bad.Value, bad.Reason)
}

// changed is v where its flag was set, on the command line or by the environment.
func changed[T any](fs *pflag.FlagSet, name string, v *T) *T {
	if fs.Changed(name) {
		return v
	}
	return nil
}
