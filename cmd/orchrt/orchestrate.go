package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"orchrt/orchestrate"
	"orchrt/orchestrate/local"
	"orchrt/orchestrate/openai"
	"orchrt/orchestrate/profile"
	"orchrt/orchestrate/telemetry"
	"orchrt/orchestrate/tools"
)

// orchestrateFlags are the flags of orchestrate.
type orchestrateFlags struct {
	model    modelFlags
	sampling samplingFlags
	tools    string
	profile  string
	system   string
	budget   orchestrate.Limits
	prefer   string
	allow    []string
	deny     []string
	maxPrice float64
	maxTime  time.Duration
	rounds   int
	tokens   int
	require  string
	approve  string
	trace    string
	grants   string
	price    orchestrate.Price
	noThink  bool
	json     bool
	quiet    bool
}

// runOrchestrate answers a question with tools.
func runOrchestrate(ctx context.Context, args []string) int {
	var f orchestrateFlags
	fs := newFlags("orchestrate", "--model F --tools tools.yaml QUESTION",
		"Answers a question with tools: the model thinks, calls a tool or another model, reads the\nresult and goes on until it answers. The answer goes to standard output, what happens on the\nway and the table of costs to standard error. - as QUESTION is standard input.")
	f.model.add(fs, 1)
	fs.StringVar(&f.tools, "tools", "", "tools.yaml, or a JSON file with mcpServers")
	fs.StringVar(&f.profile, "profile", "chat", "protocol between model and tools: "+strings.Join(profile.Names(), ", "))
	fs.StringVar(&f.system, "system", "", "system message, for the protocols that have none of their own")
	fs.Float64Var(&f.budget.USD, "budget-usd", 0, "dollars that the run may cost; 0 is no limit")
	fs.Float64Var(&f.budget.Seconds, "budget-seconds", 0, "seconds that the run may take; 0 is no limit")
	fs.StringVar(&f.prefer, "prefer", "", "how you want it done, in words: cheap, without web search, …")
	fs.StringSliceVar(&f.allow, "allow", nil, "only these tools: names, patterns, or tool:model")
	fs.StringSliceVar(&f.deny, "deny", nil, "not these tools")
	fs.Float64Var(&f.maxPrice, "max-price", 0, "only tools whose calls cost this many dollars at most; 0 is no cap")
	fs.DurationVar(&f.maxTime, "max-latency", 0, "only tools that typically take no longer; 0 is no cap")
	fs.IntVar(&f.rounds, "max-rounds", 0, "turns of the model at most; 0 is 50")
	fs.IntVarP(&f.tokens, "tokens", "n", 0, "most tokens of one turn; 0 is what the protocol says")
	fs.StringVar(&f.require, "require", "", "the first turn must call this tool, or any of them")
	fs.StringVar(&f.approve, "approve", "ask", "calls that need approval: ask at the terminal, or deny them; auto agrees to all")
	fs.StringVar(&f.trace, "trace", "", "write a trace of the run to this file, as JSON lines")
	fs.StringVar(&f.grants, "grants", "", "file that remembers the descriptions of MCP tools agreed to: a changed one must be approved again")
	fs.Float64Var(&f.price.PerSecond, "price-second", 0, "dollars that a second of this machine costs, for the model's own turns")
	fs.Float64Var(&f.price.Input, "price-input", 0, "dollars that a token of the model's prompts costs")
	fs.Float64Var(&f.price.Output, "price-output", 0, "dollars that a token of the model's turns costs")
	fs.BoolVar(&f.noThink, "no-think", false, "switch the model's thinking off")
	fs.BoolVar(&f.json, "json", false, "print answer, calls and costs as one JSON object")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "print nothing but the answer")
	f.sampling.add(fs)
	if code, done := parseFlags(fs, args, 1, 1); done {
		return code
	}
	p, err := profile.Named(f.profile)
	if err = cmp.Or(err, f.check()); err != nil {
		return usageError(fs, "%v", err)
	}
	question := fs.Arg(0)
	if question == "-" {
		b, err := readArgument(ctx, "-")
		if err != nil {
			return failed("orchestrate", err)
		}
		question = string(b)
	}
	if err := validUTF8("QUESTION", question); err != nil {
		return failed("orchestrate", err)
	}
	if err := f.run(ctx, p, orchestrate.Question{Text: question, System: f.system}); err != nil {
		return failed("orchestrate", err)
	}
	return exitOK
}

