package sampler

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func sample(t testing.TB, s *Sampler, logits []float32, mask Mask) Token {
	t.Helper()
	tok, err := s.Sample(logits, mask)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// draw samples and accepts n tokens.
func draw(t testing.TB, s *Sampler, logits []float32, n int) []int32 {
	t.Helper()
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = sample(t, s, logits, nil).ID
		s.Accept(ids[i])
	}
	return ids
}

func allow(vocab int, ids ...int32) setMask {
	m := make(setMask, (vocab+63)/64)
	for _, id := range ids {
		m[id/64] |= 1 << (id % 64)
	}
	return m
}

// Frequencies of 40,000 draws follow the kept distribution: Pearson's
// chi-square below its 0.9999 quantile, for fixed seeds.
func TestDrawsFollowTheDistribution(t *testing.T) {
	logits := []float32{1, 2.5, -inf, 0.5, 2.5, -1, 3, 2, 1.5, -0.5, 2.9, 0}
	cases := map[string]func(*Params){
		"temperature": func(p *Params) {},
		"cold":        func(p *Params) { p.Temperature = 0.6 },
		"top_k":       func(p *Params) { p.TopK = 5 },
		"top_p":       func(p *Params) { p.TopP = 0.8 },
		"min_p":       func(p *Params) { p.MinP = 0.2 },
		"typical_p":   func(p *Params) { p.TypicalP = 0.7 },
		"qwen3":       func(p *Params) { *p = Defaults(true); p.TopK = 8 },
		"bias":        func(p *Params) { p.LogitBias = map[int32]float32{6: -1, 5: 4} },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			p := Greedy()
			p.Temperature, p.Seed = 1, 42
			change(&p)
			p.Seed = 42
			kept, _ := reference(p, logits, nil, refHistory{})
			s := newSampler(t, p, len(logits))
			counts := make([]int, len(logits))
			for range 40_000 {
				counts[sample(t, s, logits, nil).ID]++
			}
			checkCounts(t, counts, kept)
		})
	}
}

func checkCounts(t *testing.T, counts []int, kept []refToken) {
	t.Helper()
	total, n, chi := 0.0, 0.0, 0.0
	for _, k := range kept {
		total += k.weight
		n += float64(counts[k.id])
	}
	for _, k := range kept {
		want := n * k.weight / total
		d := float64(counts[k.id]) - want
		chi += d * d / want
	}
	if int(n) != sum(counts) {
		t.Errorf("drew tokens outside the kept set: %v", counts)
	}
	// Wilson and Hilferty's approximation of the quantile; 3.719 is the
	// normal distribution's.
	df := float64(len(kept) - 1)
	c := 2 / (9 * df)
	if limit := df * math.Pow(1-c+3.719*math.Sqrt(c), 3); chi > limit {
		t.Errorf("chi-square %.1f with %v degrees of freedom, limit %.1f: %v", chi, df, limit, counts)
	}
}

func sum(x []int) int {
	total := 0
	for _, v := range x {
		total += v
	}
	return total
}

// These ids must never change: the same seed is to give the same text in every
// version and on every platform.
func TestSeedFixesTheTokens(t *testing.T) {
	logits := make([]float32, 1000)
	for i := range logits {
		logits[i] = float32(i*7919%1000) / 64
	}
	p := Defaults(true)
	p.Temperature, p.TopP, p.Seed, p.RepetitionPenalty = 1.5, 0.95, 12345, 1.1
	want := []int32{210, 173, 457, 642, 136, 321, 420, 346, 605, 704, 568, 247, 926, 531, 667, 630}
	if got := draw(t, newSampler(t, p, 1000), logits, 16); !slices.Equal(got, want) {
		t.Errorf("seed 12345 drew %v, want %v", got, want)
	}
	p = Greedy()
	p.Temperature, p.SeedSet = 2, true
	want = []int32{881, 359, 321, 420, 692, 26, 815, 43, 630, 173, 816, 38, 250, 593, 38, 889}
	if got := draw(t, newSampler(t, p, 1000), logits, 16); !slices.Equal(got, want) {
		t.Errorf("seed 0 drew %v, want %v", got, want)
	}
}

