package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"orchrt/orchestrate"
	"orchrt/testdata"
	"orchrt/tokenizer"
	"orchrt/tokenizer/chat"
)

// qwen3 is Qwen3's tokenizer, read once.
var qwen3 = sync.OnceValues(func() (*tokenizer.Tokenizer, error) {
	r, err := testdata.Qwen3Tokenizer()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return tokenizer.FromJSON(r)
})

func tokens(t testing.TB) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := qwen3()
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// words are what the inputs of the golden files are made of.
var words = []string{"river", "stone", "lamp", "12", "x_y", "=", "f(3)", "größe", "世界", "naïve", "Ελλάδα", "don't", "(a)", "[b]", "{c}", "3.14",
	"\n", "tab\there", "emoji🙂", "end.", "The", "of", "and", "to", "in", "e\u0301"}

// source is the generator of the golden files.
type source struct {
	state uint64
	words []string
}

func newSource(seed int, plain bool) *source {
	s := &source{state: uint64(seed), words: words}
	if plain {
		s.words = slices.DeleteFunc(slices.Clone(words), func(w string) bool {
			return strings.ContainsFunc(w, func(r rune) bool { return r > 127 })
		})
	}
	return s
}

func (s *source) text(n int) string {
	out := make([]string, n)
	for i := range out {
		s.state = s.state*6364136223846793005 + 1442695040888963407
		out[i] = s.words[(s.state>>33)%uint64(len(s.words))]
	}
	return strings.Join(out, " ")
}

func readGolden(t *testing.T, name string, into any) {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func digest(s string) string {
	h := sha256.Sum256([]byte(s))
	return hex.EncodeToString(h[:])
}

// stateCase is the seed and the sizes of a generated state.
type stateCase struct {
	Seed, Docs, Code, Attempts int
	DocWords                   int `json:"doc_words"`
	CodeWords                  int `json:"code_words"`
	AttemptWords               int `json:"attempt_words"`
	ProblemWords               int `json:"problem_words"`
	Plain                      bool
}

// TestStatePrompts compares prompts with those of the release (testdata/README.md).
func TestStatePrompts(t *testing.T) {
	var golden struct {
		Cases []stateCase
		Want  []struct {
			Seed                          int
			Profile, System, User, SHA256 string
			Bytes                         int
		}
	}
	readGolden(t, "state.json", &golden)
	tok := tokens(t)
	for _, w := range golden.Want {
		i := slices.IndexFunc(golden.Cases, func(c stateCase) bool { return c.Seed == w.Seed })
		c := golden.Cases[i]
		rng := newSource(c.Seed, c.Plain)
		problem := rng.text(c.ProblemWords)
		var s state
		for range c.Docs {
			s.documents = append(s.documents, rng.text(c.DocWords))
		}
		for range c.Code {
			code := rng.text(c.CodeWords)
			s.code = append(s.code, codeRun{code, rng.text(c.CodeWords / 2)})
		}
		for i := range c.Attempts {
			s.attempts = append(s.attempts, attempt{fmt.Sprintf("answer-%d", i%4+1), rng.text(c.AttemptWords)})
		}
		v, err := ToolOrchestra{Variant: w.Profile}.variant()
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.user(tok, problem, &s, 0)
		if err != nil {
			t.Fatal(err)
		}
		if v.system != w.System {
			t.Errorf("%s: system %q, want %q", w.Profile, v.system, w.System)
		}
		if w.User != "" && got != w.User {
			t.Errorf("%s, case %d:\n got %q\nwant %q", w.Profile, w.Seed, got, w.User)
		} else if digest(got) != w.SHA256 {
			t.Errorf("%s, case %d: %d bytes, want %d others", w.Profile, w.Seed, len(got), w.Bytes)
		}
	}
}

const transfer = "Hand the customer over to a person when you cannot help.\n"

// TestTau2Prompts compares system messages and cuts with those of the release.
func TestTau2Prompts(t *testing.T) {
	var golden []struct {
		Seed, Turns, Words, Messages int
		Expert                       bool
		ToolsTokens                  int `json:"tools_tokens"`
		System                       string
		Kept                         []int
	}
	readGolden(t, "tau2.json", &golden)
	tok := tokens(t)
	for _, c := range golden {
		rng := newSource(100+c.Seed, false)
		plain := newSource(0, true).words
		all := rng.words
		text1 := func(n int) string { rng.words = plain; defer func() { rng.words = all }(); return rng.text(n) }
		policy := "# Policy\n" + text1(50) + "\n"
		if c.Seed%2 == 0 {
			policy += transfer
		}
		policy += "\n" + rng.text(30)
		e := &tau2Episode{p: Tau2{Transfer: []string{transfer}}, setup: orchestrate.Setup{Question: orchestrate.Question{System: policy}}}
		if c.Expert {
			e.expert = &orchestrate.Tool{}
		}
		messages := append([]chat.Message{e.system(true)}, tau2Messages(rng, c.Seed, c.Turns, c.Words)...)
		if len(messages) != c.Messages || digest(messages[0].Content.String()) != c.System {
			t.Errorf("case %d: %d messages, want %d; system message %q", c.Seed, len(messages), c.Messages, messages[0].Content)
		}
		got, err := middle(tok, messages, nil, tau2History-c.ToolsTokens+1) // an empty list is a token
		if err != nil {
			t.Fatal(err)
		}
		var kept []int
		for at := 0; len(got) > 0; at++ {
			if pyMessage(messages[at]) == pyMessage(got[0]) {
				kept, got = append(kept, at), got[1:]
			}
		}
		if !slices.Equal(kept, c.Kept) {
			t.Errorf("case %d: kept %v\nwant %v", c.Seed, kept, c.Kept)
		}
	}
}

// tau2Messages is the conversation of a case.
func tau2Messages(rng *source, seed, turns, size int) []chat.Message {
	m := []chat.Message{text("user", rng.text(12))}
	for i := range turns {
		if i%2 == 1 {
			m = append(m, text("assistant", rng.text(size/4+1)), text("user", rng.text(size/3+1)))
			continue
		}
		a := chat.Message{Role: "assistant", Content: chat.MessageContent{Kind: chat.ContentNull}}
		if i%4 != 0 {
			a.Content = chat.Text(rng.text(5))
		}
		id := fmt.Sprintf("call_%d_%d", seed, i)
		a.ToolCalls = []chat.ToolCall{{ID: id, Name: "get_order", Arguments: `{"order_id": ` + quote(rng.text(2)) + fmt.Sprintf(`, "n": %d}`, i)}}
		r := text("tool", rng.text(size))
		r.ToolCallID = id
		m = append(m, a, r)
	}
	return m
}

func TestPythonText(t *testing.T) {
	for s, want := range map[string]string{"a": `'a'`, "don't": `"don't"`, `'"`: `'\'"'`, "\x00\x7f\u00a0\u200b\U000e0001é🙂\\": `'\x00\x7f\xa0\u200b\U000e0001é🙂\\'`} {
		if got := pyString(s); got != want {
			t.Errorf("pyString(%q) = %s, want %s", s, got, want)
		}
	}
	got, err := pyTools([]json.RawMessage{json.RawMessage(`{"a": [1, 1.50, true, null, "x'"], "b": {}}`)})
	if want := `[{'a': [1, 1.5, True, None, "x'"], 'b': {}}]`; err != nil || got != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	if got, want := pyASCII(`{"a":"é🙂","b":1E5}`), `{"a": "\u00e9\ud83d\ude42", "b": 100000.0}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
