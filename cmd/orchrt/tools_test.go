package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/shared"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"orchrt/orchestrate/openai"
)

// The pieces of random schemas.
var pieces = []string{
	`{"type":"boolean"}`, `{"type":"string","maxLength":5}`, `{"type":"integer","minimum":-3,"maximum":200}`,
	`{"enum":["red","green",3,null,{"a":[1.5,"ü"]}]}`, `{"type":["string","null"],"pattern":"^[a-c]{2,4}$"}`,
	`{"type":"string","format":"date"}`, `{"type":"number","minimum":0,"maximum":10,"multipleOf":0.25}`,
	`{"type":"array","items":{"type":"integer","minimum":0,"maximum":4},"minItems":1,"maxItems":3,"uniqueItems":true}`,
	`{"anyOf":[{"type":"string","minLength":1,"maxLength":3},{"type":"integer","exclusiveMinimum":5,"maximum":7}]}`,
	`{"not":{"type":["object","array","string"]},"maximum":1e3}`,
	`{"type":"object","patternProperties":{"^x-":{"type":"boolean"}},"additionalProperties":false,"maxProperties":2}`,
	`{"oneOf":[{"const":1},{"type":"integer","multipleOf":2,"minimum":0,"maximum":8}]}`,
}

// randomSchema is an object of such pieces.
func randomSchema(random *rand.Rand) map[string]any {
	properties, required := map[string]any{}, []string{}
	for i := range 1 + random.IntN(4) {
		name := []string{"city", "days", "größe", "a\"b"}[i]
		var piece any
		json.Unmarshal([]byte(pieces[random.IntN(len(pieces))]), &piece)
		properties[name] = piece
		if random.IntN(2) == 0 {
			required = append(required, name)
		}
	}
	s := map[string]any{"type": "object", "properties": properties, "required": required}
	if random.IntN(4) > 0 {
		s["additionalProperties"] = false
	}
	return s
}

// validate reports text that is not an instance of the schema.
func validate(schema map[string]any, text string) error {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	raw, _ := json.Marshal(schema)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	if err := c.AddResource("s.json", doc); err != nil {
		return err
	}
	compiled, err := c.Compile("s.json")
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return compiled.Validate(value)
}

// toolServer serves a tiny model of random weights, whose logits are as good as
// random.
func toolServer(t *testing.T, args ...string) (*sdk.Client, string) {
	url, _ := serving(t, append([]string{"--model", tinyModel(t), "--ctx", "1024", "--parallel", "4", "--threads", "1", "--log", "off", "--alias", "tiny"}, args...)...)
	c := sdk.NewClient(option.WithBaseURL(url+"/v1"), option.WithAPIKey("none"), option.WithMaxRetries(0))
	return &c, url
}

// toolRequest is a request with n tools of random schemas, called t0, t1 and so on.
func toolRequest(random *rand.Rand, n int) (p sdk.ChatCompletionNewParams, schemas map[string]map[string]any) {
	schemas = map[string]map[string]any{}
	p = sdk.ChatCompletionNewParams{Model: "tiny", Messages: []sdk.ChatCompletionMessageParamUnion{sdk.UserMessage("What now?")},
		MaxTokens: param.NewOpt(120 + random.Int64N(80)), Temperature: param.NewOpt(0.2 + 1.8*random.Float64()), Seed: param.NewOpt(random.Int64N(1 << 40))}
	for i := range n {
		name := fmt.Sprintf("t%d", i)
		schemas[name] = randomSchema(random)
		p.Tools = append(p.Tools, sdk.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
			Name: name, Parameters: schemas[name], Strict: param.NewOpt(true)}))
	}
	p.SetExtraFields(map[string]any{"chat_template_kwargs": map[string]any{"enable_thinking": random.IntN(2) == 0}})
	return p, schemas
}