func TestSeeds(t *testing.T) {
	logits := make([]float32, 100)
	p := Greedy()
	p.Temperature = 1
	a, b := newSampler(t, p, 100), newSampler(t, p, 100)
	if slices.Equal(draw(t, a, logits, 20), draw(t, b, logits, 20)) {
		t.Error("two samplers without a seed drew the same 20 tokens")
	}
	again := newSampler(t, a.Params(), 100)
	first := newSampler(t, a.Params(), 100)
	if !slices.Equal(draw(t, again, logits, 20), draw(t, first, logits, 20)) {
		t.Error("the seed read back does not repeat the tokens")
	}
	if !a.Params().SeedSet || a.Params().Seed >= 1<<53 {
		t.Errorf("drawn seed %d is not reported or not exact in a JSON number", a.Params().Seed)
	}
}

func TestForksAreIndependentAndRepeatable(t *testing.T) {
	logits := make([]float32, 100)
	p := Greedy()
	p.Temperature, p.Seed, p.FrequencyPenalty, p.RepeatLastN = 1, 9, 2, 4
	parent := newSampler(t, p, 100)
	parent.AcceptPrompt([]int32{1, 2, 3})
	draw(t, parent, logits, 3)
	one, same, other := parent.Fork(1), parent.Fork(1), parent.Fork(2)
	a, b := draw(t, one, logits, 20), draw(t, other, logits, 20)
	if slices.Equal(a, b) {
		t.Error("two streams drew the same tokens")
	}
	if !slices.Equal(a, draw(t, same, logits, 20)) {
		t.Error("the same stream drew other tokens")
	}
	whole := newSampler(t, p, 100)
	whole.AcceptPrompt([]int32{1, 2, 3})
	want := draw(t, whole, logits, 23)[3:]
	if !slices.Equal(draw(t, parent, logits, 20), want) {
		t.Error("the forks' tokens changed the parent's")
	}
	if one.Generated() != 23 || parent.Fork(0).Generated() != 23 {
		t.Error("a fork does not keep the count of tokens")
	}
}

func TestGreedyTakesTheLowestIDOfEquals(t *testing.T) {
	for _, n := range []int{1, 63, 64, 65, 500, qwenVocab} {
		logits := make([]float32, n)
		s := newSampler(t, Greedy(), n)
		for _, at := range []int{0, n / 3, n - 1} {
			for i := range logits {
				logits[i] = -1
			}
			logits[at], logits[n-1] = 2, 2
			if got := sample(t, s, logits, nil).ID; got != int32(at) {
				t.Errorf("vocabulary %d: token %d, want %d", n, got, at)
			}
		}
	}
}

