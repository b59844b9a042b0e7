package formula

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"

	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/number"
	"orchrt/sampler/grammar/regex"
)

// Unbounded stands for a missing upper bound of a count or an index.
const Unbounded = -1

// F is a formula of one Space. Equal handles are equal formulas.
type F int32

// Kinds is a set of kinds of JSON values; true and false are two kinds.
type Kinds uint8

// The kinds.
const (
	Null Kinds = 1 << iota
	False
	True
	Number
	String
	Array
	Object

	Boolean  = False | True
	AnyKind  = Null | Boolean | Number | String | Array | Object
	literals = Null | Boolean
)

// Cond is a condition on objects or on arrays; see Progress.
type Cond int32

// The conditions that always fail and always hold.
const (
	Never  Cond = 0
	Always Cond = 1
)

// Content is a formula kind by kind.
type Content struct {
	Literals Kinds // of Null, False and True
	Numbers  int32 // handle: Space.NumberSet
	Strings  regex.Lang
	Object   Cond
	Array    Cond
}

type op uint8

const (
	opContent op = iota
	opAnd
	opOr
	opRef
	opNotRef
)

// node is a formula: its content, or an expression over references.
type node struct {
	op      op
	open    bool // resolve is at work on it
	known   bool // content is valid
	content Content
	kids    []F   // opAnd, opOr
	ref     int32 // opRef, opNotRef
	not     F     // its negation if that was asked for, else -1

	sat     int8    // of satisfiable: 0 unknown, 1 yes, -1 no
	depth   int32   // in the search for a witness: 1 + its place on the stack; 0 when not there
	witness *string // shortest-ish text, when known
}

// Space owns formulas. It is not safe for concurrent use.
type Space struct {
	Regex *regex.Space // of the languages in its formulas

	budget *budget.Budget
	err    error

	nodes     []node
	contents  map[Content]F
	exprs     map[string]F
	constants map[F]bool // made by Const
	refs      []F        // definitions; -1 before Define

	conds    []cond
	condKeys map[string]Cond
	simpler  map[Cond]Cond // of a conjunction, what propagate makes of it
	key      []byte        // scratch for keys of maps
	alts     []Alt         // the stack that conditions are progressed on
	choosing int           // disjunctions that are being progressed, one in the other
	mostAlts int           // of a product of them; 0: any number
	tooMany  bool          // there were more

	numbers   []number.Set
	numberIDs map[string]int32
	numberOps map[[3]int32]int32

	names    map[string]int32
	nameText []string
	others   map[regex.Lang][]int32 // languages made by Others: the names left out, ascending
	othersOf map[string]regex.Lang
	singles  map[regex.Lang]int32 // the name that is all of the language; -1 if it is not one
	inLang   map[langName]bool

	endless  map[regex.Lang]bool
	named    map[string]regex.Lang // of literals
	idsOf    map[regex.Lang][]int32
	compared [2]map[pair]bool // inside, apart

	keySets  map[string]*KeySet
	extended []*KeySet // those that remember others made of them
	noKeys   *KeySet
	search   search
	plans    map[Cond]*Plan
}

type langName struct {
	lang regex.Lang
	name int32
}

// NewSpace returns a Space whose work, and that of its regex.Space, is counted
// in b.
func NewSpace(b *budget.Budget) *Space {
	sp := &Space{
		Regex:     regex.NewSpace(b),
		budget:    b,
		contents:  map[Content]F{},
		exprs:     map[string]F{},
		constants: map[F]bool{},
		condKeys:  map[string]Cond{},
		simpler:   map[Cond]Cond{},
		numberIDs: map[string]int32{},
		numberOps: map[[3]int32]int32{},
		names:     map[string]int32{},
		others:    map[regex.Lang][]int32{},
		othersOf:  map[string]regex.Lang{},
		singles:   map[regex.Lang]int32{},
		inLang:    map[langName]bool{},
		endless:   map[regex.Lang]bool{},
		named:     map[string]regex.Lang{},
		idsOf:     map[regex.Lang][]int32{},
		keySets:   map[string]*KeySet{},
		plans:     map[Cond]*Plan{},
	}
	sp.search.init()
	sp.numbers = []number.Set{{}, number.All()}
	sp.numberIDs[number.All().Key()] = allNumbers
	sp.conds = append(sp.conds, cond{op: condNever, not: Always}, cond{op: condAlways, closes: true, not: Never})
	sp.content(Content{Strings: sp.Regex.None()})
	sp.content(Content{
		Literals: literals, Numbers: allNumbers, Strings: sp.Regex.All(), Object: Always, Array: Always,
	})
	sp.nodes[fFalse].not, sp.nodes[fTrue].not = fTrue, fFalse
	return sp
}

