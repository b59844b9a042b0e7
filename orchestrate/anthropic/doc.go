// Package anthropic holds the wire types of Anthropic's Messages API. It reads
// requests as strictly as package openai does and makes of each the chat request
// that says the same, so that everything from the template on, constrained
// decoding among it, is that package's. The job's events come back as content
// blocks, in one piece or as a stream.
//
// A field is either honoured or an error names it. What the API says differently
// here, or leaves open:
//
//   - thinking: without the field the model does not think, as with Anthropic.
//     budget_tokens is enforced: at its end the thinking is closed. The thinking
//     comes whole; "display" may be "summarized", which it is taken for.
//   - A thinking block's signature is only a sum of its text: blocks are accepted
//     with any. redacted_thinking, which only the server that made it can read,
//     is accepted and adds nothing to the prompt.
//   - max_tokens beyond the context ends with it: the stop reason then is
//     model_context_window_exceeded.
//   - tool_result with is_error puts "Error: " in front of the result, as the
//     template has no other place for it.
//   - cache_control is accepted where it asks for what happens anyway: the prefix
//     cache holds every prompt while there is memory.
//   - temperature, top_p and top_k are accepted under every version of the API,
//     though Anthropic has taken them out of 2026-10-21.
//   - The sampling fields of chat completions, such as min_p and seed, are
//     accepted too.
package anthropic
