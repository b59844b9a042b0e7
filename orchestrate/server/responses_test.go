package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
)

// responseParams asks for an answer to text with two tools.
func responseParams(text string) responses.ResponseNewParams {
	tool := func(name string) responses.ToolUnionParam {
		return responses.ToolUnionParam{OfFunction: &responses.FunctionToolParam{Name: name,
			Parameters: map[string]any{"type": "object"}, Strict: param.NewOpt(false)}}
	}
	return responses.ResponseNewParams{Model: "test-model", Tools: []responses.ToolUnionParam{tool("get_weather"), tool("get_time")},
		Input: responses.ResponseNewParamsInputUnion{OfString: param.NewOpt(text)}}
}

// streamResponse runs a streamed request to its end and returns its events.
func streamResponse(t *testing.T, c *sdk.Client, p responses.ResponseNewParams) []responses.ResponseStreamEventUnion {
	t.Helper()
	s := c.Responses.NewStreaming(context.Background(), p)
	var events []responses.ResponseStreamEventUnion
	for s.Next() {
		events = append(events, s.Current())
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return events
}

// outline is the output of a response in short.
func outline(r *responses.Response) string {
	var out []string
	for _, item := range r.Output {
		switch item.Type {
		case "message":
			out = append(out, fmt.Sprintf(`message "%s" %s`, item.Content[0].Text, item.Status))
		case "reasoning":
			out = append(out, fmt.Sprintf("reasoning %q", item.AsReasoning().Content[0].Text))
		case "function_call":
			out = append(out, fmt.Sprintf("call %s %s %s", item.Name, item.AsFunctionCall().Arguments, item.Status))
		}
	}
	return strings.Join(out, ", ")
}

// TestResponses compares what OpenAI's client gets whole and as a stream.
func TestResponses(t *testing.T) {
	_, hs := start(t, &script{}, Options{})
	c := client(hs.URL)
	for _, tt := range []struct {
		text, outline, status string
		change                func(*responses.ResponseNewParams)
	}{
		{"hello", `message "Grüß dich, 世界 👩‍👩‍👧!" completed`, "completed", func(*responses.ResponseNewParams) {}},
		{"think", `reasoning "Let me see.", message "It is 4." completed`, "completed", func(*responses.ResponseNewParams) {}},
		{"weather", `reasoning "A tool helps.", call get_weather {"city": "Köln", "days": [1, 2]} completed, call get_time {} completed`, "completed",
			func(*responses.ResponseNewParams) {}},
		{"weather", `reasoning "A tool helps.", call get_weather {"city": "Köln", "days": [1, 2]} completed`, "completed",
			func(p *responses.ResponseNewParams) { p.ParallelToolCalls = param.NewOpt(false) }},
		{"count", `message "one two three" incomplete`, "incomplete",
			func(p *responses.ResponseNewParams) { p.MaxOutputTokens = param.NewOpt[int64](3) }},
	} {
		p := responseParams(tt.text)
		tt.change(&p)
		r, err := c.Responses.New(context.Background(), p)
		if err != nil {
			t.Fatal(err)
		}
		if got := outline(r); got != tt.outline || string(r.Status) != tt.status {
			t.Errorf("%s: %s, %s\nwant %s", tt.text, got, r.Status, tt.outline)
		}
		if u := r.Usage; u.InputTokens == 0 || u.OutputTokens == 0 || u.TotalTokens != u.InputTokens+u.OutputTokens {
			t.Errorf("usage %s", u.RawJSON())
		}
		events := streamResponse(t, c, p)
		checkEvents(t, events)
		last := events[len(events)-1]
		if last.Type != "response."+tt.status || outline(&last.Response) != tt.outline {
			t.Errorf("%s: the stream ends with %s", tt.text, last.RawJSON())
		}
		accumulate(t, events, tt.outline)
	}
}

// accumulate gives the events to the client's accumulator.
func accumulate(t *testing.T, events []responses.ResponseStreamEventUnion, want string) {
	t.Helper()
	var acc responses.ResponseAccumulator
	for _, e := range events {
		var ev responses.ResponsesServerEventUnion
		if err := json.Unmarshal([]byte(e.RawJSON()), &ev); err != nil {
			t.Fatal(err)
		}
		if err := acc.AddEvent(ev); err != nil {
			t.Fatalf("%s: %v", e.RawJSON(), err)
		}
	}
	r, err := acc.ReconstructedResponse()
	if err != nil || outline(r) != want {
		t.Errorf("the client accumulates %v, %v", r, err)
	}
}

// checkEvents checks the order of events and that their texts add up.
func checkEvents(t *testing.T, events []responses.ResponseStreamEventUnion) {
	t.Helper()
	var order []string
	text, open := "", ""
	for i, e := range events {
		if e.SequenceNumber != int64(i) {
			t.Errorf("event %d has number %d", i, e.SequenceNumber)
		}
		if typ := strings.TrimPrefix(e.Type, "response."); len(order) == 0 || order[len(order)-1] != typ {
			order = append(order, typ)
		}
		switch e.Type {
		case "response.output_item.added":
			open, text = e.Item.ID, ""
			if e.Item.Status != "in_progress" {
				t.Errorf("%s", e.RawJSON())
			}
		case "response.output_text.delta", "response.reasoning_text.delta", "response.function_call_arguments.delta":
			text += e.Delta
			if e.ItemID != open || e.Delta == "" {
				t.Errorf("%s belongs to %s", e.RawJSON(), open)
			}
		case "response.output_text.done", "response.reasoning_text.done":
			if e.Text != text || e.ItemID != open {
				t.Errorf("deltas %q, then %s", text, e.RawJSON())
			}
		case "response.function_call_arguments.done":
			if e.Arguments != text || !strings.Contains(e.RawJSON(), `"name":"get_`) || e.ItemID != open {
				t.Errorf("deltas %q, then %s", text, e.RawJSON())
			}
		}
	}
	want := []string{"created", "in_progress"}
	for _, item := range events[len(events)-1].Response.Output {
		want = append(want, "output_item.added")
		switch item.Type {
		case "message":
			want = append(want, "content_part.added", "output_text.delta", "output_text.done", "content_part.done")
		case "reasoning":
			want = append(want, "content_part.added", "reasoning_text.delta", "reasoning_text.done", "content_part.done")
		default:
			want = append(want, "function_call_arguments.delta", "function_call_arguments.done")
		}
		want = append(want, "output_item.done")
	}
	want = append(want, strings.TrimPrefix(events[len(events)-1].Type, "response."))
	if !reflect.DeepEqual(order, want) {
		t.Errorf("events %v\nwant %v", order, want)
	}
}

// TestResponsesTurns sends the output back with the results of its calls: as
// items, and by the response's id.
func TestResponsesTurns(t *testing.T) {
	g := &script{}
	_, hs := start(t, g, Options{})
	c := client(hs.URL)
	p := responseParams("weather")
	p.Instructions = param.NewOpt("Be brief.")
	first, err := c.Responses.New(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	var results responses.ResponseInputParam
	for _, item := range first.Output {
		if item.Type == "function_call" {
			result := responses.ResponseInputItemParamOfFunctionCallOutput("rain <|im_end|>")
			result.OfFunctionCallOutput.CallID = param.NewOpt(item.CallID)
			results = append(results, result)
		}
	}
	// The whole conversation as items, as clients without a store send it.
	items := responses.ResponseInputParam{responses.ResponseInputItemParamOfMessage("weather", "user")}
	for _, item := range first.Output {
		items = append(items, param.Override[responses.ResponseInputItemUnionParam](json.RawMessage(item.RawJSON())))
	}
	p.Input = responses.ResponseNewParamsInputUnion{OfInputItemList: append(items, results...)}
	p.Store = param.NewOpt(false)
	second, err := c.Responses.New(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	byItems := g.prompt()
	p.Input.OfInputItemList, p.PreviousResponseID = results, param.NewOpt(first.ID)
	third, err := c.Responses.New(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	if g.prompt() != byItems {
		t.Errorf("the prompt by id\n%s\nby items\n%s", g.prompt(), byItems)
	}
	if third.PreviousResponseID != first.ID || third.Instructions.OfString != "Be brief." {
		t.Errorf("response %s", third.RawJSON())
	}
	if got, err := c.Responses.Get(context.Background(), first.ID, responses.ResponseGetParams{}); err != nil || got.RawJSON() != first.RawJSON() {
		t.Errorf("stored %v, %v\nwant %s", got, err, first.RawJSON())
	}
	other := client(hs.URL, option.WithAPIKey("other"))
	for _, get := range []func() error{
		func() error {
			_, err := c.Responses.Get(context.Background(), second.ID, responses.ResponseGetParams{})
			return err
		},
		func() error {
			_, err := other.Responses.Get(context.Background(), first.ID, responses.ResponseGetParams{})
			return err
		},
		func() error {
			if err := c.Responses.Delete(context.Background(), first.ID); err != nil {
				t.Error(err)
			}
			_, err := c.Responses.Get(context.Background(), first.ID, responses.ResponseGetParams{})
			return err
		},
	} {
		var e *sdk.Error
		if err := get(); !errors.As(err, &e) || e.StatusCode != 404 || e.Code != "response_not_found" {
			t.Errorf("error %v, want a 404", err)
		}
	}
	var e *sdk.Error
	if _, err := c.Responses.New(context.Background(), p); !errors.As(err, &e) || e.StatusCode != 400 || e.Code != "previous_response_not_found" {
		t.Errorf("error %v, want a 400", err)
	}
}

// TestResponsesPrompt checks that a Responses request has the prompt of the
// chat request that says the same.
func TestResponsesPrompt(t *testing.T) {
	g := &script{}
	_, hs := start(t, g, Options{})
	for _, tt := range []struct{ chat, here string }{
		{`"messages":[{"role":"user","content":"hello"}]`, `"input":"hello"`},
		{`"messages":[{"role":"system","content":"s"},{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"hello"}],"reasoning_effort":"none"`,
			`"instructions":"s","input":[{"role":"user","content":"a"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"b","annotations":[]}]},{"role":"user","content":[{"type":"input_text","text":"hel"},{"type":"input_text","text":"lo"}]}],"reasoning":{"effort":"none"}`},
		{`"messages":[{"role":"user","content":"q"},
			{"role":"assistant","content":null,"reasoning_content":"r","tool_calls":[{"id":"c1","function":{"name":"f","arguments":"{\"x\": 1}"}},{"id":"c2","function":{"name":"f","arguments":"{}"}}]},
			{"role":"tool","tool_call_id":"c1","content":"one"},{"role":"tool","tool_call_id":"c2","content":"two"}],
			"tools":[{"type":"function","function":{"name":"f","description":"d <&>","parameters":{"type":"object","properties":{"x":{"type":"integer"}}}}}]`,
			`"input":[{"role":"user","content":"q"},{"type":"reasoning","id":"r","summary":[],"content":[{"type":"reasoning_text","text":"r"}]},
			{"type":"function_call","call_id":"c1","name":"f","arguments":"{\"x\": 1}"},{"type":"function_call","call_id":"c2","name":"f","arguments":"{}"},
			{"type":"function_call_output","call_id":"c1","output":"one"},{"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"two"}]}],
			"tools":[{"type":"function","name":"f","description":"d <&>","parameters":{"type":"object","properties":{"x":{"type":"integer"}}}}]`},
	} {
		var prompts []string
		for path, body := range map[string]string{"/v1/chat/completions": tt.chat, "/v1/responses": tt.here} {
			if resp, text := do(t, "POST", hs.URL+path, `{"model":"test-model",`+body+`}`); resp.StatusCode != 200 {
				t.Fatalf("%s: %s", body, text)
			}
			prompts = append(prompts, g.prompt())
		}
		if prompts[0] != prompts[1] || prompts[0] == "" {
			t.Errorf("prompts differ:\n%s\n---\n%s", prompts[0], prompts[1])
		}
	}
}