const (
	fFalse F = 0
	fTrue  F = 1

	noNumbers  int32 = 0
	allNumbers int32 = 1
)

// Err returns what made the Space's answers unusable: a spent budget, or a
// reference that is defined by itself. It is nil while all is well.
func (sp *Space) Err() error {
	if sp.err != nil {
		return sp.err
	}
	if err := sp.Regex.Err(); err != nil {
		return err
	}
	return sp.budget.Err()
}

// sound reports that no error spoilt what was found: only then it is kept, since
// work goes on after Resume.
func (sp *Space) sound() bool { return sp.Err() == nil }

// Budget returns the budget that the Space's work is counted in.
func (sp *Space) Budget() *budget.Budget { return sp.budget }

// Bytes estimates the memory that the Space holds.
func (sp *Space) Bytes() int64 {
	return sp.Regex.Bytes() + int64(len(sp.nodes))*160 + int64(len(sp.conds))*200 + int64(sp.search.lexer.Size())
}

// Resume grants the Space steps anew and forgets that its budget ran out or that a
// text was too long. Other errors stay.
func (sp *Space) Resume(steps int64) {
	sp.budget.Renew(steps)
	sp.revive()
}

// Spending does something that may take some of the steps that are left, not more.
// That it took more, or that a text was too long, is forgotten behind it.
func (sp *Space) Spending(steps int64, do func()) {
	aside := sp.budget.Reserve(steps)
	do()
	sp.budget.Return(aside)
	sp.revive()
}

// revive forgets an error that has to do with the amount of work.
func (sp *Space) revive() {
	sp.search.within = nil
	sp.Regex.SetBudget(sp.budget)
	if sp.err == nil {
		return
	}
	var exceeded *budget.ExceededError
	var long *LengthError
	if errors.As(sp.err, &exceeded) || errors.As(sp.err, &long) {
		sp.err = nil
	}
}

// fail makes err the Space's error.
func (sp *Space) fail(err error) {
	if sp.err == nil {
		sp.err = err
	}
}

// spend takes n steps and reports whether work may go on.
func (sp *Space) spend(n int) bool {
	if err := sp.budget.Spend(n); err != nil {
		sp.fail(err)
		return false
	}
	return true
}

// True is the formula of all values.
func (sp *Space) True() F { return fTrue }

// False is the formula of no value.
func (sp *Space) False() F { return fFalse }

// content interns a formula given kind by kind.
func (sp *Space) content(c Content) F {
	if f, ok := sp.contents[c]; ok {
		return f
	}
	sp.spend(8)
	f := F(len(sp.nodes))
	sp.nodes = append(sp.nodes, node{op: opContent, known: true, content: c, not: -1})
	sp.contents[c] = f
	return f
}

// Kinds is the formula of all values of the given kinds.
func (sp *Space) Kinds(k Kinds) F {
	c := Content{Literals: k & literals, Strings: sp.Regex.None()}
	if k&Number != 0 {
		c.Numbers = allNumbers
	}
	if k&String != 0 {
		c.Strings = sp.Regex.All()
	}
	if k&Object != 0 {
		c.Object = Always
	}
	if k&Array != 0 {
		c.Array = Always
	}
	return sp.content(c)
}

// Number is the formula of the numbers in s.
func (sp *Space) Number(s number.Set) F {
	return sp.content(Content{Numbers: sp.numberID(s), Strings: sp.Regex.None()})
}

// String is the formula of the strings in l.
func (sp *Space) String(l regex.Lang) F { return sp.content(Content{Strings: l}) }

