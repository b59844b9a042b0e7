package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"go.opentelemetry.io/otel/trace"

	"orchrt/orchestrate"
	"orchrt/orchestrate/hosted"
	"orchrt/orchestrate/profile"
	"orchrt/orchestrate/tools"
)

// serveTools are the flags of tools that the server executes.
type serveTools struct {
	file      string
	onRequest bool
	profile   string
	limits    orchestrate.Limits
	total     orchestrate.Limits
	rounds    int
	traces    string
	grants    string
	price     orchestrate.Price
}

// memoryBytes is what may be kept of conversations that went back to clients.
const memoryBytes = 64 << 20

func (f *serveTools) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.file, "tools", "", "tools.yaml, or a JSON file with mcpServers: tools that the server executes for its clients")
	fs.BoolVar(&f.onRequest, "tools-on-request", false, "only for requests that ask for them, by \"orchrt\": {\"tools\": true} or tools of type mcp")
	fs.StringVar(&f.profile, "profile", "chat", "protocol between model and tools: "+strings.Join(profile.Names(), ", "))
	fs.Float64Var(&f.limits.USD, "budget-usd", 0, "dollars that one request may cost at most; 0 is no limit")
	fs.Float64Var(&f.limits.Seconds, "budget-seconds", 0, "seconds that one request may take at most; 0 is no limit")
	fs.Float64Var(&f.total.USD, "total-budget-usd", 0, "dollars that all requests together may cost; 0 is no limit")
	fs.IntVar(&f.rounds, "max-rounds", 0, "turns of the model in one request at most; 0 is 50")
	fs.StringVar(&f.traces, "trace-dir", "", "write a trace of each run to this folder, with all that was said")
	fs.StringVar(&f.grants, "grants", "", "file of the descriptions of MCP tools agreed to, as orchestrate --grants writes it; a tool that has changed since is not offered")
	fs.Float64Var(&f.price.PerSecond, "price-second", 0, "dollars that a second of this machine costs, for the model's own turns")
	fs.Float64Var(&f.price.Input, "price-input", 0, "dollars that a token of the model's prompts costs")
	fs.Float64Var(&f.price.Output, "price-output", 0, "dollars that a token of the model's turns costs")
}

// check reports wrong usage.
func (f *serveTools) check() error {
	_, err := profile.Named(f.profile)
	switch {
	case f.file == "" && (f.onRequest || f.limits != orchestrate.Limits{} || f.total != orchestrate.Limits{} || f.rounds != 0 || f.traces != "" || f.grants != ""):
		return errors.New("--tools names no file, but other flags are about tools")
	case f.rounds < 0:
		return errors.New("--max-rounds must not be negative")
	case !(f.price.PerSecond >= 0) || !(f.price.Input >= 0) || !(f.price.Output >= 0):
		return errors.New("--price-second, --price-input and --price-output must not be negative")
	}
	return cmp.Or(err, f.limits.Check(), f.total.Check())
}

// open starts the tools; nil where there are none. close ends them.
func (f *serveTools) open(ctx context.Context, log *slog.Logger, tracer trace.Tracer) (h *hosted.Service, close func(), err error) {
	if f.file == "" {
		return nil, func() {}, nil
	}
	config, err := tools.Load(f.file)
	if err != nil {
		return nil, nil, err
	}
	for _, note := range config.Notes {
		log.Warn("tools", "note", note)
	}
	h = &hosted.Service{OnRequest: f.onRequest, Price: f.price, Limits: f.limits, MaxRounds: f.rounds, Approvals: &hosted.Approvals{},
		Memory: hosted.NewMemory(memoryBytes), Tracer: tracer}
	if h.Profile, err = profile.Named(f.profile); err != nil {
		return nil, nil, err
	}
	if f.total.USD > 0 {
		if h.Budget, err = orchestrate.NewBudget(f.total); err != nil {
			return nil, nil, err
		}
	}
	if h.Grants, err = readGrants(f.grants); err != nil {
		return nil, nil, err
	}
	if f.traces != "" {
		if err := os.MkdirAll(f.traces, 0o700); err != nil {
			return nil, nil, err
		}
		h.Trace = func(run string) (io.WriteCloser, error) {
			return os.OpenFile(filepath.Join(f.traces, filepath.Base(run)+".jsonl"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		}
	}
	set, err := config.Open(ctx, tools.Env{Code: codeRunner{}, Log: log})
	if err != nil {
		return nil, nil, err
	}
	h.Tools, h.Secrets = set.Tools, set.Secrets()
	names := []string{}
	for _, t := range h.Tools() {
		names = append(names, t.Name)
	}
	log.Info("tools", "executed", fmt.Sprint(names), "on_request", f.onRequest, "profile", h.Profile.Name())
	return h, func() { set.Close() }, nil
}
