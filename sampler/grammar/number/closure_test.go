package number

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestClosure compares closures with the least common multiples of all sets of
// terms, taken one by one.
func TestClosure(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var c cond
		for range 1 + rng.IntN(6) {
			m := modulus{two: rng.Int32N(4) - 1, five: rng.Int32N(3) - 1, odd: []uint64{1, 3, 7, 9, 21}[rng.IntN(5)]}
			if !slices.Contains(c.terms, m) {
				c.terms = append(c.terms, m)
			}
		}
		want := map[modulus]bool{}
		for set := 1; set < 1<<len(c.terms); set++ {
			var all []modulus
			for i, m := range c.terms {
				if set>>i&1 != 0 {
					all = append(all, m)
				}
			}
			l := all[0]
			for _, m := range all[1:] {
				l, _ = l.lcm(m)
			}
			want[l] = true
		}
		got, err := c.closure()
		if err != nil || len(got) != len(want) {
			t.Fatalf("%v: %v, %v; want %v", c.terms, got, err, want)
		}
		for i, m := range got {
			if !want[m] || slices.ContainsFunc(got[i:], func(l modulus) bool { return l != m && m.divides(l) }) {
				t.Fatalf("%v: %v at place %d of %v", c.terms, m, i, got)
			}
		}
	}
}
