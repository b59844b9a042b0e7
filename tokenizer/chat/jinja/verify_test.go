//go:build verify

package jinja

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// generator writes random templates of few names and many operators.
type generator struct{ r *rand.Rand }

func (g *generator) pick(list ...string) string { return list[g.r.IntN(len(list))] }

func (g *generator) expr(depth int) string {
	if depth == 0 {
		return g.pick("1", "2", "0", "-3", "2.5", "'a'", "'bc'", "''", "none", "true", "false", "user", "items", "nosuch", "[1, 2]", "('x', 1)", "{'k': 1}", "'a b  c'")
	}
	e := func() string { return g.expr(g.r.IntN(depth)) }
	switch g.r.IntN(13) {
	case 0, 1:
		return e() + " " + g.pick("+", "-", "*", "//", "%", "/", "**", "~", "~") + " " + e()
	case 2:
		return e() + " " + g.pick("==", "!=", "<", ">", "<=", ">=", "in", "not in") + " " + e()
	case 3:
		return e() + " " + g.pick("and", "or") + " " + e()
	case 4:
		return "not " + e()
	case 5:
		return "(" + e() + ")"
	case 6:
		return e() + " if " + e() + g.pick(" else "+e(), "")
	case 7:
		return e() + " is " + g.pick("", "not ") + g.pick("defined", "none", "string", "number", "odd", "in items", "true", "eq 1", "divisibleby(2)", "mapping", "iterable", "sameas true")
	case 8:
		return e() + " | " + g.pick("upper", "length", "default('d')", "string", "tojson", "list", "first", "last", "join(',')", "int", "abs", "sort", "reverse | list", "trim", "replace('a', 'b')", "title", "unique | list", "sum", "max", "default(1, true)")
	case 9:
		return "(" + e() + ")" + g.pick("[0]", "[-1]", "[1:]", "[::-1]", "[:2]", "['k']", ".k", "[::2]")
	case 10:
		return g.pick("user", "'a b c'", "items[0]", "('x' ~ user)") + g.pick(".upper()", ".split()", ".split('b')", ".strip('u')", ".startswith('u')", ".replace('<', '')", ".find('b')", ".title()", "[1]")
	case 11:
		return "[" + e() + ", " + e() + "]"
	}
	return "-" + e()
}

func (g *generator) template() string {
	s := g.pick("", " ", "\n", "x\n  ", "  ")
	mark := func() string { return g.pick("", "-", "") }
	switch g.r.IntN(6) {
	case 0:
		return fmt.Sprintf("%s{%%%s if (%s) %s%%}\n y {%% else %%}\n z{%%%s endif %%}\n end", s, mark(), g.expr(2), mark(), mark())
	case 1:
		return fmt.Sprintf("%s{%%%s for x in (%s) %s%%}%s{{ x }}{{ loop.index }}{%% else %%}none{%% endfor %%}", s, mark(), g.expr(2), mark(), s)
	case 2:
		return fmt.Sprintf("{%% set v = %s %%}\n%s{{ v }}", g.expr(3), s)
	}
	return fmt.Sprintf("%s{{%s %s %s}}%s", s, mark(), g.expr(4), mark(), s)
}

// TestVerifyRandomTemplates compares with jinja2: the same text, or an error
// from both.
func TestVerifyRandomTemplates(t *testing.T) {
	python := os.Getenv("ORCHRT_VERIFY_PYTHON")
	if python == "" {
		python, _ = filepath.Abs("../../../.verify/venv/bin/python")
	}
	g := &generator{rand.New(rand.NewPCG(11, 12))}
	var input bytes.Buffer
	var sources []string
	for range 8000 {
		s := g.template()
		sources = append(sources, s)
		line, _ := json.Marshal(s)
		input.Write(append(line, '\n'))
	}
	cmd := exec.Command(python, "testdata/render.py")
	cmd.Stdin, cmd.Stderr = &input, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v; make verify installs it", python, err)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	same, refused, failed := 0, 0, 0
	for _, source := range sources {
		if !lines.Scan() {
			t.Fatal("the reference gave too few lines")
		}
		var want struct{ Out, Error string }
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		got, err := render(source)
		switch {
		case err != nil && want.Error != "":
			refused++
		case err != nil && strings.Contains(err.Error(), "combined with %"):
			refused++ // formatting with % is not supported
		case err != nil && strings.Contains(err.Error(), "cannot be sliced"):
			refused++ // jinja2 makes it undefined or an error, as its optimizer has it
		case err != nil && strings.Contains(err.Error(), `near "not"`):
			refused++ // after an operator, "not" is a name in jinja2
		case err == nil && (strings.HasPrefix(want.Error, "TemplateSyntaxError") || strings.HasPrefix(want.Error, "UndefinedError: 'not'") ||
			strings.HasPrefix(want.Error, "UndefinedError: 'if'") ||
			strings.HasPrefix(want.Error, "TypeError: test_")):
			refused++ // what follows a test is its argument in jinja2, even a keyword
		case err == nil && want.Error == "" && got == want.Out:
			same++
		default:
			if failed++; failed <= 20 {
				t.Errorf("%q:\n got %q, %v\nwant %q, %s", source, got, err, strings.TrimSpace(want.Out), want.Error)
			}
		}
	}
	t.Logf("%d rendered alike, %d refused by both, %d differ", same, refused, failed)
	if same < 3500 {
		t.Errorf("only %d templates rendered", same)
	}
}
