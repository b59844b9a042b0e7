package regex

import (
	"container/heap"
	"math"
	"slices"
)

// IsEmpty reports whether l holds no string.
func (s *Space) IsEmpty(l Lang) bool { return !s.live(l) }

// Several reports that l holds more than one string. It may fail to see that, never
// the other way round.
func (s *Space) Several(l Lang) bool {
	for range severalChars {
		end := s.Nullable(l)
		next := none
		for _, e := range s.edges(l) {
			switch {
			case !s.live(e.to):
			case end || next != none || e.lo < e.hi:
				return s.err == nil
			default:
				next = e.to
			}
		}
		if next == none {
			return false
		}
		l = next
	}
	return false
}

// severalChars is how far Several follows a beginning that all strings share.
const severalChars = 64

// live reports whether l holds a string.
func (s *Space) live(l Lang) bool {
	n := s.at(l)
	if n.alive == unknown {
		v := s.aliveNode(l, n)
		if s.err != nil {
			return false
		}
		n.alive = v
	}
	return n.alive == yes
}

func (s *Space) aliveNode(l Lang, n *node) tri {
	if s.null(l) == yes {
		return yes
	}
	switch n.kind {
	case kConcat:
		return truth(s.live(Lang(n.x)) && s.live(Lang(n.y)))
	case kRepeat:
		return truth(s.live(Lang(n.x)))
	case kUnion:
		return truth(slices.ContainsFunc(n.list, s.live))
	case kInter:
		if s.longest(n) >= longLength {
			if _, found := s.search(l, anyString, shortSearch); found != unknown || s.err != nil {
				return found
			}
		}
		if v, ok := s.aliveByLength(n); ok {
			return v
		}
	}
	_, found := s.search(l, anyString, math.MaxInt64)
	return found
}

// The cheapest string of one language is looked for in at most maxSearch steps,
// then another one will do that is found faster. Each time that happens, half as
// many are tried for the next language, down to minSearch: a Space with one
// such language mostly has thousands.
const (
	maxSearch = 1 << 16
	minSearch = 1 << 8
)

// cost returns the cost of the string that Shortest gives for l, farAway if
// there is none.
func (s *Space) cost(l Lang) int64 {
	n := s.at(l)
	if n.exact {
		return n.low
	}
	var c int64
	switch n.kind {
	case kConcat:
		c = addCost(s.cost(Lang(n.x)), s.cost(Lang(n.y)))
	case kRepeat:
		c = mulCost(s.cost(Lang(n.x)), n.min)
	case kUnion:
		c = farAway
		for _, a := range n.list {
			c = min(c, s.cost(a))
		}
	default:
		var found tri
		if c, found = s.search(l, cheapString, s.patience); found == unknown {
			s.patience = max(s.patience/2, minSearch)
			c, _ = s.search(l, nearString, math.MaxInt64)
		}
	}
	if s.err == nil {
		n.low, n.exact = c, true
		n.alive = truth(c < farAway)
	}
	return c
}

// visit is a language that a search has reached.
type visit struct {
	l     Lang
	cost  int64 // of getting here
	rank  int64 // what the queue is ordered by
	order int32 // ties are broken by age
	prev  int32 // index of the visit before, -1 at the start
	by    edge  // the edge from there
}

type queue struct {
	all  []visit
	heap []int32
}

func (q *queue) Len() int { return len(q.heap) }
func (q *queue) Less(i, j int) bool {
	a, b := &q.all[q.heap[i]], &q.all[q.heap[j]]
	if a.rank != b.rank {
		return a.rank < b.rank
	}
	return a.order < b.order
}
func (q *queue) Swap(i, j int) { q.heap[i], q.heap[j] = q.heap[j], q.heap[i] }
func (q *queue) Push(x any)    { q.heap = append(q.heap, x.(int32)) }
func (q *queue) Pop() any {
	n := len(q.heap) - 1
	i := q.heap[n]
	q.heap = q.heap[:n]
	return i
}

// aim is what a search is for.
type aim uint8

const (
	anyString   aim = iota // whether there is a string
	nearString             // one that is found fast, and its cost
	cheapString            // the cheapest one
)

