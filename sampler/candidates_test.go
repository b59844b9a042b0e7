package sampler

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// naiveCut sorts and walks down.
func naiveCut(list []ranked, target float64) (cut, above float64) {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b ranked) int { return cmp.Compare(b.key, a.key) })
	cut, total := math.Inf(-1), 0.0
	for i, r := range list {
		if r.key != cut || i == 0 {
			if i > 0 && total >= target {
				break
			}
			cut, above = r.key, total
		}
		total += r.weight
	}
	return cut, above
}

func TestCutAtEqualsASort(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for range 3000 {
		list := make([]ranked, 1+r.IntN(400))
		spread := 1 + r.IntN(500)
		total := 0.0
		for i := range list {
			list[i] = ranked{float64(r.IntN(spread)), float64(r.IntN(4))} // whole weights add up exactly
			total += list[i].weight
		}
		target := math.Ceil(total*r.Float64()*1.1) + 0.5
		cut, above := naiveCut(list, target)
		if c, a := cutAt(slices.Clone(list), target); c != cut || a != above {
			t.Fatalf("cutAt = %v, %v, want %v, %v for target %v of %v", c, a, cut, above, target, total)
		}
	}
}

// Orders that are hard for fixed pivots. A quadratic search would take minutes.
func TestCutAtOnOrderedLists(t *testing.T) {
	const n = qwenVocab
	shapes := map[string]func(i int) int{
		"rising":   func(i int) int { return i },
		"falling":  func(i int) int { return -i },
		"peak":     func(i int) int { return -max(i-n/2, n/2-i) },
		"valley":   func(i int) int { return max(i-n/2, n/2-i) },
		"saw":      func(i int) int { return i % 1000 },
		"constant": func(i int) int { return 1 },
	}
	for name, shape := range shapes {
		list := make([]ranked, n)
		for i := range list {
			list[i] = ranked{float64(shape(i)), 1}
		}
		for _, target := range []float64{20, n / 2, n - 20} {
			cut, above := naiveCut(list, target)
			if c, a := cutAt(list, target); c != cut || a != above {
				t.Errorf("%s: cutAt(%v) = %v, %v, want %v, %v", name, target, c, a, cut, above)
			}
		}
	}
}
