// Package regex holds languages of Unicode strings and the automata of their
// JSON spelling.
//
// A string is a sequence of code points without surrogates. A language (Lang)
// is a term over character classes, literals, sets of literals, concatenation,
// union, intersection, complement and counted repetition. Terms are
// hash-consed in a Space: equal terms are one node, bounds of repetition are
// numbers (minLength 10^9 is one node), and the Brzozowski derivative of a node
// by all characters is computed once, as a list of ranges of code points and
// the terms they lead to. See J. A. Brzozowski, "Derivatives of regular
// expressions" (1964), and S. Owens et al., "Regular-expression derivatives
// re-examined" (2009).
//
// Questions such as IsEmpty are exact. They search the graph of derivatives
// only where intersection or complement make it necessary, and all work is
// counted in a budget.Budget. Once that is spent, Err returns its error and
// results mean nothing; nothing wrong is cached, so that SetBudget lets work go
// on.
package regex
