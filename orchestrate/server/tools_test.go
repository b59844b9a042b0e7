package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/responses"

	"orchrt/orchestrate"
	"orchrt/orchestrate/hosted"
	"orchrt/orchestrate/openai"
	"orchrt/orchestrate/profile"
	"orchrt/runtime"
	"orchrt/sampler"
)

// turns is a Generator that says one text after the other, as far as the masks
// allow it, and remembers the prompts.
type turns struct {
	b       *openai.Backend
	mu      sync.Mutex
	texts   []string
	prompts []string
}

func (g *turns) say(texts ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.texts, g.prompts = texts, nil
}

func (g *turns) prompt(t *testing.T, i int) string {
	t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if i >= len(g.prompts) {
		t.Fatalf("%d prompts, want one of index %d", len(g.prompts), i)
	}
	return g.prompts[i]
}

func (g *turns) Generate(ctx context.Context, r runtime.Request) iter.Seq2[runtime.Token, error] {
	return func(yield func(runtime.Token, error) bool) {
		prompt, _ := g.b.Tokenizer.Decode(r.Prompt, false)
		g.mu.Lock()
		g.prompts = append(g.prompts, prompt)
		text := "I have nothing to say."
		if len(g.texts) > 0 {
			text, g.texts = g.texts[0], g.texts[1:]
		}
		g.mu.Unlock()
		ids, err := g.b.Tokenizer.Encode(text+"<|im_end|>", true)
		if err != nil {
			yield(runtime.Token{}, err)
			return
		}
		buf := make([]uint64, (g.b.Vocab+63)/64)
		for i, id := range ids {
			if r.Mask != nil {
				if m := r.Mask.Allowed(buf); m != nil && m[id/64]>>(id%64)&1 == 0 {
					yield(runtime.Token{}, errors.New("not allowed: "+string(g.b.Tokenizer.Bytes(id))+" of "+text))
					return
				}
				if err := r.Mask.Accept(id); err != nil {
					yield(runtime.Token{}, err)
					return
				}
			}
			tok := runtime.Token{Token: sampler.Token{ID: id}, Started: time.Now(), Drawn: time.Now()}
			if i == len(ids)-1 {
				tok.Finish = runtime.FinishStop
			}
			if ctx.Err() != nil || !yield(tok, nil) {
				return
			}
		}
	}
}

const think = "<think>\nHm.\n</think>\n\n"

// call is a call as the model writes it.
func call(name, args string) string {
	return "<tool_call>\n{\"name\": \"" + name + "\", \"arguments\": " + args + "}\n</tool_call>"
}

// serverTool is a tool of the server, whose argument is a word.
func serverTool(name string) orchestrate.Tool {
	return orchestrate.Tool{Name: name, Description: "does " + name, Price: orchestrate.Price{PerRequest: 0.01},
		Schema: json.RawMessage(`{"type":"object","properties":{"word":{"type":"string"}},"required":["word"],"additionalProperties":false}`),
		Executor: orchestrate.ExecutorFunc(func(_ context.Context, args json.RawMessage) (orchestrate.Result, error) {
			return orchestrate.Result{Text: name + " gives " + string(args) + " sk-secret"}, nil
		})}
}

// hosting serves a scripted model with tools: twice, asks (which needs approval)
// and fs_read of the server fs.
func hosting(t *testing.T, change func(*hosted.Service)) (string, *turns) {
	t.Helper()
	b := newBackend(&script{tok: qwen3(t)})
	g := &turns{b: b}
	b.Generator = g
	asks, read := serverTool("asks"), serverTool("fs_read")
	asks.Approval, read.Server = orchestrate.Ask, "fs"
	h := &hosted.Service{Tools: func() []orchestrate.Tool { return []orchestrate.Tool{serverTool("twice"), asks, read} }, Secrets: []string{"sk-secret"},
		Profile: profile.Chat{}, Memory: hosted.NewMemory(1 << 20)}
	if change != nil {
		change(h)
	}
	s := New(Options{})
	s.SetTools(h)
	s.SetBackend(b, nil)
	hs := httptest.NewServer(s)
	t.Cleanup(hs.Close)
	return hs.URL, g
}

// post sends a request and returns the answer's status and JSON.
func post(t *testing.T, url, body string) (int, map[string]any) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, _ := io.ReadAll(resp.Body)
	var v map[string]any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return resp.StatusCode, v
}

// at looks into JSON: names and indices.
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

const lookup = `{"type":"function","function":{"name":"lookup","description":"looks","parameters":{"type":"object","properties":{"id":{"type":"integer"}},"required":["id"]}}}`

