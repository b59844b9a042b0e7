package grammar

import (
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

// Document is the automaton of one bare JSON document and the end of turn. It
// does not change and is safe for concurrent use.
type Document struct {
	t *Turn
	u *unit
}

// CompileSchema builds the automaton of the documents of a schema, from the cache
// if it was compiled before. Errors are *ConfigError and *SchemaError.
func (v *Vocabulary) CompileSchema(schema []byte, o SchemaOptions) (*Document, error) {
	if err := v.checkEOS(o.EOS); err != nil {
		return nil, err
	}
	s := spec{schema: string(schema), kinds: formula.AnyKind, style: o.Style.or(Flexible), strict: o.Strict}
	u, err := v.unit(s)
	if err != nil {
		return nil, err
	}
	t := v.newTurn(o.EOS)
	t.add("", u)
	return &Document{t, u}, nil
}

// Warnings lists what is not enforced.
func (d *Document) Warnings() []Warning { return d.t.Warnings() }

// Steps returns how much work was done for the schema so far, in steps of package
// budget: to compile it, for masks, and by whoever else uses it.
func (d *Document) Steps() int64 {
	d.u.mu.Lock()
	defer d.u.mu.Unlock()
	return d.u.sp.Budget().Spent()
}

// Matcher starts a document that is completed within maxTokens tokens, the end
// of turn included; 0 is no limit. The error is *BudgetError.
func (d *Document) Matcher(maxTokens int) (*Matcher, error) {
	first := spot{document, cursor{u: d.u, s: d.u.start}}
	m := &Matcher{t: d.t, path: []step{{spot: first}}}
	return m.limit(maxTokens)
}
