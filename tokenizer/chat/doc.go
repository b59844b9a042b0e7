// Package chat turns messages and tools into the prompt text a model was
// trained on, and generated text back into thinking, content and tool calls.
//
// A Template renders a Request into a Prompt. Qwen3's template, in both of its
// published revisions, is written out natively; any other one is interpreted
// by package jinja, which bounds the time and memory a template may use.
//
// A Prompt is a list of segments, because text from users and tools must never
// become control tokens: only what the template itself wrote may. Prompt.Encode
// keeps that apart, so "<|im_end|>" in a message is ordinary text.
//
// A Parser takes generated text in pieces of any size and gives events.
//
// Three rules make one form of a conversation out of the many that clients
// send, for every template alike:
//
//   - content null or missing renders as "", and text parts are concatenated;
//   - the role "developer" renders as "system";
//   - tool-call arguments that hold a JSON object, as an object or as a string,
//     are the object; empty ones are {}; any other string stays as it is.
package chat