// TestHostedChat has a client that knows nothing of the server's tools ask, whole
// and streamed: the answers are the same, and its library follows both.
func TestHostedChat(t *testing.T) {
	url, g := hosting(t, nil)
	script := []string{think + "I look.\n" + call("twice", `{"word": "a"}`) + "\n" + call("twice", `{"word": "b"}`), think + "It is b."}
	client := sdk.NewClient(option.WithBaseURL(url+"/v1"), option.WithAPIKey("none"), option.WithMaxRetries(0))
	p := sdk.ChatCompletionNewParams{Model: "test-model", Messages: []sdk.ChatCompletionMessageParamUnion{sdk.UserMessage("What?")},
		StreamOptions: sdk.ChatCompletionStreamOptionsParam{IncludeUsage: sdk.Bool(true)}}
	g.say(script...)
	s := client.Chat.Completions.NewStreaming(context.Background(), p)
	var acc sdk.ChatCompletionAccumulator
	var events []string
	for s.Next() {
		acc.AddChunk(s.Current())
		var x struct {
			Orchrt struct{ Event openai.ToolEvent }
		}
		if err := json.Unmarshal([]byte(s.Current().RawJSON()), &x); err != nil {
			t.Fatal(err)
		}
		if e := x.Orchrt.Event; e.Stage != "" {
			events = append(events, strings.Join([]string{string(e.Stage), e.Name, e.Arguments, e.Output}, "|"))
		}
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	if got := acc.Choices[0]; got.Message.Content != "I look.\n\nIt is b." || got.FinishReason != "stop" || len(got.Message.ToolCalls) != 0 {
		t.Errorf("streamed: %+v", got)
	}
	if len(events) != 6 || events[0] != "turn|||" || !strings.HasPrefix(events[1], `call|twice|{"word": "`) || events[5] != "turn|||" {
		t.Errorf("events %q", events)
	}
	if !strings.Contains(strings.Join(events, "\n"), `result|twice|{"word": "b"}|twice gives {"word":"b"} [secret]`) {
		t.Errorf("no result of b in %q", events)
	}
	if p := g.prompt(t, 1); !strings.Contains(p, "<tool_response>\ntwice gives {\"word\":\"a\"} [secret]\n</tool_response>\n<tool_response>\ntwice gives {\"word\":\"b\"}") {
		t.Errorf("the second prompt is %q", p)
	}

	g.say(script...)
	p.StreamOptions = sdk.ChatCompletionStreamOptionsParam{}
	whole, err := client.Chat.Completions.New(context.Background(), p)
	if err != nil {
		t.Fatal(err)
	}
	if whole.Choices[0].Message.Content != acc.Choices[0].Message.Content || whole.Usage.TotalTokens != acc.Usage.TotalTokens || whole.Usage.PromptTokens == 0 {
		t.Errorf("whole %q with %d tokens, streamed %q with %d", whole.Choices[0].Message.Content, whole.Usage.TotalTokens, acc.Choices[0].Message.Content, acc.Usage.TotalTokens)
	}
	var x struct {
		Orchrt struct {
			Run hosted.Report
		}
	}
	if err := json.Unmarshal([]byte(whole.RawJSON()), &x); err != nil {
		t.Fatal(err)
	}
	if r := x.Orchrt.Run; r.Answer != "It is b." || len(r.Calls) != 2 || r.Calls[1].Output != `twice gives {"word":"b"} [secret]` || r.USD < 0.0199 || r.Rounds != 2 {
		t.Errorf("report %+v", r)
	}
}

// TestHostedMixed has the model call a tool of the server and one of the client
// in one turn: the client gets its own, and when it comes back with the result
// the model sees both.
func TestHostedMixed(t *testing.T) {
	url, g := hosting(t, nil)
	g.say(think+call("twice", `{"word": "first"}`), think+call("twice", `{"word": "a"}`)+"\n"+call("lookup", `{"id": 7}`), think+"Done.")
	_, v := post(t, url+"/v1/chat/completions", `{"model":"test-model","messages":[{"role":"user","content":"Look it up."}],"tools":[`+lookup+`]}`)
	choice := at(v, "choices", 0)
	calls, _ := at(choice, "message", "tool_calls").([]any)
	if at(choice, "finish_reason") != "tool_calls" || len(calls) != 1 || at(calls[0], "function", "name") != "lookup" || at(calls[0], "function", "arguments") != `{"id": 7}` {
		t.Fatalf("answer %v", v)
	}
	if p := g.prompt(t, 0); !strings.Contains(p, lookup2()) {
		t.Errorf("the client's tool is not in the prompt as the template writes it: %q", p)
	}
	message, _ := json.Marshal(at(choice, "message"))
	var m map[string]any
	json.Unmarshal(message, &m)
	delete(m, "refusal")
	message, _ = json.Marshal(m)
	id, _ := json.Marshal(at(calls[0], "id"))
	_, v = post(t, url+"/v1/chat/completions", `{"model":"test-model","messages":[{"role":"user","content":"Look it up."},`+string(message)+
		`,{"role":"tool","tool_call_id":`+string(id)+`,"content":"seven"}],"tools":[`+lookup+`]}`)
	if at(v, "choices", 0, "message", "content") != "Done." {
		t.Fatalf("answer %v", v)
	}
	p := g.prompt(t, 2)
	for _, want := range []string{`"first"`, "twice gives {\"word\":\"first\"}", "twice gives {\"word\":\"a\"}", "seven"} {
		i := strings.Index(p, want)
		if i < 0 {
			t.Fatalf("%q is not in the right place of the prompt %q", want, p)
		}
		p = p[i:]
	}
}

func lookup2() string { return `"name": "lookup", "description": "looks"` }

// TestHostedTightens checks what a request may say about the server's tools.
func TestHostedTightens(t *testing.T) {
	url, g := hosting(t, func(h *hosted.Service) { h.Limits.USD = 0.025; h.Price.Output = 1e-7 })
	ask := func(extra string) (int, map[string]any) {
		return post(t, url+"/v1/chat/completions", `{"model":"test-model","messages":[{"role":"user","content":"What?"}]`+extra+`}`)
	}
	for _, tt := range []struct{ name, extra, field string }{
		{"loosened approval", `,"orchrt":{"approvals":{"asks":"auto"}}`, "orchrt.approvals.asks"},
		{"unknown tool", `,"orchrt":{"deny":["nothing"]}`, "orchrt"},
		{"unknown field", `,"orchrt":{"allow":["twice"]}`, "orchrt.allow"},
		{"budget", `,"orchrt":{"budget_usd":0}`, "orchrt.budget_usd"},
		{"budget for nothing", `,"orchrt":{"budget_usd":1e-9}`, "orchrt"},
		{"choice", `,"tool_choice":{"type":"function","function":{"name":"nothing"}}`, "tool_choice.function.name"},
		{"n", `,"n":2`, "n"},
		{"logprobs", `,"logprobs":true`, "logprobs"},
		{"off, but a call", `,"orchrt":{"tools":false},"tool_choice":"required"`, "tool_choice"},
	} {
		if status, v := ask(tt.extra); status != 400 || at(v, "error", "param") != tt.field {
			t.Errorf("%s: status %d, %v", tt.name, status, v)
		}
	}
	for _, tt := range []struct{ name, extra, text, want string }{
		{"off", `,"orchrt":{"tools":false}`, think + "Plain.", "Plain."},
		{"no choice", `,"tool_choice":"none"`, think + "Plain.", "Plain."},
		{"prefers", `,"orchrt":{"prefer":"Be cheap."}`, think + "Cheap.", "Cheap."},
		{"format", `,"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"],"additionalProperties":false}}}`, think + `{"x": 1}`, `{"x": 1}`},
	} {
		g.say(tt.text)
		if _, v := ask(tt.extra); at(v, "choices", 0, "message", "content") != tt.want {
			t.Errorf("%s: %v", tt.name, v)
		}
		switch p := g.prompt(t, 0); {
		case tt.name == "prefers" && !strings.Contains(p, "What?\n\nBe cheap.<|im_end|>"):
			t.Errorf("the preference is not where training had it: %q", p)
		case strings.Contains(p, "<tools>") != (tt.name == "prefers" || tt.name == "format"):
			t.Errorf("%s: the prompt is %q", tt.name, p)
		}
	}
	// A denied tool is not in the grammar: the model cannot call it.
	g.say(think + call("twice", `{"word": "a"}`))
	if status, v := ask(`,"orchrt":{"deny":["twice"]}`); status != 500 {
		t.Errorf("a call of a denied tool: status %d, %v", status, v)
	}
	// Two calls fit the budget of $0.025, a third does not; the answer is forced.
	g.say(think+call("twice", `{"word": "a"}`), think+call("twice", `{"word": "b"}`), think+call("twice", `{"word": "c"}`), think+call("twice", `{"word": "d"}`), think+"Enough.")
	_, v := ask("")
	if at(v, "choices", 0, "message", "content") != "Enough." || at(v, "orchrt", "run", "calls", 2, "error") != "budget" {
		t.Errorf("a budget for two calls: %v", v)
	}
	g.say(think+call("twice", `{"word": "a"}`), think+call("twice", `{"word": "b"}`), think+"One.")
	if _, v := ask(`,"orchrt":{"max_calls":1}`); at(v, "orchrt", "run", "calls", 1, "error") != "budget" {
		t.Errorf("a second call of one: %v", v)
	}
	if status, _ := ask(`,"orchrt":{"tools":["twice"],"approvals":{"*":"deny"}}`); status != 200 {
		t.Errorf("all tools denied: status %d", status)
	}
}

// TestHostedApproval: a call that needs approval waits for an answer of the same
// owner, where the request says so; else it is refused.
func TestHostedApproval(t *testing.T) {
	url, g := hosting(t, nil)
	g.say(think+call("asks", `{"word": "a"}`), think+"Refused.")
	_, v := post(t, url+"/v1/chat/completions", `{"model":"test-model","messages":[{"role":"user","content":"?"}]}`)
	if at(v, "orchrt", "run", "calls", 0, "error") != "refused" {
		t.Errorf("nobody was there to approve: %v", v)
	}
	for _, approve := range []bool{true, false} {
		g.say(think+call("asks", `{"word": "a"}`), think+"Done.")
		done := make(chan map[string]any)
		go func() {
			_, v := post(t, url+"/v1/chat/completions", `{"model":"test-model","messages":[{"role":"user","content":"?"}],"orchrt":{"approve":"wait"}}`)
			done <- v
		}()
		var id string
		eventually(t, "a question", func() bool {
			resp, err := http.Get(url + "/v1/approvals")
			if err != nil {
				t.Fatal(err)
			}
			var list struct{ Data []hosted.Approval }
			json.NewDecoder(resp.Body).Decode(&list)
			resp.Body.Close()
			if len(list.Data) == 1 {
				if id = list.Data[0].ID; list.Data[0].Name != "asks" || string(list.Data[0].Arguments) != `{"word":"a"}` {
					t.Errorf("question %+v", list.Data[0])
				}
			}
			return id != ""
		})
		req, _ := http.NewRequest("POST", url+"/v1/approvals/"+id, strings.NewReader(`{"approve":true}`))
		req.Header.Set("Authorization", "Bearer somebody-else")
		if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != 404 {
			t.Errorf("somebody else's answer: %v, %v", resp, err)
		}
		body, _ := json.Marshal(map[string]any{"approve": approve, "message": "not now"})
		if status, v := post(t, url+"/v1/approvals/"+id, string(body)); status != 200 {
			t.Errorf("answer: %v", v)
		}
		v := <-done
		got, _ := at(v, "orchrt", "run", "calls", 0, "output").(string)
		if want := map[bool]string{true: "asks gives", false: "not approved: not now"}[approve]; !strings.Contains(got, want) {
			t.Errorf("approved %v: %v", approve, v)
		}
		if status, _ := post(t, url+"/v1/approvals/"+id, string(body)); status != 404 {
			t.Errorf("a second answer: status %d", status)
		}
	}
}

// TestHostedResponses: calls of the server are mcp_call items, a call that needs
// approval is a request that the next response's input answers.
func TestHostedResponses(t *testing.T) {
	url, g := hosting(t, nil)
	ctx := context.Background()
	client := sdk.NewClient(option.WithBaseURL(url+"/v1"), option.WithAPIKey("none"), option.WithMaxRetries(0))
	p := responses.ResponseNewParams{Model: "test-model", Instructions: sdk.String("Be good."), Input: responses.ResponseNewParamsInputUnion{OfString: sdk.String("Read it.")}}
	g.say(think+call("fs_read", `{"word": "a"}`)+"\n"+call("asks", `{"word": "b"}`), think+"Done.", think+"And again.")
	s := client.Responses.NewStreaming(ctx, p)
	var types []string
	var first responses.Response
	for s.Next() {
		e := s.Current()
		if strings.HasPrefix(e.Type, "response.mcp") || strings.HasSuffix(e.Type, "item.done") {
			types = append(types, e.Type+" "+e.Item.Type)
		}
		if e.Type == "response.completed" {
			first = e.Response
		}
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	want := []string{"response.output_item.done reasoning", "response.mcp_call.in_progress ", "response.mcp_call_arguments.done ", "response.mcp_call.completed ",
		"response.output_item.done mcp_call", "response.output_item.done mcp_approval_request"}
	if strings.Join(types, "\n") != strings.Join(want, "\n") {
		t.Errorf("events\n%s\nwant\n%s", strings.Join(types, "\n"), strings.Join(want, "\n"))
	}
	if len(first.Output) != 3 || first.Output[1].ServerLabel != "fs" || first.Output[1].Output.OfString != `fs_read gives {"word":"a"} [secret]` || first.Output[2].Type != "mcp_approval_request" {
		t.Fatalf("output %s", first.RawJSON())
	}
	next := responses.ResponseNewParams{Model: "test-model", PreviousResponseID: sdk.String(first.ID), Input: responses.ResponseNewParamsInputUnion{
		OfInputItemList: responses.ResponseInputParam{responses.ResponseInputItemParamOfMcpApprovalResponse(first.Output[2].ID, true)}}}
	second, err := client.Responses.New(ctx, next)
	if err != nil {
		t.Fatal(err)
	}
	if second.OutputText() != "Done." || second.Output[0].Type != "mcp_call" || second.Output[0].Name != "asks" || second.Output[0].ApprovalRequestID != first.Output[2].ID {
		t.Errorf("output %s", second.RawJSON())
	}
	if p := g.prompt(t, 1); !strings.Contains(p, "fs_read gives {\"word\":\"a\"} [secret]\n</tool_response>\n<tool_response>\nasks gives {\"word\":\"b\"}") || strings.Contains(p, "Be good.") {
		t.Errorf("prompt %q", p)
	}
	// The same without storage: the client sends all items back.
	items := []json.RawMessage{json.RawMessage(`{"role":"user","content":"Read it."}`)}
	for _, o := range first.Output {
		items = append(items, json.RawMessage(o.RawJSON()))
	}
	items = append(items, json.RawMessage(`{"type":"mcp_approval_response","approval_request_id":"`+first.Output[2].ID+`","approve":false,"reason":"no"}`))
	raw, _ := json.Marshal(items)
	status, v := post(t, url+"/v1/responses", `{"model":"test-model","input":`+string(raw)+`}`)
	if status != 200 || at(v, "output", 0, "status") != "failed" || !strings.Contains(at(v, "output", 0, "error").(string), "not approved: no") {
		t.Errorf("status %d, %v", status, v)
	}
	if p := g.prompt(t, 2); !strings.Contains(p, "fs_read gives") || !strings.Contains(p, "not approved: no") {
		t.Errorf("prompt %q", p)
	}
}

// TestHostedServers: tools of the type mcp choose and tighten.
func TestHostedServers(t *testing.T) {
	url, g := hosting(t, func(h *hosted.Service) { h.OnRequest = true })
	ask := func(tools string) (int, map[string]any) {
		return post(t, url+"/v1/responses", `{"model":"test-model","input":"?","tools":[`+tools+`]}`)
	}
	for _, tools := range []string{`{"type":"mcp","server_label":"other"}`, `{"type":"mcp","server_label":"fs","server_url":"http://example.org"}`,
		`{"type":"mcp","server_label":"fs","allowed_tools":["twice"]}`, `{"type":"mcp","server_label":"fs","require_approval":"perhaps"}`} {
		if status, v := ask(tools); status != 400 {
			t.Errorf("%s: status %d, %v", tools, status, v)
		}
	}
	g.say(think + "Nothing.")
	if ask(""); strings.Contains(g.prompt(t, 0), "<tools>") {
		t.Errorf("tools that nobody asked for: %q", g.prompt(t, 0))
	}
	g.say(think + call("fs_read", `{"word": "a"}`))
	_, v := ask(`{"type":"mcp","server_label":"fs","require_approval":"always"}`)
	if at(v, "output", 1, "type") != "mcp_approval_request" || strings.Contains(g.prompt(t, 0), "twice") {
		t.Errorf("%v after %q", v, g.prompt(t, 0))
	}
}

// TestHostedCancel: a client that leaves ends the call that it waits for.
func TestHostedCancel(t *testing.T) {
	begun, ended := make(chan bool, 1), make(chan bool, 1)
	url, g := hosting(t, func(h *hosted.Service) {
		slow := serverTool("slow")
		slow.Executor = orchestrate.ExecutorFunc(func(ctx context.Context, _ json.RawMessage) (orchestrate.Result, error) {
			begun <- true
			<-ctx.Done()
			ended <- true
			return orchestrate.Result{}, ctx.Err()
		})
		h.Tools = func() []orchestrate.Tool { return []orchestrate.Tool{slow} }
	})
	g.say(think + call("slow", `{"word": "a"}`))
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		<-begun
		cancel()
	}()
	req, _ := http.NewRequestWithContext(ctx, "POST", url+"/v1/chat/completions", bytes.NewReader([]byte(`{"model":"test-model","stream":true,"messages":[{"role":"user","content":"?"}]}`)))
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the call goes on after its client has left")
	}
}
