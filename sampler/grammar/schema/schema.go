package schema

import (
	"orchrt/sampler/grammar/budget"
	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/number"
	"orchrt/sampler/grammar/regex"
	"orchrt/sampler/grammar/value"
)

// Options say how to read a schema. The zero value is what a server wants.
type Options struct {
	// Draft is the draft of a schema without $schema; zero is Draft2020.
	Draft Draft
	// FormatAnnotation makes format an annotation, as drafts 2019-09 and
	// 2020-12 have it; otherwise the known formats are asserted.
	FormatAnnotation bool
	// Remotes are documents that references may lead to, by absolute URI
	// without a fragment. Nothing is ever fetched.
	Remotes map[string]value.Value
	// Lenient, unless nil, has common misspellings read as what they mean, and is
	// told of each: the names that programming languages and other dialects give
	// to types, and a required that is a boolean or null, which asks for nothing.
	Lenient func(*Misspelling)
	// Nullable, unless nil, is told of each nullable: true beside a type that is not
	// null, which is how OpenAPI 3.0 adds null to it. Where it returns true, that is
	// what it means, as OpenAPI 3.0.3 has it: an enum or const beside it still has to
	// list null. Else it is an annotation, as in JSON Schema, and null is refused.
	Nullable func(*Error) bool
	// Origins, unless nil, is set to where the formula comes from.
	Origins *Origins
}

// Bounds on what a schema may be. All but the last are checked in the first pass.
const (
	maxDepth   = 400    // subschemas within one another, references counted
	maxNodes   = 40000  // subschemas, each counted once in each dynamic scope
	maxCases   = 400    // ways in which branches decide what is unevaluated
	maxTrials  = 200    // questions to the satisfiability search
	trialSteps = 30_000 // of the budget that one of these may take
	maxUnfolds = 5000   // subschemas met while unfolding cycles
)

// Compile returns the formula that holds for exactly the values that are valid
// under the schema doc. What is malformed or cannot be enforced is an *Error,
// as is a schema that takes more work than the space's budget grants.
//
// Compile is done with doc when it returns. The formula may be unsatisfiable.
func Compile(sp *formula.Space, doc value.Value, opt Options) (formula.F, error) {
	return compile(sp, sp.Regex, &doc, opt)
}

// space is what Compile needs of a formula.Space.
type space interface {
	True() formula.F
	False() formula.F
	And(fs ...formula.F) formula.F
	Or(fs ...formula.F) formula.F
	Not(f formula.F) formula.F
	Kinds(k formula.Kinds) formula.F
	Number(s number.Set) formula.F
	String(l regex.Lang) formula.F
	Enum(vs []value.Value) formula.F
	Every(keys regex.Lang, f formula.F) formula.F
	Property(name string, f formula.F) formula.F
	Properties(names []string, fs []formula.F) formula.F
	Required(names ...string) formula.F
	Others(names []string) regex.Lang
	Members(lo, hi int) formula.F
	EveryItem(from, to int, f formula.F) formula.F
	Contains(lo, hi int, f formula.F) formula.F
	Items(lo, hi int) formula.F
	Unique() formula.F
	Declare() formula.F
	Define(ref, f formula.F)
	Satisfiable(f formula.F) (bool, error)
	Spending(steps int64, do func())
	Err() error
	Budget() *budget.Budget
}

func compile(sp space, rx *regex.Space, doc *value.Value, opt Options) (formula.F, error) {
	if opt.Draft == 0 {
		opt.Draft = Draft2020
	}
	// Validators read patterns as ECMA-262 or as their own language's regular
	// expressions. What both dialects match is valid to either.
	rx.SetPortable(true)
	c := &compiler{
		sp: sp, rx: rx, opt: opt,
		nodes:    map[nodeKey]*node{},
		remotes:  map[string]*value.Value{},
		patterns: map[string]regex.Lang{},
		trials:   maxTrials,
	}
	c.lib = library{
		c:     c,
		byURI: map[string]*resource{}, twice: map[string]bool{},
		byTop: map[*value.Value]*resource{}, strays: map[*value.Value]bool{},
		index:   map[*value.Value]map[string]*value.Value{},
		dialect: map[string]*resource{},
	}
	f, err := c.compile(doc)
	if err != nil {
		return sp.False(), c.blame(err, doc)
	}
	if opt.Origins != nil {
		opt.Origins.nodes = c.order
	}
	return f, nil
}

// compiler is one run of Compile.
type compiler struct {
	sp  space
	rx  *regex.Space
	opt Options
	lib library

	nodes    map[nodeKey]*node
	order    []*node // in the order they were made; read up to done
	done     int
	remotes  map[string]*value.Value
	patterns map[string]regex.Lang
	scopes   []*scope

	depth   int // of emit
	pending int // references declared and not yet defined
	unfolds int // subschemas built while unfolding cycles
	trials  int // questions to the satisfiability search that are left
	splits  map[outcomesKey]*outcomes
	chain   []*node // the cycle being unfolded
	looped  bool    // a cycle came back to itself
}

func (c *compiler) compile(doc *value.Value) (formula.F, error) {
	root, err := c.read(doc)
	if err != nil {
		return c.sp.False(), err
	}
	if err := c.findCycles(); err != nil {
		return c.sp.False(), err
	}
	return c.emit(root)
}

func (c *compiler) spend(n int) error { return c.sp.Budget().Spend(n) }

// read makes the nodes of everything reachable from the root of doc.
func (c *compiler) read(doc *value.Value) (*node, error) {
	res, err := c.lib.open("", doc)
	if err != nil {
		return nil, err
	}
	root, err := c.node(res.top, nil)
	if err != nil {
		return nil, err
	}
	for ; c.done < len(c.order); c.done++ {
		n := c.order[c.done]
		if err := c.spend(16); err != nil {
			return nil, wrap(n.at, "", err)
		}
		if err := c.fill(n); err != nil {
			return nil, err
		}
	}
	return root, nil
}