// check reports wrong usage.
func (f *orchestrateFlags) check() error {
	switch {
	case f.tools == "":
		return errors.New("--tools names no file")
	case f.approve != "ask" && f.approve != "deny" && f.approve != "auto":
		return fmt.Errorf("--approve is %q, want ask, deny or auto", f.approve)
	case !(f.maxPrice >= 0) || f.maxTime < 0 || f.rounds < 0 || f.tokens < 0:
		return errors.New("--max-price, --max-latency, --max-rounds and --tokens must not be negative")
	case !(f.price.PerSecond >= 0) || !(f.price.Input >= 0) || !(f.price.Output >= 0):
		return errors.New("--price-second, --price-input and --price-output must not be negative")
	}
	return cmp.Or(f.budget.Check(), f.model.check(), f.sampling.check())
}

// run opens tools and model and answers the question.
func (f *orchestrateFlags) run(ctx context.Context, p orchestrate.Profile, q orchestrate.Question) (err error) {
	config, err := tools.Load(f.tools)
	if err != nil {
		return err
	}
	progress := f.progress()
	for _, note := range config.Notes {
		fmt.Fprintln(progress, note)
	}
	set, err := config.Open(ctx, f.env(progress))
	if err != nil {
		return err
	}
	defer set.Close()
	m, err := load(ctx, &f.model, 0)
	if err != nil {
		return err
	}
	defer m.close()
	b, err := openai.NewBackend(m.ck, m.engine, openai.ModelOptions{File: f.model.model, Context: m.context})
	if err != nil {
		return err
	}
	opt := orchestrate.Options{Budget: f.budget, Prefer: f.prefer, MaxRounds: f.rounds, MaxTokens: f.tokens, Sampling: f.sampling.settings(),
		Selection: orchestrate.Selection{Allow: f.allow, Deny: f.deny, MaxPrice: f.maxPrice, MaxLatency: f.maxTime}}
	switch f.require {
	case "":
	case "any":
		opt.Choice.Mode = orchestrate.ChooseRequired
	default:
		opt.Choice = orchestrate.Choice{Mode: orchestrate.ChooseNamed, Name: f.require}
	}
	if f.noThink {
		off := false
		opt.Thinking = &off
	}
	if f.trace != "" {
		file, err := os.OpenFile(f.trace, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		defer func() { err = cmp.Or(err, file.Close()) }()
		opt.Trace = file
	}
	grants, err := readGrants(f.grants)
	if err != nil {
		return err
	}
	tracer, stopTracing, err := telemetry.Open(ctx, os.Getenv, version())
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, stopTracing()) }()
	r := orchestrate.Runner{Tracer: tracer, Policy: &local.Policy{Backend: b}, Model: b.Names[0], Price: f.price, Tokenizer: b.Tokenizer, Context: b.Context,
		Profile: p, Tools: set.Tools(), Secrets: set.Secrets(), Approve: f.approver(), Grants: grants}
	run, err := r.Run(ctx, q, opt, func(e orchestrate.Event) { printEvent(progress, e) })
	if run == nil {
		return err
	}
	return f.report(run, progress, cmp.Or(err, writeGrants(f.grants, grants)))
}

// readGrants reads what was agreed to in earlier runs; a file that is not there
// yet holds nothing.
func readGrants(name string) (*orchestrate.Grants, error) {
	g := &orchestrate.Grants{}
	if name == "" {
		return g, nil
	}
	b, err := os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) {
		return g, nil
	}
	if err == nil {
		err = json.Unmarshal(b, g)
	}
	if err != nil {
		return nil, fmt.Errorf("--grants %s: %w", name, err)
	}
	return g, nil
}

// writeGrants replaces the file as a whole.
func writeGrants(name string, g *orchestrate.Grants) error {
	if name == "" {
		return nil
	}
	b, err := json.Marshal(g)
	if err == nil {
		err = os.WriteFile(name+".new", append(b, '\n'), 0o600)
	}
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	return err
}

// progress is where people read what happens.
func (f *orchestrateFlags) progress() io.Writer {
	if f.quiet {
		return io.Discard
	}
	return os.Stderr
}

// env is what the tools run in.
func (f *orchestrateFlags) env(log io.Writer) tools.Env {
	return tools.Env{Code: codeRunner{}, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))}
}

