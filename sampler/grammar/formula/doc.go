// Package formula holds boolean formulas about JSON values.
//
// A formula (F) is a set of JSON values. Since a value has one kind, a formula
// is kept kind by kind: which of null, false and true belong to it, a set of
// numbers, a language of strings, a condition on the members of objects and one
// on the items of arrays. And, Or and Not work kind by kind, so everything about
// scalars becomes one number.Set and one regex.Lang. A condition (Cond) is a
// negation-free combination, by and and or, of atoms:
//
//	objects  every member whose key is in L has a value in F
//	         some member with a key in L has a value in F
//	         these keys occur; between m and n members
//	arrays   every item at an index in [i, j] is in F
//	         at least m, at most n items are in F
//	         between m and n items; items are pairwise different
//
// Formulas and conditions are hash-consed in a Space: the same handle is the
// same formula. References (Declare, Define) make formulas recursive; a formula
// that mentions one is resolved when its kinds are first asked for.
//
// A condition is read one member or item at a time by progression, the
// Brzozowski derivative of J. A. Brzozowski ("Derivatives of regular
// expressions", 1964) over members and items, as it is known from linear
// temporal logic (F. Bacchus and F. Kabanza, 1998): Progress gives alternatives
// of what the value must satisfy and what remains to be satisfied after it.
//
// Satisfiability is exact: documents are finite, so recursion means the least
// fixpoint. Its work is counted in the Space's budget.
package formula
