// Package hosted answers requests with tools that the server executes: a chat
// request becomes a question for an orchestrate.Runner, what happens in its run
// becomes the events of an openai.Job.
//
// Three kinds of tools meet in a request. Those of the configuration are
// executed here. Those of the request go back to the client: a call of one ends
// the run, and the client goes on with its result in a further request. What the
// model saw in between, calls and results of the first kind, is not in the
// client's messages then; Memory puts it back, so that the conversation the
// model sees is whole. Calls of tools that need approval wait for an answer,
// are deferred to a further request, or are refused, as the request wishes.
//
// A request chooses among the tools and tightens limits and approvals; it
// loosens nothing.
package hosted
