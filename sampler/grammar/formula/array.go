package formula

import (
	"container/heap"
	"slices"
	"strings"

	"orchrt/sampler/grammar/value"
)

// Item returns the alternatives for the next item of an array whose condition is
// c: those whose value exists and after which c can still hold. Where items must
// differ, fresh is the formula of the values that no item before has.
func (sp *Space) Item(c Cond, fresh F) []Alt {
	var out []Alt
	for _, a := range sp.item(c, fresh) {
		if sp.conds[a.Rest].unique && !sp.Closes(a.Rest) {
			a.Value = sp.spare(a.Value, a.Rest, fresh)
		}
		if _, ok := sp.value(a.Value, false); !ok {
			continue
		}
		if _, ok := sp.SomeItems(a.Rest, fresh, false); ok {
			out = append(out, a)
		}
	}
	return out
}

// spare takes from f the values without which c, where items must differ, could
// not be satisfied any more. Those can only be among the values of one solution.
func (sp *Space) spare(f F, c Cond, fresh F) F {
	r := sp.itemsOf(c, fresh, true)
	if !r.ok {
		return fFalse
	}
	for _, text := range r.items {
		v := sp.constant(text)
		if sp.And(f, v) == fFalse {
			continue
		}
		if _, ok := sp.SomeItems(c, sp.And(fresh, sp.Not(v)), false); !ok {
			f = sp.And(f, sp.Not(v))
		}
	}
	return f
}

// constant is Const of a text that the Space wrote.
func (sp *Space) constant(text string) F {
	v, err := value.Parse([]byte(text), value.Limits{})
	if err != nil {
		sp.fail(err)
		return fFalse
	}
	return sp.Const(v)
}

// place is a condition that a search through arrays has reached.
type place struct {
	c    Cond
	cost int
	prev int // index of the place before, -1 at the start
	text string
}

type placeQueue struct {
	all  []place
	heap []int
}

func (q *placeQueue) Len() int { return len(q.heap) }
func (q *placeQueue) Less(i, j int) bool {
	a, b := q.heap[i], q.heap[j]
	if q.all[a].cost != q.all[b].cost {
		return q.all[a].cost < q.all[b].cost
	}
	return a < b
}
func (q *placeQueue) Swap(i, j int) { q.heap[i], q.heap[j] = q.heap[j], q.heap[i] }
func (q *placeQueue) Push(x any)    { q.heap = append(q.heap, x.(int)) }
func (q *placeQueue) Pop() any {
	n := len(q.heap) - 1
	i := q.heap[n]
	q.heap = q.heap[:n]
	return i
}

// solveArray finds the shortest items after which c holds, by Dijkstra's
// algorithm over the conditions that items lead to.
func (sp *Space) solveArray(c Cond, text bool) found {
	q := &placeQueue{all: []place{{c: c, prev: -1}}, heap: []int{0}}
	done := map[Cond]bool{}
	for len(q.heap) > 0 {
		i := heap.Pop(q).(int)
		p := q.all[i]
		if done[p.c] {
			continue
		}
		done[p.c] = true
		if sp.Closes(p.c) {
			return found{ok: true, items: q.items(i)}.joined()
		}
		for _, a := range sp.item(p.c, fTrue) {
			if done[a.Rest] {
				continue
			}
			t, ok := sp.value(a.Value, text)
			if !ok {
				continue
			}
			if !sp.spend(4 + len(t)/64) {
				return found{}
			}
			q.all = append(q.all, place{a.Rest, p.cost + len(t) + 2, i, t})
			heap.Push(q, len(q.all)-1)
		}
	}
	return found{}
}

// items returns the items on the way to place i.
func (q *placeQueue) items(i int) []string {
	var items []string
	for ; q.all[i].prev >= 0; i = q.all[i].prev {
		items = append(items, q.all[i].text)
	}
	slices.Reverse(items)
	return items
}

// solveUnique finds items that differ from one another and are in fresh. It
// looks at ways through the conditions that do not visit one twice, which
// suffices: a detour can be left out. For each way it looks for distinct
// representatives of the items' formulas.
func (sp *Space) solveUnique(c Cond, fresh F, text bool) found {
	// Either the rest holds without the demand, or the demand holds.
	if free := sp.assume(c, Never); free != Never {
		if r := sp.itemsOf(free, fTrue, text); r.ok {
			return r
		}
	}
	w := &wayFinder{sp: sp, fresh: fresh, open: map[Cond]bool{}}
	w.walk(sp.assume(c, Always))
	if !w.found {
		return found{}
	}
	return found{ok: true, items: w.items}.joined()
}

// joined fills in the text of the items.
func (r found) joined() found {
	r.text = strings.Join(r.items, ", ")
	return r
}

// assume replaces the demand that items differ.
func (sp *Space) assume(c, unique Cond) Cond {
	a := &sp.conds[c]
	switch {
	case !a.unique:
		return c
	case a.op == condUnique:
		return unique
	}
	o, kids := a.op, make([]Cond, len(a.kids))
	for i, k := range a.kids {
		kids[i] = sp.assume(k, unique)
	}
	return sp.junction(o, kids)
}

type wayFinder struct {
	sp    *Space
	fresh F
	open  map[Cond]bool
	path  []F
	found bool
	items []string
}

func (w *wayFinder) walk(c Cond) {
	if w.found || w.open[c] || !w.sp.spend(4) {
		return
	}
	if w.sp.Closes(c) {
		w.items, w.found = w.sp.distinct(w.path)
		return // more items only make it harder
	}
	w.open[c] = true
	for _, a := range w.sp.item(c, fTrue) {
		f := w.sp.And(a.Value, w.fresh)
		if _, ok := w.sp.value(f, false); !ok {
			continue
		}
		w.path = append(w.path, f)
		w.walk(a.Rest)
		w.path = w.path[:len(w.path)-1]
	}
	delete(w.open, c)
}

// distinct returns different values, one of each formula, by augmenting paths
// (Hall's theorem says when there are any).
func (sp *Space) distinct(fs []F) ([]string, bool) {
	values := make([][]string, len(fs))
	cache := map[F][]string{}
	for i, f := range fs {
		f = sp.Resolved(f)
		if _, ok := cache[f]; !ok {
			cache[f] = sp.some(f, len(fs))
		}
		values[i] = cache[f]
	}
	owner := map[string]int{}
	var place func(i int, tried map[string]bool) bool
	place = func(i int, tried map[string]bool) bool {
		for _, v := range values[i] {
			if tried[v] || !sp.spend(1) {
				continue
			}
			tried[v] = true
			if j, taken := owner[v]; !taken || place(j, tried) {
				owner[v] = i
				return true
			}
		}
		return false
	}
	for i := range fs {
		if !place(i, map[string]bool{}) {
			return nil, false
		}
	}
	out := make([]string, len(fs))
	for v, i := range owner {
		out[i] = v
	}
	return out, true
}

// some returns the texts of up to n different values of f, or all that there
// are; a value has one text, the one that its witness gets.
func (sp *Space) some(f F, n int) []string {
	var out []string
	for len(out) < n && sp.spend(16) {
		text, ok := sp.value(f, true)
		if !ok {
			break
		}
		out = append(out, text)
		f = sp.And(f, sp.Not(sp.constant(text)))
	}
	return out
}
