package formula

import (
	"slices"

	"orchrt/sampler/grammar/regex"
)

// Alt is one way to go past a member or an item: its value is in Value, and what
// follows it satisfies Rest.
type Alt struct {
	Value F
	Rest  Cond
}

// keyClass says which languages and names of a condition a key belongs to.
type keyClass struct {
	name int32                 // -1 for a key that the formulas do not name
	in   func(regex.Lang) bool // for a key without a name
}

func (sp *Space) inClass(k keyClass, l regex.Lang) bool {
	if k.name >= 0 {
		return sp.nameIn(l, k.name)
	}
	return k.in(l)
}

// member progresses a condition on objects past a member with a key of class k.
func (sp *Space) member(c Cond, k keyClass) []Alt {
	from := len(sp.alts)
	sp.pushMember(c, k)
	return sp.pop(from)
}

// memberUpTo is member, which gives up where some product has more alternatives
// than most; 0 is no bound.
func (sp *Space) memberUpTo(c Cond, k keyClass, most int) (alts []Alt, ok bool) {
	sp.mostAlts, sp.tooMany = most, false
	alts = sp.member(c, k)
	ok = !sp.tooMany
	sp.mostAlts, sp.tooMany = 0, false
	return alts, ok
}

// item progresses a condition on arrays past an item; fresh is the formula of the
// values that differ from all items before it.
func (sp *Space) item(c Cond, fresh F) []Alt {
	from := len(sp.alts)
	sp.pushItem(c, fresh)
	return sp.pop(from)
}

// pop takes what was pushed from a length of the stack on.
func (sp *Space) pop(from int) []Alt {
	alts := slices.Clone(sp.alts[from:])
	sp.alts = sp.alts[:from]
	return alts
}

// push puts an alternative on the stack, if it can hold.
func (sp *Space) push(f F, c Cond) {
	if f != fFalse && c != Never {
		sp.alts = append(sp.alts, Alt{f, c})
	}
}

// pushMember pushes what member returns.
func (sp *Space) pushMember(c Cond, k keyClass) {
	if !sp.spend(1) || sp.tooMany {
		return
	}
	a := &sp.conds[c]
	switch a.op {
	case condNever:
		return
	case condAnd, condOr:
		kids := a.kids
		var differ []Cond
		if a.op == condAnd {
			kids, differ = sp.splitDiffer(kids)
		}
		if a.op == condOr {
			sp.choosing++
		}
		op := a.op
		sp.progressKids(c, kids, sp.differ(differ, k.name), func(kid Cond) { sp.pushMember(kid, k) })
		if op == condOr {
			sp.choosing--
		}
		return
	case condProps:
		if k.name >= 0 {
			if i, ok := slices.BinarySearch(a.ids, k.name); ok {
				sp.push(a.fs[i], sp.otherProps(c, i))
				return
			}
		}
	case condEvery:
		if sp.inClass(k, a.lang) {
			sp.push(a.f, c)
			return
		}
	case condSome:
		if sp.inClass(k, a.lang) {
			sp.eventually(a.f, c)
			return
		}
	case condHas:
		if k.name == a.ids[0] {
			sp.push(a.f, Always)
			return
		}
	case condRequire:
		if k.name >= 0 {
			if i, ok := slices.BinarySearch(a.ids, k.name); ok {
				sp.push(fTrue, sp.condRequire(slices.Delete(slices.Clone(a.ids), i, i+1)))
				return
			}
		}
	case condMembers:
		sp.countDown(a.op, a.min, a.max)
		return
	case condExact:
		if f, rest, ok := sp.past(c, k.name); ok {
			sp.push(f, rest)
		}
		return
	case condDiffer:
		sp.alts = append(sp.alts, sp.differ([]Cond{c}, k.name)...)
		return
	}
	sp.push(fTrue, c)
}

// fewProps is up to how many members a table in a choice may speak of for one to be
// taken out behind it.
const fewProps = 2

