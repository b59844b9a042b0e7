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
// Qwen3's 151,936 ids, one core of a 2-core server (AMD EPYC, Zen 5), the middle
// of three runs. Masks are in processor time, beside other work on both cores,
// which adds to the larger ones; the rest is wall clock, on a quiet machine. The
// anchors are other engines' on the same data: llguidance's as published, of
// another machine; XGrammar's measured on such a server.
//
//	                                  orchrt        llguidance 0.7   XGrammar head
//	mask p50 / p90, µs                0.9 / 26      46 / 77          9.7 / 52
//	  in the trained style            0.8 / 13
//	mask p99 / p99.9, µs              87 / 665      533 / 1,695      470 / 1,600
//	  in the trained style            63 / 648
//	compile p50 / p99 / max, ms       0.05/1.2/8    1.0/18/229       673/24,000/51,000
//	37 tools to the first mask, ms    0.8                            440
//	thinking or text, µs a token      0.03                           3.1
//	fork, µs                          0.2
//	a token and its rollback, µs      0.07
//
// Masks and compiling: every tenth schema of the MaskBench sample with its valid
// and invalid instances, 130,512 masks without a limit, as go test -run - -bench
// MaskBench makes them (it reads the wall clock). The slowest masks there, 4 to
// 5 ms, are in patterns that count words; of the whole sample, 40 ms, where
// several patterns that count must all hold. The others: -bench 'Tools|Thinking|Fork'. The share of
// forced tokens, 32 % of those of right calls, all as the tokenizer makes them:
// go test -run TestCalls -v.
package grammar
