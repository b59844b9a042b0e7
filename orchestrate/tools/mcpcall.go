package tools

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"orchrt/orchestrate"
)

// serverCall calls one tool of a server.
type serverCall struct {
	server      *server
	name        string // as the server calls it
	shown       string
	fingerprint string
}

// Call implements orchestrate.Executor. A server that has gone is started again;
// the call itself is made once, for it may have done something.
func (c *serverCall) Call(ctx context.Context, args json.RawMessage) (orchestrate.Result, error) {
	var none orchestrate.Result
	session, err := c.server.connect(ctx)
	if err != nil {
		if e := ended(ctx, "the MCP server's start"); e != nil {
			return none, e
		}
		return none, failure(orchestrate.Unavailable, err, "%v", err)
	}
	c.server.mu.Lock()
	now, ok := c.server.own[c.shown]
	stderr := c.server.stderr
	c.server.mu.Unlock()
	switch {
	case !ok:
		return none, failure(orchestrate.Unavailable, nil, "the MCP server no longer offers %s", c.shown)
	case now.fingerprint != c.fingerprint:
		return none, failure(orchestrate.Refused, nil, "the MCP server has changed %s since it was offered; it must be approved again", c.shown)
	}
	if len(args) == 0 {
		args = json.RawMessage("{}")
	}
	r, err := session.CallTool(ctx, &mcp.CallToolParams{Meta: orchestrate.TraceMeta(ctx), Name: c.name, Arguments: args})
	if err != nil {
		return none, c.failure(ctx, err)
	}
	if r.NeedsInput() {
		return none, failure(orchestrate.Failed, nil, "the MCP server asks for input from a person, which is not available")
	}
	out := orchestrate.Result{Text: contentText(r), IsError: r.IsError, Record: make(map[string]any)}
	if r.StructuredContent != nil {
		out.Data, _ = json.Marshal(r.StructuredContent) // it has just been read from JSON
	}
	if stderr != nil {
		if text, _ := stderr.text(); text != "" {
			out.Record["stderr"], _ = orchestrate.CutText(text, 2000)
		}
	}
	return out, nil
}

// failure is what the model reads of a call that gave no result.
func (c *serverCall) failure(ctx context.Context, err error) error {
	if e := ended(ctx, c.shown); e != nil {
		return e
	}
	var wire *jsonrpc.Error
	if errors.As(err, &wire) {
		text, _ := orchestrate.CutText(valid(wire.Message), 1000)
		return failure(orchestrate.Failed, err, "the MCP server answers with an error: %s", text)
	}
	if isRefused(err) {
		return networkFailure(ctx, c.shown, err)
	}
	return failure(orchestrate.Unavailable, err, "the MCP server ended, or its answer was too long or no MCP; it is started again with the next call: %s", lastPart(err))
}

// contentText is a result as the model reads it: text as it is, everything else
// named. Structured content stands for a result that has no text.
func contentText(r *mcp.CallToolResult) string {
	var parts []string
	text := false
	for _, c := range r.Content {
		switch c := c.(type) {
		case *mcp.TextContent:
			parts, text = append(parts, c.Text), true
		case *mcp.ImageContent:
			parts = append(parts, fmt.Sprintf("[image, %s, %d bytes: not shown]", short(c.MIMEType), len(c.Data)))
		case *mcp.AudioContent:
			parts = append(parts, fmt.Sprintf("[audio, %s, %d bytes: not shown]", short(c.MIMEType), len(c.Data)))
		case *mcp.ResourceLink:
			parts = append(parts, fmt.Sprintf("[link: %s %s]", short(c.Name), short(c.URI)))
		case *mcp.EmbeddedResource:
			if c.Resource == nil {
				continue
			}
			if c.Resource.Text != "" {
				parts, text = append(parts, c.Resource.Text), true
			} else {
				parts = append(parts, fmt.Sprintf("[resource %s, %s, %d bytes: not shown]", short(c.Resource.URI), short(c.Resource.MIMEType), len(c.Resource.Blob)))
			}
		}
	}
	if !text && r.StructuredContent != nil {
		if b, err := json.Marshal(r.StructuredContent); err == nil {
			parts = append(parts, string(b))
		}
	}
	return strings.Join(parts, "\n")
}

// short bounds a name that a server gives.
func short(s string) string {
	s, _ = orchestrate.CutText(valid(s), 200)
	return strings.Join(strings.Fields(s), " ")
}
