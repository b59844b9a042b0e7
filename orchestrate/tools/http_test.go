package tools

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"orchrt/orchestrate"
)

// api tells what it was asked.
func api(t *testing.T) *httptest.Server {
	t.Helper()
	tries := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case strings.HasPrefix(r.URL.Path, "/echo/"):
			fmt.Fprintf(w, "%s %s %s %s %s", r.Method, r.URL.RequestURI(), r.Header.Get("X-Key"), r.Header.Get("Content-Type"), body)
		case r.URL.Path == "/docs":
			fmt.Fprint(w, `{"items": [{"t": "one"}, {"t": "two"}, {"u": 3}], "n": {"deep": [1, 2]}}`)
		case r.URL.Path == "/busy":
			if tries++; tries < 3 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(503)
				return
			}
			fmt.Fprint(w, "at last")
		case r.URL.Path == "/redirect":
			http.Redirect(w, r, "http://169.254.169.254/", http.StatusFound)
		case r.URL.Path == "/long":
			fmt.Fprint(w, strings.Repeat("x", 5000))
		default:
			http.Error(w, "no such thing, X-Key is "+r.Header.Get("X-Key"), 404)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func TestHTTP(t *testing.T) {
	h := api(t)
	tools := func(keys string) *Set {
		return open(t, "tools:\n- name: x\n  type: http\n  description: d\n  headers: {X-Key: \"${KEY}\"}\n"+
			"  parameters: {type: object, properties: {a: {type: string}, b: {}, n: {type: integer, default: 7}}}\n"+strings.ReplaceAll(keys, "URL", h.URL), "KEY", "hunter2secret")
	}
	for _, c := range []struct{ keys, args, want string }{
		{"  url: URL/echo/{a}?q={b}", `{"a":"x/../y?z#&","b":"1&c=2"}`, "GET /echo/x%2F..%2Fy%3Fz%23&?q=1%26c%3D2 [secret]  "},
		{"  url: URL/echo/x\n  query: {q: \"{a}\", r: \"{b}\", n: \"{n}\"}", `{"a":"ü &"}`, "GET /echo/x?n=7&q=%C3%BC+%26 [secret]  "},
		{"  url: URL/echo/x\n  json: {q: [\"{a}\"], all: \"say {a}\", k: \"{n}\", none: \"{b}\"}", `{"a":"x\"y"}`,
			`POST /echo/x [secret] application/json {"q":["x\"y"],"all":"say x\"y","k":7}`},
		{"  url: URL/echo/x\n  form: {q: \"{a}\", r: \"{b}\"}", `{"a":"1&r=2"}`, "POST /echo/x [secret] application/x-www-form-urlencoded q=1%26r%3D2"},
		{"  url: URL/echo/x\n  method: PUT", `{"a":"v"}`, `PUT /echo/x [secret] application/json {"a":"v"}`},
		{"  url: URL/docs\n  result: $.items[*].t", `{}`, "one\ntwo"},
		{"  url: URL/docs\n  result: $['n'].deep[-1]", `{}`, "2"},
		{"  url: URL/docs\n  result: $.n", `{}`, `{"deep": [1, 2]}`},
		{"  url: URL/busy\n  retries: 3", `{}`, "at last"},
	} {
		if r, err := call1(t, tools(c.keys), "x", c.args); err != nil || r.Text != c.want {
			t.Errorf("%s with %s:\n%q, %v, want\n%q", c.keys, c.args, r.Text, err, c.want)
		}
	}
	for _, c := range []struct {
		keys, args string
		kind       orchestrate.ErrorKind
		want       string
	}{
		{"  url: URL/none", `{}`, orchestrate.Failed, "404 Not Found: no such thing, X-Key is [secret]"},
		{"  url: URL/echo/{a}", `{"a":".."}`, orchestrate.Invalid, "leave its place"},
		{"  url: URL/redirect", `{}`, orchestrate.Refused, "metadata"},
		{"  url: URL/docs\n  result: $.none", `{}`, orchestrate.Failed, "nothing at $.none"},
		{"  url: URL/long\n  result: $.none", `{}`, orchestrate.Failed, "not JSON"},
		{"  url: URL/long\n  max_body: 4KiB", `{}`, orchestrate.Failed, "longer than 4096"},
		{"  url: http://127.0.0.1:1/", `{}`, orchestrate.Unavailable, "connection refused"},
		{"  url: \"{a}\"\n  hosts: [\"*\"]", `{"a":"` + h.URL + `/docs"}`, orchestrate.Refused, "loopback"},
		{"  url: \"{a}\"\n  hosts: [\"*\"]", `{"a":"file:///etc/passwd"}`, orchestrate.Refused, "scheme"},
		{"  url: \"{a}\"\n  hosts: [\"*.example.com\"]", `{"a":"http://evil.example/"}`, orchestrate.Refused, "hosts"},
		{"  url: http://{a}.example.com/\n  hosts: [\"*.example.com\"]", `{"a":"evil.example/x?"}`, orchestrate.Invalid, "host"},
	} {
		_, err := call1(t, tools(c.keys), "x", c.args)
		fails(t, err, c.kind, c.want)
	}
	if r, _ := call1(t, tools("  url: URL/docs\n  result: $.items[*].t"), "x", `{}`); string(r.Data) != `["one","two"]` || r.Queries != 1 {
		t.Errorf("data is %s of %d queries", r.Data, r.Queries)
	}
	if r := parse(t, "tools: [{name: x, type: http, description: d, url: \""+h.URL+"/none\"}]").Check(t.Context(), Env{}); !r[0].OK {
		t.Errorf("check says %+v", r[0])
	}
}

