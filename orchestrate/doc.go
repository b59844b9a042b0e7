// Package orchestrate turns the calls that a model writes into executed tools:
// the model thinks, calls a tool or another model, reads the result and goes on
// until it answers, within a budget.
//
// Five things meet here. A Policy is the model that decides; package local runs
// it in this process. A Tool is what it may call; package tools makes them from
// a configuration. A Profile is the protocol between the two: how a question,
// the tools and what has happened so far become the prompt of the next turn;
// package profile has the plain chat and those of the ToolOrchestra paper. A
// Budget is what all of it may cost, and a Ledger what it did cost. The Runner
// drives one question through them and gives a Run.
//
// One turn of the loop:
//
//	Episode.Request → Policy.Next → Episode.Turn → actions: validate, approve,
//	reserve, execute, clean, settle → Episode.Results → next turn, or the answer
//
// Everything that decided a prompt is in the run's trace, so that Replay makes
// the same prompts again without running a model or a tool.
package orchestrate
