package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"orchrt/orchestrate/openai"
	"orchrt/orchestrate/tools"
)

// runTools looks into a configuration of tools.
func runTools(ctx context.Context, args []string) int {
	fs := newFlags("tools", "check tools.yaml",
		"Tries every tool that tools.yaml, or an mcpServers file, describes: starts MCP servers and lists their tools, asks model\n"+
			"endpoints what they serve, reaches hosts, finds programs; and says what fails and what to do. Exit status 1 if any fails.")
	asJSON := fs.Bool("json", false, "one JSON object")
	if code, done := parseFlags(fs, args, 2, 2); done {
		return code
	}
	if fs.Arg(0) != "check" {
		return usageError(fs, "there is no action %q, want check", fs.Arg(0))
	}
	config, err := tools.Load(fs.Arg(1))
	if err != nil {
		return failed("tools", err)
	}
	for _, note := range config.Notes {
		fmt.Fprintln(os.Stderr, note)
	}
	reports := config.Check(ctx, tools.Env{Code: codeRunner{}})
	if err := printReports(os.Stdout, reports, *asJSON); err != nil {
		return failed("tools", err)
	}
	for _, r := range reports {
		if !r.OK {
			return exitFailed
		}
	}
	return exitOK
}

// printReports writes the table.
func printReports(out io.Writer, reports []tools.Report, asJSON bool) error {
	if asJSON {
		b, err := openai.Marshal(struct {
			Tools []tools.Report `json:"tools"`
		}{reports})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(out, "%s\n", b)
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, r := range reports {
		state := "ok"
		if !r.OK {
			state = "FAILED"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%.1f s\t%s\n", r.Name, r.Type, state, r.Seconds, printable(r.Detail))
	}
	return w.Flush()
}