func TestEdgesOfParameters(t *testing.T) {
	logits := []float32{1, 3, 3, -inf, 2, 2.9}
	only := []float32{-inf, -inf, 0.5, -inf, -inf, -inf}
	equal := make([]float32, 6)
	cases := []struct {
		name   string
		change func(*Params)
		logits []float32
		want   []int32 // the tokens drawn in 300 draws
	}{
		{"top_p 0", func(p *Params) { p.TopP = 0 }, logits, []int32{1}},
		{"top_p 0 of equals", func(p *Params) { p.TopP = 0 }, equal, []int32{0}},
		{"top_p of equals", func(p *Params) { p.TopP = 0.5 }, equal, []int32{0, 1, 2}},
		{"top_p 1", func(p *Params) { p.TopP = 1 }, equal, []int32{0, 1, 2, 3, 4, 5}},
		{"top_k 1", func(p *Params) { p.TopK = 1 }, logits, []int32{1}},
		{"top_k of equals", func(p *Params) { p.TopK = 2 }, equal, []int32{0, 1}},
		{"top_k beyond", func(p *Params) { p.TopK = 1 << 40 }, logits, []int32{0, 1, 2, 4, 5}},
		{"top_k off", func(p *Params) { p.TopK = -1 }, equal, []int32{0, 1, 2, 3, 4, 5}},
		{"min_p 1", func(p *Params) { p.MinP = 1 }, logits, []int32{1, 2}},
		{"min_p and top_k", func(p *Params) { p.MinP, p.TopK = 0.9, 3 }, logits, []int32{1, 2, 5}},
		{"typical_p tiny", func(p *Params) { p.TypicalP = 1e-9 }, equal, []int32{0}},
		{"one token", func(p *Params) {}, only, []int32{2}},
		{"one token, typical", func(p *Params) { p.TypicalP = 0.5 }, only, []int32{2}},
		{"one token, all of them", func(p *Params) { p.TopK, p.TopP, p.MinP = 3, 0.5, 1 }, only, []int32{2}},
		{"bias 100", func(p *Params) { p.LogitBias = map[int32]float32{0: 100} }, logits, []int32{0}},
		{"bias -100", func(p *Params) {
			p.LogitBias = map[int32]float32{0: -100, 1: -100, 2: -100, 3: 100, 4: -100}
		}, logits, []int32{5}},
		{"suppress", func(p *Params) { p.Suppress = []int32{1, 2, 5} }, logits, []int32{0, 4}},
		{"coldest", func(p *Params) { p.Temperature = math.SmallestNonzeroFloat64 }, logits, []int32{1, 2}},
		{"coldest, top_k", func(p *Params) { p.Temperature, p.TopK = 1e-300, 3 }, logits, []int32{1, 2}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			p := Greedy()
			p.Temperature, p.Seed = 1, 77
			c.change(&p)
			s := newSampler(t, p, len(c.logits))
			drawn := map[int32]bool{}
			for range 300 {
				drawn[sample(t, s, c.logits, nil).ID] = true
			}
			for id := range int32(len(c.logits)) {
				if drawn[id] != slices.Contains(c.want, id) {
					t.Errorf("token %d drawn: %v, want the set %v", id, drawn[id], c.want)
				}
			}
		})
	}
}

// Whatever the parameters, broken logits and empty sets are errors and never a
// token.
func TestErrors(t *testing.T) {
	const vocab = 200
	variants := []func(*Params){
		func(p *Params) { p.Temperature = 0 },
		func(p *Params) {},
		func(p *Params) { p.TopK = 20 },
		func(p *Params) { p.TopP = 0.9 },
		func(p *Params) { p.MinP = 0.1 },
		func(p *Params) { p.TypicalP = 0.9 },
		func(p *Params) { p.Logprobs = 3 },
		func(p *Params) { p.Logprobs, p.RepetitionPenalty, p.TopK = 0, 2, 3 },
		func(p *Params) { p.LogitBias = map[int32]float32{70: -100}; p.Suppress = []int32{71} },
	}
	for i, change := range variants {
		p := Greedy()
		p.Temperature, p.Seed = 1, 1
		change(&p)
		s := newSampler(t, p, vocab)
		s.AcceptPrompt([]int32{70, 71})
		for _, bad := range []float32{nan, math.Float32frombits(0xffc00000), inf} {
			for _, at := range []int32{0, 70, 128, vocab - 1} {
				logits := randomBulk(vocab)
				logits[at] = bad
				var e *LogitError
				if _, err := s.Sample(logits, nil); !errors.As(err, &e) || e.ID != at {
					t.Errorf("variant %d, %v at %d: error %v", i, bad, at, err)
				}
			}
		}
		if _, err := s.Sample(randomBulk(vocab), allow(vocab)); err != ErrEmptyMask {
			t.Errorf("variant %d, empty mask: error %v", i, err)
		}
		logits := randomBulk(vocab)
		logits[5] = -inf
		if _, err := s.Sample(logits, allow(vocab, 5)); err != ErrNoCandidate {
			t.Errorf("variant %d, only -Inf allowed: error %v", i, err)
		}
		if tok := sample(t, s, randomBulk(vocab), allow(vocab, 199)); tok.ID != 199 {
			t.Errorf("variant %d: token %d, only 199 is allowed", i, tok.ID)
		}
		for j := range logits {
			logits[j] = -inf
		}
		if _, err := s.Sample(logits, nil); err != ErrNoCandidate {
			t.Errorf("variant %d, all -Inf: error %v", i, err)
		}
	}
}

