package sampler

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// refToken is a token with its weight in the plain implementation below.
type refToken struct {
	id     int32
	logit  float64
	weight float64
	key    float64
}

// refHistory is the text that the penalties look at.
type refHistory struct{ prompt, generated []int32 }

// reference is the sampler by its definition: float64 and full sorts. It
// returns what is kept, in order of id, and whether some decision was so close
// that rounding may turn it.
func reference(p Params, logits []float32, mask []uint64, h refHistory) (kept []refToken, close bool) {
	x := refEdit(p, logits, h)
	for id, l := range x {
		if (mask == nil || mask[id/64]>>(id%64)&1 == 1) && l > math.Inf(-1) {
			kept = append(kept, refToken{id: int32(id), logit: l})
		}
	}
	if len(kept) == 0 {
		return nil, false
	}
	byLogit := func(a, b refToken) int { return refOrder(b.logit-a.logit, a.id-b.id) }
	slices.SortFunc(kept, byLogit)
	if p.Temperature == 0 {
		return kept[:1], false
	}
	if p.TopK > 0 {
		kept = kept[:min(p.TopK, len(kept))]
	}
	high := kept[0].logit
	for i := range kept {
		kept[i].weight = math.Exp((kept[i].logit - high) / p.Temperature)
	}
	if p.TopP < 1 {
		kept, close = refMass(kept, p.TopP)
	}
	if p.MinP > 0 {
		kept = slices.DeleteFunc(kept, func(t refToken) bool {
			close = close || math.Abs(t.weight-p.MinP) < 1e-9*p.MinP && t.weight != 1
			return t.weight < p.MinP
		})
	}
	if p.TypicalP < 1 {
		var c bool
		kept, c = refTypical(kept, high, p)
		close = close || c
	}
	slices.SortFunc(kept, func(a, b refToken) int { return int(a.id - b.id) })
	return kept, close
}

func refOrder(d float64, id int32) int {
	switch {
	case d < 0:
		return -1
	case d > 0:
		return 1
	}
	return int(id)
}

// refMass keeps the head of a sorted list up to the token that reaches p.
func refMass(list []refToken, p float64) (kept []refToken, close bool) {
	total, sum := 0.0, 0.0
	for _, t := range list {
		total += t.weight
	}
	for i, t := range list {
		if i > 0 && sum >= p*total {
			return list[:i], close
		}
		sum += t.weight
		close = close || math.Abs(sum-p*total) < 1e-9*total && sum != p*total
	}
	return list, close
}

func refTypical(list []refToken, high float64, p Params) (kept []refToken, close bool) {
	total, entropy := 0.0, 0.0
	for _, t := range list {
		total += t.weight
	}
	for _, t := range list {
		if q := t.weight / total; q > 0 {
			entropy -= q * math.Log(q)
		}
	}
	for i := range list {
		surprise := math.Log(total) - (list[i].logit-high)/p.Temperature
		list[i].key = math.Abs(surprise - entropy)
	}
	slices.SortFunc(list, func(a, b refToken) int { return refOrder(a.key-b.key, a.id-b.id) })
	kept, close = refMass(list, p.TypicalP)
	if n := len(kept); n < len(list) && list[n].key-kept[n-1].key < 1e-9 && list[n].logit != kept[n-1].logit {
		close = true
	}
	return kept, close
}

// refEdit applies bias, penalties and suppression, one token at a time.
func refEdit(p Params, logits []float32, h refHistory) []float64 {
	all := append(slices.Clone(h.prompt), h.generated...)
	generated := h.generated
	if p.RepeatLastN >= 0 {
		all = all[max(0, len(all)-p.RepeatLastN):]
		generated = generated[max(0, len(generated)-p.RepeatLastN):]
	}
	x := make([]float64, len(logits))
	for i, l := range logits {
		id, f := int32(i), l
		f += p.LogitBias[id]
		if slices.Contains(all, id) {
			if f > 0 {
				f /= float32(p.RepetitionPenalty)
			} else {
				f *= float32(p.RepetitionPenalty)
			}
		}
		count := 0
		for _, g := range generated {
			if g == id {
				count++
			}
		}
		if count > 0 {
			f -= float32(p.PresencePenalty + p.FrequencyPenalty*float64(count))
		}
		early := len(h.generated) < p.MinTokens && slices.Contains(p.EOS, id)
		if early || slices.Contains(p.Suppress, id) {
			f = -inf
		}
		x[i] = float64(f)
	}
	return x
}

