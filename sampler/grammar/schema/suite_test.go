package schema

import (
	"bufio"
	"bytes"
	"encoding/json"
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

// groups reads a file of shared/schemas.
func groups(tb testing.TB, name string) []group {
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
	sc := bufio.NewScanner(z)
	sc.Buffer(make([]byte, 1<<20), 1<<26)
	var list []group
	for sc.Scan() {
		var g group
		if err := json.Unmarshal(sc.Bytes(), &g); err != nil {
			tb.Fatal(err)
		}
		list = append(list, g)
	}
	if err := sc.Err(); err != nil {
		tb.Fatal(err)
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

// judge compiles a schema into functions and returns what decides about values.
func judge(tb testing.TB, schema []byte, opt Options) (func(v *value.Value) bool, error) {
	tb.Helper()
	doc := parse(tb, schema)
	d := newDirect(1 << 40)
	f, err := compile(d, d.rx, &doc, opt)
	return func(v *value.Value) bool { return d.eval(f, v) }, err
}

const suiteFile = "json-schema-test-suite.jsonl.zst"

func TestSuite(t *testing.T) {
	opt := Options{FormatAnnotation: true, Remotes: remotes(t)}
	tests := 0
	for _, g := range groups(t, suiteFile) {
		holds, err := judge(t, g.Schema, opt)
		if err != nil {
			t.Errorf("%s: %v", g.Name, err)
			continue
		}
		for i, c := range g.Tests {
			tests++
			v := parse(t, c.Data)
			if got := holds(&v); got != c.Valid {
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

func TestMaskBench(t *testing.T) {
	list := groups(t, maskBenchFile)
	if testing.Short() {
		list = list[:len(list)/10]
	}
	for _, g := range list {
		holds, err := judge(t, g.Schema, Options{})
		if err != nil {
			t.Errorf("%s: %v", g.Name, err)
			continue
		}
		for i, c := range g.Tests {
			v := parse(t, c.Data)
			if got := holds(&v); got != c.Valid {
				t.Errorf("%s: instance %d is valid: %v, must be %v", g.Name, i, got, c.Valid)
			}
		}
	}
}

func newSpace() *formula.Space { return formula.NewSpace(nil) }
