package value

import (
	"math/rand/v2"
	"slices"
)

// Shuffle returns v with the members of every object, at every depth, in a
// random order. It shares nothing that is ordered with v.
func Shuffle(v Value, rng *rand.Rand) Value {
	v.Items, v.Members = slices.Clone(v.Items), slices.Clone(v.Members)
	for i := range v.Items {
		v.Items[i] = Shuffle(v.Items[i], rng)
	}
	for i := range v.Members {
		v.Members[i].Value = Shuffle(v.Members[i].Value, rng)
	}
	rng.Shuffle(len(v.Members), func(i, j int) {
		v.Members[i], v.Members[j] = v.Members[j], v.Members[i]
	})
	return v
}
