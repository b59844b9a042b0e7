package formula

import (
	"container/heap"
	"slices"

	"orchrt/sampler/grammar/value"
)

// Item returns the alternatives for the next item of an array whose condition is
// c: those whose value exists and after which c can still hold. Where items are
// compared, fresh is the formula of the values that no item before has.
func (sp *Space) Item(c Cond, fresh F) []Alt {
	var out []Alt
	for _, a := range sp.item(c, fresh) {
		if sp.conds[a.Rest].compares && !sp.Closes(a.Rest) {
			a.Value = sp.spare(a.Value, a.Rest, fresh)
		} else if _, ok := sp.SomeItems(a.Rest, fresh, false); !ok {
			continue
		}
		if _, ok := sp.value(a.Value, false); ok {
			out = append(out, a)
		}
	}
	return out
}

// spare is the part of f whose values, as an item, leave items after which c
// holds. If there are such items without the value counted, only those values
// can be wrong that are among them. If there are none, only those values are
// right that are repeated later.
func (sp *Space) spare(f F, c Cond, fresh F) F {
	r := sp.itemsOf(c, fresh, true)
	if !r.ok {
		return sp.And(f, sp.repeated(c))
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
			if !sp.spend(16) || text && !sp.fits(p.cost+len(t)) {
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