// answerOf asks, as a stream or whole.
func answerOf(c *sdk.Client, p sdk.ChatCompletionNewParams, streamed bool) (*sdk.ChatCompletion, error) {
	if !streamed {
		return c.Chat.Completions.New(context.Background(), p)
	}
	s := c.Chat.Completions.NewStreaming(context.Background(), p)
	defer s.Close()
	var acc sdk.ChatCompletionAccumulator
	for s.Next() {
		if chunk := s.Current(); !acc.AddChunk(chunk) {
			return nil, fmt.Errorf("the client cannot accumulate %s", chunk.RawJSON())
		}
	}
	return &acc.ChatCompletion, s.Err()
}

// checkCalls reports calls that are not valid.
func checkCalls(choice sdk.ChatCompletionChoice, schemas map[string]map[string]any) error {
	ids := map[string]bool{}
	for _, call := range choice.Message.ToolCalls {
		schema, ok := schemas[call.Function.Name]
		if !ok {
			return fmt.Errorf("a call of %q, which is no tool", call.Function.Name)
		}
		if !strings.HasPrefix(call.ID, "call_") || ids[call.ID] || call.Type != "function" {
			return fmt.Errorf("call with id %q and type %q", call.ID, call.Type)
		}
		ids[call.ID] = true
		if err := validate(schema, call.Function.Arguments); err != nil {
			return fmt.Errorf("arguments %q: %w", call.Function.Arguments, err)
		}
	}
	return nil
}

func names(choice sdk.ChatCompletionChoice) (list []string) {
	for _, call := range choice.Message.ToolCalls {
		list = append(list, call.Function.Name)
	}
	return list
}

// TestToolCalls sends random tools under every tool_choice to a model of random
// logits: all calls must be valid and the choice must be kept, whole and streamed.
func TestToolCalls(t *testing.T) {
	rounds := 24
	if testing.Short() {
		rounds = 6
	}
	c, _ := toolServer(t)
	var wg sync.WaitGroup
	places := make(chan struct{}, 8)
	for round := range rounds {
		random := rand.New(rand.NewPCG(uint64(round), 8))
		p, schemas := toolRequest(random, 1+random.IntN(4))
		last := fmt.Sprintf("t%d", len(schemas)-1)
		check := func(sdk.ChatCompletionChoice) bool { return true }
		called := func(choice sdk.ChatCompletionChoice) bool {
			return len(choice.Message.ToolCalls) > 0 && choice.FinishReason == "tool_calls" && choice.Message.Content == ""
		}
		switch round % 6 {
		case 0: // auto
			p.MaxTokens = param.NewOpt[int64](50)
		case 1:
			p.ToolChoice.OfAuto = param.NewOpt("required")
			check = called
		case 2:
			p.ToolChoice = sdk.ToolChoiceOptionFunctionToolChoice(sdk.ChatCompletionNamedToolChoiceFunctionParam{Name: last})
			check = func(choice sdk.ChatCompletionChoice) bool {
				return called(choice) && !slices.ContainsFunc(names(choice), func(s string) bool { return s != last })
			}
		case 3:
			p.ToolChoice = sdk.ToolChoiceOptionAllowedTools(sdk.ChatCompletionAllowedToolsParam{Mode: "required",
				Tools: []map[string]any{{"type": "function", "function": map[string]any{"name": last}}}})
			check = func(choice sdk.ChatCompletionChoice) bool { return called(choice) && names(choice)[0] == last }
		case 4:
			p.ToolChoice.OfAuto, p.ParallelToolCalls = param.NewOpt("required"), param.NewOpt(false)
			check = func(choice sdk.ChatCompletionChoice) bool {
				return called(choice) && len(choice.Message.ToolCalls) == 1
			}
		case 5:
			p.ToolChoice.OfAuto, p.MaxTokens = param.NewOpt("none"), param.NewOpt[int64](30)
			check = func(choice sdk.ChatCompletionChoice) bool { return len(choice.Message.ToolCalls) == 0 }
		}
		if random.IntN(4) == 0 {
			p.N = param.NewOpt[int64](2)
		}
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			var seen [2]string
			for i := range seen {
				r, err := answerOf(c, p, i == 1)
				if err != nil {
					t.Errorf("round %d: %v", round, err)
					return
				}
				for _, choice := range r.Choices {
					if err := checkCalls(choice, schemas); err != nil {
						t.Errorf("round %d: %v", round, err)
					}
					if !check(choice) {
						t.Errorf("round %d: %q, calls of %q, finish %q", round, choice.Message.Content, names(choice), choice.FinishReason)
					}
					for _, call := range choice.Message.ToolCalls {
						seen[i] += call.Function.Name + call.Function.Arguments
					}
					seen[i] += choice.Message.Content
				}
			}
			if seen[0] != seen[1] {
				t.Errorf("round %d: whole %q, streamed %q", round, seen[0], seen[1])
			}
		})
	}
	wg.Wait()
}

