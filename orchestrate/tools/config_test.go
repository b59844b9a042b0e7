package tools

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"orchrt/orchestrate"
)

// env is a lookup of a few variables.
func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

// parse reads a configuration that must be right.
func parse(t *testing.T, text string, pairs ...string) *Config {
	t.Helper()
	c, err := Parse("tools.yaml", []byte(text), env(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// open opens a configuration.
func open(t *testing.T, text string, pairs ...string) *Set {
	t.Helper()
	s, err := parse(t, text, pairs...).Open(t.Context(), Env{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// tool is the tool of a name.
func tool(t *testing.T, s *Set, name string) orchestrate.Tool {
	t.Helper()
	for _, x := range s.Tools() {
		if x.Name == name {
			return x
		}
	}
	t.Fatalf("there is no tool %s", name)
	return orchestrate.Tool{}
}

// call calls a tool.
func call1(t *testing.T, s *Set, name, args string) (orchestrate.Result, error) {
	t.Helper()
	return tool(t, s, name).Call(t.Context(), json.RawMessage(args))
}

func TestExample(t *testing.T) {
	data, err := os.ReadFile("testdata/tools.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Parse("testdata/tools.yaml", data, env("LARGE_KEY", "sk-large-key", "WEATHER_KEY", "w-secret"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, t := range c.tools {
		names = append(names, t.Name+"/"+t.Type+"/"+t.Approval.String())
	}
	want := "calculator/calculator/auto clock/clock/auto notes/files/auto ask_expert/model/auto answer/experts/auto weather/http/auto " +
		"retrieve/http/auto fetch/http/auto word_count/command/auto files/mcp/ask remote/mcp/ask python/code/ask everything/mcp/ask"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("tools\n%s\nwant\n%s", got, want)
	}
	for _, s := range []string{"sk-large-key", "w-secret", "not-a-real-token"} {
		if !slices.Contains(c.secrets, s) {
			t.Errorf("%s is not among the secrets %q", s, c.secrets)
		}
	}
	w := c.tools[5].base()
	if w.Timeout != 10*time.Second || w.MaxResult != 4096 || w.Latency != 800*time.Millisecond || w.Price.PerQuery != 0.001 {
		t.Errorf("weather is %+v", w)
	}
	if got := string(w.Schema); got != `{"type": "object", "properties": {"town": {"type": "string"}, "units": {"enum": ["metric", "imperial"]}}, "required": ["town"], "additionalProperties": false}` {
		t.Errorf("its schema is %s", got)
	}
	m := c.models["large"]
	if m.Price.Input != 1.25e-6 || m.Price.Output != 1e-5 || *m.Price.CacheRead != 1.25e-7 || string(m.Headers["X-Project"]) != "none" {
		t.Errorf("model large is %+v", m.Price)
	}
}

// TestExampleHasEveryKey keeps the documentation whole.
func TestExampleHasEveryKey(t *testing.T) {
	data, _ := os.ReadFile("testdata/tools.yaml")
	for _, s := range []any{&modelConfig{}, &common{}, &modelTool{}, &expertConfig{}, &codeConfig{}, &clockConfig{}, &filesConfig{}} {
		for _, f := range fieldsOf(s) {
			if !strings.Contains(string(data), f+":") && !slices.Contains([]string{"grammar", "allow_hosts"}, f) {
				t.Errorf("the example lacks the key %s", f)
			}
		}
	}
}

func TestFaults(t *testing.T) {
	http := "tools:\n- name: x\n  type: http\n  description: d\n"
	object := "  parameters: {type: object, properties: {a: {type: string}}}\n"
	for _, c := range []struct{ name, text, line, want string }{
		{"empty", "", "", "empty"},
		{"two documents", "tools: []\n---\na: 1", "", "second document"},
		{"alias", "a: &x 1\nb: *x", ":1:", "aliases"},
		{"no tools", "version: 1", ":1:", "no tools"},
		{"version", "version: 2\ntools: [{type: clock}]", ":1:", "version"},
		{"unknown key", "tools:\n- type: clock\n  zon: UTC", ":3:", "did you mean zone?"},
		{"unknown type", "tools:\n- type: telnet", ":2:", "there are calculator"},
		{"not a list", "tools: {a: 1}", ":1:", "want a list"},
		{"twice", "tools:\n- type: clock\n  zone: UTC\n  zone: UTC", ":4:", "twice"},
		{"same name", "tools:\n- type: clock\n- type: clock", ":3:", "taken"},
		{"bad name", "tools:\n- {name: a b, type: clock}", ":2:", "letters"},
		{"bad zone", "tools:\n- {type: clock, zone: Mars/X}", ":2:", "zone"},
		{"duration", "tools:\n- type: clock\n  timeout: 20", ":3:", "unit"},
		{"size", "tools:\n- type: clock\n  max_result: big", ":3:", "bytes"},
		{"approval", "tools:\n- type: clock\n  approval: yes", ":3:", "auto, ask or deny"},
		{"number", "tools:\n- type: clock\n  price: {cost_per_second: cheap}", ":3:", "want a number"},
		{"negative price", "tools:\n- type: clock\n  price: {cost_per_second: -1}", ":2:", "below 0"},
		{"missing variable", http + "  url: http://${HOST_NAME}/", ":5:", "HOST_NAME is not set; export it"},
		{"open variable", http + "  url: http://${HOST/", ":5:", "without }"},
		{"odd variable", http + "  url: http://${a b}/", ":5:", "neither"},
		{"secret file", http + "  url: http://h.example/${file:none}", ":5:", "no such file"},
		{"literal key", "models:\n  m:\n    base_url: http://h.example/v1\n    model: m\n    api_key: sk-123\ntools: [{type: clock}]", ":5:", "stands in the file"},
		{"unknown model", "tools:\n- {name: x, type: model, description: d, model: nope}", ":2:", "not under models"},
		{"fallback", "models:\n  m: {base_url: http://h.example/v1, model: m, fallback: [n]}\ntools: [{type: clock}]", ":2:", "not another name"},
		{"no description", "tools:\n- {name: x, type: command, command: [ls]}", ":2:", "no description"},
		{"host argument", http + "  url: https://{a}.example.com/\n" + object, ":2:", "say which hosts"},
		{"whole URL", http + "  url: \"{a}\"\n" + object, ":2:", "hosts"},
		{"scheme", http + "  url: ftp://h.example/", ":2:", "scheme"},
		{"userinfo", http + "  url: http://u:p@h.example/", ":2:", "user name"},
		{"unknown argument", http + "  url: http://h.example/{b}\n" + object, ":2:", "no property"},
		{"path", http + "  url: http://h.example/\n  result: a.b", ":2:", "begins with $"},
		{"method", http + "  url: http://h.example/\n  method: TRACE", ":2:", "TRACE"},
		{"two bodies", http + "  url: http://h.example/\n  json: {}\n  body: x", ":2:", "at most"},
		{"retried POST", http + "  url: http://h.example/\n  method: POST\n  retries: 1", ":2:", "retries"},
		{"allow", http + "  url: http://h.example/\n  allow_hosts: [\"http://x\"]", ":2:", "allow_hosts"},
		{"schema", "tools:\n- {name: x, type: command, description: d, command: [ls], parameters: {type: string}}", ":2:", "object"},
		{"shell", "tools:\n- {name: x, type: command, description: d, command: ls -l}", ":2:", "want a list"},
		{"program argument", "tools:\n- {name: x, type: command, description: d, command: [\"{a}\"]}", ":2:", "first element"},
		{"both", "tools:\n- {name: x, type: mcp, command: [a], url: http://h.example}", ":2:", "either"},
		{"role", "tools:\n- {type: clock, role: judge}", ":2:", "role"},
		{"role of experts", "tools:\n- {type: clock, role: answer}", ":2:", "experts"},
		{"language", "tools:\n- {name: p, type: code, description: d, language: perl}", ":2:", "python"},
		{"json", `{"mcpServers": {"a": {"command": 5.5, "args": 1}}}`, ":1:", "want a list"},
		{"sse", "{\"mcpServers\":\n {\"a\": {\"type\": \"sse\", \"url\": \"http://h.example/\"}}}", ":2:", "sse"},
	} {
		_, err := Parse("t.yaml", []byte(c.text), env())
		if err == nil || !strings.Contains(err.Error(), "t.yaml"+c.line) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant t.yaml%s … %s", c.name, err, c.line, c.want)
		}
	}
}

func TestExpand(t *testing.T) {
	d := &decoder{lookup: env("A", "1", "EMPTY", "")}
	for in, want := range map[string]string{
		"${A}": "1", "x${A}y${env:A}": "x1y1", "$${A}": "${A}", "$5": "$5", "${B:-two}": "two", "${EMPTY:-e}": "e", "${B:-}": "",
	} {
		if got := d.expand(1, "v", in, false); got != want {
			t.Errorf("%s is %q, want %q", in, got, want)
		}
	}
	if err := d.err(); err != nil {
		t.Error(err)
	}
}

func TestMCPServersFile(t *testing.T) {
	c := parse(t, "{\n\t\"theme\": \"dark\",\n\t\"mcpServers\": {\n\t\t\"my server\": {\"command\": \"npx\", \"args\": [\"-y\", \"x\"],"+
		" \"env\": {\"API_TOKEN\": \"literal-token\", \"LEVEL\": \"verbose\"}, \"icon\": \"\\ud83d\\ude00\", \"autoApprove\": [\"echo\"]},\n"+
		"\t\t\"off\": {\"command\": \"x\", \"disabled\": true},\n"+
		"\t\t\"web\": {\"type\": \"http\", \"url\": \"https://mcp.example/mcp\", \"headers\": {\"Authorization\": \"Bearer ${TOK}\"}}}}", "TOK", "from-env")
	if len(c.tools) != 2 || c.tools[0].Name != "my_server" || c.tools[1].Name != "web" {
		t.Fatalf("tools %v", c.tools)
	}
	if s := c.tools[0].spec.(*mcpConfig); strings.Join(s.Command, " ") != "npx -y x" || *s.Prefix != "my_server_" || s.auto[0] != "echo" {
		t.Errorf("the first is %+v", s)
	}
	for _, s := range []string{"literal-token", "from-env"} {
		if !slices.Contains(c.secrets, s) {
			t.Errorf("%s is not a secret", s)
		}
	}
	if slices.Contains(c.secrets, "verbose") {
		t.Error("a level is a secret")
	}
	if notes := strings.Join(c.Notes, "\n"); !strings.Contains(notes, ":2: the file: the key theme") || !strings.Contains(notes, "icon") || !strings.Contains(notes, "off is disabled") {
		t.Errorf("notes %s", notes)
	}
}

func FuzzParse(f *testing.F) {
	data, _ := os.ReadFile("testdata/tools.yaml")
	f.Add(data)
	f.Add([]byte(`{"mcpServers": {"a": {"command": "x"}}}`))
	f.Add([]byte("tools:\n- {type: http, name: x, url: \"http://{a}/${B}\", query: {a: \"{b\"}}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse("t", b, env())
		if err == nil && len(c.tools) == 0 {
			t.Error("neither tools nor an error")
		}
	})
}
