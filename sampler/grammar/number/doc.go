// Package number holds sets of numbers exactly and recognises the JSON texts of
// their members byte by byte.
//
// A Decimal is what a JSON text can write: an integer times a power of ten. A
// Set is what JSON Schema's number keywords can say: bounds (minimum,
// exclusiveMaximum), multiples (multipleOf, and type integer, which is the
// multiples of 1), single numbers (const, enum), and everything that and, or and
// not make of them. On each side of 0 a Set is a list of bounds; each bound is
// in it or not, and each open interval between two has one condition on which
// moduli divide a number. A condition is kept as the exclusive or of "d divides
// x" for distinct d, its algebraic normal form: "a divides x and b divides x" is
// "lcm(a, b) divides x", so conjunction is multiplication, and because these
// functions are linearly independent over GF(2) the form is unique. Nothing is
// approximated: what would get too large (see the limits of Multiples and
// Set.Err) is an error.
//
// # The texts of a set
//
// The Lexer recognises the texts of RFC 8259's grammar whose value is in a Set,
// with an exponent from MinExponent to MaxExponent, which leaves out nothing that
// writers of 64-bit floats or of integers print. A text that has been read as far
// as the digits N says: the number is in [N, N+1)·10^j, where j is open as long
// as integer digits or an exponent may follow. What the rest of the text can do
// depends only on
//
//   - how N compares with the digits of each bound: a place between two of them,
//     or at the beginning of some;
//   - the place of the leading digit, because a bound matters only to numbers
//     with as many digits;
//   - N modulo the moduli, and the place of the last digit that is not 0.
//
// These are the states. Places beyond which nothing changes any more are one
// place, so that a set has finitely many states, and the set of all numbers one
// for each part of the grammar.
package number
