package formula

import "slices"

// solver looks for the members that a condition asks for. Disjunctions are
// branched on, as in the DPLL procedure; a branch is left as soon as the atoms
// that are certain in it have no solution.
type solver struct {
	sp   *Space
	seen *KeySet
	text bool

	best     found
	last     *leaf                    // the one that best is of
	visit    func(l *leaf, firm bool) // of solutions
	full     bool                     // and no more are wanted
	wanted   func(id int32) bool      // names that a solution with them is best for
	tried    int                      // branches that ended since the first solution
	kids     int                      // conditions in all branches since then
	rejected bool                     // a choice was refused because of what was seen
}

// maxTries bounds the branches that are tried for a shorter text, and maxKids the
// conditions that are looked at on the way.
const (
	maxTries = 32
	maxKids  = 1 << 12
)

func (sp *Space) solveObject(c Cond, seen *KeySet, text bool) found {
	s := &solver{sp: sp, seen: seen, text: text}
	s.solve(c)
	if !s.best.ok {
		s.best.firm = !s.rejected || seen.Len() == 0
	}
	return s.best
}

// solutions calls visit with solutions of c, whatever keys were seen: with one if
// there is one, and with others until visit returns false, or some branches in a
// row have none of which it returns true.
//
// wanted tells of names that a solution is the more useful for, the more it has.
func (sp *Space) solutions(c Cond, wanted func(id int32) bool, visit func(l *leaf, firm bool) (useful, more bool)) (ok bool) {
	s := &solver{sp: sp, seen: sp.NoKeys(), wanted: wanted}
	s.visit = func(l *leaf, firm bool) {
		useful, more := visit(l, firm)
		if useful {
			s.tried = 0
		}
		s.full = !more
	}
	s.solve(c)
	return s.best.ok
}

// useless is how many branches in a row solutions tries in vain.
const useless = 8

// done reports whether no branch needs to be tried any more.
func (s *solver) done() bool {
	switch {
	case !s.sp.sound():
		return true
	case !s.best.ok:
		return false
	case s.visit != nil:
		return s.full || s.tried > useless
	}
	return !s.text || s.tried > maxTries || s.kids > maxKids || s.best.text == ""
}

// solve solves c: by choosing at once for all disjunctions where that works, and
// else one after the other.
func (s *solver) solve(c Cond) {
	if s.guess(c); !s.done() {
		s.branch([]Cond{c}, nil)
	}
}

// manyDisjunctions is from how many disjunctions on guess is worth its while.
const manyDisjunctions = 3

// guess looks for a solution of a conjunction by choosing a disjunct of each of its
// disjunctions: in many conditions they do not get in one another's way, and then it
// takes as long as one branch of the many that lead to a solution otherwise.
func (s *solver) guess(c Cond) {
	sp := s.sp
	for first := true; sp.conds[c].op == condAnd; first = false {
		kids := sp.conds[c].kids
		picked := make([]Cond, 0, len(kids))
		or := 0
		for _, k := range kids {
			if sp.conds[k].op == condOr {
				or++
				k = s.pick(sp.conds[k].kids)
			}
			picked = append(picked, k)
		}
		switch {
		case or < manyDisjunctions && first || !sp.spend(20+len(kids)):
			return
		case or > 0:
			c = sp.junction(condAnd, picked)
			continue
		}
		rejected := s.rejected
		if l, r, open := s.leaf(kids); r.ok && open == 0 {
			s.found(l, r)
		}
		s.rejected = rejected // says nothing: other choices may do
		return
	}
}

// pick returns the disjunct that asks for most wanted names, or else the first one
// that asks for nothing, or else the first one.
func (s *solver) pick(kids []Cond) Cond {
	best, most := kids[0], 0
	if s.wanted != nil {
		for _, k := range kids {
			if n := s.wants(k); n > most {
				best, most = k, n
			}
		}
	}
	if most == 0 {
		if i := slices.IndexFunc(kids, s.sp.Closes); i >= 0 {
			best = kids[i]
		}
	}
	return best
}

// wants counts the wanted names that the atoms of a conjunction ask for.
func (s *solver) wants(c Cond) (n int) {
	switch a := &s.sp.conds[c]; a.op {
	case condAnd:
		for _, k := range a.kids {
			n += s.wants(k)
		}
	case condHas, condRequire:
		for _, id := range a.ids {
			if s.wanted(id) {
				n++
			}
		}
	}
	return n
}

// found notes a solution.
func (s *solver) found(l *leaf, r found) {
	if s.best.ok {
		s.tried++
	}
	s.best, s.last = r, l
	if s.visit != nil {
		s.visit(l, r.firm)
	}
}

// branch solves the conjunction of todo, which may hold junctions, and atoms.
func (s *solver) branch(todo, atoms []Cond) {
	if !s.sp.spend(20) {
		return
	}
	c := s.sp.junction(condAnd, append(slices.Clone(todo), atoms...))
	if c == Never {
		return
	}
	kids := []Cond{c}
	if s.sp.conds[c].op == condAnd {
		kids = s.sp.conds[c].kids
	}
	if s.best.ok {
		s.kids += len(kids)
	}
	atoms = nil
	var choice Cond
	var rest []Cond
	for _, k := range kids {
		switch {
		case s.sp.conds[k].op != condOr:
			atoms = append(atoms, k)
		case choice == 0 || len(s.sp.conds[k].kids) < len(s.sp.conds[choice].kids):
			if choice != 0 {
				rest = append(rest, choice)
			}
			choice = k
		default:
			rest = append(rest, k)
		}
	}
	l, r, open := s.leaf(atoms)
	if !r.ok || s.visit == nil && s.best.ok && len(r.text) >= len(s.best.text) {
		s.tried++
		return
	}
	var ways []Cond
	switch {
	case choice != 0:
		ways = s.sp.conds[choice].kids
	case open != 0:
		ways = s.sp.differences(open)
		atoms = slices.DeleteFunc(slices.Clone(atoms), func(k Cond) bool { return k == open })
	default:
		s.found(l, r)
		return
	}
	for _, k := range ways {
		if s.done() {
			return
		}
		s.branch(append(slices.Clone(rest), k), atoms)
	}
}

// differences are the ways in which an object can differ from the one of a
// condDiffer.
func (sp *Space) differences(c Cond) []Cond {
	a := sp.conds[c]
	var out []Cond
	for _, id := range a.ids {
		out = append(out, sp.condProps([]int32{id}, []F{fFalse}))
	}
	for i, id := range a.ids {
		out = append(out, sp.condHas(id, sp.Not(a.fs[i])))
	}
	return append(out, sp.condSome(sp.otherThan(a.ids), fTrue))
}