// report prints what came of the run. A run without an answer has failed.
func (f *orchestrateFlags) report(run *orchestrate.Run, progress io.Writer, err error) error {
	if err == nil && run.Answer == "" {
		err = fmt.Errorf("no answer: the run ended by %s", run.Finish)
	}
	if f.json {
		out := runReport{Run: run.ID, Profile: run.Profile, Answer: run.Answer, Finish: run.Finish, Forced: run.Forced, Rounds: run.Rounds,
			Calls: run.Calls, Costs: run.Ledger.By(nil), USD: run.Ledger.Cost().USD, Seconds: run.Wall.Seconds(), Warnings: run.Warnings}
		if err != nil {
			out.Error = err.Error()
		}
		b, jerr := json.Marshal(out)
		if jerr != nil {
			return jerr
		}
		fmt.Println(string(b))
		return err
	}
	for _, w := range run.Warnings {
		fmt.Fprintln(progress, "warning:", w)
	}
	if run.Answer != "" {
		fmt.Println(run.Answer)
	}
	return cmp.Or(err, run.WriteTable(progress))
}

// runReport is the JSON of a run.
type runReport struct {
	Run      string                   `json:"run"`
	Profile  string                   `json:"profile"`
	Answer   string                   `json:"answer"`
	Finish   string                   `json:"finish"`
	Forced   string                   `json:"forced,omitempty"`
	Rounds   int                      `json:"rounds"`
	Calls    []orchestrate.CallRecord `json:"calls"`
	Costs    []orchestrate.Sum        `json:"costs"`
	USD      float64                  `json:"usd"`
	Seconds  float64                  `json:"seconds"`
	Warnings []string                 `json:"warnings,omitempty"`
	Error    string                   `json:"error,omitempty"`
}

// printEvent tells of one event in a line.
func printEvent(w io.Writer, e orchestrate.Event) {
	switch e.Kind {
	case orchestrate.RoundStarted:
		if e.Text != "" {
			fmt.Fprintf(w, "[%d] the answer must come now: %s\n", e.Round, e.Text)
		}
	case orchestrate.TurnEnded:
		fmt.Fprintf(w, "[%d] %d tokens in, %d out (%d thinking), %.1f s\n", e.Round, e.Turn.Usage.Input, e.Turn.Usage.Output, e.Turn.Usage.Think, e.Seconds)
	case orchestrate.RoundLost:
		fmt.Fprintf(w, "[%d] lost: %s\n", e.Round, e.Text)
	case orchestrate.CallStarted:
		fmt.Fprintf(w, "[%d] %s %s\n", e.Round, e.Call.Name, oneLine(e.Call.Arguments))
	case orchestrate.CallEnded:
		fmt.Fprintf(w, "[%d] %s: %s (%.1f s, $%.6f)\n", e.Round, e.Call.Name, oneLine(e.Text), e.Seconds, e.USD)
	}
}

// oneLine is the beginning of s as one line for a terminal.
func oneLine(s string) string {
	const most = 160
	s = strings.Join(strings.Fields(s), " ")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// approver decides about calls that need approval.
func (f *orchestrateFlags) approver() orchestrate.Approver {
	switch {
	case f.approve == "auto":
		return func(context.Context, orchestrate.ApprovalQuestion) orchestrate.ApprovalAnswer {
			return orchestrate.ApprovalAnswer{Approve: true}
		}
	case f.approve == "deny" || !isTerminal(os.Stdin):
		return nil
	}
	return (&terminal{lines: make(chan string)}).ask
}

// terminal asks one question after the other.
type terminal struct {
	mu    sync.Mutex
	start sync.Once
	lines chan string
}

func (t *terminal) ask(ctx context.Context, q orchestrate.ApprovalQuestion) orchestrate.ApprovalAnswer {
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil {
		return orchestrate.ApprovalAnswer{}
	}
	t.start.Do(func() {
		go func() {
			defer close(t.lines)
			for s := bufio.NewScanner(os.Stdin); s.Scan(); {
				t.lines <- s.Text()
			}
		}()
	})
	fmt.Fprintf(os.Stderr, "%s %s\n%s. Allow? y(es), a(lways in this run), anything else is no: ", q.Tool, oneLine(string(q.Arguments)), oneLine(q.Reason))
	select {
	case <-ctx.Done():
		fmt.Fprintln(os.Stderr, "no answer in time")
		return orchestrate.ApprovalAnswer{Message: "nobody answered in time"}
	case s := <-t.lines:
		switch strings.ToLower(strings.TrimSpace(s)) {
		case "y", "yes":
			return orchestrate.ApprovalAnswer{Approve: true}
		case "a", "always":
			return orchestrate.ApprovalAnswer{Approve: true, Remember: true}
		}
		return orchestrate.ApprovalAnswer{Message: "the user said no"}
	}
}
