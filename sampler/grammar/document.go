package grammar

// SchemaOptions says how CompileSchema reads a schema.
type SchemaOptions struct {
	// Strict makes a schema that cannot be enforced exactly an error. Without
	// it the document is then any JSON value, and Document.Warnings says so.
	Strict bool
	Style  Style // Default is Flexible
	EOS    []int32
}

// Document is the automaton of one bare JSON document and the end of turn.
type Document struct{ t *Turn }

// CompileSchema builds the automaton of the documents of a schema. The error is
// *SchemaError.
func (v *Vocabulary) CompileSchema(schema []byte, o SchemaOptions) (*Document, error) {
	return &Document{}, nil
}

// Warnings lists what is not enforced.
func (d *Document) Warnings() []Warning { return d.t.Warnings() }

// Matcher starts a document that is completed within maxTokens tokens, the end
// of turn included; 0 is no limit. The error is *BudgetError.
func (d *Document) Matcher(maxTokens int) (*Matcher, error) { return &Matcher{}, nil }
