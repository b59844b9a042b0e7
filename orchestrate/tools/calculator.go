package tools

import (
	"context"
	"encoding/json"

	"orchrt/orchestrate"
)

// calculatorConfig computes.
type calculatorConfig struct{}

func (*calculatorConfig) harmless() bool { return true }

// check implements spec.
func (*calculatorConfig) check(_ *decoder, t *toolConfig) {
	named(t, "calculator", "Computes an arithmetic expression exactly: + - * / // % ^ ( ), n!, sqrt, abs, floor, ceil, round, min, max, gcd, lcm, binomial, exp, ln, log(x, base), sin, cos, tan, asin, acos, atan, pi, e.",
		`{"type": "object", "properties": {"expression": {"type": "string", "description": "Such as (3 + 4) * 2^10 / 7"}}, "required": ["expression"], "additionalProperties": false}`)
}

// open implements spec.
func (*calculatorConfig) open(_ context.Context, _ *Set, t *toolConfig) (source, error) {
	tool := t.base()
	tool.Executor = orchestrate.ExecutorFunc(func(ctx context.Context, raw json.RawMessage) (orchestrate.Result, error) {
		var args struct{ Expression string }
		if json.Unmarshal(raw, &args) != nil || args.Expression == "" {
			return orchestrate.Result{}, invalid("expression must be an arithmetic expression, as text")
		}
		text, err := Calculate(args.Expression)
		if err != nil {
			return orchestrate.Result{}, failure(orchestrate.Failed, nil, "%v", err)
		}
		return orchestrate.Result{Text: text}, nil
	})
	return one(tool), nil
}

// try implements spec.
func (*calculatorConfig) try(context.Context, *Set, *toolConfig) (string, error) {
	return "no key and no network needed", nil
}
