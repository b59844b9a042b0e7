package regex

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestParts derives languages with many ranges by parts and by their ranges, which
// must come to the same: where each range leads, and what the classes of characters
// are taken for.
func TestParts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	patterns := []string{`^\p{L}{2,9}$`, `^[\p{L}\d]+(-\p{Lu}+)*$`, `\p{Nd}{3}`, `^[^\p{L}]*\p{Ll}$`, `^(\p{L}|ab|\d)*\.$`, `x\p{sc=Greek}y`, `^[a-z]{2,5}$`, "b"}
	many, compared := 0, 0
	for range 40 {
		s := newSpace()
		list := []Lang{s.Length(1, 4), s.Length(2, 40)}
		list = append(list, compiled(t, s, patterns)...)
		for range 12 {
			a, b := list[rng.IntN(len(list))], list[rng.IntN(len(list))]
			list = append(list, []Lang{s.union2(a, b), s.inter2(a, b), s.concat(a, b), s.Not(a), s.Repeat(a, 0, 3)}[rng.IntN(5)])
		}
		for _, l := range list {
			for range rng.IntN(4) {
				l = s.Derive(l, []rune("aé7Ω-x")[rng.IntN(6)])
			}
			got := s.edges(l)
			n := *s.at(l)
			if n.parted != nil {
				many++
			}
			if want := compact(s.nodeEdges(&n)); !slices.Equal(compact(got), want) {
				t.Fatalf("%d edges by parts, %d by ranges, and not the same", len(got), len(want))
			}
			compared++
			byParts := s.passage(l)
			delete(s.passages, l)
			s.at(l).parted = nil
			byRanges := s.passage(l)
			if byParts.alive != byRanges.alive || byParts.some != byRanges.some || !sameClasses(byParts.to, byRanges.to) {
				t.Fatalf("classes %x and some of %x by parts, %x and %x by ranges", byParts.alive, byParts.some, byRanges.alive, byRanges.some)
			}
			s.at(l).parted = n.parted
		}
		if s.err != nil {
			t.Fatal(s.err)
		}
	}
	if many < compared/4 {
		t.Errorf("%d of %d languages were derived by parts", many, compared)
	}
}

// sameClasses reports that two lists have the same classes for every language.
func sameClasses(a, b []classEdge) bool {
	less := func(x, y classEdge) int { return int(x.to) - int(y.to) }
	a, b = slices.Clone(a), slices.Clone(b)
	slices.SortFunc(a, less)
	slices.SortFunc(b, less)
	return slices.Equal(a, b)
}
