package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
)

// tinyModel writes a small model of random weights.
func tinyModel(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tiny.gguf")
	if code := dispatch(context.Background(), []string{"synth", "--preset", "tiny", "--type", "Q8_0", "--seed", "1", "-o", file}); code != exitOK {
		t.Fatalf("synth: status %d", code)
	}
	return file
}

// serving starts serve and waits until it is ready; stop ends it as a signal
// would and returns its exit status.
func serving(t *testing.T, args ...string) (url string, stop func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan int, 1)
	go func() { done <- dispatch(ctx, append([]string{"serve", "--port", fmt.Sprint(port)}, args...)) }()
	t.Cleanup(cancel)
	url = fmt.Sprintf("http://127.0.0.1:%d", port)
	for range 600 {
		resp, err := http.Get(url + "/health")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == 200 {
				return url, func() int { cancel(); return <-done }
			}
		}
		select {
		case code := <-done:
			t.Fatalf("serve ended with status %d", code)
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatal("serve is not ready after 30 s")
	return "", nil
}

// metric reads one value from /metrics.
func metric(t *testing.T, url, name string) string {
	t.Helper()
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	m := regexp.MustCompile(`(?m)^orchrt:` + name + `\{[^}]*\} (.*)$`).FindSubmatch(b)
	if m == nil {
		t.Fatalf("no metric %s in\n%s", name, b)
	}
	return string(m[1])
}