// otherProps is c, a condProps, behind the member at index i. It says nothing of
// that any more, but stays as it is where that is all there is to gain: then the
// same plan is good for all members. In a choice, what is left may be nothing, which
// decides it.
func (sp *Space) otherProps(c Cond, i int) Cond {
	a := &sp.conds[c]
	if sp.choosing == 0 || len(a.ids) > fewProps {
		return c
	}
	return sp.condProps(slices.Delete(slices.Clone(a.ids), i, i+1), slices.Delete(slices.Clone(a.fs), i, i+1))
}

// past takes the member named id from a condExact or condDiffer.
func (sp *Space) past(c Cond, id int32) (f F, rest Cond, ok bool) {
	a := sp.conds[c]
	i, found := slices.BinarySearch(a.ids, id)
	if id < 0 || !found {
		return 0, 0, false
	}
	rest = sp.internCond(cond{
		op:  a.op,
		ids: slices.Delete(slices.Clone(a.ids), i, i+1),
		fs:  slices.Delete(slices.Clone(a.fs), i, i+1),
	})
	return a.fs[i], rest, true
}

// differ progresses a conjunction of condDiffer. The constants that they have for
// the key exclude one another, so that there is one alternative for each and one
// for all other values.
func (sp *Space) differ(cs []Cond, id int32) []Alt {
	if cs == nil {
		return nil
	}
	var values []F
	rests := map[F][]Cond{}
	for _, c := range cs {
		f, rest, ok := sp.past(c, id)
		if !ok {
			continue // it differs by having this key
		}
		if rests[f] == nil {
			values = append(values, f)
		}
		rests[f] = append(rests[f], rest)
	}
	alts := make([]Alt, 0, len(values)+1)
	others := make([]F, len(values))
	for i, f := range values {
		alts = append(alts, Alt{f, sp.junction(condAnd, rests[f])})
		others[i] = sp.Not(f)
	}
	return append(alts, Alt{sp.And(others...), Always})
}

// pushItem pushes what item returns.
func (sp *Space) pushItem(c Cond, fresh F) {
	if !sp.spend(1) {
		return
	}
	a := sp.conds[c]
	switch a.op {
	case condNever:
	case condAnd, condOr:
		sp.progressKids(c, a.kids, nil, func(kid Cond) { sp.pushItem(kid, fresh) })
	case condEach:
		switch {
		case a.min > 0:
			sp.push(fTrue, sp.condEach(a.min-1, less(a.max), a.f))
		case a.max < 0:
			sp.push(a.f, c)
		case a.max == 0:
			sp.push(a.f, Always)
		default:
			sp.push(a.f, sp.condEach(0, a.max-1, a.f))
		}
	case condSomeAt:
		switch {
		case a.min > 0:
			sp.push(fTrue, sp.someItem(a.min-1, less(a.max), a.f))
		case a.max == 0:
			sp.push(a.f, Always)
		default:
			sp.eventually(a.f, sp.someItem(0, less(a.max), a.f))
		}
	case condAtLeast:
		sp.choose(Alt{a.f, sp.condAtLeast(a.min-1, a.f)}, Alt{fTrue, c})
	case condAtMost:
		sp.choose(Alt{sp.Not(a.f), c}, Alt{fTrue, sp.condAtMost(a.max-1, a.f)})
	case condItems:
		sp.countDown(a.op, a.min, a.max)
	case condUnique:
		sp.push(fresh, c)
	case condRepeat:
		sp.eventually(sp.Not(fresh), c)
	default:
		sp.push(fTrue, c)
	}
}

// less lowers a bound that is not Unbounded.
func less(n int32) int32 {
	if n < 0 {
		return n
	}
	return n - 1
}

// eventually is the choice between f here and the same condition later.
func (sp *Space) eventually(f F, later Cond) { sp.choose(Alt{f, Always}, Alt{fTrue, later}) }

func (sp *Space) choose(a, b Alt) {
	from := len(sp.alts)
	sp.alts = append(sp.alts, a, b)
	sp.clean(from)
}

func (sp *Space) countDown(o condOp, lo, hi int32) {
	if hi != 0 {
		sp.push(fTrue, sp.counted(o, lo-1, less(hi)))
	}
}

