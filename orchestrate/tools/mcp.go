package tools

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"orchrt/orchestrate"
)

// Bounds of what a server may offer.
const (
	maxServerTools = 512
	maxDescription = 16 << 10 // bytes
	maxSchema      = 256 << 10
)

// server is a connection to an MCP server, made again when it breaks.
type server struct {
	*mcpConfig
	set  *Set
	tool *toolConfig

	dial sync.Mutex // held while connecting or listing

	mu      sync.Mutex
	session *mcp.ClientSession
	stderr  *capture
	tools   []orchestrate.Tool
	own     map[string]serverTool // by the name that the model knows
	closed  bool
	failed  time.Time // of the last connection that could not be made
}

// serverTool is a tool as its server calls it.
type serverTool struct{ name, fingerprint string }

// open implements spec.
func (c *mcpConfig) open(ctx context.Context, s *Set, t *toolConfig) (source, error) {
	v := &server{mcpConfig: c, set: s, tool: t}
	s.onClose(v.close)
	if _, err := v.connect(ctx); err != nil {
		if c.Optional && ctx.Err() == nil {
			s.env.Log.Warn("an MCP server did not start; its tools are not offered", "server", t.Name, "error", s.redact(err.Error()))
			return v.offered, nil
		}
		return nil, err
	}
	return v.offered, nil
}

// try implements spec.
func (c *mcpConfig) try(ctx context.Context, s *Set, t *toolConfig) (string, error) {
	v := &server{mcpConfig: c, set: s, tool: t}
	defer v.close()
	if _, err := v.connect(ctx); err != nil {
		return "", err
	}
	tools := v.offered()
	if len(tools) == 0 {
		return "", errors.New("the server offers no tools, or allow and deny leave none")
	}
	names := make([]string, len(tools))
	for i, t := range tools {
		names[i] = t.Name
	}
	return fmt.Sprintf("%d tools: %s", len(tools), list(names, 8)), nil
}

// offered is the server's tools as they were last listed.
func (v *server) offered() []orchestrate.Tool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.tools)
}

// close ends the session and the process.
func (v *server) close() {
	v.mu.Lock()
	session := v.session
	v.session, v.closed = nil, true
	v.mu.Unlock()
	if session != nil {
		session.Close()
	}
}

// reconnect is how long a server that could not be started is left alone.
const reconnect = time.Second