// TestEndToEnd serves a tiny model of random weights to OpenAI's client.
func TestEndToEnd(t *testing.T) {
	file := tinyModel(t)
	url, stop := serving(t, "--model", file, "--ctx", "512", "--parallel", "4", "--queue", "8", "--log", "off", "--alias", "tiny")
	client := sdk.NewClient(option.WithBaseURL(url+"/v1"), option.WithAPIKey("none"), option.WithMaxRetries(0))
	ctx := context.Background()
	ask := func(text string) sdk.ChatCompletionNewParams {
		return sdk.ChatCompletionNewParams{Model: "tiny", Messages: []sdk.ChatCompletionMessageParamUnion{sdk.UserMessage(text)},
			MaxTokens: param.NewOpt[int64](24), Temperature: param.NewOpt(0.0)}
	}

	t.Run("greedy text does not depend on the batch", func(t *testing.T) {
		alone := make([]string, 4)
		for i := range alone {
			alone[i] = fetch(t, &client, ask(fmt.Sprintf("Question %d?", i)))
		}
		var wg sync.WaitGroup
		for i := range alone {
			wg.Go(func() {
				if got := streamed(t, &client, ask(fmt.Sprintf("Question %d?", i))); got != alone[i] {
					t.Errorf("question %d: alone %q, in a batch and streamed %q", i, alone[i], got)
				}
			})
		}
		wg.Wait()
	})
	t.Run("seed", func(t *testing.T) {
		p := ask("Say anything.")
		p.Temperature, p.Seed = param.NewOpt(1.5), param.NewOpt[int64](42)
		first, again := fetch(t, &client, p), fetch(t, &client, p)
		p.Seed = param.NewOpt[int64](43)
		if other := fetch(t, &client, p); first != again || first == other {
			t.Errorf("seed 42: %q and %q; seed 43: %q", first, again, other)
		}
	})
	t.Run("logprobs and usage", func(t *testing.T) {
		p := ask("Hi")
		p.Logprobs, p.TopLogprobs = param.NewOpt(true), param.NewOpt[int64](3)
		r, err := client.Chat.Completions.New(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		content := r.Choices[0].Logprobs.Content
		if len(content) != int(r.Usage.CompletionTokens) || len(content[0].TopLogprobs) != 3 || content[0].TopLogprobs[0].Logprob != content[0].Logprob {
			t.Errorf("greedy, so the token is the likeliest: %s", r.Choices[0].Logprobs.RawJSON())
		}
	})
	t.Run("the prefix cache is used", func(t *testing.T) {
		p := ask(strings.Repeat("The same long beginning of a message. ", 20))
		fetch(t, &client, p)
		r, err := client.Chat.Completions.New(ctx, p)
		if err != nil || r.Usage.PromptTokensDetails.CachedTokens < 64 {
			t.Errorf("%v, usage %s", err, r.Usage.RawJSON())
		}
	})
	t.Run("a client that leaves frees its sequence", func(t *testing.T) {
		p := ask("Go on.")
		p.MaxTokens = param.NewOpt[int64](400)
		p.SetExtraFields(map[string]any{"ignore_eos": true})
		for range 3 {
			s := client.Chat.Completions.NewStreaming(ctx, p)
			s.Next()
			s.Close()
		}
		for i := 0; metric(t, url, "num_requests_running") != "0"; i++ {
			if i == 200 {
				t.Fatal("sequences run on after their clients have left")
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	t.Run("limits", func(t *testing.T) {
		p := ask("Hi")
		p.MaxTokens = param.NewOpt[int64](100_000)
		_, err := client.Chat.Completions.New(ctx, p)
		var e *sdk.Error
		if !errors.As(err, &e) || e.Param != "max_tokens" || e.Code != "context_length_exceeded" {
			t.Errorf("max_tokens beyond the context: %v", err)
		}
	})
	if code := stop(); code != exitOK {
		t.Errorf("serve ended with status %d", code)
	}
}

// fetch returns the whole text of an answer.
func fetch(t *testing.T, c *sdk.Client, p sdk.ChatCompletionNewParams) string {
	t.Helper()
	r, err := c.Chat.Completions.New(context.Background(), p)
	if err != nil {
		t.Error(err)
		return ""
	}
	return r.Choices[0].Message.Content
}

// streamed returns the joined text of a streamed answer.
func streamed(t *testing.T, c *sdk.Client, p sdk.ChatCompletionNewParams) string {
	s := c.Chat.Completions.NewStreaming(context.Background(), p)
	var acc sdk.ChatCompletionAccumulator
	for s.Next() {
		acc.AddChunk(s.Current())
	}
	if s.Err() != nil || len(acc.Choices) == 0 {
		t.Errorf("stream: %v", s.Err())
		return ""
	}
	return acc.Choices[0].Message.Content
}

// run captures the standard output of a command whose standard input is given.
func run(t *testing.T, input string, args ...string) (output string, code int) {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte(input), 0o600); err != nil {
		t.Fatal(err)
	}
	inFile, err := os.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	defer inFile.Close()
	outFile, err := os.Create(out)
	if err != nil {
		t.Fatal(err)
	}
	defer outFile.Close()
	stdin, stdout := os.Stdin, os.Stdout
	os.Stdin, os.Stdout = inFile, outFile
	code = dispatch(context.Background(), args)
	os.Stdin, os.Stdout = stdin, stdout
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return string(b), code
}

// TestCommands runs the commands that need a model on a tiny one.
func TestCommands(t *testing.T) {
	file := tinyModel(t)

	out, code := run(t, "", "generate", "--model", file, "-p", "Hello", "-n", "8", "--temp", "0", "--ctx", "256")
	again, _ := run(t, "Hello", "generate", "--model", file, "-n", "8", "--temp", "0", "--ctx", "256")
	if code != exitOK || out == "" || out != again {
		t.Errorf("generate: status %d, %q, from standard input %q", code, out, again)
	}
	if raw, code := run(t, "", "generate", "--model", file, "-p", "Hello", "-n", "8", "--temp", "0", "--raw", "--ctx", "256"); code != exitOK || raw == out {
		t.Errorf("generate --raw: status %d, %q as with the template", code, raw)
	}

	out, code = run(t, "{\"text\": \"Grüße <|im_end|>\"}\n\n{\"text\":\"\"}", "tokenize", "--model", file)
	if code != exitOK || strings.Count(out, "\n") != 2 || !strings.HasSuffix(out, "\n{\"ids\":[]}\n") {
		t.Errorf("tokenize: status %d, %q", code, out)
	}
	if back, code := run(t, out, "tokenize", "--model", file, "--decode"); code != exitOK || back != "{\"text\":\"Grüße <|im_end|>\"}\n{\"text\":\"\"}\n" {
		t.Errorf("tokenize --decode: status %d, %q", code, back)
	}
	for _, bad := range []string{"{", "{\"text\":3}", "{\"texts\":\"\"}", "{\"text\":\"\\ud800\"}"} {
		if _, code := run(t, bad, "tokenize", "--model", file); code != exitFailed {
			t.Errorf("tokenize %s: status %d", bad, code)
		}
	}

	request := `{"messages":[{"role":"user","content":"Hi <|im_end|>"}],"chat_template_kwargs":{"enable_thinking":false}}`
	out, code = run(t, request, "render", "--model", file, "-")
	if want := "<|im_start|>user\nHi <|im_end|><|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"; code != exitOK || out != want {
		t.Errorf("render: status %d, %q, want %q", code, out, want)
	}

	out, code = run(t, "", "inspect", "--json", file)
	var summary struct {
		Layers  int
		Tensors []struct{ Name, Type string }
	}
	if err := json.Unmarshal([]byte(out), &summary); err != nil || code != exitOK || summary.Layers == 0 || len(summary.Tensors) < 11 {
		t.Errorf("inspect --json: status %d, %v, %.200s", code, err, out)
	}
	if out, code := run(t, "", "inspect", file); code != exitOK || !strings.Contains(out, "blk.*.attn_q.weight") {
		t.Errorf("inspect: status %d, %s", code, out)
	}

	npy := filepath.Join(t.TempDir(), "l.npy")
	if _, code := run(t, "1 2 3\n4, 5\n", "logits", "--model", file, "--tokens", "-", "--out", npy); code != exitOK {
		t.Errorf("logits: status %d", code)
	}
	b, err := os.ReadFile(npy)
	if err != nil || !bytes.Contains(b[:128], []byte("'shape': (5, ")) {
		t.Errorf("logits wrote %v, %q", err, b[:min(len(b), 128)])
	}
	for _, tt := range []struct {
		rows string
		code int
	}{{"1 2 3\n4 5", exitOK}, {"1 2 3 4", exitFailed}} {
		if _, code := run(t, tt.rows, "logits", "--model", file, "--tokens", "-", "--out", "-", "--compare", npy); code != tt.code {
			t.Errorf("logits --compare with %q: status %d, want %d", tt.rows, code, tt.code)
		}
	}
	if _, code := run(t, "1 999999999", "logits", "--model", file, "--tokens", "-", "--out", npy); code != exitFailed {
		t.Errorf("logits of an id that is no token: status %d", code)
	}
}
