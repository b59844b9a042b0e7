package sampler

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"
)

// FuzzSample takes logits as raw bits, NaN and infinities included, with any
// parameters. A token comes out only if it may, and broken logits are found.
func FuzzSample(f *testing.F) {
	f.Add([]byte{0, 0, 128, 63, 0, 0, 0, 64, 0, 0, 192, 127}, uint64(3), 1.0, 2, 0.9, 0.0, 1.0, 1.1, int16(2))
	f.Add([]byte{0, 0, 128, 255, 0, 0, 128, 127, 1, 0, 0, 0}, uint64(7), 0.5, 0, 1.0, 0.1, 0.9, 1.0, int16(-1))
	f.Add(slices.Repeat([]byte{0, 0, 128, 191}, 100), ^uint64(0), 0.0, 0, 0.5, 0.5, 0.5, 0.5, int16(20))
	f.Fuzz(func(t *testing.T, raw []byte, word uint64, temperature float64, topK int, topP, minP, typicalP, penalty float64, logprobs int16) {
		n := min(len(raw)/4, 1<<12)
		if n == 0 {
			return
		}
		logits := make([]float32, n)
		for i := range logits {
			logits[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
		}
		p := Greedy()
		p.Temperature, p.TopK, p.TopP, p.MinP, p.TypicalP = temperature, topK, topP, minP, typicalP
		p.RepetitionPenalty, p.FrequencyPenalty, p.Logprobs = penalty, penalty, int(logprobs)
		p.Seed, p.SeedSet = word, true
		s, err := New(p, n)
		if err != nil {
			var e *ParamError
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			return
		}
		s.AcceptPrompt([]int32{0, 3})
		s.Accept(int32(word % uint64(n)))
		set := slices.Repeat(setMask{word}, (n+63)/64)
		for _, mask := range []Mask{nil, set} {
			checkFuzzed(t, s, logits, mask, set)
		}
	})
}

// checkFuzzed draws a token and checks what holds for any logits.
func checkFuzzed(t *testing.T, s *Sampler, logits []float32, mask Mask, set setMask) {
	bits := func(x []float32) []uint32 {
		out := make([]uint32, len(x))
		for i := range x {
			out[i] = math.Float32bits(x[i])
		}
		return out
	}
	before := bits(logits)
	tok, err := s.Sample(logits, mask)
	if !slices.Equal(before, bits(logits)) {
		t.Fatal("the logits changed")
	}
	broken := slices.ContainsFunc(logits, func(x float32) bool { return x != x || x > math.MaxFloat32 })
	var e *LogitError
	switch {
	case errors.As(err, &e):
		if x := e.Value; x == x && x <= math.MaxFloat32 {
			t.Fatalf("%v is called broken", x)
		}
		return
	case err == ErrEmptyMask || err == ErrNoCandidate:
		return
	case err != nil:
		t.Fatal(err)
	case broken && mask == nil:
		t.Fatalf("token %d from broken logits", tok.ID)
	}
	if x := logits[tok.ID]; x != x || x == -inf {
		t.Fatalf("token %d with logit %v", tok.ID, x)
	}
	if mask != nil && set[tok.ID/64]>>(tok.ID%64)&1 == 0 {
		t.Fatalf("token %d is not allowed", tok.ID)
	}
	if s.params.Logprobs >= 0 && !(tok.Logprob <= 0 && tok.Logprob >= minLogprob) {
		t.Fatalf("logprob %v", tok.Logprob)
	}
}
