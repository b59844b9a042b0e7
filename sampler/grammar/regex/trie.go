package regex

import (
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// table is a sorted list of different strings.
type table struct {
	words []string
	cost  []int64
	runes []int64
}

// sortedLiterals is the language of sorted, different strings; words is kept.
func (s *Space) sortedLiterals(words []string) Lang {
	switch {
	case len(words) == 0:
		return none
	case len(words) == 1:
		return s.Literal(words[0])
	}
	size := 0
	single := true
	for _, w := range words {
		size += len(w) + 48
		single = single && w != "" && utf8.RuneCountInString(w) == 1
	}
	if single {
		var c set
		for _, w := range words {
			r, _ := utf8.DecodeRuneInString(w)
			c = append(c, crange{r, r})
		}
		return s.class(normal(c))
	}
	if !s.spend(len(words) + size/32) {
		return none
	}
	var key strings.Builder
	key.Grow(size)
	for _, w := range words {
		key.WriteString(w)
		key.WriteByte(0xFF) // in no valid UTF-8
	}
	id, ok := s.folded[key.String()]
	if !ok {
		t := &table{words: words, cost: make([]int64, len(words)), runes: make([]int64, len(words))}
		for i, w := range words {
			for _, r := range w {
				t.cost[i] += runeCost(r)
				t.runes[i]++
			}
		}
		id = int32(len(s.tables))
		s.tables = append(s.tables, t)
		s.bytes += int64(2 * size)
		if s.folded == nil {
			s.folded = make(map[string]int32)
		}
		s.folded[key.String()] = id
	}
	return s.trie(id, 0, int64(len(words)), 0)
}

// trie is the language of the strings [lo,hi) of a table from byte depth on.
func (s *Space) trie(id int32, lo, hi int64, depth int32) Lang {
	if hi-lo == 1 {
		return s.Literal(s.tables[id].words[lo][depth:])
	}
	return s.intern(node{kind: kTrie, x: id, y: depth, min: lo, max: hi})
}

func (s *Space) deriveTrie(n *node) {
	t := s.tables[n.x]
	prefix := t.words[n.min][:n.y]
	var cost, runes int64
	for _, r := range prefix {
		cost += runeCost(r)
		runes++
	}
	n.plain, n.exact, n.low, n.short, n.long = true, true, farAway, farAway, 0
	seen := make([]span, 0, maxSpans+1)
	for i := n.min; i < n.max; i++ {
		k := t.runes[i] - runes
		n.low = min(n.low, t.cost[i]-cost)
		n.short, n.long = min(n.short, k), max(n.long, k)
		if seen != nil {
			seen = mergeSpans(append(seen, span{k, k}))
		}
	}
	n.lens = seen
	s.spend(int(n.max-n.min) / 16)
}

// trieEdges returns the edges of a set of literals.
func (s *Space) trieEdges(n *node) []edge {
	words := s.tables[n.x].words[n.min:n.max]
	depth := int(n.y)
	var out []edge
	for i := 0; i < len(words); {
		rest := words[i][depth:]
		if rest == "" {
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(rest)
		head := words[i][:depth+size]
		j := i + sort.Search(len(words)-i, func(k int) bool { return !strings.HasPrefix(words[i+k], head) })
		out = append(out, edge{r, r, s.trie(n.x, n.min+int64(i), n.min+int64(j), int32(depth+size))})
		i = j
	}
	return out
}

// words returns the strings of a literal, a set of literals or the empty
// string.
func (s *Space) words(l Lang) ([]string, bool) {
	n := s.at(l)
	switch n.kind {
	case kEmpty:
		return []string{""}, true
	case kLit:
		return []string{n.text}, true
	case kTrie:
		list := slices.Clone(s.tables[n.x].words[n.min:n.max])
		for i := range list {
			list[i] = list[i][n.y:]
		}
		return list, true
	}
	return nil, false
}
