package sampler

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// topOf is what a device finds: the k highest edited logits that are allowed.
func topOf(logits []float32, edits []Edit, set []uint64, k int) []Candidate {
	x := slices.Clone(logits)
	for _, e := range edits {
		v := x[e.ID] + e.Bias
		if v > 0 {
			v /= e.Penalty
		} else {
			v *= e.Penalty
		}
		x[e.ID] = v - e.Less
	}
	var list []Candidate
	for i, v := range x {
		if (set == nil || set[i/64]>>(i%64)&1 == 1) && v > -inf {
			list = append(list, Candidate{int32(i), v})
		}
	}
	slices.SortStableFunc(list, func(a, b Candidate) int { return cmp.Compare(b.Logit, a.Logit) })
	return list[:min(k, len(list))]
}

// A token drawn from the few that Narrow asks for is the one that is drawn from
// all logits, over random parameters, histories, masks and logits; and so are errors.
func TestSampleTopEqualsSampleFrom(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 1))
	narrow := 0
	for trial := range 6000 {
		vocab := 2 + r.IntN(300)
		logits, p := randomLogits(r, vocab), randomParams(r, vocab)
		p.Logprobs = -1
		all := newSampler(t, p, vocab)
		all.AcceptPrompt(randomIDs(r, r.IntN(30), vocab))
		for _, id := range randomIDs(r, r.IntN(30), vocab) {
			all.Accept(id)
		}
		k, ok := all.Narrow()
		if !ok {
			continue
		}
		narrow++
		var set []uint64
		if r.IntN(2) == 0 {
			set = scanMask(r, vocab)
		}
		few := all.Fork(0)
		edits := few.Edits(nil)
		list := topOf(logits, edits, set, k+r.IntN(3))
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		got, gotErr := few.SampleTop(list, set)
		want, wantErr := all.SampleFrom(logits, set)
		if got.ID != want.ID || gotErr != wantErr {
			t.Fatalf("trial %d: drew %d (%v), want %d (%v): params %+v", trial, got.ID, gotErr, want.ID, wantErr, p)
		}
		if few.rng != all.rng {
			t.Fatalf("trial %d: the random streams part", trial)
		}
	}
	if narrow < 2000 {
		t.Errorf("only %d trials were narrow", narrow)
	}
}

func TestNarrowNeedsAllLogits(t *testing.T) {
	for name, change := range map[string]func(*Params){
		"logprobs": func(p *Params) { p.Logprobs = 0 },
		"no top-k": func(p *Params) { p.Temperature, p.TopP = 1, 0.9 },
		"all":      func(p *Params) { p.Temperature, p.TopK = 1, 100 },
	} {
		p := Greedy()
		change(&p)
		if k, ok := newSampler(t, p, 100).Narrow(); ok {
			t.Errorf("%s: Narrow gave %d", name, k)
		}
	}
}
