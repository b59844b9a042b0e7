// Command demo shows the main job end to end: it starts "orchrt serve" with a
// model, sends one streamed chat request as any OpenAI client would, prints the
// answer as it comes and its speed, and stops the server.
//
//	go run ./testdata/demo [-n TOKENS] [-prompt TEXT] ORCHRT MODEL
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
)

func main() {
	tokens := flag.Int64("n", 64, "most `tokens` to generate")
	prompt := flag.String("prompt", "What can you do?", "the user's `text`")
	flag.Parse()
	if flag.NArg() != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo [-n TOKENS] [-prompt TEXT] ORCHRT MODEL")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, flag.Arg(0), flag.Arg(1), *prompt, *tokens)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run starts the server, makes the request and stops the server.
func run(ctx context.Context, binary, model, prompt string, tokens int64) (err error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	port, err := freePort()
	if err != nil {
		return err
	}
	server := exec.CommandContext(ctx, binary, "serve", "--model", model, "--host", "127.0.0.1", "--port", strconv.Itoa(port), "--log", "off")
	server.Stderr = os.Stderr
	server.Cancel = func() error { return server.Process.Signal(syscall.SIGTERM) }
	server.WaitDelay = 20 * time.Second
	if err := server.Start(); err != nil {
		return fmt.Errorf("starting the server: %w", err)
	}
	exited := make(chan error, 1)
	ctx, lost := context.WithCancel(ctx) // ends the request if the server ends first
	go func() { exited <- server.Wait(); lost() }()
	defer func() {
		server.Process.Signal(syscall.SIGTERM) // fails only if it has ended
		if e := <-exited; e != nil {
			err = errors.Join(fmt.Errorf("the server: %w", e), err)
		}
	}()

	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	if err := ready(ctx, url+"/health"); err != nil {
		return err
	}
	client := openai.NewClient(option.WithBaseURL(url+"/v1"), option.WithAPIKey("none"), option.WithMaxRetries(0))
	models, err := client.Models.List(ctx)
	if err != nil {
		return fmt.Errorf("listing the models: %w", err)
	}
	if len(models.Data) == 0 {
		return errors.New("the server lists no model")
	}
	return chat(ctx, client, models.Data[0].ID, prompt, tokens)
}

// freePort returns a TCP port that nothing listened on a moment ago.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// ready waits until the server says that it is well, which is once the model is
// loaded.
func ready(ctx context.Context, url string) error {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(resp.Status)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server did not come up: %w", errors.Join(ctx.Err(), err))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// chat streams one answer and prints it with its speed.
func chat(ctx context.Context, client openai.Client, model, prompt string, tokens int64) error {
	fmt.Printf("POST /v1/chat/completions, model %s, stream\nuser: %s\nassistant: ", model, prompt)
	start := time.Now()
	stream := client.Chat.Completions.NewStreaming(ctx, openai.ChatCompletionNewParams{
		Model:         model,
		Messages:      []openai.ChatCompletionMessageParamUnion{openai.UserMessage(prompt)},
		MaxTokens:     openai.Int(tokens),
		Seed:          openai.Int(1),
		StreamOptions: openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)},
	})
	defer stream.Close()
	var first, last time.Duration
	var usage openai.CompletionUsage
	chunks := 0
	for stream.Next() {
		chunk := stream.Current()
		if chunk.Usage.TotalTokens > 0 {
			usage = chunk.Usage
		}
		if len(chunk.Choices) == 0 || chunk.Choices[0].Delta.Content == "" {
			continue
		}
		if last = time.Since(start); chunks == 0 {
			first = last
		}
		chunks++
		fmt.Printf("%s", chunk.Choices[0].Delta.Content)
	}
	fmt.Println()
	if err := stream.Err(); err != nil {
		return fmt.Errorf("the stream: %w", err)
	}
	if chunks < 2 || usage.CompletionTokens < 2 {
		return fmt.Errorf("the stream held %d pieces of text and %d tokens, want several", chunks, usage.CompletionTokens)
	}
	fmt.Printf("\n%d prompt tokens, first text after %.0f ms; %d tokens, %.1f tokens/s\n", usage.PromptTokens,
		float64(first.Microseconds())/1e3, usage.CompletionTokens, float64(usage.CompletionTokens-1)/(last-first).Seconds())
	return nil
}
