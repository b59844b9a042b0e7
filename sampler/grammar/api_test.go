package grammar

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestConfigErrors(t *testing.T) {
	eos := []int32{imEnd}
	for _, c := range []struct {
		config Config
		field  string
	}{
		{Config{}, "EOS"},
		{Config{EOS: []int32{5}}, "EOS"},
		{Config{EOS: []int32{151936}}, "EOS"},
		{Config{EOS: []int32{151658}}, "EOS"},
		{Config{EOS: eos, Choice: Required}, "Choice"},
		{Config{EOS: eos, Choice: 9}, "Choice"},
		{Config{EOS: eos, Style: 9}, "Style"},
		{Config{EOS: eos, Tools: tools, Choice: Required, Allowed: []string{}}, "Choice"},
		{Config{EOS: eos, Tools: tools, Choice: Named, Name: "then"}, "Name"},
		{Config{EOS: eos, Tools: tools, Choice: Named, Name: "now", Allowed: []string{"get_weather"}}, "Name"},
		{Config{EOS: eos, Tools: tools, Allowed: []string{"then"}}, "Allowed"},
		{Config{EOS: eos, Tools: []Tool{now, now}}, "Tools[1].Name"},
		{Config{EOS: eos, Tools: []Tool{{}}}, "Tools[0].Name"},
		{Config{EOS: eos, Tools: []Tool{{Name: "\xff"}}}, "Tools[0].Name"},
	} {
		_, err := qwenVocabulary().Compile(c.config)
		var e *ConfigError
		if !errors.As(err, &e) || e.Field != c.field {
			t.Errorf("%+v: error %v, want one of %s", c.config, err, c.field)
		}
	}
}

func TestSchemaErrors(t *testing.T) {
	for _, c := range []struct {
		schema, path, keyword string
		strict, fails         bool
	}{
		{`{"properties": {"a": {"type": "strin"}}}`, "/properties/a", "type", true, true},
		{`{"properties": {"a": {"pattern": "(a)\\1"}}}`, "/properties/a", "pattern", true, true},
		{`{"properties": {"a": {"pattern": "(a)\\1"}}}`, "/properties/a", "pattern", false, false},
		{`{"$ref": "https://example.com/other.json"}`, "", "$ref", true, true},
		{`{"type": "string"}`, "", "", true, true},
		{`{"type": "object"`, "", "", false, true},
		{`7`, "", "", true, true},
	} {
		tool := Tool{Name: "f", Parameters: json.RawMessage(c.schema), Strict: c.strict}
		turn, err := qwenVocabulary().Compile(Config{EOS: []int32{imEnd}, Tools: []Tool{now, tool}})
		if !c.fails {
			if err != nil {
				t.Errorf("%s: %v", c.schema, err)
				continue
			}
			w := turn.Warnings()
			if len(w) != 1 || w[0].Tool != "f" || w[0].Path != c.path || w[0].Keyword != c.keyword || w[0].Reason == "" {
				t.Errorf("%s: warnings %v", c.schema, w)
			}
			continue
		}
		var e *SchemaError
		if !errors.As(err, &e) || e.Tool != "f" || e.Path != c.path || e.Keyword != c.keyword || e.Reason == "" {
			t.Errorf("%s: error %#v, want one at %q, %s", c.schema, err, c.path, c.keyword)
		}
	}
}

// TestMisspelt has a tool that is not strict with types by other names: they
// are enforced, and the warning says how they are read.
func TestMisspelt(t *testing.T) {
	tool := Tool{Name: "f", Parameters: json.RawMessage(`{"type": "dict", "properties": {"n": {"type": "float"}}, "required": ["n"]}`)}
	turn := compile(t, Config{Tools: []Tool{tool}, Choice: Required})
	w := turn.Warnings()
	if len(w) != 1 || w[0].Tool != "f" || w[0].Keyword != "type" || w[0].Meaning != `"object"` || w[0].More != 1 {
		t.Fatalf("%+v", w)
	}
	for arguments, valid := range map[string]bool{`{"n": 1.5}`: true, `{"n": "x"}`: false, `{}`: false} {
		if err := callF(t, turn, arguments); (err == nil) != valid {
			t.Errorf("%s: %v", arguments, err)
		}
	}
	tool.Strict = true
	var e *SchemaError
	if _, err := qwenVocabulary().Compile(Config{EOS: []int32{imEnd}, Tools: []Tool{tool}}); !errors.As(err, &e) || e.Keyword != "type" {
		t.Errorf("strict: %v", err)
	}
}

