// Package openai holds the wire types of OpenAI's chat completions, responses,
// completions and models, reads requests strictly, and runs one request against
// an engine.
//
// A request passes through four steps. ParseChat or ParseCompletion turn the
// body into a typed request and refuse whatever they do not know: a field is
// either honoured, or an error names it. Backend.Chat or Backend.Completion
// render the template, count the tokens and check them against the context:
// the result is a Job. The choices of a request with tools or a response format
// carry a grammar's matcher as their mask, so that what the generator draws
// cannot be anything else than they ask for. Job.Run starts its sequences and
// delivers their Events through one channel. Job.Response collects the events;
// Job.Chunks makes a stream of them; both see the same events, so that the
// deltas of a stream joined together are the response without one.
//
// Responses, and Anthropic's messages in package anthropic, are front ends of chat:
// their requests become a ChatRequest (Constrain reads tools and formats), and an
// Answer puts the job's events into their form.
//
// reasoning_effort none turns thinking off, minimal and low bound it (to 256 and
// 2,048 tokens), medium and above leave it to the model; absent, it is the
// template's default.
//
// What the Responses API says differently here, or leaves open: thinking comes
// whole, as reasoning_text, so that "reasoning.encrypted_content" in include changes
// nothing; strict is false where it is absent; stored responses lie in memory, within
// a ResponseStore's bounds, and belong to the API key that made them.
//
// All errors that a client is to see are *Error.
package openai
