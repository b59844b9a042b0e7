package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"orchrt/orchestrate"
	"orchrt/orchestrate/local"
	"orchrt/orchestrate/openai"
	"orchrt/orchestrate/profile"
	"orchrt/runtime/checkpoint"
)

// runReplay plays a trace again.
func runReplay(_ context.Context, args []string) int {
	fs := newFlags("replay", "--model F TRACE.jsonl",
		"Plays the trace of a run again, as orchestrate --trace and serve --trace-dir write them: makes the\nprompt of every turn out of what the model and the tools gave then, without running either, and\nchecks that it is the same byte for byte. The model's file gives tokenizer and template. Prints the\nanswer; what was replayed goes to standard error.")
	model := fs.StringP("model", "m", "", "the model's file")
	prompts := fs.Bool("prompts", false, "print the prompts in place of the answer, a JSON string each line")
	if code, done := parseFlags(fs, args, 1, 1); done {
		return code
	}
	if *model == "" {
		return usageError(fs, "--model names no file")
	}
	if err := replay(*model, fs.Arg(0), *prompts, os.Stdout); err != nil {
		return failed("replay", err)
	}
	return exitOK
}

// offline is the policy of a model that renders and does not run.
func offline(model string) (*local.Policy, error) {
	ck, err := checkpoint.Open(model)
	if err != nil {
		return nil, err
	}
	defer ck.Close()
	b, err := openai.NewBackend(ck, nil, openai.ModelOptions{File: model})
	if err != nil {
		return nil, err
	}
	return &local.Policy{Backend: b}, nil
}

func replay(model, trace string, prompts bool, out io.Writer) error {
	f, err := os.Open(trace)
	if err != nil {
		return err
	}
	defer f.Close()
	p, err := offline(model)
	if err != nil {
		return err
	}
	got, err := orchestrate.Replay(f, orchestrate.ReplayOptions{Profile: profile.Named, Tokenizer: p.Backend.Tokenizer, Render: p.Render})
	if err != nil {
		return fmt.Errorf("%s: %w", trace, err)
	}
	fmt.Fprintf(os.Stderr, "%s: %d prompts, the same as in the trace; it ended by %s\n", got.Run, len(got.Prompts), got.Finish)
	if !prompts {
		_, err = fmt.Fprintln(out, got.Answer)
		return err
	}
	for _, text := range got.Prompts {
		b, err := openai.Marshal(text)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n", b); err != nil {
			return err
		}
	}
	return nil
}