// object and array are the formulas of the objects and arrays that satisfy c.
func (sp *Space) object(c Cond) F {
	return sp.content(Content{Strings: sp.Regex.None(), Object: c})
}

func (sp *Space) array(c Cond) F {
	return sp.content(Content{Strings: sp.Regex.None(), Array: c})
}

// And is the formula of the values in all of fs.
func (sp *Space) And(fs ...F) F { return sp.combine(opAnd, fs) }

// Or is the formula of the values in any of fs.
func (sp *Space) Or(fs ...F) F { return sp.combine(opOr, fs) }

// combine folds what is known by kinds at once, and keeps an expression where a
// reference is involved.
func (sp *Space) combine(o op, fs []F) F {
	unit, zero := fTrue, fFalse
	if o == opOr {
		unit, zero = fFalse, fTrue
	}
	known, rest := make([]F, 0, len(fs)), []F(nil)
	sort := func(f F) {
		switch {
		case f == unit:
		case sp.nodes[f].op == opContent:
			known = append(known, f)
		default:
			rest = append(rest, f)
		}
	}
	for _, f := range fs {
		switch n := &sp.nodes[f]; {
		case f == zero:
			return zero
		case n.op == o:
			for _, k := range n.kids {
				sort(k)
			}
		default:
			sort(f)
		}
	}
	acc := unit
	if len(known) > 0 {
		acc = sp.merge(o, known)
	}
	if len(rest) == 0 || acc == zero {
		return acc
	}
	if acc != unit {
		rest = append(rest, acc)
	}
	rest = sortedSet(rest)
	for _, f := range rest {
		if n := sp.nodes[f].not; n >= 0 && contains(rest, n) {
			return zero // f and its negation
		}
	}
	if len(rest) == 1 {
		return rest[0]
	}
	return sp.expr(o, rest, 0)
}

// merge is And or Or of one or more formulas known by kinds.
func (sp *Space) merge(o op, fs []F) F {
	c := sp.nodes[fs[0]].content
	if len(fs) == 1 {
		return fs[0]
	}
	numbers, junct := int32(0), condAnd
	if o == opOr {
		numbers, junct = 1, condOr
	}
	objects, arrays := make([]Cond, 1, len(fs)), make([]Cond, 1, len(fs))
	objects[0], arrays[0] = c.Object, c.Array
	c.Numbers = sp.numbersOf(numbers, fs)
	for _, f := range fs[1:] {
		d := sp.nodes[f].content
		if o == opAnd {
			c.Literals &= d.Literals
		} else {
			c.Literals |= d.Literals
		}
		c.Strings = sp.langOp(o, c.Strings, d.Strings)
		objects, arrays = append(objects, d.Object), append(arrays, d.Array)
	}
	c.Object, c.Array = sp.junction(junct, objects), sp.junction(junct, arrays)
	return sp.content(c)
}

// numbersOf intersects (0) or unites (1) the numbers of formulas known by kinds. The
// simple sets come first: multiples between bounds are few, and others may be many.
func (sp *Space) numbersOf(o int32, fs []F) int32 {
	var room [8]int32
	sets := room[:0]
	for _, f := range fs {
		sets = append(sets, sp.nodes[f].content.Numbers)
	}
	if len(sets) > 2 && slices.ContainsFunc(sets, func(s int32) bool { return s > allNumbers }) {
		slices.SortStableFunc(sets, func(a, b int32) int { return cmp.Compare(sp.numbers[a].Weight(), sp.numbers[b].Weight()) })
	}
	all := sets[0]
	for _, s := range sets[1:] {
		all = sp.numberOp(o, all, s)
	}
	return all
}

// langOp intersects or unites languages, without a call where one is trivial.
func (sp *Space) langOp(o op, a, b regex.Lang) regex.Lang {
	none, all := sp.Regex.None(), sp.Regex.All()
	if o == opOr {
		none, all = all, none
	}
	switch {
	case a == b, a == none, b == all:
		return a
	case b == none, a == all:
		return b
	case o == opAnd:
		return sp.Regex.Intersect(a, b)
	}
	return sp.Regex.Union(a, b)
}

