package server

import (
	"context"
	"errors"
	"testing"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/shared"
)

// client is OpenAI's own client for the test server.
func client(base string, opts ...option.RequestOption) *sdk.Client {
	c := sdk.NewClient(append([]option.RequestOption{option.WithBaseURL(base + "/v1"), option.WithAPIKey("key"), option.WithMaxRetries(0)}, opts...)...)
	return &c
}

func params(text string) sdk.ChatCompletionNewParams {
	return sdk.ChatCompletionNewParams{Model: "test-model", Messages: []sdk.ChatCompletionMessageParamUnion{sdk.UserMessage(text)}}
}

// stream runs a streamed request to its end.
func stream(t *testing.T, c *sdk.Client, p sdk.ChatCompletionNewParams) (sdk.ChatCompletionAccumulator, string) {
	t.Helper()
	s := c.Chat.Completions.NewStreaming(context.Background(), p)
	var acc sdk.ChatCompletionAccumulator
	reasoning := ""
	for s.Next() {
		chunk := s.Current()
		if !acc.AddChunk(chunk) {
			t.Fatalf("the client cannot accumulate %s", chunk.RawJSON())
		}
		for _, c := range chunk.Choices {
			if f, ok := c.Delta.JSON.ExtraFields["reasoning_content"]; ok {
				reasoning += unquoteJSON(t, f.Raw())
			}
		}
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return acc, reasoning
}

// TestChat compares what the client gets whole and as a stream.
func TestChat(t *testing.T) {
	_, hs := start(t, &script{}, Options{})
	c := client(hs.URL)
	tools := []sdk.ChatCompletionToolUnionParam{
		sdk.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "get_weather", Parameters: shared.FunctionParameters{"type": "object"}}),
		sdk.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "get_time"}),
	}
	tests := []struct {
		name, text         string
		change             func(*sdk.ChatCompletionNewParams)
		content, reasoning string
		calls              []string
		finish             string
	}{
		{name: "text", text: "hello", content: "Grüß dich, 世界 👩‍👩‍👧!", finish: "stop"},
		{name: "thinking", text: "think", content: "It is 4.", reasoning: "Let me see.", finish: "stop"},
		{name: "calls", text: "weather", change: func(p *sdk.ChatCompletionNewParams) { p.Tools = tools }, reasoning: "A tool helps.",
			calls: []string{"get_weather", `{"city": "Köln", "days": [1, 2]}`, "get_time", "{}"}, finish: "tool_calls"},
		{name: "one call", text: "weather", change: func(p *sdk.ChatCompletionNewParams) {
			p.Tools, p.ParallelToolCalls = tools, param.NewOpt(false)
		}, reasoning: "A tool helps.", calls: []string{"get_weather", `{"city": "Köln", "days": [1, 2]}`}, finish: "tool_calls"},
		{name: "length", text: "count", change: func(p *sdk.ChatCompletionNewParams) { p.MaxTokens = param.NewOpt[int64](2) }, content: "one two", finish: "length"},
		{name: "stop", text: "count", change: func(p *sdk.ChatCompletionNewParams) {
			p.Stop = sdk.ChatCompletionNewParamsStopUnion{OfStringArray: []string{"x", "ree fo"}}
		}, content: "one two th", finish: "stop"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := params(tt.text)
			if tt.change != nil {
				tt.change(&p)
			}
			whole, err := c.Chat.Completions.New(context.Background(), p)
			if err != nil {
				t.Fatal(err)
			}
			p.StreamOptions.IncludeUsage = param.NewOpt(true)
			acc, reasoning := stream(t, c, p)
			wholeReasoning := ""
			if f, ok := whole.Choices[0].Message.JSON.ExtraFields["reasoning_content"]; ok {
				wholeReasoning = unquoteJSON(t, f.Raw())
			}
			if reasoning != tt.reasoning || wholeReasoning != tt.reasoning {
				t.Errorf("thinking: whole %q, stream %q, want %q", wholeReasoning, reasoning, tt.reasoning)
			}
			for kind, choice := range map[string]sdk.ChatCompletionChoice{"whole": whole.Choices[0], "stream": acc.Choices[0]} {
				if choice.Message.Content != tt.content || string(choice.FinishReason) != tt.finish {
					t.Errorf("%s: %q, finish %q; want %q, %q", kind, choice.Message.Content, choice.FinishReason, tt.content, tt.finish)
				}
				var calls []string
				for _, call := range choice.Message.ToolCalls {
					if call.ID == "" || call.Type != "function" {
						t.Errorf("%s: call without id or type: %+v", kind, call)
					}
					calls = append(calls, call.Function.Name, call.Function.Arguments)
				}
				if !equal(calls, tt.calls) {
					t.Errorf("%s: calls %q, want %q", kind, calls, tt.calls)
				}
			}
			if len(tt.calls) > 0 && whole.Choices[0].Message.JSON.Content.Raw() != "null" {
				t.Errorf("content beside calls is %s, want null", whole.Choices[0].Message.JSON.Content.Raw())
			}
			if u, v := whole.Usage, acc.Usage; u.PromptTokens == 0 || u.CompletionTokens == 0 || u.TotalTokens != u.PromptTokens+u.CompletionTokens ||
				v.PromptTokens != u.PromptTokens || v.CompletionTokens != u.CompletionTokens {
				t.Errorf("usage: whole %s, stream %s", u.RawJSON(), v.RawJSON())
			}
		})
	}
}