// callF has a turn make a call of the tool f and returns the error that it meets.
func callF(t *testing.T, turn *Turn, arguments string) error {
	t.Helper()
	m, err := turn.Matcher(encode(t, noThinking), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range encode(t, "<tool_call>\n{\"name\": \"f\", \"arguments\": "+arguments+"}\n</tool_call>") {
		if err := m.Accept(id); err != nil {
			return err
		}
	}
	return nil
}

// TestNullable has a tool with OpenAPI 3.0's nullable: null is of the type where the
// tool is not strict, and refused as JSON Schema has it where it is; the warning
// says which.
func TestNullable(t *testing.T) {
	schema := `{"type": "object", "properties": {"n": {"type": "integer", "nullable": true}, "e": {"type": "string", "enum": ["x"], "nullable": true},
		"m": {"nullable": true, "type": ["string", "null"]}, "o": {"type": "string", "nullable": false}}}`
	for _, strict := range []bool{false, true} {
		turn := compile(t, Config{Tools: []Tool{{Name: "f", Parameters: json.RawMessage(schema), Strict: strict}}, Choice: Required})
		w := turn.Warnings()
		if len(w) != 1 || w[0].Path != "/properties/n" || w[0].Keyword != "nullable" || w[0].More != 1 || strings.Contains(w[0].Meaning, "refused") != strict {
			t.Fatalf("strict %v: %+v", strict, w)
		}
		for arguments, valid := range map[string]bool{
			`{"n": 1}`: true, `{"n": null}`: !strict, `{"n": "x"}`: false,
			`{"e": "x"}`: true, `{"e": null}`: false, `{"m": null}`: true, `{"o": null}`: false,
		} {
			if err := callF(t, turn, arguments); (err == nil) != valid {
				t.Errorf("strict %v: %s: %v", strict, arguments, err)
			}
		}
	}
}

// TestGeneric follows a call of a tool whose schema is not enforced.
func TestUnsatisfiable(t *testing.T) {
	for schema, want := range map[string]bool{
		`false`:                           true,
		`{"type": "string", "enum": [1]}`: true,
		`{"minLength": 1000000000, "type": "string"}`: false,
		`{"type": "strin"}`:                           false,
	} {
		_, err := qwenVocabulary().CompileSchema([]byte(schema), SchemaOptions{Strict: true, EOS: []int32{imEnd}})
		if e := (*SchemaError)(nil); !errors.As(err, &e) || e.Unsatisfiable != want {
			t.Errorf("%s: error %v", schema, err)
		}
	}
}

func TestGeneric(t *testing.T) {
	tool := Tool{Name: "f", Parameters: json.RawMessage(`{"properties": {"a": {"pattern": "(a)\\1"}}}`)}
	m, err := compile(t, Config{Tools: []Tool{tool}}).Matcher(encode(t, asked), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range encode(t, "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": {\"b\": [1]}}}\n</tool_call>"+end) {
		if err := m.Accept(id); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCached(t *testing.T) {
	c := Config{EOS: []int32{imEnd}, Tools: tools}
	a, err := qwenVocabulary().Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	b, err := qwenVocabulary().Compile(c)
	if err != nil {
		t.Fatal(err)
	}
	if a != b {
		t.Error("the same configuration was compiled twice")
	}
	c.Choice = Required
	if b, err = qwenVocabulary().Compile(c); err != nil {
		t.Fatal(err)
	}
	if a == b {
		t.Error("another configuration was not compiled")
	}
	if !slices.Equal(a.units, b.units) {
		t.Error("the tools of another configuration were compiled anew")
	}
}

func TestLRU(t *testing.T) {
	c := newLRU[int](3, 100)
	for i, key := range strings.Split("a b c a d b big a", " ") {
		size := 10
		if key == "big" {
			size = 85
		}
		if v, ok := c.get(key); ok {
			if want := strings.Index("abcd", key); v%10 != want {
				t.Fatalf("%s is %d", key, v)
			}
			continue
		}
		c.put(key, i*10+strings.Index("abcd", key), size)
	}
	for key, want := range map[string]bool{"a": true, "b": false, "c": false, "d": false, "big": true} {
		if _, ok := c.get(key); ok != want {
			t.Errorf("%s is kept: %v", key, ok)
		}
	}
	if c.put("huge", 1, 101); len(c.slots) != 2 || c.size != 95 {
		t.Errorf("%d entries of %d bytes", len(c.slots), c.size)
	}
}

// TestRollback compares masks before a few tokens and after they were taken
// back, and a fork with what it was forked from.
func TestRollback(t *testing.T) {
	words := (qwenVocabulary().Size() + 63) / 64
	for _, c := range turns {
		m, err := compile(t, c.config).Matcher(encode(t, c.prompt), 200)
		if err != nil {
			t.Fatal(err)
		}
		output, _, _ := strings.Cut(c.output, "␄")
		ids := encode(t, output)
		var before [][]uint64
		var phases []Phase
		for _, id := range ids {
			before = append(before, slices.Clone(m.Allowed(make([]uint64, words))))
			phases = append(phases, m.Phase())
			if err := m.Accept(id); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
		}
		fork := m.Fork()
		for _, n := range []int{1, 3, 7, len(ids)} {
			if n = min(n, len(ids)); n == 0 {
				continue
			}
			if err := m.Rollback(n); err != nil {
				t.Fatal(err)
			}
			at := len(ids) - n
			if got := m.Allowed(make([]uint64, words)); !slices.Equal(got, before[at]) || m.Phase() != phases[at] {
				t.Errorf("%s: after %d tokens were taken back, the mask is another", c.name, n)
			}
			for _, id := range ids[at:] {
				if err := m.Accept(id); err != nil {
					t.Fatal(err)
				}
			}
		}
		if m.Rollback(len(ids)+1) == nil || m.Rollback(-1) == nil {
			t.Error("more was taken back than there is")
		}
		if fork.Done() != m.Done() || fork.count != m.count {
			t.Errorf("%s: the fork moved with the matcher", c.name)
		}
	}
}

// TestConcurrent draws turns of the same tools at the same time.
func TestConcurrent(t *testing.T) {
	turn := compile(t, Config{Tools: tools, Choice: Required})
	prompt := encode(t, noThinking)
	var wait sync.WaitGroup
	for i := range 4 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			d := newDrawer(uint64(i))
			for range 8 {
				m, err := turn.Matcher(prompt, 60)
				if err != nil {
					t.Error(err)
					return
				}
				for n := 0; !m.Done() && n < 60; n++ {
					id, ok := d.draw(m)
					if !ok {
						t.Error("no token is allowed")
						return
					}
					if err := m.Accept(id); err != nil {
						t.Error(err)
						return
					}
				}
				if !m.Done() {
					t.Error("the turn is cut")
				}
			}
		}()
	}
	wait.Wait()
}

// TestFreeShared checks that thinking and text cost nothing: one set that is shared.
func TestFreeShared(t *testing.T) {
	m, err := compile(t, Config{Tools: tools}).Matcher(encode(t, inThinking), 1000)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]uint64, (qwenVocabulary().Size()+63)/64)
	n := testing.AllocsPerRun(100, func() {
		if set := m.Allowed(buf); &set[0] == &buf[0] {
			t.Fatal("the set was copied")
		}
		if err := m.Accept(1000); err != nil {
			t.Fatal(err)
		}
		if m.Forced(nil) != nil {
			t.Fatal("thinking is forced")
		}
	})
	if n != 0 || len(m.path) != 1+m.start-1 {
		t.Errorf("%v allocations for a token, %d steps", n, len(m.path))
	}
}
