// Package profile holds the protocols under which a policy meets its tools.
//
// Chat is the ordinary one: a conversation that grows by calls and results.
// ToolOrchestra is that of the paper's question answering (arXiv 2511.21689):
// each turn is a fresh prompt with one user message, into which all that is
// known is rendered: documents, code with its output, attempts. Tau2 is that of
// its τ²-bench evaluation: a conversation with a customer, and an expert who may
// take a turn.
//
// The strings of the paper's protocols are those of the released evaluation and
// training code, its typing errors included, because the model was trained on
// them. Prompts are those of the release byte for byte, but for these faults:
//
//   - the release cuts text by decoding token after token, so that a character
//     of several tokens becomes several U+FFFD; here characters stay whole;
//   - it reads spellings such as <|im_end|> in documents as special tokens and
//     drops them; here they are text like any other, and count as such;
//   - τ² cuts between random markers, whose tokens count; here the markers are
//     always the same;
//   - where one message of τ² fills more than half of the room, the release
//     fails; here the system message and the last messages stay.
//
// Each name carries a version, and what it stands for does not change: a trace
// names the profile that makes its prompts again.
package profile
