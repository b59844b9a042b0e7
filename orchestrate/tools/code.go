package tools

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"orchrt/orchestrate"
)

// CodeSpec is how code that a model writes may run.
type CodeSpec struct {
	Language  string   // python or javascript
	Mode      string   // off, auto, required: what holds where a layer of the sandbox is missing
	Dir       string   // its folder; "" for a new one each time
	ReadOnly  []string // folders that it may read besides
	Network   bool
	Memory    int64 // bytes; 0 in this and the next: the sandbox's own limit
	Output    int64
	FileSize  int64
	CPU       Duration
	Processes int
}

// CodeRunner makes executors of {"code": text}. An executor with a method
// Check(ctx) error is asked whether it can work.
type CodeRunner interface {
	Executor(spec CodeSpec) (orchestrate.Executor, error)
}

// codeConfig is a tool of type code.
type codeConfig struct {
	Language  string   `yaml:"language"`
	Sandbox   string   `yaml:"sandbox"`
	Dir       string   `yaml:"dir"`
	ReadOnly  []string `yaml:"read_only"`
	Network   bool     `yaml:"network"`
	Memory    Size     `yaml:"memory"`
	MaxOutput Size     `yaml:"max_output"`
	FileSize  Size     `yaml:"file_size"`
	CPU       Duration `yaml:"cpu"`
	Processes int      `yaml:"processes"`
}

// errNoSandbox is why code does not run without a CodeRunner.
var errNoSandbox = errors.New("the sandbox is not in this build, and code does not run without it; take the tool out of the configuration")

// check implements spec.
func (c *codeConfig) check(d *decoder, t *toolConfig) {
	if c.Language == "" {
		c.Language = "python"
	}
	if c.Sandbox == "" {
		c.Sandbox = "required"
	}
	if !slices.Contains([]string{"python", "javascript"}, c.Language) {
		d.fail(t.line, "tool %s: language is %q, want python or javascript", t.Name, c.Language)
	}
	if !slices.Contains([]string{"off", "auto", "required"}, c.Sandbox) {
		d.fail(t.line, "tool %s: sandbox is %q, want required, auto or off", t.Name, c.Sandbox)
	}
	if c.Processes < 0 {
		d.fail(t.line, "tool %s: processes is below 0", t.Name)
	}
	if len(t.Parameters) == 0 {
		t.Parameters = json.RawMessage(`{"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"], "additionalProperties": false}`)
	}
	c.Dir = d.resolve(c.Dir)
	for i, p := range c.ReadOnly {
		c.ReadOnly[i] = d.resolve(p)
	}
}

// open implements spec.
func (c *codeConfig) open(_ context.Context, s *Set, t *toolConfig) (source, error) {
	x, err := c.executor(s)
	if err != nil {
		return nil, err
	}
	tool := t.base()
	tool.Executor = x
	return one(tool), nil
}

func (c *codeConfig) executor(s *Set) (orchestrate.Executor, error) {
	if s.env.Code == nil {
		return nil, errNoSandbox
	}
	return s.env.Code.Executor(CodeSpec{Language: c.Language, Mode: c.Sandbox, Dir: c.Dir, ReadOnly: c.ReadOnly, Network: c.Network,
		Memory: int64(c.Memory), Output: int64(c.MaxOutput), FileSize: int64(c.FileSize), CPU: c.CPU, Processes: c.Processes})
}

// try implements spec.
func (c *codeConfig) try(ctx context.Context, s *Set, _ *toolConfig) (string, error) {
	x, err := c.executor(s)
	if err != nil {
		return "", err
	}
	if v, ok := x.(interface{ Check(context.Context) error }); ok {
		if err := v.Check(ctx); err != nil {
			return "", err
		}
	}
	return c.Language + " in the sandbox", nil
}