// splitDiffer takes the condDiffer from the kids of a conjunction.
func (sp *Space) splitDiffer(kids []Cond) (others, differ []Cond) {
	for _, k := range kids {
		if sp.conds[k].op == condDiffer {
			differ = append(differ, k)
		}
	}
	if differ == nil {
		return kids, nil
	}
	for _, k := range kids {
		if sp.conds[k].op != condDiffer {
			others = append(others, k)
		}
	}
	return others, differ
}

// progressKids progresses each kid of c, a junction, and combines the alternatives,
// in a conjunction with those of more, if that is not nil.
func (sp *Space) progressKids(c Cond, kids []Cond, more []Alt, progress func(Cond)) {
	from := len(sp.alts)
	if sp.conds[c].op == condOr {
		same := true // the kids remain as they are behind one value
		for i, kid := range kids {
			progress(kid)
			same = same && len(sp.alts) == from+i+1 && sp.alts[from+i] == Alt{sp.alts[from].Value, kid}
		}
		if same {
			sp.alts = append(sp.alts[:from], Alt{sp.alts[from].Value, c})
			return
		}
		sp.clean(from)
		return
	}
	// A conjunction: kids with one alternative are joined at once, the product
	// is over the others.
	var valueRoom [8]F
	var restRoom [16]Cond
	values, rests := valueRoom[:0], restRoom[:0]
	var choices [][]Alt
	if more != nil {
		choices = append(choices, more)
	}
	for _, kid := range kids {
		progress(kid)
		switch len(sp.alts) - from {
		case 0:
			return
		case 1:
			a := sp.alts[from]
			sp.alts = sp.alts[:from]
			if a.Value != fTrue {
				values = append(values, a.Value)
			}
			rests = append(rests, a.Rest)
		default:
			choices = append(choices, sp.pop(from))
		}
	}
	if more == nil && slices.Equal(rests, kids) {
		sp.push(sp.And(values...), c)
		return
	}
	sp.push(sp.And(values...), sp.junction(condAnd, rests))
	if len(choices) >= manyChoices {
		for _, alts := range choices {
			sp.part(alts)
		}
	}
	for _, alts := range choices {
		left := sp.pop(from)
		if sp.mostAlts > 0 && len(left)*len(alts) > sp.mostAlts {
			sp.tooMany = true
			return
		}
		for _, a := range left {
			for _, b := range alts {
				if !sp.spend(6) {
					return
				}
				sp.push(sp.And(a.Value, b.Value), sp.condAnd(a.Rest, b.Rest))
			}
		}
		sp.clean(from)
		if len(sp.alts)-from > fewAlts && sp.mostAlts == 0 && sp.search.depth == 0 {
			sp.alts = append(sp.alts[:from], sp.open(sp.pop(from))...)
		}
	}
}

// fewAlts is up to how many alternatives of a product those without a value are
// kept for later: there are as many again for each choice that is still to come.
const fewAlts = 4

// clean drops alternatives that fail from the stack's end, and merges those that
// agree on the rest or on the value.
func (sp *Space) clean(from int) {
	out := slices.DeleteFunc(sp.alts[from:], func(a Alt) bool { return a.Value == fFalse || a.Rest == Never })
	if len(out) > 1 {
		if !sp.spend(2*len(out) + len(out)*len(out)/16) {
			sp.alts = sp.alts[:from]
			return
		}
		out = group(out, func(a, b Alt) bool { return a.Rest == b.Rest }, func(first *Alt, same []Alt) {
			fs := make([]F, len(same))
			for i, a := range same {
				fs[i] = a.Value
			}
			first.Value = sp.Or(fs...)
		})
		out = group(out, func(a, b Alt) bool { return a.Value == b.Value }, func(first *Alt, same []Alt) {
			cs := make([]Cond, len(same))
			for i, a := range same {
				cs[i] = a.Rest
			}
			first.Rest = sp.junction(condOr, cs)
		})
		out = sp.exclude(out)
	}
	sp.alts = sp.alts[:from+len(out)]
}

