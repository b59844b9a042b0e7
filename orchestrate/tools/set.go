package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"orchrt/orchestrate"
	"orchrt/orchestrate/netguard"
)

// Env is what tools run in.
type Env struct {
	Guard netguard.Guard // what every tool may reach, and how; each adds its allow_hosts
	Code  CodeRunner     // runs tools of type code; nil: they are refused
	Log   *slog.Logger   // nil: nothing is logged
	// Changed, if not nil, is called after an MCP server's tools have changed, from
	// a goroutine of its own; Set.Tools has the new ones then.
	Changed func(server string)
}

// Set is the tools of a configuration, opened.
type Set struct {
	env     Env
	secrets []string
	sources []source

	mu     sync.Mutex
	closed bool
	ends   []func()
}

// Open starts what the tools need: MCP servers, mostly. Where one fails, all
// are closed again, and the error tells of each that failed.
func (c *Config) Open(ctx context.Context, env Env) (*Set, error) {
	s := c.set(env)
	sources, errs := make([]source, len(c.tools)), make([]error, len(c.tools))
	var wait sync.WaitGroup
	for i, t := range c.tools {
		wait.Go(func() {
			if sources[i], errs[i] = t.spec.open(ctx, s, t); errs[i] != nil {
				errs[i] = fmt.Errorf("%s:%d: tool %s: %s", c.Path, t.line, t.Name, s.redact(errs[i].Error()))
			}
		})
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		s.Close()
		return nil, err
	}
	s.sources = sources
	return s, nil
}

// set is a Set with no sources yet.
func (c *Config) set(env Env) *Set {
	if env.Log == nil {
		env.Log = slog.New(slog.DiscardHandler)
	}
	return &Set{env: env, secrets: longestFirst(c.secrets)}
}

// Tools is what may be called now, in the order of the configuration. The tools
// of an MCP server change when it says so; a call of one that has changed since
// is refused.
func (s *Set) Tools() []orchestrate.Tool {
	var out []orchestrate.Tool
	seen := make(map[string]bool)
	for _, source := range s.sources {
		for _, t := range source() {
			if seen[t.Name] { // two servers' names may meet at any time
				s.env.Log.Warn("a tool is left out: its name is taken", "tool", t.Name)
				continue
			}
			seen[t.Name] = true
			if t.Executor != nil { // experts are called by a profile
				t.Executor = &bound{t.Executor, t.Timeout, s}
			}
			out = append(out, t)
		}
	}
	return out
}

// Secrets are the values that no prompt, trace or log may hold.
func (s *Set) Secrets() []string { return slices.Clone(s.secrets) }

// Close ends processes and connections. Calls that are under way fail.
func (s *Set) Close() error {
	s.mu.Lock()
	ends := s.ends
	s.ends, s.closed = nil, true
	s.mu.Unlock()
	var wait sync.WaitGroup
	for _, end := range ends {
		wait.Go(end)
	}
	wait.Wait()
	return nil
}

// onClose has f called by Close; at once where the set is closed already.
func (s *Set) onClose(f func()) {
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.ends = append(s.ends, f)
	}
	s.mu.Unlock()
	if closed {
		f()
	}
}

// redact takes secrets out of a message.
func (s *Set) redact(text string) string {
	for _, secret := range s.secrets {
		text = strings.ReplaceAll(text, secret, "[secret]")
	}
	return text
}

// longestFirst drops secrets that are too short to be told from ordinary text,
// and doubles; a secret that holds another one comes first.
func longestFirst(secrets []string) []string {
	const least = 4
	out := slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < least })
	slices.SortFunc(out, func(a, b string) int {
		if d := len(b) - len(a); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return slices.Compact(out)
}

// bound is an executor with the tool's timeout, whose results and errors hold
// no secrets.
type bound struct {
	next    orchestrate.Executor
	timeout time.Duration
	set     *Set
}

// Call implements orchestrate.Executor.
func (b *bound) Call(ctx context.Context, args json.RawMessage) (orchestrate.Result, error) {
	ctx, stop := context.WithTimeout(ctx, b.timeout)
	defer stop()
	start := time.Now()
	r, err := b.next.Call(ctx, args)
	if r.Seconds == 0 {
		r.Seconds = time.Since(start).Seconds()
	}
	r.Text = b.set.redact(r.Text)
	if len(r.Data) > 0 {
		r.Data = json.RawMessage(b.set.redact(string(r.Data)))
	}
	for k, v := range r.Record {
		if text, ok := v.(string); ok {
			r.Record[k] = b.set.redact(text)
		}
	}
	var told *orchestrate.ToolError
	if errors.As(err, &told) {
		clean := *told
		clean.Message = b.set.redact(told.Message)
		if told.Cause != nil {
			clean.Cause = errors.New(b.set.redact(told.Cause.Error()))
		}
		return r, &clean
	}
	if err != nil {
		return r, errors.New(b.set.redact(err.Error()))
	}
	return r, nil
}

// guard is the set's guard with what one tool may reach beside it.
func (s *Set) guard(allow []netguard.Allow) *netguard.Guard {
	g := s.env.Guard
	g.Allow = slices.Concat(g.Allow, allow)
	return &g
}