// TestResponseFormat sends random schemas as the format of the answer.
func TestResponseFormat(t *testing.T) {
	c, _ := toolServer(t)
	for round := range uint64(12) {
		random := rand.New(rand.NewPCG(round, 9))
		p, _ := toolRequest(random, 0)
		schema := randomSchema(random)
		p.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{
			JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "answer", Schema: schema, Strict: param.NewOpt(true)}}
		if round%4 == 3 {
			p.ResponseFormat.OfJSONSchema = nil
			p.ResponseFormat.OfJSONObject = &shared.ResponseFormatJSONObjectParam{}
			schema = map[string]any{"type": "object"}
		}
		r, err := answerOf(c, p, round%2 == 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(schema, r.Choices[0].Message.Content); err != nil || r.Choices[0].FinishReason != "stop" {
			t.Errorf("round %d: %q, finish %q: %v", round, r.Choices[0].Message.Content, r.Choices[0].FinishReason, err)
		}
	}
}

// TestToolLimits finds the least max_tokens of a call: one less is refused, and
// with just as many the call is complete.
func TestToolLimits(t *testing.T) {
	c, _ := toolServer(t)
	for round := range uint64(6) {
		random := rand.New(rand.NewPCG(round, 10))
		p, schemas := toolRequest(random, 2)
		p.ToolChoice.OfAuto = param.NewOpt("required")
		ok := func(n int64) bool {
			p.MaxTokens = param.NewOpt(n)
			r, err := answerOf(c, p, false)
			var e *sdk.Error
			switch {
			case errors.As(err, &e) && e.Param == "max_tokens" && e.StatusCode == 400:
				return false
			case err != nil:
				t.Fatal(err)
			}
			if err := checkCalls(r.Choices[0], schemas); err != nil || len(r.Choices[0].Message.ToolCalls) == 0 || r.Usage.CompletionTokens > n {
				t.Errorf("round %d, %d tokens: %v, %s", round, n, err, r.RawJSON())
			}
			return true
		}
		n := int64(1)
		for ; !ok(n); n++ {
			if n == 100 {
				t.Fatalf("round %d: 100 tokens are not enough for a call", round)
			}
		}
		for _, more := range []int64{1, 2, 5} {
			if !ok(n + more) {
				t.Errorf("round %d: %d tokens are enough, %d are not", round, n, n+more)
			}
		}
	}
}