// group makes one of those that are alike, in the order of the first of each.
func group(alts []Alt, alike func(a, b Alt) bool, join func(first *Alt, same []Alt)) []Alt {
	out := alts[:0]
	var same []Alt
	var room [32]bool
	done := room[:]
	if len(alts) > len(room) {
		done = make([]bool, len(alts))
	}
	for i, a := range alts {
		if done[i] {
			continue
		}
		same = append(same[:0], a)
		for j := i + 1; j < len(alts); j++ {
			if !done[j] && alike(a, alts[j]) {
				done[j] = true
				same = append(same, alts[j])
			}
		}
		if len(same) > 1 {
			join(&a, same)
		}
		out = append(out, a)
	}
	return out
}

// manyChoices is from how many choices on their alternatives are made to exclude one
// another, so that products of the same choices in several disjuncts meet again.
const manyChoices = 3

// part makes the choice between "v, and all is well" and "anything, and the rest is
// left to satisfy" one between v and not v, unless that joins sets of numbers,
// which can become too large.
func (sp *Space) part(alts []Alt) {
	if len(alts) != 2 {
		return
	}
	i := slices.IndexFunc(alts, func(a Alt) bool { return a.Rest == Always })
	if i < 0 || alts[1-i].Value != fTrue {
		return
	}
	if n := &sp.nodes[alts[i].Value]; n.known && n.content.Numbers <= allNumbers {
		alts[1-i].Value = sp.Not(alts[i].Value)
	}
}

// exclude makes the choice between "not the constant v, and all is well" and
// "anything, and the rest is left to satisfy" a choice between not v and v. It
// says the same, and alternatives for many constants do not multiply: a value is
// at most one of them.
func (sp *Space) exclude(alts []Alt) []Alt {
	if len(alts) != 2 {
		return alts
	}
	i := slices.IndexFunc(alts, func(a Alt) bool { return a.Rest == Always })
	if i < 0 || alts[1-i].Value != fTrue {
		return alts
	}
	if v := sp.nodes[alts[i].Value].not; v >= 0 && sp.constants[v] {
		alts[1-i].Value = v
	}
	return alts
}

// Closes reports whether c holds if no member or item follows.
func (sp *Space) Closes(c Cond) bool { return sp.conds[c].closes }

// closes is Closes for a condition that is being made of those it is made of:
// asking these each time would take time exponential in the depth of choices.
func (sp *Space) closes(a *cond) bool {
	switch a.op {
	case condNever, condSome, condHas, condRequire, condSomeAt, condAtLeast, condRepeat:
		return false
	case condAnd:
		return !slices.ContainsFunc(a.kids, func(k Cond) bool { return !sp.Closes(k) })
	case condOr:
		return slices.ContainsFunc(a.kids, sp.Closes)
	case condMembers, condItems:
		return a.min == 0
	case condExact:
		return len(a.ids) == 0
	case condDiffer:
		return len(a.ids) > 0
	}
	return true
}

// Compares reports whether c compares items with one another, so that Item needs
// to know those before.
func (sp *Space) Compares(c Cond) bool { return sp.conds[c].compares }

// Either is the disjunction of two conditions of one kind.
func (sp *Space) Either(a, b Cond) Cond { return sp.condOr(a, b) }

// NonEmpty is c together with the demand that a member (object) or an item
// follows.
func (sp *Space) NonEmpty(c Cond, object bool) Cond {
	if object {
		return sp.condAnd(c, sp.condMembers(1, Unbounded))
	}
	return sp.condAnd(c, sp.condItems(1, Unbounded))
}

// Wanted returns names that c, a condition on objects, asks for, in some of its
// alternatives at least.
func (sp *Space) Wanted(c Cond) []string { return sp.wanted(nil, c, map[Cond]bool{}) }

func (sp *Space) wanted(out []string, c Cond, done map[Cond]bool) []string {
	if done[c] {
		return out
	}
	done[c] = true
	a := &sp.conds[c]
	switch a.op {
	case condAnd, condOr:
		for _, k := range a.kids {
			out = sp.wanted(out, k, done)
		}
	case condHas, condRequire, condExact:
		for _, id := range a.ids {
			out = append(out, sp.nameText[id])
		}
	}
	return out
}
