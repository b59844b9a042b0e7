package main

import (
	"context"
	"os"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"orchrt/orchestrate/sandbox"
)

// TestMain is an MCP server or the program itself where the environment says so, and what the sandbox
// starts.
func TestMain(m *testing.M) {
	sandbox.Main()
	if os.Getenv("ORCHRT_TEST_MCP") != "" {
		if err := mcpServer().Run(context.Background(), &mcp.StdioTransport{}); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	if os.Getenv("ORCHRT_TEST_PROGRAM") != "" {
		os.Exit(dispatch(context.Background(), os.Args[1:]))
	}
	os.Exit(m.Run())
}

// mcpServer is a server of one tool, made with the official SDK.
func mcpServer() *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	s.AddTool(&mcp.Tool{Name: "shout", Description: "Says it louder", InputSchema: map[string]any{"type": "object",
		"properties": map[string]any{"text": map[string]any{"enum": []string{"hey"}}}, "required": []string{"text"}, "additionalProperties": false}},
		func(_ context.Context, r *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "HEY! " + string(r.Params.Arguments)}}}, nil
		})
	return s
}
