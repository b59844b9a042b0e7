package checkpoint

import (
	"fmt"
	"math"
	"strconv"
)

// RopeKind says how positions are stretched beyond the trained context.
type RopeKind string

// The kinds of RoPE scaling.
const (
	RopeNone   RopeKind = "none"
	RopeLinear RopeKind = "linear"
	RopeYaRN   RopeKind = "yarn"
)

// RopeScaling is the scaling in force, static: it holds at every length.
// Fields other than Kind and Factor are for YaRN alone.
type RopeScaling struct {
	Kind     RopeKind
	Factor   float64 // how many times the original context
	Original int     // positions of the original context
	BetaFast float64 // rotations over Original above which a frequency is kept
	BetaSlow float64 // rotations below which a frequency is divided by Factor
	Attn     float64 // multiplies cos and sin
}

// String is the scaling in words, such as "yarn, 4 times 32768 positions".
func (s RopeScaling) String() string {
	switch s.Kind {
	case RopeLinear:
		return "linear, " + trim(s.Factor) + " times"
	case RopeYaRN:
		return fmt.Sprintf("yarn, %s times %d positions, cos and sin times %.4g", trim(s.Factor), s.Original, s.Attn)
	}
	return string(RopeNone)
}

// trim writes a number that was a float32, without an exponent.
func trim(v float64) string { return strconv.FormatFloat(v, 'f', -1, 32) }

// check returns the first value out of range.
func (s *RopeScaling) check() *fault {
	positive := func(field string, v float64) *fault {
		if v > 0 && v <= math.MaxFloat32 {
			return nil
		}
		return &fault{"rope.scaling." + field, fmt.Sprintf("%v is out of range: want a finite number above 0", v)}
	}
	if s.Kind == RopeNone {
		return nil
	}
	if !(s.Factor >= 1 && s.Factor <= 1024) {
		return &fault{"rope.scaling.factor", fmt.Sprintf("%v is out of range: from 1 to 1024 is possible", s.Factor)}
	}
	if s.Kind == RopeLinear {
		return nil
	}
	if s.Original < 1 || s.Original > maxContext {
		return &fault{"rope.scaling.original_context_length", fmt.Sprintf("%d is out of range: from 1 to %d is possible", s.Original, maxContext)}
	}
	if f := positive("yarn_beta_fast", s.BetaFast); f != nil {
		return f
	}
	if f := positive("yarn_beta_slow", s.BetaSlow); f != nil {
		return f
	}
	if s.BetaFast < s.BetaSlow {
		return &fault{"rope.scaling.yarn_beta_fast", fmt.Sprintf("%v is below yarn_beta_slow, %v", s.BetaFast, s.BetaSlow)}
	}
	return positive("attn_factor", s.Attn)
}

// Frequencies returns the angle that each pair of a head turns per position,
// [headDim/2], and the factor on cos and sin.
//
// Pair i turns base^(-2i/headDim) per position. Linear scaling divides all of
// that by Factor. YaRN (Peng, Quesnelle, Fan, Shippole, 2023) keeps the pairs
// that turn more than BetaFast times over the original context, divides those
// that turn less than BetaSlow times, and goes linearly from one to the other
// in between; it multiplies cos and sin by Attn, by default 0.1·ln(Factor) + 1.
func (c *Config) Frequencies() (freq []float64, attn float64) {
	freq = make([]float64, c.HeadDim/2)
	for i := range freq {
		freq[i] = math.Pow(float64(c.RopeBase), -2*float64(i)/float64(c.HeadDim))
	}
	s := &c.RopeScaling
	switch s.Kind {
	case RopeLinear:
		for i := range freq {
			freq[i] /= s.Factor
		}
	case RopeYaRN:
		low, high := c.yarnRange()
		for i := range freq {
			slow := min(max((float64(i)-low)/(high-low), 0), 1)
			freq[i] *= slow/s.Factor + 1 - slow
		}
		return freq, s.Attn
	}
	return freq, 1
}

// yarnRange returns the first pair that is not kept and the first that is
// divided by the whole factor.
func (c *Config) yarnRange() (low, high float64) {
	s := &c.RopeScaling
	// pair that turns so many times over the original context
	pair := func(turns float64) float64 {
		return float64(c.HeadDim) * math.Log(float64(s.Original)/(turns*2*math.Pi)) / (2 * math.Log(float64(c.RopeBase)))
	}
	low = max(math.Floor(pair(s.BetaFast)), 0)
	high = min(math.Ceil(pair(s.BetaSlow)), float64(c.HeadDim-1))
	return low, max(high, low+0.001)
}
