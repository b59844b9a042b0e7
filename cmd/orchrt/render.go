package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"orchrt/orchestrate/openai"
	"orchrt/runtime/checkpoint"
)

// runRender prints the prompt of a chat-completions request.
func runRender(ctx context.Context, args []string) int {
	fs := newFlags("render", "--model F REQUEST.json",
		"Prints the exact prompt text that a chat-completions request becomes, with no line feed added.\nOf the request, messages, tools and what concerns the template are read. REQUEST.json may be -\nfor standard input.")
	model := fs.StringP("model", "m", "", "the model's file")
	asJSON := fs.Bool("json", false, "print {\"prompt\": …, \"ids\": […]}")
	if code, done := parseFlags(fs, args, 1, 1); done {
		return code
	}
	if *model == "" {
		return usageError(fs, "--model names no file")
	}
	body, err := readArgument(ctx, fs.Arg(0))
	if err == nil {
		err = render(ctx, *model, body, *asJSON, os.Stdout)
	}
	if err != nil {
		return failed("render", err)
	}
	return exitOK
}

// render writes the prompt of the request body.
func render(ctx context.Context, model string, body []byte, asJSON bool, w io.Writer) error {
	ck, err := checkpoint.Open(model)
	if err != nil {
		return err
	}
	defer ck.Close()
	b, err := openai.NewBackend(ck, nil, openai.ModelOptions{File: model})
	if err != nil {
		return err
	}
	req, rerr := openai.ParsePrompt(body)
	if rerr != nil {
		return rerr
	}
	prompt, ids, rerr := b.ChatPrompt(ctx, req)
	if rerr != nil {
		return rerr
	}
	if !asJSON {
		_, err = io.WriteString(w, prompt.String())
		return err
	}
	out, err := openai.Marshal(struct {
		Prompt string  `json:"prompt"`
		IDs    []int32 `json:"ids"`
	}{prompt.String(), ids})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", out)
	return err
}
