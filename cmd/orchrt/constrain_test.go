package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"orchrt/sampler/grammar/score"
	"orchrt/testdata"
)

// vocabularyFile writes Qwen3's tokenizer.json into a temporary folder.
func vocabularyFile(t *testing.T) string {
	t.Helper()
	r, err := testdata.Qwen3Tokenizer()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	name := filepath.Join(t.TempDir(), "tokenizer.json")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.ReadFrom(r); err != nil {
		t.Fatal(err)
	}
	return name
}

const constrainCases = `{"name":"schema","schema":{"type":"object","properties":{"a":{"enum":["x","y"]}},"required":["a"],"additionalProperties":false},"tests":[{"valid":true,"data":{"a":"x"}},{"valid":false,"data":{"a":"z"}}]}
{"name":"tools","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]}}}],"calls":[{"name":"f","arguments":{"n":-3}}]}
{"name":"refused","schema":{"$ref":"http://example.com/"},"tests":[]}
{"name":"labelled wrongly","schema":{"type":"null"},"tests":[{"valid":true,"data":1},{"valid":false,"data":null}]}
`

func TestConstrain(t *testing.T) {
	model := vocabularyFile(t)
	in := filepath.Join(t.TempDir(), "cases.jsonl")
	if err := os.WriteFile(in, []byte(constrainCases), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(want int, args ...string) string {
		t.Helper()
		return standardOutput(t, func() {
			if code := runConstrain(t.Context(), append([]string{"--model", model, "--in", in}, args...)); code != want {
				t.Errorf("%q: exit status %d, want %d", args, code, want)
			}
		})
	}
	var p struct {
		Passed          int             `json:"passed"`
		Refused         int             `json:"refused"`
		ValidRefused    int             `json:"valid_refused"`
		InvalidAccepted int             `json:"invalid_accepted"`
		MaskUS          score.Quantiles `json:"mask_us"`
		CompileMS       score.Quantiles `json:"compile_ms"`
	}
	if err := json.Unmarshal([]byte(run(exitOK, "--json")), &p); err != nil {
		t.Fatal(err)
	}
	if p.Passed != 2 || p.Refused != 1 || p.ValidRefused != 1 || p.InvalidAccepted != 1 || p.MaskUS.Max <= 0 || p.CompileMS.Max <= 0 {
		t.Errorf("%+v", p)
	}
	if table := run(exitOK, "-v", "--style", "indent2", "--shuffle", "--mutate", "-j", "2"); !strings.Contains(table, "labelled wrongly") {
		t.Errorf("the case that fails is not listed:\n%s", table)
	}
	outputs := run(exitOK, "--fuzz", "4", "--seed", "9", "--judge")
	lines := strings.Split(strings.TrimSpace(outputs), "\n")
	if len(lines) < 12 || outputs != run(exitOK, "--fuzz", "4", "--seed", "9") {
		t.Errorf("%d outputs, or others with the same seed:\n%s", len(lines), outputs)
	}
	for _, line := range lines {
		var o score.Output
		if err := json.Unmarshal([]byte(line), &o); err != nil || o.Name == "" || len(o.Schema) == 0 || !json.Valid([]byte(o.Text)) {
			t.Errorf("%v: %s", err, line)
		}
	}
}

func TestConstrainUsage(t *testing.T) {
	for _, args := range [][]string{
		{}, {"--model", "m"}, {"--in", "c"}, {"--model", "m", "--in", "c", "--style", "wide"}, {"--model", "m", "--in", "c", "--judge"},
		{"--model", "m", "--in", "c", "--fuzz", "-1"}, {"--model", "m", "--in", "c", "--fuzz", "1", "--mutate"}, {"--model", "m", "--in", "c", "-j", "0"},
		{"--model", "m", "--in", "c", "--whitespace", "none"}, {"--model", "m", "--in", "c", "--timeout", "-1s"}, {"--model", "m", "--in", "c", "rest"}, {"--model", "m", "--in", "c", "--fuzz", "1", "--fuzz-limited", "0"},
	} {
		if code := runConstrain(t.Context(), args); code != exitUsage {
			t.Errorf("%q: exit status %d", args, code)
		}
	}
	if code := runConstrain(t.Context(), []string{"--model", "/does/not/exist.gguf", "--in", "c"}); code != exitFailed {
		t.Errorf("a missing model: exit status %d", code)
	}
}
