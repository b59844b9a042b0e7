// Package jinja interprets chat templates from model files, which are untrusted
// programs, as transformers does with jinja2: blocks trimmed, Python's values
// and spelling, tojson as json.dumps(ensure_ascii=False).
//
// A template passes through four stages:
//
//	lex.go        text → tokens, with Jinja's rules for whitespace and literals
//	rewrite.go    tokens → tokens, so that precedence comes out as in Jinja
//	gonja/parser  tokens → syntax tree; statements.go adds the statements
//	eval.go       syntax tree → text
//
// The tree is evaluated here and not by gonja, for two reasons. gonja's
// evaluator cannot be stopped: it has no hook in loops, operators or
// conversions, and its values follow Go, not Python. And every string here
// carries its origin: which of its bytes came from the request and which from
// the template, so that a request cannot spell control tokens.
//
// Every step, byte copied and item made is charged to one budget (Limits.Work),
// so a template ends within bounded time and memory, whatever it does, without
// a goroutine or a clock. Files cannot be reached: there are no loaders, and
// include, import and extends are refused.
package jinja
