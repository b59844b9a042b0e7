package orchestrate

import (
	"math"
)

// Price is what a model or a tool costs, in US dollars per unit, under the keys
// of LiteLLM's price list.
type Price struct {
	Input      float64  `json:"input_cost_per_token,omitempty" yaml:"input_cost_per_token,omitempty"`
	Output     float64  `json:"output_cost_per_token,omitempty" yaml:"output_cost_per_token,omitempty"`
	CacheRead  *float64 `json:"cache_read_input_token_cost,omitempty" yaml:"cache_read_input_token_cost,omitempty"` // nil: Input
	PerQuery   float64  `json:"input_cost_per_query,omitempty" yaml:"input_cost_per_query,omitempty"`
	PerRequest float64  `json:"input_cost_per_request,omitempty" yaml:"input_cost_per_request,omitempty"`
	PerSecond  float64  `json:"cost_per_second,omitempty" yaml:"cost_per_second,omitempty"` // of a GPU, a CPU, a sandbox
}

// Cost is dollars and seconds.
type Cost struct {
	USD     float64 `json:"usd"`
	Seconds float64 `json:"seconds"`
}

// Add returns the sum.
func (c Cost) Add(d Cost) Cost { return Cost{c.USD + d.USD, c.Seconds + d.Seconds} }

// Tokens is the price of a model's tokens.
func (p Price) Tokens(u ModelUsage) float64 {
	read := p.Input
	if p.CacheRead != nil {
		read = *p.CacheRead
	}
	cached := min(max(u.Cached, 0), u.Input)
	return float64(u.Input-cached)*p.Input + float64(cached)*read + float64(u.Output)*p.Output
}

// check reports a price that is none.
func (p Price) check() string {
	read := 0.0
	if p.CacheRead != nil {
		read = *p.CacheRead
	}
	for _, v := range []float64{p.Input, p.Output, read, p.PerQuery, p.PerRequest, p.PerSecond} {
		if v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
			return "a price must be a number of dollars, 0 or more"
		}
	}
	return ""
}

// highestInput is the most that an input token can cost.
func (p Price) highestInput() float64 {
	if p.CacheRead != nil {
		return max(p.Input, *p.CacheRead)
	}
	return p.Input
}