// randomParams turns each parameter on about half of the time.
func randomParams(r *rand.Rand, vocab int) Params {
	p := Greedy()
	on := func() bool { return r.IntN(2) == 0 }
	p.Temperature = [...]float64{0, 0.1, 0.6, 0.7, 1, 2}[r.IntN(6)]
	if on() {
		p.TopK = 1 + r.IntN(vocab+5)
	}
	if on() {
		p.TopP = [...]float64{0, 0.01, 0.3, 0.5, 0.8, 0.95, 0.999, 1}[r.IntN(8)]
	}
	if on() {
		p.MinP = [...]float64{0.001, 0.05, 0.1, 0.5, 1}[r.IntN(5)]
	}
	if on() {
		p.TypicalP = [...]float64{0.1, 0.5, 0.9, 0.99}[r.IntN(4)]
	}
	if on() {
		p.RepetitionPenalty = [...]float64{0.5, 1.1, 2}[r.IntN(3)]
	}
	if on() {
		p.PresencePenalty = 4*r.Float64() - 2
	}
	if on() {
		p.FrequencyPenalty = 4*r.Float64() - 2
	}
	if on() {
		p.RepeatLastN = r.IntN(20)
	}
	if on() {
		p.LogitBias = map[int32]float32{}
		for range r.IntN(5) {
			p.LogitBias[r.Int32N(int32(vocab))] = float32(r.IntN(201) - 100)
		}
	}
	if on() {
		p.Suppress = []int32{r.Int32N(int32(vocab)), r.Int32N(int32(vocab))}
		p.EOS, p.MinTokens = []int32{r.Int32N(int32(vocab))}, r.IntN(10)
	}
	p.Logprobs = r.IntN(MaxLogprobs+2) - 1
	p.Seed = r.Uint64()
	return p
}

// randomLogits draws vectors of several shapes: smooth, with many ties, all
// equal, all negative, with -Inf.
func randomLogits(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	shape, scale := r.IntN(5), 1+4*r.Float64()
	for i := range x {
		v := scale * r.NormFloat64()
		switch shape {
		case 1:
			v = math.Round(v)
		case 2:
			v = scale
		case 3:
			v -= 50
		}
		x[i] = float32(v)
		if shape == 4 && r.IntN(3) == 0 {
			x[i] = -inf
		}
	}
	return x
}

func randomIDs(r *rand.Rand, n, vocab int) []int32 {
	ids := make([]int32, n)
	for i := range ids {
		ids[i] = r.Int32N(int32(vocab))
	}
	return ids
}

// setMask allows a fixed set, and checks nothing.
type setMask []uint64

func (m setMask) Allowed([]uint64) []uint64 { return m }
func (m setMask) Accept(int32) error        { return nil }

// The kept set, the drawn token for the same uniform number and the logprobs
// equal the plain implementation's over random parameters and logits.
func TestSampleEqualsReference(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	closeCalls, trials := 0, 6000
	for trial := range trials {
		vocab := 1 + r.IntN(300)
		logits, p := randomLogits(r, vocab), randomParams(r, vocab)
		h := refHistory{randomIDs(r, r.IntN(30), vocab), randomIDs(r, r.IntN(30), vocab)}
		var mask Mask
		var set []uint64
		if r.IntN(2) == 0 {
			set = scanMask(r, vocab)
			mask = setMask(set)
		}
		want, close := reference(p, logits, set, h)
		if close {
			closeCalls++
			continue
		}
		s := newSampler(t, p, vocab)
		s.AcceptPrompt(h.prompt)
		for _, id := range h.generated {
			s.Accept(id)
		}
		checkSample(t, trial, s, logits, mask, want)
		if t.Failed() {
			t.Fatalf("params %+v, vocab %d", p, vocab)
		}
	}
	if closeCalls > trials/50 {
		t.Errorf("%d of %d trials left out as too close to call", closeCalls, trials)
	}
}