func randomBulk(n int) []float32 {
	r := rand.New(rand.NewPCG(8, uint64(n)))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(3 * r.NormFloat64())
	}
	return x
}

// maskFunc is a mask of one function.
type maskFunc func(buf []uint64) []uint64

func (f maskFunc) Allowed(buf []uint64) []uint64 { return f(buf) }
func (f maskFunc) Accept(int32) error            { return nil }

func TestMaskBitsBeyondTheVocabularyAreIgnored(t *testing.T) {
	for _, shared := range []bool{false, true} {
		set := func(ids ...int32) Mask {
			m := allow(70, ids...)
			m[len(m)-1] |= 0xff << 56
			return maskFunc(func(buf []uint64) []uint64 {
				if shared {
					return m
				}
				copy(buf, m)
				return buf
			})
		}
		s := newSampler(t, Greedy(), 70)
		logits := append(randomBulk(70), 99, 99) // the rows beyond the vocabulary are no tokens
		if tok := sample(t, s, logits, set(3)); tok.ID != 3 {
			t.Errorf("token %d, want 3", tok.ID)
		}
		if _, err := s.Sample(logits, set()); err != ErrEmptyMask {
			t.Errorf("error %v, want ErrEmptyMask", err)
		}
	}
}

// A shared set is read where it stands and stays as it is; nil allows all.
func TestMaskForms(t *testing.T) {
	const vocab = 130
	shared := append(allow(vocab, 7, 129), 1) // longer than needed
	shared[2] |= 0xff << 56
	before := slices.Clone(shared)
	s := newSampler(t, Greedy(), vocab)
	logits := randomBulk(vocab)
	logits[50], logits[129] = 90, 80
	if tok := sample(t, s, logits, shared); tok.ID != 129 || !slices.Equal(shared, before) {
		t.Errorf("token %d, the shared set is %x, was %x", tok.ID, shared, before)
	}
	if tok := sample(t, s, logits, maskFunc(func([]uint64) []uint64 { return nil })); tok.ID != 50 {
		t.Errorf("token %d without restriction, want 50", tok.ID)
	}
	whole := allow(128, 3)
	s = newSampler(t, Greedy(), 128)
	if got := s.Allowed(whole); &got[0] != &whole[0] {
		t.Error("a shared set was copied")
	}
	if got := s.Allowed(nil); got != nil {
		t.Errorf("a nil mask allows %x", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("no panic for a set of 64 of 128 tokens")
		}
	}()
	s.Allowed(allow(64))
}

// Tokens that are forced count as drawn: they take their number of the stream,
// and the penalties see them.
func TestForceKeepsTheStream(t *testing.T) {
	p := Greedy()
	p.Temperature, p.Seed, p.PresencePenalty = 2, 11, 1
	logits := randomBulk(100)
	whole, some := newSampler(t, p, 100), newSampler(t, p, 100)
	for i := range 60 {
		tok := sample(t, whole, logits, nil)
		whole.Accept(tok.ID)
		if i%3 == 1 {
			some.Force(tok.ID)
			continue
		}
		if got := sample(t, some, logits, nil); got.ID != tok.ID {
			t.Fatalf("token %d is %d, without forcing %d", i, got.ID, tok.ID)
		}
		some.Accept(tok.ID)
	}
	if some.Generated() != 60 {
		t.Errorf("%d tokens generated, want 60", some.Generated())
	}
}

// On Qwen3's vocabulary the result is the reference's, with and without mask.
func TestWholeVocabulary(t *testing.T) {
	logits := modelLogits(3, qwenVocab)
	set := maskOf(0.5, qwenVocab)
	for i, change := range []func(*Params){
		func(p *Params) { *p = Defaults(true) },
		func(p *Params) { p.TopP = 0.95; p.Temperature = 1.5 },
		func(p *Params) { p.MinP = 0.05 },
		func(p *Params) { p.TypicalP = 0.95 },
		func(p *Params) { p.TopK = 40_000; p.TopP = 0.99 },
		func(p *Params) { p.Temperature = 2 },
	} {
		for _, mask := range []setMask{nil, set} {
			p := Greedy()
			p.Temperature = 1
			change(&p)
			p.Seed, p.Logprobs = uint64(i), 20
			want, close := reference(p, logits, mask, refHistory{})
			if close {
				t.Errorf("case %d is too close to call; choose another", i)
			}
			var m Mask
			if mask != nil {
				m = mask
			}
			checkSample(t, i, newSampler(t, p, qwenVocab), logits, m, want)
		}
	}
}

