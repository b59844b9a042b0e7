package regex

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"orchrt/sampler/grammar/budget"
)

func newSpace() *Space { return NewSpace(budget.New(1 << 26)) }

// finds says whether the tree matches somewhere in text, by trying everything.
func finds(t *tree, text []rune) bool {
	for i := 0; i <= len(text); i++ {
		if len(ends(t, text, i)) > 0 {
			return true
		}
	}
	return false
}

// ends returns where matches of t that begin at i may end.
func ends(t *tree, text []rune, i int) map[int]bool {
	here := func(ok bool) map[int]bool {
		if ok {
			return map[int]bool{i: true}
		}
		return nil
	}
	switch t.op {
	case opSet:
		if i < len(text) && t.set.contains(text[i]) {
			return map[int]bool{i + 1: true}
		}
		return nil
	case opCat:
		cur := here(true)
		for _, k := range t.kids {
			cur = step(k, text, cur)
		}
		return cur
	case opAlt:
		out := map[int]bool{}
		for _, k := range t.kids {
			for j := range ends(k, text, i) {
				out[j] = true
			}
		}
		return out
	case opRep:
		cur, out := here(true), map[int]bool{}
		seen := ""
		for n := int64(0); n <= t.max && len(cur) > 0; n++ {
			if n >= t.min {
				for j := range cur {
					out[j] = true
				}
				if key := fmt.Sprint(cur, out); key == seen || n > t.min+int64(len(text))+1 {
					break
				} else {
					seen = key
				}
			}
			cur = step(t.kids[0], text, cur)
		}
		return out
	case opBegin:
		return here(i == 0 || t.lines && lineSet().contains(text[i-1]))
	case opEnd:
		return here(i == len(text) || t.lines && lineSet().contains(text[i]))
	case opWord:
		before := i > 0 && wordSet().contains(text[i-1])
		after := i < len(text) && wordSet().contains(text[i])
		return here((before != after) != t.neg)
	case opAhead:
		return here((len(ends(t.kids[0], text, i)) > 0) != t.neg)
	case opBehind:
		found := false
		for j := 0; j <= i; j++ {
			found = found || ends(t.kids[0], text[:i], j)[i]
		}
		return here(found != t.neg)
	}
	panic("op")
}

func step(t *tree, text []rune, from map[int]bool) map[int]bool {
	out := map[int]bool{}
	for i := range from {
		for j := range ends(t, text, i) {
			out[j] = true
		}
	}
	return out
}

// randomPattern makes a pattern over a, b, c, blank and hyphen. Level 0 is what
// Go's regexp reads too, level 1 adds look-ahead and look-behind.
func randomPattern(r *rand.Rand, depth, level int) string {
	if depth == 0 {
		return [...]string{"a", "b", "c", " ", ".", "[ab]", "[^a]", `\w`, `\W`, "", "ab", `\-`, `[b-c\-]`}[r.IntN(13)]
	}
	sub := func() string { return randomPattern(r, depth-1, level) }
	switch k := r.IntN(16 + 3*level); {
	case k < 4:
		return sub() + sub()
	case k < 6:
		return "(" + sub() + "|" + sub() + ")"
	case k < 8:
		return "(?:" + sub() + ")" + [...]string{"*", "+", "?", "*?", "{2}", "{1,2}", "{0,3}", "{2,}"}[r.IntN(8)]
	case k < 9:
		return sub() + "|" + sub()
	case k < 10:
		return "^" + sub()
	case k < 11:
		return sub() + "$"
	case k < 12:
		return sub() + `\b` + sub()
	case k < 13:
		return sub() + `\B` + sub()
	case k < 14:
		return "(^|" + sub() + ")" + sub()
	case k < 16:
		return sub()
	case k < 18:
		return [...]string{"(?=", "(?!"}[r.IntN(2)] + sub() + ")" + sub()
	}
	inner := strings.NewReplacer("$", "", `\b`, "", `\B`, "").Replace(randomPattern(r, depth-1, 0))
	return sub() + [...]string{"(?<=", "(?<!"}[r.IntN(2)] + inner + ")" + sub()
}

// allTexts calls f with every string of up to n characters of an alphabet.
func allTexts(alphabet string, n int, f func(string)) {
	var rec func(string, int)
	rec = func(text string, left int) {
		f(text)
		if left > 0 {
			for _, r := range alphabet {
				rec(text+string(r), left-1)
			}
		}
	}
	rec("", n)
}
