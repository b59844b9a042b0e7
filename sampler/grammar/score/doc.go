// Package score scores the constrained decoder without running a model, as
// orchrt constrain does.
//
// A Case is a schema with valid and invalid instances, or tools with calls. An
// instance is written as the model was trained to write JSON, or in another
// style, and encoded with the vocabulary. For each of its tokens the mask is
// made, has to hold the token, and the matcher moves on; after the last one the
// mask has to hold the end of turn. A valid instance that loses a token or the
// end is refused; an invalid one that loses none is accepted. Both are faults,
// as are masks and matchers that disagree and added tokens inside JSON. A call
// stands in the turn that a server would compile: all tools of the case, one of
// which has to be called.
//
// Mutants are instances changed in one place: keys dropped, added and repeated,
// values of other types, other values, unknown tools. A Judge, which is a JSON
// Schema validator written by others, says which of them are valid, so that the
// decoder is compared with it in both directions.
//
// Fuzz has random logits write outputs, which a Judge validates.
//
// Times are those of the thread (CLOCK_THREAD_CPUTIME_ID), so that what else the
// machine does counts little. Every mask is timed, the first of a schema
// included; nothing is warmed up.
package score
