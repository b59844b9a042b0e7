package formula

import "strings"

// solveComparing finds items for a condition that compares them with one another
// and with those before, which are the values not in fresh. Conditions are
// monotone in their atoms, so it does to look for items that differ and for items
// of which two are equal, one after the other.
func (sp *Space) solveComparing(c Cond, fresh F, text bool) found {
	if r := sp.itemsOf(sp.assume(c, Never, Never), fTrue, text); r.ok {
		return r
	}
	w := &wayFinder{sp: sp, fresh: fresh, open: map[Cond]bool{}}
	if w.walk(sp.assume(c, Always, Never)); w.found {
		return found{ok: true, items: w.items}.joined()
	}
	if items, ok := sp.repeat(sp.assume(c, Never, Always), fresh); ok {
		return found{ok: true, items: items}.joined()
	}
	return found{}
}

// joined fills in the text of the items.
func (r found) joined() found {
	r.text = strings.Join(r.items, ", ")
	return r
}

// assume puts conditions in place of the demands that items differ, and that two
// are equal.
func (sp *Space) assume(c, unique, repeat Cond) Cond {
	a := &sp.conds[c]
	switch {
	case !a.compares:
		return c
	case a.op == condUnique:
		return unique
	case a.op == condRepeat:
		return repeat
	}
	o, kids := a.op, make([]Cond, len(a.kids))
	for i, k := range a.kids {
		kids[i] = sp.assume(k, unique, repeat)
	}
	return sp.junction(o, kids)
}

// wayFinder finds items that differ from one another and are in fresh. It looks
// at ways through the conditions that do not visit one twice, which suffices: a
// detour can be left out. For each way it looks for distinct representatives of
// the items' formulas.
type wayFinder struct {
	sp    *Space
	fresh F
	open  map[Cond]bool
	path  []F
	found bool
	items []string
}

func (w *wayFinder) walk(c Cond) {
	if w.found || c == Never || w.open[c] || !w.sp.spend(4) {
		return
	}
	if w.sp.Closes(c) {
		w.items, w.found = w.sp.distinct(w.path)
		return // more items only make it harder
	}
	w.open[c] = true
	for _, a := range w.sp.item(c, fTrue) {
		f := w.sp.And(a.Value, w.fresh)
		if _, ok := w.sp.value(f, true); !ok {
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
	if len(cache) == 1 { // any order will do
		all := values[0]
		return all, len(all) == len(fs)
	}
	owner := map[string]int{}
	var place func(i int, tried map[string]bool) bool
	place = func(i int, tried map[string]bool) bool {
		for _, v := range values[i] {
			if tried[v] || !sp.spend(16) {
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

// stage is a place on the way to two equal items.
type stage struct {
	c    Cond
	pair F    // what the first of the two satisfies, fFalse before it
	done bool // there are two
}

type stagePlace struct {
	stage
	prev  int
	value F
}

// repeat returns items after which c holds, of which two are equal or one is not
// in fresh, as few as there can be.
func (sp *Space) repeat(c Cond, fresh F) ([]string, bool) {
	if c == Never {
		return nil, false
	}
	queue := []stagePlace{{stage: stage{c: c}, prev: -1}}
	seen := map[stage]bool{queue[0].stage: true}
	used := sp.Not(fresh)
	for i := 0; i < len(queue); i++ {
		p := queue[i]
		if p.done && sp.Closes(p.c) {
			return sp.repeatTexts(queue, i, used)
		}
		push := func(s stage, value F) {
			if _, ok := sp.value(value, true); ok && !seen[s] && sp.spend(4) {
				seen[s] = true
				queue = append(queue, stagePlace{s, i, value})
			}
		}
		for _, a := range sp.item(p.c, fTrue) {
			if p.done {
				push(stage{c: a.Rest, pair: p.pair, done: true}, a.Value)
				continue
			}
			push(stage{c: a.Rest, pair: p.pair, done: true}, sp.And(a.Value, sp.Or(used, p.pair)))
			push(stage{c: a.Rest, pair: p.pair}, a.Value)
			if p.pair == fFalse {
				push(stage{c: a.Rest, pair: sp.Resolved(a.Value)}, a.Value)
			}
		}
	}
	return nil, false
}

// repeatTexts writes the items on the way to place i, with one value for the two
// that are equal.
func (sp *Space) repeatTexts(queue []stagePlace, i int, used F) ([]string, bool) {
	var way []stagePlace
	for ; queue[i].prev >= 0; i = queue[i].prev {
		way = append(way, queue[i])
	}
	items := make([]string, len(way))
	both, twice := "", false
	for n, p := range way { // from the last item
		f := p.value
		prev := stage{}
		if n+1 < len(way) {
			prev = way[n+1].stage
		}
		switch {
		case p.done && !prev.done && prev.pair != fFalse:
			// The second of the pair, unless a value used before does.
			if _, ok := sp.value(sp.And(f, used), false); !ok {
				twice = true
			} else {
				f = sp.And(f, used)
			}
		case !p.done && p.pair != fFalse && prev.pair == fFalse && twice:
			items[len(way)-1-n] = both
			continue
		}
		text, ok := sp.value(f, true)
		if !ok {
			return nil, false
		}
		if twice && both == "" {
			both = text
		}
		items[len(way)-1-n] = text
	}
	return items, true
}

// repeated is the formula of the values that, as an item before, leave items after
// which c holds because one of them is equal.
func (sp *Space) repeated(c Cond) F {
	var out []F
	done := map[Cond]bool{}
	todo := []Cond{sp.assume(c, Never, Always)}
	for len(todo) > 0 {
		c := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if done[c] || !sp.spend(4) {
			continue
		}
		done[c] = true
		for _, a := range sp.item(c, fTrue) {
			if _, ok := sp.value(a.Value, false); !ok {
				continue
			}
			todo = append(todo, a.Rest)
			if _, ok := sp.SomeItems(a.Rest, fTrue, false); ok {
				out = append(out, a.Value)
			}
		}
	}
	return sp.Or(out...)
}
