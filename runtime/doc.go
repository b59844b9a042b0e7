// Package runtime runs a model: it puts a checkpoint's weights on a device,
// keeps the KV cache, and turns requests into streams of tokens.
//
// # The life of a request
//
//  1. Engine.Submit checks the request against every limit, in the caller's
//     goroutine, and hands it to the engine's goroutine: from here on it fails
//     only if it is cancelled, the engine is closed or the device fails.
//  2. It waits, in order of arrival, for a place among the Parallel sequences
//     and for pages of the KV cache.
//  3. Pages whose tokens another request has computed before are shared
//     (the prefix cache); the rest of the prompt runs in chunks.
//  4. In each step every sequence that generates runs one row, and those of the
//     tokens that its mask has forced; what is left of the step's budget goes to
//     prompts, the oldest request first.
//  5. Model.Forward queues the rows of all sequences on the device. While it
//     computes them, the masks say which tokens may come next.
//  6. A sequence whose rows are all computed gets its next token from its own
//     sampler. The token, and those that now must follow it, go to the Stream.
//  7. If pages run out, the youngest sequence gives its own back and waits
//     again; later it is computed anew, from the same tokens, and goes on.
//  8. At its end its full pages stay in the prefix cache until they are needed.
//
// Devices compute each row independently of the others in a step, so a
// request's tokens do not depend on what else runs, on how its prompt is cut
// into chunks, on the prefix cache or on preemption.
//
// # Goroutines
//
// One goroutine on a locked thread owns the device, the pages and all
// sequences. Others reach it through a channel (Submit) and read what it
// leaves behind mutexes (Stream, Stats).
package runtime