// TestChatExtras checks choices, log probabilities, token ids and the sampling
// parameters that come back.
func TestChatExtras(t *testing.T) {
	g := &script{}
	_, hs := start(t, g, Options{})
	p := params("count")
	p.N, p.Seed, p.Temperature = param.NewOpt[int64](3), param.NewOpt[int64](7), param.NewOpt(0.25)
	p.Logprobs, p.TopLogprobs = param.NewOpt(true), param.NewOpt[int64](2)
	p.SetExtraFields(map[string]any{"top_k": 5, "return_token_ids": true})
	r, err := client(hs.URL).Chat.Completions.New(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Choices) != 3 || r.Model != "test-model" || decodeMap(t, r.RawJSON())["system_fingerprint"] != "fp_test" {
		t.Errorf("answer %s", r.RawJSON())
	}
	text := ""
	for _, l := range r.Choices[2].Logprobs.Content {
		text += l.Token
		if len(l.TopLogprobs) != 1 || l.Logprob != -0.5 {
			t.Errorf("log probability %s", l.RawJSON())
		}
	}
	if text != "one two three four five six<|im_end|>" {
		t.Errorf("tokens of the log probabilities: %q", text)
	}
	ext := decodeMap(t, r.JSON.ExtraFields["orchrt"].Raw())
	s := ext["sampling"].(map[string]any)
	if s["seed"] != 7.0 || s["temperature"] != 0.25 || s["top_k"] != 5.0 || s["top_p"] != 0.95 {
		t.Errorf("sampling parameters that come back: %v", s)
	}
	raw := decodeMap(t, r.RawJSON())
	ids := raw["choices"].([]any)[0].(map[string]any)["token_ids"].([]any)
	if len(ids) != int(r.Usage.CompletionTokens)/3 || len(raw["prompt_token_ids"].([]any)) != int(r.Usage.PromptTokens) {
		t.Errorf("%d token ids, usage %s", len(ids), r.Usage.RawJSON())
	}
}

