package sampler

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestWeightIsExp(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 200_000 {
		high := float32(40 * r.NormFloat64())
		temperature := [...]float64{0.05, 0.6, 1, 2}[r.IntN(4)]
		logit := high - float32(49.9*temperature*r.Float64())
		got := newWeigher(high, temperature).weight(min(logit, high))
		want := math.Exp((float64(min(logit, high)) - float64(high)) / temperature)
		if math.Abs(got/want-1) > 5e-12 {
			t.Fatalf("weight %v of %v below %v at %v, want %v: off by %v", got, logit, high, temperature, want, got/want-1)
		}
	}
	w := newWeigher(3, 1)
	if w.weight(3) != 1 || w.weight(-inf) != 0 || w.weight(-math.MaxFloat32) != 0 {
		t.Error("the highest weighs 1, -Inf and the negligible 0")
	}
}

func TestDrawSumsSkipsWhatWeighsNothing(t *testing.T) {
	logits := make([]float32, 300)
	for i := range logits {
		logits[i] = -inf
	}
	logits[130], logits[131], logits[280] = 0, -60, 0
	v := view{logits: logits}
	w := newWeigher(0, 1)
	sums := make([]float64, 5)
	total := v.sums(sums, w)
	almost := math.Nextafter(1, 0)
	for u, want := range map[float64]int32{0: 130, 0.49: 130, 0.5: 280, almost: 280} {
		if got := v.drawSums(sums, u, total, w); got != want {
			t.Errorf("token %d at %v, want %d", got, u, want)
		}
	}
}
