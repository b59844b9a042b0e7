package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"orchrt/orchestrate"
	"orchrt/orchestrate/sandbox"
	"orchrt/orchestrate/tools"
)

// codeRunner runs the code that models write in the sandbox.
type codeRunner struct{}

// Executor implements tools.CodeRunner.
func (codeRunner) Executor(spec tools.CodeSpec) (orchestrate.Executor, error) {
	x := &codeExecutor{find: sandbox.FindPython, policy: sandbox.Policy{Dir: spec.Dir, ReadOnly: spec.ReadOnly, Network: spec.Network,
		Memory: spec.Memory, FileSize: spec.FileSize, Output: spec.Output, CPU: time.Duration(spec.CPU), Processes: spec.Processes}}
	if spec.Language == "javascript" {
		x.find = sandbox.FindJavaScript
	}
	switch spec.Mode {
	case "required":
		x.policy.Mode = sandbox.Required
	case "auto":
		x.policy.Mode = sandbox.Auto
	case "off":
		x.policy.Mode = sandbox.Off
	default:
		return nil, fmt.Errorf("sandbox is %q, want required, auto or off", spec.Mode)
	}
	return x, nil
}

// codeExecutor runs {"code": text}.
type codeExecutor struct {
	find   func(context.Context) (sandbox.Interpreter, error)
	policy sandbox.Policy
}

// Call implements orchestrate.Executor. The model reads what the code printed,
// and where it failed its errors too; Result.Data is {"stdout": text}.
func (x *codeExecutor) Call(ctx context.Context, args json.RawMessage) (orchestrate.Result, error) {
	var a struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(args, &a); err != nil {
		return orchestrate.Result{}, &orchestrate.ToolError{Kind: orchestrate.Invalid, Message: "the arguments hold no code", Cause: err}
	}
	out, err := x.run(ctx, a.Code)
	if err != nil {
		return orchestrate.Result{}, err
	}
	r := orchestrate.Result{Text: string(out.Stdout), Seconds: out.Wall.Seconds(), Cut: int(out.StdoutCut), IsError: out.Exit != 0 || out.Killed != "",
		Record: map[string]any{"stderr": string(out.Stderr), "exit": out.Exit, "signal": out.Signal, "killed": string(out.Killed), "layers": out.Layers, "cpu_seconds": out.CPU.Seconds()}}
	if r.Data, err = json.Marshal(map[string]string{"stdout": r.Text}); err != nil {
		return r, err
	}
	switch {
	case out.Killed != "":
		r.Text += fmt.Sprintf("\n[ended from outside: %s]\n%s", out.Killed, out.Stderr)
	case out.Exit != 0:
		r.Text += fmt.Sprintf("\n[exit status %d]\n%s", out.Exit, out.Stderr)
	}
	return r, nil
}

func (x *codeExecutor) run(ctx context.Context, code string) (sandbox.Outcome, error) {
	in, err := x.find(ctx)
	if err != nil {
		return sandbox.Outcome{}, err
	}
	p := x.policy
	if end, ok := ctx.Deadline(); ok {
		p.Wall = max(time.Until(end), time.Millisecond)
	}
	return in.Run(ctx, p, code, nil)
}

// Check runs an empty program.
func (x *codeExecutor) Check(ctx context.Context) error {
	out, err := x.run(ctx, "")
	if err == nil && out.Exit != 0 {
		err = fmt.Errorf("exit status %d: %s", out.Exit, out.Stderr)
	}
	return err
}
