package grammar

import (
	"slices"
	"sync"

	"orchrt/sampler/grammar/formula"
)

// SchemaOptions says how CompileSchema reads a schema.
type SchemaOptions struct {
	// Strict makes a schema that cannot be enforced exactly an error. Without
	// it the document is then any JSON value, and Document.Warnings says so.
	Strict bool
	Style  Style // Default is Flexible
	EOS    []int32
}

// Document is the automaton of one bare JSON document and the end of turn. It is safe
// for concurrent use.
type Document struct {
	v   *Vocabulary
	s   spec
	eos []int32

	mu sync.Mutex // guards what follows
	t  *Turn
	u  *unit
}

// CompileSchema builds the automaton of the documents of a schema, from the cache
// if it was compiled before. Errors are *ConfigError and *SchemaError.
func (v *Vocabulary) CompileSchema(schema []byte, o SchemaOptions) (*Document, error) {
	if err := v.checkEOS(o.EOS); err != nil {
		return nil, err
	}
	s := spec{schema: string(schema), kinds: formula.AnyKind, style: o.Style.or(Flexible), strict: o.Strict}
	d := &Document{v: v, s: s, eos: slices.Clone(o.EOS)}
	if err := d.make(); err != nil {
		return nil, err
	}
	return d, nil
}

// make takes the unit of the schema, a new one if the last is worn.
func (d *Document) make() error {
	u, err := d.v.unit(d.s)
	if err != nil {
		return err
	}
	d.t, d.u = d.v.newTurn(d.eos), u
	d.t.add("", u)
	return nil
}

// now returns what a new document is made with. It is not worn: the masks of many
// documents may have taken all the memory that a schema may take.
func (d *Document) now() (*Turn, *unit, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.u.worn() {
		if err := d.make(); err != nil {
			return nil, nil, err
		}
	}
	return d.t, d.u, nil
}

// Warnings lists what is not enforced.
func (d *Document) Warnings() []Warning {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.t.Warnings()
}

// Steps returns how much work was done for the schema so far, in steps of package
// budget: to compile it, for masks, and by whoever else uses it.
func (d *Document) Steps() int64 {
	d.mu.Lock()
	u := d.u
	d.mu.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.sp.Budget().Spent()
}

// Matcher starts a document that is completed within maxTokens tokens, the end
// of turn included; 0 is no limit. The error is *BudgetError, or *SchemaError where the
// schema had to be compiled anew and that failed.
func (d *Document) Matcher(maxTokens int) (*Matcher, error) {
	t, u, err := d.now()
	if err != nil {
		return nil, err
	}
	first := spot{document, cursor{u: u, s: u.start}}
	m := &Matcher{t: t, path: []step{{spot: first}}}
	return m.limit(maxTokens)
}