func TestCommand(t *testing.T) {
	tools := func(keys string) *Set {
		return open(t, "tools:\n- name: x\n  type: command\n  description: d\n  parameters: {type: object, properties: {a: {}, n: {type: array}}}\n"+keys)
	}
	t.Setenv("MY_API_KEY", "sk-leaked-key")
	for _, c := range []struct{ keys, args, want string }{
		{"  command: [printf, \"<%s>\", \"{a}\"]", `{"a":"$(id); rm -rf / | cat"}`, "<$(id); rm -rf / | cat>"},
		{"  command: [printf, \"<%s>\", x, \"{a}\", \"{n}\"]", `{"n":["1","2 3"]}`, "<x><1><2 3>"},
		{"  command: [cat]\n  stdin: \"in: {a}\"", `{"a":"ü"}`, "in: ü"},
		{"  command: [sh, -c, \"env | grep -c KEY; cat /dev/null\"]", `{}`, "0\n"},
		{"  command: [sh, -c, 'echo $V']\n  env: {V: set}", `{}`, "set\n"},
		{"  command: [printf, \"%s\", --, \"{a}\"]", `{"a":"-n"}`, "---n"},
	} {
		if r, err := call1(t, tools(c.keys), "x", c.args); err != nil || r.Text != c.want || r.IsError {
			t.Errorf("%s with %s: %+v, %v, want %q", c.keys, c.args, r, err, c.want)
		}
	}
	_, err := call1(t, tools("  command: [ls, \"{a}\"]"), "x", `{"a":"--help"}`)
	fails(t, err, orchestrate.Invalid, "option")
	r, err := call1(t, tools("  command: [sh, -c, \"echo out; echo bad >&2; exit 3\"]"), "x", `{}`)
	if err != nil || !r.IsError || r.Text != "out\nsh failed: exit status 3\nbad\n" || r.Record["exit"] != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	// It ignores signals, and so does its child, which keeps the pipe open.
	_, err = call1(t, tools("  timeout: 300ms\n  command: [sh, -c, \"trap '' TERM INT HUP; sleep 60 & while :; do sleep 1; done\"]"), "x", `{}`)
	fails(t, err, orchestrate.Timeout, "too long")
	_, err = call1(t, tools("  max_output: 4KiB\n  command: [yes]"), "x", `{}`)
	fails(t, err, orchestrate.Failed, "wrote more than")
	r, err = call1(t, tools("  max_output: 100B\n  command: [seq, \"1000\"]"), "x", `{}`)
	if err != nil || r.Cut != 3893-100 || !strings.HasPrefix(r.Text, "1\n2\n") || !strings.HasSuffix(r.Text, "1000\n") || !strings.Contains(r.Text, "[… 3793 bytes left out …]") {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := parse(t, "tools: [{name: x, type: command, description: d, command: [no-such-program]}]").Open(t.Context(), Env{}); err == nil || !strings.Contains(err.Error(), "install it") {
		t.Errorf("got %v", err)
	}
}

func TestJSONPath(t *testing.T) {
	for _, s := range []string{"", "a", "$.", "$..a", "$[", "$[x]", "$['a", "$a", "$.a..b"} {
		if p, err := parsePath(s); err == nil {
			t.Errorf("%s is %v", s, p)
		}
	}
	doc := json.RawMessage(`{"a b": [1, {"c": "x"}, [2]], "a": {"z": 1, "y": 2}}`)
	for s, want := range map[string]string{"$": string(doc), "$['a b'][1].c": `"x"`, "$.a.*": "1 2", `$["a b"][*]`: `1 {"c": "x"} [2]`, "$.a[0]": "", "$['a b'][9]": "", "$['a b'][-3]": "1"} {
		p, err := parsePath(s)
		var got []string
		for _, v := range p.find(doc) {
			got = append(got, string(v))
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%s: %v, %v; want %s", s, got, err, want)
		}
	}
}
