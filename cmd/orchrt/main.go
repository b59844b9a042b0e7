// Command orchrt runs Qwen3-family language models: it serves them over HTTP,
// generates text on the command line, and looks into model files.
//
// Every subcommand stands in its own file, as a function that takes the
// arguments after its name and returns the exit status: 0 done, 1 failed,
// 2 wrong usage.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"orchrt/orchestrate/sandbox"
)

// release is the version of this source tree.
const release = "0.1.0"

// command is one subcommand.
type command struct {
	name    string
	args    string // synopsis of the arguments
	summary string
	run     func(ctx context.Context, args []string) int
}

// commands is the table of subcommands, in the order help prints them.
func commands() []command {
	return []command{
		{"serve", "--model F", "answer OpenAI requests over HTTP", runServe},
		{"generate", "--model F [-p TEXT]", "continue a prompt on the command line", runGenerate},
		{"orchestrate", "--model F --tools tools.yaml QUESTION", "answer a question with tools", runOrchestrate},
		{"replay", "--model F TRACE.jsonl", "play the trace of a run again, byte for byte", runReplay},
		{"bench", "--model F", "measure prefill, decoding and memory bandwidth", runBench},
		{"inspect", "F", "show what a model file holds", runInspect},
		{"tokenize", "--model F", "text to token ids and back, as JSON lines", runTokenize},
		{"render", "--model F REQUEST.json", "the exact prompt text of a chat request", runRender},
		{"logits", "--model F --tokens IDS.txt --out OUT.npy", "logits of given token ids", runLogits},
		{"tools", "check tools.yaml", "try the tools that a configuration describes", runTools},
		{"constrain", "--model F --in CASES.jsonl", "score the constrained decoder without a model run", runConstrain},
		{"synth", "--preset P --type T -o F", "write a model of random weights", runSynth},
	}
}

func main() {
	sandbox.Main() // does not return in a process that the sandbox starts
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() { // after the first signal the default holds again: a second one ends the process
		<-ctx.Done()
		stop()
	}()
	code := dispatch(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// dispatch runs the subcommand that args name and returns the exit status.
func dispatch(ctx context.Context, args []string) int {
	if len(args) == 0 {
		printHelp(os.Stderr)
		return exitUsage
	}
	switch args[0] {
	case "help", "--help", "-h":
		if len(args) > 1 && args[0] == "help" {
			return dispatch(ctx, []string{args[1], "--help"})
		}
		printHelp(os.Stdout)
		return exitOK
	case "version", "--version":
		fmt.Println("orchrt", version())
		return exitOK
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:])
		}
	}
	fmt.Fprintf(os.Stderr, "orchrt: there is no command %q; orchrt help lists them\n", args[0])
	return exitUsage
}

// printHelp writes the list of subcommands.
func printHelp(w io.Writer) {
	fmt.Fprint(w, "orchrt runs Qwen3-family language models.\n\nUsage: orchrt COMMAND [flags]\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-11s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "  help        this text, or that of a command: orchrt help serve\n",
		"  version     the version of this program\n\n",
		"Every flag can be set by an environment variable: --model by ORCHRT_MODEL.\n",
		"Exit status: 0 done, 1 failed, 2 wrong usage.\n")
}

// version is the release and, where the build knows it, the commit.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return release
	}
	v := release
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 8:
			v += "+" + s.Value[:8]
		case s.Key == "vcs.modified" && s.Value == "true":
			v += ".modified"
		}
	}
	return v
}
