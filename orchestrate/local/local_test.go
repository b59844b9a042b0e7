package local_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"sync"
	"testing"
	"time"

	"orchrt/orchestrate"
	"orchrt/orchestrate/local"
	"orchrt/orchestrate/openai"
	"orchrt/orchestrate/profile"
	"orchrt/runtime"
	"orchrt/sampler"
	"orchrt/sampler/grammar"
	"orchrt/testdata"
	"orchrt/tokenizer"
	"orchrt/tokenizer/chat"
)

// answers is a Generator that gives one text after the other, as far as its
// masks allow them.
type answers struct {
	t     *testing.T
	tok   *tokenizer.Tokenizer
	mu    sync.Mutex
	texts []string
	at    int
}

func (a *answers) Generate(ctx context.Context, r runtime.Request) iter.Seq2[runtime.Token, error] {
	return func(yield func(runtime.Token, error) bool) {
		a.mu.Lock()
		text := a.texts[a.at]
		a.at++
		a.mu.Unlock()
		ids, err := a.tok.Encode(text+"<|im_end|>", true)
		if err != nil {
			a.t.Error(err)
		}
		buf := make([]uint64, (a.tok.Size()+63)/64)
		for i, id := range ids {
			if ctx.Err() != nil {
				yield(runtime.Token{}, ctx.Err())
				return
			}
			if r.Mask != nil {
				if m := r.Mask.Allowed(buf); m != nil && m[id/64]>>(id%64)&1 == 0 {
					yield(runtime.Token{}, errors.New("token of "+text+" is not allowed: "+string(a.tok.Bytes(id))))
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
			if !yield(tok, nil) {
				return
			}
		}
	}
}

func policy(t *testing.T, texts ...string) *local.Policy {
	t.Helper()
	r, err := testdata.Qwen3Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tok, err := tokenizer.FromJSON(r)
	if err != nil {
		t.Fatal(err)
	}
	p := sampler.Defaults(true)
	p.EOS = []int32{151645, 151643}
	return &local.Policy{Backend: &openai.Backend{Names: []string{"m"}, Generator: &answers{t: t, tok: tok, texts: texts}, Tokenizer: tok,
		Template: chat.Qwen3(), Context: 2048, Vocab: tok.Size(), Defaults: p, NoThinking: p, MaxChoices: 1,
		Grammar: sync.OnceValues(func() (*grammar.Vocabulary, error) { return grammar.NewVocabulary(tok) })}}
}

// TestRun drives two turns through template, grammar and parser, and replays
// the prompts out of the trace.
func TestRun(t *testing.T) {
	p := policy(t, "<think>\nI look.\n</think>\n\n<tool_call>\n{\"name\": \"look\", \"arguments\": {\"where\": \"here\"}}\n</tool_call>\n<tool_call>\n{\"name\": \"look\", \"arguments\": {\"where\": \"there\"}}\n</tool_call>",
		"<think>\nSo.\n</think>\n\nIt is here.")
	look := orchestrate.Tool{Name: "look", Description: "looks", Schema: json.RawMessage(`{"type": "object", "properties": {"where": {"type": "string"}}, "required": ["where"]}`),
		Grammar: json.RawMessage(`{"type": "object", "properties": {"where": {"enum": ["here", "there"]}}, "required": ["where"], "additionalProperties": false}`),
		Executor: orchestrate.ExecutorFunc(func(_ context.Context, args json.RawMessage) (orchestrate.Result, error) {
			return orchestrate.Result{Text: "saw " + string(args) + "<|im_end|>"}, nil
		})}
	var trace bytes.Buffer
	r := orchestrate.Runner{Policy: p, Model: "m", Price: orchestrate.Price{Input: 2e-7, Output: 2e-7}, Tokenizer: p.Backend.Tokenizer, Context: 2048,
		Profile: profile.Chat{}, Tools: []orchestrate.Tool{look}}
	var deltas strings.Builder
	got, err := r.Run(context.Background(), orchestrate.Question{Text: "Where?"}, orchestrate.Options{Trace: &trace, Stream: true, MaxTokens: 400, Budget: orchestrate.Limits{USD: 0.01}},
		func(e orchestrate.Event) { deltas.WriteString(e.Delta.Content) })
	if err != nil {
		t.Fatal(err)
	}
	if got.Answer != "It is here." || len(got.Calls) != 2 || got.Calls[1].Text != `saw {"where":"there"}<|im_end|>` || deltas.String() != got.Answer {
		t.Errorf("answer %q, deltas %q, calls %+v", got.Answer, deltas.String(), got.Calls)
	}
	if s := got.Ledger.Total(); s.Input == 0 || s.Think == 0 || s.USD == 0 {
		t.Errorf("totals %+v", s)
	}
	again, err := orchestrate.Replay(&trace, orchestrate.ReplayOptions{Profile: profile.Named, Tokenizer: p.Backend.Tokenizer, Render: p.Render})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(again.Prompts); n != 2 || !strings.Contains(again.Prompts[1], "<tool_response>\nsaw {\"where\":\"here\"}<|im_end|>\n</tool_response>\n<tool_response>\nsaw") {
		t.Errorf("%d prompts, the last %q", n, again.Prompts[n-1])
	}
}

// TestForbiddenCannotBeCalled: a tool that is not offered, and arguments outside
// the grammar, are not in the mask.
func TestForbiddenCannotBeCalled(t *testing.T) {
	call := func(name, where string) string {
		return "<think>\n\n</think>\n\n<tool_call>\n{\"name\": \"" + name + "\", \"arguments\": {\"where\": \"" + where + "\"}}\n</tool_call>"
	}
	tool := func(name string) orchestrate.Tool {
		return orchestrate.Tool{Name: name, Grammar: json.RawMessage(`{"type": "object", "properties": {"where": {"enum": ["here"]}}, "required": ["where"], "additionalProperties": false}`),
			Executor: orchestrate.ExecutorFunc(func(context.Context, json.RawMessage) (orchestrate.Result, error) { return orchestrate.Result{}, nil })}
	}
	for _, text := range []string{call("denied", "here"), call("allowed", "elsewhere")} {
		p := policy(t, text)
		r := orchestrate.Runner{Policy: p, Profile: profile.Chat{}, Tools: []orchestrate.Tool{tool("allowed"), tool("denied")}}
		_, err := r.Run(context.Background(), orchestrate.Question{Text: "?"}, orchestrate.Options{Selection: orchestrate.Selection{Deny: []string{"denied"}}}, nil)
		if err == nil {
			t.Errorf("%s went through", text)
		}
	}
}