func TestCompletions(t *testing.T) {
	_, hs := start(t, &script{}, Options{})
	c := client(hs.URL)
	p := sdk.CompletionNewParams{Model: "alias", Prompt: sdk.CompletionNewParamsPromptUnion{OfArrayOfStrings: []string{"hello", "count"}},
		MaxTokens: param.NewOpt[int64](100), Echo: param.NewOpt(true)}
	r, err := c.Completions.New(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Choices) != 2 || r.Choices[0].Text != "helloGrüß dich, 世界 👩‍👩‍👧!" || r.Choices[1].Text != "countone two three four five six" {
		t.Errorf("answer %s", r.RawJSON())
	}
	s := c.Completions.NewStreaming(context.Background(), p)
	texts := []string{"", ""}
	for s.Next() {
		for _, ch := range s.Current().Choices {
			texts[ch.Index] += ch.Text
		}
	}
	if s.Err() != nil || texts[0] != r.Choices[0].Text || texts[1] != r.Choices[1].Text {
		t.Errorf("stream %q, %v", texts, s.Err())
	}
	p.Echo, p.Logprobs = param.Opt[bool]{}, param.NewOpt[int64](1)
	if r, err = c.Completions.New(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	l := r.Choices[1].Logprobs
	if len(l.Tokens) != len(l.TokenLogprobs) || len(l.Tokens) != len(l.TextOffset) || l.TextOffset[1] != 3 || l.TopLogprobs[0]["one"] != -0.5 {
		t.Errorf("log probabilities %s", l.RawJSON())
	}
}

func TestModels(t *testing.T) {
	_, hs := start(t, &script{}, Options{})
	c := client(hs.URL)
	page, err := c.Models.List(context.Background())
	if err != nil || len(page.Data) != 2 || page.Data[0].ID != "test-model" {
		t.Errorf("models %+v, %v", page, err)
	}
	if m, err := c.Models.Get(context.Background(), "alias"); err != nil || m.ID != "alias" {
		t.Errorf("model %+v, %v", m, err)
	}
	_, err = c.Models.Get(context.Background(), "nobody")
	var e *sdk.Error
	if !errors.As(err, &e) || e.StatusCode != 404 || e.Code != "model_not_found" {
		t.Errorf("an unknown model: %v", err)
	}
}

// TestErrors checks what the client makes of requests that only the model can
// refuse.
func TestErrors(t *testing.T) {
	_, hs := start(t, &script{}, Options{})
	long := make([]byte, 20_000)
	for i := range long {
		long[i] = "ab "[i%3]
	}
	tests := []struct {
		name   string
		change func(*sdk.ChatCompletionNewParams)
		status int
		param  string
		code   string
	}{
		{"model", func(p *sdk.ChatCompletionNewParams) { p.Model = "gpt-5" }, 404, "model", "model_not_found"},
		{"long prompt", func(p *sdk.ChatCompletionNewParams) { p.Messages = params(string(long)).Messages }, 400, "messages", "context_length_exceeded"},
		{"max_tokens", func(p *sdk.ChatCompletionNewParams) { p.MaxTokens = param.NewOpt[int64](1_000_000) }, 400, "max_tokens", "context_length_exceeded"},
		{"max_completion_tokens", func(p *sdk.ChatCompletionNewParams) { p.MaxCompletionTokens = param.NewOpt[int64](1024) }, 400, "max_completion_tokens", "context_length_exceeded"},
		{"temperature", func(p *sdk.ChatCompletionNewParams) { p.Temperature = param.NewOpt(-1.0) }, 400, "temperature", "invalid_value"},
		{"top_p", func(p *sdk.ChatCompletionNewParams) { p.TopP = param.NewOpt(2.0) }, 400, "top_p", "invalid_value"},
		{"min_p", func(p *sdk.ChatCompletionNewParams) { p.SetExtraFields(map[string]any{"min_p": 2}) }, 400, "min_p", "invalid_value"},
		{"bias", func(p *sdk.ChatCompletionNewParams) { p.LogitBias = map[string]int64{"999999": 1} }, 400, "logit_bias", "invalid_value"},
		{"top_logprobs", func(p *sdk.ChatCompletionNewParams) {
			p.Logprobs, p.TopLogprobs = param.NewOpt(true), param.NewOpt[int64](1_000_000)
		}, 400, "top_logprobs", "invalid_value"},
		{"n", func(p *sdk.ChatCompletionNewParams) { p.N = param.NewOpt[int64](9) }, 400, "n", "invalid_value"},
		{"stop ids", func(p *sdk.ChatCompletionNewParams) {
			p.SetExtraFields(map[string]any{"stop_token_ids": []int{500_000}})
		}, 400, "stop_token_ids", "invalid_value"},
		{"kwargs", func(p *sdk.ChatCompletionNewParams) {
			p.SetExtraFields(map[string]any{"chat_template_kwargs": map[string]any{"messages": []int{}}})
		}, 400, "chat_template_kwargs.messages", "unsupported_parameter"},
	}
	for _, tt := range tests {
		p := params("hello")
		tt.change(&p)
		_, err := client(hs.URL).Chat.Completions.New(context.Background(), p)
		var e *sdk.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v, want an API error", tt.name, err)
			continue
		}
		if e.StatusCode != tt.status || e.Param != tt.param || e.Code != tt.code || e.Message == "" {
			t.Errorf("%s: status %d, param %q, code %q: %s", tt.name, e.StatusCode, e.Param, e.Code, e.Message)
		}
	}
	if _, err := client(hs.URL).Chat.Completions.New(context.Background(), params("hello")); err != nil {
		t.Errorf("after the bad requests: %v", err)
	}
}
