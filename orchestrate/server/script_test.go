package server

import (
	"context"
	"iter"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"orchrt/orchestrate/openai"
	"orchrt/runtime"
	"orchrt/sampler"
	"orchrt/sampler/grammar"
	"orchrt/testdata"
	"orchrt/tokenizer"
	"orchrt/tokenizer/chat"
)

// script is a Generator that answers with fixed texts: the one whose key stands
// last in the prompt.
type script struct {
	tok     *tokenizer.Tokenizer
	texts   map[string]string
	pause   time.Duration // before each token
	queued  time.Duration // before a sequence starts
	active  atomic.Int32  // sequences at work
	started chan struct{} // gets a value with each sequence, if not nil
	busy    atomic.Bool   // answer with ErrBusy
	last    atomic.Value  // the last prompt's text
}

// prompt is the text of the last prompt.
func (g *script) prompt() string { return g.last.Load().(string) }

// The texts of the test model. "endless" and "poison" are special to the script.
func texts() map[string]string {
	return map[string]string{
		"hello":   "Grüß dich, 世界 👩‍👩‍👧!",
		"think":   "<think>\nLet me see.\n</think>\n\nIt is 4.",
		"weather": "<think>\nA tool helps.\n</think>\n\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Köln\", \"days\": [1, 2]}}\n</tool_call>\n<tool_call>\n{\"name\": \"get_time\", \"arguments\": {}}\n</tool_call>",
		"count":   "one two three four five six",
	}
}

// Generate implements openai.Generator.
func (g *script) Generate(ctx context.Context, r runtime.Request) iter.Seq2[runtime.Token, error] {
	return func(yield func(runtime.Token, error) bool) {
		if g.busy.Load() {
			yield(runtime.Token{}, runtime.ErrBusy)
			return
		}
		time.Sleep(g.queued)
		g.active.Add(1)
		defer g.active.Add(-1)
		if g.started != nil {
			g.started <- struct{}{}
		}
		prompt, _ := g.tok.Decode(r.Prompt, false)
		g.last.Store(prompt)
		if strings.Contains(prompt, "poison") {
			panic("poisoned request")
		}
		ids, finish := g.answer(prompt), runtime.FinishStop
		if n := r.MaxTokens; n > 0 && n < len(ids) {
			ids, finish = ids[:n], runtime.FinishLength
		}
		started := time.Now()
		for i := 0; ; i++ {
			if g.pause > 0 {
				select {
				case <-ctx.Done():
				case <-time.After(g.pause):
				}
			}
			if ctx.Err() != nil {
				yield(runtime.Token{}, ctx.Err())
				return
			}
			var t runtime.Token
			t.ID, t.Logprob = ids[i%len(ids)], -0.5
			t.Started, t.Drawn = started, time.Now()
			if r.Params.Logprobs > 0 {
				t.Top = []sampler.Logprob{{ID: t.ID, Logprob: -0.5}}
			}
			if i == len(ids)-1 && !strings.Contains(prompt, "endless") {
				t.Finish = finish
			}
			if !yield(t, nil) || t.Finish != "" {
				return
			}
		}
	}
}

// answer are the ids of the text for prompt with the token that ends it.
func (g *script) answer(prompt string) []int32 {
	text, last := "I do not know.", -1
	prompt = strings.TrimSuffix(prompt, "<think>\n\n</think>\n\n") // of thinking that is off
	for key, t := range g.texts {
		if at := strings.LastIndex(prompt, key); at > last {
			text, last = t, at
		}
	}
	ids, err := g.tok.Encode(text+"<|im_end|>", true)
	if err != nil {
		panic(err)
	}
	return ids
}

// readQwen3 reads Qwen3's tokenizer once for all tests.
var readQwen3 = sync.OnceValues(func() (*tokenizer.Tokenizer, error) {
	r, err := testdata.Qwen3Tokenizer()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return tokenizer.FromJSON(r)
})

// qwen3 is Qwen3's tokenizer.
func qwen3(t testing.TB) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := readQwen3()
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// readGrammar prepares Qwen3's vocabulary once for all tests.
var readGrammar = sync.OnceValues(func() (*grammar.Vocabulary, error) {
	tok, err := readQwen3()
	if err != nil {
		return nil, err
	}
	return grammar.NewVocabulary(tok)
})

// qwenParams are Qwen3's defaults, with what ends its turns.
func qwenParams(thinking bool) sampler.Params {
	p := sampler.Defaults(thinking)
	p.EOS = []int32{151645, 151643} // <|im_end|>, <|endoftext|>
	return p
}

// newBackend returns a backend over the script g.
func newBackend(g *script) *openai.Backend {
	return &openai.Backend{Names: []string{"test-model", "alias"}, Created: time.Unix(1700000000, 0), Fingerprint: "fp_test",
		Generator: g, Tokenizer: g.tok, Template: chat.Qwen3(), Context: 1024, Vocab: g.tok.Size(),
		Grammar:  readGrammar,
		Defaults: qwenParams(true), NoThinking: qwenParams(false), MaxChoices: 8}
}

// start serves the script over HTTP.
func start(t testing.TB, g *script, opt Options) (*Server, *httptest.Server) {
	t.Helper()
	if g.tok == nil {
		g.tok = qwen3(t)
	}
	if g.texts == nil {
		g.texts = texts()
	}
	s := New(opt)
	s.SetBackend(newBackend(g), nil)
	hs := httptest.NewServer(s)
	t.Cleanup(hs.Close)
	return s, hs
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for range 500 {
		if cond() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s did not come about in 5 s", what)
}

// has tells whether one of the lines has the prefix.
func has(text, prefix string) bool {
	return slices.ContainsFunc(strings.Split(text, "\n"), func(l string) bool { return strings.HasPrefix(l, prefix) })
}
