// Package schema turns a JSON Schema into a formula over JSON values.
//
// Compile understands drafts 2020-12, 2019-09, 07, 06 and 04. $schema selects
// the draft; without it, Options.Draft decides, 2020-12 unless said otherwise,
// and the older spellings that 2020-12 has dropped (items as an array with
// additionalItems, dependencies, definitions, a boolean exclusiveMinimum) keep
// their old meaning. Keywords of a later draft than the one selected are
// annotations, as are unknown keywords and unknown formats. OpenAPI 3.0's nullable
// is one too, unless Options.Nullable says otherwise.
//
// # How it works
//
// Two passes. The first walks what is reachable from the root through schema
// keywords and references and makes one node for each subschema: keywords
// checked, references resolved, patterns compiled. Every error that a schema
// can cause is found there. The second turns nodes into formulas. A child that
// stands inside another value (a property, an item) and is being built already
// becomes a declared reference, so recursion costs nothing and only recursive
// schemas have references at all.
//
// A cycle of references that stay at the same value ({"$ref": "#"}) cannot be a
// reference of that kind, for nothing is consumed on its way round. Such a
// cycle is unfolded from where it is entered, and reaching a subschema a second
// time counts as failure there: the least fixpoint, which is also what
// validators that detect the cycle report. A root that nothing can satisfy for
// that reason, and a cycle through not or if, are errors.
//
// $dynamicRef and $recursiveRef depend on the resources entered on the way to
// them. A node therefore belongs to a subschema and a dynamic scope, which is
// the set of dynamic anchors bound so far; there are finitely many.
//
// unevaluatedProperties and unevaluatedItems depend on which branches of anyOf,
// oneOf, if and dependentSchemas hold. A subschema is split into cases, each a
// formula together with the keys and items that it is sure to evaluate; a value
// is valid if in some case what is left over is. No case says that a branch of anyOf
// fails: a case that evaluates less only asks for more, so the case that
// evaluates all there is decides. The number of cases is bounded.
//
// # References outside the document
//
// Nothing is ever fetched. A reference may lead to a resource within the
// document (by $id), to one of Options.Remotes, or to the meta-schema of one of
// the drafts (http://json-schema.org/draft-07/schema and the like, with the
// vocabularies' meta/* of the newer ones), which the package carries as
// published; see metaschemas/README.md. One is parsed when a reference leads to it.
package schema