// expr interns an expression over references.
func (sp *Space) expr(o op, kids []F, ref int32) F {
	k := append(sp.key[:0], byte(o))
	k = binary.LittleEndian.AppendUint32(k, uint32(ref))
	for _, f := range kids {
		k = binary.LittleEndian.AppendUint32(k, uint32(f))
	}
	sp.key = k
	if f, ok := sp.exprs[string(k)]; ok {
		return f
	}
	sp.spend(4 + len(kids))
	f := F(len(sp.nodes))
	sp.nodes = append(sp.nodes, node{op: o, kids: append([]F(nil), kids...), ref: ref, not: -1})
	sp.exprs[string(k)] = f
	return f
}

// Not is the formula of the values that are not in f.
func (sp *Space) Not(f F) F {
	if g := sp.nodes[f].not; g >= 0 {
		return g
	}
	if !sp.spend(2) {
		return fFalse
	}
	var g F
	switch n := sp.nodes[f]; n.op {
	case opContent:
		c := n.content
		g = sp.content(Content{
			Literals: ^c.Literals & literals,
			Numbers:  sp.numberOp(2, c.Numbers, c.Numbers),
			Strings:  sp.notLang(c.Strings),
			Object:   sp.condNot(c.Object),
			Array:    sp.condNot(c.Array),
		})
	case opRef:
		g = sp.expr(opNotRef, nil, n.ref)
	case opNotRef:
		g = sp.expr(opRef, nil, n.ref)
	default:
		kids := make([]F, len(n.kids))
		for i, k := range n.kids {
			kids[i] = sp.Not(k)
		}
		g = sp.combine(opAnd+opOr-n.op, kids)
	}
	if sp.sound() {
		sp.nodes[f].not = g
		if sp.nodes[g].not < 0 {
			sp.nodes[g].not = f
		}
	}
	return g
}

func (sp *Space) notLang(l regex.Lang) regex.Lang {
	switch l {
	case sp.Regex.None():
		return sp.Regex.All()
	case sp.Regex.All():
		return sp.Regex.None()
	}
	return sp.Regex.Not(l)
}

// Declare returns a formula that Define gives its meaning: a reference, which may
// occur in its own definition.
func (sp *Space) Declare() F {
	sp.refs = append(sp.refs, -1)
	return sp.expr(opRef, nil, int32(len(sp.refs)-1))
}

// Define gives ref, made by Declare, its meaning. It panics if ref is not a
// declared formula or has its meaning already.
func (sp *Space) Define(ref, f F) {
	n := sp.nodes[ref]
	if n.op != opRef || sp.refs[n.ref] >= 0 {
		panic("formula: Define of a formula that does not wait for its definition")
	}
	sp.refs[n.ref] = f
}

// RecursionError says that a formula is defined by itself with no member or item
// in between, so that it has no meaning.
type RecursionError struct{}

func (*RecursionError) Error() string {
	return "a reference leads back to itself without passing a property or an item: it says nothing"
}

// Content returns f kind by kind. It resolves references, and fails the Space
// with a *RecursionError where one leads to itself.
func (sp *Space) Content(f F) Content {
	n := &sp.nodes[f]
	if n.known {
		return n.content
	}
	none := Content{Strings: sp.Regex.None()}
	if !sp.spend(2) {
		return none
	}
	if n.open {
		sp.fail(&RecursionError{})
		return none
	}
	n.open = true
	var g F
	switch n.op {
	case opRef, opNotRef:
		def := sp.refs[n.ref]
		if def < 0 {
			panic("formula: a reference is used before it is defined")
		}
		if n.op == opNotRef {
			def = sp.Not(def)
		}
		g = sp.content(sp.Content(def))
	default:
		o, kids := n.op, n.kids
		known := make([]F, len(kids))
		for i, k := range kids {
			known[i] = sp.content(sp.Content(k))
		}
		g = sp.merge(o, known)
	}
	n = &sp.nodes[f]
	n.open = false
	if sp.sound() {
		n.content, n.known = sp.nodes[g].content, true
	}
	return sp.nodes[g].content
}

// Resolved returns the formula equal to f that is known by kinds, so that equal
// ones get the same handle.
func (sp *Space) Resolved(f F) F {
	if sp.nodes[f].op == opContent {
		return f
	}
	return sp.content(sp.Content(f))
}
