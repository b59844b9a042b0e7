package server

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	claude "github.com/anthropics/anthropic-sdk-go"
	claudeparam "github.com/anthropics/anthropic-sdk-go/packages/param"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"

	"orchrt/orchestrate/openai"
	"orchrt/runtime"
	"orchrt/sampler"
)

// obedient is a Generator without a mind of its own: it draws any token that the
// mask allows, each as likely as the others.
type obedient struct{ vocab int }

// Generate implements openai.Generator.
func (g obedient) Generate(_ context.Context, r runtime.Request) iter.Seq2[runtime.Token, error] {
	return func(yield func(runtime.Token, error) bool) {
		rng := rand.New(rand.NewPCG(r.Params.Seed, 1))
		buf := make([]uint64, (g.vocab+63)/64)
		var forced []int32
		for i := 1; ; i++ {
			if f, ok := r.Mask.(sampler.Forcer); ok && len(forced) == 0 {
				forced = f.Forced(nil)
			}
			id := g.draw(rng, r.Mask.Allowed(buf))
			if len(forced) > 0 {
				id, forced = forced[0], forced[1:]
			}
			if err := r.Mask.Accept(id); err != nil {
				yield(runtime.Token{}, err)
				return
			}
			t := runtime.Token{Started: time.Now(), Drawn: time.Now()}
			t.ID = id
			switch {
			case slices.Contains(r.Params.EOS, id):
				t.Finish = runtime.FinishStop
			case i == r.MaxTokens:
				t.Finish = runtime.FinishLength
			}
			if !yield(t, nil) || t.Finish != "" {
				return
			}
		}
	}
}

// draw draws from a set; nil is every ordinary token.
func (g obedient) draw(rng *rand.Rand, set []uint64) int32 {
	for {
		id := rng.IntN(151_643)
		if set == nil {
			return int32(id)
		}
		if id = rng.IntN(g.vocab); set[id/64]>>(id%64)&1 != 0 {
			return int32(id)
		}
	}
}

// startObedient serves an obedient model.
func startObedient(t *testing.T) *httptest.Server {
	t.Helper()
	b := newBackend(&script{tok: qwen3(t)})
	b.Generator = obedient{b.Vocab}
	end, _ := b.Tokenizer.ID("<|im_end|>")
	b.Defaults.EOS, b.NoThinking.EOS = []int32{end}, []int32{end}
	s := New(Options{})
	s.SetBackend(b, nil)
	hs := httptest.NewServer(s)
	t.Cleanup(hs.Close)
	return hs
}

// The tool's arguments, and what they hold.
const citySchema = `{"type":"object","properties":{"city":{"enum":["Köln","Bonn"]},"days":{"type":"integer","minimum":1,"maximum":3}},"required":["city","days"],"additionalProperties":false}`

