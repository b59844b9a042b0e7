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
// bytes in names of any kind are left out, as each would have to be tried.
//
// A schema of which no document of less than a megabyte is found is refused. A
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
// What is right, of Qwen3's 151,936 ids, by orchrt constrain --in FILE (the
// files: MaskBench's, as guidance-ai/jsonschemabench has them, one file that
// carries no tests left out; a sample of 3,385 of them; the required tests of
// JSON-Schema-Test-Suite, draft 2020-12; calls of BFCL):
//
//	                                        orchrt     llguidance 1.8  XGrammar head
//	MaskBench, sample: schemas passing      3,379 of 3,385
//	MaskBench, the rest                     7,906 of 7,920
//	  together                              99.82 %    83.9 %          89.4 % (of 188)
//	  valid refused / invalid accepted      1 / 0      20 / 0          9 / 8 schemas
//	test suite, of 1,299                    1,235      45.0 %          863
//	  invalid accepted                      0          0               301
//
// Of the schemas that do not pass, 13 have no instance at all and are refused for
// that, 5 need more than may be kept of multipleOf or more work than a schema may
// take, one has a back-reference; in one, eight large branches of a oneOf take
// more work in a mask than it may. Of the test suite, 44 tests are those of 20
// schemas that refer to other documents, which are never fetched, 19 want a known
// format not to be enforced, and one a vocabulary without validation.
//
// What it takes, on one core of a 2-core server: first as measured on a quiet one
// (AMD EPYC, Zen 5), the middle of three runs, before values were shared between
// places (value.go in package vocab); then with them on a Zen 3 under a load of
// 20 and more, in the processor time of the thread, which others' use of the
// caches roughly doubles (28 November 2026). The anchors are other engines' on the
// same data: llguidance's as published, of another machine; XGrammar's measured
// on the first server.
//
//	                              quiet        loaded        llguidance 0.7  XGrammar head
//	mask p50 / p90, µs            0.9 / 26     1.9 / 64      46 / 77         9.7 / 52
//	mask p99 / p99.9, µs          87 / 665     248 / 2,229   533 / 1,695     470 / 1,600
//	mask max, ms                  40           41            33              14
//	compile p50 / p99 / max, ms   0.05/1.2/8   0.3/5.2/115   1.0/18/229      673/24,000/51,000
//	37 tools to first mask, ms    0.8          -             -               440
//	thinking or text, µs a token  0.03         0.18          -               3.1
//	fork, µs                      0.2          1.5           -               -
//	a token and its rollback, µs  0.07         0.6           -               -
//
// Loaded, before values were shared, in the same hour: 2.2 / 92 and 288 / 2,157.
// Masks and compiling, loaded: orchrt constrain on the whole sample; quiet: go
// test -run - -bench MaskBench, every tenth schema of it, but for the max. The
// slowest masks are in patterns that count words or characters, and where several
// of these must hold. The others: -bench 'Tools|Thinking|Fork', which reads the
// wall clock. The share of forced tokens, 32 % of those of right calls, all as
// the tokenizer makes them: go test -run TestCalls -v. Outputs of random logits
// are judged by orchrt constrain --fuzz N --judge, hostile schemas tried by go
// test ./score -run TestHostile -v, which says what each takes.
package grammar
