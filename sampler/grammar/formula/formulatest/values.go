package formulatest

import (
	"math/rand/v2"

	"orchrt/sampler/grammar/value"
)

// scalars are the values without parts that formulas tell apart.
var scalars = func() []value.Value {
	var vs []value.Value
	for _, text := range []string{`null`, `true`, `false`, `0`, `1`, `1.0`, `2`, `-1`, `0.5`, `""`, `"a"`, `"b"`, `"ab"`, `"c"`, `"x y"`} {
		v, err := value.Parse([]byte(text), value.Limits{})
		if err != nil {
			panic(err)
		}
		vs = append(vs, v)
	}
	return vs
}()

// Value returns a random value with parts up to depth, of the keys and scalars
// that the formulas speak of.
func Value(rng *rand.Rand, depth int) value.Value {
	if depth == 0 || rng.IntN(3) == 0 {
		return scalars[rng.IntN(len(scalars))]
	}
	n := rng.IntN(4)
	if rng.IntN(2) == 0 {
		v := value.Value{Kind: value.Array}
		for range n {
			v.Items = append(v.Items, Value(rng, depth-1))
		}
		return v
	}
	v := value.Value{Kind: value.Object}
	for _, i := range rng.Perm(len(Keys))[:n] {
		v.Members = append(v.Members, value.Member{Key: Keys[i], Value: Value(rng, depth-1)})
	}
	return v
}