func newSampler(t testing.TB, p Params, vocab int) *Sampler {
	t.Helper()
	s, err := New(p, vocab)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkSample draws once and compares with what the reference keeps.
func checkSample(t *testing.T, trial int, s *Sampler, logits []float32, mask Mask, want []refToken) {
	t.Helper()
	rng := s.rng
	u := rng.uniform()
	before := slices.Clone(logits)
	tok, err := s.Sample(logits, mask)
	if !slices.Equal(before, logits) {
		t.Fatalf("trial %d: Sample changed the logits", trial)
	}
	if len(want) == 0 || !slices.ContainsFunc(logits, finite) && s.params.Logprobs >= 0 {
		if err != ErrEmptyMask && err != ErrNoCandidate {
			t.Fatalf("trial %d: error %v with nothing to draw", trial, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("trial %d: %v", trial, err)
	}
	p := s.params
	listed := p.Temperature > 0 && (p.TopK > 0 && p.TopK < s.vocab || p.TopP < 1 || p.MinP > 0 || p.TypicalP < 1)
	if listed {
		checkKept(t, trial, s.cand.list, want)
	}
	if id, close := refDraw(want, u); p.Temperature > 0 && !close && tok.ID != id {
		t.Errorf("trial %d: drew %d at %v, want %d", trial, tok.ID, u, id)
	} else if p.Temperature == 0 && tok.ID != want[0].id {
		t.Errorf("trial %d: greedy token %d, want %d", trial, tok.ID, want[0].id)
	}
	checkLogprobs(t, trial, p.Logprobs, logits, tok)
}

func checkKept(t *testing.T, trial int, got []candidate, want []refToken) {
	t.Helper()
	weightless := func(w float64) bool { return w < math.Exp(negligible+0.01) }
	want = slices.DeleteFunc(slices.Clone(want), func(r refToken) bool { return weightless(r.weight) })
	got = slices.DeleteFunc(slices.Clone(got), func(c candidate) bool { return weightless(c.weight) })
	same := slices.EqualFunc(got, want, func(c candidate, r refToken) bool { return c.id == r.id })
	if !same {
		t.Errorf("trial %d: kept %v\nwant %v", trial, got, want)
	}
}

// refDraw is the inverse of the distribution function in order of id.
func refDraw(kept []refToken, u float64) (id int32, close bool) {
	total, sum := 0.0, 0.0
	for _, t := range kept {
		total += t.weight
	}
	for _, t := range kept {
		sum += t.weight
		if math.Abs(sum-u*total) < 1e-9*total {
			return 0, true
		}
		if sum > u*total {
			return t.id, false
		}
	}
	return 0, true
}

func checkLogprobs(t *testing.T, trial, n int, logits []float32, tok Token) {
	t.Helper()
	if n < 0 {
		if tok.Logprob != 0 || tok.Top != nil {
			t.Errorf("trial %d: logprobs %v, %v that nobody asked for", trial, tok.Logprob, tok.Top)
		}
		return
	}
	want := refLogprobs(logits)
	if !near(float64(tok.Logprob), want[tok.ID]) {
		t.Errorf("trial %d: logprob %v of token %d, want %v", trial, tok.Logprob, tok.ID, want[tok.ID])
	}
	var order []int32
	for id := range logits {
		if logits[id] > -inf {
			order = append(order, int32(id))
		}
	}
	slices.SortFunc(order, func(a, b int32) int { return refOrder(want[b]-want[a], a-b) })
	order = order[:min(n, len(order))]
	if len(tok.Top) != len(order) {
		t.Fatalf("trial %d: %d top logprobs, want %d", trial, len(tok.Top), len(order))
	}
	for i, l := range tok.Top {
		if l.ID != order[i] || !near(float64(l.Logprob), want[l.ID]) {
			t.Errorf("trial %d: top logprob %d is %v, want token %d, %v", trial, i, l, order[i], want[order[i]])
		}
	}
}

// refLogprobs is the log of the softmax.
func refLogprobs(logits []float32) []float64 {
	high := float64(slices.Max(logits))
	sum := 0.0
	for _, l := range logits {
		sum += math.Exp(float64(l) - high)
	}
	out := make([]float64, len(logits))
	for i, l := range logits {
		out[i] = float64(l) - high - math.Log(sum)
	}
	return out
}

// near allows one rounding to float32.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-7*max(1, math.Abs(b)) }