// TestToolsAfterThinking: a prompt that opens the thinking gets a call all the
// same, in time.
func TestToolsAfterThinking(t *testing.T) {
	template := filepath.Join(t.TempDir(), "t.jinja")
	text := "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}<|im_start|>assistant\n<think>\n"
	if err := os.WriteFile(template, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _ := toolServer(t, "--chat-template-file", template)
	for round := range uint64(6) {
		random := rand.New(rand.NewPCG(round, 11))
		p, schemas := toolRequest(random, 2)
		p.SetExtraFields(nil)
		p.ToolChoice.OfAuto = param.NewOpt("required")
		r, err := answerOf(c, p, round%2 == 0)
		if err != nil {
			t.Fatal(err)
		}
		choice := r.Choices[0]
		if err := checkCalls(choice, schemas); err != nil || len(choice.Message.ToolCalls) == 0 || choice.FinishReason != "tool_calls" {
			t.Errorf("round %d: %v, %s", round, err, r.RawJSON())
		}
		if thinking := choice.Message.JSON.ExtraFields["reasoning_content"].Raw(); round%2 == 1 && len(thinking) < 3 {
			t.Errorf("round %d: thinking %s", round, thinking)
		}
	}
}

// post sends a body to the chat route.
func post(t *testing.T, url, body string) (*http.Response, string) {
	t.Helper()
	resp, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(b)
}

// TestToolErrors checks what is said of schemas that cannot be enforced, and of
// settings that do not go together with them.
func TestToolErrors(t *testing.T) {
	_, url := toolServer(t)
	const bad = `{"type":"object","properties":{"a":{"type":"object","properties":{"b":{"type":"string","pattern":"^(a)\\1$"}}}}}`
	body := func(extra string) string {
		return `{"model":"tiny","messages":[{"role":"user","content":"hi"}],"max_tokens":60,` + extra + `}`
	}
	tools := func(strict string) string {
		return `"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g","parameters":` + bad + strict + `}}]`
	}
	format := func(schema, strict string) string {
		return `"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":` + schema + strict + `}}`
	}
	for _, tt := range []struct{ body, param, code, text string }{
		{tools(`,"strict":true`), "tools[1].function.parameters", "invalid_schema", "/properties/a/properties/b"},
		{tools(`,"strict":true`), "tools[1].function.parameters", "invalid_schema", "keyword pattern"},
		{format(bad, `,"strict":true`), "response_format.json_schema.schema", "invalid_schema", "/properties/a/properties/b"},
		{format(`{"$ref":"https://example.org/s.json"}`, `,"strict":true`), "response_format.json_schema.schema", "invalid_schema", "$ref"},
		{tools("") + `,"ignore_eos":true`, "ignore_eos", "unsupported_parameter", "tools"},
		{tools("") + `,"min_tokens":5`, "min_tokens", "unsupported_parameter", "tools"},
		{format("{}", "") + `,"stop_token_ids":[5]`, "stop_token_ids", "unsupported_parameter", "response_format"},
	} {
		resp, text := post(t, url, body(tt.body))
		var e struct {
			Error struct{ Message, Param, Code, Type string }
		}
		json.Unmarshal([]byte(text), &e)
		if resp.StatusCode != 400 || e.Error.Param != tt.param || e.Error.Code != tt.code || e.Error.Type != "invalid_request_error" ||
			!strings.Contains(e.Error.Message, tt.text) {
			t.Errorf("%s\n%d %s\nwant param %s, code %s, text with %s", tt.body, resp.StatusCode, text, tt.param, tt.code, tt.text)
		}
	}
	if _, text := post(t, url, body(tools("")+`,"stop_token_ids":[151645]`)); !strings.Contains(text, `"choices"`) {
		t.Errorf("the model's own end as a stop id: %s", text)
	}

	for _, stream := range []string{"", `,"stream":true`} {
		resp, text := post(t, url, body(tools("")+stream))
		warning := resp.Header.Get("X-Orchrt-Warning")
		if resp.StatusCode != 200 || !strings.Contains(warning, `"g"`) || !strings.Contains(warning, "/properties/a/properties/b") {
			t.Errorf("status %d, warning %q", resp.StatusCode, warning)
		}
		if !strings.Contains(text, `"warnings":["parameters of tool \"g\"`) {
			t.Errorf("no warning in %s", text)
		}
	}
	if resp, text := post(t, url, body(`"tools":[{"type":"function","function":{"name":"f"}}]`)); resp.Header.Get("X-Orchrt-Warning") != "" || strings.Contains(text, "warnings") {
		t.Errorf("a warning about nothing: %v, %s", resp.Header, text)
	}
}

// TestCallChunks checks the exact chunks of a streamed call, without thinking and after it: the bias is for <think>.
func TestCallChunks(t *testing.T) {
	_, url := toolServer(t)
	thoughts := 0
	for seed := range 8 {
		_, text := post(t, url, fmt.Sprintf(`{"model":"tiny","messages":[{"role":"user","content":"hi"}],"max_tokens":60,"stream":true,"tool_choice":"required",
		"parallel_tool_calls":false,"stream_options":{"include_usage":true},"seed":%d,"chat_template_kwargs":{"enable_thinking":%v},"logit_bias":{"151667":100},
		"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object","properties":{"a":{"enum":["one","two"]},"b":{"type":"string","maxLength":9}},"required":["a","b"],"additionalProperties":false}}}]}`,
			seed, seed%2 == 1))
		thoughts += callChunks(t, text)
	}
	if thoughts == 0 {
		t.Error("no stream thought before its call: the order of thinking and call was not checked")
	}
}

// callChunks checks a stream of one call of f and returns how many of its chunks are thinking.
func callChunks(t *testing.T, text string) (thoughts int) {
	t.Helper()
	var deltas []string
	finish, usage := "", false
	for line := range strings.Lines(text) {
		data, ok := strings.CutPrefix(strings.TrimSpace(line), "data: ")
		if !ok || data == "[DONE]" {
			continue
		}
		var chunk struct {
			Choices []struct {
				Delta        json.RawMessage
				FinishReason *string `json:"finish_reason"`
			}
			Usage *struct{}
		}
		if err := json.Unmarshal([]byte(data), &chunk); err != nil {
			t.Fatal(err)
		}
		usage = usage || chunk.Usage != nil && len(chunk.Choices) == 0
		for _, c := range chunk.Choices {
			if deltas = append(deltas, string(c.Delta)); c.FinishReason != nil {
				finish = *c.FinishReason
			}
		}
	}
	if len(deltas) < 4 || finish != "tool_calls" || !usage || !strings.HasSuffix(text, "data: [DONE]\n\n") {
		t.Fatalf("stream %s", text)
	}
	if deltas[0] != `{"role":"assistant","content":""}` || deltas[len(deltas)-1] != "{}" {
		t.Fatalf("deltas %s", deltas)
	}
	deltas = deltas[1 : len(deltas)-1]
	for len(deltas) > 0 && strings.HasPrefix(deltas[0], `{"reasoning_content":`) {
		var piece struct {
			Thinking string `json:"reasoning_content"`
		}
		json.Unmarshal([]byte(deltas[0]), &piece)
		quoted, _ := openai.Marshal(piece.Thinking)
		if want := `{"reasoning_content":` + string(quoted) + `}`; deltas[0] != want {
			t.Errorf("delta %s, want %s", deltas[0], want)
		}
		deltas = deltas[1:]
		thoughts++
	}
	type piece struct {
		ToolCalls []struct {
			ID       string
			Function struct{ Arguments string }
		} `json:"tool_calls"`
	}
	arguments := ""
	for i, d := range deltas {
		var p piece
		if json.Unmarshal([]byte(d), &p); len(p.ToolCalls) != 1 {
			t.Fatalf("delta %s is no piece of a call", d)
		}
		call := p.ToolCalls[0]
		quoted, _ := openai.Marshal(call.Function.Arguments)
		want := `{"tool_calls":[{"index":0,"function":{"arguments":` + string(quoted) + `}}]}`
		if i == 0 {
			want = `{"tool_calls":[{"index":0,"id":"` + call.ID + `","type":"function","function":{"name":"f","arguments":""}}]}`
		}
		if d != want || i == 0 && call.ID == "" {
			t.Errorf("delta %s, want %s", d, want)
		}
		arguments += call.Function.Arguments
	}
	if !json.Valid([]byte(arguments)) {
		t.Errorf("arguments %s", arguments)
	}
	return thoughts
}
