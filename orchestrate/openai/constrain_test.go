package openai

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"testing"

	"orchrt/sampler"
	"orchrt/sampler/grammar"
	"orchrt/testdata"
	"orchrt/tokenizer"
	"orchrt/tokenizer/chat"
)

// qwenBackend is a backend without a model over Qwen3's vocabulary, in which old
// is spelt new.
func qwenBackend(t *testing.T, old, new string) *Backend {
	t.Helper()
	r, err := testdata.Qwen3Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.FromJSON(bytes.NewReader(bytes.ReplaceAll(text, []byte(old), []byte(new))))
	if err != nil {
		t.Fatal(err)
	}
	p := sampler.Defaults(true)
	p.EOS = []int32{151645, 151643}
	return &Backend{Names: []string{"m"}, Tokenizer: tok, Template: chat.Qwen3(), Context: 256, Vocab: tok.Size(), Defaults: p, NoThinking: p, MaxChoices: 4,
		Grammar: sync.OnceValues(func() (*grammar.Vocabulary, error) { return grammar.NewVocabulary(tok) })}
}

// prepare reads a request and makes its job.
func prepare(t *testing.T, b *Backend, body string) (*Job, *Error) {
	t.Helper()
	r, err := ParseChat([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return b.Chat(t.Context(), r)
}

func TestConstrain(t *testing.T) {
	b := qwenBackend(t, "", "")
	for body, masked := range map[string]bool{
		chatBody(""):                                         false,
		chatBody(`"tools":[]`):                               false,
		chatBody(`"ignore_eos":true`):                        false,
		toolBody(`"n":2`):                                    true,
		toolBody(`"tool_choice":"none"`):                     true,
		toolBody(`"stop_token_ids":[151643]`):                true,
		chatBody(`"response_format":{"type":"json_object"}`): true,
	} {
		j, err := prepare(t, b, body)
		if err != nil {
			t.Errorf("%s: %v", body, err)
			continue
		}
		for i, c := range j.Choices {
			if masked != (c.Request.Mask != nil) || i > 0 && c.Request.Mask == j.Choices[0].Request.Mask {
				t.Errorf("%s: the mask of choice %d is %v", body, i, c.Request.Mask)
			}
		}
	}
	long := strings.Repeat("word ", 190)
	for _, tt := range []struct{ body, param, code, text string }{
		{toolBody(`"tool_choice":"required","max_completion_tokens":3`), "max_completion_tokens", CodeInvalidValue, "is 3, but at least"},
		{strings.Replace(toolBody(""), "hi", long, 1), "messages", CodeContextExceeded, "context"},
		{toolBody(`"ignore_eos":true`), "ignore_eos", CodeUnsupported, "tools"},
	} {
		if _, err := prepare(t, b, tt.body); err == nil || err.Status != 400 || err.Param != tt.param || err.Code != tt.code || !strings.Contains(err.Message, tt.text) {
			t.Errorf("%.200s: %+v, want param %s, code %s, text with %q", tt.body, err, tt.param, tt.code, tt.text)
		}
	}
}

// TestNoRoomForACall: the first prompt that is too long is one that has room for
// an answer, but not for the call that it must be.
func TestNoRoomForACall(t *testing.T) {
	b := qwenBackend(t, "", "")
	for n := range 256 {
		_, err := prepare(t, b, strings.Replace(toolBody(`"tool_choice":"required"`), "hi", strings.Repeat("a ", n), 1))
		if err == nil {
			continue
		}
		if n < 10 || err.Param != "messages" || err.Code != CodeContextExceeded || !strings.Contains(err.Message, "leaves") {
			t.Errorf("%d words: %+v", n, err)
		}
		return
	}
	t.Error("every prompt has room")
}

// TestNoCallTokens: a model without the tokens of calls says so; documents need
// none of them.
func TestNoCallTokens(t *testing.T) {
	b := qwenBackend(t, "<tool_call>", "<fool_call>")
	if _, err := prepare(t, b, toolBody("")); err == nil || err.Param != "tools" || err.Code != CodeUnsupported || !strings.Contains(err.Message, "<tool_call>") {
		t.Errorf("tools: %+v", err)
	}
	for _, body := range []string{chatBody(""), toolBody(`"tool_choice":"none"`), chatBody(`"response_format":{"type":"json_object"}`)} {
		if j, err := prepare(t, b, body); err != nil || j.split.tags.known {
			t.Errorf("%s: %v, %+v", body, err, j)
		}
	}
}

func TestHeaderText(t *testing.T) {
	if got := HeaderText("a\r\nb\x00ü\x7f"); got != "a  b ? " {
		t.Errorf("%q", got)
	}
	if got := HeaderText(strings.Repeat("x", 1000)); len(got) != 303 {
		t.Errorf("%d bytes", len(got))
	}
}
