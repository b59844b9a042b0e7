package schema

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"orchrt/sampler/grammar/formula"
	"orchrt/sampler/grammar/value"
)

// group is one line of the conformance data: a schema and instances.
type group struct {
	Name   string
	Schema json.RawMessage
	Tests  []struct {
		Valid bool
		Data  json.RawMessage
	}
}

// lines returns the lines of a file of shared/schemas.
func lines(tb testing.TB, name string) [][]byte {
	tb.Helper()
	f, err := os.Open(filepath.Join("..", "..", "..", "..", "shared", "schemas", name))
	if err != nil {
		tb.Skipf("conformance data is absent: %v", err)
	}
	defer f.Close()
	z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
	if err != nil {
		tb.Fatal(err)
	}
	defer z.Close()
	text, err := io.ReadAll(z)
	if err != nil {
		tb.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(text), []byte("\n"))
}

func groups(tb testing.TB, name string) []group {
	tb.Helper()
	var list []group
	for _, line := range lines(tb, name) {
		var g group
		if err := json.Unmarshal(line, &g); err != nil {
			tb.Fatal(err)
		}
		list = append(list, g)
	}
	return list
}

func parse(tb testing.TB, text []byte) value.Value {
	tb.Helper()
	v, err := value.Parse(bytes.TrimSpace(text), value.Limits{})
	if err != nil {
		tb.Fatalf("%v in %.200s", err, text)
	}
	return v
}

// remotes are the documents that the test suite refers to.
func remotes(tb testing.TB) map[string]value.Value {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "remotes.txt"))
	if err != nil {
		tb.Fatal(err)
	}
	m := map[string]value.Value{}
	for line := range strings.Lines(string(text)) {
		uri, doc, _ := strings.Cut(line, " ")
		m[uri] = parse(tb, []byte(doc))
	}
	return m
}

// judge decides about values under one schema.
type judge struct {
	d  *direct
	df formula.F
	sp *formula.Space
	f  formula.F
}

// newJudge compiles a schema twice: into plain functions and into a formula.
func newJudge(tb testing.TB, schema []byte, opt Options) (*judge, error) {
	tb.Helper()
	doc := parse(tb, schema)
	j := &judge{d: newDirect(), sp: newSpace()}
	var err error
	if j.df, err = compile(j.d, j.d.rx, &doc, opt); err != nil {
		return nil, err
	}
	j.f, err = Compile(j.sp, doc, opt)
	return j, err
}

// holds returns the verdict of the functions, which the formula must share.
func (j *judge) holds(tb testing.TB, v *value.Value) bool {
	tb.Helper()
	want := j.d.eval(j.df, v)
	if got := formula.Eval(j.sp, j.f, *v); got != want || j.sp.Err() != nil {
		tb.Errorf("formula holds: %v, must be %v (%v)", got, want, j.sp.Err())
	}
	return want
}

const suiteFile = "json-schema-test-suite.jsonl.zst"

func TestSuite(t *testing.T) {
	opt := Options{FormatAnnotation: true, Remotes: remotes(t)}
	tests := 0
	for _, g := range groups(t, suiteFile) {
		j, err := newJudge(t, g.Schema, opt)
		if err != nil {
			t.Errorf("%s: %v", g.Name, err)
			continue
		}
		for i, c := range g.Tests {
			tests++
			v := parse(t, c.Data)
			if got := j.holds(t, &v); got != c.Valid {
				t.Errorf("%s: test %d: %s is valid: %v, must be %v", g.Name, i, c.Data, got, c.Valid)
			}
		}
	}
	t.Logf("%d tests", tests)
}

// TestSuiteCompiles compiles the suite into formulas of package formula.
func TestSuiteCompiles(t *testing.T) {
	opt := Options{FormatAnnotation: true, Remotes: remotes(t)}
	for _, g := range groups(t, suiteFile) {
		sp := newSpace()
		if _, err := Compile(sp, parse(t, g.Schema), opt); err != nil {
			t.Errorf("%s: %v", g.Name, err)
		}
	}
}

const maskBenchFile = "maskbench-sample.jsonl.zst"

// byText are the schemas with an instance that is labelled by the text of a
// number: in draft-04 12345.0 is no integer. Here it is, as in later drafts.
var byText = map[string]bool{"Github_easy---o24544.json": true}

func TestMaskBench(t *testing.T) {
	list := groups(t, maskBenchFile)
	if testing.Short() {
		list = list[:len(list)/10]
	}
	for _, g := range list {
		j, err := newJudge(t, g.Schema, Options{})
		if err != nil {
			t.Errorf("%s: %v", g.Name, err)
			continue
		}
		for i, c := range g.Tests {
			v := parse(t, c.Data)
			if got := j.holds(t, &v); got != c.Valid && !byText[g.Name] {
				t.Errorf("%s: instance %d is valid: %v, must be %v", g.Name, i, got, c.Valid)
			}
		}
	}
}

func newSpace() *formula.Space { return formula.NewSpace(nil) }

func TestToolCalls(t *testing.T) {
	const name = "tool-calls.jsonl.zst"
	tools := 0
	for _, text := range lines(t, name) {
		var entry struct {
			Name  string
			Tools []struct {
				Function struct {
					Name       string
					Parameters json.RawMessage
				}
			}
			Calls []struct {
				Name      string
				Arguments json.RawMessage
			}
		}
		if err := json.Unmarshal(text, &entry); err != nil {
			t.Fatal(err)
		}
		judges := map[string]*judge{}
		for _, tool := range entry.Tools {
			j, err := newJudge(t, tool.Function.Parameters, Options{})
			if err != nil {
				t.Errorf("%s: %s: %v", entry.Name, tool.Function.Name, err)
				continue
			}
			judges[tool.Function.Name] = j
			tools++
		}
		for _, call := range entry.Calls {
			v := parse(t, call.Arguments)
			if j := judges[call.Name]; j != nil && !j.holds(t, &v) {
				t.Errorf("%s: %s: %s is refused", entry.Name, call.Name, call.Arguments)
			}
		}
	}
	t.Logf("%d tools", tools)
}
