package tools

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"orchrt/orchestrate"
)

// Report is what trying one tool has shown.
type Report struct {
	Name    string  `json:"name"`
	Type    string  `json:"type"`
	OK      bool    `json:"ok"`
	Detail  string  `json:"detail"` // what was seen, or what failed and what to do
	Seconds float64 `json:"seconds"`
	Line    int     `json:"line"`
}

// checkTimeout is how long one tool is tried.
const checkTimeout = 40 * time.Second

// Check tries each tool: starts MCP servers and lists their tools, asks endpoints
// for their models, reaches hosts, finds programs. Nothing is called that could
// change something or cost more than a token.
func (c *Config) Check(ctx context.Context, env Env) []Report {
	s := c.set(env)
	defer s.Close()
	out := make([]Report, len(c.tools))
	var wait sync.WaitGroup
	for i, t := range c.tools {
		wait.Go(func() {
			ctx, stop := context.WithTimeout(ctx, checkTimeout)
			defer stop()
			start := time.Now()
			detail, err := t.spec.try(ctx, s, t)
			out[i] = Report{Name: t.Name, Type: t.Type, OK: err == nil, Detail: detail, Line: t.line}
			if err != nil {
				out[i].Detail = err.Error() + advice(err)
			}
			out[i].Detail = s.redact(strings.Join(strings.Fields(out[i].Detail), " "))
			out[i].Seconds = time.Since(start).Seconds()
		})
	}
	wait.Wait()
	return out
}

// advice is what to do about a failure whose text does not say it.
func advice(err error) string {
	var told *orchestrate.ToolError
	if !errors.As(err, &told) {
		return ""
	}
	switch told.Kind {
	case orchestrate.Unavailable:
		return "; is the server running, and is its address right?"
	case orchestrate.Timeout:
		return "; is the address right, and does a firewall drop the connection?"
	}
	return ""
}

// list is the first names, and how many more there are.
func list(names []string, most int) string {
	if len(names) > most {
		return strings.Join(names[:most], ", ") + ", …"
	}
	return strings.Join(names, ", ")
}