func TestNoAllocationPerToken(t *testing.T) {
	logits := modelLogits(1, qwenVocab)
	mask := maskOf(0.5, qwenVocab)
	for i, change := range []func(*Params){
		func(p *Params) { p.Temperature = 0 },
		func(p *Params) { *p = Defaults(true) },
		func(p *Params) { p.RepetitionPenalty, p.PresencePenalty, p.RepeatLastN = 1.1, 1, 64 },
		func(p *Params) { p.TopP = 0.9 },
		func(p *Params) { p.TypicalP, p.MinP = 0.9, 0.01 },
		func(p *Params) { p.Logprobs = 20 },
		func(p *Params) { p.LogitBias = map[int32]float32{1: 2}; p.Suppress = []int32{5} },
	} {
		p := Greedy()
		p.Temperature = 1
		change(&p)
		p.Seed = 3
		s := newSampler(t, p, qwenVocab)
		draw(t, s, logits, 100)
		var m Mask = mask
		if n := testing.AllocsPerRun(40, func() { s.Accept(sample(t, s, logits, m).ID) }); n != 0 {
			t.Errorf("case %d: %v allocations per token", i, n)
		}
	}
}

func TestTopBelongsToTheReceiver(t *testing.T) {
	p := Greedy()
	p.Logprobs = 4
	s := newSampler(t, p, 100)
	var tokens []Token
	var text []string
	for i := range 200 {
		logits := randomBulk(100)
		logits[i%100] += 10
		tokens = append(tokens, sample(t, s, logits, nil))
		text = append(text, fmt.Sprint(tokens[i]))
	}
	for i := range tokens {
		if fmt.Sprint(tokens[i]) != text[i] {
			t.Fatalf("token %d changed from %s to %v", i, text[i], tokens[i])
		}
		if cap(tokens[i].Top) != len(tokens[i].Top) {
			t.Fatal("appending to Top would overwrite another token's")
		}
	}
}

func TestEndOfSequence(t *testing.T) {
	p := Greedy()
	p.EOS, p.MinTokens = []int32{2, 4}, 2
	s := newSampler(t, p, 5)
	logits := []float32{0, 1, 9, 0, 8}
	for i, want := range []int32{1, 1, 2, 2} {
		tok := sample(t, s, logits, nil)
		if tok.ID != want || s.Ends(tok.ID) != (i >= 2) {
			t.Errorf("token %d is %d, ends: %v", i, tok.ID, s.Ends(tok.ID))
		}
		s.Accept(tok.ID)
	}
	if !s.Ends(4) || s.Ends(3) {
		t.Error("Ends does not tell the EOS ids")
	}
	p.IgnoreEOS = true
	if s := newSampler(t, p, 5); s.Ends(2) {
		t.Error("Ends in spite of IgnoreEOS")
	}
	p.MinTokens = 1
	if _, err := newSampler(t, p, 5).Sample(logits, allow(5, 2, 4)); err != ErrNoCandidate {
		t.Errorf("only EOS allowed before MinTokens: error %v", err)
	}
}

func TestAcceptIgnoresForeignIDs(t *testing.T) {
	p := Greedy()
	p.RepetitionPenalty = 2
	s := newSampler(t, p, 10)
	s.AcceptPrompt([]int32{-1, 10, math.MaxInt32, math.MinInt32})
	if tok := sample(t, s, randomBulk(10), nil); s.history != nil && len(s.history.seen) != 0 {
		t.Errorf("token %v, history %v", tok, s.history.seen)
	}
}

func TestTooFewLogitsPanic(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic for 9 logits of 10")
		}
	}()
	_, _ = newSampler(t, Greedy(), 10).Sample(make([]float32, 9), nil)
}