func checkCity(t *testing.T, where, text string) {
	t.Helper()
	var got struct {
		City string
		Days float64 // 3e0 is an integer to JSON Schema
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil || got.City != "Köln" && got.City != "Bonn" || !slices.Contains([]float64{1, 2, 3}, got.Days) {
		t.Errorf("%s: %s, %v", where, text, err)
	}
}

// TestObedience checks that tool_choice and formats of both APIs bind a model
// that would say anything.
func TestObedience(t *testing.T) {
	hs := startObedient(t)
	ctx := context.Background()
	var schema map[string]any
	json.Unmarshal([]byte(citySchema), &schema)
	for seed := range 5 {
		p := responseParams("hello")
		p.SetExtraFields(map[string]any{"seed": seed})
		p.Reasoning.Effort = "none"
		p.MaxOutputTokens = param.NewOpt[int64](100)
		p.Tools[0].OfFunction.Parameters, p.Tools[0].OfFunction.Strict = schema, param.NewOpt(true)
		p.ToolChoice.OfFunctionTool = &responses.ToolChoiceFunctionParam{Name: "get_weather"}
		r, err := client(hs.URL).Responses.New(ctx, p)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(r.Output); n == 0 || r.Output[n-1].Type != "function_call" || r.Status != "completed" {
			t.Fatalf("a named tool: %s", outline(r))
		}
		for _, item := range r.Output {
			if item.Type == "function_call" {
				checkCity(t, "a call", item.AsFunctionCall().Arguments)
			}
		}
		p.Tools, p.ToolChoice = nil, responses.ResponseNewParamsToolChoiceUnion{}
		p.Text.Format.OfJSONSchema = &responses.ResponseFormatTextJSONSchemaConfigParam{Name: "city", Schema: schema}
		if r, err = client(hs.URL).Responses.New(ctx, p); err != nil {
			t.Fatal(err)
		}
		checkCity(t, "a document", r.OutputText())

		m := messageParams("hello")
		m.Thinking, m.MaxTokens = claude.ThinkingConfigParamUnion{}, 100
		m.SetExtraFields(map[string]any{"seed": seed})
		m.Tools = m.Tools[:1]
		m.Tools[0].OfTool.InputSchema = claudeparam.Override[claude.ToolInputSchemaParam](json.RawMessage(citySchema))
		m.ToolChoice = claude.ToolChoiceUnionParam{OfAny: &claude.ToolChoiceAnyParam{DisableParallelToolUse: claude.Bool(true)}}
		c := claudeClient(hs.URL)
		a, err := c.Messages.New(ctx, m)
		if err != nil {
			t.Fatal(err)
		}
		last := a.Content[len(a.Content)-1]
		if last.Type != "tool_use" || a.StopReason != "tool_use" {
			t.Fatalf("any tool: %s, %s", blocks(a), a.StopReason)
		}
		checkCity(t, "a tool_use", string(last.Input))
	}
}

// TestUnenforceable checks that a schema that cannot be enforced is refused by
// its name in each API where it is strict, and comes with a warning where not.
func TestUnenforceable(t *testing.T) {
	_, hs := start(t, &script{}, Options{})
	const bad = `{"type":"object","properties":{"a":{"type":"string","pattern":"(x)\\1"}}}`
	for _, tt := range []struct{ path, body, field string }{
		{"/v1/responses", `"input":"hello","tools":[{"type":"function","name":"f","parameters":` + bad + `,"strict":STRICT}]`, "tools[0].parameters"},
		{"/v1/responses", `"input":"hello","text":{"format":{"type":"json_schema","name":"f","schema":` + bad + `,"strict":STRICT}}`, "text.format.schema"},
		{"/v1/messages", `"max_tokens":50,"messages":[{"role":"user","content":"hello"}],"tools":[{"name":"f","input_schema":` + bad + `,"strict":STRICT}]`, "tools[0].input_schema"},
	} {
		body := `{"model":"test-model",` + tt.body + `}`
		resp, text := do(t, "POST", hs.URL+tt.path, strings.Replace(body, "STRICT", "true", 1))
		var e struct {
			Error struct{ Message, Param, Code string }
		}
		if err := json.Unmarshal([]byte(text), &e); err != nil || resp.StatusCode != 400 || !strings.Contains(e.Error.Message, `"`+tt.field+`"`) || !strings.Contains(e.Error.Message, "/properties/a") {
			t.Errorf("%s, strict: %d %s", tt.path, resp.StatusCode, text)
		}
		if tt.path == "/v1/responses" && (e.Error.Param != tt.field || e.Error.Code != openai.CodeInvalidSchema) {
			t.Errorf("%s, strict: %s", tt.path, text)
		}
		resp, text = do(t, "POST", hs.URL+tt.path, strings.Replace(body, "STRICT", "false", 1))
		ext, _ := decodeMap(t, text)["orchrt"].(map[string]any)
		if resp.StatusCode != 200 || resp.Header.Get(warningHeader) == "" || ext["warnings"] == nil {
			t.Errorf("%s: %d, header %q, %s", tt.path, resp.StatusCode, resp.Header.Get(warningHeader), text)
		}
	}
}

// TestChoiceErrors checks how errors of tool_choice name the fields.
func TestChoiceErrors(t *testing.T) {
	_, hs := start(t, &script{}, Options{})
	const tools = `"tools":[{"type":"function","name":"f","parameters":{}}]`
	for body, field := range map[string]string{
		tools + `,"tool_choice":"some"`:                         "tool_choice",
		`"tool_choice":"required"`:                              "tool_choice",
		tools + `,"tool_choice":{"type":"function","name":"g"}`: "tool_choice.name",
		tools + `,"tool_choice":{"type":"allowed_tools","mode":"any","tools":[{"type":"function","name":"f"}]}`:  "tool_choice.mode",
		tools + `,"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"g"}]}`: "tool_choice.tools[0].name",
		`"text":{"format":{"type":"json"}}`:                                        "text.format.type",
		`"text":{"format":{"type":"json_schema","name":"n","schema":[]}}`:          "text.format.schema",
		tools + `,"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[]}`: "tool_choice.tools",
		`"tools":[{"type":"function","name":"f"},{"type":"function","name":"f"}]`:  "tools[1].name",
		`"tools":[{"type":"function","name":"a b"}]`:                               "tools[0].name",
		tools + `,"ignore_eos":true`:                                               "ignore_eos",
		tools + `,"tool_choice":"required","max_output_tokens":2`:                  "max_output_tokens",
		`"input":"x","max_output_tokens":100000`:                                   "max_output_tokens",
	} {
		if !strings.Contains(body, `"input"`) {
			body = `"input":"hello",` + body
		}
		resp, text := do(t, "POST", hs.URL+"/v1/responses", `{"model":"test-model",`+body+`}`)
		if e := decodeMap(t, text)["error"].(map[string]any); resp.StatusCode != 400 || e["param"] != field || !strings.Contains(e["message"].(string), field) {
			t.Errorf("%s: %d %s\nwant one about %s", body, resp.StatusCode, text, field)
		}
	}
	m := messageParams("hello")
	m.ToolChoice = claude.ToolChoiceUnionParam{OfTool: &claude.ToolChoiceToolParam{Name: "nothing"}}
	c := claudeClient(hs.URL)
	_, err := c.Messages.New(context.Background(), m)
	var e *claude.Error
	if !errors.As(err, &e) || e.StatusCode != 400 || !strings.Contains(e.RawJSON(), `\"tool_choice.name\"`) {
		t.Errorf("a tool that is not there: %v", err)
	}
}