// connect returns the session, and makes one where there is none.
func (v *server) connect(ctx context.Context) (*mcp.ClientSession, error) {
	v.dial.Lock()
	defer v.dial.Unlock()
	v.mu.Lock()
	session, closed, failed := v.session, v.closed, v.failed
	v.mu.Unlock()
	switch {
	case closed:
		return nil, errors.New("the tools are closed")
	case session != nil:
		return session, nil
	case time.Since(failed) < reconnect:
		return nil, errors.New("the server could not be started just now")
	}
	ctx, stop := context.WithTimeout(ctx, time.Duration(v.StartTimeout))
	defer stop()
	session, stderr, err := v.start(ctx)
	if err == nil {
		if err = v.list(ctx, session); err != nil {
			session.Close()
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err != nil {
		v.failed = time.Now()
		return nil, v.startFailure(ctx, err, stderr)
	}
	if v.closed {
		session.Close()
		return nil, errors.New("the tools are closed")
	}
	v.session, v.stderr = session, stderr
	go func() {
		_ = session.Wait() // how it ended is told by the call that it ended
		v.mu.Lock()
		defer v.mu.Unlock()
		if v.session == session {
			v.session = nil
		}
	}()
	return session, nil
}

// startFailure says why a server did not start, with what it wrote last.
func (v *server) startFailure(ctx context.Context, err error, stderr *capture) error {
	if ctx.Err() != nil {
		err = fmt.Errorf("no answer within %v", time.Duration(v.StartTimeout))
	}
	if stderr != nil {
		if text, _ := stderr.text(); text != "" {
			text, _ = orchestrate.CutText(text, 600)
			return fmt.Errorf("the MCP server: %w; it wrote: %s", err, text)
		}
	}
	return fmt.Errorf("the MCP server: %w", err)
}

// start connects.
func (v *server) start(ctx context.Context) (*mcp.ClientSession, *capture, error) {
	client := mcp.NewClient(&mcp.Implementation{Name: "orchrt", Version: "1"}, &mcp.ClientOptions{
		Capabilities:           &mcp.ClientCapabilities{}, // no roots: a server learns of no folder of ours
		ToolListChangedHandler: func(context.Context, *mcp.ToolListChangedRequest) { go v.relist() },
	})
	if v.URL != "" {
		s, err := client.Connect(ctx, v.transport(), nil)
		return s, nil, err
	}
	p, err := v.spawn()
	if err != nil {
		return nil, nil, err
	}
	s, err := client.Connect(ctx, &mcp.IOTransport{Reader: p, Writer: p.stdin, MaxLineLength: int(v.MaxMessage)}, nil)
	if err != nil {
		p.end()
	}
	return s, p.stderr, err
}

// relist follows a change that the server has announced.
func (v *server) relist() {
	v.dial.Lock()
	v.mu.Lock()
	session := v.session
	v.mu.Unlock()
	if session == nil { // connecting lists, too
		v.dial.Unlock()
		return
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Duration(v.StartTimeout))
	defer stop()
	err := v.list(ctx, session)
	v.dial.Unlock()
	if err != nil {
		v.set.env.Log.Warn("the tools of an MCP server changed and cannot be listed", "server", v.tool.Name, "error", v.set.redact(err.Error()))
		return
	}
	if f := v.set.env.Changed; f != nil {
		f(v.tool.Name)
	}
}

// list asks the server for its tools.
func (v *server) list(ctx context.Context, session *mcp.ClientSession) error {
	var tools []orchestrate.Tool
	own := make(map[string]serverTool)
	for t, err := range session.Tools(ctx, nil) {
		if err != nil {
			return fmt.Errorf("its tools cannot be listed: %s", lastPart(err))
		}
		if len(tools) == maxServerTools {
			return fmt.Errorf("it offers more than %d tools; allow names those that are wanted", maxServerTools)
		}
		if t == nil || t.Name == "" || !v.wanted(t.Name) {
			continue
		}
		x, fault := v.make(t)
		if fault != "" {
			v.set.env.Log.Warn("a tool of an MCP server is left out", "server", v.tool.Name, "tool", validName(t.Name), "reason", fault)
			continue
		}
		x.Name = unique(*v.Prefix+t.Name, own)
		x.Executor = &serverCall{server: v, name: t.Name, shown: x.Name, fingerprint: x.Fingerprint}
		own[x.Name] = serverTool{t.Name, x.Fingerprint}
		tools = append(tools, x)
	}
	v.mu.Lock()
	v.tools, v.own = tools, own
	v.mu.Unlock()
	return nil
}

// wanted applies allow and deny.
func (v *server) wanted(name string) bool {
	match := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			ok, _ := path.Match(p, name)
			return ok || p == name
		})
	}
	return (len(v.Allow) == 0 || match(v.Allow)) && !match(v.Deny)
}

// make is a tool of the server as the model gets it, without its name. Fault
// says why it cannot be used.
func (v *server) make(t *mcp.Tool) (x orchestrate.Tool, fault string) {
	schema, err := json.Marshal(t.InputSchema)
	switch {
	case err != nil || len(schema) > maxSchema || len(t.Description) > maxDescription:
		return x, "its description or schema is too long"
	case string(schema) == "null":
		schema = []byte(`{"type":"object"}`)
	}
	if fault := schemaFault(schema); fault != "" {
		return x, "its schema " + fault
	}
	x = v.tool.base()
	x.Description, x.Schema, x.Grammar = valid(t.Description), schema, nil
	if x.Description == "" {
		x.Description = valid(t.Title)
	}
	x.Server = v.tool.Name
	x.Fingerprint = fingerprint(t.Name, t.Description, schema)
	if slices.Contains(v.auto, t.Name) {
		x.Approval = orchestrate.Auto
	}
	o := v.Overrides[t.Name]
	if o.Approval != nil {
		x.Approval = *o.Approval
	}
	if o.Price != nil {
		x.Price = *o.Price
	}
	if o.Latency > 0 {
		x.Latency = time.Duration(o.Latency)
	}
	if o.Timeout > 0 {
		x.Timeout = time.Duration(o.Timeout)
	}
	if o.MaxResult > 0 {
		x.MaxResult = int(o.MaxResult)
	}
	x.Role = orchestrate.Role(o.Role)
	return x, ""
}

// fingerprint identifies what a server says of a tool.
func fingerprint(name, description string, schema []byte) string {
	h := sha256.New()
	for _, s := range []string{name, description, string(schema)} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// unique is a valid name of at most 64 characters that is not taken. A name that
// had to be changed ends with a hash, so that it is the same whatever else the
// server offers.
func unique(name string, taken map[string]serverTool) string {
	out := validName(name)
	if _, ok := taken[out]; out == name && len(out) <= 64 && !ok {
		return out
	}
	for n := 0; ; n++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", name, n))
		s := out[:min(len(out), 55)] + "_" + hex.EncodeToString(sum[:4])
		if _, ok := taken[s]; !ok {
			return s
		}
	}
}
