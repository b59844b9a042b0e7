// Package automaton reads the JSON text of the values of a formula byte by byte.
//
// A Machine is lazy: it makes a State when a byte leads there, and keeps it. A
// State holds where the text is (which objects and arrays are open, which keys
// and, where items must differ, which items they have) and a set of threads. A
// thread is what remains of one alternative: what the value being read must
// satisfy, and what its enclosing values require after it. Alternatives that
// agree on either are one thread, so most states have one. A State is returned
// only if some continuation completes the document: there are no dead ends, and
// Shortest gives such a continuation.
//
// States may be kept as long as their owner likes; going back to an earlier one
// is assignment. A Machine and its States are not safe for concurrent use.
package automaton
