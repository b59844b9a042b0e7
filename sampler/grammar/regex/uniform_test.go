package regex

import (
	"math/rand/v2"
	"testing"

	"orchrt/sampler/grammar/budget"
)

// TestUniform follows random strings of the classes that Uniform leaves.
func TestUniform(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	useful := 0
	for _, pattern := range []string{
		"^[^/]+/[^/]+$", `^(\S+\s){0,9}\S+$`, "^.{0,20}$", "^[a-z]{3}$", "^[^é東]*x$", "^application/.*json$", "a|b", "^$", "^x",
	} {
		s := NewSpace(budget.New(1 << 40))
		l, err := s.Pattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		x := NewLexer(s)
		st := x.Start(l)
		for depth := 0; depth < 12 && st != 0; depth++ {
			except, chars := x.Uniform(st, 32)
			if chars > 0 && except != 1<<NumClasses-1 {
				useful++
				for range 200 {
					to := st
					for n := 0; n < min(chars, 40); n++ {
						c := classRanges[r.IntN(len(classRanges))]
						if except>>c.class&1 != 0 {
							continue
						}
						char := c.lo + r.Int32N(c.hi-c.lo+1)
						if ClassOf(char) != int(c.class) {
							t.Fatalf("%q is of class %d, not %d", char, ClassOf(char), c.class)
						}
						for _, b := range []byte(string(char)) {
							to = x.Step(to, b)
						}
						if to == 0 {
							t.Fatalf("%s: %q is refused after %d characters, %d of classes other than %x are allowed", pattern, char, n, chars, except)
						}
					}
				}
			}
			next := x.Step(st, "ax/ b:"[r.IntN(6)])
			if next == 0 {
				next = x.Step(st, 'a')
			}
			st = next
		}
	}
	if useful < 20 {
		t.Errorf("only %d states tell anything", useful)
	}
}
