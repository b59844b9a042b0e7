package tools

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"orchrt/orchestrate"
)

// commandConfig is a local program. Its arguments are those of a process, never
// a line for a shell.
type commandConfig struct {
	Command   []string          `yaml:"command"` // argv; {argument}s in all but the first
	Stdin     string            `yaml:"stdin,plain"`
	Dir       string            `yaml:"dir"`
	Env       map[string]Secret `yaml:"env,secret"`
	Inherit   []string          `yaml:"inherit"` // variables of ours that it gets
	MaxOutput Size              `yaml:"max_output"`
	Dash      bool              `yaml:"allow_dash"` // arguments may begin with -

	argv   []template
	stdin  template
	dashed []bool // a literal -- stands before this one
}

// floods is how many times its limit a command may write before it is ended.
const floods = 64

// check implements spec.
func (c *commandConfig) check(d *decoder, t *toolConfig) {
	what := "tool " + t.Name
	if len(c.Command) == 0 || c.Command[0] == "" || strings.Contains(c.Command[0], "{") {
		d.fail(t.line, "%s: command must be a list whose first element is a program, without {argument}s", what)
		return
	}
	if len(t.Parameters) == 0 {
		t.Parameters = json.RawMessage(`{"type": "object", "properties": {}, "additionalProperties": false}`)
	}
	dash := false
	for i, a := range c.Command {
		c.argv = append(c.argv, d.template(t, fmt.Sprintf("command[%d]", i), a))
		c.dashed = append(c.dashed, dash)
		dash = dash || a == "--"
	}
	c.stdin = d.template(t, "stdin", c.Stdin)
	if c.MaxOutput == 0 {
		c.MaxOutput = 256 << 10
	}
	d.secrets = append(d.secrets, private(c.Env)...)
	c.Dir = d.resolve(c.Dir)
	for name := range c.Env {
		if !variableName(name) {
			d.fail(t.line, "%s: env: %q is no name of a variable", what, name)
		}
	}
}

// program finds the program: by PATH, or from the folder of the configuration
// where its name has a slash.
func program(name, dir string) (string, error) {
	if strings.ContainsRune(name, '/') && !filepath.IsAbs(name) {
		abs, err := filepath.Abs(filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		name = abs
	}
	p, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("the program %s cannot be started: %w; install it, or give its full path", name, errors.Unwrap(err))
	}
	return filepath.Abs(p)
}

// open implements spec.
func (c *commandConfig) open(_ context.Context, _ *Set, t *toolConfig) (source, error) {
	p, err := c.ready(t)
	if err != nil {
		return nil, err
	}
	params, err := readParameters(t.Parameters)
	if err != nil {
		return nil, err
	}
	tool := t.base()
	tool.Executor = &command{commandConfig: c, program: p, params: params}
	return one(tool), nil
}

// ready finds the program and looks at the folder.
func (c *commandConfig) ready(t *toolConfig) (string, error) {
	p, err := program(c.Command[0], t.dir)
	if err != nil {
		return "", err
	}
	if c.Dir != "" {
		if st, err := os.Stat(c.Dir); err != nil || !st.IsDir() {
			return "", fmt.Errorf("dir %s is not a folder; create it", c.Dir)
		}
	}
	return p, nil
}

// try implements spec.
func (c *commandConfig) try(_ context.Context, _ *Set, t *toolConfig) (string, error) {
	return c.ready(t)
}

// command runs the program.
type command struct {
	*commandConfig
	program string
	params  parameters
}

// arguments makes argv[1:]. An argument that stands alone and is absent is left
// out, one that is a list becomes several.
func (c *command) arguments(args arguments) ([]string, error) {
	var out []string
	for i, t := range c.argv[1:] {
		from := len(out)
		var list []json.RawMessage
		switch name := t.only(); {
		case name == "":
			out = append(out, t.fill(args, nil))
		case json.Unmarshal(args[name], &list) == nil:
			for _, v := range list {
				out = append(out, plainText(v))
			}
		case len(args[name]) > 0:
			out = append(out, plainText(args[name]))
		}
		if c.Dash || c.dashed[i+1] || len(t.parts) == 0 || t.parts[0].name == "" {
			continue
		}
		for _, s := range out[from:] {
			if strings.HasPrefix(s, "-") {
				return nil, invalid("an argument begins with -, which %s would take as an option", filepath.Base(c.program))
			}
		}
	}
	for _, s := range out {
		if strings.ContainsRune(s, 0) {
			return nil, invalid("an argument holds a zero byte")
		}
	}
	return out, nil
}

// Call implements orchestrate.Executor.
func (c *command) Call(ctx context.Context, raw json.RawMessage) (orchestrate.Result, error) {
	args, err := c.params.arguments(raw)
	if err != nil {
		return orchestrate.Result{}, err
	}
	argv, err := c.arguments(args)
	if err != nil {
		return orchestrate.Result{}, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	flooded := new(atomic.Bool)
	over := func() { flooded.Store(true); stop() }
	limit := int(c.MaxOutput)
	stdout := &capture{limit: limit, flood: floods * int64(limit), over: over}
	stderr := &capture{limit: min(limit, 8<<10), flood: floods * int64(limit), over: over}
	cmd := exec.CommandContext(ctx, c.program, argv...)
	cmd.Dir, cmd.Env = c.Dir, environ(c.Inherit, c.Env)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader([]byte(c.stdin.fill(args, nil))), stdout, stderr
	group(cmd)
	cmd.Cancel = func() error { killGroup(cmd); return nil }
	cmd.WaitDelay = time.Second
	start := time.Now()
	err = cmd.Run()
	killGroup(cmd) // what it left behind
	return c.outcome(ctx, cmd, err, stdout, stderr, flooded.Load(), time.Since(start))
}

// outcome makes a result of how the program ended.
func (c *command) outcome(ctx context.Context, cmd *exec.Cmd, err error, stdout, stderr *capture, flooded bool, took time.Duration) (orchestrate.Result, error) {
	out, cut := stdout.text()
	errText, _ := stderr.text()
	name := filepath.Base(c.program)
	r := orchestrate.Result{Text: out, Cut: cut, Seconds: took.Seconds(), Record: map[string]any{"stderr": errText}}
	var exit *exec.ExitError
	switch {
	case flooded:
		return r, failure(orchestrate.Failed, nil, "%s wrote more than %d bytes and was stopped", name, floods*int64(c.MaxOutput))
	case ctx.Err() != nil && err != nil:
		return r, ended(ctx, name)
	case errors.As(err, &exit):
		r.Record["exit"] = exit.ExitCode()
		r.IsError = true
		errText, _ = orchestrate.CutText(errText, 2000)
		r.Text = strings.TrimRight(out, "\n") + "\n" + name + " failed: " + exit.String() + "\n" + errText
		r.Text = strings.TrimLeft(r.Text, "\n")
	case err != nil && !errors.Is(err, exec.ErrWaitDelay):
		return r, failure(orchestrate.Unavailable, err, "%s could not be started: %s", name, lastPart(err))
	default:
		r.Record["exit"] = cmd.ProcessState.ExitCode()
	}
	return r, nil
}