// search looks through the derivatives of l for a string. It looks first where
// a string seems nearest, or, for the cheapest one, where it is (A*: Hart,
// Nilsson, Raphael 1968; the lower bounds of nodes are the heuristic). What it
// learns is kept in the nodes. found is unknown if the budget or limit, which
// counts steps too, ran out.
func (s *Space) search(l Lang, want aim, limit int64) (cost int64, found tri) {
	q := &queue{}
	best := map[Lang]int64{}
	closed := map[Lang]bool{}
	push := func(l Lang, cost int64, prev int32, by edge) {
		n := s.at(l)
		if n.alive == no || n.low >= farAway {
			return
		}
		if old, ok := best[l]; ok && old <= cost {
			return
		}
		best[l] = cost
		rank := cost + n.low
		if want != cheapString {
			rank = cost/8 + n.low*4
		}
		i := int32(len(q.all))
		q.all = append(q.all, visit{l, cost, rank, i, prev, by})
		heap.Push(q, i)
	}
	push(l, 0, -1, edge{})
	for start := s.spent; len(q.heap) > 0; {
		i := heap.Pop(q).(int32)
		v := q.all[i]
		if v.cost > best[v.l] || want != cheapString && closed[v.l] {
			continue
		}
		closed[v.l] = true
		n := s.at(v.l)
		if s.null(v.l) == yes || n.exact && n.low < farAway || want == anyString && n.alive == yes {
			return s.arrived(q, i, want), yes
		}
		list := s.edges(v.l)
		if !s.spend(searchSteps+2*len(list)) || s.spent-start > limit {
			return farAway, unknown
		}
		for k, e := range list {
			if want == anyString && k > 0 && list[k-1].to == e.to {
				continue
			}
			push(e.to, addCost(v.cost, s.rangeCost(e)), i, e)
			if want == anyString && s.at(e.to).alive == yes {
				return s.arrived(q, int32(len(q.all)-1), want), yes
			}
		}
	}
	if s.err != nil {
		return farAway, unknown
	}
	// The search saw everything that l leads to.
	for d := range closed {
		n := s.at(d)
		n.alive, n.low, n.exact = no, farAway, true
	}
	return farAway, no
}

// searchSteps is the work of a visit beside its edges: the queue and two tables.
const searchSteps = 16

// arrived keeps what the way to visit i shows, and returns the cost of the
// whole string.
func (s *Space) arrived(q *queue, i int32, want aim) int64 {
	total := q.all[i].cost + s.at(q.all[i].l).low
	for v := q.all[i]; ; v = q.all[v.prev] {
		n := s.at(v.l)
		n.alive = yes
		if v.prev < 0 {
			return total
		}
		p := q.all[v.prev]
		if m := s.at(p.l); want != anyString && !m.exact {
			m.low, m.exact = total-p.cost, true
			m.via, m.step = v.by, true
		}
	}
}

// rangeCost is the cost of the cheapest character of an edge.
func (s *Space) rangeCost(e edge) int64 {
	if e.lo < 0x80 {
		return set{{e.lo, e.hi}}.cost()
	}
	return runeCost(e.lo)
}

// longLength is the length from which counting steps beats following them,
// unless that comes to an end within shortSearch steps.
const (
	longLength  = 64
	shortSearch = 1 << 13
)

// longest is the greatest least length among the members of an intersection
// that are repetitions of characters.
func (s *Space) longest(n *node) (lo int64) {
	for _, l := range n.list {
		if m := s.at(l); m.kind == kRepeat && s.isChars(Lang(m.x)) {
			lo = max(lo, m.min)
		}
	}
	return lo
}

// aliveByLength settles an intersection with many characters of a class: it
// follows the sets of languages that are reached by 0, 1, 2 … characters until
// they repeat.
func (s *Space) aliveByLength(n *node) (tri, bool) {
	var rest []Lang
	lo, hi := int64(0), int64(Unbounded)
	for _, l := range n.list {
		if m := s.at(l); m.kind == kRepeat && m.min >= longLength && s.isChars(Lang(m.x)) {
			// x{m,n} is x* of that length; an intersection holds one of these.
			lo, hi = m.min, m.max
			l = s.Repeat(Lang(m.x), 0, Unbounded)
		}
		rest = append(rest, l)
	}
	if lo < longLength {
		return unknown, false
	}
	cur := []Lang{s.inter(rest)}
	seen := map[string]int64{}
	var hit []bool  // whether a string of this length was met
	var met []int64 // by Lang: 1 + the last length that it was reached by
	var next []Lang
	for j := int64(0); j <= hi; j++ {
		if !s.spend(4 + len(cur)) {
			return unknown, true
		}
		key := langKey(cur)
		if from, ok := seen[key]; ok {
			return truth(periodic(hit, from, j-from, lo, hi)), true
		}
		seen[key] = j
		ok := slices.ContainsFunc(cur, s.Nullable)
		if hit = append(hit, ok); ok && j >= lo {
			return yes, true
		}
		next = next[:0]
		for _, l := range cur {
			for _, e := range s.edges(l) {
				if int(e.to) >= len(met) {
					met = append(met, make([]int64, max(int(e.to)+1-len(met), len(met)))...)
				}
				if met[e.to] != j+1 {
					met[e.to] = j + 1
					next = append(next, e.to)
				}
			}
		}
		slices.Sort(next)
		if cur, next = next, cur; len(cur) == 0 {
			return no, true
		}
	}
	return no, true
}

// periodic reports whether a length in [lo,hi] is hit, where lengths from on
// repeat with the given period.
func periodic(hit []bool, from, period, lo, hi int64) bool {
	for k := from; k < from+period; k++ {
		if !hit[k] {
			continue
		}
		first := k
		if first < lo {
			first += (lo - first + period - 1) / period * period
		}
		if first <= hi {
			return true
		}
	}
	return false
}

func langKey(list []Lang) string {
	b := make([]byte, 0, 4*len(list))
	for _, l := range list {
		b = append(b, byte(l), byte(l>>8), byte(l>>16), byte(l>>24))
	}
	return string(b)
}
