package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"orchrt/tokenizer/chat/jinja"
	"orchrt/tokenizer/chat/pyjson"
)

// Options is what a template is told about its model.
type Options struct {
	BOS, EOS string // the spellings that a template sees as bos_token and eos_token
	// Added are the spellings of the added tokens. Where they are given, the
	// control segments of a Prompt hold nothing else; the template's other text
	// is joined with the text around it.
	Added []string
	Now   func() time.Time // the clock of strftime_now; nil: time.Now
}

// Template renders conversations. It may be used by several goroutines at once.
type Template struct {
	program *jinja.Template // nil: Qwen3's, rendered natively
	opts    Options
	added   spellings // nil: not known
}

// qwen3Hashes are the SHA-256 of the published revisions of Qwen3's template,
// normalised as in fingerprint.
var qwen3Hashes = map[string]bool{
	"87a2728cb8dc9fe424d624542f6060ec05a1d285ebbec578bb078900e33396b5": true, // of April 2025; content must be a string
	"a55ee1b1660128b7098723e0abcd92caa0788061051c62d51cbe87d9cf1974d8": true, // of July 2025; other content counts as ""
}

// New returns the template with the given Jinja source: one of Qwen3's
// revisions is recognised and rendered natively, any other text is interpreted.
// A template that cannot be parsed is a *jinja.Error.
func New(template string, opts Options) (*Template, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	t := &Template{opts: opts}
	for _, text := range opts.Added {
		if t.added == nil {
			t.added = make(spellings)
		}
		t.added.add(text, 0)
	}
	if qwen3Hashes[fingerprint(template)] {
		return t, nil
	}
	program, err := jinja.New(template, jinja.Limits{})
	if err != nil {
		return nil, err
	}
	t.program = program
	return t, nil
}

// Qwen3 returns Qwen3's own template.
func Qwen3() *Template { return &Template{} }

// Native reports whether the template is one that needs no interpreter.
func (t *Template) Native() bool { return t.program == nil }

// fingerprint hashes a template without regard to line ends and to white space
// around it, neither of which changes what these templates write.
func fingerprint(template string) string {
	if len(template) > 64<<10 {
		return ""
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(strings.ReplaceAll(template, "\r\n", "\n"))))
	return hex.EncodeToString(sum[:])
}

// Render renders a conversation. A faulty request is a *FieldError; a template
// that fails, refuses the conversation or exceeds its limits is a *jinja.Error.
func (t *Template) Render(r Request) (Prompt, error) {
	if err := r.Validate(); err != nil {
		return Prompt{}, err
	}
	if t.program == nil {
		return renderQwen3(&r, t.added), nil
	}
	vars, size, err := t.variables(&r)
	if err != nil {
		return Prompt{}, err
	}
	pieces, err := t.program.Render(vars, size, t.opts.Now)
	if err != nil {
		return Prompt{}, err
	}
	b := builder{added: t.added}
	for _, p := range pieces {
		if p.User {
			b.user(p.Text)
		} else {
			b.control(p.Text)
		}
	}
	return b.prompt(), nil
}

// variables returns what a Jinja template sees of a request, and its size in
// bytes.
func (t *Template) variables(r *Request) (map[string]jinja.Value, int, error) {
	vars := map[string]jinja.Value{
		"bos_token": jinja.Literal(t.opts.BOS), "eos_token": jinja.Literal(t.opts.EOS),
		"add_generation_prompt": r.AddGenerationPrompt,
	}
	size := 0
	messages := &jinja.List{}
	for i := range r.Messages {
		m, n := messageValue(&r.Messages[i])
		messages.Items = append(messages.Items, m)
		size += n
	}
	vars["messages"] = messages
	vars["tools"], vars["documents"] = nil, nil
	if len(r.Tools) > 0 {
		tools := &jinja.List{}
		for _, t := range r.Tools {
			tools.Items = append(tools.Items, mustJSON(t))
			size += len(t) + 256
		}
		vars["tools"] = tools
	}
	if r.EnableThinking != nil {
		vars["enable_thinking"] = *r.EnableThinking
	}
	for name, raw := range r.Kwargs {
		vars[name] = mustJSON(raw)
		size += len(raw)
	}
	return vars, size, nil
}

// mustJSON turns JSON that Validate has parsed into a template's value.
func mustJSON(raw json.RawMessage) jinja.Value {
	v, _ := pyjson.Parse(raw)
	return jinja.FromJSON(v)
}

// messageValue returns a message as templates know it, and its size. The role
// counts as the template's own text: it is one of a fixed set, and some
// templates build control tokens from it.
func messageValue(m *Message) (*jinja.Dict, int) {
	d := jinja.NewDict()
	content := m.Content.String()
	size := len(content) + 512
	d.SetName("role", jinja.Literal(m.role()))
	d.SetName("content", jinja.User(content))
	for _, f := range []struct{ key, value string }{{"name", m.Name}, {"tool_call_id", m.ToolCallID}} {
		if f.value != "" {
			d.SetName(f.key, jinja.User(f.value))
			size += len(f.value)
		}
	}
	if m.ReasoningContent != nil {
		d.SetName("reasoning_content", jinja.User(*m.ReasoningContent))
		size += len(*m.ReasoningContent)
	}
	if len(m.ToolCalls) > 0 {
		calls := &jinja.List{}
		for i := range m.ToolCalls {
			calls.Items = append(calls.Items, callValue(&m.ToolCalls[i]))
			size += len(m.ToolCalls[i].Arguments) + 512
		}
		d.SetName("tool_calls", calls)
	}
	return d, size
}

func callValue(c *ToolCall) *jinja.Dict {
	function := jinja.NewDict()
	function.SetName("name", jinja.User(c.Name))
	if object, text := c.arguments(); object != nil {
		function.SetName("arguments", jinja.FromJSON(object))
	} else {
		function.SetName("arguments", jinja.User(text))
	}
	call := jinja.NewDict()
	if c.ID != "" {
		call.SetName("id", jinja.User(c.ID))
	}
	call.SetName("type", jinja.Literal("function"))
	call.SetName("function", function)
	return call
}
