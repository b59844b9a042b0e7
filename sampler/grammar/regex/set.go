package regex

import (
	"slices"
	"sort"
)

// crange is a range of code points, both ends included.
type crange struct{ lo, hi rune }

// set is a set of code points: sorted ranges that neither overlap nor touch,
// without surrogates.
type set []crange

const (
	maxRune  = 0x10FFFF
	surrLow  = 0xD800
	surrHigh = 0xDFFF
)

// fullSet and emptySet are the sets that a table begins with.
const (
	emptySet int32 = iota
	fullSet
)

// fullRanges is every code point without surrogates.
func fullRanges() set { return set{{0, surrLow - 1}, {surrHigh + 1, maxRune}} }

// setTable numbers sets.
type setTable struct {
	list   []set
	cost   []int64            // cheapest character, see runeCost
	byHash map[uint64][]int32 // those beyond the first few
}

func (t *setTable) init() {
	t.list = append(make([]set, 0, 8), set{}, fullRanges())
	t.cost = append(make([]int64, 0, 8), farAway, 1)
}

// fewSets is how many sets are compared one by one.
const fewSets = 8

// id returns the number of a set. The table keeps c.
func (t *setTable) id(c set) int32 {
	for i, d := range t.list[:min(len(t.list), fewSets)] {
		if slices.Equal(d, c) {
			return int32(i)
		}
	}
	h := uint64(len(c))
	for _, r := range c {
		h = mix2(h^uint64(r.lo), uint64(r.hi))
	}
	for _, i := range t.byHash[h] {
		if slices.Equal(t.list[i], c) {
			return i
		}
	}
	i := int32(len(t.list))
	t.list = append(t.list, c)
	t.cost = append(t.cost, c.cost())
	if i >= fewSets {
		if t.byHash == nil {
			t.byHash = make(map[uint64][]int32)
		}
		t.byHash[h] = append(t.byHash[h], i)
	}
	return i
}

// normal sorts and merges ranges in any order and takes out surrogates.
func normal(c set) set {
	sort.Slice(c, func(i, j int) bool { return c[i].lo < c[j].lo })
	out := make(set, 0, len(c)+1)
	push := func(lo, hi rune) {
		if lo > hi {
			return
		}
		if n := len(out); n > 0 && lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, hi)
			return
		}
		out = append(out, crange{lo, hi})
	}
	for _, r := range c {
		lo, hi := max(r.lo, 0), min(r.hi, maxRune)
		push(lo, min(hi, surrLow-1))
		push(max(lo, surrHigh+1), hi)
	}
	return out
}

func (c set) union(d set) set {
	return normal(append(append(make(set, 0, len(c)+len(d)), c...), d...))
}

func (c set) intersect(d set) set {
	var out set
	for i, j := 0, 0; i < len(c) && j < len(d); {
		lo, hi := max(c[i].lo, d[j].lo), min(c[i].hi, d[j].hi)
		if lo <= hi {
			out = append(out, crange{lo, hi})
		}
		if c[i].hi < d[j].hi {
			i++
		} else {
			j++
		}
	}
	return out
}

func (c set) complement() set {
	out := make(set, 0, len(c)+1)
	next := rune(0)
	for _, r := range c {
		out = append(out, crange{next, r.lo - 1})
		next = r.hi + 1
	}
	return normal(append(out, crange{next, maxRune}))
}

func (c set) minus(d set) set { return c.intersect(d.complement()) }

func (c set) contains(r rune) bool {
	i := sort.Search(len(c), func(i int) bool { return c[i].hi >= r })
	return i < len(c) && c[i].lo <= r
}

// size is the number of code points.
func (c set) size() int {
	n := 0
	for _, r := range c {
		n += int(r.hi-r.lo) + 1
	}
	return n
}

// ranges builds a set from pairs of ends.
func ranges(ends ...rune) set {
	c := make(set, 0, len(ends)/2)
	for i := 0; i+1 < len(ends); i += 2 {
		c = append(c, crange{ends[i], ends[i+1]})
	}
	return normal(c)
}
