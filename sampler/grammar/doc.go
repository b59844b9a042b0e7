// Package grammar makes a turn of the model produce only what its tools and
// its response format allow.
//
// A turn is one automaton over tokens: thinking, text, calls between
// <tool_call> and </tool_call>, a JSON document, the end. Vocabulary.Compile
// builds it from a Config. A Matcher follows one turn through it: it gives the set of
// tokens allowed next (sampler.Mask) and the tokens that must come
// (sampler.Forcer), and it can be forked and rolled back.
//
// # The turn
//
// Where a turn starts is read from the tokens of its prompt, behind the last
// <|im_start|>assistant: a <think> that is open, a </think>, the beginning of an
// answer. From there:
//
//   - Thinking may hold any ordinary token, and </think>. <tool_call> is masked, so
//     that no call can be lost there; Config.CallsWhileThinking changes that.
//   - Free text may hold any ordinary token, <tool_call> where calls are allowed,
//     and the end of turn, but not straight behind </think>. Tags that are
//     spelt out are text.
//   - A call is the text that the model was trained to write, byte by byte,
//     with the tool's own automaton for the arguments: tokens that span the JSON and
//     what is around it, such as `"}}⏎`, stay allowed. Only the token </tool_call> closes it.
//   - Behind a call come the end of turn, or a newline and the next call.
//   - If a call is required, or the answer is a document, that takes the place of
//     the text, behind up to two newlines. Only the end of turn follows a document.
//
// All other added tokens and the padding rows are masked throughout.
//
// # Limits
//
// With a limit on its tokens, a turn keeps one promise: a call or document that
// was begun, and what the turn owes, is completed within it. A call is begun
// only if one fits; thinking ends in time; near the end a token may come only
// if a completion behind it fits. Free text that nothing is owed after is cut
// by the limit, as it would be without a grammar. How near the end that is
// looked at is an estimate from the schema (see slack.go): a schema that asks
// for far more in one optional part than it seems to could still be cut there.
// Near the end, masks may leave out tokens that would just fit: those of several
// bytes in names of any kind are left out, as each would have to be tried, and
// what a long completion takes is counted by its parts.
//
// A schema that takes more work than it may, or of which no document of less than a
// megabyte is found, is refused; the error names the keyword that asks for most. A
// mask that takes more work than it may ends the choice: the document is then
// completed in a shortest way, and Matcher.Err tells.
//
// # Forced tokens
//
// Where the bytes that come next are certain, so are most of their tokens: the
// words into which the tokenizer splits text end at certain places whatever
// follows (see split.go), and no token reaches over such a place. Only tokens
// before one are forced, and only if the tokens before them are those of the
// tokenizer too.
//
// # Measured
//
// What is right, of Qwen3's 151,936 ids, by orchrt constrain --in FILE. The
// files are all of MaskBench that carries tests, 11,305 schemas with 13,964 valid
// and 23,047 invalid instances, as guidance-ai/jsonschemabench has them in
// maskbench/data; the required tests of JSON-Schema-Test-Suite, draft 2020-12;
// calls of BFCL. No case ran into its time limit of a minute.
//
//	                                        orchrt     llguidance 1.8  XGrammar head
//	MaskBench: schemas passing              11,290
//	                                        99.87 %    83.9 %          89.4 % (of 188)
//	  valid refused / invalid accepted      0 / 0      20 / 0          9 / 8 schemas
//	test suite, of 1,299                    1,235      45.0 %          863
//	  invalid accepted                      0          0               301
//	calls, of 1,128 entries                 1,128
//
// Of the schemas that do not pass, 13 have no instance at all and are refused for
// that, one takes more work than a schema may (patterns negated and intersected
// over three levels), and one has a back-reference. Of the test suite, 44 tests are
// those of 20 schemas that refer to documents of the suite's own, which are never
// fetched (meta-schemas are known), 19 want a known format not to be enforced, and one
// a vocabulary without validation.
//
// Random logits: 101,594 outputs of all of MaskBench in 16 parts, by orchrt
// constrain --fuzz 9 --fuzz-tokens 48 --fuzz-limited 24 --judge, with what is
// measured below. 101,216 could be judged (378 are of schemas that the validator
// cannot compile): none was invalid, none at a dead end, no mask had an added token
// inside JSON. Five schemas, whose shortest documents have up to some thousand tokens, ran into
// their limit of a minute beside another job, in masks near the limit of their tokens.
// With the keys of objects shuffled, in each of four styles of white space, 11,289
// schemas pass, one with a valid instance refused: behind some keys a mask takes more
// work than it may. Of instances changed in one place, by --mutate, none of 1.45
// million that another validator finds invalid was accepted, and of 240,000 that it
// finds valid 5 were refused, for their formats (10 with keys shuffled); what is only spelt otherwise
// is not counted.
//
// What it takes, in the processor time of one thread of an Intel Xeon with 2
// cores on a shared host, by orchrt constrain on all of MaskBench (28 November
// 2026): before is the state that morning, now the range of three runs that
// evening, with nothing else to do. The anchors are other engines' on the same
// data: llguidance's as published, of another machine; XGrammar's on a Zen 5. On the
// same Zen 5, the state before took 0.9, 26 and 87 µs for p50, p90 and p99; now was
// not measured there.
//
//	                              before       now            llguidance 0.7  XGrammar head
//	mask mean, µs                 14           3.4            64              39
//	mask p50, µs                  1.1          0.7            46              9.7
//	mask p90, µs                  29           6.8-6.9        77              52
//	mask p99, µs                  126          37-38          533             470
//	mask p99.9, µs                1,590        227-233        1,695           1,600
//	mask max, ms                  93           14-16          33              14
//	compile p50, ms               0.17         0.12-0.13      1.0             673
//	compile p99, ms               3.5          1.6-1.7        18              24,000
//	compile max, ms               133          40-43          229             51,000
//	37 tools to first mask, ms    -            1.6            -               440
//	thinking or text, µs a token  -            0.05           -               3.1
//	fork, µs                      -            0.3            -               -
//	a token and its rollback, µs  -            0.10           -               -
//
// The longest compile time is that of the schema that takes too much. Of the 4.06
// million masks some ten take more than 3 ms. The two longest, 14 to 16 and 6 to 7 ms, are
// of strings that must match a pattern and one of several conjunctions of
// negated conjunctions of patterns: it is searched whether a string is left behind each
// first character. Up to 5 ms take internationalized e-mail addresses, up to 4 a domain name with
// three bounds on its lengths, and 3 the strings that hold exactly one of several words: nearly all
// tokens are walked there, once, from a cold cache. The last four rows: go test
// -run - -bench 'Tools|Thinking|Fork', which reads the wall clock. The share of
// forced tokens, 34 % of those of BFCL's calls, all as the tokenizer makes them:
// orchrt constrain on these.
//
// Hostile schemas are tried by go test ./score -run TestHostile -v, which says what
// each takes and bounds steps and bytes. Compiling may take 850,000 steps of package
// budget, and a mask, with the completions that it asks for, 1,100,000; a schema may
// hold 64 MB. What needs more is refused, or, in the midst of a document, completed in
// a shortest way. Each of the 93 takes less than 100 ms until it is refused or its
// first mask is made, and allocates 59 MB at most for that; 15 have later masks of
// more than 3 ms, which end by the bound at the latest: the longest took 52 ms.
package grammar
