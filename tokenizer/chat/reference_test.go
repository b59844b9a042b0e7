package chat

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"orchrt/tokenizer/chat/jinja"
)

// referenceCase is one line of testdata/reference.py.
type referenceCase struct {
	Template string  `json:"template"`
	Body     string  `json:"body"`
	Prompt   string  `json:"prompt"`
	Error    string  `json:"error"`
	IDs      []int32 `json:"ids"`
	Plain    bool    `json:"plain"`
}

func loadTemplate(t testing.TB, name string) *Template {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", "templates", name))
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := New(string(source), Options{BOS: "<s>", EOS: "</s>"})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return tmpl
}

// checkReference compares our rendering of every line with the reference's, and
// returns how many conversations of each template were compared. check is
// called with each prompt that came out right.
func checkReference(t *testing.T, lines io.Reader, check func(c *referenceCase, p Prompt)) map[string]int {
	t.Helper()
	templates := make(map[string]*Template)
	interpreted := make(map[string]*Template) // Qwen3's, through the interpreter
	counts := make(map[string]int)
	dec := json.NewDecoder(bufio.NewReader(lines))
	for failed := 0; failed < 5; {
		var c referenceCase
		if err := dec.Decode(&c); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		tmpl := templates[c.Template]
		if tmpl == nil {
			tmpl = loadTemplate(t, c.Template)
			templates[c.Template] = tmpl
			if tmpl.Native() {
				interpreted[c.Template] = interpret(t, c.Template)
			}
		}
		p, ok := compareCase(t, &c, tmpl)
		if twin := interpreted[c.Template]; twin != nil && ok {
			_, ok = compareCase(t, &c, twin)
		}
		if !ok {
			failed++
			continue
		}
		counts[c.Template]++
		if check != nil && c.Error == "" {
			check(&c, p)
		}
	}
	return counts
}

// interpret returns a template as the interpreter runs it.
func interpret(t testing.TB, name string) *Template {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("testdata", "templates", name))
	if err != nil {
		t.Fatal(err)
	}
	program, err := jinja.New(string(source), jinja.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return &Template{program: program, opts: Options{BOS: "<s>", EOS: "</s>"}}
}

func compareCase(t *testing.T, c *referenceCase, tmpl *Template) (Prompt, bool) {
	t.Helper()
	r, err := ParseRequest([]byte(c.Body))
	if err != nil {
		t.Errorf("%s: request refused: %v\n%s", c.Template, err, c.Body)
		return Prompt{}, false
	}
	p, err := tmpl.Render(r)
	var raised *jinja.Error
	switch {
	case c.Error != "":
		if err == nil || !errors.As(err, &raised) || raised.Raised && raised.Reason != c.Error {
			t.Errorf("%s: got error %v, the reference fails with %q\n%s", c.Template, err, c.Error, c.Body)
			return p, false
		}
		return p, true
	case err != nil:
		t.Errorf("%s: %v\n%s", c.Template, err, c.Body)
		return p, false
	}
	if got := p.String(); got != c.Prompt {
		i := 0
		for i < len(got) && i < len(c.Prompt) && got[i] == c.Prompt[i] {
			i++
		}
		from := max(0, i-80)
		t.Errorf("%s: differs at byte %d\ngot  …%q\nwant …%q\n%s", c.Template, i,
			got[from:min(len(got), i+80)], c.Prompt[from:min(len(c.Prompt), i+80)], c.Body)
		return p, false
	}
	return p, true
}

// TestGolden compares with prompts that transformers rendered; reference.py
// made them (see testdata/README.md).
func TestGolden(t *testing.T) {
	f, err := os.Open(filepath.Join("testdata", "golden.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	counts := checkReference(t, z, nil)
	for _, name := range []string{"qwen3-2025-04.jinja", "qwen3-2025-07.jinja", "chatml.jinja", "features.jinja",
		"hermes.jinja", "llama3.jinja", "mistral.jinja"} {
		if counts[name] < 30 {
			t.Errorf("%s: only %d conversations compared", name, counts[name])
		}
	}
}
