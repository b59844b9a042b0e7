package tools

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"orchrt/orchestrate"
)

func TestClock(t *testing.T) {
	s := open(t, "tools: [{type: clock, zone: Asia/Tokyo}]")
	for args, want := range map[string]string{`{}`: "+0900 (Asia/Tokyo", `{"zone":"UTC"}`: "+0000 (UTC"} {
		if r, err := call1(t, s, "clock", args); err != nil || !strings.Contains(strings.ReplaceAll(r.Text, ":00 (", "00 ("), want) {
			t.Errorf("%s: %q, %v", args, r.Text, err)
		}
	}
	_, err := call1(t, s, "clock", `{"zone":"../../etc/passwd"}`)
	fails(t, err, orchestrate.Invalid, "unknown")
	at := time.Date(2026, 1, 1, 13, 4, 5, 0, time.UTC)
	if got := clockText(at, "UTC"); got != "Thursday 2026-01-01 13:04:05 +00:00 (UTC, week 1 of 2026)" {
		t.Errorf("got %s", got)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		p := filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(p), 0o755)
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("root/a.md", "Hello World\nsecond\nthird hello\n")
	write("root/sub/b.txt", "nothing\n")
	write("root/.hidden", "hello hidden\n")
	write("root/binary", "hello\x00\n")
	write("root/long.txt", strings.Repeat("x", 5000)+"needle\n")
	write("outside.txt", "hello outside\n")
	for link, to := range map[string]string{"root/link.md": "../outside.txt", "root/up": "..", "root/abs": filepath.Join(dir, "outside.txt")} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, fmt.Sprintf("tools: [{type: files, folder: %q}]", filepath.Join(dir, "root")))
	for args, want := range map[string]string{
		`{"text":"HELLO"}`:                    "a.md:1: Hello World\na.md:3: third hello\n",
		`{"glob":"*.txt"}`:                    "long.txt\nsub/b.txt\n",
		`{"glob":"sub/*"}`:                    "sub/b.txt\n",
		`{"text":"hello","glob":"*.txt"}`:     "nothing found\n",
		`{"read":"a.md","from":2}`:            "2\tsecond\n3\tthird hello\n",
		`{"read":"./sub/../a.md","limit":1}`:  "1\tHello World\n[… more lines; go on with from: 2]\n",
		`{"text":"hello","limit":1}`:          "a.md:1: Hello World\n[… there may be more: narrow the search, or raise limit]\n",
		`{"text":"needle","glob":"long.txt"}`: "long.txt:1: " + strings.Repeat("x", 300) + " […]\n",
	} {
		if r, err := call1(t, s, "file_search", args); err != nil || r.Text != want {
			t.Errorf("%s: %q, %v; want %q", args, r.Text, err, want)
		}
	}
	for _, name := range []string{"../outside.txt", "link.md", "abs", "up/outside.txt", "/etc/passwd", filepath.Join(dir, "outside.txt"), "sub", "none"} {
		_, err := call1(t, s, "file_search", fmt.Sprintf(`{"read":%q}`, name))
		fails(t, err, orchestrate.Failed, "cannot be read")
	}
	_, err := call1(t, s, "file_search", `{"read":".hidden"}`)
	fails(t, err, orchestrate.Refused, "hidden")
	_, err = call1(t, s, "file_search", `{"read":"binary"}`)
	fails(t, err, orchestrate.Failed, "not text")
	_, err = call1(t, s, "file_search", `{"glob":"["}`)
	fails(t, err, orchestrate.Invalid, "pattern")
}

func TestCode(t *testing.T) {
	c := parse(t, "tools: [{name: p, type: code, description: d}]")
	if _, err := c.Open(t.Context(), Env{}); err == nil || !strings.Contains(err.Error(), "not in this build") {
		t.Errorf("got %v", err)
	}
	if r := c.Check(t.Context(), Env{}); r[0].OK || !strings.Contains(r[0].Detail, "not in this build") {
		t.Errorf("got %+v", r)
	}
	runner := fakeRunner{}
	s, err := c.Open(t.Context(), Env{Code: runner})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if r, err := call1(t, s, "p", `{"code":"1"}`); err != nil || r.Text != `python required {"code":"1"}` {
		t.Errorf("%q, %v", r.Text, err)
	}
}
