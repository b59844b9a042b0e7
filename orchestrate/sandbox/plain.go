package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync/atomic"
	"time"
)

// runPlain runs argv without confinement: its own folder, a scrubbed
// environment, and limits on time and output.
func runPlain(ctx context.Context, p Policy, argv []string, stdin []byte) (Outcome, error) {
	if p.Dir == "" {
		dir, err := os.MkdirTemp("", "orchrt-sandbox-")
		if err != nil {
			return Outcome{}, fmt.Errorf("sandbox: %w", err)
		}
		defer os.RemoveAll(dir)
		p.Dir = dir
	}
	wctx, cancel := context.WithTimeout(ctx, p.Wall)
	defer cancel()
	cmd := exec.CommandContext(wctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = p.Dir, p.environ()
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.WaitDelay = time.Second
	group(cmd)

	var flooded atomic.Bool
	over := func() {
		flooded.Store(true)
		cancel()
	}
	stdout, stderr := &capture{limit: p.Output}, &capture{limit: p.Output}
	cmd.Stdout = &limited{stdout, p.Output * killAfter, over}
	cmd.Stderr = &limited{stderr, p.Output * killAfter, over}
	start := time.Now()
	err := cmd.Run()
	out := Outcome{
		Stdout: stdout.bytes(), StdoutCut: stdout.cut(),
		Stderr: stderr.bytes(), StderrCut: stderr.cut(),
		Wall: time.Since(start),
	}
	if cmd.ProcessState == nil {
		return out, fmt.Errorf("sandbox: %s did not start: %w", argv[0], err)
	}
	out.Exit = cmd.ProcessState.ExitCode()
	out.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	out.Signal = signalOf(cmd.ProcessState)
	switch {
	case ctx.Err() != nil:
		out.Killed = KilledCancel
		return out, ctx.Err()
	case flooded.Load():
		out.Killed = KilledOutput
	case errors.Is(wctx.Err(), context.DeadlineExceeded):
		out.Killed = KilledWall
	}
	return out, nil
}

// limited is a capture that calls over once it has seen more than max bytes.
type limited struct {
	*capture
	max  int64
	over func()
}

func (l *limited) Write(b []byte) (int, error) {
	n, err := l.capture.Write(b)
	if l.total > l.max && l.over != nil {
		l.over()
		l.over = nil
	}
	return n, err
}
