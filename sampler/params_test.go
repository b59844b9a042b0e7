package sampler

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestValidateNamesTheField(t *testing.T) {
	bad := math.NaN()
	huge := math.Inf(1)
	cases := []struct {
		field  string
		change func(*Params)
	}{
		{"temperature", func(p *Params) { p.Temperature = -1 }},
		{"temperature", func(p *Params) { p.Temperature = bad }},
		{"temperature", func(p *Params) { p.Temperature = 1e9 }},
		{"top_k", func(p *Params) { p.TopK = -5 }},
		{"top_p", func(p *Params) { p.TopP = 2 }},
		{"top_p", func(p *Params) { p.TopP = bad }},
		{"min_p", func(p *Params) { p.MinP = 2 }},
		{"min_p", func(p *Params) { p.MinP = -0.1 }},
		{"typical_p", func(p *Params) { p.TypicalP = 0 }},
		{"typical_p", func(p *Params) { p.TypicalP = bad }},
		{"repetition_penalty", func(p *Params) { p.RepetitionPenalty = 0 }},
		{"repetition_penalty", func(p *Params) { p.RepetitionPenalty = huge }},
		{"presence_penalty", func(p *Params) { p.PresencePenalty = -huge }},
		{"presence_penalty", func(p *Params) { p.PresencePenalty = 2.1 }},
		{"frequency_penalty", func(p *Params) { p.FrequencyPenalty = bad }},
		{"repeat_last_n", func(p *Params) { p.RepeatLastN = -2 }},
		{"logit_bias", func(p *Params) { p.LogitBias = map[int32]float32{100: 1} }},
		{"logit_bias", func(p *Params) { p.LogitBias = map[int32]float32{-1: 1} }},
		{"logit_bias", func(p *Params) { p.LogitBias = map[int32]float32{5: 101} }},
		{"logit_bias", func(p *Params) { p.LogitBias = map[int32]float32{5: nan} }},
		{"logit_bias", func(p *Params) { p.LogitBias = map[int32]float32{5: -inf} }},
		{"top_logprobs", func(p *Params) { p.Logprobs = MaxLogprobs + 1 }},
		{"top_logprobs", func(p *Params) { p.Logprobs = -2 }},
		{"min_tokens", func(p *Params) { p.MinTokens = -1 }},
		{"stop_token_ids", func(p *Params) { p.EOS = []int32{1, 100} }},
		{"suppress_tokens", func(p *Params) { p.Suppress = []int32{-1} }},
	}
	for _, c := range cases {
		p := Defaults(true)
		c.change(&p)
		var e *ParamError
		err := p.Validate(100)
		if !errors.As(err, &e) || e.Field != c.field || e.Reason == "" || e.Value == nil {
			t.Errorf("%+v: error %v, want one for %s", p, err, c.field)
			continue
		}
		if !strings.HasPrefix(err.Error(), c.field+": ") {
			t.Errorf("the message %q does not begin with the field", err)
		}
		if _, err := New(p, 100); !errors.As(err, &e) {
			t.Errorf("New accepts what Validate refuses: %v", err)
		}
	}
}

func TestValidateTakesTheEdges(t *testing.T) {
	p := Params{
		Temperature: 2, TopK: math.MaxInt, MinP: 1, TypicalP: 1e-9,
		RepetitionPenalty: 100, PresencePenalty: -2, FrequencyPenalty: 2,
		LogitBias: map[int32]float32{0: -100, 99: 100}, Logprobs: MaxLogprobs,
		EOS: []int32{0, 99}, RepeatLastN: math.MaxInt,
	}
	for _, p := range []Params{p, Greedy(), Defaults(true), Defaults(false)} {
		if err := p.Validate(100); err != nil {
			t.Error(err)
		}
	}
}

// Of several bad ids the error names the lowest, whatever the map's order.
func TestBiasErrorIsDeterministic(t *testing.T) {
	p := Greedy()
	p.LogitBias = map[int32]float32{900: 1, 101: 1, 500: 1, 7: 0}
	for range 50 {
		var e *ParamError
		if !errors.As(p.Validate(100), &e) || e.Value != int32(101) {
			t.Fatalf("error %v, want token 101's", e)
		}
	}
}

func TestDefaults(t *testing.T) {
	for thinking, want := range map[bool][4]float64{true: {0.6, 0.95, 20, 0}, false: {0.7, 0.8, 20, 0}} {
		p := Defaults(thinking)
		if got := [4]float64{p.Temperature, p.TopP, float64(p.TopK), p.MinP}; got != want {
			t.Errorf("thinking %v: %v, want %v", thinking, got, want)
		}
		if p.penalised() || p.Logprobs != -1 || p.TypicalP != 1 {
			t.Errorf("thinking %v: more is on than is recommended: %+v", thinking, p)
		}
	}
}

func TestWithLaysLaterOverEarlier(t *testing.T) {
	var file, request Settings
	read(t, `{"temperature": 0.9, "top_k": 40, "repetition_penalty": 1.05, "bos_token_id": 1}`, &file)
	read(t, `{"temperature": 0, "top_p": 0.5, "seed": -1, "logit_bias": {"7": -3}, "logprobs": true, "top_logprobs": 2}`, &request)
	got := Defaults(true).With(file, request)
	want := Defaults(true)
	want.Temperature, want.TopK, want.TopP, want.RepetitionPenalty = 0, 40, 0.5, 1.05
	want.Seed, want.SeedSet = math.MaxUint64, true
	want.LogitBias = map[int32]float32{7: -3}
	want.Logprobs = 2
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	request.LogitBias[7] = 1
	if got.LogitBias[7] != -3 {
		t.Error("the parameters share the request's map")
	}
}

func TestLogprobsFields(t *testing.T) {
	for text, want := range map[string]int{
		`{}`: -1, `{"logprobs": false}`: -1, `{"logprobs": true}`: 0,
		`{"logprobs": true, "top_logprobs": 5}`: 5, `{"top_logprobs": 5}`: -1,
		`{"logprobs": true, "top_logprobs": -1}`: -1,
	} {
		var s Settings
		read(t, text, &s)
		if got := Greedy().With(s).Logprobs; got != want {
			t.Errorf("%s: Logprobs %d, want %d", text, got, want)
		}
	}
}

// What Params writes, a request can send again to get the same values.
func TestReadBack(t *testing.T) {
	p := Defaults(false)
	p.LogitBias = map[int32]float32{5: 1.5, 3: -100}
	p.RepeatLastN, p.MinTokens, p.IgnoreEOS, p.Logprobs = 64, 3, true, 5
	p.Seed, p.SeedSet = 1<<63+5, true
	s := newSampler(t, p, 100)
	text, err := json.Marshal(s.Params())
	if err != nil {
		t.Fatal(err)
	}
	var again Settings
	read(t, string(text), &again)
	if got := Greedy().With(again); !reflect.DeepEqual(got, s.Params()) {
		t.Errorf("%s reads back as %+v, want %+v", text, got, s.Params())
	}
	want := `{"temperature":0.7,"top_k":20,"top_p":0.8,"min_p":0,"typical_p":1,"repetition_penalty":1,` +
		`"presence_penalty":0,"frequency_penalty":0,"repeat_last_n":64,"logit_bias":{"3":-100,"5":1.5},` +
		`"seed":-9223372036854775803,"logprobs":true,"top_logprobs":5,"ignore_eos":true,"min_tokens":3}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func read(t *testing.T, text string, s *Settings) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), s); err != nil {
		t.Fatal(err)
	}
}
