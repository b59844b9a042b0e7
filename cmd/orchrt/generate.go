package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
	"unicode/utf8"

	"orchrt/orchestrate/openai"
	"orchrt/sampler/grammar"
	"orchrt/tokenizer/chat"
)

// generateFlags are the flags of generate.
type generateFlags struct {
	model    modelFlags
	sampling samplingFlags
	prompt   string
	given    bool // the prompt is that of -p
	file     string
	system   string
	chat     bool
	raw      bool
	noThink  bool
	tokens   int
	stop     []string
	eos      bool
	schema   string
}

// runGenerate continues a prompt and streams the text to standard output.
func runGenerate(ctx context.Context, args []string) int {
	var f generateFlags
	fs := newFlags("generate", "--model F [-p TEXT | --file F]",
		"Continues a prompt: from -p, from --file, or from standard input. Where the model has a chat\ntemplate the prompt is a user's message, unless --raw is given; otherwise it is the beginning\nof the text. The answer goes to standard output, thinking and speed to standard error.")
	f.model.add(fs, 1)
	fs.StringVarP(&f.prompt, "prompt", "p", "", "the prompt")
	fs.StringVarP(&f.file, "file", "f", "", "read the prompt from this file; - is standard input")
	fs.StringVar(&f.system, "system", "", "system message of the chat")
	fs.BoolVar(&f.chat, "chat", false, "fail where the model has no chat template")
	fs.BoolVar(&f.raw, "raw", false, "continue the text as it is, special tokens' spellings included")
	fs.BoolVar(&f.noThink, "no-think", false, "switch the chat's thinking off")
	fs.IntVarP(&f.tokens, "tokens", "n", 0, "most tokens to generate; 0 is as many as the context has room for")
	fs.StringArrayVar(&f.stop, "stop", nil, "end before this text; may be given several times")
	fs.BoolVar(&f.eos, "ignore-eos", false, "go on after the token that ends a text")
	fs.StringVar(&f.schema, "json-schema", "", "answer with a JSON document of the schema in this file; - is standard input")
	f.sampling.add(fs)
	if code, done := parseFlags(fs, args, 0, 0); done {
		return code
	}
	f.given = fs.Changed("prompt")
	if err := f.check(); err != nil {
		return usageError(fs, "%v", err)
	}
	text, err := f.text(ctx)
	var schema []byte
	if err == nil && f.schema != "" {
		schema, err = readSchema(ctx, f.schema)
	}
	if err == nil {
		err = generate(ctx, &f, text, schema)
	}
	if err != nil {
		return failed("generate", err)
	}
	return exitOK
}

// check reports wrong usage.
func (f *generateFlags) check() error {
	switch {
	case f.given && f.file != "":
		return errors.New("give either -p or --file")
	case f.raw && (f.chat || f.system != "" || f.noThink || f.schema != ""):
		return errors.New("--raw goes with none of --chat, --system, --no-think and --json-schema")
	case f.schema == "-" && !f.given && (f.file == "" || f.file == "-"):
		return errors.New("standard input is the prompt: --json-schema needs a file")
	case f.tokens < 0:
		return fmt.Errorf("-n is %d, want a number of tokens", f.tokens)
	case slices.Contains(f.stop, ""):
		return errors.New("--stop is empty: every text would end at once")
	}
	return cmp.Or(f.model.check(), f.sampling.check())
}

// text is the prompt's text.
func (f *generateFlags) text(ctx context.Context) (string, error) {
	if f.given {
		return f.prompt, validUTF8("-p", f.prompt)
	}
	name := f.file
	if name == "" {
		name = "-"
	}
	b, err := readArgument(ctx, name)
	if err != nil {
		return "", err
	}
	return string(b), validUTF8("the prompt", string(b))
}

// readSchema reads a JSON Schema.
func readSchema(ctx context.Context, name string) ([]byte, error) {
	b, err := readArgument(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := openai.CheckJSON(b); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return b, nil
}

// validUTF8 names the place where s is not UTF-8.
func validUTF8(what, s string) error {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return fmt.Errorf("%s is not UTF-8 at byte %d", what, i)
			}
		}
	}
	return nil
}

// generate loads the model and runs one job.
func generate(ctx context.Context, f *generateFlags, text string, schema []byte) error {
	m, err := load(ctx, &f.model, 0)
	if err != nil {
		return err
	}
	defer m.close()
	b, err := openai.NewBackend(m.ck, m.engine, openai.ModelOptions{File: f.model.model, Context: m.context})
	if err != nil {
		return err
	}
	job, jerr := f.job(ctx, b, text, schema)
	if jerr != nil {
		return jerr
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return printJob(ctx, job)
}

// job is the chat or the completion that the flags ask for.
func (f *generateFlags) job(ctx context.Context, b *openai.Backend, text string, schema []byte) (*openai.Job, *openai.Error) {
	settings := f.sampling.settings()
	if f.eos {
		settings.IgnoreEOS = &f.eos
	}
	limits := openai.Limits{MaxTokens: f.tokens, MaxField: "-n", Stop: f.stop}
	if f.raw || b.Template == nil && !f.chat && schema == nil {
		if f.system != "" {
			return nil, &openai.Error{Message: "the model has no chat template: --system has no place to go"}
		}
		return b.Completion(ctx, &openai.CompletionRequest{Model: b.Names[0], Prompts: []openai.PromptInput{{Text: text}}, N: 1,
			Sampling: settings, Limits: limits})
	}
	req := &openai.ChatRequest{Model: b.Names[0], N: 1, Sampling: settings, Limits: limits}
	if schema != nil {
		req.Turn.Response = &grammar.Response{Schema: schema, Strict: true}
	}
	if f.noThink {
		off := false
		req.Thinking = &off
	}
	if f.system != "" {
		req.Messages = append(req.Messages, chat.Message{Role: "system", Content: chat.Text(f.system)})
	}
	req.Messages = append(req.Messages, chat.Message{Role: "user", Content: chat.Text(text)})
	return b.Chat(ctx, req)
}

// printJob prints the events of a job with one choice.
func printJob(ctx context.Context, job *openai.Job) error {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	thinking := false
	for e := range job.Run(ctx) {
		var err error
		switch e.Kind {
		case openai.TextAdded:
			if thinking {
				thinking = false
				io.WriteString(os.Stderr, "\n\n")
			}
			out.WriteString(e.Text)
			err = out.Flush()
		case openai.ReasoningAdded:
			thinking = true
			_, err = io.WriteString(os.Stderr, e.Text)
		case openai.Failed:
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return errors.Join(e.Err, e.Err.Cause)
		case openai.Finished:
			out.WriteString("\n")
			err = out.Flush()
			printSpeed(e.Choice)
		}
		if err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// printSpeed prints what a finished choice took.
func printSpeed(c *openai.Choice) {
	n := len(c.Request.Prompt)
	fmt.Fprintf(os.Stderr, "prompt: %d tokens in %v, %.1f tokens/s; ", n, c.First.Round(time.Millisecond), float64(n)/c.First.Seconds())
	fmt.Fprintf(os.Stderr, "generated: %d tokens in %v", c.Generated, c.Last.Round(time.Millisecond))
	if took := (c.Last - c.First).Seconds(); c.Generated > 1 && took > 0 {
		fmt.Fprintf(os.Stderr, ", %.1f tokens/s", float64(c.Generated-1)/took)
	}
	fmt.Fprintf(os.Stderr, "; finish: %s\n", c.Finish)
}
